//! What a file is: its bytes as UTF-8, whichever way they were written, or a sentence that says why it is no text.
use std::io::{self, BufReader, Chain, Cursor, Read};

use crate::{Error, Result, error::Violation};

/// Decoded bytes in which a file is known, its first line among them.
const HEAD: usize = 64 << 10;

const BINARY: [(&[u8], &str); 17] = [
    (
        b"PK\x03\x04",
        "is a ZIP archive, which a workbook (.xlsx, .ods, .numbers) is as well; save the sheet as CSV (UTF-8)",
    ),
    (b"PK\x05\x06", "is an empty ZIP archive; save the sheet as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a workbook of an older kind (.xls); save the sheet as CSV (UTF-8)"),
    (b"\x1f\x8b", "is compressed (gzip); unpack it first"),
    (b"BZh", "is compressed (bzip2); unpack it first"),
    (b"\xfd7zXZ\0", "is compressed (xz); unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed (Zstandard); unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first"),
    (b"Rar!\x1a\x07", "is a RAR archive; unpack it first"),
    (b"%PDF-", "is a PDF; save the sheet it was made of as CSV (UTF-8)"),
    (b"{\\rtf", "is a text with formatting (RTF); save it as plain text (UTF-8)"),
    (b"PAR1", "is a Parquet file; write the table as CSV or NDJSON"),
    (b"SQLite format 3\0", "is an SQLite database; write the table as CSV or NDJSON"),
    (b"\x89PNG", "is a picture"),
    (b"\xff\xd8\xff", "is a picture"),
    (b"\xff\xfe\0\0", "is UTF-32; save it as UTF-8"),
    (b"\0\0\xfe\xff", "is UTF-32; save it as UTF-8"),
];

/// A file as UTF-8, and how it begins.
pub(super) struct Text {
    /// Its first bytes; all that it has where they are fewer than [`HEAD`].
    pub(super) head: Vec<u8>,
    /// All of it. What is no character in UTF-16 stands there as a byte that is none in UTF-8.
    pub(super) all: Chain<Cursor<Vec<u8>>, Box<dyn Read>>,
}

impl Text {
    /// Reads the beginning of a file. A byte order mark says how it is written, and is taken off; without one it is UTF-8.
    ///
    /// # Errors
    /// A sentence about a file that is no text; when it cannot be read.
    pub(super) fn open(mut file: impl Read + 'static, code: &'static str) -> Result<Self> {
        let unread = |error: io::Error| Error::internal(format!("an upload cannot be read again: {error}"));
        let first = take(&mut file, 16).map_err(unread)?;
        let is = |detail: &str| Error::Invalid(vec![Violation::at("", code, detail)]);
        if let Some((_, detail)) = BINARY.iter().find(|(magic, _)| first.starts_with(magic)) {
            return Err(is(detail));
        }
        let from = |skipped: usize| Cursor::new(first[skipped..].to_vec()).chain(file);
        let mut rest: Box<dyn Read> = match first.as_slice() {
            [0xef, 0xbb, 0xbf, ..] => Box::new(from(3)),
            [0xff, 0xfe, ..] => Box::new(Utf16::new(from(2), u16::from_le_bytes)),
            [0xfe, 0xff, ..] => Box::new(Utf16::new(from(2), u16::from_be_bytes)),
            [0, b, ..] | [b, 0, ..] if *b != 0 => {
                return Err(is("looks like UTF-16 without a byte order mark; save it as UTF-8"));
            }
            _ => Box::new(from(0)),
        };
        let head = take(&mut rest, HEAD).map_err(unread)?;
        Ok(Self { all: Cursor::new(head.clone()).chain(rest), head })
    }
}

/// So many bytes, or as many as there are.
fn take(from: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut taken = Vec::new();
    from.take(most as u64).read_to_end(&mut taken)?;
    Ok(taken)
}

/// UTF-16 on its way to UTF-8.
struct Utf16<R> {
    from: BufReader<R>,
    unit: fn([u8; 2]) -> u16,
    /// The first half of a character whose other half has not come.
    high: Option<u16>,
    decoded: Vec<u8>,
    /// How much of it was read.
    at: usize,
}

impl<R: Read> Utf16<R> {
    fn new(from: R, unit: fn([u8; 2]) -> u16) -> Self {
        Self { from: BufReader::new(from), unit, high: None, decoded: Vec::new(), at: 0 }
    }

    /// Decodes the next stretch; nothing at the end.
    fn decode(&mut self) -> io::Result<()> {
        let bytes = take(&mut self.from, 1 << 14)?;
        let (pairs, odd) = bytes.as_chunks::<2>();
        let mut units: Vec<u16> =
            self.high.take().into_iter().chain(pairs.iter().map(|pair| (self.unit)(*pair))).collect();
        if !bytes.is_empty() {
            self.high = units.pop_if(|unit| (0xd800..0xdc00).contains(unit));
        }
        (self.at, self.decoded) = (0, Vec::with_capacity(bytes.len() * 3 / 2));
        for character in char::decode_utf16(units) {
            match character {
                Ok(character) => self.decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(_) => self.decoded.push(0xff),
            }
        }
        if !odd.is_empty() {
            self.decoded.push(0xff);
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A stretch may hold nothing but half a character.
        while self.at == self.decoded.len() {
            self.decode()?;
            if self.decoded.is_empty() && self.high.is_none() {
                return Ok(0);
            }
        }
        let read = (&self.decoded[self.at..]).read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: Vec<u8>) -> Vec<u8> {
        let mut all = Vec::new();
        Text::open(Cursor::new(bytes), "not_csv").unwrap().all.read_to_end(&mut all).unwrap();
        all
    }

    fn utf16(units: &[u16], big: bool) -> Vec<u8> {
        let bytes = units.iter().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        (if big { [0xfe, 0xff] } else { [0xff, 0xfe] }).into_iter().chain(bytes).collect()
    }

    #[test]
    fn half_a_character_is_none_in_utf_8_either() {
        for big in [true, false] {
            assert_eq!(read(utf16(&[0x61, 0xd83d, 0x62], big)), b"a\xffb");
            assert_eq!(read(utf16(&[0x61, 0xdc00], big)), b"a\xff");
            assert_eq!(read(utf16(&[0x61, 0xd83d], big)), b"a\xff");
            assert_eq!(read([utf16(&[0x61], big), vec![0]].concat()), b"a\xff");
            assert_eq!(read(utf16(&[], big)), b"");
        }
    }

    #[test]
    fn what_is_no_text_is_named() {
        for (file, word) in [
            (&b"PK\x03\x04\x14\0\x06\0"[..], ".xlsx"),
            (b"\x1f\x8b\x08\0\0", "gzip"),
            (b"\xff\xfe\0\0s\0\0\0", "UTF-32"),
            (b"s\0k\0u\0", "UTF-16"),
            (b"\0s\0k\0u", "UTF-16"),
            (b"%PDF-1.7", "PDF"),
        ] {
            let Err(Error::Invalid(violations)) = Text::open(file, "not_csv") else { panic!("{word} is read") };
            assert!(violations[0].detail.contains(word), "{violations:?}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_the_same_however_it_is_written(text in "\\PC{0,40}|[a\u{1f60e}é]{8180,8200}") {
            prop_assume!(!text.starts_with('\u{feff}') && !BINARY.iter().any(|(magic, _)| text.as_bytes().starts_with(magic)));
            let units: Vec<u16> = text.encode_utf16().collect();
            prop_assume!(units.first().is_none_or(|first| *first != 0));
            for written in [utf16(&units, true), utf16(&units, false), format!("\u{feff}{text}").into_bytes(), text.clone().into_bytes()] {
                prop_assert_eq!(read(written), text.as_bytes());
            }
        }
    }
}
