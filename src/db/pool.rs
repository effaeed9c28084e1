//! The pool of connections, all of one database role.
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType, Timeouts};

use tokio_postgres::Config;

use super::{
    PublicConn, TenantConn, UserConn,
    connect::{describe, parse, tls},
    errors::unavailable,
    preamble::Scope,
    queue::{Queue, Share},
    statements::{Book, Statements},
    tx::Lease,
};
use crate::{
    Error, Result,
    auth::{Person, Principal, TenantId},
    error::Failure,
    telemetry::trace_id,
};

/// How many connections, how long to wait for one, and how statements are sent on it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at most. Measured on two cores: 2 to 8 are equal, 16 serves 0.89, 32 serves 0.84.
    pub connections: usize,
    /// Of these, how many one tenant, one person outside any, or all strangers together may have at once.
    pub share: usize,
    /// How long a request waits for a free connection before it answers 503.
    pub wait: Duration,
    /// How statements are sent.
    pub statements: Statements,
}

/// Access to PostgreSQL as one role.
#[derive(Clone, Debug)]
pub struct Db {
    pool: Pool,
    queue: Queue,
    wait: Duration,
    pub(super) config: Config,
    pub(super) statements: Statements,
    book: Book,
}

impl Db {
    /// Prepares the pool; connects to nobody yet.
    pub fn open(url: &str, limits: Limits) -> Result<Self, Failure> {
        let mut config = parse(url)?;
        config
            .application_name("rowhouse-api")
            .connect_timeout(Duration::from_secs(3))
            .keepalives_idle(Duration::from_secs(30));
        // Fast: recycling costs no round trip. What makes that safe is in `tx`: a connection comes back
        // only when the server has said that its transaction ended, and nothing can set session state.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config.clone(), tls(), recycling);
        let pool = Pool::builder(manager)
            .max_size(limits.connections)
            .wait_timeout(Some(limits.wait))
            .create_timeout(Some(Duration::from_secs(3)))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Failure(format!("the connection pool could not be made: {error}")))?;
        let queue = Queue::new(limits.connections, limits.share);
        let (statements, wait) = (limits.statements, limits.wait);
        Ok(Self { pool, queue, wait, config, statements, book: Book::new(statements) })
    }

    /// Lends a connection that can do one thing: begin a transaction as this principal in this tenant.
    pub(crate) async fn tenant(&self, tenant: TenantId, principal: Principal, share: Share) -> Result<TenantConn> {
        Ok(TenantConn::new(self.lend(share).await?, Scope::Tenant(tenant, principal)))
    }

    /// Lends a connection for a signed-in user outside any tenant.
    pub(crate) async fn user(&self, person: Person) -> Result<UserConn> {
        Ok(UserConn::new(self.lend(Share::Person(person.user)).await?, Scope::User(person)))
    }

    /// Lends a connection for callers nobody knows yet.
    pub async fn public(&self) -> Result<PublicConn> {
        Ok(PublicConn::new(self.lend(Share::Strangers).await?, Scope::Public))
    }

    /// Connections in use or idle, and how many there may be.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size, status.max_size)
    }

    /// Closes idle connections and lends no more.
    pub fn close(&self) {
        self.pool.close();
    }

    async fn lend(&self, share: Share) -> Result<Lease> {
        let place = self.queue.place(share, self.wait).await?;
        self.connection().await.map(|object| Lease::new(object, self.book.clone(), place))
    }

    async fn connection(&self) -> Result<deadpool_postgres::Object> {
        // A connection that is free is taken without setting a timer; whoever has to wait sets one.
        let at_once = Timeouts { wait: Some(Duration::ZERO), ..self.pool.timeouts() };
        let lent = match self.pool.timeout_get(&at_once).await {
            Err(PoolError::Timeout(TimeoutType::Wait)) => self.pool.get().await,
            other => other,
        };
        lent.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => Error::PoolExhausted,
            PoolError::Backend(error) => {
                tracing::warn!(trace_id = trace_id(), error = %describe(&error), "cannot connect to PostgreSQL");
                unavailable()
            }
            error => {
                tracing::warn!(trace_id = trace_id(), %error, "no connection to PostgreSQL");
                unavailable()
            }
        })
    }
}
