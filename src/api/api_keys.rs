//! `/tenant/api-keys`: principals that are the tenant's and no person's.
use std::collections::BTreeSet;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::{Tenant, new_key},
    db::{Constraint, Params},
    error::Violation,
    from_row,
    http::{
        Early, IfMatch, IfNoneMatch, Listing, MergePatch, One, Page, Path, PlainQuery, Post, Prefer, Tagged, Versioned,
        Violations, merge_patch, validate::PermissionName, versioned,
    },
    sql,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=100;
/// The longest that an old secret stays good after a rotation, in hours.
const LONGEST_OVERLAP: u32 = 7 * 24;

const API_KEY: One = One::new("API key", sql!("api_keys/get"));

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint::taken("api_keys_name_key", "/name", "another API key of this tenant has this name"),
    Constraint::out_of_range("api_keys_name_check", "/name", "must have 1 to 100 characters"),
];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list, create)).routes(routes!(get, update, delete)).routes(routes!(rotate))
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct ApiKey {
    id: Uuid,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    permissions: Vec<String>,
    /// The key's last characters.
    hint: String,
    /// The member who made it; null when a key did, or the member has left. It stays the tenant's either way.
    created_by: Option<Uuid>,
    expires_at: Option<Timestamp>,
    /// To the minute.
    last_used_at: Option<Timestamp>,
    /// Until when the secret before the last rotation is good.
    previous_until: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(ApiKey);
from_row! {
    ApiKey:
        id, name, permissions, hint, created_by, expires_at, last_used_at, previous_until, created_at, updated_at,
        version,
}

/// A key at the one moment when its secret is shown.
#[derive(Debug, Serialize, ToSchema)]
struct ApiKeyWithSecret {
    #[serde(flatten)]
    api_key: ApiKey,
    /// Sent as `Authorization: Bearer …`. It is not shown again.
    key: String,
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyCreate)]
struct NewApiKey {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it may do: none that the caller does not hold.
    #[schema(value_type = Vec<PermissionName>, min_items = 1)]
    permissions: BTreeSet<String>,
    /// When it stops being good; never unless said.
    expires_at: Option<Timestamp>,
}

merge_patch! {
    /// What changes; members left out stay as they are.
    struct ApiKeyPatch {
        #[schema(min_length = 1, max_length = 100)]
        name: Option<String>,
        expires_at: Field<Timestamp>,
    }
}

/// How to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApiKeyRotation {
    /// Hours for which the old secret stays good beside the new one; 24 unless said.
    #[schema(minimum = 0, maximum = 168)]
    overlap_hours: Option<u32>,
}

/// List API keys, newest first.
///
/// Needs `api-keys:read`.
#[utoipa::path(get, path = "/tenant/api-keys", tag = "api-keys",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(PlainQuery),
    responses((status = OK, body = Page<ApiKey>)))]
async fn list(tenant: Tenant, listing: Listing<PlainQuery>) -> Result<Page<ApiKey>> {
    let page = listing.page::<Uuid>(&tenant)?;
    let after = page.after.unwrap_or(Uuid::max());
    let mut conn = tenant.reads().await?;
    let rows = conn.read().last().all(sql!("api_keys/list"), &[&after, &page.fetch()]).await?;
    page.page(rows, |key: &ApiKey| key.id)
}

/// Make an API key. The answer is the only one that shows it.
///
/// Needs `api-keys:write` and `api-keys:read`, and every permission that the key is to hold.
#[utoipa::path(post, path = "/tenant/api-keys", tag = "api-keys",
    extensions(("x-route" = json!({ "charged": "principal", "shown_once": true }))), request_body = NewApiKey,
    responses((status = CREATED, body = ApiKeyWithSecret)))]
async fn create(tenant: Tenant, State(app): State<App>, Post(new, once): Post<NewApiKey>) -> Result<Response, Early> {
    let mut violations = Violations::default();
    violations.line("/name", &new.name, NAME);
    if new.permissions.is_empty() {
        violations.push("/permissions", "required", "must hold one permission at least");
    }
    violations.permissions("/permissions", &new.permissions);
    in_the_future(&mut violations, &app, new.expires_at);
    violations.finish()?;
    let id = new_id();
    let secret = new_key(tenant.id(), id)?;
    let permissions: Vec<&String> = new.permissions.iter().collect();
    let params: Params<'_> =
        &[&id, &new.name, &permissions, &secret.secret_hash.as_slice(), &secret.hint, &tenant.user(), &new.expires_at];
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let (api_key, done) = attempt.one::<ApiKey>(sql!("api_keys/insert"), params).await?;
    let headers = [(header::LOCATION, format!("/api/v1/tenant/api-keys/{id}")), no_store()];
    let shown = ApiKeyWithSecret { api_key, key: secret.key.expose_secret().to_owned() };
    done.answer((StatusCode::CREATED, headers, Tagged(shown))).await
}

/// Read an API key.
///
/// Needs `api-keys:read`.
#[utoipa::path(get, path = "/tenant/api-keys/{id}", tag = "api-keys",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(("id" = Uuid, Path)),
    responses((status = OK, body = ApiKey), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    API_KEY.at(&tenant, &[&id]).read::<ApiKey>().await.map(|key| known.answer(key))
}

/// Change a key's name or expiry. What it may do stays: make another.
///
/// Needs `api-keys:write` and `api-keys:read`, every permission that the key holds, and `If-Match` with the ETag that was
/// read.
#[utoipa::path(patch, path = "/tenant/api-keys/{id}", tag = "api-keys",
    extensions(("x-route" = json!({ "charged": "principal" }))),
    params(("id" = Uuid, Path), ("If-Match" = String, Header)),
    request_body = ApiKeyPatch, responses((status = OK, body = ApiKey)))]
async fn update(
    tenant: Tenant,
    State(app): State<App>,
    Path(id): Path<Uuid>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<ApiKeyPatch>,
) -> Result<Response> {
    let mut violations = Violations::default();
    violations.line("/name", &patch.name, NAME);
    in_the_future(&mut violations, &app, patch.expires_at.value().copied());
    violations.finish()?;
    let params: Params<'_> = &[&versions, &patch.name, &patch.expires_at.is_given(), &patch.expires_at.value()];
    let key: ApiKey = API_KEY.at(&tenant, &[&id]).write(sql!("api_keys/update"), params).await?;
    Ok(prefer.changed(key))
}

/// Give a key a new secret, shown this once. The old one stays good for a while.
///
/// Needs `api-keys:write` and `api-keys:read`, and every permission that the key holds.
#[utoipa::path(post, path = "/tenant/api-keys/{id}/rotate", tag = "api-keys",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(("id" = Uuid, Path)),
    request_body = ApiKeyRotation, responses((status = OK, body = ApiKeyWithSecret, headers(("ETag" = String)))))]
async fn rotate(
    tenant: Tenant,
    Path(id): Path<Uuid>,
    Post(how, once): Post<ApiKeyRotation>,
) -> Result<Response, Early> {
    let hours = how.overlap_hours.unwrap_or(24);
    if hours > LONGEST_OVERLAP {
        let detail = format!("must be at most {LONGEST_OVERLAP}");
        return Err(Error::Invalid(vec![Violation::at("/overlap_hours", "out_of_range", detail)]).into());
    }
    let secret = new_key(tenant.id(), id)?;
    let overlap = format!("{hours} hours");
    let params: Params<'_> = &[&id, &secret.secret_hash.as_slice(), &secret.hint, &overlap];
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let (api_key, done) = attempt.one_or::<ApiKey>(sql!("api_keys/rotate"), params, API_KEY.missing()).await?;
    let shown = ApiKeyWithSecret { api_key, key: secret.key.expose_secret().to_owned() };
    done.answer(([no_store()], Tagged(shown))).await
}

/// Revoke a key, which is refused from its next request on.
///
/// Needs `api-keys:delete` and `api-keys:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(delete, path = "/tenant/api-keys/{id}", tag = "api-keys",
    extensions(("x-route" = json!({ "charged": "principal" }))),
    params(("id" = Uuid, Path), ("If-Match" = String, Header)), responses((status = NO_CONTENT)))]
async fn delete(
    State(app): State<App>,
    tenant: Tenant,
    Path(id): Path<Uuid>,
    IfMatch(versions): IfMatch,
) -> Result<StatusCode> {
    API_KEY.at(&tenant, &[&id]).write::<()>(sql!("api_keys/delete"), &[&versions]).await?;
    app.auth.ended.key(app.secrets(), tenant.id(), id);
    Ok(StatusCode::NO_CONTENT)
}

/// An expiry lies ahead: a key that is to end now is revoked.
fn in_the_future(violations: &mut Violations, app: &App, expires_at: Option<Timestamp>) {
    if expires_at.is_some_and(|at| at.as_second() <= app.auth.tokens.now()) {
        violations.push("/expires_at", "out_of_range", "must be in the future");
    }
}

fn no_store() -> (header::HeaderName, String) {
    (header::CACHE_CONTROL, "no-store".to_owned())
}

impl Versioned for ApiKeyWithSecret {
    fn version(&self) -> i64 {
        self.api_key.version
    }
}
