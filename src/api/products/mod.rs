//! `/products`: the catalogue. Reading and writing one product is here; lists, search, import and export are beside it.
mod codec;
mod export;
mod import;
mod importing;
mod line_numbers;
mod list;
pub mod query_parser;
mod search;
mod table;
mod text;

pub(crate) use importing::{ImportMode, import as do_import};
pub(crate) use list::ProductSort;

use std::collections::BTreeSet;

use axum::{http::StatusCode, response::Response};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::Endpoints,
    auth::Tenant,
    currency,
    db::{Constraint, FromRow, Params, Sql},
    from_row,
    http::{
        Early, IfMatch, IfNoneMatch, MergePatch, One, Path, Post, Prefer, Violations, merge_patch, versioned,
        waits::Waits,
    },
    sql, text_enum,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;
const DESCRIPTION: std::ops::RangeInclusive<usize> = 0..=100_000;
const SKU: std::ops::RangeInclusive<usize> = 1..=64;
const TAG: std::ops::RangeInclusive<usize> = 1..=50;
const TAGS: usize = 100;
const PRICE: std::ops::RangeInclusive<i64> = 0..=1_000_000_000_000;
const STOCK: std::ops::RangeInclusive<i32> = 0..=1_000_000_000;

const PRODUCT: One = One::new("product", sql!("products/get"));

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint::taken("products_sku_key", "/sku", "another product of this tenant has this SKU"),
    Constraint::out_of_range("products_name_check", "/name", "must have 1 to 200 characters"),
    Constraint::out_of_range("products_description_check", "/description", "must have at most 100000 characters"),
    Constraint::out_of_range("products_sku_check", "/sku", "must have 1 to 64 characters"),
    Constraint::out_of_range("products_price_check", "/price/amount_minor", "must be from 0 to 1000000000000"),
    Constraint::out_of_range("products_currency_check", "/price/currency", "is not the code of a currency (ISO 4217)"),
    Constraint::out_of_range("products_stock_check", "/stock", "must be from 0 to 1000000000"),
    Constraint::out_of_range("products_status_check", "/status", "is not a status of a product"),
    Constraint::out_of_range("products_tags_check", "/tags", "holds more than 100 tags"),
    Constraint::out_of_range(
        "product_tags_tag_check",
        "/tags",
        "holds a tag that is empty or longer than 50 characters",
    ),
];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new()
        .routes(routes!(list::list, create))
        .routes(routes!(search::search))
        .routes(routes!(search::suggest))
        .routes(routes!(import::import))
        .routes(routes!(export::export))
        .routes(routes!(get, update, delete))
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
pub struct Product {
    id: Uuid,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(max_length = 100_000)]
    description: Option<String>,
    /// One product's alone within the tenant.
    #[schema(min_length = 1, max_length = 64)]
    sku: String,
    price: Money,
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    stock: i32,
    status: ProductStatus,
    /// In order, each once.
    tags: Vec<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(Product);
from_row! {
    Product: id, name, description, sku, price = *, stock, status, tags, created_at, updated_at, version
}

/// An amount of money.
#[derive(Debug, Serialize, ToSchema)]
pub struct Money {
    /// In the currency's minor unit (ISO 4217): cents of a euro, whole yen.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    amount_minor: i64,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
}
from_row! { Money: amount_minor = "price_minor", currency }

text_enum! {
    /// Where a product stands.
    pub enum ProductStatus {
        /// Not for customers yet.
        Draft = "draft",
        /// For sale.
        Active = "active",
        /// No longer for sale.
        Archived = "archived",
    }
}

impl ProductStatus {
    const ALL: [Self; 3] = [Self::Draft, Self::Active, Self::Archived];
}

/// What a product is found under.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 50)]
pub struct Tag(#[expect(dead_code, reason = "only its schema is used")] String);

/// A product to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductCreate)]
struct NewProduct {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// An empty one is none.
    #[schema(max_length = 100_000)]
    description: Option<String>,
    #[schema(min_length = 1, max_length = 64)]
    sku: String,
    price: NewPrice,
    /// None unless said.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    stock: Option<i32>,
    /// `active` unless said.
    status: Option<ProductStatus>,
    #[serde(default)]
    #[schema(max_items = 100, value_type = Vec<Tag>)]
    tags: Vec<String>,
}

/// A price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPrice {
    /// In the currency's minor unit.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    amount_minor: i64,
    /// ISO 4217; the tenant's own unless said.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: Option<String>,
}

merge_patch! {
    /// What changes; members left out stay as they are.
    struct ProductPatch {
        #[schema(min_length = 1, max_length = 200)]
        name: Option<String>,
        #[schema(max_length = 100_000)]
        description: Field<String>,
        #[schema(min_length = 1, max_length = 64)]
        sku: Option<String>,
        price: Option<PricePatch>,
        #[schema(minimum = 0, maximum = 1_000_000_000)]
        stock: Option<i32>,
        status: Option<ProductStatus>,
        /// All of them; what is not named is taken off.
        #[schema(max_items = 100, value_type = Option<Vec<Tag>>)]
        tags: Option<Vec<String>>,
    }
}

merge_patch! {
    /// What changes of a price.
    #[derive(Default)]
    struct PricePatch {
        #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
        amount_minor: Option<i64>,
        #[schema(pattern = "^[A-Z]{3}$")]
        currency: Option<String>,
    }
}

/// Fields as they were given, checked in one place however a product comes: alone, changed, or in a file.
struct Given<'a> {
    name: Option<&'a str>,
    description: Option<&'a str>,
    sku: Option<&'a str>,
    amount_minor: Option<i64>,
    currency: Option<&'a str>,
    stock: Option<i32>,
    tags: Option<&'a [String]>,
}

impl<'a> Given<'a> {
    fn of(product: &'a NewProduct) -> Self {
        Self {
            name: Some(&product.name),
            description: product.description.as_deref(),
            sku: Some(&product.sku),
            amount_minor: Some(product.price.amount_minor),
            currency: product.price.currency.as_deref(),
            stock: product.stock,
            tags: Some(&*product.tags),
        }
    }

    fn check(&self, violations: &mut Violations) {
        violations.line("/name", &self.name, NAME);
        violations.text("/description", &self.description, DESCRIPTION);
        violations.line("/sku", &self.sku, SKU);
        if let Some(amount) = self.amount_minor
            && !PRICE.contains(&amount)
        {
            violations.push("/price/amount_minor", "out_of_range", format!("must be from 0 to {}", PRICE.end()));
        }
        if let Some(code) = self.currency
            && currency::known(code).is_none()
        {
            violations.push("/price/currency", "invalid", currency::UNKNOWN);
        }
        if let Some(stock) = self.stock
            && !STOCK.contains(&stock)
        {
            violations.push("/stock", "out_of_range", format!("must be from 0 to {}", STOCK.end()));
        }
        if let Some(tags) = self.tags {
            let different = each_once(tags).len();
            if different > TAGS {
                let detail = format!("holds {different} tags, and {TAGS} are the most");
                return violations.push("/tags", "too_many", detail);
            }
            // Each where it first stands, however often that is.
            let mut seen = BTreeSet::new();
            for (index, tag) in tags.iter().enumerate().filter(|(_, tag)| seen.insert(*tag)) {
                violations.line(&format!("/tags/{index}"), tag, TAG);
            }
        }
    }
}

/// Tags as they are kept: in order, each once.
fn each_once(tags: &[String]) -> Vec<&str> {
    let once: BTreeSet<&str> = tags.iter().map(String::as_str).collect();
    once.into_iter().collect()
}

/// An empty description is none, so that a file, where an empty cell is both, gives back what was there.
fn described(description: Option<&String>) -> Option<&str> {
    description.map(String::as_str).filter(|text| !text.is_empty())
}

/// Create a product.
///
/// Needs `products:write` and `products:read`. A SKU is one product's alone within the tenant.
#[utoipa::path(post, path = "/products", tag = "products", request_body = NewProduct,
    responses((status = CREATED, body = Product)))]
async fn create(tenant: Tenant, Post(new, once): Post<NewProduct>) -> Result<Response, Early> {
    let mut violations = Violations::default();
    Given::of(&new).check(&mut violations);
    violations.finish()?;

    let NewProduct { name, description, sku, price, stock, status, tags } = &new;
    let id = new_id();
    let status = status.unwrap_or(ProductStatus::Active);
    let stock = stock.unwrap_or_default();
    let (description, tags) = (described(description.as_ref()), each_once(tags));
    let params: Params<'_> =
        &[&id, name, &description, sku, &price.amount_minor, &price.currency, &stock, &status, &tags];
    let mut waits = Waits::of(&tenant);
    loop {
        let mut conn = waits.writes().await?;
        let attempt = once.clone().begin(&mut conn);
        match attempt.one::<Product>(sql!("products/insert"), params).await {
            Ok((product, done)) => return done.created(&format!("/api/v1/products/{id}"), product).await,
            Err(Early::Refused(Error::Locked)) => {}
            Err(early) => return Err(early),
        }
        waits.ask(conn).await?;
    }
}

/// Read a product.
///
/// Needs `products:read`.
#[utoipa::path(get, path = "/products/{id}", tag = "products", params(("id" = Uuid, Path)),
    responses((status = OK, body = Product), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    PRODUCT.at(&tenant, &[&id]).read::<Product>().await.map(|product| known.answer(product))
}

/// Change a product.
///
/// Needs `products:write` and `products:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(patch, path = "/products/{id}", tag = "products",
    params(("id" = Uuid, Path), ("If-Match" = String, Header)),
    request_body = ProductPatch, responses((status = OK, body = Product)))]
async fn update(
    tenant: Tenant,
    Path(id): Path<Uuid>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<ProductPatch>,
) -> Result<Response> {
    let ProductPatch { name, description, sku, price, stock, status, tags } = &patch;
    let nothing = PricePatch::default();
    let price = price.as_ref().unwrap_or(&nothing);
    let mut violations = Violations::default();
    Given {
        name: name.as_deref(),
        description: description.value().map(String::as_str),
        sku: sku.as_deref(),
        amount_minor: price.amount_minor,
        currency: price.currency.as_deref(),
        stock: *stock,
        tags: tags.as_deref(),
    }
    .check(&mut violations);
    violations.finish()?;

    let tags: Option<Vec<&str>> = tags.as_deref().map(each_once);
    let params: Params<'_> = &[
        &id,
        &versions,
        name,
        &description.is_given(),
        &described(description.value()),
        sku,
        &price.amount_minor,
        &price.currency,
        stock,
        status,
        &tags,
    ];
    let product: Product = write(&tenant, id, sql!("products/update"), params).await?;
    Ok(prefer.changed(product))
}

/// Changes or deletes one product, as [`At::write`](crate::http::one::At::write) does, and waits for who else writes it.
async fn write<T: FromRow>(tenant: &Tenant, id: Uuid, statement: Sql, params: Params<'_>) -> Result<T> {
    let mut waits = Waits::of(tenant);
    loop {
        let mut conn = waits.writes().await?;
        match conn.write().last().optional(statement, params).await.map_err(Error::from) {
            Ok(Some(row)) => return Ok(row),
            Ok(None) => return Err(PRODUCT.at(tenant, &[&id]).missed(&mut conn).await?),
            Err(Error::Locked) => waits.ask(conn).await?,
            Err(error) => return Err(error),
        }
    }
}

/// Delete a product.
///
/// Needs `products:delete` and `products:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(delete, path = "/products/{id}", tag = "products",
    params(("id" = Uuid, Path), ("If-Match" = String, Header)), responses((status = NO_CONTENT)))]
async fn delete(tenant: Tenant, Path(id): Path<Uuid>, IfMatch(versions): IfMatch) -> Result<StatusCode> {
    write(&tenant, id, sql!("products/delete"), &[&id, &versions]).await.map(|()| StatusCode::NO_CONTENT)
}
