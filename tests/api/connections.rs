//! Connections: the next request on one, too many of them, those that do nothing, and those that read nothing.
use std::time::{Duration, Instant};

use reqwest::Method;
use rowhouse::db::API_ROLE;
use serde_json::Value;

use crate::support::{Answer, Raw, TestApp, TestDb, forge, town, tuning};

const LIVE: &str = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Requests that are answered before their body is read: status, method and path, and header lines.
fn early() -> Vec<(u16, String, String)> {
    let acme = &town().acme;
    let token = format!("authorization: Bearer {}\r\n", forge(acme.owner.id, Some(acme.id)).sign());
    let json = "content-type: application/json\r\n";
    let project = format!("PATCH /api/v1/projects/{}", acme.projects[0].id);
    vec![
        (401, "POST /api/v1/projects".into(), json.into()),
        (401, "POST /api/v1/products/import".into(), "content-type: text/csv\r\n".into()),
        (404, "POST /api/v1/nothing".into(), token.clone()),
        (405, "PUT /api/v1/projects".into(), token.clone()),
        (415, "POST /api/v1/projects".into(), format!("{token}content-type: text/plain\r\n")),
        (415, "POST /api/v1/projects".into(), format!("{token}{json}content-encoding: gzip\r\n")),
        (428, project.clone(), format!("{token}{json}")),
        (400, project, format!("{token}{json}if-match: 1\r\n")),
        (400, "POST /api/v1/projects/nine/tasks".into(), format!("{token}{json}")),
        (400, "POST /api/v1/projects".into(), format!("{token}{json}idempotency-key: \"\r\n")),
        (406, "GET /api/v1/products/export".into(), format!("{token}accept: image/png\r\n")),
        (404, "GET /nowhere".into(), String::new()),
    ]
}

#[tokio::test]
async fn an_early_answer_costs_no_later_request_its_life() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    for (status, line, lines) in early() {
        for (framing, body) in [
            (format!("content-length: {}\r\n", r#"{"name":"x"}"#.len()), r#"{"name":"x"}"#.to_owned()),
            ("transfer-encoding: chunked\r\n".to_owned(), "c\r\n{\"name\":\"x\"}\r\n0\r\n\r\n".to_owned()),
            ("content-length: 500000\r\n".to_owned(), "x".repeat(500_000)),
            ("content-length: 12\r\nexpect: 100-continue\r\n".to_owned(), r#"{"name":"x"}"#.to_owned()),
        ] {
            let mut raw = Raw::connect(app.address).await;
            let (mut died, mut connections) = (0, 1);
            for _ in 0..10 {
                let head = format!("{line} HTTP/1.1\r\nhost: localhost\r\n{lines}{framing}\r\n");
                if raw.send(&head).await.is_err() {
                    died += 1;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
                let sent = raw.send(&body).await;
                match raw.answer().await {
                    // Whoever was told of the end goes elsewhere, as RFC 9112 §9.6 says.
                    Some(answer) if answer.status == status => {
                        if answer.closes() {
                            raw = Raw::connect(app.address).await;
                            connections += 1;
                        } else {
                            sent.unwrap();
                        }
                    }
                    Some(other) => panic!("{line} {framing}: {other:?}"),
                    None => {
                        died += 1;
                        raw = Raw::connect(app.address).await;
                    }
                }
            }
            assert_eq!(died, 0, "{status} {line} {lines}{framing}");
            let small = framing.starts_with("content-length: 12\r\n") && !framing.contains("expect");
            assert!(!small || connections == 1, "{line}: what is small is read, on {connections} connections");
        }
    }
}

#[tokio::test]
async fn forty_requests_that_are_refused_go_over_one_connection() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let mut raw = Raw::connect(app.address).await;
    for n in 0..40 {
        let head = "POST /api/v1/projects HTTP/1.1\r\nhost: localhost\r\ncontent-length: 12\r\n\r\n";
        raw.send(head).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        raw.send(r#"{"name":"x"}"#).await.unwrap();
        let answer = raw.answer().await.unwrap_or_else(|| panic!("request {n} died"));
        assert_eq!((answer.status, answer.closes()), (401, false), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_to_a_body_that_is_never_read_arrives_and_says_that_it_is_the_last() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let head = "POST /api/v1/projects HTTP/1.1\r\nhost: localhost\r\ncontent-length: 900000\r\n\r\n";
    for _ in 0..10 {
        let mut raw = Raw::connect(app.address).await;
        raw.send(head).await.unwrap();
        // All of it, before anything is read: the answer must not be lost to a reset.
        raw.send("x".repeat(900_000)).await.unwrap();
        let answer = raw.answer().await.expect("an answer");
        assert!(answer.status == 401 && answer.closes(), "{answer:?}");
        assert!(raw.ends_within(Duration::from_secs(5)).await);
    }
}

#[tokio::test]
async fn whoever_does_not_send_what_is_small_is_let_go() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let mut raw = Raw::connect(app.address).await;
    raw.send("POST /api/v1/projects HTTP/1.1\r\nhost: localhost\r\ncontent-length: 12\r\n\r\n{").await.unwrap();
    assert_eq!(raw.answer().await.unwrap().status, 401);
    assert!(raw.ends_within(Duration::from_secs(10)).await, "five seconds for the rest");
}

/// A server for so many connections; none of the options' share.
async fn small(db: &TestDb, options: &[&str]) -> TestApp {
    let options: Vec<&str> = ["--pool", "2", "--connections", "16"].iter().chain(options).copied().collect();
    TestApp::with(&db.url(API_ROLE), &tuning(&options)).await
}

/// Whether a request on a new connection from there is answered 200; 503 is the only other answer.
async fn is_let_in(app: &TestApp, source: &str) -> bool {
    let mut raw = Raw::connect_from(source, app.address).await;
    raw.send(LIVE).await.unwrap();
    let answer = raw.answer().await.expect("an answer, and no silence");
    if answer.status == 503 {
        assert!(answer.closes() && answer.header("retry-after") == "1", "{answer:?}");
        if answer.body.is_empty() {
            return false; // to a network of which many are being told already
        }
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((&problem["code"], &problem["instance"]), (&"too_many_connections".into(), &"/livez".into()));
        return false;
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    true
}

#[tokio::test]
async fn sockets_of_one_network_take_its_share_and_no_more() {
    let db = TestDb::new().await;
    let app = small(&db, &[]).await;
    let mut held = Vec::new();
    for n in 0..64 {
        let mut raw = Raw::connect_from("127.0.0.9", app.address).await;
        // Some say nothing, some drip.
        let _ = raw.send(if n % 2 == 0 { "" } else { "GET /li" }).await;
        held.push(raw);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..10 {
        assert!(!is_let_in(&app, "127.0.0.9").await, "four of sixteen are one network's");
        assert!(is_let_in(&app, "127.0.0.1").await, "and the others are everybody's");
        assert!(is_let_in(&app, "127.0.1.9").await);
    }
    drop(held);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(is_let_in(&app, "127.0.0.9").await, "places come back");
}

#[tokio::test]
async fn where_all_places_are_taken_connections_that_do_nothing_make_room() {
    let db = TestDb::new().await;
    let app = small(&db, &["--connections-per-network", "8"]).await;
    let mut held = Vec::new();
    for n in 0..16 {
        let mut raw = Raw::connect_from(&format!("127.0.0.{}", 10 + n % 4), app.address).await;
        let _ = raw.send(if n % 2 == 0 { "" } else { "GET /li" }).await;
        held.push(raw);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!is_let_in(&app, "127.0.0.1").await, "all have come just now");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    for _ in 0..8 {
        assert!(is_let_in(&app, "127.0.0.1").await);
    }
    // Not one that is being answered: half of the places are.
    drop(held);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; lock table tenant.projects in access exclusive mode").await.unwrap();
    let acme = &town().acme;
    let token = forge(acme.owner.id, Some(acme.id)).sign();
    let ask = format!("GET /api/v1/projects HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
    let mut working = Vec::new();
    for n in 0..16 {
        let mut raw = Raw::connect_from(&format!("127.0.0.{}", 10 + n % 4), app.address).await;
        raw.send(&ask).await.unwrap();
        working.push(raw);
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!is_let_in(&app, "127.0.0.1").await, "nobody is cut off in the middle of an answer");
    superuser.batch_execute("rollback").await.unwrap();
    for mut raw in working {
        assert!([200, 503].contains(&raw.answer().await.expect("an answer").status));
    }
}

#[tokio::test]
async fn behind_a_proxy_the_connections_are_everybodys() {
    let db = TestDb::new().await;
    let app = small(&db, &["--trusted-proxies", "1"]).await;
    let mut held = Vec::new();
    for _ in 0..15 {
        held.push(Raw::connect(app.address).await);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(is_let_in(&app, "127.0.0.1").await);
}

#[tokio::test]
async fn thousands_who_are_refused_are_refused_at_once() {
    let db = TestDb::new().await;
    let app = small(&db, &[]).await;
    let mut held = Vec::new();
    for _ in 0..400 {
        held.push(Raw::connect_from("127.0.0.9", app.address).await);
    }
    let begun = Instant::now();
    for _ in 0..20 {
        let mut raw = Raw::connect_from("127.0.0.9", app.address).await;
        let _ = raw.send(LIVE).await;
        // In full, in a line, or lost to the reset of whoever did not wait; not silence.
        if let Some(answer) = raw.answer().await {
            assert_eq!(answer.status, 503);
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(is_let_in(&app, "127.0.0.1").await);
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "2", "--write-ms", "500"])).await;
    db.long_products(&town().acme, 60).await;
    let acme = &town().acme;
    let token = forge(acme.owner.id, Some(acme.id)).sign();
    let head = format!("host: localhost\r\nauthorization: Bearer {token}\r\naccept: application/x-ndjson\r\n\r\n");
    let begun = Instant::now();
    let mut raw = Raw::connect(app.address).await;
    raw.send(format!("GET /api/v1/products/export HTTP/1.1\r\n{head}")).await.unwrap();
    // Twice, so that nothing depends on what the kernel takes.
    raw.send(format!("GET /api/v1/products/export HTTP/1.1\r\n{head}")).await.unwrap();
    let mut dripping = Raw::connect(app.address).await;
    dripping.send(format!("GET /api/v1/products/export HTTP/1.1\r\n{head}")).await.unwrap();
    dripping.send(format!("GET /api/v1/products/export HTTP/1.1\r\n{head}")).await.unwrap();
    let mut drops = 0;
    while let Ok(1..) = {
        use tokio::io::AsyncReadExt as _;
        let mut some = [0; 1000];
        dripping.stream.read(&mut some).await
    } {
        drops += 1;
        assert!(begun.elapsed() < Duration::from_secs(30), "{drops} times something was taken, and it goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() > Duration::from_millis(400));
    // The other one is gone as well, and what it left is not sent.
    let mut rest = 0;
    while let Ok(more @ 1..) = {
        use tokio::io::AsyncReadExt as _;
        let mut some = vec![0; 1 << 16];
        raw.stream.read(&mut some).await
    } {
        rest += more;
    }
    assert!(rest < 4 << 20, "{rest}");
    Answer::of(app.request(Method::GET, "/livez")).await.expect(200);
}

#[tokio::test]
async fn a_file_that_drips_is_given_up_and_one_that_comes_slowly_is_not() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let send = async |piece: usize, pieces: usize| {
        let token = forge(acme.member.id, Some(acme.id)).sign();
        let mut raw = Raw::connect(app.address).await;
        let length = piece * pieces;
        let head = format!(
            "POST /api/v1/products/import HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: text/csv\r\ncontent-length: {length}\r\n\r\n"
        );
        raw.send(head).await.unwrap();
        let begun = Instant::now();
        for _ in 0..pieces {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if raw.send("x".repeat(piece)).await.is_err() {
                break;
            }
        }
        (raw.answer().await.expect("an answer"), begun.elapsed())
    };
    // Eight times less than the least rate, and four times as much; both go on for longer than anybody may pause.
    let ((dripping, lasted), (slow, _)) = tokio::join!(send(1 << 10, 60), send(32 << 10, 26));
    assert!(dripping.status == 408 && dripping.closes() && dripping.body.contains("body_timeout"), "{dripping:?}");
    assert!(lasted < Duration::from_secs(32), "{lasted:?}");
    assert_eq!(slow.status, 202, "{slow:?}");
}

#[tokio::test]
async fn whoever_is_told_to_go_says_so_before_and_answers_meanwhile() {
    let db = TestDb::new().await;
    let mut app = TestApp::new(&db).await;
    let mut kept = Raw::connect(app.address).await;
    kept.send(LIVE).await.unwrap();
    assert!(!kept.answer().await.unwrap().closes());
    Answer::of(app.request(Method::GET, "/readyz")).await.expect(200);
    let begun = Instant::now();
    app.leave(Duration::from_secs(2));
    tokio::time::sleep(Duration::from_millis(50)).await;
    Answer::of(app.request(Method::GET, "/readyz")).await.problem(503, "leaving");
    let acme = &town().acme;
    let list = app.get("/api/v1/projects", acme.owner.id, acme.id).await.expect(200);
    assert_eq!(list.header("connection"), "close", "new connections are answered, and closed");
    kept.send(LIVE).await.unwrap();
    let goodbye = kept.answer().await.unwrap();
    assert!(goodbye.status == 200 && goodbye.closes(), "{goodbye:?}");
    assert!(kept.ends_within(Duration::from_secs(1)).await);
    assert!(begun.elapsed() < Duration::from_secs(2), "the machine is too slow for this test");
    let mut idle = Raw::connect(app.address).await;
    tokio::time::sleep(Duration::from_millis(2300).saturating_sub(begun.elapsed())).await;
    assert!(idle.ends_within(Duration::from_secs(2)).await, "then it goes");
    assert!(app.request(Method::GET, "/livez").send().await.is_err(), "and nobody listens any more");
}

#[tokio::test]
async fn a_busy_pool_says_nothing_of_readiness() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "1", "--pool-wait-ms", "100"])).await;
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; lock table tenant.projects in share mode").await.unwrap();
    let acme = &town().acme;
    let stuck = app.as_user(Method::POST, "/api/v1/projects", acme.owner.id, acme.id);
    let stuck = stuck.json(&serde_json::json!({ "name": "Stuck" })).send();
    let asked = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.get("/api/v1/projects", acme.owner.id, acme.id).await.problem(503, "pool_exhausted");
        for _ in 0..3 {
            Answer::of(app.request(Method::GET, "/readyz")).await.expect(200);
        }
        // There is no more to be had here, and nobody is asked for it.
        let plain = Answer::of(app.request(Method::GET, "/readyz?verbose")).await.expect(200);
        assert_eq!(plain.text, r#"{"status":"ok"}"#);
        superuser.batch_execute("rollback").await.unwrap();
    };
    let (stuck, ()) = tokio::join!(stuck, asked);
    assert_eq!(stuck.unwrap().status(), 201);
}

#[tokio::test]
async fn a_table_that_is_locked_against_all_leaves_readiness_as_it_was() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let ready = async || {
        tokio::time::sleep(Duration::from_millis(1100)).await; // as long as an answer stands
        Answer::of(app.request(Method::GET, "/readyz")).await
    };
    ready().await.expect(200);
    let holder = db.superuser().await;
    holder.batch_execute("begin; lock table tenant.projects in access exclusive mode").await.unwrap();
    let begun = Instant::now();
    ready().await.expect(200);
    assert!(begun.elapsed() < Duration::from_millis(2500), "it waited for the lock");
    // What was done meanwhile is told once it can be read, and stays so whatever is locked then.
    holder.batch_execute("drop policy wall on tenant.projects; commit").await.unwrap();
    ready().await.problem(503, "not_ready");
    holder.batch_execute("begin; lock table tenant.projects in access exclusive mode").await.unwrap();
    ready().await.problem(503, "not_ready");
}

#[tokio::test]
async fn how_it_stands_in_full_is_told_on_the_address_for_figures() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let at = super::figures::beside(&app).await;
    Answer::of(app.request(Method::GET, "/readyz")).await.expect(200);
    let connections =
        "select count(*) from pg_stat_activity where datname = current_database() and usename = 'rowhouse_api'
           and application_name <> 'rowhouse-wake'";
    assert_eq!(db.value::<i64>(connections).await, 1, "one of its own, and none of the pool's");
    for path in ["/readyz", "/readyz?verbose"] {
        let details = Answer::of(app.client.get(format!("{at}{path}"))).await.expect(200).json();
        assert_eq!(details["status"], "ok", "{details}");
        assert!(["indexed", "scanned"].contains(&details["search"].as_str().unwrap()), "{details}");
        assert_eq!(details["cache"]["kind"], "local");
    }
    db.run("drop policy wall on tenant.projects").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    Answer::of(app.request(Method::GET, "/readyz")).await.problem(503, "not_ready");
    let details = Answer::of(app.client.get(format!("{at}/readyz"))).await.expect(503).json();
    assert_eq!(details["status"], "not_ready", "{details}");
}
