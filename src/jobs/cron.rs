//! What recurs: at each time that it is due, one worker writes down a job in each open tenant, or does a little at a time what no tenant's is.
//!
//! Who does so leads by a lease and a fencing number (`registry.schedules`), and notes after each batch of tenants how far they have come. A
//! leader that is lost is followed by another, who goes on from there; a job that was written down already has an id that follows from the
//! schedule, the time and the tenant, so it is not written down twice.
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    enqueue::{ENQUEUE, NewJob},
    schedule::Schedule,
};
use crate::{
    Error, Result,
    auth::{TenantId, open_tenants},
    db::{Sql, WorkerDb},
    digest::sha256,
    error::Failure,
    from_row, sql,
};

/// How long whoever leads may be silent, in seconds.
const LEASE: f64 = 30.0;
/// Tenants, or what else there is, at a time.
const BATCH: i32 = 100;
/// How often somebody looks what is due.
const LOOK: Duration = Duration::from_secs(1);
/// What recurs does so at most as often as this.
const AT_LEAST: Duration = Duration::from_mins(1);

/// Something that recurs in each tenant.
#[derive(Debug)]
pub struct Recurring {
    name: &'static str,
    schedule: Schedule,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A job in each open tenant.
    Jobs(fn() -> Result<NewJob>),
    /// A door that does some of what is to be done after an id, and says how far it has come; null where it is done.
    Steps(Sql),
}

impl Recurring {
    /// What is made by a cron line, in UTC, in each tenant.
    pub fn new(name: &'static str, line: &str, make: fn() -> Result<NewJob>) -> Result<Self, Failure> {
        Self::of(name, line, What::Jobs(make))
    }

    /// What is done outside any tenant by a cron line, in UTC, step by step: a statement that takes where it is and how many to look at, and
    /// answers `last`, where to go on, or null. Whoever follows a lost leader begins with the step that was not noted: twice comes to the same.
    pub fn outside(name: &'static str, line: &str, step: Sql) -> Result<Self, Failure> {
        Self::of(name, line, What::Steps(step))
    }

    fn of(name: &'static str, line: &str, what: What) -> Result<Self, Failure> {
        let schedule = Schedule::new(line, "UTC", AT_LEAST)
            .map_err(|refused| Failure(format!("the schedule {name}: {refused}")))?;
        Ok(Self { name, schedule, what })
    }
}

struct Stand {
    last_at: Timestamp,
    firing_at: Option<Timestamp>,
    now: Timestamp,
    led: Option<bool>,
}
from_row! { Stand: last_at, firing_at, now, led }

struct Led {
    fence: i64,
    at_tenant: Uuid,
}
from_row! { Led: fence, at_tenant }

struct Step(Option<Uuid>);
from_row! { Step: "last" }

struct Fence(#[expect(dead_code, reason = "that there is a row is what is asked")] i64);
from_row! { Fence: "fence" }

/// Begins what is due, until it is to stop.
pub async fn keep_time(db: WorkerDb, recurring: Vec<Recurring>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        for each in &recurring {
            if let Err(error) = begin(&db, each, &stop).await {
                tracing::warn!(schedule = each.name, %error, "what recurs could not be begun");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Leads one schedule, where something is due and nobody does. How many jobs were written down.
async fn begin(db: &WorkerDb, each: &Recurring, stop: &CancellationToken) -> Result<usize> {
    let name = each.name;
    let mut conn = db.outside().await?;
    let Some(stand) = conn.read().last().optional::<Stand>(sql!("work/schedule"), &[&name]).await? else {
        conn.write().last().all::<()>(sql!("work/schedule_new"), &[&name]).await?;
        return Ok(0);
    };
    let due = stand.firing_at.or_else(|| each.schedule.due(stand.last_at, stand.now).map(|due| due.at));
    let Some(due) = due.filter(|_| stand.led != Some(true)) else { return Ok(0) };
    let led: Option<Led> =
        conn.write().last().optional(sql!("work/schedule_lead"), &[&name, &due, &stand.last_at, &LEASE]).await?;
    let Some(Led { fence, at_tenant: mut after }) = led else { return Ok(0) };
    // Whoever holds a connection outside any tenant while others ask has to wait for a second one, and for themselves.
    drop(conn);
    let mut written = 0;
    loop {
        let last = match &each.what {
            What::Jobs(make) => {
                let tenants = open_tenants(db, after, BATCH).await?;
                for tenant in &tenants {
                    let job = make()?.with_id(id_of(name, due, tenant.as_uuid())?);
                    match write_down(db, *tenant, &job).await {
                        Ok(()) => written += 1,
                        // It is no fault of this tenant's: whoever leads next begins this batch once more, and writes nothing down twice.
                        Err(error @ (Error::DatabaseUnavailable | Error::PoolExhausted)) => return Err(error),
                        // No reason for those after it to have nothing.
                        Err(error) => {
                            tracing::warn!(schedule = name, tenant = %tenant.as_uuid(), %error, "what recurs could not be begun in a tenant");
                        }
                    }
                }
                tenants.last().map(|tenant| tenant.as_uuid())
            }
            What::Steps(door) => {
                let Step(last) = db.outside().await?.write().last().one(*door, &[&after, &BATCH]).await?;
                last
            }
        };
        let Some(last) = last else { break };
        after = last;
        if stop.is_cancelled() {
            // Whoever comes goes on once the lease has run out.
            return Ok(written);
        }
        let mut conn = db.outside().await?;
        let on: Option<Fence> =
            conn.write().last().optional(sql!("work/schedule_on"), &[&name, &fence, &after, &LEASE]).await?;
        if on.is_none() {
            return Ok(written);
        }
    }
    let mut conn = db.outside().await?;
    conn.write().last().optional::<Fence>(sql!("work/schedule_done"), &[&name, &fence, &stand.now]).await?;
    tracing::info!(schedule = name, jobs = written, "what recurs was begun");
    Ok(written)
}

async fn write_down(db: &WorkerDb, tenant: TenantId, job: &NewJob) -> Result<()> {
    let mut inside = db.inside(tenant, None).await?;
    inside.write().last().all::<()>(ENQUEUE, &job.with()).await?;
    Ok(())
}

/// The id of a tenant's job of a schedule at a time: whoever writes it down, it is the same. It stands where an id of that time stands, and is of a version
/// (8, RFC 9562 §5.8) of which members write none (`registry.is_ones_own_job`): nobody else has it before.
fn id_of(name: &str, due: Timestamp, tenant: Uuid) -> Result<Uuid> {
    let said = [name.as_bytes(), &[0], &due.as_millisecond().to_be_bytes(), tenant.as_bytes()].concat();
    let mut random = [0; 10];
    random.copy_from_slice(&sha256(&said)[..10]);
    let millis = u64::try_from(due.as_millisecond()).map_err(|_| Error::internal("a schedule was due before 1970"))?;
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).with_version(uuid::Version::Custom).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_recurs_has_one_id_for_each_schedule_time_and_tenant() {
        let (now, later) = (
            Timestamp::from_millisecond(1_800_000_000_000).unwrap(),
            Timestamp::from_millisecond(1_800_000_060_000).unwrap(),
        );
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let id = id_of("a", now, one).unwrap();
        assert_eq!(id, id_of("a", now, one).unwrap());
        assert_eq!(id.get_version_num(), 8);
        for different in [id_of("b", now, one), id_of("a", later, one), id_of("a", now, other)] {
            assert_ne!(id, different.unwrap());
        }
        assert!(id < id_of("a", later, one).unwrap());
    }
}
