//! From what PostgreSQL tells a worker, whose turn it is and what it is given to do, to ids that open something.
use rowhouse_walls::{HeldJob, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::{Result, db::WorkerDb, from_row, sql};

struct Turn(Option<Uuid>);
from_row! { Turn: "tenant_id" }

/// The tenant that has waited longest for a turn, but for those that are named.
pub async fn claim_turn(db: &WorkerDb, but_not: &[Uuid]) -> Result<Option<TenantId>> {
    let mut conn = db.outside().await?;
    let Turn(tenant) = conn.write().last().one(sql!("work/claim_turn"), &[&but_not]).await?;
    Ok(tenant.map(TenantId::assume_verified))
}

/// A job that was given to this worker.
#[derive(Debug)]
pub struct Taken {
    /// Which job, under which lease.
    pub held: HeldJob,
    /// In which tenant.
    pub tenant: TenantId,
    /// What is to be done.
    pub kind: String,
    /// With what.
    pub payload: Value,
    /// As which version of the kind it was written.
    pub payload_version: i16,
    /// The how manieth attempt it is, from 1.
    pub attempt: i16,
    /// The member who caused it.
    pub created_by: Option<Uuid>,
}

struct Row {
    id: Uuid,
    kind: String,
    payload: Value,
    payload_version: i16,
    attempts: i16,
    lease: Uuid,
    created_by: Option<Uuid>,
}
from_row! { Row: id, kind, payload, payload_version, attempts, lease, created_by }

/// How much is taken at a time, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct TakeTerms {
    /// Jobs at most.
    pub most: i32,
    /// Jobs a turn, times the tenant's weight.
    pub quantum: i32,
    /// Seconds of a lease.
    pub lease: f64,
    /// Seconds after which somebody looks again at what nobody here can do.
    pub again: f64,
}

/// Jobs of a tenant whose turn it is, behind its wall.
pub async fn take_jobs(db: &WorkerDb, tenant: TenantId, kinds: &[&str], terms: TakeTerms) -> Result<Vec<Taken>> {
    let mut conn = db.inside(tenant, None).await?;
    let TakeTerms { most, quantum, lease, again } = terms;
    let params: crate::db::Params<'_> = &[&kinds, &most, &quantum, &lease, &again];
    let rows: Vec<Row> = conn.write().last().all(sql!("work/take"), params).await?;
    let taken = rows.into_iter().map(|row| Taken {
        held: HeldJob::assume_verified(row.id, row.lease),
        tenant,
        kind: row.kind,
        payload: row.payload,
        payload_version: row.payload_version,
        attempt: row.attempts,
        created_by: row.created_by,
    });
    Ok(taken.collect())
}

struct Open(Uuid);
from_row! { Open: "tenant_id" }

/// Tenants that are open, in order of their ids, after one.
pub async fn open_tenants(db: &WorkerDb, after: Uuid, most: i32) -> Result<Vec<TenantId>> {
    let mut conn = db.outside().await?;
    let open: Vec<Open> = conn.read().last().all(sql!("work/open_tenants"), &[&after, &most]).await?;
    Ok(open.into_iter().map(|Open(id)| TenantId::assume_verified(id)).collect())
}

struct Behind {
    tenant_id: Uuid,
    behind: bool,
}
from_row! { Behind: tenant_id, behind }

/// Tenants that have webhook endpoints, in order of their ids, after one, and whether they have events that were not read for these; of all, or
/// of some.
pub async fn webhooks_behind(
    db: &WorkerDb,
    only: Option<&[Uuid]>,
    after: Uuid,
    most: i32,
) -> Result<Vec<(TenantId, bool)>> {
    let mut conn = db.outside().await?;
    let found: Vec<Behind> = conn.read().last().all(sql!("work/webhooks_behind"), &[&only, &after, &most]).await?;
    Ok(found.into_iter().map(|row| (TenantId::assume_verified(row.tenant_id), row.behind)).collect())
}
