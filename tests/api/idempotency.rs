//! `Idempotency-Key`: a request that is sent again is answered alike and done once.
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, TestApp, TestDb, town};

const PROJECTS: &str = "/api/v1/projects";

/// A project by acme's owner, under this key.
fn project(app: &TestApp, key: &str, name: &str) -> RequestBuilder {
    post(app, PROJECTS, town().acme.owner.id, town().acme.id, key, &json!({ "name": name }))
}

fn post(app: &TestApp, path: &str, user: Uuid, tenant: Uuid, key: &str, body: &Value) -> RequestBuilder {
    app.as_user(Method::POST, path, user, tenant).header("idempotency-key", key).json(body)
}

/// How many projects have this name, in all tenants.
async fn projects(db: &TestDb, name: &str) -> i64 {
    db.value(&format!("select count(*) from tenant.projects where name = '{name}'")).await
}

/// How many keys are kept, those of the fixture aside.
async fn kept(db: &TestDb) -> i64 {
    db.value("select count(*) from tenant.idempotency_keys where answer <> 'answer'").await
}

#[track_caller]
fn same(first: &Answer, again: &Answer) {
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    for name in ["location", "etag", "content-type", "cache-control", "preference-applied"] {
        assert_eq!(first.headers.get(name), again.headers.get(name), "{name}");
    }
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"), "it is a request of its own");
}

#[tokio::test]
async fn a_request_sent_again_is_answered_alike_and_done_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let first = Answer::of(project(&app, "\"one\"", "Once")).await.expect(201);
    assert!(first.header("location").ends_with(first.json()["id"].as_str().unwrap()));
    for _ in 0..3 {
        same(&first, &Answer::of(project(&app, "\"one\"", "Once")).await);
    }
    assert_eq!(projects(&db, "Once").await, 1);
    // Without quotes it is the same key; another key is another request.
    same(&first, &Answer::of(project(&app, "one", "Once")).await);
    Answer::of(project(&app, "two", "Once")).await.problem(409, "conflict");
    // What it answered then, not what is there now.
    db.run("update tenant.projects set name = 'Renamed since' where name = 'Once'").await;
    same(&first, &Answer::of(project(&app, "one", "Once")).await);
}

#[tokio::test]
async fn a_key_is_good_for_one_request() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    Answer::of(project(&app, "one", "Mine")).await.expect(201);
    for (path, body) in [
        (PROJECTS.to_owned(), json!({ "name": "Another" })),
        (PROJECTS.to_owned(), json!({ "name": "Mine", "description": null })),
        (format!("{PROJECTS}?x=1"), json!({ "name": "Mine" })),
        (format!("{PROJECTS}/{}/tasks", acme.projects[0].id), json!({ "name": "Mine" })),
    ] {
        let other = Answer::of(post(&app, &path, acme.owner.id, acme.id, "one", &body)).await;
        other.problem(422, "idempotency_key_reused");
    }
    let spaced = post(&app, PROJECTS, acme.owner.id, acme.id, "one", &json!({})).body("{ \"name\":\"Mine\"}");
    Answer::of(spaced).await.problem(422, "idempotency_key_reused");
    assert_eq!((projects(&db, "Another").await, kept(&db).await), (0, 1));
}
