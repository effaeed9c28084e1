//! The worker's connections: as a role of its own, behind the same walls.
use std::time::Duration;

use rowhouse_walls::{Committed, HeldJob, Pool, PoolOptions, PublicConn, Settings, Share, TenantId, TenantWrites};
use secrecy::SecretString;

use super::pool::Statements;
use crate::{Result, error::Failure, from_row, sql, telemetry::trace_id};

/// The database role that does jobs.
pub const WORKER_ROLE: &str = "rowhouse_worker";

/// Connections on which the worker itself asks whose turn it is and says that it is alive: however long its jobs' transactions take,
/// they do not have to wait for one.
const OWN: usize = 2;

/// Access to PostgreSQL as the role that does jobs.
#[derive(Clone, Debug)]
pub struct WorkerDb {
    jobs: Pool,
    own: Pool,
}

struct Complaint(String);
from_row! { Complaint: "complaint" }

impl WorkerDb {
    /// Prepares the pools, with so many connections for jobs; connects to nobody yet.
    pub fn open(url: &SecretString, connections: usize, statements: Statements) -> Result<Self, Failure> {
        Self::open_telling(url, connections, statements, None)
    }

    /// The same, and tells of each tenant in which a job has written something. What a worker writes down of its jobs is not told.
    pub fn open_telling(
        url: &SecretString,
        connections: usize,
        statements: Statements,
        committed: Option<Committed>,
    ) -> Result<Self, Failure> {
        let options = |connections, committed| PoolOptions {
            name: "rowhouse-worker",
            connections,
            share: connections,
            wait: Duration::from_secs(5),
            statements: statements.into(),
            settings: Settings { trace_id, ..Settings::default() },
            committed,
        };
        Ok(Self { jobs: Pool::open(url, options(connections, committed))?, own: Pool::open(url, options(OWN, None))? })
    }

    /// A connection outside any tenant, to ask whose turn it is.
    pub(crate) async fn outside(&self) -> Result<PublicConn> {
        Ok(self.own.public(Share::Strangers).await?)
    }

    /// A connection inside one tenant, for a job that is held or for none.
    pub(crate) async fn inside(&self, tenant: TenantId, job: Option<HeldJob>) -> Result<TenantWrites> {
        let pool = if job.is_some() { &self.jobs } else { &self.own };
        Ok(pool.worker(tenant, job, Share::Work(tenant)).await?)
    }

    /// Whether jobs of others have asked for a connection lately.
    pub(crate) fn others_than(&self, tenant: TenantId) -> bool {
        self.jobs.others_than(Share::Work(tenant))
    }

    /// How many connections there are for jobs.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.jobs.size().1
    }

    /// Everything that is wrong with working on these connections; empty is right. What is true of the database itself, whoever serves has asked.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let mut conn = self.outside().await?;
        let mut tx = conn.read();
        let mut found: Vec<Complaint> = tx.all(sql!("db/role_is"), &[&WORKER_ROLE]).await?;
        if tx.all::<Complaint>(sql!("db/never_migrated"), &[]).await?.len() == 1 {
            found.push(Complaint("the database was never migrated: run `rowhouse migrate`".to_owned()));
        } else {
            found.extend(tx.all::<Complaint>(sql!("db/posture"), &[]).await?);
        }
        tx.commit().await?;
        Ok(found.into_iter().map(|complaint| complaint.0).collect())
    }

    /// Closes idle connections and lends no more.
    pub fn close(&self) {
        self.jobs.close();
        self.own.close();
    }
}
