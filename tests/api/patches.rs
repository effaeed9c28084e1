//! A PATCH that changes nothing makes no new version, whatever it is of.
use reqwest::Method;
use rowhouse::server;
use serde_json::{Map, Value, json};

use crate::support::{Document, Member, TestApp, TestDb, rows, town};

/// What is to be patched, where not any row of the tenant's will do.
fn instance(path: &str) -> Option<String> {
    let acme = &town().acme;
    let project = acme.projects.iter().find(|project| !project.tasks.is_empty()).unwrap();
    let (of, id) = match path {
        "/api/v1/me" | "/api/v1/tenant" | "/api/v1/tenant/settings" | "/api/v1/settings" => (path, String::new()),
        "/api/v1/projects/{id}" => (path, project.id.to_string()),
        "/api/v1/projects/{project_id}/tasks/{id}" => {
            let tasks = path.replace("{project_id}", &project.id.to_string());
            return Some(tasks.replace("{id}", &project.tasks[0].to_string()).replace("/api/v1", ""));
        }
        "/api/v1/products/{id}" => (path, acme.product.to_string()),
        "/api/v1/tenant/members/{id}" => (path, acme.member.id.to_string()),
        "/api/v1/tenant/roles/{id}" => (path, acme.role.to_string()),
        "/api/v1/tenant/api-keys/{id}" => (path, acme.api_key.to_string()),
        _ => return None,
    };
    Some(of.replace("{id}", &id).replace("/api/v1", ""))
}

/// The members that a patch may have.
fn members(document: &Value, patch: &Value) -> Vec<String> {
    let schema = &patch["requestBody"]["content"]["application/merge-patch+json"]["schema"];
    let schema = match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    schema["properties"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn a_patch_that_changes_nothing_makes_no_version() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let document: Value = serde_json::from_str(&server::document().to_json().unwrap()).unwrap();
    let (operations, superuser) = (Document::of(&app).await.operations(), db.superuser().await);
    let mut patched = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if item["patch"].is_null() {
            continue;
        }
        let at = if let Some(at) = instance(path) {
            at
        } else {
            let patch = operations.iter().find(|one| one.method == Method::PATCH && one.path == *path).unwrap();
            patch.at(&rows::of(&superuser, patch, acme).await).replace("/api/v1", "")
        };
        let names = members(&document, &item["patch"]);
        let shown = owner.get(&at).await.expect(200).json();
        // As the server writes it: the fixture's tags are in no order.
        let same: Map<String, Value> = names
            .iter()
            .map(|name| (name.clone(), shown[name].clone()))
            .filter(|(_, value)| !value.is_null())
            .collect();
        owner.patch(&at, "*", Value::Object(same)).await.expect(200);
        let before = owner.get(&at).await.expect(200);
        let (version, resource) = (before.header("etag").to_owned(), before.json());
        let mut bodies = vec![json!({})];
        let mut whole = Map::new();
        for member in names {
            if !resource[&member].is_null() {
                whole.insert(member.clone(), resource[&member].clone());
                bodies.push(json!({ &*member: resource[&member] }));
            }
        }
        assert!(!whole.is_empty(), "{path} shows nothing of what can be patched");
        bodies.push(Value::Object(whole));
        for body in bodies {
            let answer = owner.patch(&at, &version, body.clone()).await.expect(200);
            assert_eq!(answer.header("etag"), version, "{path} {body}");
            for (name, value) in answer.json().as_object().unwrap() {
                assert_eq!(value, &resource[name], "{name} of {path} after {body}");
            }
        }
        assert_eq!(owner.get(&at).await.expect(200).header("etag"), version, "{path}");
        patched += 1;
    }
    assert!(patched >= 9, "{patched}");
    // One that changes something still does, once.
    let at = instance("/api/v1/products/{id}").unwrap();
    let version = owner.get(&at).await.expect(200).header("etag").to_owned();
    let changed = owner.patch(&at, &version, json!({ "stock": 4711 })).await.expect(200);
    assert_ne!(changed.header("etag"), version);
    owner.patch(&at, &version, json!({ "stock": 4712 })).await.problem(412, "precondition_failed");
    let same = owner.patch(&at, changed.header("etag"), json!({ "stock": 4711 })).await.expect(200);
    assert_eq!(same.header("etag"), changed.header("etag"));
}
