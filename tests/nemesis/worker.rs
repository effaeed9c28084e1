//! A worker process: the worker that `rowhouse worker` runs, with one kind, whose effect is a row.
use std::time::Duration;

use rowhouse::{
    db::{Sql, Statements, WorkerDb},
    jobs::{Failed, Held, Job, Kinds, Worker, WorkerOptions, backoff::Backoff, lease::LeaseTerms},
    redis::Redis,
    wake::{Wake, carry},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::process::end_with_the_pipe;

/// What is done: it takes a while, and leaves a row.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Mark {
    pub key: String,
    pub n: i32,
    pub ms: u64,
}

impl Job for Mark {
    const KIND: &'static str = "nemesis.mark";
    const PERMISSIONS: &'static [&'static str] = &["nemesis:mark"];
    const ASKS: Option<&'static str> = None;
    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(200), 100);
    const TIMEOUT: Duration = Duration::from_secs(20);
}

const EFFECT: Sql = Sql::file(
    "nemesis/effect",
    "insert into nemesis.effects (tenant_id, job_id, lease, key, n)
     values ($1, $2, current_setting('app.job_lease')::uuid, $3, $4)",
);
/// The end as it must not be: whoever comes may end it.
const END_OF_ANYBODYS: Sql = Sql::file(
    "nemesis/end",
    "update tenant.jobs set state = 'succeeded', lease = null, lease_until = null, finished_at = now()
     where tenant_id = $1 and id = $2",
);

/// By the rules, or without asking for the lease. In a task of its own, which nobody stops when the lease is lost: what is tried is whether
/// PostgreSQL refuses it, not whether the worker is polite.
async fn mark(job: Mark, held: Held, asks: bool) -> Result<Value, Failed> {
    let done = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(job.ms)).await;
        let done = effect(&job, &held, asks).await;
        if matches!(done, Err(rowhouse::Error::JobNotHeld)) {
            eprintln!("refused");
        }
        done
    });
    match done.await {
        Ok(done) => Ok(done.map(|()| json!({}))?),
        Err(_) => Err(Failed::again("panicked", "a fault of the test".to_owned())),
    }
}

async fn effect(job: &Mark, held: &Held, asks: bool) -> rowhouse::Result<()> {
    let mut conn = held.writes().await?;
    let mut tx = conn.write();
    tx.all::<()>(EFFECT, &[&held.id(), &job.key, &job.n]).await?;
    if asks {
        return held.succeed_in(tx, &json!({})).await;
    }
    tx.all::<()>(END_OF_ANYBODYS, &[&held.id()]).await?;
    tx.commit().await?;
    Ok(())
}

/// Works until SIGTERM, and no longer than whoever has started it.
pub async fn work(url: &str, mode: &str, redis: &str) {
    end_with_the_pipe();
    let redis = Redis::open(&redis.to_owned().into()).unwrap();
    let wake = Wake::new(url.to_owned().into(), Some(redis));
    tokio::spawn(carry(wake.clone()));
    let asks = mode != "anybody";
    let db = WorkerDb::open_telling(&url.to_owned().into(), 4, Statements::Named, Some(wake.hook())).unwrap();
    let kinds = Kinds::builder().with(move |job: Mark, held| mark(job, held, asks)).build();
    let lease = LeaseTerms::new(LeaseTerms::SHORTEST).unwrap();
    let worker = Worker::new(db, kinds, WorkerOptions::new(4, lease, Duration::from_millis(500)));
    let stop = CancellationToken::new();
    let until = stop.clone();
    let mut term = signal(SignalKind::terminate()).unwrap();
    tokio::spawn(async move {
        term.recv().await;
        stop.cancel();
    });
    tokio::join!(worker.woken_by(wake.heard(), until.clone()), worker.run(until.clone()));
}
