//! `/tenant/subscription`: what a tenant is on, and what has become of it.
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use super::PlanLimits;
use crate::{
    Result,
    auth::Tenant,
    db::FromRow,
    http::{IfNoneMatch, versioned},
    sql, text_enum,
};

text_enum! {
    /// What has become of it: docs/billing.md has the table of what leads where.
    enum SubscriptionState {
        /// On trial, until `trial_ends_at`.
        Trialing = "trialing",
        Active = "active",
        /// A payment is overdue, and all goes on until `state_ends_at`.
        PastDue = "past_due",
        /// A payment is overdue, and the tenant can read, delete and pay, until `state_ends_at`.
        Grace = "grace",
        /// A payment is overdue, and the tenant can only pay.
        Suspended = "suspended",
        /// It has ended; another plan can be chosen.
        Canceled = "canceled",
    }
}

text_enum! {
    /// What the tenant's people and keys can do here, as far as the plan goes.
    enum Access {
        Full = "full",
        /// Read, delete and pay.
        ReadOnly = "read_only",
        BillingOnly = "billing_only",
    }
}

text_enum! {
    /// How long what is paid is good for.
    enum BillingPeriod {
        Month = "month",
        Year = "year",
    }
}

/// What a tenant is on.
#[derive(Debug, Serialize, ToSchema)]
struct Subscription {
    id: Uuid,
    plan: String,
    plan_version: i16,
    plan_name: String,
    period: BillingPeriod,
    price: SubscriptionPrice,
    state: SubscriptionState,
    state_since: Timestamp,
    /// When it moves on by itself, where a payment is overdue.
    state_ends_at: Option<Timestamp>,
    access: Access,
    trial_ends_at: Option<Timestamp>,
    period_starts_at: Option<Timestamp>,
    /// Null where nothing is to be paid.
    period_ends_at: Option<Timestamp>,
    cancel_at_period_end: bool,
    /// What it is on from the next period, where that is something else.
    next: Option<NextPlan>,
    /// What the plan and what was decided for this tenant alone let it do.
    features: Vec<String>,
    #[schema(value_type = PlanLimits)]
    limits: Value,
    canceled_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(Subscription);

/// What a period costs.
#[derive(Debug, Serialize, ToSchema)]
struct SubscriptionPrice {
    amount_minor: i64,
    /// ISO 4217
    #[schema(example = "EUR")]
    currency: String,
}

/// What a subscription is on from the next period.
#[derive(Debug, Serialize, ToSchema)]
struct NextPlan {
    plan: String,
    plan_version: i16,
    period: BillingPeriod,
    /// ISO 4217
    #[schema(example = "EUR")]
    currency: String,
}

impl FromRow for Subscription {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let next: Option<String> = row.try_get("next_plan")?;
        let next = match next {
            Some(plan) => Some(NextPlan {
                plan,
                plan_version: row.try_get("next_plan_version")?,
                period: row.try_get("next_period")?,
                currency: row.try_get("next_currency")?,
            }),
            None => None,
        };
        Ok(Self {
            id: row.try_get("id")?,
            plan: row.try_get("plan")?,
            plan_version: row.try_get("plan_version")?,
            plan_name: row.try_get("plan_name")?,
            period: row.try_get("period")?,
            price: SubscriptionPrice { amount_minor: row.try_get("amount_minor")?, currency: row.try_get("currency")? },
            state: row.try_get("state")?,
            state_since: row.try_get("state_since")?,
            state_ends_at: row.try_get("state_ends_at")?,
            access: row.try_get("access")?,
            trial_ends_at: row.try_get("trial_ends_at")?,
            period_starts_at: row.try_get("period_starts_at")?,
            period_ends_at: row.try_get("period_ends_at")?,
            cancel_at_period_end: row.try_get("cancel_at_period_end")?,
            next,
            features: row.try_get("features")?,
            limits: row.try_get("limits")?,
            canceled_at: row.try_get("canceled_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            version: row.try_get("version")?,
        })
    }
}

/// Read what the tenant is on.
///
/// Needs `billing:read`.
#[utoipa::path(get, path = "/tenant/subscription", tag = "billing",
    responses((status = OK, body = Subscription), (status = NOT_MODIFIED)))]
pub(super) async fn get(tenant: Tenant, known: IfNoneMatch) -> Result<Response> {
    let mut conn = tenant.reads().await?;
    let subscription: Subscription = conn.read().last().one(sql!("billing/subscription"), &[]).await?;
    Ok(known.answer(subscription))
}
