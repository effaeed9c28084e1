//! Puts the application together: the one place that knows all of its parts.
use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    api,
    app::{App, AppSettings, EdgeLimits, Parts, Readiness},
    auth::{AuthSettings, Authn, AuthnParts, Clock, Ended, Hosts, Keys, LastUsed, Lifetimes, Passwords, Tokens},
    cache::Cache,
    db::{self, Db, Limits, Urls},
    dns::{NameServers, resolver},
    error::Failure,
    http::{Leaving, Untaken, transfers::Transfers},
    jobs::Kinds,
    limits::{Counting, RateLimits},
    live,
    redis::Redis,
    server::Serving,
    settings::{Profile, Tuning, WebhookArgs},
    wake::Wake,
    webhooks::{
        dial::Dialler,
        send::{CONNECTS, Sender},
    },
    work::{self, Means, webhooks::Office},
};

impl WebhookArgs {
    /// What webhooks are sent with.
    pub fn office(&self, keys: Keys, name_servers: &[SocketAddr], profile: Profile) -> Result<Office, Failure> {
        let rules = self.rules(profile);
        let dialler = Dialler::new(resolver(name_servers)?, rules.allowed().to_vec(), CONNECTS);
        Ok(Office { keys, sender: Sender::new(dialler, rules) })
    }
}

impl Tuning {
    /// Puts the application together. Connects to nobody yet.
    pub fn app(&self, database: &Urls, keys: Keys, clock: Clock) -> Result<App, Failure> {
        let wait = Duration::from_millis(self.pool_wait_ms);
        let connections = usize::from(self.pool);
        let pools = Limits {
            connections,
            share: self.pool_share.map_or(connections.div_ceil(2), usize::from),
            gate_connections: usize::from(self.gate_pool),
            wait,
            statements: self.statements,
        };
        db::publish_constraints(api::CONSTRAINTS);
        let hashes =
            self.hashes.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
        let redis = self.redis_url.as_ref().map(Redis::open).transpose()?;
        let wake = Wake::new(database.api.clone(), redis.clone());
        let db = Db::open_telling(database, pools, Some(&wake.hook()))?;
        let counting = Counting {
            outside_per_minute: Some(self.outside_per_minute).filter(|&requests| requests > 0),
            instances: self.instances,
            kept_bytes: self.idempotency_bytes,
            meter_every: Duration::from_millis(self.meter_ms),
        };
        let limits = Arc::new(RateLimits::new(redis.clone(), counting));
        let auth = Authn::new(AuthnParts {
            db: db.clone(),
            tokens: Tokens::new(keys, clock, &self.issuer, &self.audience, self.token_seconds),
            passwords: Passwords::new(hashes.max(1), Duration::from_millis(self.request_ms) / 2)?,
            hosts: Hosts::new(&self.base_domain, &self.hosts),
            uses: LastUsed::default(),
            ended: Ended::new(redis.clone()),
            shares: limits.clone(),
            settings: AuthSettings {
                origins: self.cors_origins.clone(),
                lifetimes: Lifetimes {
                    days: self.session_days,
                    idle_days: self.session_idle_days,
                    browser_idle_hours: self.browser_idle_hours,
                },
                trusted_proxies: usize::from(self.trusted_proxies),
            },
        });
        let leaving = Leaving::default();
        Ok(App::new(Parts {
            live: live::Hub::new(self.streams(), leaving.clone()),
            auth,
            db,
            dns: Box::new(NameServers::new(&self.name_servers)?),
            cache: match &redis {
                Some(redis) => Cache::redis(redis.clone(), self.cache_share_bytes),
                None => Cache::local(self.cache_bytes, self.cache_share_bytes),
            },
            limits,
            transfers: Transfers::new(usize::from(self.pool), self.import_bytes),
            settings: AppSettings {
                import_bytes: self.import_bytes,
                webhooks: self.webhooks.rules(self.profile),
                documents: self.documents || self.profile == Profile::Development,
                edge: EdgeLimits {
                    body_bytes: self.body_bytes,
                    time: Duration::from_millis(self.request_ms),
                    ..EdgeLimits::default()
                },
            },
            readiness: Readiness::new(Db::open(database, Limits { connections: 1, gate_connections: 1, ..pools })?),
            untaken: Untaken::default(),
            wake,
            leaving,
        }))
    }

    /// How many streams there may be: of all connections half, unless said, and of those a tenant a quarter, or a sixteenth where half are taken.
    fn streams(&self) -> live::Bounds {
        let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let all = self.streams.map_or_else(|| (whole(self.connections) / 2).max(1), whole);
        live::Bounds {
            all,
            tenant: self.streams_per_tenant.map_or_else(|| (all / 4).max(1), whole),
            tenant_in_a_crowd: self.streams_per_tenant.map_or_else(|| (all / 16).max(1), whole),
            principal: whole(self.streams_per_principal),
            readers: usize::from(self.pool) / 2,
        }
    }

    /// How connections are treated.
    #[must_use]
    pub fn serving(&self) -> Serving {
        let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let connections = whole(self.connections);
        let share = match self.connections_per_network {
            // A proxy comes with everybody's connections.
            _ if self.trusted_proxies > 0 => connections,
            Some(share) => whole(share),
            None => connections.div_ceil(4),
        };
        Serving {
            head_time: Duration::from_secs(30),
            write_time: Duration::from_millis(self.write_ms),
            connections,
            share,
            refused: connections.div_ceil(4).clamp(8, 256),
            grace: Duration::from_millis(self.grace_ms),
        }
    }
}

/// The kinds of job that a worker of ours does, with these means.
#[must_use]
pub fn kinds(means: &Means) -> Kinds {
    api::kinds(work::kinds(means)).build()
}
