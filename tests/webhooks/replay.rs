//! Tests, replay of one and of a range, and what is forgotten.
use axum::http::StatusCode;
use rowhouse::{jobs::NewJob, work::webhooks::ForgetDeliveries};
use serde_json::json;
use uuid::Uuid;

use super::{Receiver, Stage, id_of};
use crate::{
    jobs::enqueue,
    support::{Answer, town},
};

#[tokio::test]
async fn a_test_is_sent_once_for_its_key_and_is_no_event() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|_| StatusCode::OK).await;
    let (path, secret) = stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    let ask = async || {
        let request = stage.owner().request(reqwest::Method::POST, &format!("{path}/test"));
        Answer::of(request.header("idempotency-key", "one")).await.expect(201)
    };
    let (first, second) = (ask().await, ask().await);
    assert_eq!(first.json()["id"], second.json()["id"]);
    let got = receiver.until(1).await;
    assert_eq!(
        (got[0].json()["type"].clone(), got[0].header("webhook-id")),
        (json!("webhook.test"), first.json()["event_id"].as_str().unwrap())
    );
    assert!(got[0].is_signed_with(&secret));
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'delivered'", 1).await;
    assert_eq!(receiver.got().len(), 1);
    let read = stage.owner().get(first.header("location").trim_start_matches("/api/v1")).await.expect(200).json();
    assert_eq!(read["log"][0]["status"], 200);
    assert_eq!(stage.db.value::<i64>("select count(*) from tenant.events where type like 'webhook.%'").await, 0);
    stage.owner().post(&format!("/webhooks/{}/test", Uuid::now_v7()), json!({})).await.problem(404, "not_found");
    stage.finish().await;
}

#[tokio::test]
async fn what_was_delivered_is_sent_once_more_under_the_same_id_when_somebody_wants_it() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|_| StatusCode::OK).await;
    let (path, _) = stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    stage.project("Twice").await;
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'delivered'", 1).await;
    let one = format!("{path}/deliveries/{}", stage.deliveries(&path).await[0]["id"].as_str().unwrap());
    let again = stage.owner().post(&format!("{one}/replay"), json!({})).await.expect(200).json();
    assert_eq!((&again["state"], &again["attempts"]), (&json!("waiting"), &json!(0)));
    let got = receiver.until(2).await;
    assert_eq!((got[0].header("webhook-id"), &got[0].body), (got[1].header("webhook-id"), &got[1].body));
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'delivered'", 1).await;
    assert_eq!(stage.owner().get(&one).await.expect(200).json()["log"].as_array().unwrap().len(), 2);
    let nowhere = format!("{path}/deliveries/{}/replay", Uuid::now_v7());
    stage.owner().post(&nowhere, json!({})).await.problem(404, "not_found");
    stage.finish().await;
}

#[tokio::test]
async fn a_range_has_sent_what_was_not_delivered_and_what_was_not_told_meanwhile() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|_| StatusCode::OK).await;
    let (path, _) = stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    let id = id_of(&path);
    let begun = jiff::Timestamp::now();
    let delivered = stage.project("Delivered").await;
    let failed = stage.project("Failed").await;
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'delivered'", 2).await;
    stage.run(&format!("update tenant.webhook_deliveries set state = 'failed' where payload like '%{failed}%'")).await;
    stage.owner().patch(&path, "*", json!({ "state": "disabled" })).await.expect(200);
    let missed = stage.project("Missed").await;
    stage.owner().patch(&path, "*", json!({ "state": "enabled" })).await.expect(200);
    let replay = format!("{path}/replay");
    let wrong = json!({ "from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z" });
    stage.owner().post(&replay, wrong).await.faults(422, "/to", "out_of_range");
    let answer = stage.owner().post(&replay, json!({ "from": begun.to_string() })).await.expect(202);
    let got = receiver.until(4).await;
    let told: Vec<String> = got[2..].iter().map(|got| got.json()["data"]["id"].as_str().unwrap().to_owned()).collect();
    assert!(told.contains(&failed) && told.contains(&missed) && !told.contains(&delivered), "{told:?}");
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'delivered'", 3).await;
    let job = stage.owner().get(answer.header("location").trim_start_matches("/api/v1")).await.expect(200).json();
    assert_eq!((&job["state"], &job["result"]["deliveries"]), (&json!("succeeded"), &json!(2)));
    // All of it; and of a time when nothing happened nothing.
    stage.owner().post(&replay, json!({ "from": begun.to_string(), "all": true })).await.expect(202);
    receiver.until(7).await;
    let long_ago = json!({ "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z", "all": true });
    stage.owner().post(&replay, long_ago).await.expect(202);
    stage.until("select count(*) from tenant.jobs where kind = 'webhooks.replay' and state = 'succeeded'", 3).await;
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'waiting'", 0).await;
    assert_eq!(receiver.got().len(), 7);
    assert_eq!(
        stage
            .db
            .value::<i64>(&format!("select count(*) from tenant.webhook_deliveries where endpoint_id = '{id}'"))
            .await,
        3
    );
    stage.finish().await;
}

#[tokio::test]
async fn what_ended_a_month_ago_is_forgotten_with_its_tries_and_what_waits_is_not() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|n| if n == 0 { StatusCode::OK } else { StatusCode::BAD_GATEWAY }).await;
    stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    stage.project("Old").await;
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'delivered'", 1).await;
    stage.project("Waits").await;
    stage.until("select count(*) from tenant.webhook_deliveries where attempts = 1 and state = 'waiting'", 1).await;
    stage.run("update tenant.webhook_deliveries set finished_at = now() - interval '31 days' where finished_at is not null").await;
    let job = NewJob::new(&ForgetDeliveries { days: 30 }).unwrap();
    let acme = &town().acme;
    enqueue(&stage.db.client("rowhouse_api").await, acme.id, &acme.owner, std::slice::from_ref(&job), "commit").await;
    stage.until("select count(*) from tenant.webhook_deliveries where tenant_id = (select tenant_id from tenant.jobs where kind = 'webhooks.forget' limit 1)", 1).await;
    stage.until("select count(*) from tenant.webhook_attempts where tenant_id = (select tenant_id from tenant.jobs where kind = 'webhooks.forget' limit 1)", 1).await;
    stage.finish().await;
}
