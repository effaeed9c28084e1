//! What a receiver is sent, what counts as an answer, and what becomes of a message that failed.
use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use serde_json::json;

use super::{Receiver, Stage, id_of};
use crate::support::{Member, town};

#[tokio::test]
async fn what_happens_is_sent_signed_and_the_log_says_so() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|_| (StatusCode::OK, "thank you\0")).await;
    let (path, secret) = stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    let project = stage.project("Told").await;
    let got = receiver.until(1).await;
    let body = got[0].json();
    assert_eq!((&body["type"], &body["data"]), (&json!("project.created"), &json!({ "id": project, "version": 1 })));
    assert_eq!(body["actor"], json!({ "kind": "user", "id": town().acme.owner.id }));
    assert_eq!((&body["tenant_id"], &body["type_version"]), (&json!(town().acme.id), &json!(1)));
    assert!(body["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    assert_eq!(got[0].header("webhook-id"), body["id"].as_str().unwrap());
    assert_eq!(got[0].header("content-type"), "application/json");
    assert!(got[0].is_signed_with(&secret), "{got:?}");
    assert!(!got[0].is_signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    let now = jiff::Timestamp::now().as_second();
    assert!((now - got[0].header("webhook-timestamp").parse::<i64>().unwrap()).abs() < 30);

    stage.until("select count(*) from tenant.webhook_deliveries where state = 'delivered'", 1).await;
    let deliveries = stage.deliveries(&path).await;
    assert_eq!(deliveries.len(), 1, "of another type, and of before, nothing is told: {deliveries:?}");
    assert_eq!(deliveries[0]["payload"].as_str().unwrap(), got[0].body, "it is what was sent");
    let one = format!("{path}/deliveries/{}", deliveries[0]["id"].as_str().unwrap());
    let log = stage.owner().get(&one).await.expect(200).json()["log"].clone();
    assert_eq!((&log[0]["status"], &log[0]["error"], &log[0]["number"]), (&json!(200), &json!(null), &json!(1)));
    assert_eq!(log[0]["response"], "thank you\u{fffd}");
    let request = log[0]["request"].as_str().unwrap();
    assert!(request.contains(got[0].header("webhook-id")) && !request.contains(got[0].header("webhook-signature")));
    assert_eq!(receiver.got().len(), 1);
    // Nobody else is told, nor sees that somebody was.
    let globex = &town().globex;
    stage.app.get(&format!("/api/v1{one}"), globex.owner.id, globex.id).await.problem(404, "not_found");
    stage.app.get(&format!("/api/v1{path}/deliveries"), globex.owner.id, globex.id).await.problem(404, "not_found");
    stage.finish().await;
}

/// What was sent tells as much as the event itself.
#[tokio::test]
async fn the_log_shows_what_whoever_reads_it_may_read() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|_| StatusCode::OK).await;
    let (path, _) = stage.endpoint(&receiver, json!({ "event_types": ["project.created", "api_key.created"] })).await;
    stage.project("Told").await;
    let key = json!({ "name": "Told", "permissions": ["projects:read"] });
    stage.owner().post("/tenant/api-keys", key).await.expect(201);
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'delivered'", 2).await;
    let all = stage.deliveries(&path).await;
    let owner = stage.owner();
    let role = owner.make_role("looker", &["webhooks:read", "webhooks:write", "projects:read"]).await;
    owner.give(&town().acme.member, &role).await.expect(200);
    let member = Member::new(&stage.app, &town().acme.member, &town().acme);
    let seen = member.get(&format!("{path}/deliveries")).await.expect(200).json();
    let seen = seen["items"].as_array().unwrap();
    assert_eq!((all.len(), seen.len()), (2, 1));
    assert_eq!(seen[0]["event_type"], "project.created");
    let hidden = all.iter().find(|one| one["event_type"] == "api_key.created").unwrap()["id"].as_str().unwrap();
    member.get(&format!("{path}/deliveries/{hidden}")).await.problem(404, "not_found");
    member.post(&format!("{path}/deliveries/{hidden}/replay"), json!({})).await.problem(404, "not_found");
    let tries = format!(
        "begin; set local app.tenant_id = '{}'; set local app.user_id = '{1}'; set local app.session_id = '{1}'; set local app.api_key = ''",
        town().acme.id,
        town().acme.member.id
    );
    let api = stage.db.api().await;
    api.batch_execute(&tries).await.unwrap();
    let read: i64 = api.query_one("select count(*) from tenant.webhook_attempts", &[]).await.unwrap().get(0);
    assert_eq!(read, 1, "nor the tries");
}

/// Whoever answers a status has answered, though the rest never comes.
#[tokio::test]
async fn an_answer_that_never_ends_is_an_answer() {
    let stage = Stage::set().await;
    let endless = || {
        let body = axum::body::Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        axum::response::Response::new(body)
    };
    let receiver = Receiver::answering(move |_| endless()).await;
    stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    stage.project("Told").await;
    stage
        .until("select count(*) from tenant.webhook_deliveries where state = 'delivered' and last_status = 200", 1)
        .await;
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test]
async fn what_failed_is_sent_again_later_under_the_same_id_and_signed_anew() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|n| match n {
        0 => (StatusCode::INTERNAL_SERVER_ERROR, "x".repeat(300_000)),
        1 => (StatusCode::FOUND, String::new()),
        _ => (StatusCode::NO_CONTENT, String::new()),
    })
    .await;
    let (path, secret) = stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    stage.project("Told in the end").await;
    for attempts in [1, 2] {
        let tried =
            format!("select count(*) from tenant.webhook_deliveries where state = 'waiting' and attempts = {attempts}");
        stage.until(&tried, 1).await;
        if attempts == 1 {
            let later = "select (next_at - now()) between '-1 second'::interval and '10 seconds' from tenant.webhook_deliveries";
            assert!(stage.db.value::<bool>(later).await);
        }
        stage.until("select count(*) from tenant.webhook_endpoints where failing_since is not null", 1).await;
        stage.hurry().await;
    }
    let got = receiver.until(3).await;
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'delivered' and attempts = 3", 1).await;
    assert!(got.iter().all(|one| one.header("webhook-id") == got[0].header("webhook-id") && one.body == got[0].body));
    assert!(got.iter().all(|one| one.is_signed_with(&secret)));
    let delivery = stage.deliveries(&path).await[0].clone();
    let one = format!("{path}/deliveries/{}", delivery["id"].as_str().unwrap());
    let log = stage.owner().get(&one).await.expect(200).json()["log"].as_array().unwrap().clone();
    let told: Vec<_> = log.iter().rev().map(|tried| (tried["status"].clone(), tried["error"].clone())).collect();
    assert_eq!(
        told,
        [(json!(500), json!("refused")), (json!(302), json!("redirected")), (json!(204), json!(null))],
        "nobody follows where they are sent"
    );
    assert_eq!(log[2]["response"].as_str().unwrap().len(), 1024, "of 300 kB a kilobyte is kept");
    let endpoint = stage.owner().get(&path).await.expect(200);
    assert_eq!(endpoint.json()["failing_since"], json!(null));
    assert_eq!(endpoint.header("etag"), "\"1\"", "how it goes with a receiver is no change of the endpoint");
    stage.finish().await;
}

#[tokio::test]
async fn retry_after_is_heeded_within_a_day() {
    let stage = Stage::set().await;
    let ask = |seconds: &'static str| async move {
        Receiver::answering(move |_| (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)])).await
    };
    let (minutes, weeks) = (ask("600").await, ask("6000000").await);
    let (patient, _) = stage.endpoint(&minutes, json!({ "event_types": ["project.created"] })).await;
    let (forward, _) = stage.endpoint(&weeks, json!({ "event_types": ["project.created"] })).await;
    stage.project("Later").await;
    for (path, least, most) in [(patient, 590, 700), (forward, 86_390, 86_500)] {
        let waits = format!(
            "select count(*) from tenant.webhook_deliveries where endpoint_id = '{}' and attempts = 1
               and next_at - now() between interval '{least} seconds' and interval '{most} seconds'",
            id_of(&path)
        );
        stage.until(&waits, 1).await;
    }
    // Somebody is there when it is due, and not before.
    let due = "select count(*) from tenant.jobs j where kind = 'webhooks.deliver' and state = 'waiting'
               and run_at = (select min(next_at) from tenant.webhook_deliveries d where 'webhooks/' || d.endpoint_id = j.order_key)";
    stage.until(due, 2).await;
    stage.finish().await;
}

#[tokio::test]
async fn whoever_is_gone_is_sent_nothing_more_and_owners_hear_of_it() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|_| StatusCode::GONE).await;
    let (path, _) = stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    stage.project("The last").await;
    stage.until("select count(*) from tenant.webhook_endpoints where disabled_why = 'gone'", 1).await;
    stage.project("Not told").await;
    let told = stage.owner().get("/notifications").await.expect(200).json();
    let told = told["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["kind"] == "webhook_endpoint.disabled")
        .unwrap()
        .clone();
    assert_eq!((&told["data"]["why"], &told["link"]), (&json!("gone"), &json!(path)));
    stage
        .until(
            "select count(*) from tenant.jobs where kind = 'webhooks.deliver' and state in ('waiting', 'running')",
            0,
        )
        .await;
    assert_eq!((receiver.got().len(), stage.deliveries(&path).await.len()), (1, 1));
    let changed = "select count(*) from tenant.events where type = 'webhook_endpoint.updated' and actor_kind = 'none'
                   and data -> 'changed' = '[\"state\"]'";
    assert_eq!(stage.db.value::<i64>(changed).await, 1, "and whoever reads the feed does");
    stage.finish().await;
}

#[tokio::test]
async fn after_days_of_nothing_but_failures_an_endpoint_is_disabled_and_what_waits_is_kept() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|n| if n < 2 { StatusCode::BAD_GATEWAY } else { StatusCode::OK }).await;
    let (path, _) = stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    stage.project("Fails").await;
    stage.until("select count(*) from tenant.webhook_deliveries where attempts = 1", 1).await;
    assert_eq!(stage.owner().get(&path).await.expect(200).json()["state"], "enabled");
    stage.run("update tenant.webhook_endpoints set failing_since = now() - interval '5 days 1 minute'").await;
    stage.hurry().await;
    stage.until("select count(*) from tenant.webhook_endpoints where disabled_why = 'failing'", 1).await;
    stage.until("select count(*) from tenant.notifications where kind = 'webhook_endpoint.disabled'", 1).await;
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'waiting' and attempts = 2", 1).await;
    // Enabled again it goes on with what waited.
    stage.run("update tenant.webhook_deliveries set next_at = now() where state = 'waiting'").await;
    stage.owner().patch(&path, "*", json!({ "state": "enabled" })).await.expect(200);
    receiver.until(3).await;
    stage.until("select count(*) from tenant.webhook_deliveries where state = 'delivered'", 1).await;
    stage.finish().await;
}

#[tokio::test]
async fn both_secrets_sign_while_they_overlap() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|_| StatusCode::OK).await;
    let (path, old) = stage.endpoint(&receiver, json!({ "event_types": ["project.created"] })).await;
    let rotate = async |hours: u32| {
        let body = json!({ "overlap_hours": hours });
        let rotated = stage.owner().post(&format!("{path}/secret"), body).await.expect(200).json();
        rotated["secret"].as_str().unwrap().to_owned()
    };
    let new = rotate(1).await;
    stage.project("Both").await;
    let got = receiver.until(1).await;
    assert!(got[0].is_signed_with(&old) && got[0].is_signed_with(&new));
    assert_eq!(got[0].header("webhook-signature").split(' ').count(), 2);
    let newest = rotate(0).await;
    stage.project("One").await;
    let got = receiver.until(2).await;
    assert!(got[1].is_signed_with(&newest) && !got[1].is_signed_with(&new) && !got[1].is_signed_with(&old));
    stage.finish().await;
}

#[tokio::test]
async fn a_slow_receiver_holds_up_neither_another_endpoint_nor_another_job() {
    let stage = Stage::set().await;
    let slow = Receiver::slow(|_, _| (Duration::from_mins(1), StatusCode::OK)).await;
    let quick = Receiver::answering(|_| StatusCode::OK).await;
    let only = json!({ "event_types": ["project.created"] });
    stage.endpoint(&slow, only.clone()).await;
    for name in 0..12 {
        stage.project(&format!("Slow {name}")).await;
    }
    slow.until(4).await;
    stage.endpoint(&quick, only).await;
    let begun = Instant::now();
    stage.project("Quick").await;
    quick.until(1).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(slow.got().len(), 4, "four at once, and no more");
    let held = "select count(*) from tenant.jobs where kind = 'webhooks.deliver' and state = 'running'";
    stage.until(held, 1).await;
}

#[tokio::test]
async fn receivers_inside_are_not_dialled_whatever_the_endpoint_says() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(|_| StatusCode::OK).await;
    // As if it had been allowed once, and by a name that means this machine.
    let port = receiver.url().rsplit(':').next().unwrap().to_owned();
    for (url, error) in [
        (format!("http://[::1]:{port}"), "private_address"),
        ("https://10.0.0.1/".to_owned(), "private_address"),
        ("http://8.8.8.8/".to_owned(), "address_refused"),
        ("https://nowhere.invalid/".to_owned(), "name_unknown"),
        (format!("https://127.0.0.1:{port}"), "tls_failed"),
        ("http://127.0.0.1:1/".to_owned(), "unreachable"),
    ] {
        stage.run("delete from tenant.webhook_endpoints").await;
        let (path, _) = stage.endpoint(&receiver, json!({ "event_types": ["product.created"] })).await;
        stage.run(&format!("update tenant.webhook_endpoints set url = '{url}'")).await;
        stage.owner().post(&format!("{path}/test"), json!({})).await.expect(201);
        stage.until("select count(*) from tenant.webhook_deliveries where attempts = 1", 1).await;
        let said: String = stage.db.value("select last_error from tenant.webhook_deliveries").await;
        assert_eq!(said, error, "{url}");
    }
    assert_eq!(receiver.got().len(), 0);
    stage.finish().await;
}
