//! Looks which tenants have events that nobody has read for webhooks yet, and has them read. Whoever writes an event tells nobody: it is there,
//! and that is enough. What is heard of commits ([`crate::wake`]) makes it quick; that nothing is lost owes it nothing, since all tenants that
//! have endpoints are looked at by the clock as well.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Relay;
use crate::{
    Result,
    auth::{TenantId, webhooks_behind},
    db::WorkerDb,
    jobs::{NewJob, enqueue::Priority},
    sql,
    wake::{Heard, Wake},
};

/// Between two looks at all tenants that have endpoints.
const EVERY: Duration = Duration::from_secs(1);
/// Commits are heard of one by one and looked at together.
const TOGETHER: Duration = Duration::from_millis(10);
/// What was committed is not settled while an older transaction goes on: it is looked at again after this, twice as long each time.
const UNSETTLED: Duration = Duration::from_millis(25);
/// So often; after that by the clock.
const LOOKS: u32 = 4;
/// Whoever reads a tenant's events is given so long to before somebody looks again.
const READING: Duration = Duration::from_millis(200);
/// Tenants at a time.
const PAGE: i32 = 500;

/// Looks who has something to be told.
pub struct Scout {
    db: WorkerDb,
    wake: Wake,
    /// Tenants that had endpoints at the last look at all of them.
    known: BTreeSet<Uuid>,
    /// Of whom something was heard: when they are looked at, and the how manieth time it is.
    heard: BTreeMap<Uuid, (Instant, u32)>,
}

impl Scout {
    /// One that works on these connections, hears of commits and tells whoever does jobs.
    #[must_use]
    pub fn new(db: WorkerDb, wake: Wake) -> Self {
        Self { db, wake, known: BTreeSet::new(), heard: BTreeMap::new() }
    }

    /// Looks until it is to stop.
    pub async fn look(mut self, stop: CancellationToken) {
        let mut heard = self.wake.heard();
        let mut all_at = Instant::now();
        let mut deaf = false;
        while !stop.is_cancelled() {
            let now = Instant::now();
            let looked = if all_at <= now {
                all_at = now + EVERY;
                self.look_at_all().await
            } else {
                self.look_at_heard(now).await
            };
            if let Err(error) = looked {
                tracing::warn!(%error, "what is to be sent to webhooks could not be looked for");
                self.heard.clear();
            }
            let next = self.heard.values().map(|(at, _)| *at).chain([all_at]).min().unwrap_or(all_at);
            tokio::select! {
                () = tokio::time::sleep_until(next.into()) => {}
                said = heard.recv(), if !deaf => match said {
                    Ok(Heard::Tenant(tenant)) => self.hear(tenant),
                    Ok(Heard::All) | Err(RecvError::Lagged(_)) => all_at = Instant::now(),
                    Err(RecvError::Closed) => deaf = true,
                },
                () = stop.cancelled() => {}
            }
        }
    }

    fn hear(&mut self, tenant: Uuid) {
        if self.known.contains(&tenant) {
            let soon = Instant::now() + TOGETHER;
            self.heard.entry(tenant).and_modify(|(_, looks)| *looks = 0).or_insert((soon, 0));
        }
    }

    async fn look_at_heard(&mut self, now: Instant) -> Result<()> {
        let due: Vec<Uuid> = self.heard.iter().filter(|(_, (at, _))| *at <= now).map(|(tenant, _)| *tenant).collect();
        if due.is_empty() {
            return Ok(());
        }
        for some in due.chunks(usize::try_from(PAGE).unwrap_or(1)) {
            let behind = webhooks_behind(&self.db, Some(some), Uuid::nil(), PAGE).await?;
            for tenant in behind.iter().filter(|(_, behind)| *behind).map(|(tenant, _)| *tenant) {
                self.try_to_have_read(tenant).await;
                self.heard.insert(tenant.as_uuid(), (now + READING, 0));
            }
            for tenant in some {
                if behind.iter().any(|(of, behind)| *behind && of.as_uuid() == *tenant) {
                    continue;
                }
                match self.heard.get_mut(tenant) {
                    Some((at, looks)) if *looks < LOOKS => {
                        *at = now + UNSETTLED * 2_u32.pow(*looks);
                        *looks += 1;
                    }
                    _ => {
                        self.heard.remove(tenant);
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks at all of them once.
    async fn look_at_all(&mut self) -> Result<()> {
        let (mut after, mut known) = (Uuid::nil(), BTreeSet::new());
        loop {
            let page = webhooks_behind(&self.db, None, after, PAGE).await?;
            for (tenant, behind) in &page {
                known.insert(tenant.as_uuid());
                if *behind {
                    self.try_to_have_read(*tenant).await;
                }
            }
            match page.last() {
                Some((last, _)) => after = last.as_uuid(),
                None => break,
            }
        }
        self.known = known;
        Ok(())
    }

    /// What is wrong in one tenant is no reason for others to be told nothing: it is looked at again by the clock.
    async fn try_to_have_read(&self, tenant: TenantId) {
        if let Err(error) = self.have_read(tenant).await {
            tracing::warn!(tenant = %tenant.as_uuid(), %error, "nobody could be asked to read a tenant's events for webhooks");
        }
    }

    /// One at a time: whoever comes while one reads looks again soon.
    async fn have_read(&self, tenant: TenantId) -> Result<()> {
        let job = NewJob::new(&Relay {})?.priority(Priority::High).unique("all");
        let mut conn = self.db.inside(tenant, None).await?;
        let mut tx = conn.write();
        job.enqueue(&mut tx).await?;
        tx.all::<()>(sql!("work/webhooks_read_now"), &[&job.unique_key()]).await?;
        tx.commit().await?;
        self.wake.committed(tenant.as_uuid());
        Ok(())
    }
}
