//! The connections of one role, lent to whoever's turn it is, each promised to one of them.
use std::{sync::Arc, time::Duration};

use deadpool::{
    Runtime,
    managed::{PoolError, TimeoutType, Timeouts},
};
use rowhouse_pg::{Failure, describe, parse};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::Config;

use crate::{
    Error, Result,
    committed::Committed,
    conn::{PublicConn, TenantReads, TenantWrites, UserConn},
    identity::{HeldJob, Person, Principal, TenantId},
    lease::Lease,
    preamble::Scope,
    queue::{Queue, Share},
    settings::Settings,
    statements::{StatementCache, Statements},
    wire::{Connections, Dialer, Object},
};

/// How many connections, how long to wait for one, and how statements are sent on it.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// What PostgreSQL is told of who connects (`application_name`).
    pub name: &'static str,
    /// Connections at most.
    pub connections: usize,
    /// Of these, how many one [`Share`] may have at once.
    pub share: usize,
    /// How long somebody waits for a free connection.
    pub wait: Duration,
    /// How statements are sent.
    pub statements: Statements,
    /// How the settings of a transaction are called, and who hears of it.
    pub settings: Settings,
    /// Hears of each transaction that could write in a tenant and is committed, in the task that committed it.
    pub committed: Option<Committed>,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            name: "rowhouse-walls",
            connections: 8,
            share: 4,
            wait: Duration::from_secs(2),
            statements: Statements::default(),
            settings: Settings::default(),
            committed: None,
        }
    }
}

/// The connections of one role that serves, which owns nothing and is a member of nothing.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    connections: Connections,
    queue: Queue,
    config: Config,
    cache: StatementCache,
    options: PoolOptions,
}

impl Pool {
    /// Prepares the pool; connects to nobody yet.
    pub fn open(url: &SecretString, options: PoolOptions) -> Result<Self, Failure> {
        options.settings.check()?;
        let mut config = parse(url.expose_secret())?;
        config
            .application_name(options.name)
            .connect_timeout(Duration::from_secs(3))
            .keepalives_idle(Duration::from_secs(30));
        let pool = Connections::builder(Dialer(config.clone()))
            .max_size(options.connections)
            .wait_timeout(Some(options.wait))
            .create_timeout(Some(Duration::from_secs(3)))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Failure(format!("the connection pool could not be made: {error}")))?;
        let queue = Queue::new(options.connections, options.share);
        let cache = StatementCache::new(options.statements);
        Ok(Self(Arc::new(Parts { connections: pool, queue, config, cache, options })))
    }

    /// Lends a connection that can do one thing: begin a transaction as this principal in this tenant that only reads.
    pub async fn tenant_reads(&self, tenant: TenantId, who: Principal, share: Share) -> Result<TenantReads> {
        Ok(TenantReads::new(self.lend(share).await?, Scope::Tenant(tenant, who)))
    }

    /// The same where it may write.
    pub async fn tenant_writes(&self, tenant: TenantId, who: Principal, share: Share) -> Result<TenantWrites> {
        Ok(TenantWrites::new(self.lend(share).await?, Scope::Tenant(tenant, who)))
    }

    /// Lends a connection to a worker inside one tenant, for a job that it holds or for none.
    pub async fn worker(&self, tenant: TenantId, job: Option<HeldJob>, share: Share) -> Result<TenantWrites> {
        Ok(TenantWrites::new(self.lend(share).await?, Scope::Worker(tenant, job)))
    }

    /// Lends a connection for a signed-in user outside any tenant, of their own share.
    pub async fn user(&self, person: Person) -> Result<UserConn> {
        Ok(UserConn::new(self.lend(Share::Person(person.user)).await?, Scope::User(person)))
    }

    /// Lends a connection for callers nobody knows yet.
    pub async fn public(&self, share: Share) -> Result<PublicConn> {
        Ok(PublicConn::new(self.lend(share).await?, Scope::Public))
    }

    /// Whether anybody else has asked for a connection lately.
    #[must_use]
    pub fn others_than(&self, share: Share) -> bool {
        self.0.queue.others(share)
    }

    /// Connections in use or idle, and how many there may be.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let status = self.0.connections.status();
        (status.size, status.max_size)
    }

    /// Closes idle connections and lends no more.
    pub fn close(&self) {
        self.0.connections.close();
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn statements(&self) -> Statements {
        self.0.options.statements
    }

    async fn lend(&self, share: Share) -> Result<Lease> {
        let place = self.0.queue.place(share, self.0.options.wait).await?;
        let object = self.connection().await?;
        let PoolOptions { settings, committed, .. } = &self.0.options;
        Ok(Lease::new(object, self.0.cache.clone(), *settings, committed.clone(), place))
    }

    async fn connection(&self) -> Result<Object> {
        // A connection that is free is taken without setting a timer; whoever has to wait sets one.
        let at_once = Timeouts { wait: Some(Duration::ZERO), ..self.0.connections.timeouts() };
        let lent = match self.0.connections.timeout_get(&at_once).await {
            Err(PoolError::Timeout(TimeoutType::Wait)) => Box::pin(self.0.connections.get()).await,
            other => other,
        };
        let trace_id = self.0.options.settings.trace_id;
        lent.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => Error::PoolExhausted,
            PoolError::Backend(error) => {
                tracing::warn!(trace_id = trace_id(), error = %describe(&error), "cannot connect to PostgreSQL");
                Error::Unavailable
            }
            error => {
                tracing::warn!(trace_id = trace_id(), %error, "no connection to PostgreSQL");
                Error::Unavailable
            }
        })
    }
}
