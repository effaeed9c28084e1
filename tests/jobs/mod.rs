//! What a worker does, against a real PostgreSQL: each test has a database of its own, with kinds of its own.
mod audit_log;
mod enqueue;
mod fair;
mod forgets;
mod leases;
mod outcomes;
mod recurring;
mod waking;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rowhouse::{
    db::{Sql, Statements, WorkerDb},
    jobs::{
        Failed, Held, Job, Kinds, NewJob, Worker, WorkerOptions, backoff::Backoff, enqueue::ENQUEUE, lease::LeaseTerms,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{Person, TestDb, town};

/// What most tests have done: something that fails, takes long, or writes a project.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chore {
    pub name: String,
    pub ms: u64,
    pub fails: usize,
    pub panics: bool,
    pub never: bool,
    /// Writes a project of this name, and ends in the same transaction.
    pub writes: bool,
}

impl Job for Chore {
    const KIND: &'static str = "tests.chore";
    const VERSION: i16 = 2;
    const PERMISSIONS: &'static [&'static str] = &["projects:write"];
    const ASKS: Option<&'static str> = None;
    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(100), 3);
    const TIMEOUT: Duration = Duration::from_secs(2);

    fn from_version(version: i16, payload: Value) -> Option<Value> {
        (version == 1).then(|| json!({ "name": payload["called"], "ms": 0, "fails": 0, "panics": false, "never": false, "writes": false }))
    }
}

impl Chore {
    pub(crate) fn called(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// What was done, by name, in order of its beginning; and how many were under way at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub begun: Arc<Mutex<Vec<String>>>,
    pub ended: Arc<Mutex<Vec<String>>>,
    pub at_once: Arc<AtomicUsize>,
    pub most: Arc<AtomicUsize>,
}

impl Seen {
    pub(crate) fn begun(&self) -> Vec<String> {
        self.begun.lock().unwrap().clone()
    }
    pub(crate) fn ended(&self) -> Vec<String> {
        self.ended.lock().unwrap().clone()
    }
}

/// A project, behind the wall, by whoever holds the job.
pub(crate) const PROJECT: Sql =
    Sql::file("tests/project", "insert into tenant.projects (tenant_id, id, name) values ($1, $2, $3)");

pub(crate) fn kinds(seen: &Seen) -> Kinds {
    let seen = seen.clone();
    Kinds::builder()
        .with(move |chore: Chore, held: Held| {
            let seen = seen.clone();
            async move {
                seen.begun.lock().unwrap().push(chore.name.clone());
                let at_once = seen.at_once.fetch_add(1, Ordering::SeqCst) + 1;
                seen.most.fetch_max(at_once, Ordering::SeqCst);
                let done = work(&chore, &held).await;
                seen.at_once.fetch_sub(1, Ordering::SeqCst);
                if done.is_ok() {
                    seen.ended.lock().unwrap().push(chore.name.clone());
                }
                done
            }
        })
        .build()
}

async fn work(chore: &Chore, held: &Held) -> Result<Value, Failed> {
    assert!(!chore.panics, "as it was told to");
    if chore.ms > 0 {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(chore.ms)) => {}
            () = held.stopped() => return Err(Failed::again("stopped", "it was asked to stop".to_owned())),
        }
    }
    if chore.never {
        return Err(Failed::never("hopeless", "nobody can do this".to_owned()));
    }
    if usize::try_from(held.attempt()).unwrap() <= chore.fails {
        return Err(Failed::again("not_yet", format!("attempt {}", held.attempt())));
    }
    if chore.writes {
        let mut conn = held.writes().await?;
        let mut tx = conn.write();
        tx.all::<()>(PROJECT, &[&Uuid::now_v7(), &chore.name]).await.map_err(rowhouse::Error::from)?;
        held.succeed_in(tx, &json!({ "wrote": chore.name })).await?;
    }
    Ok(json!({ "name": chore.name }))
}

/// A database with the tests' kind, and whoever looks.
pub(crate) struct Scene {
    pub db: TestDb,
    pub superuser: Client,
    pub seen: Seen,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let _ = tracing_subscriber::fmt().with_test_writer().with_max_level(tracing::Level::WARN).try_init();
        let db = TestDb::new().await;
        let superuser = db.superuser().await;
        let prepare = "
            delete from tenant.jobs; update tenant.job_heads set ready_at = 'infinity';
            insert into registry.job_kinds (kind, permissions, asks) values ('tests.chore', '{projects:write}', null);
            create policy insert_worker on tenant.projects for insert to rowhouse_worker
                with check (tenant_id = (select registry.require_job('projects:write')));
            grant insert (tenant_id, id, name) on tenant.projects to rowhouse_worker";
        superuser.batch_execute(prepare).await.unwrap();
        Self { db, superuser, seen: Seen::default() }
    }

    pub(crate) fn worker(&self, slots: usize) -> Worker {
        self.worker_for(slots, kinds(&self.seen), Duration::from_secs(5))
    }

    pub(crate) fn worker_for(&self, slots: usize, kinds: Kinds, grace: Duration) -> Worker {
        let url = self.db.url("rowhouse_worker").into();
        let db = WorkerDb::open(&url, 4, Statements::Named).unwrap();
        let lease = LeaseTerms::new(LeaseTerms::SHORTEST).unwrap();
        Worker::new(db, kinds, WorkerOptions::new(slots, lease, grace))
    }

    /// What a member of a tenant writes down, committed.
    pub(crate) async fn enqueue(&self, tenant: Uuid, who: &Person, jobs: &[NewJob]) {
        enqueue(&self.db.client("rowhouse_api").await, tenant, who, jobs, "commit").await;
    }

    /// What the schedule causes in a tenant: the worker's own transaction, for no job.
    pub(crate) async fn schedule(&self, tenant: Uuid, jobs: &[NewJob]) {
        let worker = self.db.client("rowhouse_worker").await;
        let begin = format!(
            "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = ''; set local app.api_key = '';
             set local app.job_id = ''; set local app.job_lease = ''"
        );
        put_down(&worker, tenant, &begin, jobs, "commit").await;
    }

    /// State, attempts and error code of a job.
    pub(crate) async fn state(&self, job: Uuid) -> (String, i16, Option<String>) {
        let row = self
            .superuser
            .query_one("select state, attempts, error_code from tenant.jobs where id = $1", &[&job])
            .await
            .unwrap();
        (row.get(0), row.get(1), row.get(2))
    }

    /// Waits until a job is in this state.
    #[track_caller]
    pub(crate) fn until<'a>(&'a self, job: Uuid, wanted: &'a str) -> impl Future<Output = (i16, Option<String>)> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let given_up = Instant::now() + Duration::from_secs(15);
            loop {
                let (state, attempts, code) = self.state(job).await;
                if state == wanted {
                    return (attempts, code);
                }
                assert!(
                    Instant::now() < given_up,
                    "{caller}: it is {state} after {attempts} attempts ({code:?}), not {wanted}"
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Waits until a count is so much.
    pub(crate) async fn until_count(&self, of: &str, wanted: i64) {
        let given_up = Instant::now() + Duration::from_secs(30);
        loop {
            let found: i64 = self.superuser.query_one(&format!("select count(*) from {of}"), &[]).await.unwrap().get(0);
            if found == wanted {
                return;
            }
            assert!(Instant::now() < given_up, "{found} of {wanted}: {of}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(crate) async fn enqueue(api: &Client, tenant: Uuid, who: &Person, jobs: &[NewJob], end: &str) {
    let begin = format!(
        "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = '{0}'; set local app.session_id = '{0}'",
        who.id
    );
    put_down(api, tenant, &begin, jobs, end).await;
}

async fn put_down(client: &Client, tenant: Uuid, begin: &str, jobs: &[NewJob], end: &str) {
    client.batch_execute(begin).await.unwrap();
    for job in jobs {
        let mut params: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![&tenant];
        params.extend(job.with());
        client.execute(ENQUEUE.text(), &params).await.unwrap();
    }
    client.batch_execute(end).await.unwrap();
}

/// A worker that runs until it is told to stop.
pub(crate) struct AtWork {
    pub stop: CancellationToken,
    pub run: JoinHandle<()>,
}

pub(crate) fn at_work(worker: &Worker) -> AtWork {
    let stop = CancellationToken::new();
    let (worker, until) = (worker.clone(), stop.clone());
    AtWork { stop, run: tokio::spawn(async move { worker.run(until).await }) }
}

impl AtWork {
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        self.run.await.unwrap();
    }
}

pub(crate) fn chore(chore: &Chore) -> NewJob {
    NewJob::new(chore).unwrap()
}

pub(crate) fn acme() -> (Uuid, &'static Person) {
    (town().acme.id, &town().acme.member)
}
