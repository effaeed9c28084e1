//! The two pools of connections: one role serves tenants, the other strangers and accounts (docs/adr/0018).
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType, Timeouts};
use rowhouse_pg::{describe, parse, tls};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::Config;

use super::{
    PublicConn, TenantReads, TenantWrites, UserConn,
    errors::unavailable,
    preamble::Scope,
    queue::{Queue, Share},
    statements::{StatementCache, Statements},
    tx::Lease,
};
use crate::{
    Error, Result,
    error::Failure,
    identity::{Person, Principal, TenantId},
    telemetry::trace_id,
};

/// How many connections in each pool, how long to wait for one, and how statements are sent on it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at most. Measured on two cores: 2 to 8 are equal, 16 serves 0.89, 32 serves 0.84.
    pub connections: usize,
    /// Of these, how many one tenant may have at once, or somebody who only says to be of one.
    pub share: usize,
    /// Connections for strangers and accounts. One person, or all strangers together, may have all but one of them at once.
    pub gate_connections: usize,
    /// How long a request waits for a free connection before it answers 503.
    pub wait: Duration,
    /// How statements are sent.
    pub statements: Statements,
}

/// The database role that serves tenants.
pub const API_ROLE: &str = "rowhouse_api";
/// The database role that serves who is not signed in, and one's own account.
pub const GATE_ROLE: &str = "rowhouse_gate";

/// Where the database is, as each of the roles that serve.
#[derive(Clone, Debug)]
pub struct Urls {
    /// As [`API_ROLE`].
    pub api: SecretString,
    /// As [`GATE_ROLE`].
    pub gate: SecretString,
}

/// Access to PostgreSQL as the roles that serve.
#[derive(Clone, Debug)]
pub struct Db {
    /// For tenants.
    api: Side,
    /// For strangers and accounts. Neither can starve the other, and neither role may do what the other does.
    gate: Side,
    pub(super) statements: Statements,
}

/// The connections of one role.
#[derive(Clone, Debug)]
struct Side {
    pool: Pool,
    queue: Queue,
    wait: Duration,
    config: Config,
    statements: StatementCache,
}

impl Db {
    /// Prepares the pools; connects to nobody yet.
    pub fn open(urls: &Urls, limits: Limits) -> Result<Self, Failure> {
        let all_but_one = limits.gate_connections.saturating_sub(1);
        Ok(Self {
            api: Side::open(&urls.api, "rowhouse-api", (limits.connections, limits.share), limits)?,
            gate: Side::open(&urls.gate, "rowhouse-gate", (limits.gate_connections, all_but_one), limits)?,
            statements: limits.statements,
        })
    }

    /// Lends a connection that can do one thing: begin a transaction as this principal in this tenant that only reads. Today it
    /// is one like all others; whoever asks here can be given one to a replica (docs/adr/0023).
    pub(crate) async fn tenant_reads(&self, tenant: TenantId, who: Principal, share: Share) -> Result<TenantReads> {
        Ok(TenantReads::new(self.api.lend(share).await?, Scope::Tenant(tenant, who)))
    }

    /// The same where it may write.
    pub(crate) async fn tenant_writes(&self, tenant: TenantId, who: Principal, share: Share) -> Result<TenantWrites> {
        Ok(TenantWrites::new(self.api.lend(share).await?, Scope::Tenant(tenant, who)))
    }

    /// Whether anybody else has asked for a connection for tenants lately.
    pub(crate) fn others_than(&self, share: Share) -> bool {
        self.api.queue.others(share)
    }

    /// Lends a connection for a signed-in user outside any tenant.
    pub(crate) async fn user(&self, person: Person) -> Result<UserConn> {
        Ok(UserConn::new(self.gate.lend(Share::Person(person.user)).await?, Scope::User(person)))
    }

    /// Lends a connection for callers nobody knows yet.
    pub async fn public(&self) -> Result<PublicConn> {
        Ok(PublicConn::new(self.gate.lend(Share::Strangers).await?, Scope::Public))
    }

    /// A connection as one of the roles that serve, to ask whether it is fit to.
    pub(super) async fn as_role(&self, role: &'static str) -> Result<PublicConn> {
        let side = if role == API_ROLE { &self.api } else { &self.gate };
        Ok(PublicConn::new(side.lend(Share::Unproven(None)).await?, Scope::Public))
    }

    /// How each of the roles that serve connects.
    pub(super) fn configs(&self) -> [&Config; 2] {
        [&self.api.config, &self.gate.config]
    }

    /// Connections in use or idle, and how many there may be, of the pool for tenants and of that for strangers and
    /// accounts.
    #[must_use]
    pub fn sizes(&self) -> [(&'static str, usize, usize); 2] {
        let (api, gate) = (self.api.pool.status(), self.gate.pool.status());
        [("api", api.size, api.max_size), ("gate", gate.size, gate.max_size)]
    }

    /// Closes idle connections and lends no more.
    pub fn close(&self) {
        self.api.pool.close();
        self.gate.pool.close();
    }
}

impl Side {
    fn open(url: &SecretString, name: &str, (most, share): (usize, usize), limits: Limits) -> Result<Self, Failure> {
        let mut config = parse(url.expose_secret())?;
        config.application_name(name).connect_timeout(Duration::from_secs(3)).keepalives_idle(Duration::from_secs(30));
        // Fast: recycling costs no round trip. What makes that safe is in `tx`: a connection comes back
        // only when the server has said that its transaction ended, and nothing can set session state.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config.clone(), tls(), recycling);
        let pool = Pool::builder(manager)
            .max_size(most)
            .wait_timeout(Some(limits.wait))
            .create_timeout(Some(Duration::from_secs(3)))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Failure(format!("the connection pool could not be made: {error}")))?;
        let queue = Queue::new(most, share);
        Ok(Self { pool, queue, wait: limits.wait, config, statements: StatementCache::new(limits.statements) })
    }

    async fn lend(&self, share: Share) -> Result<Lease> {
        let place = self.queue.place(share, self.wait).await?;
        self.connection().await.map(|object| Lease::new(object, self.statements.clone(), place))
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
