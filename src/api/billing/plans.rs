//! `/plans`: what there is to choose from.
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::PlanLimits;
use crate::{Result, auth::Tenant, from_row, http::Json, sql};

/// A version of a plan: what it says stays as it is, for whoever is on it.
#[derive(Debug, Serialize, ToSchema)]
struct Plan {
    /// By which it is chosen.
    #[schema(example = "team")]
    code: String,
    version: i16,
    name: String,
    /// What it lets a tenant do beside what every plan does; `x-needs-plan` of an operation names one.
    features: Vec<String>,
    #[schema(value_type = PlanLimits)]
    limits: Value,
    trial_days: i16,
    #[schema(value_type = Vec<PlanPrice>)]
    prices: Value,
}
from_row! { Plan: code, version, name, features, limits, trial_days, prices }

/// What a period costs.
#[derive(Debug, Serialize, ToSchema)]
struct PlanPrice {
    /// month or year
    period: String,
    amount_minor: i64,
    /// ISO 4217
    #[schema(example = "EUR")]
    currency: String,
}

/// What may be chosen, by code.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanList {
    items: Vec<Plan>,
}

/// List the plans that may be chosen.
///
/// Needs `billing:read`.
#[utoipa::path(get, path = "/plans", tag = "billing",
    extensions(("x-route" = json!({ "charged": "principal" }))), responses((status = OK, body = PlanList)))]
pub(super) async fn list(tenant: Tenant) -> Result<Json<PlanList>> {
    let mut conn = tenant.reads().await?;
    let items = conn.read().last().all(sql!("billing/plans"), &[]).await?;
    Ok(Json(PlanList { items }))
}
