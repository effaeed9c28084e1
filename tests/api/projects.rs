//! Projects through HTTP: create, read, change, delete, list.
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    a_project_can_be_made_read_changed_and_deleted;
}

async fn a_project_can_be_made_read_changed_and_deleted(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    assert_eq!(app.startup_problems().await, Vec::<String>::new());
    let (acme, member) = (&town().acme, town().acme.owner.id);
    let send = |method: Method, path: &str| app.as_user(method, path, member, acme.id);

    let new = json!({ "name": "Moon shot", "description": "Up\nand down.", "owner_id": acme.viewer.id });
    let made = Answer::of(send(Method::POST, "/api/v1/projects").json(&new)).await.expect(201);
    let project = made.json();
    let path = made.header("location").to_owned();
    assert_eq!(path, format!("/api/v1/projects/{}", project["id"].as_str().unwrap()));
    assert_eq!(made.header("etag"), "\"1\"");
    assert_eq!((&project["name"], &project["status"]), (&json!("Moon shot"), &json!("active")));
    assert_eq!(project["owner_id"], json!(acme.viewer.id));
    assert_eq!(project["created_at"], project["updated_at"]);

    let read = Answer::of(send(Method::GET, &path)).await.expect(200);
    assert_eq!(read.json(), project);
    let known = send(Method::GET, &path).header("if-none-match", read.header("etag"));
    let known = Answer::of(known).await.expect(304);
    assert_eq!((known.text.as_str(), known.header("etag")), ("", "\"1\""));

    // A merge patch: null clears, absent leaves, a value sets.
    let merge = json!({ "status": "paused", "description": null });
    let changed = send(Method::PATCH, &path).header("if-match", "\"1\"").json(&merge);
    let changed = Answer::of(changed).await.expect(200);
    assert_eq!(changed.header("etag"), "\"2\"");
    let mut expected = project.clone();
    expected["status"] = json!("paused");
    expected["description"] = Value::Null;
    expected["updated_at"] = changed.json()["updated_at"].clone();
    assert_eq!(changed.json(), expected);

    let stale = send(Method::PATCH, &path).header("if-match", "\"1\"").json(&json!({ "name": "Late" }));
    Answer::of(stale).await.problem(412, "precondition_failed");
    let blind = send(Method::DELETE, &path);
    Answer::of(blind).await.problem(428, "precondition_required");
    let weak = send(Method::DELETE, &path).header("if-match", "W/\"2\"");
    Answer::of(weak).await.problem(412, "precondition_failed");
    let deleted = send(Method::DELETE, &path).header("if-match", "\"7\", \"2\"");
    assert_eq!(Answer::of(deleted).await.expect(204).text, "");
    Answer::of(send(Method::GET, &path)).await.problem(404, "not_found");
    let again = send(Method::DELETE, &path).header("if-match", "*");
    Answer::of(again).await.problem(404, "not_found");
}
