//! What a tenant is on: plans that may be chosen, its subscription, and what follows from it (docs/billing.md).
mod plans;
mod subscription;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{app::Endpoints, db::Constraint};

/// What breaking the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = subscription::CONSTRAINTS;

pub(crate) fn routes() -> Endpoints {
    Endpoints::new()
        .routes(routes!(plans::list))
        .routes(routes!(subscription::get))
        .routes(routes!(subscription::change))
        .routes(routes!(subscription::cancel))
        .routes(routes!(subscription::resume))
}

/// Of what how many there may be. What is not named is as many as one likes, but for requests: as many as the platform lets everybody make.
#[derive(Debug, Serialize, ToSchema)]
struct PlanLimits {
    api_keys: Option<i64>,
    members: Option<i64>,
    /// Requests a minute of one member or API key.
    principal_per_minute: Option<i64>,
    products: Option<i64>,
    projects: Option<i64>,
    /// Bytes of files that wait to be imported.
    storage_bytes: Option<i64>,
    /// Requests a minute.
    tenant_per_minute: Option<i64>,
    /// Requests a month, by the calendar of UTC.
    tenant_per_month: Option<i64>,
    webhook_endpoints: Option<i64>,
}
