//! Products in a CSV file: which columns it has and what stands between two cells, told by its first line, and a product
//! from each of the others.
use std::{borrow::Cow, io};

use super::{
    ProductStatus,
    codec::{self, Batch, COLUMNS, Line, ProductLine, split},
    line_numbers::{self, Lines},
    text::Text,
};
use crate::{
    Error, Result,
    error::Violation,
    http::{
        Field,
        export::unguarded,
        validate::{PILE, piles_marks},
    },
};

/// Bytes of one line, at most: as many as a body may have, and room for quoting.
pub(super) const LINE: usize = 4 << 20;
/// Faults of the first line, at most.
const FAULTS: usize = 20;
/// What stands between two cells where the file does not say. The first line tells which it is.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Reads a file, a batch of lines at a time.
pub(super) fn read(text: Text, mut batch: Batch<impl FnMut(Vec<Line>) -> bool>) -> Result<()> {
    let Dialect { delimiter, said } = Dialect::of(&text.head)?;
    let mut records = Records::new(text, delimiter);
    if said {
        records.next()?;
    }
    let header = records.next_filled()?;
    let columns = columns(header.as_ref().map(|(_, record)| record))?;
    while let Some((number, record)) = records.next_filled()? {
        let product = if line_numbers::holds_end(&record) {
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

/// How a file separates its cells.
struct Dialect {
    delimiter: u8,
    /// Its first line says so (`sep=;`, as spreadsheets write it), and is not the one with the columns.
    said: bool,
}

impl Dialect {
    fn of(head: &[u8]) -> Result<Self> {
        let mut lines = head.split(|byte| matches!(byte, b'\r' | b'\n'));
        let blank = |byte: &u8| b" \t,;|\"\x1a".contains(byte);
        let first = lines.find(|line| !line.iter().all(blank)).unwrap_or_default();
        let is = |detail: &str| Err(Error::Invalid(vec![Violation::at("", "not_csv", detail)]));
        match first.trim_ascii_start().first() {
            Some(b'<') => return is("is HTML or XML; save the sheet as CSV (UTF-8)"),
            Some(b'{' | b'[') => return is("is JSON; send a product a line, as application/x-ndjson"),
            _ => {}
        }
        let bare = first.strip_prefix(b"\"").unwrap_or(first);
        if let Some((b"sep=", [delimiter, after @ ..])) = bare.split_at_checked(4)
            && after.iter().all(|byte| b"\" ".contains(byte))
            && delimiter.is_ascii()
            && !delimiter.is_ascii_alphanumeric()
            && *delimiter != b'"'
        {
            return Ok(Self { delimiter: *delimiter, said: true });
        }
        // That by which most of the line is columns of ours; the comma where that tells nothing.
        let delimiter = DELIMITERS.into_iter().rev().max_by_key(|delimiter| known(first, *delimiter));
        Ok(Self { delimiter: delimiter.unwrap_or(b','), said: false })
    }
}

/// Whether a line names the columns that every file has.
pub(super) fn has_columns(line: &[u8]) -> bool {
    DELIMITERS.into_iter().any(|delimiter| known(line, delimiter) >= 3)
}

/// How many cells of the line are the name of a column.
fn known(line: &[u8], delimiter: u8) -> usize {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(line);
    let mut record = csv::ByteRecord::new();
    let read = reader.read_byte_record(&mut record).unwrap_or(false);
    if read { record.iter().filter(|cell| column(&String::from_utf8_lossy(cell)).is_some()).count() } else { 0 }
}

/// The column of this name. Spreadsheets write them as people do: in capitals, with blanks around.
fn column(name: &str) -> Option<&'static str> {
    COLUMNS.into_iter().find(|column| column.eq_ignore_ascii_case(name.trim()))
}

/// The records of a file, each with the number of the line where it begins.
struct Records(csv::Reader<Lines<Box<dyn io::Read>>>);

impl Records {
    fn new(text: Text, delimiter: u8) -> Self {
        let lines = Lines::new(Box::new(text.all) as Box<dyn io::Read>, LINE);
        let mut reader = csv::ReaderBuilder::new();
        reader.has_headers(false).flexible(true).delimiter(delimiter).buffer_capacity(1 << 17);
        Self(reader.from_reader(lines))
    }

    /// The next record; none at the end.
    fn next(&mut self) -> Result<Option<(u64, csv::ByteRecord)>> {
        let Self(reader) = self;
        let at = reader.position().byte();
        let number = reader.get_mut().next_record(at);
        let mut record = csv::ByteRecord::new();
        let more = reader.read_byte_record(&mut record);
        let number = number.unwrap_or_else(|| reader.get_mut().next_record(at).unwrap_or_default());
        let more = more.map_err(|error| broken(&error, number))? && !line_numbers::is_end(&record);
        Ok(more.then_some((number, record)))
    }

    /// The next one that is not empty: a spreadsheet writes a row of delimiters for each that somebody once touched.
    fn next_filled(&mut self) -> Result<Option<(u64, csv::ByteRecord)>> {
        loop {
            match self.next()? {
                Some((_, record)) if record.iter().all(is_empty) => {}
                next => return Ok(next),
            }
        }
    }
}

/// Whether nothing is in a cell; what ends a file of DOS is nothing.
fn is_empty(cell: &[u8]) -> bool {
    cell.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0x1a)
}

/// The columns of a file, by the names in its first line, in any order; none for a column that has no name.
fn columns(header: Option<&csv::ByteRecord>) -> Result<Vec<Option<&'static str>>> {
    let mut wrong = Vec::new();
    let mut columns = Vec::new();
    for cell in header.into_iter().flatten() {
        if wrong.len() == FAULTS {
            break;
        }
        let name = String::from_utf8_lossy(cell);
        match column(&name) {
            Some(column) if columns.contains(&Some(column)) => {
                wrong.push(Violation::at("", "duplicate_column", format!("the column {column} stands there twice")));
            }
            Some(column) => columns.push(Some(column)),
            None if is_empty(cell) => columns.push(None),
            None => {
                let name: String = name.trim().chars().filter(|c| !c.is_control()).take(60).collect();
                let detail = format!("there is no column {name:?}; the columns are {}", COLUMNS.join(", "));
                wrong.push(Violation::at("", "unknown_column", detail));
            }
        }
    }
    for required in ["sku", "name", "price_minor"] {
        if !columns.contains(&Some(required)) {
            wrong.push(Violation::at("", "required_column", format!("the column {required} is missing")));
        }
    }
    if wrong.is_empty() { Ok(columns) } else { Err(Error::Invalid(wrong)) }
}

/// A product from a record. All that is wrong with it is told at once. A column that is not there says nothing; an
/// empty cell says that nothing is to be there.
fn product(columns: &[Option<&str>], record: &csv::ByteRecord) -> Result<ProductLine, Vec<Violation>> {
    let named = columns.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    let mut nameless = record.iter().enumerate().filter(|(at, _)| columns.get(*at).is_none_or(Option::is_none));
    if record.len() < named || nameless.any(|(_, cell)| !is_empty(cell)) {
        let cells =
            record.iter().rposition(|cell| !is_empty(cell)).map_or(0, |last| last + 1).max(record.len().min(named));
        let detail = format!("has {cells} cells where the first line names {named} columns");
        return Err(vec![Violation::at("", "wrong_number_of_cells", detail)]);
    }
    let mut wrong = Vec::new();
    let mut cells = Vec::with_capacity(columns.len());
    for cell in record {
        match std::str::from_utf8(cell) {
            Ok(text) if piles_marks(text) => return Err(vec![Violation::at("", PILE.0, PILE.1)]),
            Ok(text) => cells.push(unguarded(text)),
            Err(_) => return Err(vec![Violation::at("", "not_utf8", "is not UTF-8; save the file as CSV (UTF-8)")]),
        }
    }
    let cell = |name: &str| {
        let at = columns.iter().position(|column| *column == Some(name))?;
        cells.get(at)
    };
    let mut needed = |name: &str, pointer: &str| {
        let text = cell(name).map_or("", |cell| &**cell);
        if text.is_empty() {
            wrong.push(Violation::at(pointer, "required", format!("the cell {name} is empty")));
        }
        text
    };
    let (sku, name) = (needed("sku", "/sku").to_owned(), needed("name", "/name").to_owned());
    let price = needed("price_minor", "/price/amount_minor");
    let mut whole = |text: &str, pointer: &str| {
        let read = text.trim().parse::<i64>();
        read.map_err(|_| wrong.push(Violation::at(pointer, "wrong_type", "is not a whole number"))).ok()
    };
    let amount_minor = if price.is_empty() { None } else { whole(price, "/price/amount_minor") };
    let stock = field(cell("stock"), |text| {
        let read = whole(text, "/stock");
        read.map(|stock| i32::try_from(stock).unwrap_or(-1))
    });
    let status = field(cell("status"), |text| {
        let status = ProductStatus::ALL.into_iter().find(|status| status.as_str() == text.trim());
        if status.is_none() {
            wrong.push(Violation::at("/status", "not_allowed", "is none of draft, active, archived"));
        }
        status
    });
    let product = ProductLine {
        name,
        description: field(cell("description"), |text| Some(text.to_owned())),
        sku,
        price: codec::PriceLine {
            amount_minor: amount_minor.unwrap_or_default(),
            currency: field(cell("currency"), |text| Some(text.to_owned())),
        },
        stock,
        status,
        tags: field(cell("tags"), |text| Some(split(text))),
    };
    let mut given = product.given();
    // What is missing was told of.
    given.sku = given.sku.filter(|sku| !sku.is_empty());
    given.name = given.name.filter(|name| !name.is_empty());
    wrong.extend(codec::faults(&given));
    if wrong.is_empty() { Ok(product) } else { Err(wrong) }
}

/// What a cell says: nothing where there is no such column, that nothing is to be there where it is empty.
fn field<T>(cell: Option<&Cow<'_, str>>, read: impl FnOnce(&str) -> Option<T>) -> Field<T> {
    match cell {
        None => Field::Keep,
        Some(text) if text.is_empty() => Field::Clear,
        Some(text) => read(text).map_or(Field::Keep, Field::Set),
    }
}

fn broken(error: &csv::Error, line: u64) -> Error {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => codec::too_long(line),
        csv::ErrorKind::Io(error) => codec::unread(error),
        _ => Error::Invalid(vec![Violation::at("", "not_csv", format!("line {line} cannot be read as CSV"))]),
    }
}
