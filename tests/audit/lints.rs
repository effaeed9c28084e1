//! The lints: each finds its hole, and none finds one where there is none.
use std::collections::BTreeSet;

use serde_json::json;

use super::{HOLES, WELL_MADE, ask, findings, made_of, ours, report, target};
use crate::support::TestDb;

#[tokio::test]
async fn every_hole_is_named_and_nothing_else() {
    let db = made_of(HOLES).await;
    let superuser = db.superuser().await;
    let row = superuser
        .query_one("select current_database()::text, current_setting('server_version_num')::int / 10000", &[])
        .await
        .unwrap();
    let (name, major): (String, i32) = (row.get(0), row.get(1));
    let expected: BTreeSet<String> = HOLES
        .lines()
        .filter_map(|line| {
            let hole = line.strip_prefix("-- hole: ");
            hole.or_else(|| line.strip_prefix("-- hole from 17: ").filter(|_| major >= 17))
        })
        .map(|hole| hole.replace("current_database()", &name))
        .collect();
    let (code, report) = report("audit", &db.url("postgres"), &target(HOLES)).await;
    let found: BTreeSet<String> = findings(&report).into_iter().collect();
    let (missed, invented): (Vec<_>, Vec<_>) =
        (expected.difference(&found).collect(), found.difference(&expected).collect());
    assert!(missed.is_empty() && invented.is_empty(), "missed {missed:#?}\ninvented {invented:#?}");
    assert_eq!(code, Some(1));
    for finding in report["findings"].as_array().unwrap() {
        for member in ["lint", "severity", "object", "detail", "fix"] {
            assert!(!finding[member].as_str().unwrap().is_empty(), "{finding}");
        }
    }
}

#[test]
fn every_lint_has_a_hole_to_show_it() {
    let shown: BTreeSet<&str> =
        HOLES.lines().filter_map(|line| line.strip_prefix("-- hole")?.split_once(": ")?.1.split(' ').next()).collect();
    // A server cannot be made older, and this verdict is the audit's own "I do not know": shown below.
    let exceptions = ["policy-unjudged", "server-version"];
    let without: Vec<&str> = rowhouse_audit::audit::lints()
        .unwrap()
        .iter()
        .map(|lint| lint.id)
        .filter(|id| !shown.contains(id) && !exceptions.contains(id))
        .collect();
    assert!(without.is_empty(), "tests/audit/holes.sql has no hole for {without:?}");
}

#[tokio::test]
async fn a_well_made_database_of_another_shape_is_left_in_peace() {
    let db = made_of(WELL_MADE).await;
    let given = target(WELL_MADE);
    // With the roles named, and with the roles found out.
    for arguments in [&given[..], &given[..4]] {
        let (_, report) = report("audit", &db.url("postgres"), arguments).await;
        assert_eq!(findings(&report), Vec::<String>::new());
        assert!(report["summary"]["tables"].as_array().unwrap().len() > 3);
    }
}

#[tokio::test]
async fn this_project_is_clean_and_every_door_is_listed_with_its_reason() {
    let db = TestDb::new().await;
    // As a superuser, and as the role made for it, who sees the same.
    for role in ["postgres", "rowhouse_auditor"] {
        let (code, report) = report("audit", &db.url(role), &ours()).await;
        assert_eq!(
            findings(&report),
            Vec::<String>::new(),
            "as {role}; each says how to mend it, in the migration or the policies of its table, or is set aside with its reason in \
             rowhouse-audit.toml: {:#}",
            report["findings"]
        );
        let mut doors: Vec<(String, bool)> = Vec::new();
        for door in report["doors"].as_array().unwrap().iter().filter(|door| door["kind"] == "function") {
            doors.push((door["object"].as_str().unwrap().to_owned(), door["reason"].is_string()));
        }
        // But for triggers and doors of other doors, which nobody who serves can call.
        let called = "select count(*) from pg_proc
            where prosecdef and pronamespace = 'registry'::regnamespace
              and (has_function_privilege('rowhouse_api', oid, 'execute') or has_function_privilege('rowhouse_gate', oid, 'execute')
                   or has_function_privilege('rowhouse_worker', oid, 'execute'))";
        assert_eq!(i64::try_from(doors.len()).unwrap(), db.value::<i64>(called).await, "{doors:#?}");
        assert!(doors.len() > 30, "{doors:#?}");
        assert!(doors.iter().all(|(door, reason)| *reason && door.starts_with("registry.")), "{doors:#?}");
        let old_server = report["findings"].as_array().unwrap().len() == 1;
        assert_eq!(code, Some(i32::from(old_server)), "{report:#}");
    }
}

#[tokio::test]
async fn policies_are_right_however_they_are_written_and_wrong_however_they_are_hidden() {
    let db = TestDb::empty().await;
    let superuser = db.superuser().await;
    superuser
        .batch_execute(
            "create schema s;
             do $$ begin create role writings_app login; exception when duplicate_object then null; end $$;
             grant usage on schema s to writings_app;
             create function s.tenant() returns uuid language sql stable as $$ select current_setting('app.tenant_id')::uuid $$;
             create function s.mine(uuid) returns boolean language plpgsql stable as $$ begin return $1 = current_setting('app.tenant_id')::uuid; end $$;
             create function s.fallback() returns uuid language sql stable
                 as $$ select coalesce(nullif(current_setting('app.tenant_id', true), ''), '0f0f0f0f-0000-4000-8000-00000000000a')::uuid $$;
             create function s.staff_may(uuid) returns boolean language plpgsql stable as $$
                 begin return $1 = current_setting('app.tenant_id')::uuid or exists (select from s.members m where m.who = 'staff'); end $$;
             create table s.members (tenant_id uuid not null, who text not null, primary key (tenant_id, who));
             revoke all on s.members from public;",
        )
        .await
        .unwrap();
    let right = [
        "tenant_id = current_setting('app.tenant_id')::uuid",
        "tenant_id = (select current_setting('app.tenant_id')::uuid)",
        "(select current_setting('app.tenant_id'))::uuid = tenant_id",
        "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid",
        "tenant_id = cast(nullif(current_setting('app.tenant_id', true), '') as uuid) and not deleted",
        "tenant_id::text = current_setting('app.tenant_id')",
        "tenant_id = s.tenant()",
        "tenant_id = (select s.tenant())",
        "s.mine(tenant_id)",
        "not (tenant_id <> current_setting('app.tenant_id')::uuid)",
        "not (deleted or tenant_id <> current_setting('app.tenant_id')::uuid)",
        "(deleted and tenant_id = s.tenant()) or (not deleted and tenant_id = s.tenant())",
        "case when deleted then false else tenant_id = s.tenant() end",
        "coalesce(tenant_id = s.tenant(), false)",
        "tenant_id in (current_setting('app.tenant_id')::uuid)",
        "tenant_id = any (array[current_setting('app.tenant_id')::uuid])",
        "tenant_id is not distinct from current_setting('app.tenant_id')::uuid",
        "case when tenant_id = s.tenant() then not deleted else false end",
        "false",
    ];
    let wrong = [
        ("open-policy", "true"),
        ("open-policy", "deleted"),
        ("open-policy", "tenant_id is not null"),
        ("open-policy", "not deleted or tenant_id = s.tenant()"),
        ("open-policy", "tenant_id = s.tenant() or current_user = 'root'"),
        ("open-policy", "not (tenant_id = s.tenant() and deleted)"),
        ("open-policy", "case when deleted then true else tenant_id = s.tenant() end"),
        ("open-policy", "coalesce(tenant_id = s.tenant(), true)"),
        ("open-policy", "tenant_id = '0f0f0f0f-0000-4000-8000-00000000000c'"),
        ("open-policy", "exists (select from s.members m where m.who = current_user)"),
        ("fails-open", "tenant_id = s.tenant() or coalesce(current_setting('app.tenant_id', true), '') = ''"),
        ("fails-open", "tenant_id = coalesce(nullif(current_setting('app.tenant_id', true), '')::uuid, tenant_id)"),
        ("fails-open", "tenant_id = s.fallback()"),
        ("setting-mismatch", "tenant_id = current_setting('app.tennant_id')::uuid"),
        (
            "open-policy",
            "tenant_id = s.tenant() or current_setting('app.tenant_id') = '0f0f0f0f-0000-4000-8000-00000000000c'",
        ),
        ("open-policy", "tenant_id = s.tenant() or current_setting('app.tenant_id') = '*'"),
        ("open-policy", "exists (select from s.members m where m.tenant_id = current_setting('app.tenant_id')::uuid)"),
        ("open-policy", "tenant_id = s.tenant() or s.tenant() in (select m.tenant_id from s.members m)"),
        ("open-policy", "tenant_id = any (array[s.tenant(), '00000000-0000-0000-0000-00000000000d'])"),
        ("open-policy", "tenant_id >= current_setting('app.tenant_id')::uuid"),
        ("open-policy", "tenant_id::text like nullif(current_setting('app.tenant_id'), '') || '%'"),
        ("policy-unjudged", "s.staff_may(tenant_id)"),
        ("policy-unjudged", "tenant_id = case when current_user = 'writings_app' then tenant_id else s.tenant() end"),
        (
            "policy-unjudged",
            "tenant_id = coalesce(nullif(current_setting('app.as', true), ''), current_setting('app.tenant_id'))::uuid",
        ),
        ("policy-unjudged", "s.row_is_mine(t)"),
        ("self-comparison", "tenant_id = tenant_id"),
        ("policy-unjudged", "exists (select from s.members m where t.tenant_id = t.tenant_id)"),
        (
            "policy-unjudged",
            "exists (select from s.members m where m.tenant_id = t.tenant_id and m.who = current_user)",
        ),
        ("policy-unjudged", "tenant_id in (select m.tenant_id from s.members m)"),
        ("policy-unjudged", "tenant_id = other"),
    ];
    let cases = right.iter().map(|text| (None, *text)).chain(wrong.iter().map(|(lint, text)| (Some(*lint), *text)));
    for (lint, text) in cases {
        superuser
            .batch_execute(&format!(
                "drop table if exists s.t cascade;
                 create table s.t (tenant_id uuid not null, id uuid not null, other uuid not null, deleted boolean not null, primary key (tenant_id, id));
                 alter table s.t enable row level security, force row level security;
                 grant select on s.t to writings_app;
                 create or replace function s.row_is_mine(s.t) returns boolean language sql stable as $$ select $1.tenant_id = current_setting('app.tenant_id')::uuid $$;
                 create policy p on s.t for select to writings_app using ({text});"
            ))
            .await
            .unwrap();
        let (_, report) = report("audit", &db.url("postgres"), &["--role", "writings_app"]).await;
        let about: Vec<String> = findings(&report).into_iter().filter(|finding| finding.ends_with(" s.t.p")).collect();
        let expected: Vec<String> = lint.iter().map(|lint| format!("{lint} s.t.p")).collect();
        assert_eq!(about, expected, "{text}");
    }
}

#[tokio::test]
async fn reports_come_in_every_format() {
    let db = made_of(HOLES).await;
    let url = db.url("postgres");
    let print = async |format| ask("audit", &url, &[&target(HOLES)[..], &["--format", format]].concat()).await.1;
    let sarif: serde_json::Value = serde_json::from_str(&print("sarif").await).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let (rules, results) = (run["tool"]["driver"]["rules"].as_array().unwrap(), run["results"].as_array().unwrap());
    assert!(results.len() > 70 && results.iter().all(|result| rules.iter().any(|rule| rule["id"] == result["ruleId"])));
    let junit = print("junit").await;
    assert!(
        junit.starts_with("<?xml version=\"1.0\"")
            && junit.contains("<testcase classname=\"audit\" name=\"open-policy\"><failure")
    );
    assert!(junit.contains("name=\"policy-unjudged\"/>") && junit.trim_end().ends_with("</testsuite>"));
    let markdown = print("markdown").await;
    assert!(markdown.contains("| error | open-policy | `shop.widened.everyone` |"));
    let text = print("text").await;
    assert!(text.contains("shop.widened.everyone") && !text.contains('\u{1b}'), "no colour where nobody sees it");
}

#[tokio::test]
async fn what_is_ignored_has_a_reason_and_is_still_listed() {
    let db = made_of(WELL_MADE).await;
    db.superuser()
        .await
        .batch_execute("create role well_made_bypass login bypassrls; grant usage on schema crm to well_made_bypass; grant select on crm.customers to well_made_bypass")
        .await
        .unwrap();
    let mut given = target(WELL_MADE).to_vec();
    given[5] = "well_made_bypass";
    let (code, before) = report("audit", &db.url("postgres"), &given).await;
    assert_eq!((code, findings(&before)), (Some(1), vec!["role-bypasses well_made_bypass".to_owned()]));
    given.extend([
        "--ignore",
        "role-bypasses:well_made_*=it only ever runs in tests",
        "--ignore",
        "rls-disabled=nothing of the kind",
    ]);
    let (_, after) = report("audit", &db.url("postgres"), &given).await;
    assert_eq!(findings(&after), Vec::<String>::new());
    let ignored = after["ignored"].as_array().unwrap().iter().find(|entry| entry["lint"] == "role-bypasses").unwrap();
    assert_eq!(ignored["reason"], "it only ever runs in tests");
    assert_eq!(after["summary"]["idle_ignores"], json!(["rls-disabled"]));
    db.superuser().await.batch_execute("drop owned by well_made_bypass; drop role well_made_bypass").await.unwrap();
}

#[tokio::test]
async fn what_others_wrote_is_not_run_with_a_superusers_rights() {
    let db = TestDb::empty().await;
    let trap = std::env::temp_dir().join(format!("rowhouse-trap-{}", std::process::id()));
    let superuser = db.superuser().await;
    superuser
        .batch_execute(&format!(
            "create schema s;
             do $$ begin create role trap_owner; exception when duplicate_object then null; end $$;
             do $$ begin create role trap_app login; exception when duplicate_object then null; end $$;
             create table s.t (tenant_id bigint not null, id bigint not null, primary key (tenant_id, id));
             alter table s.t enable row level security, force row level security;
             grant usage, create on schema s to trap_owner; grant usage on schema s to trap_app; grant select on s.t to trap_app;
             create function s.trap() returns bigint language plpgsql as $$
                 begin copy (select 1) to program 'touch {}'; return 1; end $$;
             alter function s.trap() owner to trap_owner;
             create policy p on s.t using (tenant_id = s.trap());",
            trap.display()
        ))
        .await
        .unwrap();
    let (_, report) = report("audit", &db.url("postgres"), &["--role", "trap_app"]).await;
    assert!(findings(&report).contains(&"policy-unjudged s.t.p".to_owned()), "{report:#}");
    assert!(!trap.exists(), "the audit ran a program for whoever wrote a policy");
}

#[tokio::test]
async fn tenants_of_every_type_are_judged() {
    let db = TestDb::empty().await;
    let superuser = db.superuser().await;
    superuser
        .batch_execute(
            "create schema s;
             do $$ begin create role types_app login; exception when duplicate_object then null; end $$;
             grant usage on schema s to types_app;
             create domain s.tenant_uuid as uuid; create domain s.tenant_word as text check (value <> '');
             create type s.tenant_enum as enum ('north', 'south');",
        )
        .await
        .unwrap();
    let kinds = [
        "uuid",
        "bigint",
        "int",
        "smallint",
        "numeric(12,0)",
        "text",
        "varchar(20)",
        "s.tenant_uuid",
        "s.tenant_word",
        "s.tenant_enum",
    ];
    for kind in kinds {
        superuser
            .batch_execute(&format!(
                "drop table if exists s.t;
                 create table s.t (tenant_id {kind} not null check (tenant_id::text <> ''), id bigint not null, primary key (tenant_id, id));
                 alter table s.t enable row level security, force row level security;
                 grant select on s.t to types_app;
                 create policy p on s.t using (tenant_id = current_setting('app.tenant_id')::{kind});"
            ))
            .await
            .unwrap();
        let (_, report) = report("audit", &db.url("postgres"), &["--role", "types_app"]).await;
        let policies: Vec<String> =
            findings(&report).into_iter().filter(|finding| finding.ends_with(" s.t.p")).collect();
        assert_eq!(policies, Vec::<String>::new(), "{kind}");
    }
}
