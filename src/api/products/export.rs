//! Exporting products: all of them by SKU.
use axum::{extract::State, http::HeaderMap, response::Response};

use super::codec::Exported;
use crate::{
    Result,
    app::App,
    auth::Tenant,
    db::{Snapshot, Sql, Tx},
    http::{
        Query,
        export::FileQuery,
        exporting::{self, Source},
    },
    sql,
};

/// Products read at a time.
const BATCH: i64 = 500;

/// Export products.
///
/// Needs `products:read`. All of them by SKU, as they were at one moment, as CSV or NDJSON; importing the file gives
/// the same products. `Accept` or `format` says which; NDJSON unless said. Whether it is whole, the trailer fields
/// `Row-Count` and `Repr-Digest` (SHA-256, RFC 9530) say to whoever sends `TE: trailers`; an answer that breaks off has no
/// proper end. Take it at 16 KiB a second at least, and within an hour.
#[utoipa::path(get, path = "/products/export", tag = "products", params(FileQuery),
    extensions(("x-route" = json!({ "needs_plan": "exports" }))),
    responses((status = OK, content((String = "application/x-ndjson"), (String = "text/csv")),
        headers(("Content-Disposition" = String), ("Trailer" = String)))))]
pub(super) async fn export(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let format = query.choose(&headers)?;
    exporting::export::<Products>(app.transfers.clone(), tenant, format).await
}

struct Products;

impl Source for Products {
    type Row = Exported;
    const NAME: &'static str = "products";
    const MAY: Sql = sql!("products/may_export");

    async fn batch(tx: &mut Tx<'_, Snapshot>, last: Option<&Exported>) -> Result<Vec<Exported>> {
        let after = last.map_or("", Exported::sku);
        Ok(tx.all(sql!("products/export"), &[&after, &BATCH]).await?)
    }
}
