//! Every list with every filter, at its first, middle and last page: explained as the role that serves, and read off an
//! index without a row too many.
use rowhouse_pg::{AdminConn, Failure, from_row, literal, sql};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::store::{Caller, Store};

const LIMIT: i64 = 21;
/// After how many bytes of descriptions a page ends; no page here has as many.
const BYTES: i64 = 3 << 19;
/// Where it would be, the product itself would say so in another list.
const TAG: &str = "camping";
/// Minor units.
const PRICES: [i64; 2] = [1_500, 9_000];
/// More than any price, and less than what an amount can be.
const NO_PRICE: i64 = i64::MAX;
const STATUSES: [&str; 3] = ["draft", "active", "archived"];

/// One order, without a tag and with one.
struct Order {
    name: &'static str,
    statements: [&'static str; 2],
    /// Types of the parameters that follow tenant, statuses, stocks and tag.
    types: &'static str,
}

macro_rules! order {
    ($name:literal, $types:literal) => {
        Order {
            name: $name,
            statements: [
                include_str!(concat!("../../../sql/queries/products/list_", $name, ".sql")),
                include_str!(concat!("../../../sql/queries/products/list_", $name, "_tagged.sql")),
            ],
            types: $types,
        }
    };
}

const ORDERS: [Order; 4] = [
    order!("newest", "uuid, uuid, bigint"),
    order!("name", "text, uuid, bigint"),
    order!("price", "bigint, uuid, bigint, bigint"),
    order!("sku", "text, bigint"),
];

/// One order, with a tag or without, over all other filters: execution times of the slowest, in milliseconds.
#[derive(Serialize)]
pub(super) struct List {
    pub(super) name: String,
    pub(super) filters: usize,
    pub(super) first_ms: f64,
    pub(super) middle_ms: f64,
    pub(super) last_ms: f64,
    /// Plans that are not what they should be.
    pub(super) complaints: Vec<String>,
}

/// What a list is narrowed to.
struct Filter {
    statuses: Vec<&'static str>,
    stocks: Vec<bool>,
    tag: Option<&'static str>,
    prices: [i64; 2],
    /// From the first id to before the second.
    ids: [Uuid; 2],
}

/// A row before which a page begins.
struct Place {
    id: Uuid,
    name: String,
    price_minor: i64,
    sku: String,
}

from_row! { Place: id, name, price_minor, sku }

pub(super) async fn measure(store: &Store, tenant: Caller) -> Result<Vec<List>, Failure> {
    let superuser = store.superuser().await?;
    let session = AdminConn::connect_as(&store.api_url(), "bench").await?;
    let unfiltered = Filter::all();
    let middle = places(&superuser, tenant.tenant, "newest", &unfiltered).await?;
    let middle = middle.first().map(|place| place.id).ok_or_else(|| Failure("there are no products".to_owned()))?;
    let mut lists = Vec::new();
    for order in &ORDERS {
        for tag in [None, Some(TAG)] {
            let mut list = List {
                name: format!("{}{}", order.name, if tag.is_some() { ", one tag" } else { "" }),
                filters: 0,
                first_ms: 0.0,
                middle_ms: 0.0,
                last_ms: 0.0,
                complaints: Vec::new(),
            };
            for filter in Filter::for_order(order.name, tag, middle) {
                let places = places(&superuser, tenant.tenant, order.name, &filter).await?;
                let pages = [
                    (None, &mut list.first_ms),
                    (places.first(), &mut list.middle_ms),
                    (places.last(), &mut list.last_ms),
                ];
                for (place, slowest) in pages {
                    for mode in ["force_custom_plan", "force_generic_plan"] {
                        let plan = explain(&session, tenant, order, &filter, place, mode).await?;
                        *slowest = slowest.max(plan["Execution Time"].as_f64().unwrap_or(f64::NAN));
                        let what = format!("{} ({filter}), {mode}", list.name);
                        list.complaints
                            .extend(complaints(&plan["Plan"]).into_iter().map(|why| format!("{what}: {why}")));
                    }
                }
                list.filters += 1;
            }
            lists.push(list);
        }
    }
    Ok(lists)
}

impl Filter {
    fn all() -> Self {
        let stocks = vec![true, false];
        Self { statuses: STATUSES.to_vec(), stocks, tag: None, prices: [0, NO_PRICE], ids: [Uuid::nil(), Uuid::max()] }
    }

    /// Every filter that goes with an order, and all of them together.
    fn for_order(order: &str, tag: Option<&'static str>, middle: Uuid) -> Vec<Self> {
        let mut filters = Vec::new();
        for statuses in [STATUSES.to_vec(), vec!["active"]] {
            for stocks in [vec![true, false], vec![true]] {
                let plain = Self { statuses: statuses.clone(), stocks, tag, ..Self::all() };
                match order {
                    "price" => {
                        filters.push(Self { prices: PRICES, ..plain.copy() });
                        filters.push(Self { prices: [0, PRICES[1]], ..plain.copy() });
                    }
                    "newest" => {
                        filters.push(Self { ids: [middle, Uuid::max()], ..plain.copy() });
                        filters.push(Self { ids: [Uuid::nil(), middle], ..plain.copy() });
                    }
                    _ => {}
                }
                filters.push(plain);
            }
        }
        filters
    }

    fn copy(&self) -> Self {
        let Self { statuses, stocks, tag, prices, ids } = self;
        Self { statuses: statuses.clone(), stocks: stocks.clone(), tag: *tag, prices: *prices, ids: *ids }
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { statuses, stocks, prices, ids, .. } = self;
        write!(f, "{} statuses, {} kinds of stock, prices {prices:?}, ids {ids:?}", statuses.len(), stocks.len())
    }
}

async fn places(superuser: &AdminConn, tenant: Uuid, order: &str, filter: &Filter) -> Result<Vec<Place>, Failure> {
    let Filter { statuses, stocks, tag, prices, ids } = filter;
    superuser
        .all(sql!("places"), &[&tenant, statuses, stocks, tag, &prices[0], &prices[1], &ids[0], &ids[1], &order])
        .await
}

/// The plan of a page that begins after a place, or at the beginning.
async fn explain(
    session: &AdminConn,
    Caller { tenant, user }: Caller,
    order: &Order,
    filter: &Filter,
    place: Option<&Place>,
    mode: &str,
) -> Result<Value, Failure> {
    let nil = Uuid::nil();
    let keys = match (order.name, place) {
        ("newest", place) => format!("'{}', '{}'", place.map_or(filter.ids[1], |place| place.id), filter.ids[0]),
        ("name", place) => {
            format!("{}, '{}'", literal(place.map_or("", |place| &place.name)), place.map_or(nil, |place| place.id))
        }
        ("price", place) => {
            let price = place.map_or(filter.prices[0], |place| place.price_minor);
            format!("{price}, '{}', {}", place.map_or(nil, |place| place.id), filter.prices[1])
        }
        (_, place) => literal(place.map_or("", |place| &place.sku)),
    };
    let stocks: Vec<String> = filter.stocks.iter().map(ToString::to_string).collect();
    let (statuses, stocks) = (filter.statuses.join(","), stocks.join(","));
    let tag = filter.tag.map(|tag| format!("{}, ", literal(tag))).unwrap_or_default();
    let tag_type = if tag.is_empty() { "" } else { "text, " };
    let statement = order.statements[usize::from(filter.tag.is_some())];
    let types = order.types;
    let text = format!(
        "begin read only; set local app.tenant_id = '{tenant}'; set local app.user_id = '{user}'; set local app.session_id = '{user}';
         set local plan_cache_mode = {mode};
         prepare page (uuid, text[], boolean[], {tag_type}{types}, bigint) as {statement};
         explain (analyze, format json) execute page ('{tenant}', '{{{statuses}}}', '{{{stocks}}}', {tag}{keys}, {LIMIT}, {BYTES})"
    );
    // The first to run a plan pays for pages that nobody has read yet.
    session.run(&text).await?;
    session.run("deallocate page; rollback").await?;
    let answer = session.run(&text).await?;
    let plan = answer.first_column().collect::<String>();
    session.run("deallocate page; rollback").await?;
    let plan: Value = serde_json::from_str(&plan).map_err(|error| Failure(format!("a plan: {error}")))?;
    Ok(plan[0].clone())
}

/// What is wrong with a plan and all below it.
fn complaints(plan: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let kind = plan["Node Type"].as_str().unwrap_or_default();
    for removed in ["Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter"] {
        let rows = plan[removed].as_f64().unwrap_or_default();
        if rows > 0.0 {
            complaints.push(format!("{removed}: {rows} ({kind})"));
        }
    }
    if kind.contains("Seq Scan") || kind.contains("Bitmap") {
        complaints.push(format!("{kind} of {}", plan["Relation Name"]));
    }
    #[expect(clippy::cast_precision_loss, reason = "a page's length")]
    if plan["Actual Rows"].as_f64().unwrap_or_default() > LIMIT as f64 && kind.contains("Index") {
        complaints.push(format!("{kind} read {} rows for a page of {LIMIT}", plan["Actual Rows"]));
    }
    complaints.extend(plan["Plans"].as_array().into_iter().flatten().flat_map(self::complaints));
    complaints
}
