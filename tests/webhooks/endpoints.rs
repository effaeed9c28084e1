//! Endpoints and their secrets, through HTTP and behind the walls.
use reqwest::Method;
use rowhouse::db::API_ROLE;
use serde_json::{Value, json};

use crate::support::{Answer, Member, TestApp, TestDb, key_of, town, tuning};

const URL: &str = "https://hooks.example.com/rowhouse";

async fn scene() -> (TestDb, TestApp) {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    (db, app)
}

#[tokio::test]
async fn an_endpoint_can_be_made_read_changed_and_deleted_and_its_secret_is_shown_once() {
    let (db, app) = scene().await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let new = json!({ "url": URL, "event_types": ["project.created"], "description": "Ours" });
    let made = owner.post("/webhooks", new).await.expect(201);
    let path = made.header("location").trim_start_matches("/api/v1").to_owned();
    let mut endpoint = made.json();
    let secret = endpoint.as_object_mut().unwrap().remove("secret").unwrap();
    assert!(secret.as_str().unwrap().starts_with("whsec_"), "{secret}");
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!((&endpoint["state"], &endpoint["ordered"]), (&json!("enabled"), &json!(false)));
    assert_eq!(owner.get(&path).await.expect(200).json(), endpoint, "it is not shown again");

    let disabled = owner.patch(&path, made.header("etag"), json!({ "state": "disabled", "ordered": true })).await;
    let disabled = disabled.expect(200).json();
    assert_eq!((&disabled["disabled_why"], &disabled["ordered"]), (&json!("by_hand"), &json!(true)));
    assert_eq!(disabled["event_types"], json!(["project.created"]), "what is left out stays");
    let enabled = owner.patch(&path, "*", json!({ "state": "enabled", "event_types": [] })).await.expect(200).json();
    assert_eq!((&enabled["disabled_why"], &enabled["disabled_at"]), (&Value::Null, &Value::Null));
    assert_eq!(enabled["event_types"], json!([]));
    let told = format!(
        "select string_agg(type, ' ' order by xid, id) from tenant.events where type like 'webhook%' and data ->> 'id' = '{}'",
        endpoint["id"].as_str().unwrap()
    );
    assert_eq!(
        db.value::<String>(&told).await,
        "webhook_endpoint.created webhook_endpoint.updated webhook_endpoint.updated"
    );
    owner.delete(&path, "*").await.expect(204);
    owner.get(&path).await.problem(404, "not_found");
    assert_eq!(db.value::<i64>("select count(*) from tenant.webhook_secrets where octet_length(sealed) = 60").await, 0);
}

#[tokio::test]
async fn what_no_endpoint_can_have_is_refused_with_its_place() {
    let (db, app) = scene().await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let long = format!("https://example.com/{}", "a".repeat(300_000));
    for (body, pointer, code) in [
        (json!({ "url": "http://example.com/" }), "/url", "not_allowed"),
        (json!({ "url": "https://10.0.0.1/" }), "/url", "private_address"),
        (json!({ "url": "https://[::ffff:127.0.0.1]/" }), "/url", "private_address"),
        (json!({ "url": "https://169.254.169.254/latest" }), "/url", "private_address"),
        (json!({ "url": "gopher://example.com" }), "/url", "invalid"),
        (json!({ "url": long }), "/url", "too_long"),
        (
            json!({ "url": URL, "event_types": ["project.created", "project.exploded"] }),
            "/event_types/1",
            "unknown_event_type",
        ),
        (json!({ "url": URL, "event_types": ["project.*"] }), "/event_types/0", "unknown_event_type"),
        (json!({ "url": URL, "secret": "whsec_c2hvcnQ=" }), "/secret", "invalid"),
        (json!({ "url": URL, "secret": "hunter2" }), "/secret", "invalid"),
        (json!({ "url": URL, "filter": "all" }), "/filter", "unknown_field"),
    ] {
        owner.post("/webhooks", body).await.faults(422, pointer, code);
    }
    let count = "select count(*) from tenant.webhook_endpoints where url not like 'https://hooks.%.example/'";
    assert_eq!(db.value::<i64>(count).await, 0);
    // What is allowed inside may be plain.
    let inside = tuning(&["--pool", "4", "--webhook-networks", "10.1.0.0/16,fd00::/8"]);
    let inside = TestApp::with(&db.url(API_ROLE), &inside).await;
    let owner = Member::new(&inside, &town().acme.owner, &town().acme);
    owner.post("/webhooks", json!({ "url": "http://10.1.2.3:9000/hook" })).await.expect(201);
    owner.post("/webhooks", json!({ "url": "http://10.2.2.3:9000/hook" })).await.faults(422, "/url", "private_address");
}

#[tokio::test]
async fn a_secret_is_one_endpoints_alone_and_is_taken_up_from_where_it_was_kept_before() {
    let (_db, app) = scene().await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let mine = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let made = owner.post("/webhooks", json!({ "url": URL, "secret": mine })).await.expect(201).json();
    assert_eq!(made["secret"], mine);
    owner.post("/webhooks", json!({ "url": URL, "secret": mine })).await.faults(409, "/secret", "taken");
    let path = format!("/webhooks/{}/secret", made["id"].as_str().unwrap());
    owner.post(&path, json!({ "secret": mine })).await.faults(409, "/secret", "taken");
    owner.post(&path, json!({ "overlap_hours": 169 })).await.faults(422, "/overlap_hours", "out_of_range");
    let rotated = owner.post(&path, json!({})).await.expect(200).json();
    assert_ne!(rotated["secret"], mine);
    owner.post(&path, json!({ "secret": mine, "overlap_hours": 0 })).await.faults(409, "/secret", "taken");
    // Another tenant may have the same: nobody is told.
    let other = Member::new(&app, &town().globex.owner, &town().globex);
    other.post("/webhooks", json!({ "url": URL, "secret": mine })).await.expect(201);
    other.post(&path, json!({})).await.problem(404, "not_found");
}

#[tokio::test]
async fn while_secrets_overlap_two_are_good_and_never_three() {
    let (db, app) = scene().await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let made = owner.post("/webhooks", json!({ "url": URL })).await.expect(201).json();
    let path = format!("/webhooks/{}/secret", made["id"].as_str().unwrap());
    let good = format!(
        "select count(*) from tenant.webhook_secrets where endpoint_id = '{}' and (expires_at is null or expires_at > now())",
        made["id"].as_str().unwrap()
    );
    for wanted in [2, 2, 2] {
        owner.post(&path, json!({ "overlap_hours": 1 })).await.expect(200);
        assert_eq!(db.value::<i64>(&good).await, wanted);
    }
    owner.post(&path, json!({ "overlap_hours": 0 })).await.expect(200);
    assert_eq!(db.value::<i64>(&good).await, 1, "one that leaked is good no more at once");
    db.run("update tenant.webhook_secrets set expires_at = now() - interval '31 days' where expires_at is not null")
        .await;
    owner.post(&path, json!({ "overlap_hours": 1 })).await.expect(200);
    let all = good.split(" and (").next().unwrap();
    assert_eq!(db.value::<i64>(all).await, 2, "what ended a month ago is forgotten");
}

#[tokio::test]
async fn nobody_has_an_endpoint_told_what_they_may_not_read() {
    let (db, app) = scene().await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let narrow = ["webhooks:read", "webhooks:write", "events:read", "projects:read"];
    let role = owner.make_role("hooks", &narrow).await;
    owner.give(&acme.member, &role).await.expect(200);
    let member = Member::new(&app, &acme.member, acme);
    let of = |types: Value| json!({ "url": URL, "event_types": types });
    member.post("/webhooks", of(json!(["project.created"]))).await.expect(201);
    member.post("/webhooks", of(json!(["project.created", "api_key.created"]))).await.lacks("api-keys:read");
    // All of them: all that they may read.
    let all = member.post("/webhooks", of(json!([]))).await.expect(201).json();
    let held = "select permissions::text from tenant.webhook_endpoints where id = '{id}'"
        .replace("{id}", all["id"].as_str().unwrap());
    assert_eq!(db.value::<String>(&held).await, "{events:read,projects:read,webhooks:read}");
    // Nor do they turn one that is told more to another receiver, or on again.
    let owners = owner.post("/webhooks", of(json!([]))).await.expect(201).json();
    let path = format!("/webhooks/{}", owners["id"].as_str().unwrap());
    let refused = member.patch(&path, "*", json!({ "url": "https://elsewhere.example.com/" })).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    member.patch(&path, "*", json!({ "event_types": ["project.created"] })).await.problem(403, "permission_denied");
    owner.patch(&path, "*", json!({ "state": "disabled" })).await.expect(200);
    member.patch(&path, "*", json!({ "state": "enabled" })).await.problem(403, "permission_denied");
    // Nor have a secret of it, with which what it is told could be made up, or end the one that is in use.
    member.post(&format!("{path}/secret"), json!({ "overlap_hours": 0 })).await.problem(403, "permission_denied");
    // A key is held to the same.
    let (key, id) = (key_of(acme.id, acme.api_key).0, acme.api_key);
    db.run(&format!(
        "update tenant.api_keys set permissions = '{{webhooks:read,webhooks:write,events:read}}' where id = '{id}'"
    ))
    .await;
    let ask = async |body: Value| {
        Answer::of(app.request(Method::POST, "/api/v1/webhooks").bearer_auth(&key).json(&body)).await
    };
    ask(of(json!(["project.created"]))).await.lacks("projects:read");
    ask(of(json!([]))).await.expect(201);
    // Somebody who may configure but not read what happens.
    let blind = owner.make_role("blind", &["webhooks:read", "webhooks:write"]).await;
    owner.give(&acme.member, &blind).await.expect(200);
    member.post("/webhooks", of(json!([]))).await.lacks("events:read");
    owner.post("/webhooks", of(json!(["tenant.*"]))).await.faults(422, "/event_types/0", "unknown_event_type");
}

#[tokio::test]
async fn a_tenant_has_fifty_endpoints_at_most() {
    let (db, app) = scene().await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let fill = format!(
        "delete from tenant.webhook_endpoints;
         insert into tenant.webhook_endpoints (tenant_id, id, url, permissions)
         select '{}', gen_random_uuid(), '{URL}', '{{}}' from generate_series(1, 49)",
        town().acme.id
    );
    db.run(&fill).await;
    owner.post("/webhooks", json!({ "url": URL })).await.expect(201);
    owner.post("/webhooks", json!({ "url": URL })).await.faults(409, "", "too_many");
    assert_eq!(db.value::<i64>("select count(*) from tenant.webhook_endpoints").await, 50);
}

#[tokio::test]
async fn what_signs_is_read_back_by_nobody_who_serves() {
    let (db, app) = scene().await;
    let acme = &town().acme;
    Member::new(&app, &acme.owner, acme).post("/webhooks", json!({ "url": URL })).await.expect(201);
    let api = db.api().await;
    let begin = format!(
        "begin; set local app.tenant_id = '{}'; set local app.user_id = '{1}'; set local app.session_id = '{1}'; set local app.api_key = ''",
        acme.id, acme.owner.id
    );
    for statement in [
        "select sealed from tenant.webhook_secrets",
        "select fingerprint from tenant.webhook_secrets",
        "select * from tenant.webhook_secrets",
        "update tenant.webhook_secrets set sealed = sealed",
        "update tenant.webhook_secrets set expires_at = now() returning sealed",
        "insert into tenant.webhook_secrets (tenant_id, endpoint_id, id, sealed, fingerprint)
             select tenant_id, id, gen_random_uuid(), sha256('a'), sha256('a') from tenant.webhook_endpoints returning sealed",
        // Nor does whoever serves say from where an endpoint is told, what a message says, or how often one was tried.
        "update tenant.webhook_endpoints set since_epoch = 9223372036854775807",
        "update tenant.webhook_endpoints set since_xid = -9223372036854775808",
        "insert into tenant.webhook_deliveries (tenant_id, id, endpoint_id, event_type, payload)
             select tenant_id, gen_random_uuid(), id, 'webhook.test', '{}' from tenant.webhook_endpoints",
        "insert into tenant.webhook_deliveries (tenant_id, id, endpoint_id, event_type)
             select tenant_id, gen_random_uuid(), id, 'project.deleted' from tenant.webhook_endpoints",
        "update tenant.webhook_deliveries set attempts = 1000, state = 'waiting', finished_at = null",
        "update tenant.webhook_deliveries set attempts = 0, state = 'waiting', finished_at = null, next_at = now() + interval '1 year'",
    ] {
        api.batch_execute(&begin).await.unwrap();
        let refused = api.batch_execute(statement).await.unwrap_err();
        assert_eq!(refused.code().map(tokio_postgres::error::SqlState::code), Some("42501"), "{statement}: {refused:?}");
        api.batch_execute("rollback").await.unwrap();
    }
    let none = app.get("/api/v1/webhooks", acme.member.id, acme.id).await;
    none.lacks("webhooks:read");
}
