//! `/dashboard/kpis`: what there is, and what came lately.
use std::collections::BTreeMap;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use postgres_types::{FromSql, Type};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::{
    Result,
    app::App,
    auth::Tenant,
    cache::{CachePolicy, Lookup},
    db::FromRow,
    from_row,
    http::Json,
    sql,
};

/// What the dashboard opens with.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Kpis {
    #[serde(flatten)]
    figures: TenantFigures,
    notifications: NotificationFigures,
}

/// What the caller was told.
#[derive(Debug, Serialize, ToSchema)]
struct NotificationFigures {
    /// Not read yet; 1000 stands for as many or more. None for an API key, which nothing is told.
    #[schema(minimum = 0, maximum = 1000)]
    unread: Option<i64>,
}

/// The figures of a tenant, the same for everyone who may see them.
#[derive(Debug, Serialize, ToSchema)]
struct TenantFigures {
    /// The moment all figures are of.
    as_of: Timestamp,
    /// By whose clock days are counted back (IANA), from the tenant's settings.
    time_zone: String,
    projects: ProjectFigures,
    tasks: TaskFigures,
    products: ProductFigures,
    members: MemberFigures,
}

/// Projects.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectFigures {
    total: i64,
    /// How many there are of each status: `planned`, `active`, `paused`, `completed`, `archived`.
    by_status: BTreeMap<&'static str, i64>,
    /// Made, and there still.
    created: RecentFigures,
}

/// Tasks of all projects.
#[derive(Debug, Serialize, ToSchema)]
struct TaskFigures {
    /// Not done: open or in progress.
    open: i64,
    done: i64,
    /// Done lately, and done still.
    completed: RecentFigures,
}

/// Products, whatever their status unless said.
#[derive(Debug, Serialize, ToSchema)]
struct ProductFigures {
    total: i64,
    /// How many there are of each status: `draft`, `active`, `archived`.
    by_status: BTreeMap<&'static str, i64>,
    in_stock: i64,
    out_of_stock: i64,
    /// In stock, and no more of it than the threshold.
    low_stock: i64,
    /// Units, from the tenant's settings.
    low_stock_threshold: i32,
    /// Price by stock, of all products of a currency; currencies without value are left out.
    stock_value: Vec<StockValue>,
    /// Made, and there still.
    created: RecentFigures,
}

/// Money in products.
#[derive(Debug, Serialize, ToSchema)]
struct StockValue {
    /// In the currency's minor unit (ISO 4217). As large as it has to be: JSON numbers have no end, and a client whose
    /// own do (2^53 in JavaScript) takes care.
    #[schema(minimum = 0, format = Int64)]
    amount_minor: i128,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
}

/// Members.
#[derive(Debug, Serialize, ToSchema)]
struct MemberFigures {
    total: i64,
    /// Joined, and members still.
    joined: RecentFigures,
}

/// How many came lately. A stretch of days ends now and begins at this time of day, that many days ago, by the tenant's
/// clock; the one it is compared with ends where it begins.
#[derive(Debug, Serialize, ToSchema)]
struct RecentFigures {
    last_7_days: Comparison,
    last_30_days: Comparison,
}

/// A figure beside the one before.
#[derive(Debug, Serialize, ToSchema)]
struct Comparison {
    /// In these days.
    current: i64,
    /// In as many days before.
    previous: i64,
    /// What it grew by; negative when it shrank.
    difference: i64,
}

/// What is there, and what came lately?
///
/// Needs `dashboard:read`, and what the figures count: `projects:read`, `tasks:read`, `products:read`, `members:read`,
/// and `settings:read` for the clock they go by.
#[utoipa::path(get, path = "/dashboard/kpis", tag = "dashboard", 
    responses((status = OK, body = Kpis, headers(("Cache-Status" = String)))))]
pub(super) async fn kpis(tenant: Tenant, State(app): State<App>) -> Result<Response> {
    let asked = Lookup { rule: CachePolicy::KPIS, may: sql!("cache/kpis"), params: &[], what: &[] };
    let kpis = async {
        let mut conn = tenant.reads().await?;
        let kpis: Kpis = conn.read().last().one(sql!("dashboard/kpis"), &[]).await?;
        Ok(Json(kpis).into_response())
    };
    app.cache.answer(app.secrets(), &tenant, asked, kpis).await
}

/// A whole number of any size, sent as text.
struct Amount(i128);

impl<'a> FromSql<'a> for Amount {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(<&str as FromSql>::from_sql(ty, raw)?.parse()?))
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

from_row! { Kpis: figures = *, notifications = * }
from_row! { NotificationFigures: unread = "notifications_unread" }

impl FromRow for TenantFigures {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let count = |column: &str| row.try_get::<_, i64>(column);
        let change = |what: &str, days: u8| {
            let (current, previous) = (count(&format!("{what}_{days}"))?, count(&format!("{what}_{days}_before"))?);
            Ok::<_, tokio_postgres::Error>(Comparison { current, previous, difference: current - previous })
        };
        let lately = |what: &str| {
            Ok::<_, tokio_postgres::Error>(RecentFigures {
                last_7_days: change(what, 7)?,
                last_30_days: change(what, 30)?,
            })
        };
        let by_status = |what: &str, statuses: &[&'static str]| {
            let counts = statuses.iter().map(|status| Ok((*status, count(&format!("{what}_{status}"))?)));
            counts.collect::<Result<BTreeMap<_, _>, tokio_postgres::Error>>()
        };
        let (currencies, amounts): (Vec<String>, Vec<Amount>) = (row.try_get("currencies")?, row.try_get("amounts")?);
        let stock_value = amounts.into_iter().zip(currencies);
        let (products, in_stock) = (count("products")?, count("products_in_stock")?);
        Ok(Self {
            as_of: row.try_get("as_of")?,
            time_zone: row.try_get("time_zone")?,
            projects: ProjectFigures {
                total: count("projects")?,
                by_status: by_status("projects", &["planned", "active", "paused", "completed", "archived"])?,
                created: lately("projects")?,
            },
            tasks: TaskFigures { open: count("tasks_open")?, done: count("tasks_done")?, completed: lately("done")? },
            products: ProductFigures {
                total: products,
                by_status: by_status("products", &["draft", "active", "archived"])?,
                in_stock,
                out_of_stock: products - in_stock,
                low_stock: count("products_low")?,
                low_stock_threshold: row.try_get("low_stock_threshold")?,
                stock_value: stock_value
                    .map(|(Amount(amount_minor), currency)| StockValue { amount_minor, currency })
                    .collect(),
                created: lately("products")?,
            },
            members: MemberFigures { total: count("members")?, joined: lately("members")? },
        })
    }
}
