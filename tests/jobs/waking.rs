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
    // Nobody's transaction says so: somebody outside any tenant, or with psql.
    let outside = format!(
        "insert into tenant.projects (tenant_id, id, name) values ('{}', gen_random_uuid(), 'By hand')",
        acme.id
    );
    db.superuser().await.batch_execute(&outside).await.unwrap();
    assert!(hears(&mut here, acme.id).await && hears(&mut there, acme.id).await, "of what is written from outside");
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

/// Whoever can connect may say as much as they like: what is too much is missed, and whoever waits is told so.
#[tokio::test]
async fn a_flood_of_words_holds_nobody_up_for_longer_than_it_lasts() {
    let db = TestDb::new().await;
    let (one, other) =
        (Wake::new(db.url("rowhouse_api").into(), None), Wake::new(db.url("rowhouse_worker").into(), None));
    let mut there = other.heard();
    let carried = [tokio::spawn(carry(one.clone())), tokio::spawn(carry(other))];
    listening(&mut there).await;
    let psql = db.superuser().await;
    for round in 0..10 {
        one.committed(Uuid::from_u128(round));
        let flood = format!("select pg_notify('rowhouse_wake', n || ' {round}') from generate_series(1, 5000) n");
        psql.execute(&flood, &[]).await.unwrap();
    }
    one.committed(town().acme.id);
    assert!(hears(&mut there, town().acme.id).await, "afterwards it goes on");
    carried.iter().for_each(tokio::task::JoinHandle::abort);
}

/// What others are to be told is told once somebody can.
#[tokio::test]
async fn what_could_not_be_told_is_told_later() {
    let db = TestDb::new().await;
    let (one, other) =
        (Wake::new(db.url("rowhouse_api").into(), None), Wake::new(db.url("rowhouse_worker").into(), None));
    let (mut here, mut there) = (one.heard(), other.heard());
    let carried = [tokio::spawn(carry(one.clone())), tokio::spawn(carry(other))];
    listening(&mut here).await;
    listening(&mut there).await;
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and usename = 'rowhouse_api' and application_name = 'rowhouse-wake'";
    db.superuser().await.execute(cut, &[]).await.unwrap();
    listening(&mut here).await;
    // Each is a batch of its own.
    for tenant in [town().nowhere, town().globex.id, town().acme.id] {
        one.committed(tenant);
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    let mut missing = std::collections::BTreeSet::from([town().nowhere, town().globex.id, town().acme.id]);
    let told = async {
        while !missing.is_empty() {
            if let Heard::Tenant(tenant) = there.recv().await.unwrap() {
                missing.remove(&tenant);
            }
        }
    };
    timeout(Duration::from_secs(10), told).await.expect("each of them");
    carried.iter().for_each(tokio::task::JoinHandle::abort);
}
