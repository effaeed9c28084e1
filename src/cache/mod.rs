//! What was worked out once and need not be worked out again: answers to tenants, kept in Redis, or in this process where
//! there is none.
//!
//! What makes that safe stands in PostgreSQL. Before anything that was kept is served, the caller's permission is asked
//! there, and with it of which generation the tenant's data is (`tenant.part_generations`, written in the transaction of each
//! change). What was kept of another generation is as good as gone, whatever the cache says, and however long it could not
//! be reached: docs/adr/0015.
mod entry;
mod key;
mod local;
mod policy;
mod recompute_lock;
mod single_flight;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::response::Response;
use uuid::Uuid;

pub use key::Key;
pub use policy::{CachePolicy, POLICIES};

use self::{
    entry::{Entry, Status},
    local::Local,
    recompute_lock::{Begun, RecomputeLock},
    single_flight::SingleFlight,
};
use crate::{
    Result,
    auth::{Secrets, Tenant},
    db::{Params, Sql},
    from_row,
    limits::ByteBudget,
    redis::Redis,
};

/// One tenant has at most this part of what is kept.
const SHARES: u64 = 8;
/// How long somebody waits for what somebody else is working out, before doing it as well.
const WAIT: Duration = Duration::from_millis(500);
/// How often another instance is asked whether it is done.
const ASK: Duration = Duration::from_millis(20);

/// Where answers are kept.
enum Store {
    None,
    Local(Local),
    Redis(Redis),
}

/// Answers that were kept.
pub struct Cache {
    store: Store,
    shares: ByteBudget,
    flights: SingleFlight,
    counters: Counters,
}

/// What became of requests that could be answered from the cache, since the process began.
#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    bypassed: AtomicU64,
    refused: AtomicU64,
}

/// The counters of a cache, since the process began. For logs: they are of all tenants together, and tell nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheFigures {
    /// Answered from the cache.
    pub hits: u64,
    /// Worked out.
    pub misses: u64,
    /// Worked out because the cache was away, or because there is none.
    pub bypassed: u64,
    /// Was in the cache, and nothing of ours: altered, or kept for something else.
    pub refused: u64,
}

/// What is asked for.
pub struct Lookup<'a> {
    /// Which kind of answer.
    pub rule: CachePolicy,
    /// Asks whether the caller may, and answers `generation`, and `variant`: what else the answer depends on.
    pub may: Sql,
    /// What that statement takes.
    pub params: Params<'a>,
    /// All that the answer depends on, besides the tenant and its data.
    pub what: &'a [&'a str],
}

struct Allowed {
    /// None: of a tenant that was founded while the database was being migrated, until it changes something.
    generation: Option<Uuid>,
    variant: String,
}

from_row! { Allowed: generation, variant }

impl Cache {
    /// In this process; answers have so many bytes altogether, and with none nothing is kept. Of one tenant no more than its
    /// share is kept within the time that an answer may count, and an eighth of all.
    #[must_use]
    pub fn local(bytes: u64, share: u64) -> Self {
        Self::of(if bytes == 0 { Store::None } else { Store::Local(Local::new(bytes)) }, share.min(bytes / SHARES))
    }

    /// In Redis; `share` is as above, by this process.
    #[must_use]
    pub fn redis(redis: Redis, share: u64) -> Self {
        Self::of(Store::Redis(redis), share)
    }

    fn of(store: Store, share: u64) -> Self {
        let longest = POLICIES.iter().map(|rule| rule.ttl).max().unwrap_or_default();
        Self {
            store,
            shares: ByteBudget::new(share, longest),
            flights: SingleFlight::default(),
            counters: Counters::default(),
        }
    }

    /// Whether it is there: always, where it is this process or nothing.
    #[must_use]
    pub fn available(&self) -> bool {
        match &self.store {
            Store::None | Store::Local(_) => true,
            Store::Redis(redis) => redis.available(),
        }
    }

    /// `none`, `local` or `redis`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.store {
            Store::None => "none",
            Store::Local(_) => "local",
            Store::Redis(_) => "redis",
        }
    }

    /// Its counters.
    #[must_use]
    pub fn figures(&self) -> CacheFigures {
        let Counters { hits, misses, bypassed, refused } = &self.counters;
        let [hits, misses, bypassed, refused] =
            [hits, misses, bypassed, refused].map(|counter| counter.load(Ordering::Relaxed));
        CacheFigures { hits, misses, bypassed, refused }
    }

    /// Answers from the cache where it can, and otherwise works the answer out and keeps it.
    ///
    /// The generation is read before the answer is worked out, so an answer is kept under a generation that is at most too
    /// old for it: whoever began before a write and ends after it overwrites nothing that is newer, as far as anybody can
    /// see.
    pub async fn answer(
        &self,
        secrets: &Secrets,
        tenant: &Tenant,
        asked: Lookup<'_>,
        compute: impl Future<Output = Result<Response>>,
    ) -> Result<Response> {
        // Awaited at one of several places, each of which would have room for all of it.
        let compute = Box::pin(compute);
        if matches!(self.store, Store::None) || !self.available() {
            count(&self.counters.bypassed);
            return Ok(Status::Bypassed { away: !self.available() }.on(compute.await?));
        }
        let mut conn = tenant.writes().await?;
        let Allowed { generation, variant } = conn.read().last().one(asked.may, asked.params).await?;
        drop(conn);
        let Some(generation) = generation else { return self.compute(compute).await };
        let what: Vec<&str> = asked.what.iter().copied().chain([variant.as_str()]).collect();
        let key = Key::tenant(secrets, tenant.id(), asked.rule, &what);
        let place = Place { secrets, tenant: tenant.id().as_uuid(), key, rule: asked.rule, generation };
        if let Some(kept) = self.look(&place).await {
            return Ok(kept);
        }
        // One of this process works it out, and of those of all instances one.
        let flight = self.flights.of(&place.key);
        let Some(_first) = flight.begin(WAIT).await else {
            return match self.look(&place).await {
                Some(kept) => Ok(kept),
                None => self.compute(compute).await,
            };
        };
        let turn = match &self.store {
            Store::None | Store::Local(_) => None,
            Store::Redis(redis) => match recompute_lock::begin(redis, &place.key).await {
                Begun::Mine(turn) => Some(turn),
                Begun::Taken => return self.after_others(&place, compute).await,
                Begun::Unavailable => return self.compute(compute).await,
            },
        };
        let answer = self.compute(compute).await?;
        self.keep(&place, turn, answer).await
    }

    async fn compute(&self, compute: impl Future<Output = Result<Response>>) -> Result<Response> {
        count(&self.counters.misses);
        Ok(Status::Missed.on(compute.await?))
    }

    /// Another instance is working it out.
    async fn after_others(
        &self,
        place: &Place<'_>,
        compute: impl Future<Output = Result<Response>>,
    ) -> Result<Response> {
        let until = tokio::time::Instant::now() + WAIT;
        while self.available() && tokio::time::Instant::now() < until {
            tokio::time::sleep(ASK).await;
            if let Some(kept) = self.look(place).await {
                return Ok(kept);
            }
        }
        self.compute(compute).await
    }

    /// What is kept and counts.
    async fn look(&self, place: &Place<'_>) -> Option<Response> {
        let sealed = match &self.store {
            Store::None => None,
            Store::Local(local) => local.get(&place.key),
            Store::Redis(redis) => recompute_lock::get(redis, &place.key).await.map(Into::into),
        }?;
        let Ok(bytes) = place.secrets.cache().open(place.key.as_bytes(), &sealed) else {
            count(&self.counters.refused);
            tracing::warn!(key = %place.key, "what was in the cache is not what was kept there");
            return None;
        };
        let kept = Entry::read(bytes)?;
        let age = kept.age(place.generation, place.rule.ttl)?;
        count(&self.counters.hits);
        Some(Status::Hit { age, ttl: place.rule.ttl }.on(kept.into_response()))
    }

    /// Keeps an answer if it can be kept.
    async fn keep(&self, place: &Place<'_>, turn: Option<RecomputeLock>, answer: Response) -> Result<Response> {
        let (answer, kept) = Entry::of(place.generation, answer).await?;
        let sealed = kept.and_then(|bytes| place.secrets.cache().lock(place.key.as_bytes(), &bytes).ok());
        // Beyond its share nothing more is kept of a tenant for a while: it would be kept at the cost of others.
        let sealed = sealed.filter(|sealed| {
            let bytes = u64::try_from(sealed.len() + place.key.as_bytes().len()).unwrap_or(u64::MAX);
            self.shares.spend(place.tenant, bytes).is_ok()
        });
        match (&self.store, turn, sealed) {
            (Store::Local(local), _, Some(sealed)) => local.put(&place.key, sealed),
            (Store::Redis(_), Some(turn), Some(sealed)) => turn.put(&sealed, place.rule.ttl).await,
            _ => {}
        }
        Ok(answer)
    }
}

/// Where an answer belongs, and of which generation it has to be.
struct Place<'a> {
    secrets: &'a Secrets,
    tenant: Uuid,
    key: Key,
    rule: CachePolicy,
    generation: Uuid,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
