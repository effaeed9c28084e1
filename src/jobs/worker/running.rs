//! What a worker holds.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use rowhouse_walls::{HeldJob, TenantId};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use crate::jobs::{held::Shared, lease::HeldLease};

/// The jobs that are under way here, by tenant and id: an id is one tenant's, and two may have the same.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<HashMap<(Uuid, Uuid), One>>);

/// One of them.
#[derive(Debug)]
pub(super) struct One {
    pub(super) tenant: TenantId,
    pub(super) job: HeldJob,
    pub(super) kind: &'static str,
    pub(super) lease: HeldLease,
    /// How far PostgreSQL was told it is.
    pub(super) told: i64,
    pub(super) shared: Arc<Shared>,
    /// Cancelled when it is another's: nobody is told any more what came of it.
    pub(super) lost: CancellationToken,
    /// Whoever does it; it ends when this goes.
    pub(super) task: Option<AbortOnDropHandle<()>>,
}

impl Running {
    pub(super) fn all(&self) -> MutexGuard<'_, HashMap<(Uuid, Uuid), One>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.all().len()
    }

    /// How many are of such a kind.
    pub(super) fn count(&self, such: impl Fn(&str) -> bool) -> usize {
        self.all().values().filter(|one| such(one.kind)).count()
    }

    pub(super) fn of(&self, tenant: TenantId) -> usize {
        self.all().values().filter(|one| one.tenant == tenant).count()
    }

    /// Tenants that have so many or more.
    pub(super) fn with_at_least(&self, share: usize) -> Vec<Uuid> {
        let mut counts: HashMap<Uuid, usize> = HashMap::new();
        for one in self.all().values() {
            *counts.entry(one.tenant.as_uuid()).or_default() += 1;
        }
        counts.into_iter().filter(|(_, count)| *count >= share).map(|(tenant, _)| tenant).collect()
    }

    /// Whether a job is still believed to be held under this lease.
    pub(super) fn is_believed(&self, tenant: TenantId, job: HeldJob) -> bool {
        self.all()
            .get(&(tenant.as_uuid(), job.id()))
            .is_some_and(|one| one.job == job && one.lease.is_believed(Instant::now()))
    }

    /// Takes out a job that has ended.
    pub(super) fn remove(&self, tenant: TenantId, job: HeldJob) {
        let mut all = self.all();
        let which = (tenant.as_uuid(), job.id());
        if all.get(&which).is_some_and(|one| one.job == job)
            && let Some(one) = all.remove(&which)
            && let Some(task) = one.task
        {
            // It is the task itself that says so.
            drop(task.detach());
        }
    }

    /// Ends whatever is under way, and says what it was.
    pub(super) fn abandon(&self) -> Vec<(TenantId, HeldJob)> {
        self.all()
            .drain()
            .map(|(_, one)| {
                one.lost.cancel();
                one.shared.stop.cancel();
                (one.tenant, one.job)
            })
            .collect()
    }
}
