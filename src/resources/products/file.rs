//! Products in files: the columns of the CSV, the members of an NDJSON line, and reading either, a batch at a time,
//! whatever is in it.
use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
};

use serde::Serialize;
use tokio_postgres::Row;

use super::{
    Given, Money, NewPrice, NewProduct, ProductStatus,
    lines::{self, Lines},
};
use crate::{
    Error, Result,
    db::FromRow,
    error::Violation,
    http::{
        export::{self, Cells, Format, unguarded},
        extract::from_json,
        validate::{PILE, Violations, piles_marks},
    },
};

/// Lines of a batch, at most.
const BATCH: usize = 500;
/// Lines of a file, at most: an import remembers each.
const LINES: usize = 1_000_000;
/// Bytes of a batch's lines, the last of which may go beyond. Long descriptions take long to index, and a batch is a
/// statement, which has five seconds.
const BATCH_BYTES: usize = 256 << 10;
/// Bytes of one line, at most: as many as a body may have, and room for quoting.
const LINE: usize = 4 << 20;
/// Characters of what is told about one fault.
const TOLD: usize = 300;
/// Faults of the first line, at most.
const FAULTS: usize = 20;
const COLUMNS: [&str; 8] = ["sku", "name", "description", "price_minor", "currency", "stock", "status", "tags"];

/// A product as it stands in a file: what makes it one, without what belongs to where it is kept.
#[derive(Debug, Serialize)]
pub(super) struct Exported {
    sku: String,
    name: String,
    description: Option<String>,
    price: Money,
    stock: i32,
    status: ProductStatus,
    tags: Vec<String>,
}

impl Exported {
    pub(super) fn sku(&self) -> &str {
        &self.sku
    }
}

impl FromRow for Exported {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            sku: row.try_get("sku")?,
            name: row.try_get("name")?,
            description: row.try_get("description")?,
            price: Money { amount_minor: row.try_get("price_minor")?, currency: row.try_get("currency")? },
            stock: row.try_get("stock")?,
            status: row.try_get("status")?,
            tags: row.try_get("tags")?,
        })
    }
}

impl export::Row for Exported {
    const COLUMNS: &'static [&'static str] = &COLUMNS;

    fn cells(&self, cells: &mut Cells) {
        cells.text(&*self.sku);
        cells.text(&*self.name);
        cells.text(self.description.as_deref());
        cells.number(self.price.amount_minor);
        cells.text(&*self.price.currency);
        cells.number(i64::from(self.stock));
        cells.text(self.status.as_str());
        cells.text(&*join(&self.tags));
    }
}

/// Tags in one cell: a bar between two, a backslash before a bar or a backslash in one.
fn join(tags: &[String]) -> String {
    let escaped: Vec<String> = tags.iter().map(|tag| tag.replace('\\', "\\\\").replace('|', "\\|")).collect();
    escaped.join("|")
}

/// The inverse of [`join`].
fn split(cell: &str) -> Vec<String> {
    let mut tags = vec![String::new()];
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        match (c, tags.last_mut()) {
            ('|', _) => tags.push(String::new()),
            ('\\', Some(tag)) => tag.extend(chars.next()),
            (c, Some(tag)) => tag.push(c),
            (_, None) => {}
        }
    }
    tags.into_iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

/// One line of a file, and what it holds or what is wrong with it.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it begins, from 1.
    pub(super) number: u64,
    pub(super) product: Result<NewProduct, Vec<Violation>>,
}

/// Reads a file, a batch of lines at a time. `each` answers whether to go on.
///
/// # Errors
/// When the file as a whole cannot be read: columns that are not ours, a line without an end.
pub(super) fn read(file: File, format: Format, each: impl FnMut(Vec<Line>) -> bool) -> Result<()> {
    match format {
        Format::Csv => read_csv(file, each),
        Format::Ndjson => read_ndjson(file, each),
    }
}

fn read_ndjson(file: File, each: impl FnMut(Vec<Line>) -> bool) -> Result<()> {
    let mut reader = BufReader::with_capacity(1 << 17, file);
    let mut batch = Batch::new(each);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        line.clear();
        let read =
            reader.by_ref().take(LINE as u64 + 1).read_until(b'\n', &mut line).map_err(|error| unread(&error))?;
        if read == 0 {
            break;
        }
        if line.len() > LINE {
            return Err(too_long(number));
        }
        let bare = line.trim_ascii();
        let bare = if number == 1 { bare.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bare) } else { bare };
        if bare.is_empty() {
            continue;
        }
        if !batch.push(Line { number, product: from_json(bare).map_err(violations).and_then(checked) }, bare.len())? {
            return Ok(());
        }
    }
    batch.hand_on();
    Ok(())
}

/// The product, or what is wrong with what it says.
fn checked(product: NewProduct) -> Result<NewProduct, Vec<Violation>> {
    match faults(&Given::of(&product)) {
        wrong if wrong.is_empty() => Ok(product),
        wrong => Err(wrong),
    }
}

fn faults(given: &Given<'_>) -> Vec<Violation> {
    let mut violations = Violations::default();
    given.check(&mut violations);
    match violations.finish() {
        Err(Error::Invalid(violations)) => violations,
        _ => Vec::new(),
    }
}

/// What is wrong with a line, as it would be with a body.
fn violations(error: Error) -> Vec<Violation> {
    let violations = match error {
        Error::Invalid(violations) => violations,
        other => vec![Violation::at("", other.kind().1, other.detail())],
    };
    // They name what the line holds, which may be a member of a megabyte, or NUL, which PostgreSQL's JSON cannot hold.
    let told = |text: String| text.chars().take(TOLD).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect();
    let violations = violations.into_iter().map(|violation| Violation {
        pointer: violation.pointer.map(told),
        detail: told(violation.detail),
        ..violation
    });
    violations.collect()
}

fn read_csv(file: File, each: impl FnMut(Vec<Line>) -> bool) -> Result<()> {
    let lines = Lines::new(file, LINE);
    let mut reader = csv::ReaderBuilder::new().flexible(true).buffer_capacity(1 << 17).from_reader(lines);
    let header = reader.byte_headers().map_err(|error| broken(&error, 1))?.clone();
    let columns = if lines::is_end(&header) { columns(&csv::ByteRecord::new()) } else { columns(&header) }?;
    let mut batch = Batch::new(each);
    let mut record = csv::ByteRecord::new();
    loop {
        let at = reader.position().byte();
        let number = reader.get_mut().next_record(at);
        let more = reader.read_byte_record(&mut record);
        let number = number.unwrap_or_else(|| reader.get_mut().next_record(at).unwrap_or_default());
        if !more.map_err(|error| broken(&error, number))? || lines::is_end(&record) {
            break;
        }
        let product = if lines::holds_end(&record) {
            Err(vec![Violation::at("", "not_csv", "has a quote that is not closed")])
        } else {
            product(&columns, &record)
        };
        if !batch.push(Line { number, product }, record.as_slice().len())? {
            return Ok(());
        }
    }
    batch.hand_on();
    Ok(())
}

/// Lines on their way, handed on when they are many or large: a statement that writes them has its time, and those that
/// wait have to be held.
struct Batch<F> {
    lines: Vec<Line>,
    bytes: usize,
    /// Lines that the file may still have.
    left: usize,
    each: F,
}

impl<F: FnMut(Vec<Line>) -> bool> Batch<F> {
    fn new(each: F) -> Self {
        Self { lines: Vec::new(), bytes: 0, left: LINES, each }
    }

    /// False when nobody takes them any more.
    fn push(&mut self, line: Line, bytes: usize) -> Result<bool> {
        let Some(left) = self.left.checked_sub(1) else {
            let detail = format!("has more than {LINES} lines with a product; send it in parts");
            return Err(Error::Invalid(vec![Violation::at("", "too_many_lines", detail)]));
        };
        self.left = left;
        self.lines.push(line);
        self.bytes += bytes;
        Ok((self.lines.len() < BATCH && self.bytes < BATCH_BYTES) || self.hand_on())
    }

    fn hand_on(&mut self) -> bool {
        self.bytes = 0;
        self.lines.is_empty() || (self.each)(std::mem::take(&mut self.lines))
    }
}

/// The columns of a file, by the names in its first line, in any order.
fn columns(header: &csv::ByteRecord) -> Result<Vec<&'static str>> {
    let mut wrong = Vec::new();
    let mut columns = Vec::new();
    for cell in header {
        if wrong.len() == FAULTS {
            break;
        }
        let name = String::from_utf8_lossy(cell);
        let name = name.trim_start_matches('\u{feff}').trim();
        match COLUMNS.iter().find(|column| **column == name) {
            Some(column) if columns.contains(column) => {
                wrong.push(Violation::at("", "duplicate_column", format!("the column {column} stands there twice")));
            }
            Some(column) => columns.push(*column),
            None => {
                let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
                let detail = format!("there is no column {name:?}; the columns are {}", COLUMNS.join(", "));
                wrong.push(Violation::at("", "unknown_column", detail));
            }
        }
    }
    for required in ["sku", "name", "price_minor"] {
        if !columns.contains(&required) {
            wrong.push(Violation::at("", "required_column", format!("the column {required} is missing")));
        }
    }
    if wrong.is_empty() { Ok(columns) } else { Err(Error::Invalid(wrong)) }
}

/// A product from a record. All that is wrong with it is told at once.
fn product(columns: &[&str], record: &csv::ByteRecord) -> Result<NewProduct, Vec<Violation>> {
    if record.len() != columns.len() {
        let detail = format!("has {} cells where the first line has {}", record.len(), columns.len());
        return Err(vec![Violation::at("", "wrong_number_of_cells", detail)]);
    }
    let mut wrong = Vec::new();
    let mut cells = Vec::with_capacity(columns.len());
    for cell in record {
        match std::str::from_utf8(cell) {
            Ok(text) if piles_marks(text) => return Err(vec![Violation::at("", PILE.0, PILE.1)]),
            Ok(text) => cells.push(unguarded(text)),
            Err(_) => return Err(vec![Violation::at("", "not_utf8", "is not UTF-8")]),
        }
    }
    let cell = |name: &str| {
        let at = columns.iter().position(|column| *column == name)?;
        cells.get(at).copied().filter(|cell| !cell.is_empty())
    };
    let mut needed = |name: &str, pointer: &str| {
        if cell(name).is_none() {
            wrong.push(Violation::at(pointer, "required", format!("the cell {name} is empty")));
        }
        cell(name).unwrap_or_default().to_owned()
    };
    let (sku, name) = (needed("sku", "/sku"), needed("name", "/name"));
    let price = needed("price_minor", "/price/amount_minor");
    let mut whole = |text: Option<Cow<'_, str>>, pointer: &str| {
        let text = text.filter(|text| !text.is_empty())?;
        text.trim()
            .parse::<i64>()
            .map_err(|_| wrong.push(Violation::at(pointer, "wrong_type", "is not a whole number")))
            .ok()
    };
    let amount_minor = whole(Some(Cow::Owned(price)), "/price/amount_minor").unwrap_or_default();
    let stock = whole(cell("stock").map(Cow::Borrowed), "/stock");
    let stock = stock.map(|stock| i32::try_from(stock).unwrap_or(-1));
    let status = cell("status").and_then(|text| {
        let status = ProductStatus::ALL.into_iter().find(|status| status.as_str() == text.trim());
        if status.is_none() {
            wrong.push(Violation::at("/status", "not_allowed", "is none of draft, active, archived"));
        }
        status
    });
    let product = NewProduct {
        name,
        description: cell("description").map(str::to_owned),
        sku,
        price: NewPrice { amount_minor, currency: cell("currency").map(str::to_owned) },
        stock,
        status,
        tags: cell("tags").map(split).unwrap_or_default(),
    };
    let mut given = Given::of(&product);
    // What is missing was told of.
    given.sku = given.sku.filter(|sku| !sku.is_empty());
    given.name = given.name.filter(|name| !name.is_empty());
    wrong.extend(faults(&given));
    if wrong.is_empty() { Ok(product) } else { Err(wrong) }
}

fn broken(error: &csv::Error, line: u64) -> Error {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => too_long(line),
        csv::ErrorKind::Io(error) => unread(error),
        _ => Error::Invalid(vec![Violation::at("", "not_csv", format!("line {line} cannot be read as CSV"))]),
    }
}

fn too_long(line: u64) -> Error {
    let detail = format!("line {line} does not end within {LINE} bytes; is a quote not closed?");
    Error::Invalid(vec![Violation::at("", "line_too_long", detail)])
}

fn unread(error: &io::Error) -> Error {
    Error::internal(format!("an upload cannot be read again: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_of_more_lines_than_are_remembered_is_not_read_to_its_end() {
        let read_lines = |lines: usize| {
            let file = tempfile::tempfile().unwrap();
            (&file).write_all("x\n".repeat(lines).as_bytes()).unwrap();
            (&file).rewind().unwrap();
            let mut passed = 0;
            let read = read_ndjson(file, |batch| {
                passed += batch.len();
                true
            });
            (read, passed)
        };
        let (read, passed) = read_lines(LINES + 1);
        let Err(Error::Invalid(violations)) = read else { panic!("it was read") };
        assert_eq!((violations[0].code, passed), ("too_many_lines", LINES));
    }

    proptest! {
        #[test]
        fn tags_come_out_of_their_cell_as_they_went_in(tags in prop::collection::btree_set("[a-z|\\\\ ,;é]{1,8}", 0..6)) {
            let tags: std::collections::BTreeSet<String> =
                tags.into_iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
            let list: Vec<String> = tags.iter().cloned().collect();
            prop_assert_eq!(split(&join(&list)), list);
        }
    }
}
