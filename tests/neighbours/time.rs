//! What takes long counts for more, and what takes too long is given up.
use rowhouse::db::API_ROLE;

use crate::{
    api::{limit, standing},
    support::{Member, TestApp, TestDb, TestRedis, town, tuning},
};

/// Makes searches of this database take so long.
pub(super) async fn slow_searches(db: &TestDb, seconds: f64) {
    db.run(&format!(
        "create or replace function registry.search_fold(text) returns text language plpgsql immutable as $$
         begin perform pg_sleep({seconds}); return lower($1); end $$"
    ))
    .await;
}

#[tokio::test]
async fn a_search_that_takes_too_long_is_given_up_and_says_what_to_do() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    slow_searches(&db, 3.0).await;
    for path in ["/products/search?q=lamp", "/products/suggest?q=lamp"] {
        let refused = owner.get(path).await.problem(422, "too_costly");
        assert!(refused["detail"].as_str().unwrap().contains("fewer words"), "{refused}");
    }
    // Whoever waits for a lock has asked for nothing costly.
    let locks = db.superuser().await;
    locks.batch_execute("begin; lock table tenant.products").await.unwrap();
    owner.get("/products/search?q=lamp").await.problem(503, "database_timeout");
}

#[tokio::test]
async fn a_request_that_holds_a_connection_for_long_counts_as_many() {
    let redis = TestRedis::start();
    for shared in [false, true] {
        let db = TestDb::new().await;
        limit(&db, &town().acme, "600", "40").await;
        let address = redis.url();
        let options: &[&str] = if shared { &["--redis-url", &address] } else { &[] };
        let app = TestApp::with(&db.url(API_ROLE), &tuning(&[options, &["--cache-bytes", "0"]].concat())).await;
        let owner = Member::new(&app, &town().acme.owner, &town().acme);
        let left = async || {
            let answer = owner.get("/projects?limit=1").await.expect(200);
            (standing(&answer, "principal").unwrap()[2], standing(&answer, "tenant").unwrap()[2])
        };
        left().await;
        let before = left().await;
        slow_searches(&db, 1.0).await;
        owner.get("/products/search?q=lamp").await.expect(200);
        // Redis is told after the answer.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let after = left().await;
        // What is beyond a quarter of a second is fifteen times 50 ms. One or two of the caller's have come free meanwhile.
        assert!((14..25).contains(&(before.0 - after.0)), "{before:?} {after:?}");
        assert!(before.1 > after.1, "{before:?} {after:?}");
        // Two seconds more, and nothing is left of forty.
        // Each another one, or Redis would have kept the answer.
        for word in ["desk", "oak"] {
            owner.get(&format!("/products/search?q={word}")).await.expect(200);
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let refused = owner.get("/projects?limit=1").await;
        refused.problem(429, "rate_limited");
        let member = Member::new(&app, &town().acme.member, &town().acme);
        member.get("/projects?limit=1").await.expect(200);
    }
}
