//! Products in files: the columns of the CSV, the members of an NDJSON line, and reading either, a batch at a time,
//! whatever is in it.
use std::{
    borrow::Cow,
    cell::Cell,
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead as _, BufReader, Read},
    rc::Rc,
};

use serde::Serialize;
use tokio_postgres::Row;

use super::{Money, NewPrice, NewProduct, ProductStatus};
use crate::{
    Error, Result,
    db::FromRow,
    error::Violation,
    http::{
        export::{self, Cells, Format, unguarded},
        extract::from_json,
    },
};

/// Lines of a batch, at most.
const BATCH: usize = 500;
/// Bytes of one line, at most: as many as a body may have, and room for quoting.
const LINE: usize = 4 << 20;
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
fn split(cell: &str) -> BTreeSet<String> {
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

fn read_ndjson(file: File, mut each: impl FnMut(Vec<Line>) -> bool) -> Result<()> {
    let mut reader = BufReader::with_capacity(1 << 17, file);
    let mut batch = Vec::with_capacity(BATCH);
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
        batch.push(Line { number, product: from_json(bare).map_err(violations) });
        if batch.len() == BATCH && !each(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))) {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        each(batch);
    }
    Ok(())
}

/// What is wrong with a line, as it would be with a body.
fn violations(error: Error) -> Vec<Violation> {
    match error {
        Error::Invalid(violations) => violations,
        other => vec![Violation::at("", other.kind().1, other.detail())],
    }
}

fn read_csv(file: File, mut each: impl FnMut(Vec<Line>) -> bool) -> Result<()> {
    let since = Rc::new(Cell::new(0));
    let bounded = Bounded { file, since: since.clone() };
    let mut reader = csv::ReaderBuilder::new().flexible(true).buffer_capacity(1 << 17).from_reader(bounded);
    let header = reader.byte_headers().map_err(|error| broken(&error, 1))?.clone();
    let columns = columns(&header)?;
    let mut batch = Vec::with_capacity(BATCH);
    let mut record = csv::ByteRecord::new();
    loop {
        let number = reader.position().line();
        since.set(0);
        if !reader.read_byte_record(&mut record).map_err(|error| broken(&error, number))? {
            break;
        }
        let number = record.position().map_or(number, csv::Position::line);
        batch.push(Line { number, product: product(&columns, &record) });
        if batch.len() == BATCH && !each(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))) {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        each(batch);
    }
    Ok(())
}

/// A file of which no more than a line's worth is read while a line is being read: a quote that is never closed does
/// not fill the memory.
struct Bounded {
    file: File,
    since: Rc<Cell<usize>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > LINE {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let read = self.file.read(buffer)?;
        self.since.set(self.since.get() + read);
        Ok(read)
    }
}

/// The columns of a file, by the names in its first line, in any order.
fn columns(header: &csv::ByteRecord) -> Result<Vec<&'static str>> {
    let mut wrong = Vec::new();
    let mut columns = Vec::new();
    for cell in header {
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
            Ok(text) => cells.push(unguarded(text)),
            Err(_) => return Err(vec![Violation::at("", "not_utf8", "is not UTF-8")]),
        }
    }
    let cell = |name: &str| {
        let at = columns.iter().position(|column| *column == name)?;
        cells.get(at).copied().filter(|cell| !cell.is_empty())
    };
    let mut needed = |name: &str, pointer: &str| {
        cell(name).map(str::to_owned).unwrap_or_else(|| {
            wrong.push(Violation::at(pointer, "required", format!("the cell {name} is empty")));
            String::new()
        })
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
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(NewProduct {
        name,
        description: cell("description").map(str::to_owned),
        sku,
        price: NewPrice { amount_minor, currency: cell("currency").map(str::to_owned) },
        stock,
        status,
        tags: cell("tags").map(split).unwrap_or_default(),
    })
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
    use proptest::prelude::*;

    use super::{join, split};

    proptest! {
        #[test]
        fn tags_come_out_of_their_cell_as_they_went_in(tags in prop::collection::btree_set("[a-z|\\\\ ,;é]{1,8}", 0..6)) {
            let tags: std::collections::BTreeSet<String> =
                tags.into_iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
            let list: Vec<String> = tags.iter().cloned().collect();
            prop_assert_eq!(split(&join(&list)), tags);
        }
    }
}
