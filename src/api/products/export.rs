//! Exporting products: from one snapshot, in constant memory, with a trailer that says whether all came. The snapshot is
//! read as fast as the database gives it, whoever takes the file however slowly.
use std::time::{Duration, Instant};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{Stream, StreamExt as _, stream};
use http_body::Frame;
use http_body_util::StreamBody;

use super::codec::Exported;
use crate::{
    Error, Result,
    app::App,
    auth::Tenant,
    http::{
        Query,
        export::{FileQuery, Format, Writer},
        file_quota::{Place, Way},
        spool::Spool,
        transfers::Transfers,
        upload::LONGEST,
    },
    sql,
};

/// Products read at a time.
const BATCH: i64 = 500;
/// How long a caller may take nothing. After that the answer ends unfinished.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often whoever exports is asked whether they still may.
const EVERY: Duration = Duration::from_secs(1);
/// How long to wait for a turn.
const TURN: Duration = Duration::from_secs(5);

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
    let place = app.transfers.place(&tenant, Way::Out)?;
    let (spool, frames) = Spool::new().await?;
    tokio::spawn(make(app.transfers.clone(), tenant, format, spool, place));
    let frames = begun(frames).await?;
    let mut headers = format.headers("products");
    headers.insert(header::TRAILER, HeaderValue::from_static("Row-Count, Repr-Digest"));
    headers.insert(header::VARY, HeaderValue::from(HeaderName::from_static("accept")));
    Ok((headers, Body::new(StreamBody::new(frames))).into_response())
}

type Taken = Result<Frame<Bytes>>;

/// Waits for the first frame: an error before it is the answer; after it, the connection breaks off.
async fn begun(frames: impl Stream<Item = Taken>) -> Result<impl Stream<Item = Taken>> {
    let mut frames = Box::pin(frames);
    let first = frames.next().await.ok_or_else(|| Error::internal("an export ended before it began"))??;
    Ok(stream::iter([Ok(first)]).chain(frames))
}

/// Writes the file, and stays until the caller has taken it, is too slow, or may not have it any more.
async fn make(transfers: Transfers, tenant: Tenant, format: Format, spool: Spool, mut place: Place) {
    let write = async {
        let turn = tokio::time::timeout(TURN, transfers.export(&tenant)).await.map_err(|_| Error::Busy)?;
        write(&tenant.at_work(), format, &spool, &mut place).await?;
        drop(turn);
        // The rest is the caller's.
        std::future::pending::<Result<()>>().await
    };
    let taken = async {
        let taken = tokio::time::timeout(LONGEST, spool.taken(PATIENCE)).await;
        if taken == Ok(true) { Ok(()) } else { Err(Error::internal("an export was given up")) }
    };
    let ended =
        tokio::select! { ended = write => ended, ended = taken => ended, error = not_allowed(&tenant) => Err(error) };
    if let Err(error) = ended {
        tracing::info!(%error, "an export ended unfinished");
        spool.fail(error);
    }
}

async fn write(tenant: &Tenant, format: Format, spool: &Spool, place: &mut Place) -> Result<()> {
    let mut conn = tenant.reads().await?;
    let mut tx = conn.snapshot();
    let mut writer = Writer::new(format);
    let mut after = String::new();
    loop {
        let begun = Instant::now();
        let rows: Vec<Exported> = tx.all(sql!("products/export"), &[&after, &BATCH]).await?;
        if !spool.write(writer.write(&rows)?, place).await? {
            return Ok(());
        }
        match rows.last() {
            Some(last) => last.sku().clone_into(&mut after),
            None => break,
        }
        tenant.give_way(begun.elapsed()).await;
    }
    tx.commit().await?;
    spool.end(writer.end().fields());
    Ok(())
}

/// Ends when the caller may export no longer: what they take may be many minutes old, and so are the rights it was read with.
async fn not_allowed(tenant: &Tenant) -> Error {
    loop {
        tokio::time::sleep(EVERY).await;
        let asked = async {
            let mut conn = tenant.reads().await?;
            Ok::<(), Error>(conn.read().last().one(sql!("products/may_export"), &[]).await?)
        };
        match asked.await {
            // That nobody can be asked now is no refusal.
            Err(error) if error.kind().0.is_client_error() => return error,
            _ => {}
        }
    }
}
