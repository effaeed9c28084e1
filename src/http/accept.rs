//! Choosing among the media types an address offers (RFC 9110 §12.5.1).
use axum::http::{HeaderMap, header};
use mediatype::{MediaTypeList, Name, ReadParams as _};

use crate::{Error, Result};

/// How closely a range of the caller's names a type: not at all in particular, its family, or itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Any,
    Family,
    Exact,
}

/// One of the types offered, the first where the caller does not say (no `Accept`, or `*/*`).
///
/// The highest `q` wins; where it is equal, the type that is named rather than covered by a range, then the one that is
/// offered first. `q=0` refuses. Parameters other than `q` are not looked at, and a range that cannot be read counts
/// for nothing.
///
/// # Errors
/// `406` naming what is offered, when none of it is acceptable.
pub fn choose<T: Copy>(headers: &HeaderMap, offered: &[(&'static str, T)]) -> Result<T> {
    let lines: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().map(|line| line.to_str().unwrap_or_default()).collect();
    let accept = lines.join(",");
    if accept.trim().is_empty()
        && let Some((_, first)) = offered.first()
    {
        return Ok(*first);
    }
    let rated = offered.iter().filter_map(|(name, choice)| {
        let (closeness, quality) = rate(&accept, name)?;
        (quality > 0.0).then_some((quality, closeness, *choice))
    });
    // The first of equals, which `max_by` would not give.
    let best = rated.reduce(|best, next| if (next.0, next.1) > (best.0, best.1) { next } else { best });
    best.map(|(_, _, choice)| choice).ok_or_else(|| {
        let names: Vec<&str> = offered.iter().map(|(name, _)| *name).collect();
        Error::NotAcceptable(names.join(", "))
    })
}

/// What the closest of the caller's ranges says of a type; nothing where none covers it.
fn rate(accept: &str, offered: &str) -> Option<(Closeness, f32)> {
    let (family, member) = offered.split_once('/')?;
    let ranges = MediaTypeList::new(accept).filter_map(Result::ok);
    let matching = ranges.filter_map(|range| {
        let is = |name: &Name<'_>, text: &str| name.as_str().eq_ignore_ascii_case(text);
        let closeness = if is(&range.ty, family) && range.suffix.is_none() && is(&range.subty, member) {
            Closeness::Exact
        } else if is(&range.ty, family) && is(&range.subty, "*") {
            Closeness::Family
        } else if is(&range.ty, "*") && is(&range.subty, "*") {
            Closeness::Any
        } else {
            return None;
        };
        let quality = match range.get_param(mediatype::names::Q) {
            Some(quality) => quality.as_str().parse().ok().filter(|quality| (0.0..=1.0).contains(quality))?,
            None => 1.0,
        };
        Some((closeness, quality))
    });
    matching.reduce(|best, next| if next.0 > best.0 { next } else { best })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const OFFERED: &[(&str, char)] = &[("application/json", 'j'), ("text/csv", 'c'), ("application/x-ndjson", 'n')];

    fn chosen(lines: &[&str]) -> Option<char> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT, HeaderValue::from_str(line).unwrap());
        }
        choose(&headers, OFFERED).ok()
    }

    #[test]
    fn whoever_does_not_say_gets_the_first() {
        for lines in [&[][..], &[""], &[" "], &["*/*"], &["application/*"], &["*/*;q=0.1"], &["text/html, */*;q=0.5"]] {
            assert_eq!(chosen(lines), Some('j'), "{lines:?}");
        }
    }

    #[test]
    fn the_highest_quality_wins_then_the_name_then_what_is_offered_first() {
        for (line, expected) in [
            ("text/csv", 'c'),
            ("TEXT/CSV", 'c'),
            ("text/csv; charset=utf-8; header=present", 'c'),
            ("text/*", 'c'),
            ("application/x-ndjson", 'n'),
            ("application/json;q=0.5, text/csv;q=0.9", 'c'),
            ("application/json;q=0.5, text/csv;q=0.4, application/x-ndjson;q=0.501", 'n'),
            ("application/json, text/csv", 'j'),
            ("text/csv, application/json", 'j'),
            ("text/csv, */*", 'c'),
            ("*/*, application/json;q=0", 'c'),
            ("application/*;q=0.2, text/*;q=0.3", 'c'),
            ("application/*, application/json;q=0.1", 'n'),
            ("application/json; q=0.2 , text/csv;q=1.000", 'c'),
        ] {
            assert_eq!(chosen(&[line]), Some(expected), "{line}");
        }
        assert_eq!(chosen(&["text/html", "text/csv;q=0.1"]), Some('c'), "over several lines");
    }

    #[test]
    fn what_cannot_be_read_counts_for_nothing() {
        for line in
            ["text/html, image/gif, *; q=.2, */*; q=.2", "application/json;q=x, */*;q=0.1", "???, application/*"]
        {
            assert!(chosen(&[line]).is_some(), "{line}");
        }
        assert_eq!(chosen(&["text/csv;q=2, application/json;q=0.1"]), Some('j'));
        assert_eq!(chosen(&["text/csv;q=nan, application/json;q=0.1"]), Some('j'));
    }

    #[test]
    fn what_is_not_offered_is_refused_with_what_is() {
        for line in
            ["text/html", "application/xml, image/*", "*/*;q=0", "text/csv;q=0", "nonsense", "application/x-ndjson+x"]
        {
            assert_eq!(chosen(&[line]), None, "{line}");
        }
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("text/html"))]);
        let error = choose(&headers, OFFERED).unwrap_err();
        assert!(error.detail().contains("application/json, text/csv, application/x-ndjson"), "{error}");
    }
}
