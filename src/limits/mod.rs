//! How many requests anybody may make: a tenant altogether and each of its members and keys, as whoever runs the platform
//! has decided; people outside any tenant, and networks that nobody knows, as this server is told.
//!
//! A tenant is charged for those alone whom PostgreSQL has accepted in it: whoever only names a tenant, in a header or with
//! a made-up key, spends what is their own network's. docs/adr/0016.
mod gcra;
mod local;
mod meter;
mod shared;

use std::{sync::Arc, time::Duration};

pub use gcra::{Policy, Standing, Whom};

use self::{local::Local, meter::Meter};
use crate::{
    Error, Result,
    auth::{Principal, Secrets, TenantId, UserId},
    db::Db,
    redis::Redis,
};

/// A policy that goes for a request, and whom it counts.
#[derive(Clone, Debug)]
struct Bucket {
    /// Whom it counts.
    key: String,
    /// How many they may ask.
    policy: Policy,
}

/// Whether a request may go on, and where its caller stands by each policy that goes for it.
#[derive(Debug)]
struct Verdict {
    admitted: bool,
    standings: Vec<Standing>,
}

/// How requests are counted by this server.
#[derive(Clone, Copy, Debug)]
pub struct Counting {
    /// Requests a minute of one network that nobody knows, and of one person outside any tenant; none for as many as they like.
    pub outside_per_minute: Option<u32>,
    /// How many instances share the work: what each lets through of everything, while there is no Redis to count for all.
    pub instances: u32,
    /// How often what a tenant has asked for is written down, and what it may is asked again.
    pub meter_every: Duration,
}

/// Who asks, as far as limits go.
#[derive(Clone, Debug)]
pub enum Asking {
    /// A member or an API key, or somebody who says so: PostgreSQL is asked before the tenant is charged.
    Inside(TenantId, Principal, Stranger),
    /// Anybody else.
    Outside(Stranger),
}

/// Somebody whom no tenant is charged for.
#[derive(Clone, Debug)]
pub enum Stranger {
    /// Signed in.
    Person(UserId),
    /// Where a request comes from ([`Client::network`](crate::auth::Client::network)).
    Network(String),
}

/// Whether a request may go on.
#[derive(Debug)]
pub struct Admission {
    /// Where the caller stands, for the answer to tell.
    pub standings: Vec<Standing>,
    /// Why not, if it may not.
    pub refused: Option<Error>,
}

/// Counts requests.
pub struct RateLimits {
    redis: Option<Redis>,
    local: Local,
    meter: Arc<Meter>,
    counting: Counting,
}

impl RateLimits {
    /// In Redis where there is one, and always in this process.
    #[must_use]
    pub fn new(redis: Option<Redis>, counting: Counting) -> Self {
        Self { redis, local: Local::default(), meter: Arc::new(Meter::new(counting.meter_every)), counting }
    }

    /// Counts a request, or refuses it.
    ///
    /// # Errors
    /// Where PostgreSQL has to say who this is, and does not.
    pub async fn admit(&self, db: &Db, secrets: &Secrets, asking: Asking) -> Result<Admission> {
        let (tenant, principal, stranger) = match asking {
            Asking::Outside(stranger) => return Ok(self.outside(secrets, &stranger).await),
            Asking::Inside(tenant, principal, stranger) => (tenant, principal, stranger),
        };
        if let Some(inside) = self.meter.inside(db, tenant, principal) {
            return Ok(self.inside(db, tenant, principal, inside).await);
        }
        // The question costs something, so it is charged to whoever makes us ask it.
        let outside = self.outside(secrets, &stranger).await;
        if outside.refused.is_some() || !self.meter.meet(db, tenant, principal).await? {
            return Ok(outside);
        }
        match self.meter.inside(db, tenant, principal) {
            Some(inside) => Ok(self.inside(db, tenant, principal, inside).await),
            None => Ok(outside),
        }
    }

    /// PostgreSQL has refused somebody: the next time it is asked before their tenant is charged.
    pub fn refused(&self, tenant: TenantId, principal: Principal, error: &Error) {
        if meter::is_refusal(error) {
            self.meter.forget(tenant, principal);
        }
    }

    /// Writes down what was counted, before the process ends.
    pub async fn finish(&self, db: &Db) {
        self.meter.finish(db).await;
    }

    async fn inside(&self, db: &Db, tenant: TenantId, principal: Principal, inside: meter::Inside) -> Admission {
        if let Some(month) = inside.month.filter(|month| !month.wait.is_zero()) {
            let refused = Some(Error::QuotaExceeded { requests: month.policy.requests, seconds: seconds(month.wait) });
            return Admission { standings: vec![month], refused };
        }
        let mut admission = self.within(&inside.buckets).await;
        let month = match admission.refused {
            None => self.meter.count(db, tenant, principal),
            Some(_) => inside.month,
        };
        admission.standings.extend(month);
        admission
    }

    async fn outside(&self, secrets: &Secrets, stranger: &Stranger) -> Admission {
        let Some(requests) = self.counting.outside_per_minute else { return Admission::free() };
        let bucket = match stranger {
            Stranger::Person(user) => Bucket {
                key: format!("rowhouse:{{{}}}:rate:person", user.as_uuid()),
                policy: Policy::a_minute(Whom::Person, requests),
            },
            // Under a seal: whoever reads the names learns no addresses.
            Stranger::Network(network) => Bucket {
                key: format!("rowhouse:{{{}}}:rate:network", secrets.name("rate", &[network])),
                policy: Policy::a_minute(Whom::Network, requests),
            },
        };
        self.within(&[bucket]).await
    }

    /// Counts a request in all of these, or in none.
    async fn within(&self, buckets: &[Bucket]) -> Admission {
        if buckets.is_empty() {
            return Admission::free();
        }
        let told = match &self.redis {
            Some(redis) => shared::admit(redis, buckets).await.ok(),
            None => None,
        };
        let Verdict { admitted, standings } = match told {
            Some(verdict) => {
                if verdict.admitted {
                    self.local.note(buckets, self.counting.instances);
                }
                verdict
            }
            None => self.local.admit(buckets, self.counting.instances),
        };
        let longest = standings.iter().max_by_key(|standing| standing.wait);
        let refused = longest.filter(|_| !admitted).map(|standing| Error::RateLimited {
            whose: standing.policy.whom.described(),
            requests: standing.policy.requests,
            seconds: seconds(standing.wait),
        });
        Admission { standings, refused }
    }
}

impl Admission {
    /// No policy goes for it.
    fn free() -> Self {
        Self { standings: Vec::new(), refused: None }
    }
}

/// Whole seconds, at least one: `Retry-After` has no smaller ones (RFC 9110 §10.2.3).
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}
