//! Importing products from a file: received whole and written down with an operation ([`super::importing`] does it).
use axum::{
    extract::{FromRef as _, Request, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::importing::{ImportMode, ImportProducts};
use crate::{
    Error, Result,
    app::App,
    auth::Tenant,
    from_row,
    http::{
        Early, Once, Query,
        export::Format,
        extract::content_type,
        file_quota::Way,
        idempotency::{IDEMPOTENCY_KEY, Keeper},
        operation::{Begin, Operation},
        upload::Upload,
    },
    sql,
};

/// Whether there is a place for one more.
struct Room(bool);
from_row! { Room: "room" }

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportQuery {
    /// All or nothing unless said.
    #[serde(default)]
    #[param(required = false)]
    mode: ImportMode,
    /// Which kind of file the body is, for callers who cannot choose its `Content-Type`, which then does not count.
    format: Option<Format>,
}

/// Import products.
///
/// Needs `products:write`, `products:read`, `operations:write` and `operations:read`. A file of CSV (first line: `sku`,
/// `name`, `price_minor` and as many as you like of `description`, `currency`, `stock`, `status`, `tags`, which a bar
/// separates) or of NDJSON (a product a line, with the members that `POST /products` takes). Products are known by their
/// SKU: importing a file twice changes nothing the second time. What has no column or member stays as it is, and has its
/// default where the product is new; an empty cell or `null` clears it, or sets it to its default. The answer is an
/// operation, whose `result` counts what was created, updated and left as it was, and says what is wrong with which line.
/// A tenant's operations run one after the other; while one writes, changes to the same products are answered `409`.
#[utoipa::path(post, path = "/products/import", tag = "products",
    extensions(("x-route" = json!({ "upload": true }))), params(ImportQuery),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"))),
    responses((status = ACCEPTED, body = Operation,
        headers(("ETag" = String), ("Location" = String), ("Retry-After" = String)))))]
pub(super) async fn import(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Response, Early> {
    // Whoever says nothing of a body has none.
    let named = query.format.filter(|_| content_type(request.headers()).is_some());
    let format = named.map_or_else(|| format(request.headers()), Ok)?;
    let mut conn = tenant.writes().await?;
    let may = [(sql!("products/may_import"), [].as_slice())];
    let (_, room) = conn.read().last().after(may, sql!("operations/has_room"), &[]).await?;
    drop(conn);
    // Whoever sends it again is answered as before: it may be theirs that takes the place.
    let Room(room) = room.one()?;
    if !room && !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return Err(Error::FilesUnderWay.into());
    }

    let (parts, body) = request.into_parts();
    let place = app.transfers.place(&tenant, Way::In)?;
    let Upload { file, sha256, place: _place } = Upload::receive(body, app.settings.import_bytes, place).await?;
    let once = Once::of_upload(Keeper::from_ref(&app), &parts, &sha256)?;
    let begin = Begin::new(&tenant, &ImportProducts { format, mode: query.mode })?;
    let mut conn = tenant.writes().await?;
    let (operation, done) = begin.with_file(once.begin(&mut conn), file, &sha256).await?;
    done.answer(operation.accepted()).await
}

/// What kind of file the body is.
fn format(headers: &HeaderMap) -> Result<Format> {
    match content_type(headers).as_deref().unwrap_or_default() {
        "text/csv" => Ok(Format::Csv),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Format::Ndjson),
        _ => Err(Error::UnsupportedMediaType("text/csv, application/x-ndjson")),
    }
}
