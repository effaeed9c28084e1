//! `/tenant/subscription`: what a tenant is on, and what has become of it.
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use super::PlanLimits;
use crate::{
    Result,
    auth::Tenant,
    currency,
    db::{Constraint, FromRow},
    http::{Early, IfMatch, IfNoneMatch, Once, Post, Tagged, Violations, etag::missed, versioned},
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
    extensions(("x-route" = json!({ "charged": "principal" }))),
    responses((status = OK, body = Subscription), (status = NOT_MODIFIED)))]
pub(super) async fn get(tenant: Tenant, known: IfNoneMatch) -> Result<Response> {
    let mut conn = tenant.reads().await?;
    let subscription: Subscription = conn.read().last().one(sql!("billing/subscription"), &[]).await?;
    Ok(known.answer(subscription))
}

text_enum! {
    /// When it is to be so.
    #[derive(Default)]
    enum ChangeWhen {
        #[default]
        Now = "now",
        /// What is paid for is used up first.
        PeriodEnd = "period_end",
    }
}

/// What the tenant is to be on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionChange {
    /// The code of one that may be chosen.
    #[schema(max_length = 40, example = "team")]
    plan: String,
    /// As it is, unless said.
    period: Option<BillingPeriod>,
    /// As it is, unless said; ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: Option<String>,
    /// Now, unless said: what is left of the period that is paid for is set against the price.
    #[serde(default)]
    when: ChangeWhen,
}

/// How it is to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionCancel {
    /// At the period's end, unless said: what is paid for is used up first. A trial ends with its own end.
    #[serde(default = "at_period_end")]
    when: ChangeWhen,
}

const fn at_period_end() -> ChangeWhen {
    ChangeWhen::PeriodEnd
}

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[Constraint::unknown(
    "subscriptions_plan_offered",
    "/plan",
    "is not offered for this period in this currency; GET /plans lists what is",
)];

/// Choose another plan, period or currency.
///
/// Needs `billing:manage` and `billing:read`, and `If-Match` with the ETag that was read. Now, with what is left of the period paid for set against the price; or at the period's end.
/// Where nothing is left, or nothing was paid, a period begins. A tenant whose subscription has ended is on a plan again.
#[utoipa::path(post, path = "/tenant/subscription/change", tag = "billing",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(("If-Match" = String, Header)),
    request_body = SubscriptionChange, responses((status = OK, body = Subscription, headers(("ETag" = String)))))]
pub(super) async fn change(
    tenant: Tenant,
    IfMatch(versions): IfMatch,
    Post(change, once): Post<SubscriptionChange>,
) -> Result<Response, Early> {
    let mut violations = Violations::default();
    if change.currency.as_deref().is_some_and(|code| currency::known(code).is_none()) {
        violations.push("/currency", "invalid", currency::UNKNOWN);
    }
    if change.plan.chars().count() > 40 || change.plan.contains('\0') {
        violations.push("/plan", "out_of_range", "must have 1 to 40 characters");
    }
    violations.finish()?;
    let wanted = json!({
        "plan": change.plan,
        "period": change.period,
        "currency": change.currency,
        "at_period_end": change.when == ChangeWhen::PeriodEnd,
    });
    manage(&tenant, versions, once, "plan_changed", &wanted).await
}

/// End it, at the period's end or now.
///
/// Needs `billing:manage` and `billing:read`, and `If-Match` with the ETag that was read. What ends now leaves a tenant that can be read, and nothing is paid back. What costs nothing ends
/// now in any case.
#[utoipa::path(post, path = "/tenant/subscription/cancel", tag = "billing",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(("If-Match" = String, Header)),
    request_body = SubscriptionCancel, responses((status = OK, body = Subscription, headers(("ETag" = String)))))]
pub(super) async fn cancel(
    tenant: Tenant,
    IfMatch(versions): IfMatch,
    Post(cancel, once): Post<SubscriptionCancel>,
) -> Result<Response, Early> {
    let event = if cancel.when == ChangeWhen::Now { "canceled_now" } else { "cancel_at_period_end" };
    manage(&tenant, versions, once, event, &json!({})).await
}

/// Have it go on, where it was to end with the period.
///
/// Needs `billing:manage` and `billing:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(post, path = "/tenant/subscription/resume", tag = "billing",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(("If-Match" = String, Header)),
    responses((status = OK, body = Subscription, headers(("ETag" = String)))))]
pub(super) async fn resume(tenant: Tenant, IfMatch(versions): IfMatch, once: Once) -> Result<Response, Early> {
    manage(&tenant, versions, once, "resumed", &json!({})).await
}

async fn manage(
    tenant: &Tenant,
    versions: Option<Vec<i64>>,
    once: Once,
    event: &'static str,
    wanted: &Value,
) -> Result<Response, Early> {
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let said: crate::db::Params<'_> = &[&event, wanted, &versions];
    let ([managed], found, done) =
        attempt.last([(sql!("billing/manage"), said)], sql!("billing/subscription"), &[]).await?;
    if managed.len() == 0 {
        return done.refuse(missed("subscription", true)).await;
    }
    done.answer(Tagged(found.one::<Subscription>()?)).await
}
