//! What can be said of a body before any of it is read, and before the caller is told to send it (RFC 9110 §10.1.1).
use axum::http::{HeaderMap, header};

use crate::Error;

/// Refuses a body that says it is longer than the limit, or that is compressed; nothing here takes bodies apart.
pub(super) fn refuse(headers: &HeaderMap, most: u64) -> Option<Error> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most) {
        return Some(Error::PayloadTooLarge(usize::try_from(most).unwrap_or(usize::MAX)));
    }
    let available = length.is_some_and(|length| length > 0) || headers.contains_key(header::TRANSFER_ENCODING);
    (available && is_coded(headers)).then_some(Error::UnsupportedCoding)
}

/// Whether there is a content coding but the one that is none (RFC 9110 §8.4.1, §12.5.3).
fn is_coded(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::CONTENT_ENCODING).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).any(|coding| {
        let coding = coding.trim_ascii();
        !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(lines: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        refuse(&headers, 100).map(|error| error.kind().1)
    }

    #[test]
    fn a_body_too_long_or_coded_is_refused_unread() {
        assert_eq!(refused(&[("content-length", "101")]), Some("payload_too_large"));
        assert_eq!(refused(&[("content-length", "100")]), None);
        for coded in ["gzip", "GZIP", "br", "zstd", "identity, gzip", "x-made-up", "gzip, br"] {
            let expected = Some("unsupported_content_coding");
            assert_eq!(refused(&[("content-length", "1"), ("content-encoding", coded)]), expected, "{coded}");
            assert_eq!(refused(&[("transfer-encoding", "chunked"), ("content-encoding", coded)]), expected, "{coded}");
            assert_eq!(refused(&[("content-encoding", coded)]), None, "there is no body");
        }
        for plain in ["identity", "Identity", "", " ,identity"] {
            assert_eq!(refused(&[("content-length", "1"), ("content-encoding", plain)]), None, "{plain}");
        }
        let lines = [("content-length", "1"), ("content-encoding", "identity"), ("content-encoding", "gzip")];
        assert_eq!(refused(&lines), Some("unsupported_content_coding"));
    }
}
