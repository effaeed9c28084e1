//! The attacks: on this project all are withstood, each with a control; where a wall is missing they get through.
use serde_json::Value;

use super::{HOLES, WELL_MADE, made_of, ours, report, target};
use crate::support::TestDb;

/// The attacks with a verdict, as `attack object`.
fn with(report: &Value, verdict: &str) -> Vec<String> {
    let all = report["attacks"].as_array().unwrap().iter().filter(|attack| attack["verdict"] == verdict);
    all.map(|attack| format!("{} {}", attack["attack"].as_str().unwrap(), attack["object"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn this_project_withstands_every_attack_and_none_is_vacuous() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let count = "select (select count(*) from registry.tenants) + (select count(*) from registry.users) + (select count(*) from tenant.projects)";
    let before: i64 = superuser.query_one(count, &[]).await.unwrap().get(0);
    let (code, report) = report("attack", &db.url("postgres"), &ours()).await;
    assert_eq!(with(&report, "breached"), Vec::<String>::new());
    assert_eq!(with(&report, "inconclusive"), Vec::<String>::new(), "{report:#}");
    assert_eq!(code, Some(0));
    let held = with(&report, "held");
    for table in ["tenant.projects", "tenant.project_tasks"] {
        for attack in [
            "read",
            "read-nowhere",
            "outsider",
            "cursor",
            "prepared-plan",
            "savepoint",
            "expression-spoof",
            "copy",
            "blind-update",
            "foreign-update",
            "blind-delete",
            "foreign-delete",
            "foreign-insert",
            "unique-probe",
            "upsert",
            "merge",
            "truncate",
        ] {
            assert!(held.contains(&format!("{attack} {table}")), "{attack} on {table} is missing");
        }
    }
    for attack in [
        "foreign-key-probe tenant.project_tasks.project_tasks_project_fkey",
        "cascade tenant.project_tasks.project_tasks_project_fkey",
        "function registry.require(permission text)",
        "function registry.find_login(wanted_email text)",
        "role-escape rowhouse_api",
        "large-object rowhouse_api",
        "row-security-off rowhouse_api",
    ] {
        assert!(held.contains(&attack.to_owned()), "{attack} is missing");
    }
    let after: i64 = superuser.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(after, before, "nothing is left of it");
}

#[tokio::test]
async fn every_table_a_role_may_touch_is_attacked() {
    let db = TestDb::new().await;
    let (_, report) = report("attack", &db.url("postgres"), &ours()).await;
    let rows = db
        .superuser()
        .await
        .query(
            "select a.attrelid::regclass::text from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind = 'r'
             where a.attname = 'tenant_id' and has_column_privilege('rowhouse_api', a.attrelid, a.attnum, 'select')
               and c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace)",
            &[],
        )
        .await
        .unwrap();
    let held = with(&report, "held");
    assert!(rows.len() >= 5);
    for row in rows {
        let table: String = row.get(0);
        assert!(held.contains(&format!("read {table}")), "{table}");
    }
}

#[tokio::test]
async fn attacks_get_through_where_there_are_holes() {
    let db = made_of(HOLES).await;
    let mut given = target(HOLES).to_vec();
    given[5] = "holes_app";
    let (code, report) = report("attack", &db.url("postgres"), &given).await;
    let breached = with(&report, "breached");
    for attack in [
        "read shop.bare",
        "read shop.widened",
        "read-nowhere shop.unset",
        "foreign-insert shop.pushed",
        "blind-delete shop.emptied",
        "read shop.selfish",
        "truncate shop.truncated",
        "unique-probe shop.codes",
        "unique-probe shop.people",
        "unique-probe shop.bookings",
        "foreign-key-probe shop.loose.loose_parent_fkey",
        "view shop.all_orders",
        "materialized-view shop.order_counts",
        "expression-spoof shop.orders",
    ] {
        assert!(
            breached.contains(&attack.to_owned()),
            "{attack} did not get through: {:#?}",
            report["attacks"].as_array().unwrap().iter().filter(|a| a["verdict"] != "held").collect::<Vec<_>>()
        );
    }
    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn a_well_made_database_of_another_shape_withstands_them() {
    let db = made_of(WELL_MADE).await;
    let (_, report) = report("attack", &db.url("postgres"), &target(WELL_MADE)).await;
    // Its careful DBA left PostgreSQL's large objects as they are, and the attack says so.
    let breached: Vec<String> =
        with(&report, "breached").into_iter().filter(|attack| !attack.starts_with("large-object ")).collect();
    assert_eq!(breached, Vec::<String>::new());
    assert_eq!(with(&report, "inconclusive"), Vec::<String>::new());
    assert!(with(&report, "held").len() > 60);
}

/// Holes that no catalog shows, or that it shows without saying whether they can be used.
const ONLY_BY_TRYING: &str = "
    create schema shop;
    do $$ begin create role trying_app login; exception when duplicate_object then null; end $$;
    grant usage on schema shop to trying_app;
    create procedure shop.wall(made regclass) language plpgsql as $$
    begin
        execute format('alter table %s enable row level security, force row level security', made);
        execute format('create policy wall on %s using (tenant_id = current_setting(''app.tenant_id'')::uuid)', made);
        execute format('grant select, insert, update, delete on %s to trying_app', made);
    end $$;
    create table shop.parents (tenant_id uuid not null, id uuid not null unique, note text, primary key (tenant_id, id));
    call shop.wall('shop.parents');
    -- A door that answers whoever knows an id.
    create function shop.note_of(wanted uuid) returns text language sql security definer stable set search_path = ''
        as 'select note from shop.parents where id = wanted';
    grant execute on function shop.note_of(uuid) to trying_app;
    -- A door that writes where it is told.
    create function shop.rename(wanted uuid) returns void language sql security definer set search_path = ''
        as $$ update shop.parents set note = 'renamed' where id = wanted $$;
    grant execute on function shop.rename(uuid) to trying_app;
    -- A child that may hang on anybody's parent.
    create table shop.children (tenant_id uuid not null, id uuid not null, parent_id uuid not null references shop.parents (id) on delete cascade,
        primary key (tenant_id, id));
    call shop.wall('shop.children');
    -- A trigger that fires at commit and writes into whatever tenant is set by then.
    create table shop.orders (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
    call shop.wall('shop.orders');
    create table shop.journal (tenant_id uuid not null, id uuid not null default gen_random_uuid(), primary key (tenant_id, id));
    call shop.wall('shop.journal');
    create function shop.journal() returns trigger language plpgsql set search_path = '' as $$
    begin
        insert into shop.journal (tenant_id) values (current_setting('app.tenant_id')::uuid);
        return null;
    end $$;
    create constraint trigger journal after update on shop.orders deferrable initially deferred for each row execute function shop.journal();
    -- A helper that the planner folds into the first plan.
    create function shop.tenant() returns uuid language sql immutable set search_path = '' as $$ select current_setting('app.tenant_id')::uuid $$;
    create table shop.folded (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
    alter table shop.folded enable row level security, force row level security;
    create policy wall on shop.folded using (tenant_id = shop.tenant());
    grant select, insert, update, delete on shop.folded to trying_app;
    -- Rows may be moved away.
    create table shop.moved (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
    alter table shop.moved enable row level security, force row level security;
    create policy wall on shop.moved using (tenant_id = current_setting('app.tenant_id')::uuid) with check (true);
    grant select, insert, update, delete on shop.moved to trying_app;
    -- A count of everybody's rows, without a single mark of whose they are.
    create view shop.how_many as select count(*) as rows from shop.orders;
    grant select on shop.how_many to trying_app;
    drop procedure shop.wall(regclass);";

#[tokio::test]
async fn what_no_catalog_shows_is_found_by_trying() {
    let db = made_of(ONLY_BY_TRYING).await;
    let (_, report) = report("attack", &db.url("postgres"), &["--role", "trying_app"]).await;
    let breached = with(&report, "breached");
    for attack in [
        "function shop.note_of(wanted uuid)",
        "function shop.rename(wanted uuid)",
        "foreign-key-probe shop.children.children_parent_id_fkey",
        "cascade shop.children.children_parent_id_fkey",
        "deferred-trigger shop.orders",
        "prepared-plan shop.folded",
        "move shop.moved",
        "foreign-insert shop.moved",
        "view shop.how_many",
        "unique-probe shop.parents",
    ] {
        assert!(breached.contains(&attack.to_owned()), "{attack} did not get through: {breached:#?}");
    }
    // And the neighbours without a hole hold.
    let held = with(&report, "held");
    for attack in [
        "read shop.orders",
        "read shop.children",
        "move shop.orders",
        "prepared-plan shop.orders",
        "blind-delete shop.moved",
    ] {
        assert!(
            held.contains(&attack.to_owned()),
            "{attack}: {:#?}",
            report["attacks"].as_array().unwrap().iter().filter(|a| a["verdict"] == "inconclusive").collect::<Vec<_>>()
        );
    }
}
