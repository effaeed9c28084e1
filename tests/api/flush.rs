//! One flush a request, shown by a proxy that holds PostgreSQL's answers back until it has seen COMMIT: a
//! server that awaited anything in between would wait for ever.
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::Method;
use rowhouse::db::API_ROLE;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixStream},
    sync::Notify,
};

use crate::support::{Answer, TestApp, TestDb, town, tuning};

const WAKE: &[u8] = b"notify \"rowhouse_wake\"";

/// What the proxy has seen since it was armed.
#[derive(Default)]
struct Seen {
    armed: bool,
    /// What the client sent, one entry for each time it wrote.
    writes: Vec<Vec<u8>>,
}

#[derive(Clone, Default)]
struct Proxy {
    seen: Arc<Mutex<Seen>>,
    committed: Arc<Notify>,
}

impl Proxy {
    /// From now on answers are held back until the client has sent COMMIT.
    fn arm(&self) {
        *self.seen.lock().unwrap() = Seen { armed: true, writes: Vec::new() };
    }

    /// What the client wrote, write by write.
    fn disarm(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.writes.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    fn record(&self, bytes: &[u8]) {
        let mut seen = self.seen.lock().unwrap();
        // What one process tells the others is of no request.
        let told = bytes.windows(WAKE.len()).any(|window| window == WAKE);
        if seen.armed && !told {
            seen.writes.push(bytes.to_vec());
        }
    }

    async fn serve(self, listener: TcpListener, socket: String) {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = UnixStream::connect(&socket).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let (up, down) = (self.clone(), self.clone());
            tokio::spawn(async move {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                    let bytes = &buffer[..read];
                    let commits = bytes.windows(7).any(|window| window == b"commit\0");
                    up.record(bytes);
                    if to_server.write_all(bytes).await.is_err() {
                        return;
                    }
                    if commits {
                        up.seen.lock().unwrap().armed = false;
                        up.committed.notify_waiters();
                    }
                }
            });
            tokio::spawn(async move {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                    let committed = down.committed.notified();
                    let hold = down.seen.lock().unwrap().armed;
                    if hold {
                        committed.await;
                    }
                    if to_client.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            });
        }
    }
}

/// The application behind the proxy, with one connection.
async fn behind_proxy(db: &TestDb, statements: &str) -> (TestApp, Proxy) {
    let url = db.url(API_ROLE);
    let socket = url.split("host=").nth(1).unwrap().split('&').next().unwrap();
    let socket = format!("{socket}/.s.PGSQL.5432");
    let database = url.split("@/").nth(1).unwrap().split('?').next().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = Proxy::default();
    tokio::spawn(proxy.clone().serve(listener, socket));
    let url = format!("postgresql://{API_ROLE}@127.0.0.1:{port}/{database}?sslmode=disable");
    // A server that waited would be told so by the time limit.
    let tuning = tuning(&["--pool", "1", "--request-ms", "3000", "--statements", statements]);
    (TestApp::with(&url, &tuning).await, proxy)
}

#[tokio::test]
async fn a_request_of_one_statement_leaves_in_one_flush() {
    one_statement_one_flush("named").await;
}

#[tokio::test]
async fn a_statement_without_a_name_leaves_in_one_flush_too() {
    one_statement_one_flush("unnamed").await;
}

async fn one_statement_one_flush(statements: &str) {
    let db = TestDb::new().await;
    let (app, proxy) = behind_proxy(&db, statements).await;
    let acme = &town().acme;
    let mut projects = acme.projects.iter();
    for (method, path, body, statuses) in [
        (Method::GET, "/api/v1/projects?limit=5".to_owned(), None, [200, 200]),
        (Method::GET, format!("/api/v1/projects/{}", acme.projects[0].id), None, [200, 200]),
        (Method::POST, "/api/v1/projects".to_owned(), Some("name"), [201, 201]),
        (Method::PATCH, format!("/api/v1/projects/{}", projects.next().unwrap().id), Some("name"), [200, 200]),
        (Method::DELETE, format!("/api/v1/projects/{}", acme.projects[5].id), None, [204, 404]),
    ] {
        for (round, expected) in statuses.into_iter().enumerate() {
            let request = app.as_user(method.clone(), &path, acme.owner.id, acme.id).header("if-match", "*");
            let request = match body {
                Some(field) => request.json(&json!({ field: format!("{method} {round}") })),
                None => request,
            };
            // The first time the statement is prepared, or its types are asked for; then it is known.
            if round == 1 {
                proxy.arm();
            }
            Answer::of(request).await.expect(expected);
            if round == 1 && expected != 404 {
                let writes = proxy.disarm();
                assert_eq!(writes.len(), 1, "{method} {path}: {writes:#?}");
                let begin = if method == Method::GET {
                    r#"reset all; begin isolation level read committed read only; set local "app"."tenant_id""#
                } else {
                    r#"reset all; begin isolation level read committed read write; set local "app"."tenant_id""#
                };
                let places = [begin, r#"set local "app"."user_id""#, "commit\0"].map(|part| writes[0].find(part));
                assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{writes:#?}");
            }
        }
    }
}

#[tokio::test]
async fn begin_leaves_with_the_first_of_several_statements_and_commit_with_the_last() {
    several_statements("named").await;
}

#[tokio::test]
async fn so_it_is_with_statements_without_names() {
    several_statements("unnamed").await;
}

async fn several_statements(statements: &str) {
    let db = TestDb::new().await;
    let (app, proxy) = behind_proxy(&db, statements).await;
    let acme = &town().acme;
    // Statements that need nothing of each other's answers are one flush, as one statement is.
    let counted = |path: &str| app.as_user(Method::GET, path, acme.owner.id, acme.id).header("prefer", "count=exact");
    let member = format!("/api/v1/tenant/members/{}", acme.member.id);
    let held = || app.as_user(Method::PATCH, &member, acme.owner.id, acme.id).header("if-match", "*").json(&json!({}));
    for request in [
        &(|| app.as_user(Method::GET, "/api/v1/me", acme.both.id, acme.id)) as &dyn Fn() -> reqwest::RequestBuilder,
        &|| counted("/api/v1/projects"),
        &|| counted("/api/v1/products"),
        &held,
    ] {
        Answer::of(request()).await.expect(200);
        let writes = writes_of(&proxy, request()).await;
        assert_eq!(writes.len(), 1, "{writes:#?}");
        assert!(writes[0].contains("begin ") && writes[0].contains("commit\0"), "{writes:#?}");
    }
    // A key is taken with BEGIN and the effect, and the answer is stored with COMMIT.
    let keyed = |name: &str| {
        let request = app.as_user(Method::POST, "/api/v1/projects", acme.owner.id, acme.id);
        request.header("idempotency-key", name).json(&json!({ "name": name }))
    };
    Answer::of(keyed("known")).await.expect(201);
    let writes = writes_of(&proxy, keyed("new")).await;
    assert_eq!(writes.len(), 2, "{writes:#?}");
    for (number, write) in writes.iter().enumerate() {
        assert_eq!((write.contains("begin "), write.contains("commit\0")), (number == 0, number == 1), "{writes:#?}");
    }
    // One that has an answer undoes what left with it, and finds the answer.
    Answer::of(keyed("new")).await.expect(201);
    let writes = writes_of(&proxy, keyed("new")).await;
    assert_eq!(writes.len(), 3, "{writes:#?}");
    assert!(writes[1].contains("rollback\0") && writes[2].contains("commit\0"), "{writes:#?}");
}

/// What the server writes for a request of several statements, each sent when the one before has answered: here the
/// answers must flow.
async fn writes_of(proxy: &Proxy, request: reqwest::RequestBuilder) -> Vec<String> {
    proxy.seen.lock().unwrap().writes.clear();
    let recorder = proxy.clone();
    let record = tokio::spawn(async move {
        loop {
            recorder.committed.notify_waiters();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    proxy.arm();
    assert!(Answer::of(request).await.status.is_success());
    record.abort();
    proxy.disarm()
}
