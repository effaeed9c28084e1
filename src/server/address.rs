//! Addresses that are written in different ways and are the same (RFC 3986 §6.2.2).
use axum::http::{Uri, uri::PathAndQuery};

/// Writes characters that need no percent-encoding as they are (RFC 3986 §6.2.2.2): everybody after this, routes, limits
/// and logs, sees one path. Others stay encoded: `%2F` is no slash, and what is decoded once is not decoded again.
pub(super) fn normalise(uri: &mut Uri) {
    let Some(path) = decoded(uri.path()) else { return };
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let Ok(path_and_query) = PathAndQuery::try_from(text) else { return };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    if let Ok(normal) = Uri::from_parts(parts) {
        *uri = normal;
    }
}

/// The path, if it is to be written in another way.
fn decoded(path: &str) -> Option<String> {
    if !path.contains('%') {
        return None;
    }
    let mut parts = path.split('%');
    let mut text = parts.next()?.to_owned();
    let mut changed = false;
    for part in parts {
        let byte = part.get(..2).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                changed = true;
                text.push(char::from(byte));
                text.push_str(&part[2..]);
            }
            _ => {
                text.push('%');
                text.push_str(part);
            }
        }
    }
    changed.then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(uri: &str) -> String {
        let mut uri = uri.parse().unwrap();
        normalise(&mut uri);
        uri.to_string()
    }

    #[test]
    fn what_needs_no_encoding_is_written_as_it_is_and_everything_else_stays() {
        for (written, meant) in [
            ("/api/v1/%70rojects", "/api/v1/projects"),
            ("/%61%2D%2e%5F%7e%39?q=%61", "/a-._~9?q=%61"),
            ("http://acme.localhost/%6Civez", "http://acme.localhost/livez"),
            ("/a%2Fb", "/a%2Fb"),
            ("/%2570rojects", "/%2570rojects"),
            ("/%25%37%30", "/%2570"),
            ("/%00%20%C3%A9%3f%23", "/%00%20%C3%A9%3f%23"),
            ("/%zz%7", "/%zz%7"),
            ("/%", "/%"),
        ] {
            assert_eq!(normal(written), meant, "{written}");
        }
    }

    proptest! {
        #[test]
        fn whoever_decodes_it_reads_the_same(path in "(/|%[0-9a-fA-F]{2}|[a-z0-9._~-]|%25|%2F){1,12}") {
            let uri = format!("/{path}");
            let decode = |text: &str| -> Vec<u8> {
                form_urlencoded::parse(text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D").as_bytes())
                    .next().map(|(name, _)| name.into_owned().into_bytes()).unwrap_or_default()
            };
            let written = normal(&uri);
            prop_assert_eq!(decode(&written), decode(&uri));
            prop_assert_eq!(written.matches('/').count(), uri.matches('/').count());
            prop_assert_eq!(normal(&written), written);
        }
    }
}
