//! Products in files: the columns of the CSV, the members of an NDJSON line, and reading either, a batch at a time,
//! whatever is in it.
use std::io::{self, BufRead as _, BufReader, Read};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Given, Money, ProductStatus, Tag,
    table::{self, LINE},
    text::Text,
};
use crate::{
    Error, Result,
    error::Violation,
    from_row,
    http::{
        Field, Violations,
        export::{self, Cells, Format},
        extract::from_json,
    },
};

/// Lines of a batch, at most.
const BATCH: usize = 500;
/// Lines of a file, at most: an import remembers each.
const LINES: usize = 1_000_000;
/// Bytes of a batch's lines, the last of which may go beyond. Long descriptions take long to index, and a batch is a
/// statement, which has five seconds.
const BATCH_BYTES: usize = 256 << 10;
/// Characters of what is told about one fault.
const TOLD: usize = 300;
/// The columns of the CSV.
pub(super) const COLUMNS: [&str; 8] =
    ["sku", "name", "description", "price_minor", "currency", "stock", "status", "tags"];

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

from_row! { Exported: sku, name, description, price = *, stock, status, tags }

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
pub(super) fn split(cell: &str) -> Vec<String> {
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

/// A product in a file. A member that is left out stays as it is, and has its default where the product is new; null says
/// that nothing is to be there, or the default where something has to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProductLine {
    #[schema(min_length = 1, max_length = 200)]
    pub(super) name: String,
    #[serde(default)]
    #[schema(max_length = 100_000, value_type = Option<String>)]
    pub(super) description: Field<String>,
    /// What it is known by.
    #[schema(min_length = 1, max_length = 64)]
    pub(super) sku: String,
    pub(super) price: PriceLine,
    /// None in stock where it is new or null.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000, value_type = Option<i32>)]
    pub(super) stock: Field<i32>,
    /// `active` where it is new or null.
    #[serde(default)]
    #[schema(value_type = Option<ProductStatus>)]
    pub(super) status: Field<ProductStatus>,
    /// All of them.
    #[serde(default)]
    #[schema(max_items = 100, value_type = Option<Vec<Tag>>)]
    pub(super) tags: Field<Vec<String>>,
}

/// A price in a file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceLine {
    /// In the currency's minor unit.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub(super) amount_minor: i64,
    /// ISO 4217; the tenant's own where it is new or null.
    #[serde(default)]
    #[schema(pattern = "^[A-Z]{3}$", value_type = Option<String>)]
    pub(super) currency: Field<String>,
}

impl ProductLine {
    /// What it says, to be checked.
    pub(super) fn given(&self) -> Given<'_> {
        Given {
            name: Some(&self.name),
            description: self.description.value().map(String::as_str),
            sku: Some(&self.sku),
            amount_minor: Some(self.price.amount_minor),
            currency: self.price.currency.value().map(String::as_str),
            stock: self.stock.value().copied(),
            tags: self.tags.value().map(Vec::as_slice),
        }
    }
}

/// One line of a file, and what it holds or what is wrong with it.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it begins, from 1.
    pub(super) number: u64,
    pub(super) product: Result<ProductLine, Vec<Violation>>,
}

/// Reads a file, a batch of lines at a time. `each` answers whether to go on.
///
/// # Errors
/// When the file as a whole cannot be read: no text, columns that are not ours, a line without an end.
pub(super) fn read(file: impl Read + 'static, format: Format, each: impl FnMut(Vec<Line>) -> bool) -> Result<()> {
    let batch = Batch::new(each);
    match format {
        Format::Csv => table::read(Text::open(file, "not_csv")?, batch),
        Format::Ndjson => read_ndjson(Text::open(file, "not_ndjson")?, batch),
    }
}

fn read_ndjson(text: Text, mut batch: Batch<impl FnMut(Vec<Line>) -> bool>) -> Result<()> {
    refuse_unless_ndjson(&text.head)?;
    let mut reader = BufReader::with_capacity(1 << 17, text.all);
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

/// What is something else is told so once, and not line by line.
fn refuse_unless_ndjson(head: &[u8]) -> Result<()> {
    let bare = head.trim_ascii_start();
    let first = bare.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let detail = match bare.first() {
        Some(b'[') => "is a JSON array; send its objects a line each, without the brackets and the commas between",
        Some(b'<') => "is HTML or XML; send a product a line, as JSON",
        Some(b'{') | None => return Ok(()),
        _ if table::has_columns(first) => "is CSV; send it as text/csv",
        _ => return Ok(()),
    };
    Err(Error::Invalid(vec![Violation::at("", "not_ndjson", detail)]))
}

/// The product, or what is wrong with what it says.
fn checked(product: ProductLine) -> Result<ProductLine, Vec<Violation>> {
    match faults(&product.given()) {
        wrong if wrong.is_empty() => Ok(product),
        wrong => Err(wrong),
    }
}

pub(super) fn faults(given: &Given<'_>) -> Vec<Violation> {
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

/// Lines on their way, handed on when they are many or large: a statement that writes them has its time, and those that
/// wait have to be held.
pub(super) struct Batch<F> {
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
    pub(super) fn push(&mut self, line: Line, bytes: usize) -> Result<bool> {
        let Some(left) = self.left.checked_sub(1) else {
            let detail = format!("has more than {LINES} lines with a product; send it in parts");
            return Err(Error::Invalid(vec![Violation::at("", "too_many_lines", detail)]));
        };
        self.left = left;
        self.lines.push(line);
        self.bytes += bytes;
        Ok((self.lines.len() < BATCH && self.bytes < BATCH_BYTES) || self.hand_on())
    }

    pub(super) fn hand_on(&mut self) -> bool {
        self.bytes = 0;
        self.lines.is_empty() || (self.each)(std::mem::take(&mut self.lines))
    }
}

pub(super) fn too_long(line: u64) -> Error {
    let detail = format!("line {line} does not end within {LINE} bytes; is a quote not closed?");
    Error::Invalid(vec![Violation::at("", "line_too_long", detail)])
}

pub(super) fn unread(error: &io::Error) -> Error {
    tracing::error!(%error, "a file cannot be read again");
    Error::Busy
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
            let read = super::read(file, Format::Ndjson, |batch| {
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
