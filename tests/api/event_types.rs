//! The catalogue of events: the same as what the triggers of the database say, and true of every event that is told.
use std::collections::BTreeSet;

use reqwest::Method;
use rowhouse::events::TYPES;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Member, TestApp, TestDb, town};

#[tokio::test]
async fn the_triggers_of_the_database_and_the_catalogue_say_the_same() {
    let db = TestDb::new().await;
    // Arguments end with a zero byte each: part, type, permission, columns.
    let triggers = "select distinct split_part(encode(tgargs, 'escape'), '\\000', 2), split_part(encode(tgargs, 'escape'), '\\000', 3)
        from pg_trigger where tgfoid in ('registry.note_changes()'::regprocedure, 'registry.note_tenant()'::regprocedure) and not tgisinternal";
    let told = db.superuser().await.query(triggers, &[]).await.unwrap();
    let told: BTreeSet<(String, String)> =
        told.iter().map(|row| (row.get(0), row.get(1))).filter(|(kind, _): &(String, _)| !kind.is_empty()).collect();
    let listed = TYPES.iter().map(|kind| (kind.name.to_owned(), kind.permission.to_owned())).collect();
    assert_eq!(told, listed, "sql/policies say one thing, src/events/catalogue.rs another");
    assert_eq!(TYPES.len(), told.len(), "a type is listed once");
}

#[tokio::test]
async fn each_permission_that_an_event_asks_for_is_one() {
    let db = TestDb::new().await;
    let names: Vec<String> = TYPES.iter().map(|kind| kind.permission.to_owned()).collect();
    let unknown = "select p from unnest($1::text[]) p where p not in (select name from registry.permissions)";
    assert!(db.superuser().await.query(unknown, &[&names]).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_catalogue_is_served_to_anybody() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let served = Answer::of(app.request(Method::GET, "/api/v1/event-types")).await.expect(200).json();
    let items = served["items"].as_array().unwrap();
    assert_eq!(items.len(), TYPES.len());
    let updated = items.iter().find(|item| item["name"] == "project.updated").unwrap();
    assert_eq!((&updated["version"], &updated["permission"]), (&json!(1), &json!("projects:read")));
    let schema = &updated["schema"];
    assert_eq!(schema["required"], json!(["id", "version", "changed"]));
    assert_eq!(
        schema["properties"]["changed"]["items"]["enum"],
        json!(["name", "description", "status", "owner_id"]),
        "{schema}"
    );
    assert!(!served.to_string().contains("$ref"), "a schema stands by itself");
}

/// Whether a value is as a schema of the catalogue wants it: types, members and words, which is all that they say.
fn fits(schema: &Value, value: &Value) -> bool {
    let words = schema["enum"].as_array().is_none_or(|words| words.contains(value));
    words
        && match schema["type"].as_str().unwrap_or_else(|| panic!("{schema} has no type")) {
            "object" => {
                let (members, known) = (value.as_object().unwrap(), schema["properties"].as_object().unwrap());
                let required = schema["required"].as_array().unwrap();
                required.iter().all(|name| members.contains_key(name.as_str().unwrap()))
                    && members.iter().all(|(name, value)| known.get(name).is_some_and(|schema| fits(schema, value)))
            }
            "array" => value.as_array().is_some_and(|items| items.iter().all(|item| fits(&schema["items"], item))),
            "integer" => value.is_i64(),
            "string" if schema["format"] == "uuid" => value.as_str().is_some_and(|text| Uuid::try_parse(text).is_ok()),
            "string" => value.is_string(),
            other => panic!("a schema of a type of its own: {other}"),
        }
}

#[tokio::test]
async fn every_type_is_told_and_what_is_told_is_as_its_type_says() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    // What is changed or goes; the fixture has made one of most things already.
    let (task, product) = (acme.projects[0].tasks[0], owner.make(json!({ "name": "Lamp" })).await);
    owner.patch(&format!("/projects/{}", acme.projects[0].id), "*", json!({ "name": "Another" })).await.expect(200);
    owner
        .patch(&format!("/projects/{}/tasks/{task}", acme.projects[0].id), "*", json!({ "name": "Look again" }))
        .await
        .expect(200);
    owner.delete(&format!("/projects/{}", acme.projects[0].id), "*").await.expect(204);
    let product = format!("/products/{}", product["id"].as_str().unwrap());
    owner.patch(&product, "*", json!({ "stock": 3, "description": "Made of glass" })).await.expect(200);
    owner.delete(&product, "*").await.expect(204);
    let viewer = owner.role("viewer").await;
    owner.give(&acme.member, &viewer).await.expect(200);
    owner.delete(&format!("/tenant/members/{}", acme.member.id), "*").await.expect(204);
    let invitation = format!("/tenant/invitations/{}", acme.invitation);
    owner.post(&format!("{invitation}/resend"), json!({})).await.expect(200);
    owner.delete(&invitation, "*").await.expect(204);
    let role = owner.make_role("auditor", &["projects:read"]).await;
    owner.patch(&format!("/tenant/roles/{role}"), "*", json!({ "permissions": ["tasks:read"] })).await.expect(200);
    owner.delete(&format!("/tenant/roles/{role}"), "*").await.expect(204);
    owner.patch("/tenant", "*", json!({ "name": "Acme and sons" })).await.expect(200);
    let hook = owner.post("/webhooks", json!({ "url": "https://example.com/hook" })).await.expect(201).json();
    let hook = format!("/webhooks/{}", hook["id"].as_str().unwrap());
    owner.patch(&hook, "*", json!({ "state": "disabled", "description": "Ours", "ordered": true })).await.expect(200);
    owner
        .patch(&hook, "*", json!({ "url": "https://example.com/other", "event_types": ["project.created"] }))
        .await
        .expect(200);
    owner.delete(&hook, "*").await.expect(204);
    owner.patch("/tenant/settings", "*", json!({ "currency": "SEK" })).await.expect(200);
    // What asks for a password first, for name servers or for a file is done by hand: triggers ask nobody who it was.
    db.run(&format!(
        "update tenant.subscriptions set cancel_at_period_end = true where tenant_id = '{id}';
         update tenant.api_keys set name = 'another' where id = '{key}';
         delete from tenant.api_keys where id = '{key}';
         update registry.domains set verified_at = null where id = '{claim}';
         delete from registry.hosts where tenant_id = '{id}';
         delete from registry.domains where id = '{claim}';
         update tenant.operations set status = 'succeeded', finished_at = now() where id = '{operation}';
         insert into tenant.invitations (tenant_id, id, email, role_id, permissions, token_hash, expires_at)
             select tenant_id, gen_random_uuid(), 'owner@globex.example', id, permissions, sha256('\\x{hash}'), now() + interval '1 day'
             from tenant.roles where tenant_id = '{id}' and name = 'viewer'",
        key = acme.api_key,
        claim = acme.claim,
        id = acme.id,
        operation = acme.operation,
        hash = "ab".repeat(32),
    ))
    .await;
    accept(&db, &"ab".repeat(32)).await;

    let rows =
        "select type, type_version, permission, data, actor_kind, actor_id from tenant.events where tenant_id = $1";
    let mut seen = BTreeSet::new();
    for row in db.superuser().await.query(rows, &[&acme.id]).await.unwrap() {
        let (name, version, permission, data): (String, i16, String, Value) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        let kind = TYPES.iter().find(|kind| kind.name == name).unwrap_or_else(|| panic!("{name} is in no catalogue"));
        assert_eq!((version, permission.as_str()), (kind.version, kind.permission), "{name}");
        (kind.check)(&data).unwrap_or_else(|why| panic!("{name}: {data}: {why}"));
        assert!(fits(&(kind.schema)(), &data), "{name}: {data} and {}", (kind.schema)());
        seen.insert(kind.name);
    }
    let missing: Vec<&str> = TYPES.iter().map(|kind| kind.name).filter(|name| !seen.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "cause one here");
    let mut wrong = json!({ "id": Uuid::nil(), "version": 1, "name": "Moon shot" });
    let created = TYPES.iter().find(|kind| kind.name == "project.created").unwrap();
    assert!((created.check)(&wrong).is_err() && !fits(&(created.schema)(), &wrong), "what is checked can be wrong");
    wrong.as_object_mut().unwrap().remove("name");
    assert!((created.check)(&wrong).is_ok() && fits(&(created.schema)(), &wrong));
}

/// Globex's owner accepts the invitation, of which the token's hash is known.
async fn accept(db: &TestDb, hash: &str) {
    let gate = db.gate().await;
    let (acme, guest) = (&town().acme, town().globex.owner.id);
    let invited: Uuid = db
        .superuser()
        .await
        .query_one("select id from tenant.invitations where email = 'owner@globex.example'", &[])
        .await
        .unwrap()
        .get(0);
    // The table has the hash of what is presented.
    db.run(&format!("update tenant.invitations set token_hash = sha256('\\x{hash}') where id = '{invited}'")).await;
    let accept = format!(
        "begin; set local app.tenant_id = ''; set local app.user_id = '{guest}'; set local app.session_id = '{guest}'; set local app.api_key = '';
         select registry.accept_invitation('{}', '{invited}', '\\x{hash}'); commit",
        acme.id
    );
    gate.batch_execute(&accept).await.unwrap();
}
