//! The worker: takes turns, does what it is given, says that it is alive, and goes in order. docs/jobs.md says what it promises.
mod attempt;
mod beat;
mod running;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, broadcast};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use self::running::Running;
use super::{figures::JobFigures, kind::Kinds, lease::LeaseTerms};
use crate::{
    Result,
    auth::{TakeTerms, TenantId, claim_turn, take_jobs},
    db::WorkerDb,
    wake::Heard,
};

/// Between two looks at a database in which nobody waits: twice as long each time.
const IDLE: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];
/// How often what waits is counted.
const COUNTED: Duration = Duration::from_secs(15);
/// What nobody here can do is looked at again after so long; and a tenant of whom nothing could be taken.
const AGAIN: Duration = Duration::from_secs(5);
/// A tenant of whom there is nothing but what is long, while as much of that is under way as may be. It stays in the line meanwhile.
const CROWDED: Duration = Duration::from_secs(1);

/// How much a worker does at a time.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// Jobs at once.
    pub slots: usize,
    /// Of these, how many may be one tenant's.
    pub share: usize,
    /// Of these, how many may be [long](super::Job::LONG), each of which may hold a connection all the while.
    pub long: usize,
    /// Jobs a turn, times the tenant's weight.
    pub quantum: usize,
    /// How long a job is leased for.
    pub lease: LeaseTerms,
    /// How long jobs under way may take to end once the worker has to go.
    pub grace: Duration,
}

impl WorkerOptions {
    /// So many jobs at once, three in four of which may be one tenant's, and one in four long.
    #[must_use]
    pub fn new(slots: usize, lease: LeaseTerms, grace: Duration) -> Self {
        let slots = slots.max(1);
        Self { slots, share: (slots * 3 / 4).max(1), long: (slots / 4).max(1), quantum: 4, lease, grace }
    }
}

/// Does jobs.
#[derive(Clone, Debug)]
pub struct Worker(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    db: WorkerDb,
    kinds: Kinds,
    options: WorkerOptions,
    running: Running,
    /// Tenants of whom nothing could be taken, and until when others have their turns instead.
    passed_over: Mutex<HashMap<Uuid, Passed>>,
    figures: JobFigures,
    tasks: TaskTracker,
    /// Somebody has written a job down, or a slot is free.
    awake: Notify,
}

/// How long a tenant has no turn here.
#[derive(Clone, Copy, Debug)]
struct Passed {
    until: Instant,
    /// Until something long has ended, or something was written there.
    crowded: bool,
}

impl Worker {
    /// A worker for these kinds; it does nothing yet.
    #[must_use]
    pub fn new(db: WorkerDb, kinds: Kinds, options: WorkerOptions) -> Self {
        Self(Arc::new(Parts {
            db,
            kinds,
            options,
            running: Running::default(),
            passed_over: Mutex::default(),
            figures: JobFigures::default(),
            tasks: TaskTracker::new(),
            awake: Notify::new(),
        }))
    }

    /// Looks at once whenever something was written, so that a job does not wait for the next look.
    pub async fn woken_by(&self, mut heard: broadcast::Receiver<Heard>, stop: CancellationToken) {
        loop {
            tokio::select! {
                heard = heard.recv() => {
                    match heard {
                        Err(broadcast::error::RecvError::Closed) => return,
                        Ok(Heard::Tenant(tenant)) => self.look_again(|of| of == tenant),
                        _ => self.look_again(|_| true),
                    }
                    self.0.awake.notify_one();
                }
                () = stop.cancelled() => return,
            }
        }
    }

    /// What it can do, by name.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        self.0.kinds.names()
    }

    /// What it has done, and what waits.
    #[must_use]
    pub fn figures(&self) -> &JobFigures {
        &self.0.figures
    }

    /// How many jobs are under way here, and how many may be.
    #[must_use]
    pub fn slots(&self) -> (usize, usize) {
        (self.0.running.len(), self.0.options.slots)
    }

    /// Counts now and then what waits, until it is to stop: for whoever reads figures.
    pub async fn count(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.0.figures.look(&self.0.db).await {
                tracing::warn!(%error, "what waits could not be counted");
            }
            tokio::select! {
                () = tokio::time::sleep(COUNTED) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Does jobs until `stop`, and then goes in order: takes nothing more, waits for what is under way as long as the grace allows, and gives
    /// the rest back, so that others do it at once.
    pub async fn run(&self, stop: CancellationToken) {
        let beating = CancellationToken::new();
        let beat = self.0.tasks.spawn(self.clone().beat(beating.clone()));
        let mut idle = IDLE[0];
        let mut in_vain = false;
        while !stop.is_cancelled() {
            let mut ailing = false;
            let wait = match self.turn().await {
                Ok(Turn::Taken) => {
                    (idle, in_vain) = (IDLE[0], false);
                    continue;
                }
                // A head that was left awake, by somebody who is writing a job down: whoever looks again at once may find the same.
                Ok(Turn::Empty) if in_vain => idle,
                Ok(Turn::Empty) => {
                    in_vain = true;
                    continue;
                }
                Ok(Turn::Full) => IDLE[1],
                Ok(Turn::Nobody) => idle,
                Err(error) => {
                    tracing::warn!(%error, "no jobs are to be had");
                    ailing = true;
                    IDLE[1]
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => idle = (idle * 2).min(IDLE[1]),
                // Whoever is woken while the database ails would only ask it more often.
                () = self.0.awake.notified(), if !ailing => idle = IDLE[0],
                () = stop.cancelled() => {}
            }
        }
        self.drain().await;
        beating.cancel();
        let _ = beat.await;
    }

    /// One tenant's turn.
    async fn turn(&self) -> Result<Turn> {
        let WorkerOptions { slots, share, quantum, lease, .. } = self.0.options;
        let free = slots.saturating_sub(self.0.running.len());
        if free == 0 {
            return Ok(Turn::Full);
        }
        let mut but_not = self.0.running.with_at_least(share);
        but_not.extend(self.passed_over());
        let Some(tenant) = claim_turn(&self.0.db, &but_not).await? else { return Ok(Turn::Nobody) };
        // Half of the connections at most: those who need one for a moment find one.
        let long = self.0.options.long.min(self.0.db.connections() / 2).max(1);
        let is_long = |kind: &str| self.0.kinds.get(kind).is_some_and(|kind| kind.long);
        let crowded = self.0.running.count(is_long) >= long;
        let kinds = if crowded { self.0.kinds.short_names() } else { self.0.kinds.names() };
        let most = free.min(share.saturating_sub(self.0.running.of(tenant)));
        let whole = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let terms = TakeTerms {
            most: whole(most),
            quantum: whole(quantum),
            lease: lease.length().as_secs_f64(),
            // A head that sleeps would lose its place to whoever is awake when a long one ends.
            again: if crowded { 0.0 } else { AGAIN.as_secs_f64() },
        };
        let asked = Instant::now();
        let taken = match take_jobs(&self.0.db, tenant, &kinds, terms).await {
            Ok(taken) => taken,
            Err(error) => {
                // What is wrong with one tenant's jobs is no reason for others to wait.
                tracing::warn!(tenant = %tenant.as_uuid(), %error, "no jobs of a tenant are to be had");
                self.pass_over(tenant, AGAIN, false);
                return Ok(Turn::Empty);
            }
        };
        if taken.is_empty() {
            if crowded {
                self.pass_over(tenant, CROWDED, true);
            }
            return Ok(Turn::Empty);
        }
        for job in taken {
            self.begin(job, lease.given(asked));
        }
        Ok(Turn::Taken)
    }

    /// Whose turn it is not, since nothing of theirs could be taken a moment ago.
    fn passed_over(&self) -> Vec<Uuid> {
        let now = Instant::now();
        let mut all = self.all_passed_over();
        all.retain(|_, passed| passed.until > now);
        all.keys().copied().collect()
    }

    fn pass_over(&self, tenant: TenantId, so_long: Duration, crowded: bool) {
        self.all_passed_over().insert(tenant.as_uuid(), Passed { until: Instant::now() + so_long, crowded });
    }

    /// Lets those have their turns again that were passed over for want of a slot.
    fn look_again(&self, whose: impl Fn(Uuid) -> bool) {
        self.all_passed_over().retain(|tenant, passed| !(passed.crowded && whose(*tenant)));
    }

    fn all_passed_over(&self) -> MutexGuard<'_, HashMap<Uuid, Passed>> {
        self.0.passed_over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends in order.
    async fn drain(&self) {
        let Parts { running, options, .. } = &*self.0;
        let given_up = Instant::now() + options.grace;
        while running.len() > 0 && Instant::now() < given_up {
            let left = given_up.saturating_duration_since(Instant::now());
            let _ = tokio::time::timeout(left, self.0.awake.notified()).await;
        }
        // First nobody works on them any more, then they are given back.
        let left = running.abandon();
        let mut tenants: Vec<TenantId> = left.iter().map(|(tenant, _)| *tenant).collect();
        tenants.sort_unstable_by_key(|tenant| tenant.as_uuid());
        tenants.dedup();
        for tenant in tenants {
            let jobs: Vec<_> = left.iter().filter(|(of, _)| *of == tenant).map(|(_, job)| *job).collect();
            if let Err(error) = self.give_back(tenant, &jobs).await {
                tracing::warn!(%error, jobs = jobs.len(), "jobs could not be given back: others take them when their leases have run out");
            }
        }
    }
}

/// What came of a turn.
enum Turn {
    /// There was something to do.
    Taken,
    /// It was somebody's, and there was nothing.
    Empty,
    /// There is no slot.
    Full,
    /// Nobody waits.
    Nobody,
}
