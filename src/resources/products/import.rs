//! Importing products from a file: received whole, then written in batches by an operation, all of it or what can be.
use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    NewProduct, ProductStatus, described, each_once,
    file::{self, Line},
};
use crate::{
    App, Error, Result,
    auth::Tenant,
    db::{FromRow, Params, Tx, Write},
    error::Violation,
    http::{
        export::Format,
        extract::{Query, content_type},
        idempotency::{Begun, Once},
        operation::{Operation, Work},
        upload::Upload,
    },
    sql,
};

/// How often progress is told.
const EVERY: Duration = Duration::from_secs(1);
/// Lines told of in a report; the others are counted.
const REPORTED: usize = 1_000;

/// What becomes of a file with lines that cannot be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportMode {
    /// Nothing of it is imported.
    #[default]
    All,
    /// The other lines are.
    Partial,
}

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
/// separates) or of NDJSON (a product a line, as `POST /products` takes it). Products are known by their SKU: importing
/// a file twice changes nothing the second time. The answer is an operation, whose `result` counts what was created,
/// updated and left as it was, and says what is wrong with which line.
#[utoipa::path(post, path = "/products/import", tag = "products", params(ImportQuery),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"))),
    responses((status = ACCEPTED, body = Operation,
        headers(("ETag" = String), ("Location" = String), ("Retry-After" = String)))))]
pub(super) async fn import(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Response> {
    let format = query.format.map_or_else(|| format(request.headers()), Ok)?;
    let mut conn = tenant.connect().await?;
    conn.read().last().one::<()>(sql!("products/may_import"), &[]).await?;
    drop(conn);

    let (parts, body) = request.into_parts();
    let place = app.workshop.place(tenant.id().as_uuid())?;
    let upload = Upload::receive(body, app.settings.import_bytes, place).await?;
    let once = Once::of_upload(&app, &parts, &upload.sha256)?;
    let mut conn = tenant.connect().await?;
    let attempt = match once.begin(&mut conn).await? {
        Begun::First(attempt) => attempt,
        Begun::Again(answer) => return Ok(answer),
    };
    let (work, operation, done) = Work::begin(&tenant, attempt, "products.import", None).await?;
    let answer = done.answer(operation.accepted()).await?;
    app.workshop.run(work, move |work| run(work, upload, format, query.mode));
    Ok(answer)
}

/// What kind of file the body is.
fn format(headers: &HeaderMap) -> Result<Format> {
    match content_type(headers).as_deref().unwrap_or_default() {
        "text/csv" => Ok(Format::Csv),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Format::Ndjson),
        _ => Err(Error::UnsupportedMediaType("text/csv, application/x-ndjson")),
    }
}

/// What an import came to.
#[derive(Debug, Default, Serialize)]
struct Report {
    created: i64,
    updated: i64,
    /// Were there as the file has them.
    unchanged: i64,
    /// Lines that cannot be taken.
    rejected: u64,
    errors: Vec<Rejected>,
    /// Rejected lines beyond those in `errors`.
    errors_left_out: u64,
    #[serde(skip)]
    lines: i64,
}

#[derive(Debug, Serialize)]
struct Rejected {
    line: u64,
    errors: Vec<Violation>,
}

impl Report {
    fn reject(&mut self, line: u64, errors: Vec<Violation>) {
        self.rejected += 1;
        if self.errors.len() < REPORTED {
            self.errors.push(Rejected { line, errors });
        } else {
            self.errors_left_out += 1;
        }
    }

    fn count(&mut self, lines: usize, Written { created, updated }: &Written) {
        self.created += created;
        self.updated += updated;
        self.unchanged += i64::try_from(lines).unwrap_or(i64::MAX) - created - updated;
    }

    /// What was written was undone.
    fn nothing_written(&mut self) {
        (self.created, self.updated, self.unchanged) = (0, 0, 0);
    }

    fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|_| json!({}))
    }
}

/// Where each SKU was first seen, by a hash of it: a few bytes a line.
struct Seen {
    hash: RandomState,
    lines: HashMap<u64, u64>,
}

impl Seen {
    /// What of a batch can be written; the rest goes into the report.
    fn sift(&mut self, batch: Vec<Line>, report: &mut Report) -> Vec<NewProduct> {
        let mut good = Vec::with_capacity(batch.len());
        for Line { number, product } in batch {
            report.lines += 1;
            match product {
                Err(errors) => report.reject(number, errors),
                Ok(product) => {
                    let first = *self.lines.entry(self.hash.hash_one(&product.sku)).or_insert(number);
                    if first == number {
                        good.push(product);
                    } else {
                        let detail = format!("stands in line {first} already");
                        report.reject(number, vec![Violation::at("/sku", "duplicate", detail)]);
                    }
                }
            }
        }
        good
    }
}

async fn run(work: Work, upload: Upload, format: Format, mode: ImportMode) -> Result<()> {
    let (send, batches) = mpsc::channel(2);
    let Upload { file, place: _place, .. } = upload;
    let reader =
        tokio::task::spawn_blocking(move || file::read(file, format, |batch| send.blocking_send(batch).is_ok()));
    let mut import = Import {
        work: &work,
        batches,
        seen: Seen { hash: RandomState::new(), lines: HashMap::new() },
        report: Report::default(),
        told: Instant::now(),
    };
    // The reader ends when its batches are all taken, or when nobody takes them any more.
    let ended = match mode {
        ImportMode::All => import.all(reader).await,
        ImportMode::Partial => import.what_can_be(reader).await,
    };
    if mode == ImportMode::All {
        // Where it went well the report is written already.
        import.report.nothing_written();
    }
    let (done, report) = (import.report.lines, import.report.json());
    match ended {
        Ok(Ended::Well) => Ok(()),
        Ok(Ended::Cancelled) => work.cancel(done, &report).await,
        Err(error) => {
            if let Error::Internal(what) = &error {
                tracing::error!(what, "an import failed");
            }
            work.fail(done, &error, report).await
        }
    }
}

enum Ended {
    Well,
    Cancelled,
}

type Reader = tokio::task::JoinHandle<Result<()>>;

struct Import<'w> {
    work: &'w Work,
    batches: mpsc::Receiver<Vec<Line>>,
    seen: Seen,
    report: Report,
    told: Instant,
}

impl Import<'_> {
    /// One transaction. Once a line cannot be taken nothing more is written, and the rest is read for the report.
    async fn all(&mut self, reader: Reader) -> Result<Ended> {
        let mut conn = self.work.tenant().connect().await?;
        let mut tx = conn.write();
        while let Some(batch) = self.batches.recv().await {
            let good = self.seen.sift(batch, &mut self.report);
            if self.report.rejected == 0 {
                let written = write(&mut tx, &good).await?;
                self.report.count(good.len(), &written);
            }
            // Told beside the transaction, whose own writes nobody sees yet. That it cannot be told now is no reason to stop.
            if self.told.elapsed() >= EVERY {
                self.told = Instant::now();
                if let Ok(false) = self.work.progress(self.report.lines).await {
                    tx.rollback().await?;
                    return Ok(Ended::Cancelled);
                }
            }
        }
        let read = ended(reader).await;
        if read.is_err() || self.report.rejected > 0 {
            tx.rollback().await?;
            read?;
            return Err(Error::ImportRejected(self.report.rejected));
        }
        self.work.succeed(tx, self.report.lines, &self.report.json()).await?;
        Ok(Ended::Well)
    }

    /// A transaction a batch.
    async fn what_can_be(&mut self, reader: Reader) -> Result<Ended> {
        let mut conn = self.work.tenant().connect().await?;
        while let Some(batch) = self.batches.recv().await {
            let good = self.seen.sift(batch, &mut self.report);
            let mut tx = conn.write();
            let written = write(&mut tx, &good).await?;
            let wanted = self.work.progress_in(&mut tx, self.report.lines).await?;
            tx.commit().await?;
            self.report.count(good.len(), &written);
            if !wanted {
                return Ok(Ended::Cancelled);
            }
        }
        ended(reader).await?;
        self.work.succeed(conn.write(), self.report.lines, &self.report.json()).await?;
        Ok(Ended::Well)
    }
}

async fn ended(reader: Reader) -> Result<()> {
    reader.await.map_err(|error| Error::internal(format!("reading an upload ended early: {error}")))?
}

/// How many of a batch were made and changed.
struct Written {
    created: i64,
    updated: i64,
}

impl FromRow for Written {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { created: row.try_get("created")?, updated: row.try_get("updated")? })
    }
}

async fn write(tx: &mut Tx<'_, Write>, products: &[NewProduct]) -> Result<Written> {
    let ids: Vec<Uuid> = products.iter().map(|_| Uuid::now_v7()).collect();
    let names: Vec<&str> = products.iter().map(|product| &*product.name).collect();
    let descriptions: Vec<Option<&str>> =
        products.iter().map(|product| described(product.description.as_ref())).collect();
    let skus: Vec<&str> = products.iter().map(|product| &*product.sku).collect();
    let prices: Vec<i64> = products.iter().map(|product| product.price.amount_minor).collect();
    let currencies: Vec<Option<&str>> = products.iter().map(|product| product.price.currency.as_deref()).collect();
    let stocks: Vec<i32> = products.iter().map(|product| product.stock.unwrap_or_default()).collect();
    let statuses: Vec<ProductStatus> =
        products.iter().map(|product| product.status.unwrap_or(ProductStatus::Active)).collect();
    let tags: Vec<String> = products.iter().map(|product| each_once(&product.tags).join("\u{1f}")).collect();
    let params: Params<'_> = &[&ids, &names, &descriptions, &skus, &prices, &currencies, &stocks, &statuses, &tags];
    tx.one(sql!("products/import"), params).await
}
