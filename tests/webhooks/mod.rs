//! Webhooks: endpoints and their secrets, what receivers are sent and when, and that nobody is told what is not theirs.
mod endpoints;
mod order;
mod receiver;
mod replay;
mod sending;

use std::time::{Duration, Instant};

use rowhouse::{
    auth::Keys,
    compose,
    db::{API_ROLE, Statements, WorkerDb},
    jobs::{Worker, WorkerOptions, lease::LeaseTerms},
    settings::{Profile, Tuning},
    wake::Wake,
    work::{Means, webhooks::scout::Scout},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::receiver::Receiver;
use crate::support::{KEYS, Member, TestApp, TestDb, town, tuning};

/// The application, a worker beside it, and whoever looks. Receivers on this machine are allowed.
struct Stage {
    db: TestDb,
    app: TestApp,
    superuser: Client,
    stop: CancellationToken,
    worker: Option<JoinHandle<()>>,
}

fn allowing() -> Tuning {
    tuning(&["--pool", "4", "--webhook-networks", "127.0.0.0/8"])
}

impl Stage {
    async fn set() -> Self {
        let stage = Self::empty().await;
        stage.working()
    }

    /// Without anybody who sends.
    async fn empty() -> Self {
        let db = TestDb::new().await;
        let app = TestApp::with(&db.url(API_ROLE), &allowing()).await;
        let superuser = db.superuser().await;
        let nothing =
            "delete from tenant.jobs; delete from tenant.webhook_endpoints; delete from tenant.event_consumers;
                       update tenant.job_heads set ready_at = 'infinity'";
        superuser.batch_execute(nothing).await.unwrap();
        Self { db, app, superuser, stop: CancellationToken::new(), worker: None }
    }

    fn working(mut self) -> Self {
        let wake: Wake = self.app.app.wake.clone();
        let url = self.db.url("rowhouse_worker").into();
        let db = WorkerDb::open_telling(&url, 4, Statements::Named, Some(wake.hook())).unwrap();
        let means = allowing().webhooks.office(Keys::read(&KEYS).unwrap(), &[], Profile::Production).unwrap();
        let lease = LeaseTerms::new(LeaseTerms::SHORTEST).unwrap();
        let options = WorkerOptions::new(8, lease, Duration::from_secs(5));
        let worker = Worker::new(db.clone(), compose::kinds(&Means::default().with_webhooks(means)), options);
        let stop = self.stop.clone();
        self.worker = Some(tokio::spawn(async move {
            let waking = worker.woken_by(wake.heard(), stop.clone());
            tokio::join!(worker.run(stop.clone()), waking, Scout::new(db, wake.clone()).look(stop));
        }));
        self
    }

    fn owner(&self) -> Member<'_> {
        Member::new(&self.app, &town().acme.owner, &town().acme)
    }

    /// An endpoint of acme's for a receiver: its path and its secret.
    async fn endpoint(&self, receiver: &Receiver, more: Value) -> (String, String) {
        let mut body = json!({ "url": receiver.url() });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.owner().post("/webhooks", body).await.expect(201);
        let path = made.header("location").trim_start_matches("/api/v1").to_owned();
        (path, made.json()["secret"].as_str().unwrap().to_owned())
    }

    async fn project(&self, name: &str) -> String {
        let made = self.owner().post("/projects", json!({ "name": name })).await.expect(201).json();
        made["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a query of one number answers this.
    #[track_caller]
    fn until<'a>(&'a self, query: &'a str, wanted: i64) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let given_up = Instant::now() + Duration::from_secs(20);
            loop {
                let found: i64 = self.superuser.query_one(query, &[]).await.unwrap().get(0);
                if found == wanted {
                    return;
                }
                assert!(Instant::now() < given_up, "{caller}: {found} and not {wanted}: {query}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    async fn run(&self, statements: &str) {
        self.superuser.batch_execute(statements).await.unwrap();
    }

    /// The deliveries of an endpoint, the newest first.
    async fn deliveries(&self, path: &str) -> Vec<Value> {
        let listed = self.owner().get(&format!("{path}/deliveries?limit=200")).await.expect(200).json();
        listed["items"].as_array().unwrap().clone()
    }

    /// What waits for later is due now, and somebody looks.
    async fn hurry(&self) {
        let now = "update tenant.webhook_deliveries set next_at = now() where state = 'waiting';
                   update tenant.jobs set run_at = now() where state = 'waiting' and kind = 'webhooks.deliver'";
        self.run(now).await;
    }

    async fn finish(mut self) {
        self.stop.cancel();
        if let Some(worker) = self.worker.take() {
            worker.await.unwrap();
        }
    }
}

fn id_of(path: &str) -> Uuid {
    path.rsplit('/').next().unwrap().parse().unwrap()
}
