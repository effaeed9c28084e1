//! `/tenants`: making a tenant, and going from one to another.
use axum::{extract::State, http::StatusCode, response::Response};
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Result,
    app::{App, Endpoints},
    auth::{SignedIn, switch_tenant},
    db::{Constraint, Params},
    from_row,
    http::{
        Early, Json, Post, Violations,
        session::{SessionAnswer, answer},
    },
    slug, sql,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;
/// Built-in roles of a new tenant, at most.
const ROLE_IDS: usize = 8;

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint::taken("tenants_slug_key", "/slug", "another tenant has this slug"),
    Constraint::not_allowed("tenants_slug_reserved", "/slug", "is reserved"),
    Constraint::out_of_range("tenants_name_check", "/name", "must have 1 to 200 characters"),
];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(create)).routes(routes!(switch))
}

/// A tenant to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantCreate)]
struct NewTenant {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The label of its subdomain; made from the name unless said.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    slug: Option<String>,
}

/// A tenant that was made, and the caller's role in it.
#[derive(Debug, Serialize, ToSchema)]
struct MadeTenant {
    id: Uuid,
    slug: String,
    name: String,
    status: String,
    role: String,
}
from_row! { MadeTenant: id, slug, name, status, role }

/// The tenant to go to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SwitchTenant {
    tenant_id: Uuid,
}

/// Make a tenant and become its owner.
#[utoipa::path(post, path = "/tenants", tag = "me",
    extensions(("x-route" = json!({ "key": "kept" }))), request_body = NewTenant,
    responses((status = CREATED, body = MadeTenant)))]
async fn create(me: SignedIn, Post(new, once): Post<NewTenant>) -> Result<Response, Early> {
    let mut violations = Violations::default();
    violations.line("/name", &new.name, NAME);
    if let Some(slug) = &new.slug
        && let Err(why) = slug::check(slug)
    {
        violations.push("/slug", "not_allowed", why);
    }
    violations.finish()?;

    let id = new_id();
    let slugs = new.slug.map_or_else(|| slug::candidates(&new.name, id.as_bytes()), |slug| vec![slug]);
    let role_ids: Vec<Uuid> = (0..ROLE_IDS).map(|_| new_id()).collect();
    let mut conn = me.connect().await?;
    let attempt = once.begin(&mut conn);
    let params: Params<'_> = &[&id, &new.name, &slugs, &role_ids];
    let (made, done) = attempt.one::<MadeTenant>(sql!("me/create_tenant"), params).await?;
    done.answer((StatusCode::CREATED, Json(made))).await
}

/// Act in another of one's tenants.
///
/// The session acts there from now on. Answers an access token for it, or a cookie where the session has one; the refresh
/// token stays good.
#[utoipa::path(post, path = "/auth/switch-tenant", tag = "me", request_body = SwitchTenant,
    responses((status = OK, body = SessionAnswer)))]
async fn switch(State(app): State<App>, me: SignedIn, Json(to): Json<SwitchTenant>) -> Result<Response> {
    let opened = switch_tenant(&me, to.tenant_id).await?;
    answer(&app.auth, &opened, me.kind())
}
