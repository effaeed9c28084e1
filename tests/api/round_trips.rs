//! What is sent is what is read: every operation of the OpenAPI document that makes or changes a row is sent every member it takes, no two
//! alike, and each is found again under its own name. Two parameters of one type that change places do not pass.
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::support::{Answer, Document, Operation, TestApp, TestDb, Way, town};

/// Operations that other tests look at, each with why.
const ELSEWHERE: [(&str, &str); 2] = [
    ("/api/v1/me", "outside any tenant: tests/api/own_account.rs"),
    ("/api/v1/tenants", "outside any tenant: tests/api/tenants.rs"),
];

fn applies(operation: &Operation) -> bool {
    let makes = operation.method == Method::POST && operation.success() == 201;
    (makes || operation.method == Method::PATCH)
        && operation.said["requestBody"].is_object()
        && !operation.path.starts_with("/api/v1/auth/")
        && !ELSEWHERE.iter().any(|(path, _)| operation.path == *path || operation.path.starts_with(&format!("{path}/")))
}

/// Every member that was sent, where an answer has one of the name.
fn compare(place: &str, sent: &Value, answered: &Value) -> usize {
    let mut same = 0;
    for (name, value) in sent.as_object().unwrap() {
        let Some(found) = answered.get(name) else { continue };
        if value.is_object() {
            same += compare(&format!("{place}: {name}"), value, found);
            continue;
        }
        assert_eq!(
            found, value,
            "{place}: `{name}` is not what was sent. Are the parameters of its statement in the order of its header?\n\
             sent     {sent}\nanswered {answered}"
        );
        same += 1;
    }
    same
}

#[tokio::test]
async fn what_is_sent_is_what_is_read() {
    let db = TestDb::new().await;
    let app = TestApp::by(Way::Direct, &db).await;
    let document = Document::of(&app).await;
    let acme = &town().acme;
    let operations = document.operations();
    let project = acme.projects[0].id.to_string();
    let fire = async |method: &Method, path: &str, body: &Value| {
        let request = app.as_user(method.clone(), path, acme.owner.id, acme.id);
        Answer::of(request.header("if-match", "*").header("idempotency-key", Uuid::now_v7().to_string()).json(body))
            .await
    };
    let (mut tried, mut members) = (0, 0);
    for operation in operations.iter().filter(|operation| applies(operation)) {
        let mut path = operation.path.replace("{project_id}", &project);
        if let Some(collection) = path.strip_suffix("/{id}") {
            // A row of its own, where one can be made.
            let maker = operations.iter().find(|other| {
                other.method == Method::POST && other.path.replace("{project_id}", &project) == collection
            });
            let id = match maker {
                Some(make) => {
                    let body = document.body(make, acme).unwrap();
                    fire(&make.method, collection, &body).await.expect(make.success()).json()["id"]
                        .as_str()
                        .unwrap()
                        .to_owned()
                }
                None if collection.ends_with("/members") => acme.member.id.to_string(),
                None => panic!("{}: say in tests/api/round_trips.rs which row it changes", operation.name()),
            };
            path = format!("{collection}/{id}");
        }
        let body = document.body(operation, acme).unwrap();
        let answered = fire(&operation.method, &path, &body).await.expect(operation.success()).json();
        members += compare(&operation.name(), &body, &answered);
        let place = if operation.method == Method::PATCH {
            path
        } else {
            format!("{path}/{}", answered["id"].as_str().unwrap())
        };
        let read = app.get(&place, acme.owner.id, acme.id).await.expect(200).json();
        compare(&format!("GET {place}, after {}", operation.name()), &body, &read);
        tried += 1;
    }
    assert!(tried >= 15 && members >= 40, "{tried} operations, {members} members");
}
