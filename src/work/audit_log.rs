//! The audit log is sealed after it was committed: batches of rows, each by a head that follows from the one before and is signed
//! (docs/audit-log.md). What is older than it is kept is forgotten, and the chain says so.
use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rowhouse_walls::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Error, Result,
    auth::{AuditKey, Signed, in_hex, sha256},
    clock,
    db::Params,
    error::Failure,
    from_row,
    jobs::{Failed, Held, Job, backoff::Backoff},
    sql,
};

const BACKOFF: Backoff = Backoff::new(Duration::from_mins(1), Duration::from_hours(1), 5);
/// Rows of a batch at most.
const BATCH: i64 = 5_000;
/// Days that rows are kept at least: the database lets none go that is younger.
pub(super) const FLOOR: u16 = 90;

/// Days of 24 hours, as PostgreSQL counts them in UTC.
pub(super) fn days(days: u16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

/// Seals what a tenant's log has got since.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SealAuditLog {}

impl Job for SealAuditLog {
    const KIND: &'static str = "audit_log.seal";
    const PERMISSIONS: &'static [&'static str] = &["audit_log:seal"];
    // No role can hold it: the schedule alone causes it.
    const ASKS: Option<&'static str> = Some("audit_log:seal");
    const BACKOFF: Backoff = BACKOFF;
}

/// Forgets what was sealed long ago.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetAuditLog {
    /// How many days ago; 90 at least.
    pub days: u16,
}

impl ForgetAuditLog {
    /// Rows are kept for so long: a year, and what an auditor takes to come after its end.
    pub(super) const USUAL: Self = Self { days: 400 };
}

impl Job for ForgetAuditLog {
    const KIND: &'static str = "audit_log.forget";
    const PERMISSIONS: &'static [&'static str] = &["audit_log:seal", "audit_log:forget"];
    const ASKS: Option<&'static str> = Some("audit_log:forget");
    const BACKOFF: Backoff = BACKOFF;
}

/// A row of the log: its place in the order of the log, and its SHA-256.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The tenant's epoch.
    pub epoch: i64,
    /// The transaction that wrote it.
    pub xid: i64,
    /// Its id.
    pub id: Uuid,
    /// Its SHA-256.
    pub leaf: Vec<u8>,
}
from_row! { Leaf: epoch, xid, id, leaf }

/// One link of a tenant's chain.
#[derive(Clone, Debug)]
pub struct AuditSeal {
    /// From 1, without a gap.
    pub number: i64,
    /// The place of the last row that is sealed: its epoch,
    pub epoch: i64,
    /// its transaction,
    pub xid: i64,
    /// and its id.
    pub row_id: Uuid,
    /// How many rows it adds.
    pub rows: i32,
    /// SHA-256 of each of them, one after another.
    pub leaves: Vec<u8>,
    /// Rows of the seals up to this one are forgotten.
    pub forgotten_through: i64,
    /// When it was made, by the clock of whoever sealed.
    pub sealed_at: Timestamp,
    /// What follows from all this and the head before ([`head_after`](Self::head_after)).
    pub head: Vec<u8>,
    /// Ed25519 of the head.
    pub signature: Vec<u8>,
    /// By which key ([`AuditKey::id`]).
    pub key_id: String,
}
from_row! { AuditSeal: number, epoch, xid, row_id, rows, leaves, forgotten_through, sealed_at, head, signature, key_id }

/// The code of a job that has found a seal which is not what was sealed: it appends nothing to such a chain, and forgets nothing by it.
const BROKEN: &str = "audit_chain_broken";
/// What a chain begins after.
pub const NO_HEAD: [u8; 32] = [0; 32];

impl AuditSeal {
    /// The head that follows from all this and from the head before.
    #[must_use]
    pub fn head_after(&self, tenant: Uuid, before: &[u8]) -> [u8; 32] {
        let Self { number, epoch, xid, row_id, rows, forgotten_through, key_id, .. } = self;
        let (before, leaves, at) = (in_hex(before), in_hex(&sha256(&self.leaves)), self.sealed_at.as_microsecond());
        sha256(
            format!(
                "rowhouse audit log 1\n{tenant}\n{number}\n{before}\n{epoch}\n{xid}\n{row_id}\n{rows}\n{leaves}\n{forgotten_through}\n{at}\n{key_id}\n"
            )
            .as_bytes(),
        )
    }
}

/// A seal as it stands in the database, and the head that stands before it.
struct Standing {
    seal: AuditSeal,
    before: Option<Vec<u8>>,
}
from_row! { Standing: seal = *, before }

impl Standing {
    /// The seal, if it is what this house has sealed: whatever goes on from another would be signed.
    fn trusted(self, tenant: TenantId, key: &AuditKey) -> Result<AuditSeal, Failed> {
        let Self { seal, before } = self;
        let before = if seal.number == 1 { Some(NO_HEAD.to_vec()) } else { before };
        let known = key.known().map_err(|Failure(text)| Failed::again("audit_key_unreadable", text))?;
        let wrong = match before {
            None => "the one before it is gone",
            Some(before) if seal.head_after(tenant.as_uuid(), &before).as_slice() != seal.head => {
                "it is not what was sealed"
            }
            Some(_) => match known.verify(&seal.key_id, &seal.head, &seal.signature) {
                Signed::Well => return Ok(seal),
                Signed::Badly => "it is not signed by its key",
                Signed::Unknown => "it is signed by a key that is not known here",
            },
        };
        Err(Failed::never(
            BROKEN,
            format!("nothing follows from seal {}: {wrong}; see rowhouse audit-log verify", seal.number),
        ))
    }
}

/// Where a chain ends.
struct End {
    number: i64,
    epoch: i64,
    xid: i64,
    row_id: Uuid,
    forgotten_through: i64,
    head: Vec<u8>,
}

impl End {
    /// The end of what this house has sealed. Fails where the last seal is another.
    async fn of(held: &Held, key: &AuditKey) -> Result<Self, Failed> {
        let mut conn = held.writes().await?;
        let last: Option<Standing> =
            conn.read().last().optional(sql!("work/audit_last_seal"), &[]).await.map_err(Error::from)?;
        let Some(last) = last else {
            return Ok(Self {
                number: 0,
                epoch: 0,
                xid: 0,
                row_id: Uuid::nil(),
                forgotten_through: 0,
                head: NO_HEAD.to_vec(),
            });
        };
        let AuditSeal { number, epoch, xid, row_id, forgotten_through, head, .. } = last.trusted(held.tenant(), key)?;
        Ok(Self { number, epoch, xid, row_id, forgotten_through, head })
    }

    /// The seal after this end: over these rows, or that says how far they are forgotten.
    fn next(&self, tenant: TenantId, key: &AuditKey, rows: &[Leaf], forgotten_through: i64) -> AuditSeal {
        // As PostgreSQL keeps it.
        let sealed_at = Timestamp::from_microsecond(clock::now().as_microsecond()).unwrap_or(Timestamp::UNIX_EPOCH);
        let (epoch, xid, row_id) =
            rows.last().map_or((self.epoch, self.xid, self.row_id), |last| (last.epoch, last.xid, last.id));
        let mut seal = AuditSeal {
            number: self.number + 1,
            epoch,
            xid,
            row_id,
            rows: i32::try_from(rows.len()).unwrap_or(i32::MAX),
            leaves: rows.iter().flat_map(|row| row.leaf.iter().copied()).collect(),
            forgotten_through,
            sealed_at,
            head: Vec::new(),
            signature: Vec::new(),
            key_id: key.id().to_owned(),
        };
        seal.head = seal.head_after(tenant.as_uuid(), &self.head).to_vec();
        seal.signature = key.sign(&seal.head);
        seal
    }
}

struct Appended(#[expect(dead_code, reason = "that there is a row is what is asked")] i64);
from_row! { Appended: "number" }

async fn append(held: &Held, seal: &AuditSeal) -> Result<()> {
    let AuditSeal { number, epoch, xid, row_id, rows, leaves, forgotten_through, sealed_at, head, signature, key_id } =
        seal;
    let params: Params<'_> =
        &[number, epoch, xid, row_id, rows, leaves, forgotten_through, sealed_at, head, signature, key_id];
    let mut conn = held.writes().await?;
    let _: Appended = conn.write().last().one(sql!("work/audit_seal"), params).await?;
    Ok(())
}

/// Each batch is a transaction: a worker that is lost in between has sealed none or all of it, and whoever comes after goes on at the end of the chain.
/// Of two at once one finds the number taken, and tries again.
pub(super) async fn seal(_: SealAuditLog, held: Held, key: Arc<AuditKey>) -> Result<Value, Failed> {
    let mut sealed = 0;
    loop {
        let end = End::of(&held, &key).await?;
        let mut conn = held.writes().await?;
        let params: Params<'_> = &[&end.epoch, &end.xid, &end.row_id, &BATCH];
        let rows: Vec<Leaf> = conn.read().last().all(sql!("work/audit_rows"), params).await.map_err(Error::from)?;
        drop(conn);
        if rows.is_empty() {
            return Ok(json!({ "sealed": sealed }));
        }
        append(&held, &end.next(held.tenant(), &key, &rows, end.forgotten_through)).await?;
        sealed += rows.len();
        if !held.progress(i64::try_from(sealed).unwrap_or(i64::MAX), None) {
            return Ok(json!({ "sealed": sealed }));
        }
    }
}

/// First the chain says how far rows are forgotten, and then they go: whoever verifies in between finds some that are left, and none that is missed.
pub(super) async fn forget(job: ForgetAuditLog, held: Held, key: Arc<AuditKey>) -> Result<Value, Failed> {
    let (age, mut forgotten) = (job.days.max(FLOOR), 0);
    let end = End::of(&held, &key).await?;
    let mut conn = held.writes().await?;
    let over: Params<'_> = &[&i32::from(age), &end.forgotten_through];
    let over: Option<Standing> =
        conn.read().last().optional(sql!("work/audit_over"), over).await.map_err(Error::from)?;
    drop(conn);
    let Some(over) = over else { return Ok(json!({ "forgotten": forgotten })) };
    // Its time is believed as far as it is signed; the clock of the database may have been set.
    let over = over.trusted(held.tenant(), &key)?;
    let next = end.next(held.tenant(), &key, &[], over.number);
    if next.sealed_at.duration_since(over.sealed_at) < days(FLOOR) {
        return Ok(json!({ "forgotten": forgotten }));
    }
    if over.number > end.forgotten_through {
        append(&held, &next).await?;
    }
    loop {
        let mut conn = held.writes().await?;
        let params: Params<'_> = &[&over.epoch, &over.xid, &over.row_id];
        let gone: Vec<Uuid> = conn.write().last().all(sql!("work/audit_forget"), params).await.map_err(Error::from)?;
        forgotten += gone.len();
        if gone.is_empty() || !held.progress(i64::try_from(forgotten).unwrap_or(i64::MAX), None) {
            return Ok(json!({ "forgotten": forgotten }));
        }
    }
}
