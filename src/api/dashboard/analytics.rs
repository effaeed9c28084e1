//! `/dashboard/analytics`: one figure over time, as JSON or as a file.
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Error, Result,
    app::App,
    auth::Tenant,
    cache::{CachePolicy, Lookup},
    db::Sql,
    error::Violation,
    from_row,
    http::{
        Json, Query, accept,
        export::{self, Cells, Format, Writer},
    },
    sql, text_enum,
};

/// Buckets of one series.
const MOST: i32 = 400;
/// Days that can be asked for. Ids that tell a time (RFC 9562 §5.7) begin with the first.
const DAYS: std::ops::RangeInclusive<Date> = Date::constant(1970, 1, 1)..=Date::constant(9999, 12, 31);
const OFFERED: &[(&str, Option<Format>)] =
    &[("application/json", None), (export::CSV, Some(Format::Csv)), (export::NDJSON, Some(Format::Ndjson))];

text_enum! {
    /// What is counted.
    pub(super) enum AnalyticsMetric {
        /// Projects made, and there still.
        ProjectsCreated = "projects_created",
        /// Tasks done, and done still.
        TasksDone = "tasks_done",
        /// Products made, and there still.
        ProductsCreated = "products_created",
        /// Members who joined, and are members still.
        MembersJoined = "members_joined",
    }
}

impl AnalyticsMetric {
    const ALL: [Self; 4] = [Self::ProjectsCreated, Self::TasksDone, Self::ProductsCreated, Self::MembersJoined];

    const fn sql(self) -> Sql {
        match self {
            Self::ProjectsCreated => sql!("dashboard/analytics_projects_created"),
            Self::TasksDone => sql!("dashboard/analytics_tasks_done"),
            Self::ProductsCreated => sql!("dashboard/analytics_products_created"),
            Self::MembersJoined => sql!("dashboard/analytics_members_joined"),
        }
    }
}

text_enum! {
    /// How wide a bucket is.
    pub(super) enum AnalyticsInterval {
        /// A day.
        Day = "day",
        /// A week; which day it begins with, the tenant's settings say.
        Week = "week",
        /// A month.
        Month = "month",
    }
}

impl AnalyticsInterval {
    const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];
}

/// Read as text, so that everything that is wrong is said at once.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AnalyticsQuery {
    /// What is counted.
    #[param(value_type = AnalyticsMetric, required = true)]
    metric: Option<String>,
    /// The first day, by the tenant's clock; the thirtieth from the last unless said.
    #[param(value_type = String, format = Date, required = false)]
    from: Option<String>,
    /// The last day, which counts as well; today unless said.
    #[param(value_type = String, format = Date, required = false)]
    to: Option<String>,
    /// How wide a bucket is; a day unless said.
    #[param(value_type = AnalyticsInterval, required = false)]
    interval: Option<String>,
    /// A file of this kind, for callers who cannot choose an `Accept`, which then does not count.
    #[param(value_type = Format, required = false)]
    format: Option<String>,
}

/// What is asked for, once it makes sense.
struct Series {
    metric: AnalyticsMetric,
    from: Option<Date>,
    to: Option<Date>,
    interval: AnalyticsInterval,
    file: Option<Format>,
}

impl AnalyticsQuery {
    fn read(&self) -> Result<Series> {
        let mut wrong = Vec::new();
        let metric = match &self.metric {
            None => {
                wrong.push(Violation::parameter("metric", "required", one_of(&AnalyticsMetric::ALL)));
                None
            }
            Some(text) => word("metric", text, &AnalyticsMetric::ALL, &mut wrong),
        };
        let interval = match &self.interval {
            None => Some(AnalyticsInterval::Day),
            Some(text) => word("interval", text, &AnalyticsInterval::ALL, &mut wrong),
        };
        let file = self.format.as_deref().and_then(|text| word("format", text, &Format::ALL, &mut wrong));
        let from = self.from.as_deref().and_then(|text| day("from", text, &mut wrong));
        let to = self.to.as_deref().and_then(|text| day("to", text, &mut wrong));
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            wrong.push(Violation::parameter("to", "out_of_range", "must not lie before from"));
        }
        match (metric, interval) {
            (Some(metric), Some(interval)) if wrong.is_empty() => Ok(Series { metric, from, to, interval, file }),
            _ => Err(Error::BadRequest(wrong)),
        }
    }
}

fn one_of<T: Copy + Into<&'static str>>(all: &[T]) -> String {
    let names: Vec<&str> = all.iter().map(|word| (*word).into()).collect();
    format!("must be one of {}", names.join(", "))
}

fn word<T: Copy + Into<&'static str>>(name: &str, text: &str, all: &[T], wrong: &mut Vec<Violation>) -> Option<T> {
    let found = all.iter().copied().find(|word| Into::<&str>::into(*word) == text);
    if found.is_none() {
        wrong.push(Violation::parameter(name, "not_allowed", one_of(all)));
    }
    found
}

/// RFC 3339 `full-date`, and nothing else that could be read as one.
fn day(name: &str, text: &str, wrong: &mut Vec<Violation>) -> Option<Date> {
    let Some(day) = text.parse::<Date>().ok().filter(|day| day.to_string() == text) else {
        wrong.push(Violation::parameter(name, "invalid", "is not a day such as 2026-03-29"));
        return None;
    };
    if !DAYS.contains(&day) {
        let detail = format!("must be from {} to {}", DAYS.start(), DAYS.end());
        wrong.push(Violation::parameter(name, "out_of_range", detail));
        return None;
    }
    Some(day)
}

/// A figure over time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Analytics {
    metric: AnalyticsMetric,
    interval: AnalyticsInterval,
    /// The first day that was counted.
    #[schema(value_type = String, format = Date)]
    from: Date,
    /// The last.
    #[schema(value_type = String, format = Date)]
    to: Date,
    /// Whose days they are (IANA), from the tenant's settings.
    time_zone: String,
    /// In order, and without gaps.
    buckets: Vec<AnalyticsBucket>,
    /// Of all buckets together.
    total: i64,
    /// The moment all figures are of.
    as_of: Timestamp,
}

/// A day, a week or a month.
#[derive(Debug, Serialize, ToSchema)]
struct AnalyticsBucket {
    /// The day it begins with. It may lie before `from`, and the bucket may end after `to`: what is outside is not
    /// counted.
    #[schema(value_type = String, format = Date)]
    start: Date,
    /// How many.
    value: i64,
}

/// A bucket with what goes for all.
struct Bucket {
    shown: AnalyticsBucket,
    first: Date,
    last: Date,
    time_zone: String,
    as_of: Timestamp,
}

/// How did a figure go?
///
/// As JSON, or with `Accept: text/csv` or `application/x-ndjson`, or `format`, as a file of buckets. At most 400 of them. Needs
/// `dashboard:read`, `settings:read`, and what is counted: `projects:read`, `tasks:read`, `products:read` or
/// `members:read`.
#[utoipa::path(get, path = "/dashboard/analytics", tag = "dashboard", params(AnalyticsQuery),
    responses((status = OK, headers(("Cache-Status" = String),
        ("Vary" = String), ("Content-Disposition" = String, description = "Of a file")),
        content((Analytics = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")))))]
pub(super) async fn analytics(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<AnalyticsQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let series = query.read()?;
    let Series { metric, from, to, interval, file } = series;
    let format = file.map_or_else(|| accept::choose(&headers, OFFERED), |file| Ok(Some(file)))?;
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    let kind = format.map_or("json", Format::name);
    let what = [metric.as_str(), interval.as_str(), &day(from), &day(to), kind];
    let asked = Lookup { rule: CachePolicy::ANALYTICS, may: sql!("cache/analytics"), params: &[&metric], what: &what };
    app.cache.answer(app.secrets(), &tenant, asked, series.answer(&tenant, format)).await
}

impl Series {
    async fn answer(&self, tenant: &Tenant, format: Option<Format>) -> Result<Response> {
        let Self { metric, from, to, interval, .. } = *self;
        let mut conn = tenant.reads().await?;
        let counted: Vec<Bucket> = conn.read().last().all(metric.sql(), &[&from, &to, &interval, &(MOST + 1)]).await?;
        let analytics = Analytics::new(metric, interval, counted)?;
        let varies = [(header::VARY, HeaderValue::from_static("Accept"))];
        Ok(match format {
            None => (varies, Json(analytics)).into_response(),
            Some(format) => (varies, analytics.file(format)?).into_response(),
        })
    }
}

impl Analytics {
    fn new(metric: AnalyticsMetric, interval: AnalyticsInterval, counted: Vec<Bucket>) -> Result<Self> {
        if counted.len() > MOST.unsigned_abs() as usize {
            let detail = format!(
                "there are more than {MOST} buckets between from and to; choose a wider interval or fewer days"
            );
            return Err(Error::BadRequest(vec![Violation::parameter("interval", "out_of_range", detail)]));
        }
        let Some(any) = counted.first() else {
            return Err(Error::internal("a series without a bucket"));
        };
        Ok(Self {
            metric,
            interval,
            from: any.first,
            to: any.last,
            time_zone: any.time_zone.clone(),
            as_of: any.as_of,
            total: counted.iter().map(|counted| counted.shown.value).sum(),
            buckets: counted.into_iter().map(|counted| counted.shown).collect(),
        })
    }

    fn file(&self, format: Format) -> Result<Response> {
        let mut writer = Writer::new(format);
        let bytes = writer.write(&self.buckets)?;
        let name = format!("{}-{}-{}-to-{}", self.metric.as_str(), self.interval.as_str(), self.from, self.to);
        Ok((format.headers(&name), writer.end().fields(), bytes).into_response())
    }
}

impl export::Row for AnalyticsBucket {
    const COLUMNS: &'static [&'static str] = &["start", "value"];

    fn cells(&self, cells: &mut Cells) {
        cells.text(&*self.start.to_string());
        cells.number(self.value);
    }
}

from_row! { Bucket: shown = *, first, last, time_zone, as_of }
from_row! { AnalyticsBucket: start, value }
