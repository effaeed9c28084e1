//! Exporting a table: from one snapshot, in constant memory, with a trailer that says whether all came. The snapshot is
//! read as fast as the database gives it, whoever takes the file however slowly.
use std::time::{Duration, Instant};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{Stream, StreamExt as _, stream};
use http_body::Frame;
use http_body_util::StreamBody;

use super::{
    export::{Format, Row, Writer},
    file_quota::{Place, Way},
    spool::Spool,
    transfers::Transfers,
    upload::LONGEST,
};
use crate::{
    Error, Result,
    auth::Tenant,
    db::{FromRow, Snapshot, Sql, Tx},
};

/// How long a caller may take nothing. After that the answer ends unfinished.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often whoever exports is asked whether they still may.
const EVERY: Duration = Duration::from_secs(1);
/// How long to wait for a turn.
const TURN: Duration = Duration::from_secs(5);

/// What is exported.
pub trait Source: Send + 'static {
    /// A row of it.
    type Row: Row + FromRow + Send + Sync;
    /// What the file is called, without its ending.
    const NAME: &'static str;
    /// The statement that fails once the caller may export no longer.
    const MAY: Sql;

    /// The next rows after the last one that was written; none after the last of all.
    fn batch(
        tx: &mut Tx<'_, Snapshot>,
        last: Option<&Self::Row>,
    ) -> impl Future<Output = Result<Vec<Self::Row>>> + Send;
}

/// Answers with the file.
pub async fn export<S: Source>(transfers: Transfers, tenant: Tenant, format: Format) -> Result<Response> {
    let place = transfers.place(&tenant, Way::Out)?;
    let (spool, frames) = Spool::new().await?;
    tokio::spawn(make::<S>(transfers, tenant, format, spool, place));
    let frames = begun(frames).await?;
    let mut headers = format.headers(S::NAME);
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
async fn make<S: Source>(transfers: Transfers, tenant: Tenant, format: Format, spool: Spool, mut place: Place) {
    let write = async {
        let turn = tokio::time::timeout(TURN, transfers.export(&tenant)).await.map_err(|_| Error::Busy)?;
        write::<S>(&tenant.at_work(), format, &spool, &mut place).await?;
        drop(turn);
        // The rest is the caller's.
        std::future::pending::<Result<()>>().await
    };
    let taken = async {
        let taken = tokio::time::timeout(LONGEST, spool.taken(PATIENCE)).await;
        if taken == Ok(true) { Ok(()) } else { Err(Error::internal("an export was given up")) }
    };
    let ended = tokio::select! { ended = write => ended, ended = taken => ended, error = not_allowed(&tenant, S::MAY) => Err(error) };
    if let Err(error) = ended {
        tracing::info!(%error, "an export ended unfinished");
        spool.fail(error);
    }
}

async fn write<S: Source>(tenant: &Tenant, format: Format, spool: &Spool, place: &mut Place) -> Result<()> {
    let mut conn = tenant.reads().await?;
    let mut tx = conn.snapshot();
    let mut writer = Writer::new(format);
    let mut last = None;
    loop {
        let begun = Instant::now();
        let mut rows = S::batch(&mut tx, last.as_ref()).await?;
        if !spool.write(writer.write(&rows)?, place).await? {
            return Ok(());
        }
        last = rows.pop();
        if last.is_none() {
            break;
        }
        tenant.give_way(begun.elapsed()).await;
    }
    tx.commit().await?;
    spool.end(writer.end().fields());
    Ok(())
}

/// Ends when the caller may export no longer: what they take may be many minutes old, and so are the rights it was read with.
async fn not_allowed(tenant: &Tenant, may: Sql) -> Error {
    loop {
        tokio::time::sleep(EVERY).await;
        let asked = async {
            let mut conn = tenant.reads().await?;
            Ok::<(), Error>(conn.read().last().one(may, &[]).await?)
        };
        match asked.await {
            // That nobody can be asked now is no refusal.
            Err(error) if error.kind().0.is_client_error() => return error,
            _ => {}
        }
    }
}
