//! Imports that do not come to their end: cancelled, cut off, against each other, without permission any more.
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Answer, CSV, Member, TestApp, TestDb, forge, town};

/// A file of so many lines, for more than one batch.
fn file(lines: usize) -> String {
    (0..lines).fold("sku,name,price_minor\n".to_owned(), |file, n| file + &format!("f-{n:05},File {n},{n}\n"))
}

/// How many products of the file there are.
async fn there(db: &TestDb) -> i64 {
    db.value("select count(*) from tenant.products where sku like 'f-%'").await
}

/// Begins an import whose first batch waits, does something meanwhile, and lets it go on.
async fn meanwhile(db: &TestDb, member: &Member<'_>, mode: &str, then: impl AsyncFnOnce(&str)) -> Value {
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; lock table tenant.products in share row exclusive mode").await.unwrap();
    let accepted = Answer::of(member.import(mode, CSV, file(1200))).await.expect(202);
    let location = accepted.header("location").to_owned();
    // Past the second after which an import of everything looks whether it is still wanted; a lock is waited for two.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    then(&location).await;
    superuser.batch_execute("commit").await.unwrap();
    member.ended(&location).await
}

#[tokio::test]
async fn a_cancelled_import_of_everything_leaves_nothing_and_a_partial_one_what_it_had() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    for (mode, left) in [("all", 0), ("partial", 500)] {
        let cancel = async |location: &str| {
            let path = location.strip_prefix("/api/v1").unwrap();
            let asked = Answer::of(owner.request(Method::DELETE, path)).await.expect(202);
            assert_eq!((asked.header("location"), asked.header("retry-after")), (location, "1"));
        };
        let ended = meanwhile(&db, &owner, mode, cancel).await;
        assert_eq!((&ended["status"], there(&db).await), (&json!("cancelled"), left), "{ended}");
        assert_eq!((&ended["result"]["created"], &ended["done"]), (&json!(left), &json!(500)));
        assert!(ended["finished_at"].is_string());
        let path = format!("/operations/{}", ended["id"].as_str().unwrap());
        Answer::of(owner.request(Method::DELETE, &path)).await.problem(409, "operation_ended");
    }
}

#[tokio::test]
async fn a_tenant_has_two_imports_under_way_and_others_are_not_kept_waiting_by_more() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (member, owner) = (Member::new(&app, &acme.member, acme), Member::new(&app, &acme.owner, acme));
    let neighbour = Member::new(&app, &globex.owner, globex);
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; lock table tenant.products in share row exclusive mode").await.unwrap();
    let mut under_way = Vec::new();
    for importer in [&member, &owner] {
        let accepted = Answer::of(importer.import("all", CSV, file(3))).await.expect(202);
        under_way.push(accepted.header("location").to_owned());
    }
    let refused = Answer::of(member.import("all", CSV, file(3))).await;
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    refused.problem(503, "busy");
    let elsewhere = Answer::of(neighbour.import("all", CSV, file(3))).await.expect(202);
    superuser.batch_execute("commit").await.unwrap();
    for location in &under_way {
        assert_eq!(owner.ended(location).await["status"], "succeeded");
    }
    assert_eq!(neighbour.ended(elsewhere.header("location")).await["status"], "succeeded");
    assert_eq!(member.imported("all", CSV, file(3)).await["status"], "succeeded");
}

#[tokio::test]
async fn whoever_loses_the_permission_midway_imports_nothing_more() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    // Who may still tell how an operation of theirs ended, and no more.
    let role = owner.make_role("teller", &["operations:read", "operations:write", "products:read"]).await;
    let (worker, teller) = (owner.role("member").await, role);
    for (mode, most) in [("all", 0), ("partial", 500)] {
        owner.give(&acme.member, &worker).await.expect(200);
        let ended = meanwhile(&db, &member, mode, async |_| {
            owner.give(&acme.member, &teller).await.expect(200);
        })
        .await;
        assert_eq!(ended["status"], "failed", "{ended}");
        assert_eq!(ended["result"]["problem"]["code"], "permission_denied");
        assert!(ended["result"]["problem"]["detail"].as_str().unwrap().contains("products:write"));
        let left = there(&db).await;
        assert!(left <= most, "{left} of {mode}");
        assert_eq!(ended["result"]["created"], left, "what is told is what is there: {ended}");
    }
}

#[tokio::test]
async fn two_imports_of_the_same_products_end_and_leave_no_mixture() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let lines = |price: &str, backwards: bool| {
        let mut lines: Vec<String> = (0..1000).map(|n| format!("f-{n:05},File,{price}")).collect();
        if backwards {
            lines.reverse();
        }
        format!("sku,name,price_minor\n{}", lines.join("\n"))
    };
    // In opposite orders, each may hold what the other waits for.
    let (one, two) =
        tokio::join!(owner.imported("all", CSV, lines("1", false)), owner.imported("all", CSV, lines("2", true)));
    let mut well = 0;
    for ended in [&one, &two] {
        match ended["status"].as_str().unwrap() {
            "succeeded" => well += 1,
            "failed" => assert_eq!(ended["result"]["problem"]["code"], "database_timeout", "{ended}"),
            other => panic!("{other}"),
        }
    }
    assert!(well >= 1, "{one} {two}");
    assert_eq!(there(&db).await, 1000);
    let prices: i64 = db.value("select count(distinct price_minor) from tenant.products where sku like 'f-%'").await;
    assert_eq!(prices, 1, "each is one transaction");
}

#[tokio::test]
async fn a_caller_who_hangs_up_midway_has_imported_nothing() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let token = forge(acme.owner.id, Some(acme.id)).sign();
    let head = |length: &str| {
        format!(
            "POST /api/v1/products/import HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: text/csv\r\n{length}\r\n\r\n"
        )
    };
    let body = file(10);
    for (length, sent) in [
        (format!("content-length: {}", body.len()), body[..body.len() - 1].to_owned()),
        ("transfer-encoding: chunked".to_owned(), format!("{:x}\r\n{body}\r\n", body.len())),
    ] {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all((head(&length) + &sent).as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert!(answer.is_empty() || answer.contains("upload_cut"), "{answer}");
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let operations: i64 = db.value("select count(*) from tenant.operations").await;
    assert_eq!((there(&db).await, operations), (0, 2), "the fixture's operations alone");
}
