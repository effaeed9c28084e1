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
