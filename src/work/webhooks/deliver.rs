//! `webhooks.deliver`: sends what is due at one endpoint, a few at once and one such job at a time, so that a receiver that is slow has one
//! slot of one worker and no more.
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{There, wake};
use crate::{
    Error, Result,
    auth::{Keys, Secrets},
    clock::now,
    db::{Params, Tx, Write},
    from_row,
    jobs::{
        Failed, Held, Job,
        backoff::{Backoff, retry_after},
    },
    sql,
    webhooks::{
        keep,
        send::{Message, Outcome, Sender, asked_to_wait, shown},
        sign::{self, Secret},
    },
};

/// Sends at once to one endpoint.
const AT_ONCE: i64 = 4;
/// How long new sends are begun for; then others have their turn.
const SLICE: Duration = Duration::from_secs(5);
/// An endpoint is disabled after so many days of nothing but failures.
const FAILING_DAYS: i32 = 5;
/// When a delivery is tried again: 19 times in all, over some three days on average and six at most.
pub const RETRIES: Backoff = Backoff::new(Duration::from_secs(10), Duration::from_hours(24), 19);

/// Sends what is due at an endpoint.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// Which.
    pub endpoint: Uuid,
}

impl Job for Deliver {
    const KIND: &'static str = "webhooks.deliver";
    const PERMISSIONS: &'static [&'static str] = &["webhooks:sign", "webhooks:write"];
    const ASKS: Option<&'static str> = Some("webhooks:write");
    // Of the job itself, which fails where the database does; what receivers answer is no failure of it.
    const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(15), 100);
    const TIMEOUT: Duration = Duration::from_mins(2);
}

/// What sending takes.
pub struct Office {
    /// Opens what signs.
    pub keys: Keys,
    /// Sends.
    pub sender: Sender,
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Office")
    }
}

struct Endpoint {
    url: String,
    ordered: bool,
    enabled: bool,
}
from_row! { Endpoint: url, ordered, enabled }

struct Due {
    id: Uuid,
    event_id: Uuid,
    permission: String,
    payload: String,
    attempts: i16,
}
from_row! { Due: id, event_id, permission, payload, attempts }

struct Sealed {
    id: Uuid,
    sealed: Vec<u8>,
}
from_row! { Sealed: id, sealed }

struct Next(Option<Timestamp>);
from_row! { Next: "next_at" }

/// A try, and what came of it.
struct Tried {
    due: Due,
    request: String,
    outcome: Outcome,
}

pub(crate) async fn deliver(job: Deliver, held: Held, office: Arc<Office>) -> Result<Value, Failed> {
    let (begun, endpoint_id) = (Instant::now(), job.endpoint);
    let mut tried: Vec<Tried> = Vec::new();
    let (mut delivered, mut failed) = (0_i64, 0_i64);
    loop {
        let mut conn = held.writes().await?;
        let mut tx = conn.write();
        let endpoint: Option<Endpoint> =
            tx.optional(sql!("work/webhooks_hold_one"), &[&endpoint_id]).await.map_err(Error::from)?;
        let Some(mut endpoint) = endpoint else {
            held.succeed_in(tx, &json!({ "endpoint": "deleted" })).await?;
            return Ok(Value::Null);
        };
        for tried in &tried {
            write_down(&mut tx, tried).await?;
            *(if tried.outcome.error.is_none() { &mut delivered } else { &mut failed }) += 1;
        }
        if !tried.is_empty() && went(&mut tx, endpoint_id, &tried).await? {
            endpoint.enabled = false;
        }
        let goes_on = held.progress(delivered + failed, None) && begun.elapsed() < SLICE;
        let due = if goes_on && endpoint.enabled { due(&mut tx, endpoint_id, &endpoint).await? } else { Vec::new() };
        if due.is_empty() {
            // Whoever adds something holds the endpoint as well: they see this job end, or it sees what they added.
            if endpoint.enabled {
                let next = tx.one(sql!("work/webhooks_next"), &[&endpoint_id, &endpoint.ordered]).await;
                let Next(next) = next.map_err(Error::from)?;
                if let Some(next) = next {
                    // What is due already has its turn behind whatever else the tenant has to do.
                    let later = Some(next).filter(|next| *next > now());
                    wake(&mut tx, &[endpoint_id], later).await?;
                }
            }
            let result = json!({ "delivered": delivered, "failed": failed });
            held.succeed_in(tx, &result).await?;
            return Ok(result);
        }
        let sealed: Vec<Sealed> = tx.all(sql!("work/webhooks_secrets"), &[&endpoint_id]).await.map_err(Error::from)?;
        tx.commit().await.map_err(Error::from)?;
        drop(conn);
        let secrets = opened(office.keys.secrets(), held.tenant().as_uuid(), endpoint_id, &sealed)?;
        tried = join_all(due.into_iter().map(|due| one(&office.sender, &endpoint.url, due, &secrets))).await;
    }
}

async fn due(tx: &mut Tx<'_, Write>, endpoint: Uuid, of: &Endpoint) -> Result<Vec<Due>> {
    Ok(if of.ordered {
        tx.all(sql!("work/webhooks_due_in_order"), &[&endpoint]).await?
    } else {
        tx.all(sql!("work/webhooks_due"), &[&endpoint, &AT_ONCE]).await?
    })
}

fn opened(secrets: &Secrets, tenant: Uuid, endpoint: Uuid, sealed: &[Sealed]) -> Result<Vec<Secret>, Failed> {
    if sealed.is_empty() {
        return Err(Failed::again("no_secret", "nothing is sent unsigned, and the endpoint has no secret".to_owned()));
    }
    let open = |one: &Sealed| keep::open(secrets, tenant, endpoint, one.id, &one.sealed);
    sealed.iter().map(open).collect::<Result<_>>().map_err(|error| {
        tracing::error!(%error, "what signs webhooks cannot be opened");
        Failed::again(
            "secret_locked",
            "a secret cannot be opened: this worker's key is another than the servers'".to_owned(),
        )
    })
}

async fn one(sender: &Sender, url: &str, due: Due, secrets: &[Secret]) -> Tried {
    // A clock that is wrong by minutes is refused by receivers, and the log says so.
    let headers = sign::headers(&due.event_id.to_string(), now(), due.payload.as_bytes(), secrets);
    let message = Message { url: url.to_owned(), headers, body: due.payload.clone() };
    let outcome = sender.send(&message).await;
    Tried { due, request: shown(&message), outcome }
}

/// After how long it is tried again; nothing, where it was the last time, or went well.
fn wait(number: i16, outcome: &Outcome) -> Option<f64> {
    outcome.error?;
    let (failed, random) = (u32::try_from(number).unwrap_or(u32::MAX), random());
    let wait = match asked_to_wait(outcome, now(), retry_after) {
        Some(asked) => RETRIES.wait_at_least(failed, random, asked),
        None => RETRIES.wait(failed, random),
    };
    wait.map(|wait| wait.as_secs_f64())
}

/// 64 bits, each as likely as any other; nothing where the system has none, which is the shortest wait.
fn random() -> u64 {
    let mut bytes = [0; 8];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

async fn write_down(tx: &mut Tx<'_, Write>, tried: &Tried) -> Result<()> {
    let Tried { due, request, outcome } = tried;
    let number = due.attempts.saturating_add(1);
    let status = outcome.status.and_then(|status| i16::try_from(status).ok());
    let took = i32::try_from(outcome.took.as_millis()).unwrap_or(i32::MAX);
    let (id, wait) = (new_id(), wait(number, outcome));
    let Due { id: delivery, permission, .. } = due;
    let attempt: Params<'_> =
        &[&id, delivery, permission, &number, &took, &status, &outcome.error, request, &outcome.response];
    let came: Params<'_> = &[&due.id, &number, &wait, &outcome.error, &status];
    tx.after([(sql!("work/webhooks_attempt"), attempt)], sql!("work/webhooks_came"), came).await?;
    Ok(())
}

/// Notes how it goes with the receiver; whether it is sent nothing more.
async fn went(tx: &mut Tx<'_, Write>, endpoint: Uuid, tried: &[Tried]) -> Result<bool> {
    let well = tried.iter().any(|tried| tried.outcome.error.is_none());
    let gone = tried.iter().any(|tried| tried.outcome.is_gone());
    tx.all::<()>(sql!("work/webhooks_went"), &[&endpoint, &well]).await?;
    if well && !gone {
        return Ok(false);
    }
    let params: Params<'_> = &[&endpoint, &gone, &FAILING_DAYS];
    Ok(tx.optional::<There>(sql!("work/webhooks_disable"), params).await?.is_some())
}
