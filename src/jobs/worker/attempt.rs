//! One attempt at one job, from when it was given until it has ended or is another's.
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Worker, running::One};
use crate::{
    Error, Result,
    auth::Taken,
    from_row,
    jobs::{
        backoff::random,
        held::{Failed, Held, Retry, Shared},
        lease::HeldLease,
    },
    sql,
};

/// How long a handler that was asked to stop may take to.
const STOPPING: Duration = Duration::from_secs(5);
/// Between two tries to write down what came of a job, while the database does not answer.
const INSISTS: Duration = Duration::from_millis(200);

/// The code of a job whose outcome PostgreSQL would not keep.
const REFUSED: &str = "outcome_refused";

struct Fate(String);
from_row! { Fate: "state" }

/// What came of an attempt.
enum Outcome {
    Succeeded(Value),
    Failed(Failed),
}

impl Worker {
    /// Begins with a job that was given.
    pub(super) fn begin(&self, taken: Taken, lease: HeldLease) {
        let shared = Arc::new(Shared { total: AtomicI64::new(-1), ..Shared::default() });
        let (job, tenant, lost) = (taken.held, taken.tenant, CancellationToken::new());
        // Of what is not known here nothing is taken.
        let Some(kind) = self.0.kinds.named(&taken.kind) else { return };
        let one = One { tenant, job, kind, lease, told: 0, shared: shared.clone(), lost: lost.clone(), task: None };
        self.0.running.all().insert((tenant.as_uuid(), job.id()), one);
        let held =
            Held { db: self.0.db.clone(), tenant, job, attempt: taken.attempt, created_by: taken.created_by, shared };
        let (worker, long) = (self.clone(), self.0.kinds.get(kind).is_some_and(|kind| kind.long));
        let task = self.0.tasks.spawn(async move {
            worker.attempt(taken, held, lost).await;
            worker.0.running.remove(tenant, job);
            if long {
                worker.look_again(|_| true);
            }
            worker.0.awake.notify_one();
        });
        // It may have ended already.
        if let Some(one) = self.0.running.all().get_mut(&(tenant.as_uuid(), job.id())).filter(|one| one.job == job) {
            one.task = Some(AbortOnDropHandle::new(task));
        }
    }

    async fn attempt(&self, taken: Taken, held: Held, lost: CancellationToken) {
        let Some(kind) = self.0.kinds.get(&taken.kind) else { return };
        let outcome = match kind.begin(taken.payload_version, taken.payload, held.clone()) {
            Err(failed) => Outcome::Failed(failed),
            // A task of its own, so that a panic is its own as well.
            Ok(run) => {
                let mut run = AbortOnDropHandle::new(tokio::spawn(run));
                let stopping = async {
                    held.shared.stop.cancelled().await;
                    tokio::time::sleep(STOPPING).await;
                };
                tokio::select! {
                    () = lost.cancelled() => return,
                    ended = &mut run => match ended {
                        Ok(Ok(result)) => Outcome::Succeeded(result),
                        Ok(Err(failed)) => Outcome::Failed(failed),
                        Err(_) => Outcome::Failed(Failed::again("panicked", "a fault of ours: the log says which".to_owned())),
                    },
                    () = tokio::time::sleep(kind.timeout) => Outcome::Failed(Failed::again(
                        "timed_out", format!("it took longer than {} s", kind.timeout.as_secs()))),
                    () = stopping => Outcome::Failed(Failed::again("stopped", "it was asked to stop".to_owned())),
                }
            }
        };
        if held.shared.ended.load(Ordering::Acquire) {
            self.0.figures.note(&taken.kind, "succeeded");
            return;
        }
        if let Outcome::Failed(failed) = &outcome {
            tracing::info!(job = %held.id(), kind = taken.kind, attempt = held.attempt, code = failed.code, "an attempt at a job failed");
        }
        self.0.figures.note(&taken.kind, if matches!(outcome, Outcome::Succeeded(_)) { "succeeded" } else { "failed" });
        let mut outcome = outcome;
        loop {
            match self.write_down(&held, kind.backoff, &outcome).await {
                Ok(()) | Err(Error::JobNotHeld) => return,
                Err(error) => {
                    tracing::warn!(job = %held.id(), %error, "what came of a job could not be written down");
                    if !error.passes() {
                        // It would be refused each time: too long, or of signs that PostgreSQL does not keep.
                        if matches!(&outcome, Outcome::Failed(failed) if failed.code == REFUSED) {
                            return;
                        }
                        let text =
                            "what came of it cannot be kept: it is too long, or holds signs that PostgreSQL refuses";
                        outcome = Outcome::Failed(Failed::never(REFUSED, text.to_owned()));
                        continue;
                    }
                }
            }
            if lost.is_cancelled() || !self.0.running.is_believed(held.tenant, held.job) {
                return;
            }
            tokio::time::sleep(INSISTS).await;
        }
    }

    async fn write_down(&self, held: &Held, backoff: crate::jobs::backoff::Backoff, outcome: &Outcome) -> Result<()> {
        let mut conn = self.0.db.inside(held.tenant, Some(held.job)).await?;
        let mut tx = conn.write();
        let held_it = match outcome {
            Outcome::Succeeded(result) => held.finish(&mut tx, result).await?,
            Outcome::Failed(failed) => {
                let tried = u32::try_from(held.attempt).unwrap_or(u32::MAX);
                let wait = match failed.retry {
                    Retry::Never => None,
                    Retry::Again => backoff.wait(tried, random()),
                    Retry::After(asked) => backoff.wait_at_least(tried, random(), asked),
                };
                let wait = wait.map(|wait| wait.as_secs_f64());
                let (id, lease) = (held.job.id(), held.job.lease());
                let text: String = failed.text.chars().filter(|sign| *sign != '\0').take(500).collect();
                let params: crate::db::Params<'_> = &[&id, &lease, &failed.code, &text, &wait];
                tx.optional::<Fate>(sql!("work/fail"), params).await?.is_some_and(|Fate(state)| {
                    if state == "dead" {
                        tracing::warn!(job = %id, code = failed.code, "a job is dead: `rowhouse jobs list --state dead`");
                    }
                    true
                })
            }
        };
        tx.commit().await?;
        if !held_it {
            tracing::warn!(job = %held.id(), error = %Error::JobNotHeld, "what came of a job counts no more");
        }
        Ok(())
    }
}
