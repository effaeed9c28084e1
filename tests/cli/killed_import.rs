//! Processes end while a file is imported: the one that took it, and the one that does it. Nothing is lost, and nothing counted twice.
use std::{process::Child, time::Duration};

use reqwest::{Method, RequestBuilder};
use rowhouse::db::{API_ROLE, WORKER_ROLE};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{
    rowhouse,
    serve::{free_address, serve, wait_until_ready},
    signal,
};
use crate::support::{Answer, KEYS, TestDb, forge, town};

/// However busy the machine is, a worker waits until it is killed.
fn worker(db: &TestDb) -> Child {
    let patient = format!("{}&options=-c%20lock_timeout%3D60s%20-c%20statement_timeout%3D60s", db.url(WORKER_ROLE));
    let mut command = rowhouse();
    command
        .args(["worker", "--job-lease-seconds", "3", "--worker-grace-ms", "0"])
        .env("WORKER_DATABASE_URL", patient)
        .env("ROWHOUSE_KEYS", &*KEYS);
    command.spawn().unwrap()
}

/// Killed when it is no longer needed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Scene {
    db: TestDb,
    /// Holds the product that the second batch changes.
    superuser: Client,
    address: String,
    client: reqwest::Client,
    server: Option<Running>,
}

impl Scene {
    /// Begins a server, in place of the one there was, which is killed.
    fn serve(&mut self) {
        self.server = None;
        self.address = free_address();
        let mut server = serve(&self.db.url(API_ROLE), &self.address, &[]).spawn().unwrap();
        wait_until_ready(&mut server, &self.address);
        self.server = Some(Running(server));
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let acme = &town().acme;
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        request.bearer_auth(forge(acme.owner.id, Some(acme.id)).sign())
    }

    async fn told(&self, path: &str) -> Value {
        Answer::of(self.request(Method::GET, path)).await.expect(200).json()
    }

    /// Waits until somebody in the database waits for a lock.
    async fn stuck(&self) {
        let waits =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        while self.db.value::<i64>(waits).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn there(&self) -> i64 {
        self.db.value("select count(*) from tenant.products where sku like 'k-%'").await
    }
}

/// A server takes a file of three batches, and is killed once it has said so. A worker has written the first, and waits with the second.
async fn begun(mode: &str) -> (Scene, Running, String) {
    let db = TestDb::new().await;
    db.run(&format!(
        "insert into tenant.products (tenant_id, id, name, sku, price_minor) values ('{}', registry.new_id(), 'Held', 'k-700', 1)",
        town().acme.id
    ))
    .await;
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; select from tenant.products where sku = 'k-700' for update").await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut scene = Scene { db, superuser, address: String::new(), client, server: None };
    scene.serve();
    let file = (0..1200).fold("sku,name,price_minor\n".to_owned(), |file, n| file + &format!("k-{n},Killed,{n}\n"));
    let path = format!("/api/v1/products/import?mode={mode}");
    let import = scene.request(Method::POST, &path).header("content-type", "text/csv").body(file);
    let path = Answer::of(import).await.expect(202).header("location").to_owned();
    scene.serve();
    assert_eq!(scene.told(&path).await["status"], "queued", "it waits for a worker");
    let worker = Running(worker(&scene.db));
    while mode == "partial" && scene.told(&path).await["done"] != 500 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.stuck().await;
    assert_eq!(scene.told(&path).await["status"], "running");
    (scene, worker, path)
}

/// What there is in the end: everything, once, and counted once.
async fn done(scene: &Scene, path: &str) {
    let mut told = scene.told(path).await;
    while told["status"] == "running" {
        tokio::time::sleep(Duration::from_millis(50)).await;
        told = scene.told(path).await;
    }
    let counts = ["created", "updated", "unchanged", "rejected"].map(|count| told["result"][count].clone());
    assert_eq!(
        (&told["status"], &told["done"], counts),
        (&json!("succeeded"), &json!(1200), [1199, 1, 0, 0].map(|count| json!(count))),
        "{told}"
    );
    assert_eq!(scene.there().await, 1200);
    let id = path.rsplit('/').next().unwrap();
    let left = format!("select count(*) from tenant.operation_chunks where operation_id = '{id}'");
    assert_eq!(scene.db.value::<i64>(&left).await, 0, "the file is gone");
}

#[tokio::test]
async fn what_a_killed_worker_had_committed_stays_and_is_counted_once_and_another_does_the_rest() {
    for (mode, stays) in [("all", 1), ("partial", 501)] {
        let (scene, killed, path) = begun(mode).await;
        drop(killed);
        assert_eq!(scene.there().await, stays, "what was committed, and the one that was there before");
        let _next = Running(worker(&scene.db));
        scene.superuser.batch_execute("commit").await.unwrap();
        done(&scene, &path).await;
    }
}

#[tokio::test]
async fn a_worker_that_has_to_go_gives_the_import_back_and_another_goes_on_at_once() {
    let (scene, mut told, path) = begun("partial").await;
    signal(told.0.id(), "-TERM");
    // Its job is back before anybody else is there to take it.
    let id = path.rsplit('/').next().unwrap();
    let state = format!("select state from tenant.jobs where id = '{id}'");
    while scene.db.value::<String>(&state).await != "waiting" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let attempts = format!("select attempts from tenant.jobs where id = '{id}'");
    assert_eq!(scene.db.value::<i16>(&attempts).await, 0, "it has lost no attempt");
    scene.superuser.batch_execute("commit").await.unwrap();
    assert!(told.0.wait().unwrap().success());
    let _next = Running(worker(&scene.db));
    done(&scene, &path).await;
}

#[tokio::test]
async fn an_import_whose_workers_are_all_lost_has_failed_and_says_so() {
    let (scene, worker, path) = begun("partial").await;
    let id = path.rsplit('/').next().unwrap();
    drop(worker);
    // It was the last attempt; whoever comes finds that nobody has it any more.
    let last = format!(
        "update tenant.jobs set attempts = max_attempts, lease_until = clock_timestamp() where id = '{id}' and state = 'running'"
    );
    scene.db.run(&last).await;
    let _next = Running(self::worker(&scene.db));
    let mut told = scene.told(&path).await;
    while told["status"] == "running" {
        tokio::time::sleep(Duration::from_millis(50)).await;
        told = scene.told(&path).await;
    }
    assert_eq!(
        (&told["status"], &told["result"]["problem"]["code"]),
        (&json!("failed"), &json!("worker_lost")),
        "{told}"
    );
    assert_eq!(
        (&told["result"]["created"], &told["done"]),
        (&json!(500), &json!(500)),
        "what it had done is told: {told}"
    );
    scene.superuser.batch_execute("commit").await.unwrap();
}
