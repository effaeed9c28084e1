//! Rows as a file: CSV (RFC 4180) or NDJSON, counted and hashed as they are written.
//!
//! A row says once how it looks in each ([`Row`]). A [`Writer`] takes rows in batches of any size and gives back their
//! bytes, so a long export is never held in memory; what it has written it tells at the end ([`End`]), as header
//! fields of a short answer or as trailer fields of a streamed one.
use std::{borrow::Cow, marker::PhantomData};

use aws_lc_rs::digest::{Context, SHA256};
use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::accept;
use crate::{Error, Result};

/// Media type of NDJSON: a JSON object a line.
pub const NDJSON: &str = "application/x-ndjson";
/// Media type of CSV.
pub const CSV: &str = "text/csv";

/// Rows in the file, in decimal.
pub const ROW_COUNT: HeaderName = HeaderName::from_static("row-count");
/// SHA-256 of the file's bytes (RFC 9530 §3).
pub const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// What a spreadsheet takes for the beginning of a formula, in its full width as well.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// What it drops at the beginning of a cell before it looks for one.
const DROPPED: [char; 3] = ['\t', '\r', '\n'];
/// Where another cell begins for a spreadsheet that splits at something else than commas, to which our quotes mean nothing.
const APART: [char; 4] = [';', '\t', '\r', '\n'];

/// The kinds of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FileFormat)]
pub enum Format {
    /// Comma-separated, CRLF at the end of each line, the first line naming the columns.
    Csv,
    /// A JSON object a line.
    Ndjson,
}

impl Format {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Csv, Self::Ndjson];

    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// `Content-Type` and `Content-Disposition` of a file of this kind; `name` is its name without the ending, of
    /// letters, digits, `-`, `_` and `.` (others become `-`).
    #[must_use]
    pub fn headers(self, name: &str) -> HeaderMap {
        let (content_type, ending) = match self {
            Self::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
            Self::Ndjson => (NDJSON, "ndjson"),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name: String = name.chars().map(|c| if fits(c) { c } else { '-' }).collect();
        let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}.{ending}\""));
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(
            header::CONTENT_DISPOSITION,
            disposition.unwrap_or_else(|_| HeaderValue::from_static("attachment")),
        );
        headers
    }
}

impl From<Format> for &'static str {
    fn from(format: Format) -> Self {
        format.name()
    }
}

/// The query of an address that answers a file.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// Which kind of file, for callers who cannot choose an `Accept`, which then does not count.
    format: Option<Format>,
}

impl FileQuery {
    /// The kind that is asked for.
    ///
    /// # Errors
    /// `406` where it is left to `Accept`, and that names neither.
    pub fn choose(self, headers: &HeaderMap) -> Result<Format> {
        let offered = &[(NDJSON, Format::Ndjson), (CSV, Format::Csv)];
        self.format.map_or_else(|| accept::choose(headers, offered), Ok)
    }
}

/// A row of a file. As NDJSON it is what serde makes of it.
pub trait Row: Serialize {
    /// The columns of the CSV, in order.
    const COLUMNS: &'static [&'static str];

    /// Writes one cell for each column, in the same order.
    fn cells(&self, cells: &mut Cells);
}

/// The cells of one CSV record.
#[derive(Debug, Default)]
pub struct Cells(csv::StringRecord);

impl Cells {
    /// Text, which may be anybody's: it is kept from being read as a formula ([`guarded`]). Nothing is an empty cell.
    pub fn text<'t>(&mut self, text: impl Into<Option<&'t str>>) {
        self.0.push_field(&guarded(text.into().unwrap_or_default()));
    }

    /// A number, which is no formula whatever its sign.
    pub fn number(&mut self, number: impl Into<Option<i64>>) {
        self.0.push_field(&number.into().map(|number| number.to_string()).unwrap_or_default());
    }

    /// A moment, RFC 3339 in UTC.
    pub fn time(&mut self, time: impl Into<Option<Timestamp>>) {
        self.0.push_field(&time.into().map(|time| time.to_string()).unwrap_or_default());
    }
}

/// Whether a spreadsheet could run this part of a cell, the first or one after. Quotes and apostrophes before do not
/// count: a spreadsheet may take the quotes away, and an apostrophe that was written and one that guards are told apart again.
fn runs(part: &str, first: bool) -> bool {
    let bare = part.trim_start_matches(['\'', '"']);
    bare.starts_with(FORMULA) || (first && bare.starts_with(DROPPED))
}

/// A cell in the parts in which a spreadsheet may read it, and of each whether it could run it. A cell that is a plain
/// number cannot do anything.
fn parts(cell: &str) -> impl Iterator<Item = (&str, bool)> {
    let parts = if is_plain_number(cell) { None } else { Some(cell.split_inclusive(APART).enumerate()) };
    parts.into_iter().flatten().map(|(at, part)| (part, at == 0))
}

fn is_plain_number(cell: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

/// A cell with an apostrophe before each place where a spreadsheet would read a formula (CWE-1236); others as they are.
#[must_use]
pub fn guarded(cell: &str) -> Cow<'_, str> {
    if !parts(cell).any(|(part, first)| runs(part, first)) {
        return cell.into();
    }
    let guarded = parts(cell).map(|(part, first)| if runs(part, first) { ["'", part] } else { ["", part] });
    guarded.flatten().collect()
}

/// What [`guarded`] was given: for reading a file of ours again.
#[must_use]
pub fn unguarded(cell: &str) -> Cow<'_, str> {
    fn bare(part: &str, first: bool) -> Option<&str> {
        part.strip_prefix('\'').filter(|bare| runs(bare, first))
    }
    if !parts(cell).any(|(part, first)| bare(part, first).is_some()) {
        return cell.into();
    }
    parts(cell).map(|(part, first)| bare(part, first).unwrap_or(part)).collect()
}

/// Writes rows of one kind, counts them and hashes the bytes.
pub struct Writer<R> {
    format: Format,
    begun: bool,
    rows: u64,
    hash: Context,
    kind: PhantomData<fn(R)>,
}

impl<R> std::fmt::Debug for Writer<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("format", &self.format).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<R: Row> Writer<R> {
    /// A file without rows so far.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format, begun: false, rows: 0, hash: Context::new(&SHA256), kind: PhantomData }
    }

    /// The next bytes of the file: these rows, and the names of the columns before the first. Called once at least,
    /// with no rows if there are none.
    pub fn write(&mut self, rows: &[R]) -> Result<Bytes> {
        let bytes = match self.format {
            Format::Csv => self.csv(rows).map_err(|error| Error::internal(format!("CSV: {error}")))?,
            Format::Ndjson => ndjson(rows).map_err(|error| Error::internal(format!("NDJSON: {error}")))?,
        };
        self.begun = true;
        self.rows += rows.len() as u64;
        self.hash.update(&bytes);
        Ok(bytes.into())
    }

    /// What was written.
    #[must_use]
    pub fn end(self) -> End {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.hash.finish().as_ref());
        End { rows: self.rows, sha256 }
    }

    fn csv(&self, rows: &[R]) -> Result<Vec<u8>, csv::Error> {
        let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        if !self.begun {
            csv.write_record(R::COLUMNS)?;
        }
        let mut cells = Cells::default();
        for row in rows {
            cells.0.clear();
            row.cells(&mut cells);
            if cells.0.len() != R::COLUMNS.len() {
                let error = std::io::Error::other(format!("{} cells for {} columns", cells.0.len(), R::COLUMNS.len()));
                return Err(error.into());
            }
            csv.write_record(&cells.0)?;
        }
        csv.into_inner().map_err(|error| error.into_error().into())
    }
}

fn ndjson<R: Serialize>(rows: &[R]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// How much was written, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Rows, the line of column names not among them.
    pub rows: u64,
    /// SHA-256 of all bytes.
    pub sha256: [u8; 32],
}

impl End {
    /// `Row-Count` and `Repr-Digest`; both may be trailer fields (RFC 9110 §6.5, RFC 9530 §3).
    #[must_use]
    pub fn fields(&self) -> HeaderMap {
        let digest = format!("sha-256=:{}:", BASE64.encode(self.sha256));
        let mut fields = HeaderMap::new();
        fields.insert(ROW_COUNT, self.rows.into());
        if let Ok(digest) = HeaderValue::from_str(&digest) {
            fields.insert(REPR_DIGEST, digest);
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::sha256;

    #[derive(Serialize)]
    struct Line {
        name: String,
        stock: i64,
        note: Option<String>,
    }

    impl Row for Line {
        const COLUMNS: &'static [&'static str] = &["name", "stock", "note"];
        fn cells(&self, cells: &mut Cells) {
            cells.text(&*self.name);
            cells.number(self.stock);
            cells.text(self.note.as_deref());
        }
    }

    fn line(name: &str, stock: i64, note: Option<&str>) -> Line {
        Line { name: name.to_owned(), stock, note: note.map(str::to_owned) }
    }

    #[test]
    fn what_needs_quotes_gets_them_and_the_columns_stand_there_once() {
        let mut writer = Writer::new(Format::Csv);
        let mut file = writer.write(&[line("plain", -5, None)]).unwrap().to_vec();
        file.extend_from_slice(&writer.write(&[line("a,b", 0, Some("say \"hi\"\r\nthere"))]).unwrap());
        let expected = "name,stock,note\r\nplain,-5,\r\n\"a,b\",0,\"say \"\"hi\"\"\r\nthere\"\r\n";
        assert_eq!(String::from_utf8(file.clone()).unwrap(), expected);
        let end = writer.end();
        assert_eq!(end, End { rows: 2, sha256: sha256(&file) });
        assert_eq!(end.fields()[ROW_COUNT], "2");
        assert_eq!(end.fields()[REPR_DIGEST], format!("sha-256=:{}:", BASE64.encode(sha256(&file))));
    }

    #[test]
    fn an_empty_file_has_its_columns_as_csv_and_nothing_as_ndjson() {
        for (format, expected) in [(Format::Csv, "name,stock,note\r\n"), (Format::Ndjson, "")] {
            let mut writer = Writer::<Line>::new(format);
            assert_eq!(writer.write(&[]).unwrap(), expected);
            assert_eq!(writer.write(&[]).unwrap(), "");
            assert_eq!(writer.end(), End { rows: 0, sha256: sha256(expected.as_bytes()) });
        }
    }

    #[test]
    fn an_object_a_line_is_ndjson_and_needs_no_guard() {
        let mut writer = Writer::new(Format::Ndjson);
        let file = writer.write(&[line("=1+1", 3, None), line("two\nlines", 4, Some(""))]).unwrap();
        let expected =
            "{\"name\":\"=1+1\",\"stock\":3,\"note\":null}\n{\"name\":\"two\\nlines\",\"stock\":4,\"note\":\"\"}\n";
        assert_eq!(file, expected);
    }

    #[test]
    fn a_spreadsheet_finds_no_formula() {
        for formula in [
            "=1+1",
            "=cmd|' /C calc'!A0",
            "+1-2",
            "-1+2",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "\nx",
            "\"=1",
            "＝1",
            "+49 30 1234",
            "-",
            "-.5",
            "--5",
            "'=1",
        ] {
            assert_eq!(guarded(formula), format!("'{formula}"));
        }
        for harmless in
            ["", "-5", "+5", "-5.25", "1-2", "a=b", "me@example.com", "'quoted'", " =1", "a;b\tc\r\nd", "a\n\tb"]
        {
            assert_eq!(guarded(harmless), harmless);
        }
    }

    #[test]
    fn a_spreadsheet_that_splits_elsewhere_finds_none_either() {
        for (cell, expected) in [
            ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
            ("a\t=1", "a\t'=1"),
            ("a\r\n-1+2", "a\r\n'-1+2"),
            ("a;b;@SUM(A1);c", "a;b;'@SUM(A1);c"),
            ("=1;=1", "'=1;'=1"),
            ("-5;-5", "'-5;'-5"),
            ("\t=1", "'\t'=1"),
            ("a;\"=1\"", "a;'\"=1\""),
            ("a;'=1", "a;''=1"),
        ] {
            assert_eq!(guarded(cell), expected);
            assert_eq!(unguarded(expected), cell);
        }
    }

    #[test]
    fn a_file_has_a_name_that_fits_a_header() {
        let headers = Format::Csv.headers("analytics-2026-01-01\r\nSet-Cookie: \"x\"é");
        assert_eq!(
            headers[header::CONTENT_DISPOSITION],
            "attachment; filename=\"analytics-2026-01-01--Set-Cookie---x--.csv\""
        );
        assert_eq!(Format::Ndjson.headers("a")[header::CONTENT_TYPE], NDJSON);
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(name in "['=+@0-9.a;\\-\t\r\n\",]{0,8}|\\PC{0,8}", stock: i64) {
            let mut writer = Writer::new(Format::Csv);
            let file = writer.write(&[line(&name, stock, None)]).unwrap();
            let mut reader = csv::Reader::from_reader(&*file);
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(&*unguarded(&record[0]), &*name);
            prop_assert_eq!(&record[1], stock.to_string());
            prop_assert!(is_plain_number(&record[0]) || !record[0].starts_with(FORMULA));
            // Whatever a spreadsheet splits at.
            let text = String::from_utf8(file.to_vec()).unwrap();
            for cell in text.split([';', '\t', '\r', '\n']) {
                let cell = cell.trim_start_matches('"');
                prop_assert!(!cell.starts_with(FORMULA) || is_plain_number(&record[0]), "{cell} in {text}");
            }
        }
    }
}
