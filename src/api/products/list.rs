//! Lists of products: four orders, each with every filter that one index can serve in that order.
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use postgres_types::ToSql;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Product, ProductStatus};
use crate::{
    Error, Result,
    app::App,
    auth::Tenant,
    cache::{CachePolicy, Lookup},
    db::{Call, Last, Params, Read, Sql},
    error::Violation,
    http::{
        Asks, Chosen, Listing, Page,
        page::PageRequest,
        prefer::{Count, Total},
    },
    sql,
};

/// The order of a list of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProductSort {
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
    /// Rows on the page, 50 unless said; fewer where they are long.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only products of this status.
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
    created_from: Option<Timestamp>,
    /// Only products made before then; with `sort=newest`.
    created_to: Option<Timestamp>,
    /// The order; newest first unless said.
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
    /// The order in force.
    fn sort(&self) -> ProductSort {
        let price = self.price_min.is_some() || self.price_max.is_some();
        self.sort.unwrap_or(if price { ProductSort::Price } else { ProductSort::Newest })
    }

    /// What does not go together.
    fn check(&self) -> Result<()> {
        let sort = self.sort();
        let created = self.created_from.is_some() || self.created_to.is_some();
        let price = self.price_min.is_some() || self.price_max.is_some();
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
        if violations.is_empty() { Ok(()) } else { Err(Error::BadRequest(violations)) }
    }

    fn filters(&self, limit: Option<i64>, bytes: Option<i64>) -> Filters<'_> {
        Filters {
            statuses: self.status.map_or_else(|| ProductStatus::ALL.to_vec(), |status| vec![status]),
            stocks: self.in_stock.map_or_else(|| vec![true, false], |wanted| vec![wanted]),
            tag: self.tag.as_deref(),
            limit,
            bytes,
        }
    }

    /// Ids from which and before which products were made in the range asked for.
    fn made(&self) -> (Uuid, Uuid) {
        (self.created_from.map_or(Uuid::nil(), first_id_at), self.created_to.map_or(Uuid::max(), first_id_at))
    }

    /// The range of prices asked for.
    fn prices(&self) -> (i64, i64) {
        (self.price_min.unwrap_or(0), self.price_max.unwrap_or(i64::MAX))
    }

    /// A page, and how long the whole list is, for whoever prefers to know. Times go with newest first alone, prices with the rest.
    async fn counted(
        &self,
        end: Last<'_, Read>,
        how: Count,
        newest: bool,
        page: Call<'_>,
    ) -> Result<(Vec<Product>, Total)> {
        let (from, before) = self.made();
        let (cheapest, dearest) = self.prices();
        let (counts, bounds): (_, Params<'_>) = if newest {
            ([sql!("products/count_newest"), sql!("products/count_newest_tagged")], &[&before, &from])
        } else {
            ([sql!("products/count_price"), sql!("products/count_price_tagged")], &[&cheapest, &dearest])
        };
        let filters = self.filters(how.limit(), None);
        let (count, params) = filters.of(counts, bounds);
        let ([counted], rows) = end.after([(count, &params)], page.0, page.1).await?;
        Ok((rows.all()?, how.of(counted.one()?)))
    }
}

impl Asks for ProductQuery {
    fn place(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.cursor.as_deref())
    }

    fn chosen(&self) -> Vec<Chosen> {
        let sort = match self.sort() {
            ProductSort::Newest => "newest",
            ProductSort::Name => "name",
            ProductSort::Price => "price",
            ProductSort::Sku => "sku",
        };
        let text = |value: Option<i64>| value.map(|value| value.to_string());
        let time = |value: Option<Timestamp>| value.map(|value| value.to_string());
        vec![
            ("sort", Some(sort.to_owned())),
            ("status", self.status.map(|status| status.as_str().to_owned())),
            ("tag", self.tag.clone()),
            ("in_stock", self.in_stock.map(|wanted| wanted.to_string())),
            ("price_min", text(self.price_min)),
            ("price_max", text(self.price_max)),
            ("created_from", time(self.created_from)),
            ("created_to", time(self.created_to)),
        ]
    }
}

/// List products.
///
/// Needs `products:read`. Filters hold together; a range of prices goes with `sort=price`, a range of times with
/// `sort=newest`, and each chooses its order where none is said.
#[utoipa::path(get, path = "/products", tag = "products",
    extensions(("x-route" = json!({ "counted": true }))), params(ProductQuery),
    responses((status = OK, body = Page<Product>, headers(("Cache-Status" = String)))))]
pub(super) async fn list(tenant: Tenant, State(app): State<App>, listing: Listing<ProductQuery>) -> Result<Response> {
    listing.query.check()?;
    let lister = Lister { tenant: &tenant, listing: &listing };
    let (address, counted) = (listing.address(), listing.count().map_or("", Count::name));
    let asked =
        Lookup { rule: CachePolicy::PRODUCTS, may: sql!("cache/products"), params: &[], what: &[&address, counted] };
    let page = async {
        let page = match listing.query.sort() {
            ProductSort::Newest => lister.newest_first().await,
            ProductSort::Name => lister.by_name().await,
            ProductSort::Price => lister.by_price().await,
            ProductSort::Sku => lister.by_sku().await,
        };
        page.map(IntoResponse::into_response)
    };
    app.cache.answer(app.secrets(), &tenant, asked, page).await
}

/// The filters that every list takes, as parameters.
struct Filters<'a> {
    statuses: Vec<ProductStatus>,
    stocks: Vec<bool>,
    tag: Option<&'a str>,
    /// How many rows are wanted, all of them where none is said.
    limit: Option<i64>,
    /// After how many bytes a page ends, where it is one.
    bytes: Option<i64>,
}

impl<'a> Filters<'a> {
    /// The second of two statements where a tag is asked for, and what either takes: the statuses, the kinds of stock,
    /// the tag, what bounds it, the limit, and the bytes of a page.
    fn of(&'a self, [plain, tagged]: [Sql; 2], bounds: Params<'a>) -> (Sql, Vec<&'a (dyn ToSql + Sync)>) {
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&self.statuses, &self.stocks];
        params.extend(self.tag.as_ref().map(|tag| tag as &(dyn ToSql + Sync)));
        params.extend(bounds);
        params.push(&self.limit);
        params.extend(self.bytes.as_ref().map(|bytes| bytes as &(dyn ToSql + Sync)));
        (if self.tag.is_some() { tagged } else { plain }, params)
    }
}

/// A caller's page, in whatever order.
struct Lister<'a> {
    tenant: &'a Tenant,
    listing: &'a Listing<ProductQuery>,
}

impl Lister<'_> {
    async fn newest_first(&self) -> Result<Page<Product>> {
        let page = self.listing.page::<Uuid>(self.tenant)?;
        let (from, before) = self.listing.query.made();
        let before = page.after.map_or(before, |after| after.min(before));
        let lists = [sql!("products/list_newest"), sql!("products/list_newest_tagged")];
        self.rows(page, lists, &[&before, &from], true, |product| product.id).await
    }

    async fn by_name(&self) -> Result<Page<Product>> {
        let page = self.listing.page::<(String, Uuid)>(self.tenant)?;
        let (name, id) = page.after.clone().unwrap_or_default();
        let lists = [sql!("products/list_name"), sql!("products/list_name_tagged")];
        self.rows(page, lists, &[&name, &id], false, |product| (product.name.clone(), product.id)).await
    }

    async fn by_price(&self) -> Result<Page<Product>> {
        let page = self.listing.page::<(i64, Uuid)>(self.tenant)?;
        let (least, most) = self.listing.query.prices();
        let (price, id) = page.after.unwrap_or((least, Uuid::nil()));
        let lists = [sql!("products/list_price"), sql!("products/list_price_tagged")];
        self.rows(page, lists, &[&price, &id, &most], false, |product| (product.price.amount_minor, product.id)).await
    }

    async fn by_sku(&self) -> Result<Page<Product>> {
        let page = self.listing.page::<String>(self.tenant)?;
        let after = page.after.clone().unwrap_or_default();
        let lists = [sql!("products/list_sku"), sql!("products/list_sku_tagged")];
        self.rows(page, lists, &[&after], false, |product| product.sku.clone()).await
    }

    async fn rows<K: Serialize + DeserializeOwned>(
        &self,
        page: PageRequest<'_, K>,
        lists: [Sql; 2],
        bounds: Params<'_>,
        newest: bool,
        key: impl Fn(&Product) -> K,
    ) -> Result<Page<Product>> {
        let mut conn = self.tenant.reads().await?;
        let filters = self.listing.query.filters(Some(page.fetch()), Some(page.bytes()));
        let (list, params) = filters.of(lists, bounds);
        let (query, end) = (&self.listing.query, conn.read().last());
        let (rows, total) = match self.listing.count() {
            None => (end.all(list, &params).await?, None),
            Some(how) => {
                let (rows, total) = query.counted(end, how, newest, (list, &params)).await?;
                (rows, Some(total))
            }
        };
        page.page(rows, key).map(|page| page.of(total))
    }
}

/// The least id that can be made at a time or after it: ids begin with milliseconds (RFC 9562 §5.7), and a product's
/// `created_at` is what its id says. The same as `registry.first_id_at`, for a statement that is given its bounds.
fn first_id_at(time: Timestamp) -> Uuid {
    let whole = time.as_millisecond() + i64::from(time.as_nanosecond() % 1_000_000 > 0);
    let milliseconds = u128::try_from(whole).unwrap_or(0).min((1 << 48) - 1);
    Uuid::from_u128(milliseconds << 80)
}
