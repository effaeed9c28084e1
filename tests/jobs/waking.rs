//! Who has to look again hears of it at once, from their own process, from others and from triggers; and where nothing can be heard, is told so.
use std::time::Duration;

use reqwest::Method;
use rowhouse::wake::{Heard, Wake, carry};
use serde_json::json;
use tokio::{sync::broadcast, time::timeout};
use uuid::Uuid;

use crate::support::{TestApp, TestDb, TestRedis, Way, town, tuning};

/// Whether it is heard that this tenant was written in; whatever else is said does not count.
async fn hears(heard: &mut broadcast::Receiver<Heard>, tenant: Uuid) -> bool {
    let told = async { while heard.recv().await.unwrap() != Heard::Tenant(tenant) {} };
    timeout(Duration::from_secs(10), told).await.is_ok()
}

/// Until whoever carries has begun to hear.
async fn listening(heard: &mut broadcast::Receiver<Heard>) {
    let all = async { while heard.recv().await.unwrap() != Heard::All {} };
    timeout(Duration::from_secs(10), all).await.expect("whoever begins to hear says so");
}

async fn each_hears_the_other(db: &TestDb, redis: Option<&TestRedis>) {
    let url = redis.map(TestRedis::url);
    let mut options: Vec<&str> = Vec::new();
    if let Some(url) = &url {
        options.extend(["--redis-url", url]);
    }
    let server = TestApp::with(&db.api_url(Way::Direct), &tuning(&options)).await;
    let redis = url.map(|url| rowhouse::redis::Redis::open(&url.into()).unwrap());
    let wake = Wake::new(db.url("rowhouse_worker").into(), redis);
    let (mut here, mut there) = (server.app.wake.heard(), wake.heard());
    let carried = tokio::spawn(carry(wake.clone()));
    listening(&mut there).await;
    let (acme, globex) = (&town().acme, &town().globex);

    let made =
        server.as_user(Method::POST, "/api/v1/projects", acme.member.id, acme.id).json(&json!({ "name": "Heard" }));
    assert_eq!(made.send().await.unwrap().status(), 201);
    assert!(hears(&mut here, acme.id).await, "in the process that wrote");
    assert!(hears(&mut there, acme.id).await, "in another one");
    wake.committed(globex.id);
    assert!(hears(&mut here, globex.id).await, "and the other way");
    let psql =
        format!("notify rowhouse_wake, '{}'; notify rowhouse_wake, 'what nobody can read, 1,2 3'", town().nowhere);
    db.superuser().await.batch_execute(&psql).await.unwrap();
    assert!(hears(&mut here, town().nowhere).await && hears(&mut there, town().nowhere).await, "and of what psql says");
    carried.abort();
}

#[tokio::test]
async fn what_is_committed_is_heard_in_each_process_without_redis() {
    each_hears_the_other(&TestDb::new().await, None).await;
}

#[tokio::test]
async fn and_with_redis() {
    let redis = TestRedis::start();
    each_hears_the_other(&TestDb::new().await, Some(&redis)).await;
}

#[tokio::test]
async fn what_is_read_or_rolled_back_wakes_nobody() {
    let db = TestDb::new().await;
    let server = TestApp::new(&db).await;
    let acme = &town().acme;
    let mut heard = server.app.wake.heard();
    let list = server.as_user(Method::GET, "/api/v1/projects", acme.member.id, acme.id);
    assert_eq!(list.send().await.unwrap().status(), 200);
    let refused =
        server.as_user(Method::POST, "/api/v1/projects", acme.viewer.id, acme.id).json(&json!({ "name": "No" }));
    assert_eq!(refused.send().await.unwrap().status(), 403);
    let made =
        server.as_user(Method::POST, "/api/v1/projects", acme.member.id, acme.id).json(&json!({ "name": "Yes" }));
    assert_eq!(made.send().await.unwrap().status(), 201);
    assert!(hears(&mut heard, acme.id).await);
    tokio::time::sleep(Duration::from_millis(100)).await;
    while let Ok(more) = heard.try_recv() {
        assert_eq!(more, Heard::All, "one write is told once");
    }
}

/// A pooler that lends connections by the transaction takes LISTEN and lets nothing be heard.
#[tokio::test]
async fn whoever_hears_nothing_is_told_to_look_at_everything_again_and_again() {
    let db = TestDb::new().await;
    let wake = Wake::new(db.api_url(Way::PgBouncer).into(), None);
    let mut heard = wake.heard();
    let carried = tokio::spawn(carry(wake));
    for _ in 0..3 {
        listening(&mut heard).await;
    }
    carried.abort();
}
