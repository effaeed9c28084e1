//! The mutants: every way of breaking this project's database is noticed.
use std::collections::BTreeSet;

use super::{ours, report};
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
