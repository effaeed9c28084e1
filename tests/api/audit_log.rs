//! `/tenant/audit-log`: what is shown of who did what, to whom, and as a file.
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Member, TestApp, TestDb, handle, town};

#[tokio::test]
async fn a_change_is_listed_with_who_made_it_and_from_where() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let project = acme.projects[0].id;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let changed = owner
        .request(Method::PATCH, &format!("/projects/{project}"))
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("if-match", "*")
        .header("content-type", "application/merge-patch+json")
        .body(json!({ "name": "Another", "description": "=1+1" }).to_string());
    Answer::of(changed).await.expect(200);
    let page = owner.get("/tenant/audit-log?limit=1").await.expect(200).json();
    let entry = &page["items"][0];
    assert_eq!(entry["action"], "project.updated");
    assert_eq!(
        entry["actor"],
        json!({ "kind": "user", "id": acme.owner.id, "on_behalf_of": null, "session_id": handle(acme.owner.id) })
    );
    assert_eq!(entry["object"], json!({ "type": "projects", "id": project }));
    assert_eq!(entry["after"], json!({ "name": "Another", "description": "=1+1" }));
    assert_eq!(entry["before"]["name"], *acme.projects[0].name);
    assert_eq!(
        (&entry["request_id"], &entry["address"], &entry["login"]),
        (&json!(trace), &json!("127.0.0.1"), &json!("rowhouse_api"))
    );
    assert!(page["next_cursor"].is_string());

    // As a file, in the order of things, and safe to open.
    for (kind, last) in [("csv", "\"\"name\"\":\"\"Another\"\""), ("ndjson", "\"name\":\"Another\"")] {
        let file = Answer::of(owner.request(Method::GET, &format!("/tenant/audit-log/export?format={kind}")))
            .await
            .expect(200);
        let line = file.text.lines().last().unwrap();
        assert!(line.contains(last) && line.contains(trace), "{line}");
    }
}

#[tokio::test]
async fn what_is_looked_for_is_found_and_nothing_else() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    let [first, second] = [acme.projects[0].id, acme.projects[1].id];
    owner.patch(&format!("/projects/{first}"), "*", json!({ "name": "Ours" })).await.expect(200);
    member.patch(&format!("/projects/{second}"), "*", json!({ "name": "Theirs" })).await.expect(200);
    let found = async |filter: &str| {
        let page = owner.get(&format!("/tenant/audit-log?{filter}")).await.expect(200).json();
        page["items"].as_array().unwrap().iter().map(|item| item["object"]["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(found("action=project.updated").await, [json!(second), json!(first)]);
    assert_eq!(found(&format!("actor={}", acme.member.id)).await, [json!(second)]);
    assert_eq!(found(&format!("object={first}&action=project.updated")).await, [json!(first)]);
    assert_eq!(found("object_type=projects&action=project.updated&limit=1").await, [json!(second)]);
    assert_eq!(found("from=2999-01-01T00:00:00Z").await, [] as [serde_json::Value; 0]);
    assert_eq!(found("until=2000-01-01T00:00:00Z").await, [] as [serde_json::Value; 0]);
    owner.get("/tenant/audit-log?from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z").await.expect(400);
    for name in ["action", "object_type"] {
        owner.get(&format!("/tenant/audit-log?{name}={}", "a".repeat(100))).await.expect(200);
        owner.get(&format!("/tenant/audit-log?{name}={}", "a".repeat(101))).await.problem(400, "bad_request");
    }
    // Whoever may not read it is told so, of the file as well.
    for path in ["/tenant/audit-log", "/tenant/audit-log/export"] {
        member.get(path).await.lacks("audit-log:read");
    }
}
