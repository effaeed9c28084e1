//! Exporting products: streamed from one snapshot, in constant memory, with a trailer that says whether all came.
use std::time::{Duration, Instant};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::mpsc;

use super::file::Exported;
use crate::{
    App, Error, Result,
    auth::Tenant,
    http::{
        export::{FileQuery, Format, Writer},
        extract::Query,
    },
    sql,
};

/// Products read at a time.
const BATCH: i64 = 500;
/// How long a caller may leave a batch untaken. After that the transaction is given up, and the answer ends unfinished.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often whoever exports is asked whether they still may.
const EVERY: Duration = Duration::from_secs(1);
/// How long to wait for a turn.
const TURN: Duration = Duration::from_secs(2);

/// Export products.
///
/// Needs `products:read`. All of them by SKU, as they were at one moment, as CSV or NDJSON; importing the file gives
/// the same products. `Accept` or `format` says which; NDJSON unless said. Whether it is whole, the trailer fields `Row-Count` and `Repr-Digest` (SHA-256, RFC 9530) say to
/// whoever sends `TE: trailers`; an answer that breaks off has no proper end.
#[utoipa::path(get, path = "/products/export", tag = "products", params(FileQuery),
    responses((status = OK, content((String = "application/x-ndjson"), (String = "text/csv")),
        headers(("Content-Disposition" = String), ("Trailer" = String)))))]
pub(super) async fn export(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let format = query.choose(&headers)?;
    let turn = app.workshop.export(TURN).await?;
    let (send, mut frames) = mpsc::channel::<Result<Frame<Bytes>>>(1);
    tokio::spawn(async move {
        let _turn = turn;
        if let Err(error) = write(&tenant, format, &send).await {
            if let Error::Internal(what) = &error {
                tracing::error!(what, "an export failed");
            }
            // Before the first frame this is the answer; after it, the connection breaks off.
            let _ = send.send_timeout(Err(error), PATIENCE).await;
        }
    });
    let first = frames.recv().await.ok_or_else(|| Error::internal("an export ended before it began"))??;
    let frames = stream::unfold(Some((Some(first), frames)), |reading| async move {
        let (first, mut frames) = reading?;
        let next = match first {
            Some(first) => Ok(first),
            // Given up before the trailer: without an error this would look like the end.
            None => frames.recv().await.unwrap_or_else(|| Err(Error::internal("an export was given up"))),
        };
        let more = next.as_ref().is_ok_and(Frame::is_data);
        Some((next, more.then_some((None, frames))))
    });
    let mut headers = format.headers("products");
    headers.insert(header::TRAILER, HeaderValue::from_static("Row-Count, Repr-Digest"));
    headers.insert(header::VARY, HeaderValue::from(HeaderName::from_static("accept")));
    Ok((headers, Body::new(StreamBody::new(frames))).into_response())
}

async fn write(tenant: &Tenant, format: Format, send: &mpsc::Sender<Result<Frame<Bytes>>>) -> Result<()> {
    let mut conn = tenant.connect().await?;
    let mut tx = conn.snapshot();
    let mut writer = Writer::new(format);
    let mut after = String::new();
    let mut asked = Instant::now();
    loop {
        if asked.elapsed() >= EVERY {
            refuse_unless_still_allowed(tenant).await?;
            asked = Instant::now();
        }
        let rows: Vec<Exported> = tx.all(sql!("products/export"), &[&after, &BATCH]).await?;
        let bytes = writer.write(&rows)?;
        // Nobody takes it: the caller is gone, or asleep. Dropping the transaction frees its snapshot.
        if send.send_timeout(Ok(Frame::data(bytes)), PATIENCE).await.is_err() {
            return Ok(());
        }
        match rows.last() {
            Some(last) => last.sku().clone_into(&mut after),
            None => break,
        }
    }
    tx.commit().await?;
    let _: Result<(), _> = send.send_timeout(Ok(Frame::trailers(writer.end().fields())), PATIENCE).await;
    Ok(())
}

/// A slow caller's snapshot may be many minutes old, and so are the rights that it sees.
async fn refuse_unless_still_allowed(tenant: &Tenant) -> Result<()> {
    let asked = async {
        let mut conn = tenant.connect().await?;
        conn.read().last().one::<()>(sql!("products/may_export"), &[]).await
    };
    match asked.await {
        // That nobody can be asked now is no refusal: the next batch is asked for again.
        Err(error) if error.kind().0.is_client_error() => Err(error),
        _ => Ok(()),
    }
}
