//! Importing products from a file: received whole, then written in batches by an operation, all of it or what can be.
use std::{
    collections::HashMap,
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::Seek as _,
    pin::Pin,
    time::{Duration, Instant},
};

use axum::{
    extract::{FromRef as _, Request, State},
    http::HeaderMap,
    response::Response,
};
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    ProductStatus,
    codec::{self, Line, ProductLine},
    each_once,
};
use crate::{
    Error, Result,
    app::App,
    auth::Tenant,
    db::{Params, Tx, Write},
    error::Violation,
    from_row,
    http::{
        Early, Field, Once, Query,
        executor::Executor,
        export::Format,
        extract::content_type,
        file_quota::Way,
        idempotency::Keeper,
        operation::{Operation, Work},
        upload::Upload,
    },
    polite::politely,
    sql,
};

/// How often progress is told.
const EVERY: Duration = Duration::from_secs(1);
/// How often it tries to write what somebody else holds, and how long it waits in between.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);
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
    conn.read().last().one::<()>(sql!("products/may_import"), &[]).await?;
    drop(conn);

    let (parts, body) = request.into_parts();
    let place = app.executor.place(&tenant, Way::In)?;
    let upload = Upload::receive(body, app.settings.import_bytes, place).await?;
    let once = Once::of_upload(Keeper::from_ref(&app), &parts, &upload.sha256)?;
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let (work, operation, done) = Work::begin(&tenant, attempt, "products.import", None).await?;
    let answer = done.answer(operation.accepted()).await?;
    app.executor.run(work, move |work, executor| run(work, executor, upload, format, query.mode));
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
struct ImportReport {
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

impl ImportReport {
    fn reject(&mut self, line: u64, errors: Vec<Violation>) {
        self.rejected += 1;
        if self.errors.len() < REPORTED {
            self.errors.push(Rejected { line, errors });
        } else {
            self.errors_left_out += 1;
        }
    }

    fn count(&mut self, lines: usize, Written { created, updated, .. }: &Written) {
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
    fn new() -> Self {
        Self { hash: RandomState::new(), lines: HashMap::new() }
    }

    /// What of a batch can be written; the rest goes into the report.
    fn sift(&mut self, batch: Vec<Line>, report: &mut ImportReport) -> Vec<ProductLine> {
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

async fn run(work: Work, executor: Executor, upload: Upload, format: Format, mode: ImportMode) -> Result<()> {
    let Upload { file, place: _place, .. } = upload;
    let mut import =
        Import { work: &work, executor, file, format, report: ImportReport::default(), told: Instant::now() };
    let ended = match mode {
        ImportMode::All => import.all().await,
        ImportMode::Partial => import.what_can_be().await,
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

struct Import<'w> {
    work: &'w Work,
    executor: Executor,
    file: File,
    format: Format,
    report: ImportReport,
    told: Instant,
}

/// A file on its way from the thread that reads it. That one ends when its batches are all taken, or when nobody takes them
/// any more.
struct Reading {
    batches: mpsc::Receiver<Vec<Line>>,
    reader: Pin<Box<dyn Future<Output = Result<()>> + Send>>,
}

impl Reading {
    async fn ended(self) -> Result<()> {
        let Self { batches, reader } = self;
        drop(batches);
        reader.await
    }
}

impl Import<'_> {
    /// Reads the file from its beginning.
    fn read(&self) -> Result<Reading> {
        let again = || {
            let mut file = self.file.try_clone()?;
            file.rewind().map(|()| file)
        };
        let file = again().map_err(|error| codec::unread(&error))?;
        let (format, (send, batches)) = (self.format, mpsc::channel(2));
        let read = move || codec::read(file, format, |batch| send.blocking_send(batch).is_ok());
        Ok(Reading { batches, reader: Box::pin(politely("import", read)?) })
    }

    /// All of it or nothing. What is wrong with the file is known before the first line is written, so that rows are held,
    /// and others of the tenant kept from them, for as long as writing takes and no longer.
    async fn all(&mut self) -> Result<Ended> {
        let mut reading = self.read()?;
        let mut seen = Seen::new();
        while let Some(batch) = reading.batches.recv().await {
            seen.sift(batch, &mut self.report);
            if !self.still_wanted(0).await {
                return Ok(Ended::Cancelled);
            }
        }
        reading.ended().await?;
        if self.report.rejected > 0 {
            return Err(Error::ImportRejected(self.report.rejected));
        }
        let bytes = self.file.metadata().map_err(|error| codec::unread(&error))?.len();
        let mut tries = 0;
        loop {
            let Some(turn) = self.executor.write(self.work, bytes).await? else {
                return Ok(Ended::Cancelled);
            };
            self.report.lines = 0;
            self.report.nothing_written();
            match self.write_all().await {
                Err(Error::Locked) if tries < TRIES => tries += 1,
                ended => return ended,
            }
            drop(turn);
            tokio::time::sleep(PAUSE).await;
            if !self.still_wanted(0).await {
                return Ok(Ended::Cancelled);
            }
        }
    }

    /// One transaction.
    async fn write_all(&mut self) -> Result<Ended> {
        let mut reading = self.read()?;
        let mut conn = self.work.tenant().writes().await?;
        let mut tx = conn.write();
        while let Some(batch) = reading.batches.recv().await {
            let lines: Vec<ProductLine> = batch.into_iter().filter_map(|line| line.product.ok()).collect();
            let begun = Instant::now();
            let written = write(&mut tx, &lines).await?;
            self.work.tenant().give_way(begun.elapsed()).await;
            self.report.lines += i64::try_from(lines.len()).unwrap_or(i64::MAX);
            self.report.count(lines.len(), &written);
            if !self.still_wanted(self.report.lines).await {
                tx.rollback().await?;
                return Ok(Ended::Cancelled);
            }
        }
        reading.ended().await?;
        self.work.succeed(tx, self.report.lines, &self.report.json()).await?;
        Ok(Ended::Well)
    }

    /// A transaction a batch, and a turn: others come in between.
    async fn what_can_be(&mut self) -> Result<Ended> {
        let mut reading = self.read()?;
        let mut seen = Seen::new();
        while let Some(batch) = reading.batches.recv().await {
            let good = seen.sift(batch, &mut self.report);
            let mut tries = 0;
            let (wanted, worked) = loop {
                let bytes = good.iter().map(ProductLine::bytes).sum();
                let Some(_turn) = self.executor.write(self.work, bytes).await? else {
                    return Ok(Ended::Cancelled);
                };
                let begun = Instant::now();
                match self.write_some(&good).await {
                    Err(Error::Locked) if tries < TRIES => tries += 1,
                    ended => break (ended?, begun.elapsed()),
                }
            };
            self.work.tenant().give_way(worked).await;
            if !wanted {
                return Ok(Ended::Cancelled);
            }
        }
        reading.ended().await?;
        let mut conn = self.work.tenant().writes().await?;
        self.work.succeed(conn.write(), self.report.lines, &self.report.json()).await?;
        Ok(Ended::Well)
    }

    /// One batch. False when somebody asked for it to stop.
    async fn write_some(&mut self, lines: &[ProductLine]) -> Result<bool> {
        let mut conn = self.work.tenant().writes().await?;
        let mut tx = conn.write();
        let written = write(&mut tx, lines).await?;
        let wanted = self.work.progress_in(tx, self.report.lines).await?;
        self.report.count(lines.len(), &written);
        Ok(wanted)
    }

    /// Tells now and then how far it is, beside the transaction, whose own writes nobody sees yet. That it cannot be told
    /// now is no reason to stop.
    async fn still_wanted(&mut self, done: i64) -> bool {
        if self.told.elapsed() < EVERY {
            return true;
        }
        self.told = Instant::now();
        !matches!(self.work.progress(done).await, Ok(false))
    }
}

/// How many of a batch were made and changed.
struct Written {
    created: i64,
    updated: i64,
    /// Made by somebody else between being looked for and being written.
    missed: i64,
}
from_row! { Written: created, updated, missed }

async fn write(tx: &mut Tx<'_, Write>, lines: &[ProductLine]) -> Result<Written> {
    let ids: Vec<Uuid> = lines.iter().map(|_| new_id()).collect();
    let names: Vec<&str> = lines.iter().map(|line| &*line.name).collect();
    let descriptions: Vec<Option<&str>> = lines.iter().map(|line| text(&line.description)).collect();
    let skus: Vec<&str> = lines.iter().map(|line| &*line.sku).collect();
    let prices: Vec<i64> = lines.iter().map(|line| line.price.amount_minor).collect();
    let currencies: Vec<Option<&str>> = lines.iter().map(|line| text(&line.price.currency)).collect();
    let stocks: Vec<Option<i32>> = lines.iter().map(|line| or(&line.stock, 0)).collect();
    let statuses: Vec<Option<ProductStatus>> =
        lines.iter().map(|line| or(&line.status, ProductStatus::Active)).collect();
    let tags: Vec<Option<String>> = lines
        .iter()
        .map(|line| match &line.tags {
            Field::Keep => None,
            Field::Clear => Some(String::new()),
            Field::Set(tags) => Some(each_once(tags).join("\u{1f}")),
        })
        .collect();
    let params: Params<'_> = &[&ids, &names, &descriptions, &skus, &prices, &currencies, &stocks, &statuses, &tags];
    let mut all = Written { created: 0, updated: 0, missed: 0 };
    loop {
        let written: Written = tx.one(sql!("products/import"), params).await?;
        all.created += written.created;
        all.updated += written.updated;
        if written.missed == 0 {
            return Ok(all);
        }
    }
}

/// As the statement takes a text: nothing for what stays, an empty one for what is cleared.
fn text(field: &Field<String>) -> Option<&str> {
    match field {
        Field::Keep => None,
        Field::Clear => Some(""),
        Field::Set(text) => Some(text),
    }
}

/// As it takes what always has a value: cleared, it has its default again.
fn or<T: Copy>(field: &Field<T>, default: T) -> Option<T> {
    match field {
        Field::Keep => None,
        Field::Clear => Some(default),
        Field::Set(value) => Some(*value),
    }
}
