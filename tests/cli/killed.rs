//! The server is killed while it acts, and the request is sent again to the next one.
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use reqwest::RequestBuilder;
use rowhouse::db::API_ROLE;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixStream},
};

use super::serve::{free_address, serve, wait_until_ready};
use crate::support::{Answer, TestDb, forge, sockets, town};

/// What becomes of a COMMIT on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// It does not reach PostgreSQL.
    Commit,
    /// It does, and the answer does not come back.
    Answer,
}

/// Stands between the server and PostgreSQL, and once it is armed loses a COMMIT and all that follows on its connection.
#[derive(Clone)]
struct Between {
    lost: Lost,
    armed: Arc<AtomicBool>,
    caught: Arc<AtomicBool>,
}

impl Between {
    /// Listens, and answers where.
    async fn start(lost: Lost) -> (Self, u16) {
        let between = Self { lost, armed: Arc::default(), caught: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = between.clone();
        tokio::spawn(async move {
            let socket = sockets().join(".s.PGSQL.5432");
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                accepting.clone().join(client, server);
            }
        });
        (between, port)
    }

    fn join(self, client: tokio::net::TcpStream, server: UnixStream) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let silent = Arc::new(AtomicBool::new(false));
        let fell_silent = silent.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                let bytes = &buffer[..read];
                if self.armed.load(Ordering::SeqCst) && bytes.windows(7).any(|window| window == b"commit\0") {
                    fell_silent.store(true, Ordering::SeqCst);
                    if self.lost == Lost::Answer {
                        to_server.write_all(bytes).await.unwrap();
                    }
                    self.caught.store(true, Ordering::SeqCst);
                    continue;
                }
                if to_server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            // The server is gone, and so is its connection: PostgreSQL takes back what was not committed.
        });
        tokio::spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                if !silent.load(Ordering::SeqCst) && to_client.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Sends a request whose COMMIT, or its answer, is lost; kills the server; sends it again, twice, to another. How many
/// rows there were in between, whether the first of the two was answered from what was kept, and how many there are.
async fn killed(lost: Lost) -> (i64, bool, i64) {
    let db = TestDb::new().await;
    let (between, port) = Between::start(lost).await;
    let url = db.url(API_ROLE);
    let database = url.split("@/").nth(1).unwrap().split('?').next().unwrap();
    let behind = format!("postgresql://{API_ROLE}@127.0.0.1:{port}/{database}?sslmode=disable");
    let acme = &town().acme;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = |address: &str| -> RequestBuilder {
        http.post(format!("http://{address}/api/v1/projects"))
            .bearer_auth(forge(acme.owner.id, Some(acme.id)).sign())
            .header("idempotency-key", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"")
            .json(&json!({ "name": "Survivor" }))
    };
    let rows = "select count(*) from tenant.projects where name = 'Survivor'";
    let idle = "select count(*) from pg_stat_activity where datname = current_database() and usename = 'rowhouse_api'";

    // Waiting for it blocks this thread; the proxy has another.
    let address = free_address();
    let mut first = serve(&behind, &address, &["--pool", "2"]).spawn().unwrap();
    wait_until_ready(&mut first, &address);
    // Whoever is seen for the first time is asked about in a transaction of its own, which is not the one that is meant.
    let seen =
        http.get(format!("http://{address}/api/v1/projects")).bearer_auth(forge(acme.owner.id, Some(acme.id)).sign());
    Answer::of(seen).await.expect(200);
    between.armed.store(true, Ordering::SeqCst);
    let unanswered = tokio::spawn(request(&address).send());
    for tries in 0.. {
        let committed = lost == Lost::Commit || db.value::<i64>(rows).await == 1;
        if between.caught.load(Ordering::SeqCst) && committed {
            break;
        }
        assert!(tries < 1000, "no COMMIT came by");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(!unanswered.is_finished(), "it waits for an answer");
    first.kill().unwrap();
    first.wait().unwrap();
    unanswered.await.unwrap().unwrap_err();
    while db.value::<i64>(idle).await > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let between = db.value::<i64>(rows).await;

    let address = free_address();
    let mut second = serve(&url, &address, &[]).spawn().unwrap();
    wait_until_ready(&mut second, &address);
    let again = Answer::of(request(&address)).await.expect(201);
    let once_more = Answer::of(request(&address)).await.expect(201);
    second.kill().unwrap();
    second.wait().unwrap();
    assert_eq!((&again.text, again.header("etag")), (&once_more.text, once_more.header("etag")));
    assert_eq!(again.header("location"), once_more.header("location"));
    assert_eq!(once_more.header("idempotency-replayed"), "true");
    let id: String = db.value("select id::text from tenant.projects where name = 'Survivor'").await;
    assert_eq!(again.json()["id"], id, "it is the row that is there");
    (between, again.header("idempotency-replayed") == "true", db.value(rows).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_commit_and_answer_it_has_acted_once_and_answers_what_it_would_have() {
    assert_eq!(killed(Lost::Answer).await, (1, true, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_commit_it_has_not_acted_and_acts_when_asked_again() {
    assert_eq!(killed(Lost::Commit).await, (0, false, 1));
}
