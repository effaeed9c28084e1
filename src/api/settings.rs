//! `/tenant/settings`: what a tenant decides for itself. One row a tenant, which comes and goes with it.
use std::{ops::RangeInclusive, sync::LazyLock};

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};
use jiff::{Timestamp, tz::TimeZoneDatabase};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IntoDeserializer as _, value::StrDeserializer},
};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    Result,
    app::Endpoints,
    auth::Tenant,
    currency,
    db::{Constraint, Params},
    from_row,
    http::{Field, IfMatch, IfNoneMatch, MergePatch, Tagged, Violations, etag::missed, operation::Begin, versioned},
    sql, text_enum,
    work::reindex::ReindexProducts,
};

// The columns' own defaults, for keys that are set back to them; a test keeps the two equal.
const TIME_ZONE: &str = "UTC";
const CURRENCY: &str = "EUR";
const LOW_STOCK: i32 = 5;

const LOW_STOCK_RANGE: RangeInclusive<i32> = 0..=1_000_000;

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint::out_of_range("settings_language_check", "/language", "is not a language that search knows"),
    Constraint::out_of_range("settings_time_zone_check", "/time_zone", "is not a time zone that the database knows"),
    Constraint::out_of_range("settings_currency_check", "/currency", "is not a currency"),
    Constraint::out_of_range("settings_week_starts_check", "/week_starts", "is not monday or sunday"),
    Constraint::out_of_range("settings_low_stock_threshold_check", "/low_stock_threshold", "must be 0 to 1000000"),
];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(get, update))
}

/// A tenant's settings.
#[derive(Debug, Serialize, ToSchema)]
struct TenantSettings {
    language: SearchLanguage,
    /// An IANA time zone, in which days, weeks and months begin.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// ISO 4217; what a price is in unless it says.
    #[schema(example = "EUR")]
    currency: String,
    week_starts: WeekStart,
    /// Units in stock at or below which a product is running low.
    #[schema(minimum = 0, maximum = 1_000_000)]
    low_stock_threshold: i32,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(TenantSettings);
from_row! { TenantSettings: language, time_zone, currency, week_starts, low_stock_threshold, updated_at, version }

text_enum! {
    /// The language whose words are brought to their stems in search; `simple` leaves words as they are.
    #[derive(Default)]
    enum SearchLanguage {
        Simple = "simple",
        Danish = "danish",
        Dutch = "dutch",
        #[default]
        English = "english",
        Finnish = "finnish",
        French = "french",
        German = "german",
        Hungarian = "hungarian",
        Italian = "italian",
        Norwegian = "norwegian",
        Portuguese = "portuguese",
        Romanian = "romanian",
        Russian = "russian",
        Spanish = "spanish",
        Swedish = "swedish",
        Turkish = "turkish",
    }
}

text_enum! {
    /// The day that a week begins with.
    #[derive(Default)]
    enum WeekStart {
        #[default]
        Monday = "monday",
        Sunday = "sunday",
    }
}

/// What changes; keys left out stay as they are, and `null` sets a key back to its default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TenantSettingsPatch {
    /// `english` unless set.
    #[serde(default)]
    #[schema(value_type = Option<SearchLanguage>)]
    language: Field<String>,
    /// `UTC` unless set.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 60, example = "Europe/Berlin")]
    time_zone: Field<String>,
    /// `EUR` unless set.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: Field<String>,
    /// `monday` unless set.
    #[serde(default)]
    #[schema(value_type = Option<WeekStart>)]
    week_starts: Field<String>,
    /// 5 unless set.
    #[serde(default)]
    #[schema(value_type = Option<i32>, minimum = 0, maximum = 1_000_000)]
    low_stock_threshold: Field<i64>,
}

/// Read the tenant's settings.
///
/// Needs `settings:read`.
#[utoipa::path(get, path = "/tenant/settings", tag = "settings",
    responses((status = OK, body = TenantSettings), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, known: IfNoneMatch) -> Result<Response> {
    let mut conn = tenant.reads().await?;
    let settings: TenantSettings = conn.read().last().one(sql!("settings/get"), &[]).await?;
    Ok(known.answer(settings))
}

/// Change the tenant's settings.
///
/// Needs `settings:write` and `settings:read`, and `If-Match` with the ETag that was read. Saying a language has every
/// product indexed in it anew, which needs `products:write`, `operations:write` and their `read` as well; `Link` names the
/// operation, and until it has succeeded a search may miss words that end differently.
#[utoipa::path(patch, path = "/tenant/settings", tag = "settings", params(("If-Match" = String, Header)),
    request_body = TenantSettingsPatch,
    responses((status = OK, body = TenantSettings, headers(("Link" = String, description = "With a language: the operation that indexes products anew")))))]
async fn update(
    tenant: Tenant,
    IfMatch(versions): IfMatch,
    MergePatch(patch): MergePatch<TenantSettingsPatch>,
) -> Result<Response> {
    let mut violations = Violations::default();
    let language =
        word::<SearchLanguage>(&mut violations, "/language", &patch.language, "is not a language that search knows");
    let time_zone = given(&patch.time_zone, TIME_ZONE.to_owned(), |name| time_zone(&mut violations, name));
    let currency = given(&patch.currency, CURRENCY, |code| currency(&mut violations, code));
    let week_starts = word::<WeekStart>(&mut violations, "/week_starts", &patch.week_starts, "is not monday or sunday");
    let low_stock = given(&patch.low_stock_threshold, LOW_STOCK, |units| low_stock(&mut violations, *units));
    violations.finish()?;

    let mut conn = tenant.writes().await?;
    let params: Params<'_> = &[&versions, &language, &time_zone, &currency, &week_starts, &low_stock];
    let Some(language) = language else {
        let changed: Option<TenantSettings> = conn.write().last().optional(sql!("settings/update"), params).await?;
        return changed.map(|changed| Tagged(changed).into_response()).ok_or_else(|| missed("settings", true));
    };
    // What follows from a setting belongs into the same transaction.
    let mut tx = conn.write();
    let Some(changed) = tx.optional::<TenantSettings>(sql!("settings/update"), params).await? else {
        tx.rollback().await?;
        return Err(missed("settings", true));
    };
    // Asked now, so that the caller is told what is missing and not the operation's reader.
    tx.one::<()>(sql!("products/may_import"), &[]).await?;
    let job = ReindexProducts { language: language.as_str().to_owned() };
    let operation = Begin::new(&tenant, &job)?.last(tx).await?;
    Ok(([(header::LINK, operation.link())], Tagged(changed)).into_response())
}

/// What a key becomes: nothing where the patch says nothing, its default where it says `null`, else what `read` makes of
/// the value.
fn given<T, V>(field: &Field<T>, default: V, read: impl FnOnce(&T) -> Option<V>) -> Option<V> {
    match field {
        Field::Keep => None,
        Field::Clear => Some(default),
        Field::Set(value) => read(value),
    }
}

/// One of a closed vocabulary. Read here and not with the body, so that a wrong one is told together with whatever else
/// is wrong.
fn word<T: DeserializeOwned + Default>(
    violations: &mut Violations,
    pointer: &str,
    field: &Field<String>,
    detail: &str,
) -> Option<T> {
    given(field, T::default(), |text| {
        let text: StrDeserializer<'_, serde::de::value::Error> = text.as_str().into_deserializer();
        let read = T::deserialize(text).ok();
        if read.is_none() {
            violations.push(pointer, "not_allowed", detail);
        }
        read
    })
}

/// The IANA's own list, and not the machine's files: those have names of the machine's besides.
static TIME_ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Names of the IANA's that say that there is no zone.
const NO_ZONE: [&str; 2] = ["Factory", "Etc/Unknown"];

/// Its name as the IANA writes it. The database has a list of its own, which has to agree.
fn time_zone(violations: &mut Violations, name: &str) -> Option<String> {
    let found = TIME_ZONES.get(name).ok().and_then(|zone| zone.iana_name().map(str::to_owned));
    let found = found.filter(|name| !NO_ZONE.contains(&name.as_str()));
    if found.is_none() {
        violations.push("/time_zone", "not_allowed", "is not an IANA time zone, such as Europe/Berlin");
    }
    found
}

fn currency(violations: &mut Violations, code: &str) -> Option<&'static str> {
    let found = currency::known(code);
    if found.is_none() {
        violations.push("/currency", "not_allowed", currency::UNKNOWN);
    }
    found
}

fn low_stock(violations: &mut Violations, units: i64) -> Option<i32> {
    let found = i32::try_from(units).ok().filter(|units| LOW_STOCK_RANGE.contains(units));
    if found.is_none() {
        let detail = format!("must be between {} and {}", LOW_STOCK_RANGE.start(), LOW_STOCK_RANGE.end());
        violations.push("/low_stock_threshold", "out_of_range", detail);
    }
    found
}
