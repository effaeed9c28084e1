//! The lines of a CSV file, beside the records that a CSV reader finds in them: the number of the line where a record
//! begins, no more of the file than a line's worth at a time, and whether the last quote is closed.
//!
//! The reader's own count of lines is not used: it counts a line end of CR and LF when the line after it is read, and
//! skips blank lines without telling.
use std::{
    collections::VecDeque,
    io::{self, Read},
};

/// What is read after the end of every file, as a line of its own. Where it is part of another line, a quote before it
/// was not closed.
const END: &[u8] = b"\x1e";
const AFTER: &[u8] = b"\n\x1e";

/// Whether the record is the one after the end.
pub(super) fn is_end(record: &csv::ByteRecord) -> bool {
    record.len() == 1 && &record[0] == END
}

/// Whether the record went beyond the end of the file.
pub(super) fn holds_end(record: &csv::ByteRecord) -> bool {
    record.iter().next_back().is_some_and(|cell| cell.ends_with(END))
}

/// A file on its way to a CSV reader.
#[derive(Debug)]
pub(super) struct Lines<R> {
    from: io::Chain<R, &'static [u8]>,
    /// Bytes a line may have.
    most: usize,
    /// Bytes read since the last record.
    since: usize,
    /// Bytes read.
    offset: u64,
    /// The line that is being read, from 1.
    line: u64,
    /// Whether nothing of it was read yet.
    blank: bool,
    last: u8,
    /// Where lines that are not blank begin, and their numbers. Those before the last record are forgotten.
    begins: VecDeque<(u64, u64)>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(file: R, most: usize) -> Self {
        let from = file.chain(AFTER);
        Self { from, most, since: 0, offset: 0, line: 1, blank: true, last: 0, begins: VecDeque::new() }
    }

    /// The number of the line of the record that begins at this byte or, after blank lines, beyond it; none when it has
    /// not been read so far. The bytes of a line count from here.
    pub(super) fn next_record(&mut self, byte: u64) -> Option<u64> {
        self.since = 0;
        while self.begins.front().is_some_and(|(begin, _)| *begin < byte) {
            self.begins.pop_front();
        }
        self.begins.front().map(|(_, line)| *line)
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since > self.most {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let read = self.from.read(buffer)?;
        self.since += read;
        for &byte in &buffer[..read] {
            match byte {
                b'\n' if self.last == b'\r' => {}
                b'\r' | b'\n' => {
                    self.line += 1;
                    self.blank = true;
                }
                _ if self.blank => {
                    self.begins.push_back((self.offset, self.line));
                    self.blank = false;
                }
                _ => {}
            }
            self.last = byte;
            self.offset += 1;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first cell and the line of each record, read so many bytes at a time.
    fn numbered(file: &str, buffer: usize) -> Vec<(String, u64)> {
        let lines = Lines::new(file.as_bytes(), 1000);
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(buffer).from_reader(lines);
        let mut record = csv::ByteRecord::new();
        let mut found = Vec::new();
        loop {
            let at = reader.position().byte();
            assert!(reader.read_byte_record(&mut record).unwrap());
            if is_end(&record) {
                return found;
            }
            found.push((String::from_utf8_lossy(&record[0]).into_owned(), reader.get_mut().next_record(at).unwrap()));
            if holds_end(&record) {
                return found;
            }
        }
    }

    #[test]
    fn a_record_has_the_number_of_the_line_it_begins_in() {
        for end in ["\n", "\r\n", "\r"] {
            for buffer in [1, 2, 3, 7, 1000] {
                let file = "a,1\n\n\nb,\"x\n\ny\"\nc,2\n\nd".replace('\n', end);
                let lines = [("a", 1), ("b", 4), ("c", 7), ("d", 9)].map(|(cell, line)| (cell.to_owned(), line));
                assert_eq!(numbered(&file, buffer), lines, "{file:?} by {buffer}");
            }
        }
        assert_eq!(numbered("", 10), []);
        assert_eq!(numbered("\n\n", 10), []);
        assert_eq!(numbered("\u{feff}a\nb\n", 10), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_noticed() {
        assert_eq!(numbered("a\nb\n\"c,d\ne\n", 10).last().unwrap(), &("c,d\ne\n\n\u{1e}".to_owned(), 3));
    }
}
