//! The job that imports products from a file that was written down with it, in batches: all of it or what can be.
use std::{
    collections::HashMap,
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::Seek as _,
    pin::Pin,
    time::{Duration, Instant},
};

use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    ProductStatus,
    codec::{self, Line, ProductLine},
    each_once,
};
use crate::{
    Error, Result,
    db::{Params, Tx, Write},
    error::Violation,
    from_row,
    http::{Field, export::Format},
    jobs::{Failed, Held, Job, backoff::Backoff},
    polite::politely,
    sql,
    work::operation::{self, Operating},
};

/// How often it looks whether it is still wanted.
const EVERY: Duration = Duration::from_secs(1);
/// How often it tries to write what somebody else holds, and how long it waits in between.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);
/// Lines told of in a report; the others are counted.
const REPORTED: usize = 1_000;

/// What becomes of a file with lines that cannot be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportMode {
    /// Nothing of it is imported.
    #[default]
    All,
    /// The other lines are.
    Partial,
}

/// Imports the file of the operation.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportProducts {
    pub(super) format: Format,
    pub(super) mode: ImportMode,
}

impl Job for ImportProducts {
    const KIND: &'static str = "products.import";
    const PERMISSIONS: &'static [&'static str] = &["operations:run", "products:write"];
    const ASKS: Option<&'static str> = Some("products:write");
    const BACKOFF: Backoff = operation::BACKOFF;
    const TIMEOUT: Duration = operation::TIMEOUT;
    const LONG: bool = true;
    const ON_BEHALF: bool = true;
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

    /// Its counts alone, as they are told while it runs.
    fn counts(&self) -> Self {
        let Self { created, updated, unchanged, rejected, .. } = *self;
        Self { created, updated, unchanged, rejected, ..Self::default() }
    }

    /// Goes on counting what a worker before has written. What is wrong with lines is found anew.
    fn take_up(&mut self, before: &Value) {
        let count = |name: &str| before[name].as_i64().unwrap_or_default();
        (self.created, self.updated, self.unchanged) = (count("created"), count("updated"), count("unchanged"));
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

/// Does it: all of the file or what can be.
pub(crate) async fn import(ImportProducts { format, mode }: ImportProducts, held: Held) -> Result<Value, Failed> {
    let Some(work) = Operating::begin(held).await? else { return Ok(json!({ "operation": "ended" })) };
    let file = match work.file().await {
        Ok(file) => file,
        Err(error) => return work.after(error, work.done, work.result.clone()).await,
    };
    let mut import = Import { work: &work, file, format, report: ImportReport::default(), told: Instant::now() };
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
        Ok(Ended::Well(told)) => Ok(told),
        Ok(Ended::Cancelled) => Err(work.cancel(done, &report).await?),
        Err(error) => work.after(error, done, report).await,
    }
}

enum Ended {
    Well(Value),
    Cancelled,
}

struct Import<'w> {
    work: &'w Operating,
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
            if self.is_time() && !self.work.wanted().await? {
                return Ok(Ended::Cancelled);
            }
        }
        reading.ended().await?;
        if self.report.rejected > 0 {
            return Err(Error::ImportRejected(self.report.rejected));
        }
        let mut tries = 0;
        loop {
            self.report.lines = 0;
            self.report.nothing_written();
            match self.write_all().await {
                Err(Error::Locked) if tries < TRIES => tries += 1,
                ended => return ended,
            }
            tokio::time::sleep(PAUSE).await;
            if !self.work.wanted().await? {
                return Ok(Ended::Cancelled);
            }
        }
    }

    /// One transaction.
    async fn write_all(&mut self) -> Result<Ended> {
        let mut reading = self.read()?;
        let mut conn = self.work.writes().await?;
        let mut tx = conn.write();
        while let Some(batch) = reading.batches.recv().await {
            let lines: Vec<ProductLine> = batch.into_iter().filter_map(|line| line.product.ok()).collect();
            let begun = Instant::now();
            let written = write(&mut tx, &lines).await?;
            self.work.held().give_way(begun.elapsed()).await;
            self.report.lines += i64::try_from(lines.len()).unwrap_or(i64::MAX);
            self.report.count(lines.len(), &written);
            if self.is_time() && !self.work.wanted_in(&mut tx, self.report.lines).await? {
                tx.rollback().await?;
                return Ok(Ended::Cancelled);
            }
        }
        reading.ended().await?;
        self.work.succeed(tx, self.report.lines, &self.report.json()).await.map(Ended::Well)
    }

    /// A transaction a batch: others come in between. What a worker that was lost has committed is passed over, and counted as it counted it.
    async fn what_can_be(&mut self) -> Result<Ended> {
        let mut reading = self.read()?;
        let mut seen = Seen::new();
        let before = self.work.done;
        self.report.take_up(&self.work.result);
        while let Some(batch) = reading.batches.recv().await {
            // A version that cuts batches otherwise may have stopped within this one.
            let from = self.report.lines.max(before);
            let good = seen.sift(batch, &mut self.report);
            if self.report.lines <= before {
                continue;
            }
            let begun = Instant::now();
            let mut tries = 0;
            let wanted = loop {
                match self.write_some(&good, from).await {
                    Err(Error::Locked) if tries < TRIES => tries += 1,
                    ended => break ended?,
                }
            };
            if !wanted {
                return Ok(Ended::Cancelled);
            }
            self.work.held().give_way(begun.elapsed()).await;
        }
        reading.ended().await?;
        let mut conn = self.work.writes().await?;
        self.work.succeed(conn.write(), self.report.lines, &self.report.json()).await.map(Ended::Well)
    }

    /// One batch, of the lines after so many. False when somebody asked for it to stop.
    async fn write_some(&mut self, lines: &[ProductLine], after: i64) -> Result<bool> {
        let mut conn = self.work.writes().await?;
        let mut tx = conn.write();
        let written = write(&mut tx, lines).await?;
        let mut report = self.report.counts();
        report.count(lines.len(), &written);
        let wanted = self.work.progress(tx, Some(after), self.report.lines, &report.json()).await?;
        self.report.count(lines.len(), &written);
        Ok(wanted)
    }

    /// Whether it is time to look if it is still wanted.
    fn is_time(&mut self) -> bool {
        let due = self.told.elapsed() >= EVERY;
        if due {
            self.told = Instant::now();
        }
        due
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
        let written: Written = tx.one(sql!("work/import_products"), params).await?;
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
