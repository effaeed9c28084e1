//! Values of headers that are put together for each answer.
use std::{fmt, io::Write as _};

use axum::http::{HeaderMap, HeaderValue};

/// As long as one may be; ours have a few numbers.
const LONGEST: usize = 512;

/// A value, written without a text of its own in between; none where it is too long or cannot stand in a header.
#[must_use]
pub fn value(text: fmt::Arguments<'_>) -> Option<HeaderValue> {
    let mut buffer = [0_u8; LONGEST];
    let mut rest = &mut buffer[..];
    rest.write_fmt(text).ok()?;
    let written = LONGEST - rest.len();
    HeaderValue::from_bytes(&buffer[..written]).ok()
}

/// Room for those that an answer usually has, made once.
#[must_use]
pub fn room() -> HeaderMap {
    HeaderMap::with_capacity(12)
}
