//! Lists of products: four orders, each with every filter that one index can serve in that order.
use axum::{extract::OriginalUri, extract::State, http::Uri};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Product, ProductStatus};
use crate::{
    App, Error, Result,
    auth::Tenant,
    db::{Params, Read, Tx},
    error::Violation,
    http::{
        extract::Query,
        page::{List, Page, PageRequest},
        prefer::{Count, Prefer, Total},
    },
    sql,
};

/// The order of a list of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ProductSort {
    /// Newest first.
    Newest,
    /// By name, in the order of Unicode code points.
    Name,
    /// By price in minor units, whatever the currency.
    Price,
    /// By SKU, in the order of Unicode code points.
    Sku,
}

/// Filters hold together. A range is read off the index of its own order, so it goes with that order alone, and chooses
/// it where none is said.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ProductQuery {
    /// Rows on the page, 50 unless said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only products of this status.
    #[param(inline)]
    status: Option<ProductStatus>,
    /// Only products with this tag.
    #[param(min_length = 1, max_length = 50)]
    tag: Option<String>,
    /// Only products that are in stock, or only those that are not.
    in_stock: Option<bool>,
    /// Only products that cost at least this, in minor units; with `sort=price`.
    #[param(minimum = 0)]
    price_min: Option<i64>,
    /// Only products that cost at most this, in minor units; with `sort=price`.
    #[param(minimum = 0)]
    price_max: Option<i64>,
    /// Only products made then or later; with `sort=newest`.
    #[param(value_type = Option<String>, format = DateTime)]
    created_from: Option<Timestamp>,
    /// Only products made before then; with `sort=newest`.
    #[param(value_type = Option<String>, format = DateTime)]
    created_to: Option<Timestamp>,
    /// The order; newest first unless said.
    #[param(inline)]
    sort: Option<ProductSort>,
}

/// Refuses what can be no tag.
pub(super) fn check_tag(tag: Option<&str>) -> Result<()> {
    match tag {
        Some(tag) if !super::TAG.contains(&tag.chars().count()) => {
            Err(Error::BadRequest(vec![Violation::parameter("tag", "invalid", "must have 1 to 50 characters")]))
        }
        _ => Ok(()),
    }
}

impl ProductQuery {
    /// The order in force, or what does not go together.
    fn order(&self) -> Result<ProductSort> {
        let price = self.price_min.is_some() || self.price_max.is_some();
        let created = self.created_from.is_some() || self.created_to.is_some();
        let sort = self.sort.unwrap_or(if price { ProductSort::Price } else { ProductSort::Newest });
        let mut violations = Vec::new();
        let ranges = [
            ("price_min", self.price_min.is_some(), ProductSort::Price, "price"),
            ("price_max", self.price_max.is_some(), ProductSort::Price, "price"),
            ("created_from", self.created_from.is_some(), ProductSort::Newest, "newest"),
            ("created_to", self.created_to.is_some(), ProductSort::Newest, "newest"),
        ];
        for (name, _, _, order) in ranges.into_iter().filter(|(_, given, needs, _)| *given && *needs != sort) {
            let detail = format!("goes with sort={order} alone");
            violations.push(Violation::parameter(name, "does_not_go_with_sort", detail));
        }
        for (name, value) in [("price_min", self.price_min), ("price_max", self.price_max)] {
            if value.is_some_and(|value| value < 0) {
                violations.push(Violation::parameter(name, "out_of_range", "must not be less than 0"));
            }
        }
        if let Err(Error::BadRequest(tag)) = check_tag(self.tag.as_deref()) {
            violations.extend(tag);
        }
        debug_assert!(!(price && created && violations.is_empty()), "no order serves both ranges");
        if violations.is_empty() { Ok(sort) } else { Err(Error::BadRequest(violations)) }
    }

    fn statuses(&self) -> Vec<ProductStatus> {
        self.status.map_or_else(|| ProductStatus::ALL.to_vec(), |status| vec![status])
    }

    fn stocks(&self) -> Vec<bool> {
        self.in_stock.map_or_else(|| vec![true, false], |wanted| vec![wanted])
    }

    /// Ids from which and before which products were made in the range asked for.
    fn made(&self) -> (Uuid, Uuid) {
        (self.created_from.map_or(Uuid::nil(), first_id_at), self.created_to.map_or(Uuid::max(), first_id_at))
    }

    /// The range of prices asked for.
    fn prices(&self) -> (i64, i64) {
        (self.price_min.unwrap_or(0), self.price_max.unwrap_or(i64::MAX))
    }

    /// How long the whole list is, for whoever prefers to know. Times go with newest first alone, prices with the rest.
    async fn counted(&self, tx: &mut Tx<'_, Read>, how: Option<Count>, newest: bool) -> Result<Option<Total>> {
        let Some(how) = how else { return Ok(None) };
        let (statuses, stocks, limit) = (self.statuses(), self.stocks(), how.limit());
        let (from, before) = self.made();
        let (least, most) = self.prices();
        let counted = match (&self.tag, newest) {
            (None, true) => tx.one(sql!("products/count_newest"), &[&statuses, &stocks, &before, &from, &limit]).await,
            (None, false) => tx.one(sql!("products/count_price"), &[&statuses, &stocks, &least, &most, &limit]).await,
            (Some(tag), true) => {
                let params: Params<'_> = &[&statuses, &stocks, tag, &before, &from, &limit];
                tx.one(sql!("products/count_newest_tagged"), params).await
            }
            (Some(tag), false) => {
                let params: Params<'_> = &[&statuses, &stocks, tag, &least, &most, &limit];
                tx.one(sql!("products/count_price_tagged"), params).await
            }
        }?;
        Ok(Some(how.of(counted)))
    }

    fn page<'a, K: Serialize + DeserializeOwned>(
        &self,
        app: &'a App,
        tenant: &Tenant,
        uri: &'a Uri,
        sort: &str,
    ) -> Result<PageRequest<'a, K>> {
        let text = |value: Option<i64>| value.map(|value| value.to_string());
        let time = |value: Option<Timestamp>| value.map(|value| value.to_string());
        let (price_min, price_max) = (text(self.price_min), text(self.price_max));
        let (created_from, created_to) = (time(self.created_from), time(self.created_to));
        let chosen = [
            ("sort", Some(sort)),
            ("status", self.status.map(ProductStatus::as_str)),
            ("tag", self.tag.as_deref()),
            ("in_stock", self.in_stock.map(|wanted| if wanted { "true" } else { "false" })),
            ("price_min", price_min.as_deref()),
            ("price_max", price_max.as_deref()),
            ("created_from", created_from.as_deref()),
            ("created_to", created_to.as_deref()),
        ];
        let list = List::new(uri, &chosen);
        PageRequest::new(app.secrets().mac(), tenant.id().as_uuid(), list, self.limit, self.cursor.as_deref())
    }
}

/// List products.
///
/// Needs `products:read`. Filters hold together; a range of prices goes with `sort=price`, a range of times with
/// `sort=newest`, and each chooses its order where none is said.
#[utoipa::path(get, path = "/products", tag = "products", params(ProductQuery),
    responses((status = OK, body = Page<Product>, headers(("Link" = String, description = "The next page, RFC 8288")))))]
pub(super) async fn list(
    tenant: Tenant,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    prefer: Prefer,
    Query(query): Query<ProductQuery>,
) -> Result<Page<Product>> {
    let count = prefer.count();
    match query.order()? {
        ProductSort::Newest => newest_first(&tenant, &app, &uri, count, &query).await,
        ProductSort::Name => by_name(&tenant, &app, &uri, count, &query).await,
        ProductSort::Price => by_price(&tenant, &app, &uri, count, &query).await,
        ProductSort::Sku => by_sku(&tenant, &app, &uri, count, &query).await,
    }
}

async fn newest_first(
    tenant: &Tenant,
    app: &App,
    uri: &Uri,
    count: Option<Count>,
    query: &ProductQuery,
) -> Result<Page<Product>> {
    let page = query.page::<Uuid>(app, tenant, uri, "newest")?;
    let (from, before) = query.made();
    let before = page.after.map_or(before, |after| after.min(before));
    let (statuses, stocks, limit) = (query.statuses(), query.stocks(), page.fetch());
    let mut conn = tenant.connect().await?;
    let mut tx = conn.read();
    let total = query.counted(&mut tx, count, true).await?;
    let rest = tx.last();
    let rows = match &query.tag {
        None => rest.all(sql!("products/list_newest"), &[&statuses, &stocks, &before, &from, &limit]).await,
        Some(tag) => {
            rest.all(sql!("products/list_newest_tagged"), &[&statuses, &stocks, tag, &before, &from, &limit]).await
        }
    }?;
    page.page(rows, |product: &Product| product.id).map(|page| page.of(total))
}

async fn by_name(
    tenant: &Tenant,
    app: &App,
    uri: &Uri,
    count: Option<Count>,
    query: &ProductQuery,
) -> Result<Page<Product>> {
    let page = query.page::<(String, Uuid)>(app, tenant, uri, "name")?;
    let (name, id) = page.after.clone().unwrap_or_default();
    let (statuses, stocks, limit) = (query.statuses(), query.stocks(), page.fetch());
    let mut conn = tenant.connect().await?;
    let mut tx = conn.read();
    let total = query.counted(&mut tx, count, false).await?;
    let rest = tx.last();
    let rows = match &query.tag {
        None => rest.all(sql!("products/list_name"), &[&statuses, &stocks, &name, &id, &limit]).await,
        Some(tag) => rest.all(sql!("products/list_name_tagged"), &[&statuses, &stocks, tag, &name, &id, &limit]).await,
    }?;
    page.page(rows, |product: &Product| (product.name.clone(), product.id)).map(|page| page.of(total))
}

async fn by_price(
    tenant: &Tenant,
    app: &App,
    uri: &Uri,
    count: Option<Count>,
    query: &ProductQuery,
) -> Result<Page<Product>> {
    let page = query.page::<(i64, Uuid)>(app, tenant, uri, "price")?;
    let (least, most) = query.prices();
    let (price, id) = page.after.unwrap_or((least, Uuid::nil()));
    let (statuses, stocks, limit) = (query.statuses(), query.stocks(), page.fetch());
    let mut conn = tenant.connect().await?;
    let mut tx = conn.read();
    let total = query.counted(&mut tx, count, false).await?;
    let rest = tx.last();
    let rows = match &query.tag {
        None => rest.all(sql!("products/list_price"), &[&statuses, &stocks, &price, &id, &most, &limit]).await,
        Some(tag) => {
            rest.all(sql!("products/list_price_tagged"), &[&statuses, &stocks, tag, &price, &id, &most, &limit]).await
        }
    }?;
    page.page(rows, |product: &Product| (product.price.amount_minor, product.id)).map(|page| page.of(total))
}

async fn by_sku(
    tenant: &Tenant,
    app: &App,
    uri: &Uri,
    count: Option<Count>,
    query: &ProductQuery,
) -> Result<Page<Product>> {
    let page = query.page::<String>(app, tenant, uri, "sku")?;
    let after = page.after.as_deref().unwrap_or_default();
    let (statuses, stocks, limit) = (query.statuses(), query.stocks(), page.fetch());
    let mut conn = tenant.connect().await?;
    let mut tx = conn.read();
    let total = query.counted(&mut tx, count, false).await?;
    let rest = tx.last();
    let rows = match &query.tag {
        None => rest.all(sql!("products/list_sku"), &[&statuses, &stocks, &after, &limit]).await,
        Some(tag) => rest.all(sql!("products/list_sku_tagged"), &[&statuses, &stocks, tag, &after, &limit]).await,
    }?;
    page.page(rows, |product: &Product| product.sku.clone()).map(|page| page.of(total))
}

/// The least id that can be made at a time or after it: ids begin with milliseconds (RFC 9562 §5.7), and a product's
/// `created_at` is what its id says.
fn first_id_at(time: Timestamp) -> Uuid {
    let whole = time.as_millisecond() + i64::from(time.as_nanosecond() % 1_000_000 > 0);
    let milliseconds = u128::try_from(whole).unwrap_or(0).min((1 << 48) - 1);
    Uuid::from_u128(milliseconds << 80)
}
