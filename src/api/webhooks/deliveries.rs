//! What was sent to an endpoint and what came of it; and having it sent once more.
use axum::{
    http::{StatusCode, header},
    response::Response,
};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::ENDPOINT;
use crate::{
    Result,
    auth::Tenant,
    clock::now,
    db::Params,
    from_row,
    http::{Asks, Chosen, Early, Json, Listing, Once, One, Page, Path, Post, Violations},
    jobs::{NewJob, enqueue::ENQUEUE},
    sql, text_enum,
    work::webhooks::Replay,
};

const DELIVERY: One = One::new("webhook delivery", sql!("webhooks/delivery"));

text_enum! {
    /// How far a delivery is.
    pub enum WebhookDeliveryState {
        /// It is to be sent, for the first time or once more.
        Waiting = "waiting",
        /// The receiver has it.
        Delivered = "delivered",
        /// All tries have failed.
        Failed = "failed",
    }
}

/// An event on its way to an endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookDelivery {
    id: Uuid,
    endpoint_id: Uuid,
    /// What is sent as `webhook-id`: the event's, the same each time.
    event_id: Uuid,
    event_type: String,
    /// What is sent, byte for byte.
    payload: String,
    state: WebhookDeliveryState,
    /// Tries since it was last begun with.
    attempts: i16,
    /// Not before then; of one that does not wait, when it last ended.
    next_at: Timestamp,
    /// What the receiver answered last, if it did.
    last_status: Option<i16>,
    /// Why the last try failed.
    last_error: Option<String>,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
}
from_row! {
    WebhookDelivery:
        id, endpoint_id, event_id, event_type, payload, state, attempts, next_at, last_status, last_error, created_at,
        finished_at,
}

/// One try.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookAttempt {
    at: Timestamp,
    /// The how manieth since the delivery was last begun with.
    number: i16,
    duration_ms: i32,
    /// What the receiver answered, if it did.
    status: Option<i16>,
    /// Why it failed; null where it did not.
    error: Option<String>,
    /// The first kilobyte of what was sent, without signatures.
    request: String,
    /// The first kilobyte of what was answered.
    response: String,
}
from_row! { WebhookAttempt: at, number, duration_ms, status, error, request, response }

/// A delivery with its last tries, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookDeliveryWithAttempts {
    #[serde(flatten)]
    delivery: WebhookDelivery,
    log: Vec<WebhookAttempt>,
}

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WebhookDeliveriesQuery {
    /// Rows on the page, 50 unless said; fewer where they are long.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those in this state.
    state: Option<WebhookDeliveryState>,
}

impl Asks for WebhookDeliveriesQuery {
    fn place(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.cursor.as_deref())
    }

    fn chosen(&self) -> Vec<Chosen> {
        vec![("state", self.state.map(|state| state.as_str().to_owned()))]
    }
}

/// Which part of what happened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookReplay {
    /// What happened from then on.
    from: Timestamp,
    /// What happened before then; until now unless said.
    to: Option<Timestamp>,
    /// What was delivered as well; only what was not unless said.
    #[serde(default)]
    all: bool,
}

/// List what was sent to a webhook endpoint, and what is to be, newest first.
///
/// Needs `webhooks:read`.
#[utoipa::path(get, path = "/webhooks/{endpoint_id}/deliveries", tag = "webhooks",
    params(("endpoint_id" = Uuid, Path), WebhookDeliveriesQuery), responses((status = OK, body = Page<WebhookDelivery>)))]
pub(super) async fn list(
    tenant: Tenant,
    Path(id): Path<Uuid>,
    listing: Listing<WebhookDeliveriesQuery>,
) -> Result<Page<WebhookDelivery>> {
    let page = listing.page::<Uuid>(&tenant)?;
    let after = page.after.unwrap_or(Uuid::max());
    let (fetch, bytes) = (page.fetch(), page.bytes());
    let mut conn = tenant.reads().await?;
    let tx = conn.read().last();
    let there: Params<'_> = &[&id];
    let (endpoint, rows) = if let Some(state) = &listing.query.state {
        let params: Params<'_> = &[&id, state, &after, &fetch, &bytes];
        tx.after([(sql!("webhooks/get"), there)], sql!("webhooks/deliveries_by_state"), params).await?
    } else {
        let params: Params<'_> = &[&id, &after, &fetch, &bytes];
        tx.after([(sql!("webhooks/get"), there)], sql!("webhooks/deliveries"), params).await?
    };
    let [endpoint] = endpoint;
    if endpoint.optional::<()>()?.is_none() {
        return Err(ENDPOINT.missing());
    }
    page.page(rows.all()?, |delivery: &WebhookDelivery| delivery.id)
}

/// Read a delivery and its last tries.
///
/// Needs `webhooks:read`.
#[utoipa::path(get, path = "/webhooks/{endpoint_id}/deliveries/{id}", tag = "webhooks",
    params(("endpoint_id" = Uuid, Path), ("id" = Uuid, Path)), responses((status = OK, body = WebhookDeliveryWithAttempts)))]
pub(super) async fn get(
    tenant: Tenant,
    Path((endpoint_id, id)): Path<(Uuid, Uuid)>,
) -> Result<Json<WebhookDeliveryWithAttempts>> {
    let mut conn = tenant.reads().await?;
    let which: Params<'_> = &[&endpoint_id, &id];
    let last = conn.read().last();
    let ([delivery], log) = last.after([(sql!("webhooks/delivery"), which)], sql!("webhooks/attempts"), &[&id]).await?;
    let delivery = delivery.optional()?.ok_or_else(|| DELIVERY.missing())?;
    Ok(Json(WebhookDeliveryWithAttempts { delivery, log: log.all()? }))
}

/// Send a webhook endpoint a test: a message of type `webhook.test`.
///
/// Needs `webhooks:write` and `webhooks:read`. Read the delivery to see what came of it; one that is disabled is sent nothing.
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "webhooks", params(("id" = Uuid, Path)),
    responses((status = CREATED, body = WebhookDelivery)))]
pub(super) async fn test(tenant: Tenant, Path(id): Path<Uuid>, once: Once) -> Result<Response, Early> {
    let delivery_id = new_id();
    let job = NewJob::new(&Replay::wake(id))?.by(tenant.user());
    let with: Params<'_> = &[&id, &delivery_id];
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let ([made], _, done) = attempt.last([(sql!("webhooks/test"), with)], ENQUEUE, &job.with()).await?;
    let Some(delivery) = made.optional::<WebhookDelivery>()? else {
        return done.refuse(ENDPOINT.missing()).await;
    };
    let location = format!("/api/v1/webhooks/{id}/deliveries/{delivery_id}");
    done.answer((StatusCode::CREATED, [(header::LOCATION, location)], Json(delivery))).await
}

/// Send a delivery once more, now and with all its tries, whatever came of it.
///
/// Needs `webhooks:write` and `webhooks:read`. `webhook-id` is the same, so that a receiver that has it knows it again.
#[utoipa::path(post, path = "/webhooks/{endpoint_id}/deliveries/{id}/replay", tag = "webhooks",
    params(("endpoint_id" = Uuid, Path), ("id" = Uuid, Path)), responses((status = OK, body = WebhookDelivery)))]
pub(super) async fn replay_one(
    tenant: Tenant,
    Path((endpoint_id, id)): Path<(Uuid, Uuid)>,
    once: Once,
) -> Result<Response, Early> {
    let job = NewJob::new(&Replay::wake(endpoint_id))?.by(tenant.user());
    let which: Params<'_> = &[&endpoint_id, &id];
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let ([again], _, done) = attempt.last([(sql!("webhooks/replay_one"), which)], ENQUEUE, &job.with()).await?;
    match again.optional::<WebhookDelivery>()? {
        Some(delivery) => done.answer(Json(delivery)).await,
        None => done.refuse(DELIVERY.missing()).await,
    }
}

/// Send what happened in some time: what was not delivered, and what the endpoint was not told of because it was disabled.
///
/// Needs `webhooks:write` and `webhooks:read`. It is done by a job, which `Location` names: `GET` it to see how far it is.
#[utoipa::path(post, path = "/webhooks/{id}/replay", tag = "webhooks", params(("id" = Uuid, Path)),
    request_body = WebhookReplay, responses((status = ACCEPTED, body = WebhookReplayBegun)))]
pub(super) async fn replay(
    tenant: Tenant,
    Path(id): Path<Uuid>,
    Post(range, once): Post<WebhookReplay>,
) -> Result<Response, Early> {
    let to = range.to.unwrap_or_else(now);
    let mut violations = Violations::default();
    if to <= range.from {
        violations.push("/to", "out_of_range", "must be after from");
    }
    violations.finish()?;
    let job = NewJob::new(&Replay::range(id, range.from, to, range.all))?.by(tenant.user());
    let mut conn = tenant.writes().await?;
    let mut attempt = once.begin(&mut conn);
    if attempt.then(sql!("webhooks/hold"), &[&id]).await?.optional::<()>()?.is_none() {
        return attempt.done().await?.refuse(ENDPOINT.missing()).await;
    }
    let (_, _, done) = attempt.last([], ENQUEUE, &job.with()).await?;
    let headers = [(header::LOCATION, format!("/api/v1/jobs/{}", job.id()))];
    done.answer((StatusCode::ACCEPTED, headers, Json(WebhookReplayBegun { job_id: job.id() }))).await
}

/// Work that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookReplayBegun {
    /// `GET /jobs/{id}` says how far it is.
    job_id: Uuid,
}
