//! Signs of life: one statement for all jobs of a tenant.
use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use rowhouse_walls::{HeldJob, TenantId};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Worker;
use crate::{Result, from_row, sql};

/// How often somebody looks who is due.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is told how far a job is, where it gets on.
const NEWS: Duration = Duration::from_secs(1);

struct Alive {
    id: Uuid,
    cancelling: bool,
}
from_row! { Alive: id, cancelling }

struct Back(#[expect(dead_code, reason = "counted")] Uuid);
from_row! { Back: "id" }

/// A job that is due, with how far it is.
struct Due {
    job: HeldJob,
    done: i64,
    total: Option<i64>,
}

impl Worker {
    /// Tells PostgreSQL of each job under way, until it is to stop.
    pub(super) async fn beat(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.lose();
            for (tenant, due) in self.due().into_values() {
                if let Err(error) = self.tell(tenant, &due).await {
                    tracing::warn!(%error, jobs = due.len(), "no sign of life could be given");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Stops what is not believed to be held any more.
    fn lose(&self) {
        let now = Instant::now();
        let lost: Vec<_> = {
            let mut all = self.0.running.all();
            let gone: Vec<_> = all.iter().filter(|(_, one)| !one.lease.is_believed(now)).map(|(id, _)| *id).collect();
            gone.iter().filter_map(|id| all.remove(id)).collect()
        };
        for one in lost {
            self.0.figures.note(one.kind, "lost");
            tracing::warn!(job = %one.job.id(), "a job's lease could not be kept: whoever comes does it");
            one.lost.cancel();
            one.shared.stop.cancel();
        }
    }

    /// By tenant, and noted as told.
    fn due(&self) -> BTreeMap<Uuid, (TenantId, Vec<Due>)> {
        let now = Instant::now();
        let mut due: BTreeMap<Uuid, (TenantId, Vec<Due>)> = BTreeMap::new();
        for one in self.0.running.all().values_mut() {
            let done = one.shared.done.load(Ordering::Relaxed);
            let news = done != one.told && one.lease.tried() + NEWS <= now;
            if !news && one.lease.heartbeat_at() > now {
                continue;
            }
            one.lease.asks(now);
            one.told = done;
            let total = Some(one.shared.total.load(Ordering::Relaxed)).filter(|total| *total >= 0);
            let told = Due { job: one.job, done, total };
            due.entry(one.tenant.as_uuid()).or_insert_with(|| (one.tenant, Vec::new())).1.push(told);
        }
        due
    }

    async fn tell(&self, tenant: TenantId, due: &[Due]) -> Result<()> {
        let asked = Instant::now();
        let (ids, leases): (Vec<Uuid>, Vec<Uuid>) = due.iter().map(|due| (due.job.id(), due.job.lease())).unzip();
        let (done, total): (Vec<i64>, Vec<Option<i64>>) = due.iter().map(|due| (due.done, due.total)).unzip();
        let seconds = self.0.options.lease.length().as_secs_f64();
        let params: crate::db::Params<'_> = &[&ids, &leases, &seconds, &done, &total];
        let mut conn = self.0.db.inside(tenant, None).await?;
        let alive: Vec<Alive> = conn.write().last().all(sql!("work/beat"), params).await?;
        let now = Instant::now();
        let mut all = self.0.running.all();
        for due in due {
            let told = alive.iter().find(|alive| alive.id == due.job.id());
            let Some(one) = all.get_mut(&(tenant.as_uuid(), due.job.id())).filter(|one| one.job == due.job) else {
                continue;
            };
            match told {
                Some(alive) => {
                    one.lease.renewed(asked, now);
                    if alive.cancelling {
                        one.shared.stop.cancel();
                    }
                }
                None if one.lost.is_cancelled() => {}
                None => {
                    // It may have ended in this moment; if it has not, it is another's.
                    one.lost.cancel();
                    one.shared.stop.cancel();
                }
            }
        }
        Ok(())
    }

    /// Gives jobs back that were not done.
    pub(super) async fn give_back(&self, tenant: TenantId, jobs: &[HeldJob]) -> Result<usize> {
        let (ids, leases): (Vec<Uuid>, Vec<Uuid>) = jobs.iter().map(|job| (job.id(), job.lease())).unzip();
        let mut conn = self.0.db.inside(tenant, None).await?;
        let back: Vec<Back> = conn.write().last().all(sql!("work/give_back"), &[&ids, &leases]).await?;
        Ok(back.len())
    }
}
