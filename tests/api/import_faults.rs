//! Imports that do not come to their end: cancelled, cut off, against each other, without permission any more.
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Answer, CSV, Member, NDJSON, TestApp, TestDb, forge, town, tuning};

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
    let app = TestApp::new(&db).await.working(&db);
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
async fn a_tenant_has_three_files_under_way_and_others_are_not_kept_waiting_by_more() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let (acme, globex) = (&town().acme, &town().globex);
    let (member, owner) = (Member::new(&app, &acme.member, acme), Member::new(&app, &acme.owner, acme));
    let neighbour = Member::new(&app, &globex.owner, globex);
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; lock table tenant.products in share row exclusive mode").await.unwrap();
    // The fixture's operation waits for ever, and has one.
    let mut under_way = Vec::new();
    for importer in [&member, &owner] {
        let accepted = Answer::of(importer.import("all", CSV, file(3))).await.expect(202);
        under_way.push(accepted.header("location").to_owned());
    }
    let refused = Answer::of(member.import("all", CSV, file(3))).await;
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    refused.problem(429, "files_under_way");
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
    let app = TestApp::new(&db).await.working(&db);
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
    let app = TestApp::new(&db).await.working(&db);
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
    for ended in [&one, &two] {
        assert_eq!(ended["status"], "succeeded", "one after the other: {one} {two}");
    }
    assert_eq!(there(&db).await, 1000);
    let prices: i64 = db.value("select count(distinct price_minor) from tenant.products where sku like 'f-%'").await;
    assert_eq!(prices, 1, "each is one transaction");
}

/// Makes the products of a file's first lines, as they stand there, so that importing it locks them.
async fn made(member: &Member<'_>, lines: usize) {
    let ended = member.imported("all", CSV, file(lines).replace("File", "Was")).await;
    assert_eq!(ended["result"]["created"], lines, "{ended}");
}

/// Waits until somebody in the database waits for a lock.
async fn stuck(db: &TestDb) {
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while db.value::<i64>(waits).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_write_to_what_the_tenants_own_import_holds_is_refused_at_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let acme = &town().acme;
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    made(&owner, 1000).await;
    let id =
        async |sku: &str| db.value::<uuid::Uuid>(&format!("select id from tenant.products where sku = '{sku}'")).await;
    let (held, free) = (id("f-00001").await, id("acme-lamp").await);
    // The import has written its first batch, and waits with the second.
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; select from tenant.products where sku = 'f-00999' for update").await.unwrap();
    let new = file(1000) + "f-new,New,1\n";
    let import = Answer::of(owner.import("all", CSV, new.clone())).await.expect(202);
    stuck(&db).await;
    let patch = |id: uuid::Uuid| {
        let request = member.request(Method::PATCH, &format!("/products/{id}")).header("if-match", "*");
        request.header("content-type", "application/merge-patch+json").body(json!({ "stock": 1 }).to_string())
    };
    let delete = owner.request(Method::DELETE, &format!("/products/{held}")).header("if-match", "*");
    let begun = Instant::now();
    for refused in [patch(held), delete] {
        let answer = Answer::of(refused).await;
        assert_eq!(answer.header("retry-after"), "1");
        answer.problem(409, "operation_in_progress");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "nobody waits for as long as a lock may take: {:?}",
        begun.elapsed()
    );
    Answer::of(patch(free)).await.expect(200);
    // Somebody who may not know of operations is not kept waiting either.
    let role = owner.make_role("clerk", &["products:write", "products:read"]).await;
    owner.give(&acme.both, &role).await.expect(200);
    let clerk = Member::new(&app, &acme.both, acme);
    clerk.patch(&format!("/products/{held}"), "*", json!({ "stock": 1 })).await.problem(409, "operation_in_progress");
    superuser.batch_execute("commit").await.unwrap();
    assert_eq!(owner.ended(import.header("location")).await["status"], "succeeded");
    Answer::of(patch(held)).await.expect(200);

    // Nor is a SKU that it has just made waited for.
    db.run("delete from tenant.products where sku = 'f-00000'").await;
    superuser.batch_execute("begin; select from tenant.products where sku = 'f-00999' for update").await.unwrap();
    let import = Answer::of(owner.import("all", CSV, file(1000).replace("File", "Again"))).await.expect(202);
    stuck(&db).await;
    let same = json!({ "sku": "f-00000", "name": "Same", "price": { "amount_minor": 1 } });
    let keyed = member.request(Method::POST, "/products").header("idempotency-key", "same").json(&same);
    for refused in [member.post("/products", same.clone()).await, Answer::of(keyed).await] {
        refused.problem(409, "operation_in_progress");
    }
    superuser.batch_execute("commit").await.unwrap();
    assert_eq!(owner.ended(import.header("location")).await["status"], "succeeded");
    member.post("/products", same).await.problem(409, "conflict");

    // Where nothing of the tenant's is under way a write waits for others as long as it may.
    superuser.batch_execute("begin; select from tenant.products where sku = 'f-00001' for update").await.unwrap();
    let (answer, ()) = tokio::join!(Answer::of(patch(held)), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        superuser.batch_execute("commit").await.unwrap();
    });
    answer.expect(200);
}

#[tokio::test]
async fn a_write_to_what_is_being_indexed_anew_is_refused_at_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    made(&owner, 100).await;
    let held: uuid::Uuid = db.value("select id from tenant.products where sku = 'f-00001'").await;
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; select from tenant.products where sku = 'f-00099' for update").await.unwrap();
    let changed = owner.patch("/tenant/settings", "*", json!({ "language": "german" })).await.expect(200);
    stuck(&db).await;
    let begun = Instant::now();
    let answer = owner.patch(&format!("/products/{held}"), "*", json!({ "stock": 1 })).await;
    answer.problem(409, "operation_in_progress");
    assert!(begun.elapsed() < Duration::from_secs(1));
    superuser.batch_execute("commit").await.unwrap();
    let link = changed.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    assert_eq!(owner.ended(&link).await["status"], "succeeded");
    owner.patch(&format!("/products/{held}"), "*", json!({ "stock": 1 })).await.expect(200);
}

#[tokio::test]
async fn an_import_waits_for_the_one_before_and_nobody_else_waits_for_either() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    let neighbour = Member::new(&app, &globex.owner, globex);
    made(&owner, 3000).await;
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; select from tenant.products where sku = 'f-02999' for update").await.unwrap();
    let mut under_way = Vec::new();
    for mode in ["all", "partial"] {
        let accepted = Answer::of(owner.import(mode, CSV, file(3000))).await.expect(202);
        under_way.push(accepted.header("location").to_owned());
    }
    stuck(&db).await;
    let begun = Instant::now();
    for (mode, kind, one) in [
        ("all", CSV, "sku,name,price_minor\none,One,1\n"),
        ("partial", NDJSON, "{\"sku\":\"two\",\"name\":\"Two\",\"price\":{\"amount_minor\":1}}"),
    ] {
        let ended = neighbour.imported(mode, kind, one).await;
        assert_eq!((&ended["status"], &ended["result"]["created"]), (&json!("succeeded"), &json!(1)), "{ended}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // Longer than a lock is waited for: the first goes on trying, and the second has not begun.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let status =
        async |location: &str| owner.get(location.strip_prefix("/api/v1").unwrap()).await.json()["status"].clone();
    assert_eq!((status(&under_way[0]).await, status(&under_way[1]).await), (json!("running"), json!("queued")));
    superuser.batch_execute("commit").await.unwrap();
    for location in &under_way {
        assert_eq!(owner.ended(location).await["status"], "succeeded");
    }
}

#[tokio::test]
async fn a_person_with_two_tenants_does_not_take_the_room_of_all() {
    let db = TestDb::new().await;
    let options = ["--pool", "4", "--import-bytes", "100000"];
    let app = TestApp::with(&db.url("rowhouse_api"), &tuning(&options)).await.working(&db);
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    owner.give(&acme.both, &owner.role("member").await).await.expect(200);
    let theirs = Member::new(&app, &globex.owner, globex);
    theirs.give(&globex.both, &theirs.role("member").await).await.expect(200);
    let send = async |tenant| {
        let token = forge(acme.both.id, Some(tenant)).sign();
        let head = format!(
            "POST /api/v1/products/import HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: text/csv\r\ncontent-length: 100000\r\n\r\n"
        );
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let _ = stream.write_all("x".repeat(99_999).as_bytes()).await;
        stream
    };
    // Nearly complete, and then asleep.
    let asleep = [send(acme.id).await, send(acme.id).await];
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut third = send(globex.id).await;
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(5), third.read_to_string(&mut answer)).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\"busy\""), "{read:?} {answer}");
    let whole = "sku,name,price_minor\n".to_owned() + &"r,Room,1\n".repeat(11_000);
    let taken = theirs.imported("partial", CSV, whole).await;
    assert_eq!(taken["result"]["created"], 1, "{}", taken["status"]);
    drop(asleep);
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
