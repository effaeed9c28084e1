//! What became of work that outlives its request.
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, CSV, Member, TestApp, TestDb, each, town};

/// An operation of acme's, as it may be found.
async fn planted(db: &TestDb, status: &str) -> String {
    let id = Uuid::now_v7();
    let acme = town().acme.id;
    db.run(&format!(
        "insert into tenant.operations (tenant_id, id, kind, status) values ('{acme}', '{id}', 'products.import', '{status}')"
    ))
    .await;
    format!("/operations/{id}")
}

#[tokio::test]
async fn an_operation_tells_when_to_ask_again_until_it_has_ended() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    for status in ["queued", "running"] {
        let path = planted(&db, status).await;
        let told = owner.get(&path).await.expect(200);
        assert_eq!((told.header("retry-after"), told.header("etag")), ("1", "\"1\""));
        assert_eq!((&told.json()["status"], &told.json()["finished_at"]), (&json!(status), &Value::Null));
        let same = Answer::of(owner.request(Method::GET, &path).header("if-none-match", "\"1\"")).await.expect(304);
        assert_eq!((same.header("retry-after"), same.text.as_str()), ("1", ""));
    }
    let accepted = Answer::of(owner.import("all", CSV, "sku,name,price_minor\nop,O,1\n")).await.expect(202);
    assert_eq!((accepted.header("retry-after"), &accepted.json()["status"]), ("1", &json!("queued")));
    let path = accepted.header("location").strip_prefix("/api/v1").unwrap();
    let ended = owner.ended(accepted.header("location")).await;
    assert_eq!((&ended["status"], &ended["done"]), (&json!("succeeded"), &json!(1)));
    assert!(ended["finished_at"].as_str() >= ended["created_at"].as_str());
    let before = owner.request(Method::GET, path).header("if-none-match", accepted.header("etag"));
    let told = Answer::of(before).await.expect(200);
    assert_eq!((told.header("retry-after"), told.json()), ("", ended));
}

#[tokio::test]
async fn work_whose_server_is_gone_is_interrupted_after_a_minute() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    for status in ["queued", "running"] {
        let path = planted(&db, status).await;
        let before = owner.get(&path).await.expect(200);
        // A trigger of the table counts versions; what is done here is that time passes.
        db.run("set session_replication_role = replica; update tenant.operations set alive_at = now() - interval '61 seconds'").await;
        let known = owner.request(Method::GET, &path).header("if-none-match", before.header("etag"));
        let told = Answer::of(known).await.expect(200);
        assert_eq!((&told.json()["status"], told.header("retry-after")), (&json!("interrupted"), ""));
        let again = owner.request(Method::GET, &path).header("if-none-match", told.header("etag"));
        Answer::of(again).await.expect(304);
        let listed = owner.get("/operations?limit=1").await.expect(200).json();
        assert_eq!(listed["items"][0]["status"], "interrupted");
        Answer::of(owner.request(Method::DELETE, &path)).await.problem(409, "operation_ended");
    }
}

#[tokio::test]
async fn what_has_ended_cannot_be_cancelled() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let (owner, viewer) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.viewer, acme));
    for status in ["succeeded", "failed", "cancelled"] {
        let path = planted(&db, status).await;
        Answer::of(owner.request(Method::DELETE, &path)).await.problem(409, "operation_ended");
        assert_eq!(owner.get(&path).await.expect(200).header("retry-after"), "");
    }
    let path = planted(&db, "running").await;
    Answer::of(viewer.request(Method::DELETE, &path)).await.lacks("operations:write");
    let asked = Answer::of(owner.request(Method::DELETE, &path)).await.expect(202);
    assert_eq!(asked.json()["status"], "running", "it ends when it next looks");
    assert_eq!(asked.header("location"), format!("/api/v1{path}"));
    Answer::of(owner.request(Method::DELETE, &path)).await.expect(202);
    let missing = format!("/operations/{}", Uuid::now_v7());
    Answer::of(owner.request(Method::DELETE, &missing)).await.problem(404, "not_found");
    owner.get("/operations/1").await.problem(400, "bad_request");
}

#[tokio::test]
async fn operations_are_listed_newest_first_and_only_ones_own() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (here, there) = (Member::new(&app, &acme.viewer, acme), Member::new(&app, &globex.owner, globex));
    let mut made = vec![acme.operation.to_string()];
    for _ in 0..7 {
        made.push(planted(&db, "succeeded").await.replace("/operations/", ""));
    }
    made.reverse();
    let (mut found, mut path) = (Vec::new(), "/operations?limit=3".to_owned());
    loop {
        let answer = here.get(&path).await.expect(200);
        found.extend(each(&answer.json(), "id"));
        let Some(link) = answer.header("link").strip_prefix("</api/v1") else { break };
        link.strip_suffix(">; rel=\"next\"").unwrap().clone_into(&mut path);
    }
    assert_eq!(found, made);
    assert_eq!(each(&there.get("/operations").await.expect(200).json(), "id"), [globex.operation.to_string()]);
    for id in &made {
        there.get(&format!("/operations/{id}")).await.problem(404, "not_found");
        Answer::of(there.request(Method::DELETE, &format!("/operations/{id}"))).await.problem(404, "not_found");
    }
}

/// However its job ends, an operation ends with it, and its file goes.
#[tokio::test]
async fn an_operation_whose_job_is_cancelled_or_discarded_has_ended_and_keeps_no_place() {
    let db = TestDb::new().await;
    // Nobody works here.
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let files = "select count(*) from tenant.operation_files where operation_id not in (select id from tenant.operations where alive_at <> 'infinity')";
    for end in ["cancel", "discard", "the operation"] {
        let accepted = Answer::of(owner.import("all", CSV, "sku,name,price_minor\nop,O,1\n")).await.expect(202);
        let path = accepted.header("location").strip_prefix("/api/v1").unwrap();
        assert_eq!(db.value::<i64>(files).await, 1, "{end}");
        let ends = match end {
            "the operation" => owner.request(Method::DELETE, path),
            end => owner.request(Method::POST, &format!("/jobs/{}/{end}", path.rsplit('/').next().unwrap())),
        };
        assert!(Answer::of(ends).await.status.is_success(), "{end}");
        assert_eq!(owner.get(path).await.expect(200).json()["status"], "cancelled", "{end}");
        assert_eq!(db.value::<i64>(files).await, 0, "{end}");
    }
    // Whoever sends the same once more is answered, though it is theirs that takes the last place.
    let again = || owner.import("all", CSV, "sku,name,price_minor\nop,O,1\n").header("idempotency-key", "again");
    let first = Answer::of(again()).await.expect(202);
    Answer::of(owner.import("all", CSV, "sku,name,price_minor\nop,O,1\n")).await.expect(202);
    Answer::of(owner.import("all", CSV, "sku,name,price_minor\nop,O,1\n")).await.problem(429, "files_under_way");
    let second = Answer::of(again()).await.expect(202);
    assert_eq!((second.header("idempotency-replayed"), second.header("location")), ("true", first.header("location")));
}
