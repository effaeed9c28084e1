//! What is told in which order, and that nothing is passed over however transactions end.
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{Receiver, Stage};
use crate::support::town;

/// Projects that acme's owner makes in a transaction of its own, which somebody else ends.
fn project(id: Uuid) -> String {
    format!("insert into tenant.projects (tenant_id, id, name) values ('{}', '{id}', 'p{id}')", town().acme.id)
}

#[tokio::test]
async fn each_event_of_concurrent_writers_is_told_once_also_of_one_that_took_long() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|_| StatusCode::OK).await;
    stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    let mut wanted = BTreeSet::new();
    // One that begins first and ends last: whoever read by time or id would pass it over.
    let long = stage.db.superuser().await;
    let first = Uuid::now_v7();
    long.batch_execute(&format!("begin; {}", project(first))).await.unwrap();
    wanted.insert(first);
    let mut writers = Vec::new();
    for _ in 0..4 {
        let client = stage.db.superuser().await;
        let ids: Vec<Uuid> = (0..25).map(|_| Uuid::now_v7()).collect();
        wanted.extend(ids.iter().copied());
        writers.push(tokio::spawn(async move {
            for (n, id) in ids.iter().enumerate() {
                let undone = project(Uuid::now_v7());
                client.batch_execute(&format!("begin; {undone}; rollback; begin; {}", project(*id))).await.unwrap();
                tokio::time::sleep(Duration::from_millis(n as u64 % 3)).await;
                client.batch_execute("commit").await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.got().len(), 0, "all that began later waits for it");
    long.batch_execute("commit").await.unwrap();
    let got = receiver.until(wanted.len()).await;
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'waiting'", 0).await;
    let told: Vec<Uuid> = got.iter().map(|got| got.json()["data"]["id"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(told.len(), wanted.len(), "each of them once");
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), wanted);
    stage.finish().await;
}

#[tokio::test]
async fn an_endpoint_that_asks_for_order_is_told_in_the_order_of_the_feed_and_one_at_a_time() {
    let stage = Stage::set().await;
    let (at_once, most, angry) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
    let receiver = {
        let (at_once, most, angry) = (at_once.clone(), most.clone(), angry.clone());
        Receiver::slow(move |n, _| {
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let at_once = at_once.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(2)).await;
                at_once.fetch_sub(1, Ordering::SeqCst);
            });
            let fails = n >= 5 && angry.load(Ordering::SeqCst);
            (Duration::from_millis(2), if fails { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK })
        })
        .await
    };
    stage.endpoint(&receiver, json!({ "event_types": ["project.created"], "ordered": true })).await;
    for n in 0..20 {
        stage.project(&format!("In turn {n}")).await;
    }
    stage.until("select count(*) from tenant.webhook_deliveries where attempts = 1 and state = 'waiting'", 1).await;
    stage.until("select count(*) from tenant.webhook_deliveries where attempts = 0 and state = 'waiting'", 14).await;
    assert_eq!(receiver.got().len(), 6, "whoever comes after one that failed waits");
    angry.store(false, Ordering::SeqCst);
    stage.hurry().await;
    let got = receiver.until(21).await;
    let told: Vec<String> = got.iter().map(|got| got.header("webhook-id").to_owned()).collect();
    let feed =
        "select string_agg(id::text, ' ' order by epoch, xid, id) from tenant.events where type = 'project.created'
                and id in (select event_id from tenant.webhook_deliveries)";
    let mut feed: Vec<String> = stage.db.value::<String>(feed).await.split(' ').map(str::to_owned).collect();
    feed.insert(5, feed[5].clone());
    assert_eq!(told, feed);
    assert_eq!(most.load(Ordering::SeqCst), 1);
    stage.finish().await;
}

#[tokio::test]
async fn an_import_of_thousands_is_made_deliveries_of_in_pages() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|_| StatusCode::OK).await;
    stage.endpoint(&receiver, json!({ "event_types": ["project.created", "project.updated"] })).await;
    let many = format!(
        "insert into tenant.projects (tenant_id, id, name) select '{}', gen_random_uuid(), 'many ' || n from generate_series(1, 2100) n",
        town().acme.id
    );
    stage.run(&many).await;
    stage.until("select count(*) from tenant.webhook_deliveries", 2100).await;
    let pages = "select count(distinct xmin::text) from tenant.webhook_deliveries where attempts = 0";
    assert!(stage.db.value::<i64>(pages).await <= 5);
    receiver.until(200).await;
    let jobs = "select count(*) from tenant.jobs where kind like 'webhooks.%'";
    assert!(stage.db.value::<i64>(jobs).await < 50, "a job an endpoint, not one a delivery");
}

#[tokio::test]
async fn nobody_is_told_what_whoever_made_the_endpoint_may_not_read_nor_what_is_another_tenants() {
    let stage = Stage::set().await;
    let acme = &town().acme;
    let role =
        stage.owner().make_role("hooks", &["webhooks:read", "webhooks:write", "events:read", "tasks:read"]).await;
    stage.owner().give(&acme.member, &role).await.expect(200);
    let receiver = Receiver::answering(|_| StatusCode::OK).await;
    let member = crate::support::Member::new(&stage.app, &acme.member, acme);
    member.post("/webhooks", json!({ "url": receiver.url() })).await.expect(201);
    let project = stage.project("Not theirs").await;
    stage.owner().post(&format!("/projects/{project}/tasks"), json!({ "name": "Theirs" })).await.expect(201);
    let globex = crate::support::Member::new(&stage.app, &town().globex.owner, &town().globex);
    let other = globex.post("/projects", json!({ "name": "Elsewhere" })).await.expect(201).json();
    let task = json!({ "name": "Elsewhere" });
    globex.post(&format!("/projects/{}/tasks", other["id"].as_str().unwrap()), task).await.expect(201);
    // That it was made, and the task.
    receiver.until(2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let got = receiver.got();
    let told: BTreeSet<String> = got.iter().map(|got| got.json()["type"].as_str().unwrap().to_owned()).collect();
    // What was committed beside other transactions, of whichever database, may be told as well: that the stage was cleared.
    assert_eq!(told.iter().filter(|told| !told.starts_with("webhook_endpoint.")).collect::<Vec<_>>(), ["task.created"]);
    assert!(got.iter().all(|got| got.json()["tenant_id"] == json!(acme.id)));
    stage.finish().await;
}
