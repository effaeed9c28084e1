//! The two pools of connections: one role serves tenants, the other strangers and accounts (docs/adr/0018).
use std::time::Duration;

use clap::ValueEnum;
use rowhouse_walls::{
    Committed, Person, Pool, PoolOptions, Principal, PublicConn, Settings, Share, TenantId, TenantReads, TenantWrites,
    Unfit, UserConn,
};
use secrecy::SecretString;

use crate::{
    Result,
    error::Failure,
    telemetry::{note_held, origin, trace_id},
};

/// How statements are sent to PostgreSQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Statements {
    /// Prepared once on each connection, under a name: for PostgreSQL itself, and for PgBouncer 1.21 and later.
    #[default]
    Named,
    /// Sent whole each time, without a name: for poolers that give each transaction another connection and
    /// carry no names.
    Unnamed,
}

impl From<Statements> for rowhouse_walls::Statements {
    fn from(statements: Statements) -> Self {
        match statements {
            Statements::Named => Self::Named,
            Statements::Unnamed => Self::Unnamed,
        }
    }
}

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
///
/// A tenant's connection is for whoever was verified to ask in one (`auth::Tenant`), and nobody else gets it:
/// ```compile_fail,E0624
/// # async fn f(db: rowhouse::db::Db, tenant: rowhouse::auth::TenantId, who: rowhouse::auth::Principal) {
/// let conn = db.tenant_reads(tenant, who).await;
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Db {
    /// For tenants.
    api: Pool,
    /// For strangers and accounts. Neither can starve the other, and neither role may do what the other does.
    gate: Pool,
}

impl Db {
    /// Prepares the pools; connects to nobody yet.
    pub fn open(urls: &Urls, limits: Limits) -> Result<Self, Failure> {
        Self::open_telling(urls, limits, None)
    }

    /// The same, and tells of each tenant in which something was written.
    pub fn open_telling(urls: &Urls, limits: Limits, committed: Option<&Committed>) -> Result<Self, Failure> {
        let statements = limits.statements.into();
        let settings = Settings { trace_id, origin, held: note_held, ..Settings::default() };
        let options = |name, connections, share| PoolOptions {
            name,
            connections,
            share,
            wait: limits.wait,
            statements,
            settings,
            committed: committed.cloned(),
        };
        let all_but_one = limits.gate_connections.saturating_sub(1);
        Ok(Self {
            api: Pool::open(&urls.api, options("rowhouse-api", limits.connections, limits.share))?,
            gate: Pool::open(&urls.gate, options("rowhouse-gate", limits.gate_connections, all_but_one))?,
        })
    }

    /// Lends a connection that can do one thing: begin a transaction as this principal in this tenant that only reads. Today it
    /// is one like all others; whoever asks here can be given one to a replica (docs/adr/0023).
    pub(crate) async fn tenant_reads(&self, tenant: TenantId, who: Principal, share: Share) -> Result<TenantReads> {
        Ok(self.api.tenant_reads(tenant, who, share).await?)
    }

    /// The same where it may write.
    pub(crate) async fn tenant_writes(&self, tenant: TenantId, who: Principal, share: Share) -> Result<TenantWrites> {
        Ok(self.api.tenant_writes(tenant, who, share).await?)
    }

    /// Whether anybody else has asked for a connection for tenants lately.
    pub(crate) fn others_than(&self, share: Share) -> bool {
        self.api.others_than(share)
    }

    /// Lends a connection for a signed-in user outside any tenant.
    pub(crate) async fn user(&self, person: Person) -> Result<UserConn> {
        Ok(self.gate.user(person).await?)
    }

    /// Lends a connection for callers nobody knows yet.
    pub async fn public(&self) -> Result<PublicConn> {
        Ok(self.gate.public(Share::Strangers).await?)
    }

    /// A connection as one of the roles that serve, to ask whether it is fit to.
    pub(super) async fn as_role(&self, role: &'static str) -> Result<PublicConn> {
        let side = if role == API_ROLE { &self.api } else { &self.gate };
        Ok(side.public(Share::Unproven(None)).await?)
    }

    /// Refuses a pooler that does not carry transactions, or not the way statements are sent.
    pub async fn refuse_unless_carried(&self) -> Result<(), Failure> {
        for side in [&self.api, &self.gate] {
            side.refuse_unless_carried().await.map_err(|unfit| {
                let remedy = match unfit {
                    Unfit::NamesAreLost => {
                        "Set ROWHOUSE_STATEMENTS=unnamed, or use PgBouncer 1.21 or later with max_prepared_statements above 0, or \
                         connect to PostgreSQL itself"
                    }
                    Unfit::TransactionsAreRefused => {
                        "Set pool_mode = transaction (or session) in PgBouncer; pool_mode = statement cannot work, because who asks \
                         is said by SET LOCAL inside a transaction"
                    }
                };
                Failure(format!("refusing to serve through this pooler: {unfit}. {remedy}"))
            })?;
        }
        Ok(())
    }

    /// Connections in use or idle, and how many there may be, of the pool for tenants and of that for strangers and
    /// accounts.
    #[must_use]
    pub fn sizes(&self) -> [(&'static str, usize, usize); 2] {
        let ((api, most), (gate, gate_most)) = (self.api.size(), self.gate.size());
        [("api", api, most), ("gate", gate, gate_most)]
    }

    /// Closes idle connections and lends no more.
    pub fn close(&self) {
        self.api.close();
        self.gate.close();
    }
}
