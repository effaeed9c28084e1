//! How many requests anybody may make: a tenant altogether and each of its members and keys, as whoever runs the platform
//! has decided; sessions outside any tenant, and networks that nobody knows, as this server is told.
//!
//! A tenant is charged for those alone whom PostgreSQL has accepted in it: whoever only names a tenant, in a header or with
//! a made-up key, spends what is their own network's. docs/adr/0016.
mod bucket;
mod bytes;
mod counter;
mod gcra;
mod lease;
mod local;
mod meter;
mod shared;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use uuid::Uuid;

pub use bytes::ByteBudget;
pub use gcra::{LimitScope, Policy, Remaining};

use self::{
    bucket::{Bucket, Counted},
    counter::{By, Counter},
    meter::{Meter, Metered},
};
use crate::{
    Error, Result,
    auth::{Principal, Secrets, SessionId, Shares, TenantId},
    db::{Db, Share},
    redis::Redis,
};

/// Whether a request may go on, and where its caller stands by each policy that goes for it.
#[derive(Debug)]
struct Decision {
    admitted: bool,
    standings: Vec<Remaining>,
}

/// Requests a minute of what stops somebody who spends too much, where a principal may make as many as they like.
const SPARED: u32 = 600;

/// How long answers to requests with an `Idempotency-Key` are kept (sql/migrations/V4).
const DAY: Duration = Duration::from_hours(24);

/// How long a request may hold a connection to PostgreSQL and count as one. The usual one takes a millisecond or two, and it
/// is not its caller's doing when the machine is busy.
const FREE: Duration = Duration::from_millis(250);
/// What it holds it beyond that counts as one more each time.
const HELD: Duration = Duration::from_millis(50);
/// As many more a request counts at most.
const HELD_MOST: u64 = 200;

/// How requests are counted by this server.
#[derive(Clone, Copy, Debug)]
pub struct Counting {
    /// Requests a minute of one network that nobody knows, and of one session outside any tenant; none for as many as they like.
    pub outside_per_minute: Option<u32>,
    /// How many instances share the work: what each lets through of everything, while there is no Redis to count for all.
    pub instances: u32,
    /// Bytes a day of answers to requests with an `Idempotency-Key`, of one tenant, or of one person outside any.
    pub kept_bytes: u64,
    /// How often what a tenant has asked for is written down, and what it may is asked again.
    pub meter_every: Duration,
}

/// Who asks inside a tenant, or says so: PostgreSQL is asked before the tenant is charged.
#[derive(Clone, Copy, Debug)]
pub struct LimitedCaller {
    /// Which tenant.
    pub tenant: TenantId,
    /// A member or an API key.
    pub principal: Principal,
    /// Whether it is for what stops somebody who spends too much, such as revoking a key: the caller alone is charged, so
    /// that whoever spends all cannot keep it from being done.
    pub spare: bool,
}

/// Somebody whom no tenant is charged for.
#[derive(Clone, Debug)]
pub enum Anonymous {
    /// Signed in. By session and not by person: one that was stolen, and has ended, spends nothing of its owner's.
    Session(SessionId),
    /// Where a request comes from ([`Client::network`](crate::auth::Client::network)).
    Network(String),
}

/// Whether a request may go on.
#[derive(Debug)]
pub struct Admission {
    /// Where the caller stands, for the answer to tell.
    pub standings: Vec<Remaining>,
    /// Why not, if it may not.
    pub refused: Option<Error>,
    /// Where it was counted.
    buckets: Vec<Bucket>,
}

/// What became of requests that were counted, since the process began.
#[derive(Clone, Copy, Debug)]
pub struct LimitFigures {
    /// Let through or refused by the count in Redis, of all instances together.
    pub by_redis: u64,
    /// By what was taken of that count in advance, or by what Redis had said a moment before: nobody asked.
    pub by_lease: u64,
    /// Let through or refused by this process's own.
    pub by_process: u64,
    /// Refused, by the name of the policy.
    pub refused: [(&'static str, u64); LimitScope::ALL.len()],
}

#[derive(Default)]
struct Counters {
    by_redis: AtomicU64,
    by_lease: AtomicU64,
    by_process: AtomicU64,
    refused: [AtomicU64; LimitScope::ALL.len()],
}

/// Counts requests.
pub struct RateLimits {
    counter: Counter,
    meter: Arc<Meter>,
    counting: Counting,
    counters: Counters,
    kept: ByteBudget,
}

impl Shares for RateLimits {
    /// The tenant's once PostgreSQL has accepted them there. Until then it is their own, and that of all strangers where anybody
    /// could have made up who it is.
    fn share(&self, tenant: TenantId, principal: Principal) -> Share {
        if self.meter.knows(tenant, principal) { Share::Tenant(tenant) } else { Share::unproven(principal) }
    }
}

impl RateLimits {
    /// In Redis where there is one, and always in this process.
    #[must_use]
    pub fn new(redis: Option<Redis>, counting: Counting) -> Self {
        let meter = Arc::new(Meter::new(counting.meter_every));
        let kept = ByteBudget::new(counting.kept_bytes, DAY);
        let counter = Counter::new(redis, counting.instances);
        Self { counter, meter, counting, counters: Counters::default(), kept }
    }

    /// Its counters.
    #[must_use]
    pub fn figures(&self) -> LimitFigures {
        let Counters { by_redis, by_lease, by_process, refused } = &self.counters;
        LimitFigures {
            by_redis: by_redis.load(Ordering::Relaxed),
            by_lease: by_lease.load(Ordering::Relaxed),
            by_process: by_process.load(Ordering::Relaxed),
            refused: std::array::from_fn(|at| (LimitScope::ALL[at].name(), refused[at].load(Ordering::Relaxed))),
        }
    }

    /// Counts a request inside a tenant, or refuses it. Whoever is seen for the first time is charged as a stranger, unless
    /// they were, since to ask who it is costs something.
    ///
    /// # Errors
    /// Where PostgreSQL has to say who this is, and does not.
    pub async fn inside(
        &self,
        db: &Db,
        asking: LimitedCaller,
        outside: impl AsyncFnOnce() -> Admission,
    ) -> Result<Admission> {
        if let Some(buckets) = self.meter.inside(db, asking.tenant, asking.principal) {
            return Ok(self.charge(db, asking, buckets).await);
        }
        let outside = outside().await;
        // In a place of its own, and so is all that few requests come to: every request would make room for it.
        if outside.refused.is_some() || !Box::pin(self.meter.meet(db, asking.tenant, asking.principal)).await? {
            return Ok(outside);
        }
        match self.meter.inside(db, asking.tenant, asking.principal) {
            Some(buckets) => Ok(self.charge(db, asking, buckets).await),
            None => Ok(outside),
        }
    }

    /// Counts a request of a stranger, or refuses it.
    pub async fn outside(&self, secrets: &Secrets, stranger: &Anonymous) -> Admission {
        let Some(requests) = self.counting.outside_per_minute else { return Admission::free() };
        let bucket = match stranger {
            Anonymous::Session(session) => Bucket {
                whose: Counted::session(session.handle()),
                policy: Policy::a_minute(LimitScope::Session, requests),
            },
            Anonymous::Network(network) => Bucket {
                whose: Counted::network(secrets.number("rate", &[network])),
                policy: Policy::a_minute(LimitScope::Network, requests),
            },
        };
        self.within(vec![bucket]).await
    }

    /// PostgreSQL has refused somebody: the next time it is asked before their tenant is charged.
    pub fn refused(&self, tenant: TenantId, principal: Principal, error: &Error) {
        if meter::is_refusal(error) {
            self.meter.forget(tenant, principal);
        }
    }

    /// Notes that so many bytes of an answer are to be kept for a day, for a tenant or for a person outside any.
    ///
    /// # Errors
    /// [`Error::KeptTooMuch`] where as many are kept as may be.
    pub fn keep(&self, whose: Uuid, bytes: usize) -> Result<()> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.kept.spend(whose, bytes).map_err(|wait| Error::KeptTooMuch(seconds(wait)))
    }

    /// Writes down what was counted, and gives back what was taken in advance, before the process ends, as far as there is
    /// time; what was not written is said in the log.
    pub async fn finish(&self, db: &Db, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.counter.finish()).await;
        self.meter.finish(db, patience).await;
    }

    async fn charge(&self, db: &Db, asking: LimitedCaller, mut buckets: Vec<Bucket>) -> Admission {
        if asking.spare {
            let of_tenant = buckets.iter().find(|bucket| bucket.policy.whom == LimitScope::Tenant).copied();
            buckets.retain(|bucket| bucket.policy.whom == LimitScope::Principal);
            if buckets.is_empty() {
                buckets.push(meter::principal(asking.tenant, asking.principal, SPARED));
            }
            // Beside what the tenant may otherwise, and as much: what stops somebody can be done when all is spent, and many
            // together cannot do more of it than of anything else.
            buckets.extend(of_tenant.map(|Bucket { policy, .. }| Bucket {
                whose: Counted::access(asking.tenant),
                policy: Policy { whom: LimitScope::Access, ..policy },
            }));
            return self.within(buckets).await;
        }
        let mut admission = self.within(buckets).await;
        if admission.refused.is_some() {
            return admission;
        }
        match self.meter.count(db, asking.tenant) {
            Metered::Yes(month) => admission.standings.extend(month),
            Metered::Over(month) => {
                self.note_refusal(LimitScope::Month);
                let (requests, seconds) = (month.policy.requests, seconds(month.wait));
                admission.refused = Some(Error::QuotaExceeded { requests, seconds });
                admission.standings.push(month);
            }
        }
        admission
    }

    /// Counts a request in all of these, or in none.
    async fn within(&self, buckets: Vec<Bucket>) -> Admission {
        if buckets.is_empty() {
            return Admission::free();
        }
        let (Decision { admitted, standings }, by) = self.counter.admit(&buckets).await;
        let Counters { by_redis, by_lease, by_process, .. } = &self.counters;
        let counted = match by {
            By::Redis => by_redis,
            By::Lease => by_lease,
            By::Process => by_process,
        };
        counted.fetch_add(1, Ordering::Relaxed);
        let longest = standings.iter().max_by_key(|standing| standing.wait);
        let refused = longest.filter(|_| !admitted).map(|standing| {
            self.note_refusal(standing.policy.whom);
            Error::RateLimited {
                whose: standing.policy.whom.described(),
                requests: standing.policy.requests,
                seconds: seconds(standing.wait),
            }
        });
        let buckets = if refused.is_some() { Vec::new() } else { buckets };
        Admission { standings, refused, buckets }
    }

    /// Counts a request that held a connection for long as more than one, so that what takes long cannot be asked for as often
    /// as what takes none. Nobody waits for it; whoever owes is refused the next time.
    pub fn spend(&self, admission: &Admission, held: Duration) {
        let beyond = held.saturating_sub(FREE).as_micros();
        let more = u64::try_from(beyond / HELD.as_micros()).unwrap_or(u64::MAX).min(HELD_MOST);
        if more > 0 && !admission.buckets.is_empty() {
            self.counter.charge(&admission.buckets, more);
        }
    }

    fn note_refusal(&self, whom: LimitScope) {
        let at = LimitScope::ALL.iter().position(|each| *each == whom);
        at.map(|at| self.counters.refused[at].fetch_add(1, Ordering::Relaxed));
    }
}

impl Admission {
    /// No policy goes for it.
    fn free() -> Self {
        Self { standings: Vec::new(), refused: None, buckets: Vec::new() }
    }
}

/// Whole seconds, at least one: `Retry-After` has no smaller ones (RFC 9110 §10.2.3).
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}
