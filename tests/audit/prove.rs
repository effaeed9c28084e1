//! The mutants: every way of breaking this project's database is noticed.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{made_of, ours, report};
use crate::support::TestDb;

#[tokio::test]
async fn every_mutant_of_this_project_is_noticed() {
    let db = TestDb::new().await;
    let (code, report) = report("prove", &db.url("postgres"), &ours()).await;
    assert_eq!(report["survivors"], serde_json::json!([]));
    assert_eq!(report["mutants"], report["killed"]);
    assert!(report["mutants"].as_u64().unwrap() > 200, "{}", report["mutants"]);
    assert_eq!(code, Some(0));
    assert_eq!(report["inapplicable"], serde_json::json!([]));
    // A lint that no mutant woke would be one of which nothing here shows that it can fail.
    let idle: BTreeSet<&str> =
        report["idle_lints"].as_array().unwrap().iter().map(|lint| lint.as_str().unwrap()).collect();
    // Every tenant column here is part of a primary key, so no policy can be about those that are null.
    let cannot_be_broken = BTreeSet::from(["server-version", "null-tenant"]);
    let needs_17 = BTreeSet::from(["grant-maintain"]);
    assert!(idle.difference(&needs_17).all(|lint| cannot_be_broken.contains(lint)), "no mutant for {idle:?}");
    // No copy stays behind, once those of other tests are gone too.
    let superuser = db.superuser().await;
    let left = "select datname::text from pg_database where datname like 'rowhouse\\_clone\\_%'";
    for _ in 0..600 {
        if superuser.query(left, &[]).await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("copies were left behind");
}

/// Two tables behind walls, a view and a door.
const SMALL: &str = "
    create schema small;
    do $$ begin create role small_app login; exception when duplicate_object then null; end $$;
    do $$ begin create role small_owner; exception when duplicate_object then null; end $$;
    grant usage on schema small to small_app;
    create table small.orders (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
    create table small.lines (tenant_id uuid not null, id uuid not null, order_id uuid not null, primary key (tenant_id, id),
        foreign key (tenant_id, order_id) references small.orders (tenant_id, id));
    create index on small.lines (tenant_id, order_id);
    alter table small.orders enable row level security, force row level security;
    alter table small.lines enable row level security, force row level security;
    create policy wall on small.orders using (tenant_id = (select current_setting('app.tenant_id')::uuid));
    create policy wall on small.lines using (tenant_id = (select current_setting('app.tenant_id')::uuid));
    grant select, insert, update (note) on small.orders to small_app;
    grant select, insert, delete on small.lines to small_app;
    create function small.is_open(wanted text) returns boolean language sql stable security definer set search_path = ''
        as $$ select wanted <> '' $$;
    alter function small.is_open(text) owner to small_owner;
    revoke all on function small.is_open(text) from public;
    grant execute on function small.is_open(text) to small_app;
    comment on function small.is_open(text) is 'It reads nothing.';
    -- As they come, set_config and TEMP are everybody's.
    revoke execute on function pg_catalog.set_config(text, text, boolean) from public;
    do $$ begin execute format('revoke temporary on database %I from public', current_database()); end $$;";

#[tokio::test]
async fn whoever_is_asked_first_the_same_mutants_are_noticed() {
    let db = made_of(SMALL).await;
    // Nobody else sees what these lints see: their mutants survive.
    let blind = ["leakproof", "grant-references", "invisible-index"]
        .map(|lint| format!("--ignore={lint}=to see mutants survive"));
    let given: Vec<&str> = ["--role", "small_app"].into_iter().chain(blind.iter().map(String::as_str)).collect();
    let (code, fast) = report("prove", &db.url("postgres"), &given).await;
    let (thorough_code, thorough) = report("prove", &db.url("postgres"), &[&given[..], &["--thorough"]].concat()).await;
    assert_eq!((code, thorough_code), (Some(1), Some(1)));
    assert_eq!((&fast["thorough"], &thorough["thorough"]), (&Value::Bool(false), &Value::Bool(true)));

    // Each has the name of its copy.
    let name = |mutant: &Value, member: &str| {
        let text = mutant[member].as_str().unwrap();
        if text.starts_with("rowhouse_clone_") { "the copy".to_owned() } else { text.to_owned() }
    };
    let named = |report: &Value, list: &str| -> BTreeMap<(String, String), Value> {
        let all = report[list].as_array().unwrap().iter();
        all.map(|mutant| ((name(mutant, "mutant"), name(mutant, "object")), mutant.clone())).collect()
    };
    let guards = |mutant: &Value| -> BTreeSet<String> {
        let all = ["lints", "attacks"].map(|kind| mutant[kind].as_array().unwrap().clone()).concat();
        all.iter().map(|guard| guard.as_str().unwrap().to_owned()).collect()
    };
    for list in ["all", "survivors", "inapplicable"] {
        let (fast, thorough) = (named(&fast, list), named(&thorough, list));
        assert!(fast.keys().eq(thorough.keys()), "{list}: {:?} and {:?}", fast.keys(), thorough.keys());
        for (mutant, noticed) in &fast {
            let (some, all) = (guards(noticed), guards(&thorough[mutant]));
            assert_eq!(some.is_empty(), all.is_empty(), "{mutant:?}");
            assert!(some.is_subset(&all), "{mutant:?}: {some:?} and {all:?}");
        }
    }
    let survivors: BTreeSet<String> = named(&thorough, "survivors").into_keys().map(|(mutant, _)| mutant).collect();
    assert!(
        ["leakproof", "grant-references", "invisible-index"].iter().all(|kind| survivors.contains(*kind)),
        "{survivors:?}"
    );
    let noticed = |report: &Value| named(report, "all").values().map(|mutant| guards(mutant).len()).sum::<usize>();
    assert!(noticed(&fast) < noticed(&thorough), "nobody was spared the question");
}
