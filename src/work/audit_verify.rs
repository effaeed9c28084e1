//! Whether a tenant's audit log is what was sealed, and if not, where it is another.
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::audit_log::{AuditSeal, FLOOR, Leaf, NO_HEAD, days};
use crate::{
    auth::{AuditVerifiers, Signed, in_hex},
    db::AdminConn,
    error::Failure,
    from_row, sql,
};

/// Seals read at a time: their leaves may be some 160 KB each.
const SEALS: i64 = 50;

/// A head that was published, and that the chain must still have.
#[derive(Clone, Debug, serde::Deserialize, Serialize)]
pub struct PublishedHead {
    /// Of which tenant.
    pub tenant: Uuid,
    /// What it was called.
    pub slug: String,
    /// Which seal.
    pub number: i64,
    /// When it was made.
    pub sealed_at: jiff::Timestamp,
    /// In hex.
    pub head: String,
    /// In hex; empty where a line has none.
    #[serde(default)]
    pub signature: String,
    /// By which key.
    #[serde(default)]
    pub key_id: String,
}
from_row! { PublishedHead: tenant, slug, number, sealed_at, head, signature, key_id }

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are the seal, the row in it from 1, and the row's id")]
pub enum Fault {
    /// Seals between two others are gone, or the last that were published.
    SealsGone { from: i64, to: i64 },
    /// A seal is not what was sealed: its head does not follow from it and the one before.
    SealChanged { seal: i64 },
    /// A seal is not signed by the key it names.
    BadSignature { seal: i64 },
    /// A seal is signed by a key that is not known here.
    UnknownKey { seal: i64, key: String },
    /// A seal says less of the log than the one before: its place, or how far rows are forgotten.
    SealBackwards { seal: i64 },
    /// The chain has another head at this number than was published.
    OtherHead { seal: i64 },
    /// Two different heads of this number were published.
    HeadsDiffer { seal: i64 },
    /// A head that was published is not signed by the key it names.
    BadPublished { seal: i64 },
    /// A seal says that rows are forgotten which were sealed too short a time before, or not yet: what is gone of them was removed.
    ForgottenTooSoon { seal: i64, through: i64 },
    /// A row is not what was sealed.
    RowChanged { seal: i64, row: usize, id: Uuid },
    /// A row that was sealed is not there. After which one it stood.
    RowRemoved { seal: i64, row: usize, after: Option<Uuid> },
    /// A row is there that was not sealed, among those that were or before all of them.
    RowInserted { seal: i64, id: Uuid },
}

/// What was found in one tenant.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Which tenant.
    pub tenant: Uuid,
    /// What it is called.
    pub slug: String,
    /// How long its chain is.
    pub seals: i64,
    /// Rows that are what was sealed.
    pub good: usize,
    /// Rows that were sealed and are forgotten.
    pub forgotten: i64,
    /// Of those, the ones that have not gone yet.
    pub left: usize,
    /// Rows that are not sealed yet: of them nothing is known.
    pub unsealed: i64,
    /// Since when the oldest of them is there, as it says itself.
    pub unsealed_since: Option<Timestamp>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

struct Unsealed {
    rows: i64,
    since: Option<Timestamp>,
}
from_row! { Unsealed: rows, since }

struct Head {
    number: i64,
    head: String,
}
from_row! { Head: number, head }

/// A tenant whose log there is to verify.
#[derive(Debug)]
pub struct Logged {
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub slug: String,
}
from_row! { Logged: id, slug }

/// The tenants with something in their log now or when a head of theirs was published, or the one of that name. Fails where nobody has it.
pub async fn tenants(
    admin: &AdminConn,
    slug: Option<&str>,
    published: &[PublishedHead],
) -> Result<Vec<Logged>, Failure> {
    let mut all: Vec<Logged> = admin.all(sql!("operate/audit_tenants"), &[&slug]).await?;
    for head in published {
        if slug.is_none_or(|slug| slug == head.slug) && all.iter().all(|tenant| tenant.id != head.tenant) {
            all.push(Logged { id: head.tenant, slug: head.slug.clone() });
        }
    }
    match slug {
        Some(slug) if all.is_empty() => Err(Failure(format!("there is no tenant {slug:?}"))),
        _ => Ok(all),
    }
}

/// In what the heads of a tenant that were published contradict its chain or each other. Signatures are verified where keys are given.
pub async fn contradictions(
    admin: &AdminConn,
    tenant: &Logged,
    keys: Option<&AuditVerifiers>,
    published: &[PublishedHead],
) -> Result<Vec<Fault>, Failure> {
    let published = of_tenant(tenant.id, published);
    let numbers: BTreeSet<i64> = published.iter().map(|head| head.number).collect();
    let asked: Vec<i64> = numbers.iter().copied().collect();
    let heads: Vec<Head> = admin.all(sql!("operate/audit_seal_heads"), &[&tenant.id, &asked]).await?;
    let chain: HashMap<i64, String> = heads.into_iter().map(|head| (head.number, head.head)).collect();
    let gone = numbers.into_iter().filter(|number| !chain.contains_key(number));
    let mut faults: Vec<Fault> = gone.map(|number| Fault::SealsGone { from: number, to: number }).collect();
    contradicted(&published, &chain, keys, &mut faults);
    Ok(faults)
}

fn of_tenant(tenant: Uuid, published: &[PublishedHead]) -> Vec<&PublishedHead> {
    published.iter().filter(|head| head.tenant == tenant).collect()
}

/// Compares every line that was published, not the last of each number alone: whoever appends a line after the chain was cut must not hide the one before.
fn contradicted(
    published: &[&PublishedHead],
    chain: &HashMap<i64, String>,
    keys: Option<&AuditVerifiers>,
    faults: &mut Vec<Fault>,
) {
    let mut found = Vec::new();
    let mut first: HashMap<i64, &str> = HashMap::new();
    for line in published {
        let seal = line.number;
        if *first.entry(seal).or_insert(&line.head) != line.head {
            found.push(Fault::HeadsDiffer { seal });
        }
        if chain.get(&seal).is_some_and(|head| *head != line.head) {
            found.push(Fault::OtherHead { seal });
        }
        let Some(keys) = keys.filter(|_| !line.signature.is_empty()) else { continue };
        let signed = match (of_hex(&line.head), of_hex(&line.signature)) {
            (Some(head), Some(signature)) => keys.verify(&line.key_id, &head, &signature),
            _ => Signed::Badly,
        };
        match signed {
            Signed::Well => {}
            Signed::Badly => found.push(Fault::BadPublished { seal }),
            Signed::Unknown => found.push(Fault::UnknownKey { seal, key: line.key_id.clone() }),
        }
    }
    for fault in found {
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    digits.chunks(2).map(|two| u8::try_from(16 * two[0] + two[1]).ok()).collect()
}

/// Where chains end, for whoever keeps them outside.
pub async fn heads(admin: &AdminConn, slug: Option<&str>) -> Result<Vec<PublishedHead>, Failure> {
    admin.all(sql!("operate/audit_heads"), &[&slug]).await
}

/// Verifies a tenant's log, on a connection that no wall stops.
pub async fn verify(
    admin: &AdminConn,
    tenant: &Logged,
    keys: &AuditVerifiers,
    published: &[PublishedHead],
) -> Result<Report, Failure> {
    let mut report = Report {
        tenant: tenant.id,
        slug: tenant.slug.clone(),
        seals: 0,
        good: 0,
        forgotten: 0,
        left: 0,
        unsealed: 0,
        unsealed_since: None,
        faults: Vec::new(),
    };
    let forgotten = verify_chain(admin, &mut report, keys, published).await?;
    let below: Vec<Uuid> = admin.all(sql!("operate/audit_below"), &[&tenant.id]).await?;
    report.faults.extend(below.into_iter().map(|id| Fault::RowInserted { seal: 1, id }));
    let mut place = (0, 0, Uuid::nil());
    let mut number = 0;
    loop {
        let seals: Vec<AuditSeal> = admin.all(sql!("operate/audit_seals"), &[&tenant.id, &number, &SEALS]).await?;
        let Some(last) = seals.last() else { break };
        number = last.number;
        for seal in &seals {
            let here = (seal.epoch, seal.xid, seal.row_id);
            if here < place {
                continue;
            }
            let rows: Vec<Leaf> = admin
                .all(sql!("operate/audit_rows"), &[&tenant.id, &place.0, &place.1, &place.2, &here.0, &here.1, &here.2])
                .await?;
            place = here;
            if seal.number <= forgotten {
                report.forgotten += i64::from(seal.rows);
                report.left += rows.len();
            } else {
                report.good += compare(seal, &rows, &mut report.faults);
            }
        }
    }
    let unsealed: Vec<Unsealed> =
        admin.all(sql!("operate/audit_unsealed"), &[&tenant.id, &place.0, &place.1, &place.2]).await?;
    if let Some(Unsealed { rows, since }) = unsealed.first() {
        (report.unsealed, report.unsealed_since) = (*rows, *since);
    }
    Ok(report)
}

/// Verifies that each seal follows from the one before and is signed. Answers up to which rows are forgotten.
async fn verify_chain(
    admin: &AdminConn,
    report: &mut Report,
    keys: &AuditVerifiers,
    published: &[PublishedHead],
) -> Result<i64, Failure> {
    let tenant = report.tenant;
    let published = of_tenant(tenant, published);
    let mut chain: HashMap<i64, String> = published.iter().map(|head| (head.number, String::new())).collect();
    // When each was sealed; what the last one says is forgotten, and what of that is believed.
    let mut sealed_at: HashMap<i64, Timestamp> = HashMap::new();
    let (mut said, mut forgotten) = (0, 0);
    let (mut number, mut before) = (0, NO_HEAD.to_vec());
    let mut place = (0, 0, Uuid::nil());
    loop {
        let seals: Vec<AuditSeal> = admin.all(sql!("operate/audit_seals"), &[&tenant, &number, &SEALS]).await?;
        if seals.is_empty() {
            break;
        }
        for seal in seals {
            let faults = report.faults.len();
            if seal.number != number + 1 {
                report.faults.push(Fault::SealsGone { from: number + 1, to: seal.number - 1 });
            } else if seal.head_after(tenant, &before).as_slice() != seal.head {
                report.faults.push(Fault::SealChanged { seal: seal.number });
            }
            match keys.verify(&seal.key_id, &seal.head, &seal.signature) {
                Signed::Well => {}
                Signed::Badly => report.faults.push(Fault::BadSignature { seal: seal.number }),
                Signed::Unknown => {
                    report.faults.push(Fault::UnknownKey { seal: seal.number, key: seal.key_id.clone() });
                }
            }
            let here = (seal.epoch, seal.xid, seal.row_id);
            let through = seal.forgotten_through;
            if here < place || through < said {
                report.faults.push(Fault::SealBackwards { seal: seal.number });
            }
            let old = |at: &Timestamp| seal.sealed_at.duration_since(*at) >= days(FLOOR);
            if through > said && !sealed_at.get(&through).is_some_and(old) {
                report.faults.push(Fault::ForgottenTooSoon { seal: seal.number, through });
            } else if through > said && report.faults.len() == faults {
                forgotten = through;
            }
            if let Some(head) = chain.get_mut(&seal.number) {
                *head = in_hex(&seal.head);
            }
            sealed_at.insert(seal.number, seal.sealed_at);
            (number, place, before, said) = (seal.number, here.max(place), seal.head, through.max(said));
            report.seals += 1;
        }
    }
    if let Some(last) = chain.keys().max().filter(|last| **last > number) {
        report.faults.push(Fault::SealsGone { from: number + 1, to: *last });
    }
    chain.retain(|_, head| !head.is_empty());
    contradicted(&published, &chain, Some(keys), &mut report.faults);
    Ok(forgotten)
}

/// Compares the rows that are there with those that were sealed. A row's hash has its place in it, so those that are the same stand in the same order; what
/// stands between two of them has been changed, removed or inserted. Answers how many are the same.
fn compare(seal: &AuditSeal, rows: &[Leaf], faults: &mut Vec<Fault>) -> usize {
    let sealed: Vec<&[u8]> = seal.leaves.chunks(32).collect();
    let at: HashMap<&[u8], usize> = sealed.iter().enumerate().map(|(at, leaf)| (*leaf, at)).collect();
    let (mut next, mut others, mut good, mut after) = (0, Vec::new(), 0, None);
    // What stands between the last row that is the same and this one.
    let mut between = |upto: usize, next: usize, others: &mut Vec<Uuid>, after: Option<Uuid>| {
        let mut others = others.drain(..);
        let mut stood = after;
        for row in next..upto {
            match others.next() {
                Some(id) => {
                    faults.push(Fault::RowChanged { seal: seal.number, row: row + 1, id });
                    stood = Some(id);
                }
                None => faults.push(Fault::RowRemoved { seal: seal.number, row: row + 1, after: stood }),
            }
        }
        faults.extend(others.map(|id| Fault::RowInserted { seal: seal.number, id }));
    };
    for row in rows {
        match at.get(row.leaf.as_slice()) {
            Some(place) if *place >= next => {
                between(*place, next, &mut others, after);
                (next, after) = (place + 1, Some(row.id));
                good += 1;
            }
            _ => others.push(row.id),
        }
    }
    between(sealed.len(), next, &mut others, after);
    good
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::auth::sha256;

    fn row(number: u128, text: &str) -> Leaf {
        let leaf = sha256(format!("{number} {text}").as_bytes()).to_vec();
        Leaf { epoch: 1, xid: 1, id: Uuid::from_u128(number), leaf }
    }

    fn faults(change: impl FnOnce(&mut Vec<Leaf>)) -> Vec<Fault> {
        let mut rows: Vec<Leaf> = (1..=5).map(|number| row(number, "as it was")).collect();
        let seal = AuditSeal {
            number: 3,
            epoch: 1,
            xid: 1,
            row_id: Uuid::from_u128(5),
            rows: 5,
            leaves: rows.iter().flat_map(|row| row.leaf.clone()).collect(),
            forgotten_through: 0,
            sealed_at: Timestamp::UNIX_EPOCH,
            head: Vec::new(),
            signature: Vec::new(),
            key_id: String::new(),
        };
        change(&mut rows);
        let mut faults = Vec::new();
        compare(&seal, &rows, &mut faults);
        faults
    }

    #[test]
    fn what_was_done_to_rows_is_told_where_it_was_done() {
        let id = Uuid::from_u128;
        assert_eq!(faults(|_| ()), []);
        assert_eq!(faults(|rows| rows[1] = row(2, "x")), [Fault::RowChanged { seal: 3, row: 2, id: id(2) }]);
        assert_eq!(faults(|rows| drop(rows.remove(3))), [Fault::RowRemoved { seal: 3, row: 4, after: Some(id(3)) }]);
        assert_eq!(faults(|rows| drop(rows.remove(0))), [Fault::RowRemoved { seal: 3, row: 1, after: None }]);
        assert_eq!(faults(|rows| rows.insert(2, row(9, "x"))), [Fault::RowInserted { seal: 3, id: id(9) }]);
        // Two that have changed places.
        let swapped = |rows: &mut Vec<Leaf>| (rows[1], rows[3]) = (row(2, "that of 4"), row(4, "that of 2"));
        let both = [Fault::RowChanged { seal: 3, row: 2, id: id(2) }, Fault::RowChanged { seal: 3, row: 4, id: id(4) }];
        assert_eq!(faults(swapped), both);
        assert_eq!(faults(Vec::clear).len(), 5);
    }
}
