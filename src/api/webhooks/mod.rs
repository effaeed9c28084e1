//! `/webhooks`: where what happens is told, and what came of it.
mod deliveries;
mod secret;

use std::collections::BTreeSet;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::Tenant,
    db::{Constraint, Params},
    error::Violation,
    events::TYPES,
    from_row,
    http::{
        Early, IfMatch, IfNoneMatch, Listing, MergePatch, One, Page, Path, PlainQuery, Post, Prefer, Tagged, Versioned,
        Violations, merge_patch, versioned,
    },
    jobs::{NewJob, enqueue::ENQUEUE},
    sql, text_enum,
    webhooks::Rules,
    work::webhooks::Replay,
};

const DESCRIPTION: std::ops::RangeInclusive<usize> = 0..=500;
/// Types that an endpoint names, at most.
const MOST_TYPES: usize = 100;

const ENDPOINT: One = One::new("webhook endpoint", sql!("webhooks/get"));

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint::out_of_range(
        "webhook_endpoints_url_check",
        "/url",
        "is not an address such as https://example.com/hook",
    ),
    Constraint::out_of_range("webhook_endpoints_description_check", "/description", "must have at most 500 characters"),
    Constraint::out_of_range("webhook_endpoints_event_types_check", "/event_types", "must name at most 100 types"),
    Constraint::taken(
        "webhook_secrets_fingerprint_key",
        "/secret",
        "is a secret that an endpoint of this tenant has, or had lately: whoever knows one would know both",
    ),
    Constraint::taken("webhook_secrets_one_in_use", "/secret", "was changed by somebody else at the same moment"),
    Constraint::gone("webhook_deliveries_endpoint_fkey", "webhook endpoint"),
    Constraint::gone("webhook_secrets_endpoint_fkey", "webhook endpoint"),
];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(secret::rotate))
        .routes(routes!(deliveries::test))
        .routes(routes!(deliveries::replay))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::get))
        .routes(routes!(deliveries::replay_one))
}

/// Where what happens is told.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookEndpoint {
    id: Uuid,
    #[schema(format = "uri", max_length = 2000, example = "https://example.com/hook")]
    url: String,
    #[schema(max_length = 500)]
    description: String,
    /// Of which types it is told; none named is all that whoever configured it may read.
    event_types: Vec<String>,
    /// One after another, in the order in which they happened.
    ordered: bool,
    state: WebhookState,
    /// Why nothing is sent to it.
    disabled_why: Option<WebhookDisabledWhy>,
    disabled_at: Option<Timestamp>,
    /// Since when there has been nothing but failures; null while all is well.
    failing_since: Option<Timestamp>,
    /// The member who made it; null when an API key did.
    created_by: Option<Uuid>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(WebhookEndpoint);
from_row! {
    WebhookEndpoint:
        id, url, description, event_types, ordered, state, disabled_why, disabled_at, failing_since, created_by, created_at,
        updated_at, version,
}

text_enum! {
    /// Whether it is sent anything.
    pub enum WebhookState {
        /// It is.
        Enabled = "enabled",
        /// Not until somebody enables it.
        Disabled = "disabled",
    }
}

text_enum! {
    /// Why an endpoint is sent nothing.
    enum WebhookDisabledWhy {
        /// Somebody wanted it so.
        ByHand = "by_hand",
        /// It answered 410.
        Gone = "gone",
        /// For days there was nothing but failures.
        Failing = "failing",
    }
}

/// An endpoint at the one moment when its secret is shown.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookEndpointWithSecret {
    #[serde(flatten)]
    endpoint: WebhookEndpoint,
    /// What its receiver verifies signatures with. It is not shown again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

impl Versioned for WebhookEndpointWithSecret {
    fn version(&self) -> i64 {
        self.endpoint.version
    }
}

/// An endpoint to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookEndpointCreate)]
struct NewWebhookEndpoint {
    /// `https://`, and no address inside. Whoever runs the platform can allow others.
    #[schema(format = "uri", min_length = 1, max_length = 2000)]
    url: String,
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
    /// Of which types it is told, `GET /event-types` lists them; all that the caller may read unless said.
    #[serde(default)]
    #[schema(max_items = 100)]
    event_types: BTreeSet<String>,
    /// One after another, in the order in which they happened: one that fails holds up those behind it.
    #[serde(default)]
    ordered: bool,
    /// `whsec_` and 24 to 64 bytes in Base64; a new one unless said.
    #[schema(value_type = Option<String>, max_length = 100)]
    secret: Option<SecretString>,
}

merge_patch! {
    /// What changes; members left out stay as they are.
    struct WebhookEndpointPatch {
        #[schema(format = "uri", min_length = 1, max_length = 2000)]
        url: Option<String>,
        #[schema(max_length = 500)]
        description: Option<String>,
        #[schema(max_items = 100)]
        event_types: Option<BTreeSet<String>>,
        ordered: Option<bool>,
        /// What was waiting when it was disabled goes on; of what happened meanwhile it is told when that is replayed.
        state: Option<WebhookState>,
    }
}

/// List webhook endpoints, newest first.
///
/// Needs `webhooks:read`.
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", params(PlainQuery),
    responses((status = OK, body = Page<WebhookEndpoint>)))]
async fn list(tenant: Tenant, listing: Listing<PlainQuery>) -> Result<Page<WebhookEndpoint>> {
    let page = listing.page::<Uuid>(&tenant)?;
    let after = page.after.unwrap_or(Uuid::max());
    let mut conn = tenant.reads().await?;
    let rows = conn.read().last().all(sql!("webhooks/list"), &[&after, &page.fetch()]).await?;
    page.page(rows, |endpoint: &WebhookEndpoint| endpoint.id)
}

/// Make a webhook endpoint. The answer is the only one that shows its secret.
///
/// Needs `webhooks:write`, `webhooks:read` and `events:read`, and the permission of each type of event that it names. It is told what happens
/// from now on.
#[utoipa::path(post, path = "/webhooks", tag = "webhooks",
    extensions(("x-route" = json!({ "shown_once": true, "needs_plan": "webhooks" }))), request_body = NewWebhookEndpoint,
    responses((status = CREATED, body = WebhookEndpointWithSecret)))]
async fn create(
    tenant: Tenant,
    State(app): State<App>,
    Post(new, once): Post<NewWebhookEndpoint>,
) -> Result<Response, Early> {
    let mut violations = Violations::default();
    address(&mut violations, &app.settings.webhooks, &new.url);
    violations.text("/description", &new.description, DESCRIPTION);
    let permissions = permissions(&mut violations, &new.event_types);
    let secret = secret::given(&mut violations, new.secret.as_ref());
    violations.finish()?;
    let (id, secret_id) = (new_id(), new_id());
    let secret = secret::or_new(secret)?;
    let kept = crate::webhooks::keep::lock(app.secrets(), tenant.id().as_uuid(), id, secret_id, &secret)?;
    let types: Vec<&String> = new.event_types.iter().collect();
    let params: Params<'_> = &[&id, &new.url, &new.description, &types, &permissions, &new.ordered, &tenant.user()];
    let (sealed, fingerprint) = (kept.sealed.as_slice(), kept.fingerprint.as_slice());
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let with: Params<'_> = &[&id, &secret_id, &sealed, &fingerprint];
    let ([made], _, done) =
        attempt.last([(sql!("webhooks/insert"), params)], sql!("webhooks/add_secret"), with).await?;
    let Some(endpoint) = made.optional::<WebhookEndpoint>()? else {
        let detail = "a tenant has at most 50 webhook endpoints; delete one that nobody needs";
        return done.refuse(Error::Conflict(Violation::at("", "too_many", detail))).await;
    };
    let headers =
        [(header::LOCATION, format!("/api/v1/webhooks/{id}")), (header::CACHE_CONTROL, "no-store".to_owned())];
    let shown = WebhookEndpointWithSecret { endpoint, secret: secret.shown().expose_secret().to_owned() };
    done.answer((StatusCode::CREATED, headers, Tagged(shown))).await
}

/// Read a webhook endpoint.
///
/// Needs `webhooks:read`.
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path)),
    responses((status = OK, body = WebhookEndpoint), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    ENDPOINT.at(&tenant, &[&id]).read::<WebhookEndpoint>().await.map(|endpoint| known.answer(endpoint))
}

/// Change a webhook endpoint, disable it or enable it again.
///
/// Needs `webhooks:write` and `webhooks:read`, what whoever configured it had to hold, and `If-Match` with the ETag that was read.
#[utoipa::path(patch, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = Uuid, Path), ("If-Match" = String, Header)),
    request_body = WebhookEndpointPatch, responses((status = OK, body = WebhookEndpoint)))]
async fn update(
    tenant: Tenant,
    State(app): State<App>,
    Path(id): Path<Uuid>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<WebhookEndpointPatch>,
) -> Result<Response> {
    let WebhookEndpointPatch { url, description, event_types, ordered, state } = &patch;
    let mut violations = Violations::default();
    if let Some(url) = url {
        address(&mut violations, &app.settings.webhooks, url);
    }
    violations.text("/description", description, DESCRIPTION);
    let permissions = permissions(&mut violations, event_types.as_ref().unwrap_or(&BTreeSet::new()));
    violations.finish()?;
    let types: Option<Vec<&String>> = event_types.as_ref().map(|types| types.iter().collect());
    let params: Params<'_> = &[&versions, url, description, &types, &permissions, ordered, state];
    let key: Params<'_> = &[&id];
    let at = ENDPOINT.at(&tenant, key);
    if *state != Some(WebhookState::Enabled) {
        return at
            .write::<WebhookEndpoint>(sql!("webhooks/update"), params)
            .await
            .map(|endpoint| prefer.changed(endpoint));
    }
    // Somebody looks at what waits there.
    let job = NewJob::new(&Replay::wake(id))?.by(tenant.user());
    let mut conn = tenant.writes().await?;
    let all = [key, params].concat();
    let last = conn.write().last();
    let ([changed], _) = last.after([(sql!("webhooks/update"), &all)], ENQUEUE, &job.with()).await?;
    match changed.optional::<WebhookEndpoint>()? {
        Some(endpoint) => Ok(prefer.changed(endpoint)),
        None => Err(at.missed(&mut conn).await?),
    }
}

/// Delete a webhook endpoint, its secrets and the log of what was sent to it.
///
/// Needs `webhooks:write` and `webhooks:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = Uuid, Path), ("If-Match" = String, Header)), responses((status = NO_CONTENT)))]
async fn delete(tenant: Tenant, Path(id): Path<Uuid>, IfMatch(versions): IfMatch) -> Result<StatusCode> {
    ENDPOINT.at(&tenant, &[&id]).write(sql!("webhooks/delete"), &[&versions]).await.map(|()| StatusCode::NO_CONTENT)
}

fn address(violations: &mut Violations, rules: &Rules, url: &str) {
    if let Err((code, detail)) = rules.read(url) {
        violations.push("/url", code, detail);
    }
}

/// What whoever is told of these types has to hold; of none named, of all types.
fn permissions(violations: &mut Violations, types: &BTreeSet<String>) -> Vec<&'static str> {
    if types.len() > MOST_TYPES {
        violations.push("/event_types", "too_many", format!("must name at most {MOST_TYPES} types"));
    }
    for (index, name) in types.iter().enumerate() {
        if !TYPES.iter().any(|kind| kind.name == name) {
            let detail = "is no type of event; GET /api/v1/event-types lists them";
            violations.push(&format!("/event_types/{index}"), "unknown_event_type", detail);
        }
    }
    let asked = TYPES.iter().filter(|kind| types.is_empty() || types.contains(kind.name));
    let all: BTreeSet<&str> = asked.map(|kind| kind.permission).chain(["events:read"]).collect();
    all.into_iter().collect()
}
