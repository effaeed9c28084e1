//! Tasks through HTTP: a resource inside another.
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    a_task_lives_and_goes_with_its_project;
}

async fn a_task_lives_and_goes_with_its_project(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let send = |method: Method, path: &str| app.as_user(method, path, acme.owner.id, acme.id);
    let (project, other) = (acme.projects[0].id, acme.projects[1].id);
    let tasks = format!("/api/v1/projects/{project}/tasks");

    let made = Answer::of(send(Method::POST, &tasks).json(&json!({ "name": "Sweep" }))).await.expect(201);
    let (task, path) = (made.json(), made.header("location").to_owned());
    assert_eq!((&task["status"], &task["project_id"]), (&json!("open"), &json!(project)));
    assert_eq!(Answer::of(send(Method::GET, &path)).await.expect(200).json(), task);
    let list = Answer::of(send(Method::GET, &tasks)).await.expect(200).json();
    assert_eq!(list["items"][0], task, "newest first");

    let done = send(Method::PATCH, &path).header("if-match", made.header("etag")).json(&json!({ "status": "done" }));
    let done = Answer::of(done).await.expect(200);
    assert_eq!((done.header("etag"), &done.json()["status"]), ("\"2\"", &json!("done")));
    let stale = send(Method::DELETE, &path).header("if-match", made.header("etag"));
    Answer::of(stale).await.problem(412, "precondition_failed");

    // Not to be found under another project, nor to be made under one that is not there.
    let elsewhere = path.replace(&project.to_string(), &other.to_string());
    Answer::of(send(Method::GET, &elsewhere)).await.problem(404, "not_found");
    let nowhere = format!("/api/v1/projects/{}/tasks", town().nowhere);
    Answer::of(send(Method::GET, &nowhere)).await.problem(404, "not_found");
    Answer::of(send(Method::POST, &nowhere).json(&json!({ "name": "Lost" }))).await.problem(404, "not_found");

    // A project without tasks has an empty list.
    let empty = Answer::of(send(Method::POST, "/api/v1/projects").json(&json!({ "name": "Empty" }))).await.expect(201);
    let empty = format!("{}/tasks", empty.header("location"));
    let list = Answer::of(send(Method::GET, &empty)).await.expect(200).json();
    assert_eq!(list, json!({ "items": [], "next_cursor": null }));

    let gone = send(Method::DELETE, &format!("/api/v1/projects/{project}")).header("if-match", "*");
    Answer::of(gone).await.expect(204);
    Answer::of(send(Method::GET, &path)).await.problem(404, "not_found");
    Answer::of(send(Method::GET, &tasks)).await.problem(404, "not_found");
}
