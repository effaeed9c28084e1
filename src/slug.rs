//! From a tenant's name to the label of its subdomain (RFC 1035 §2.3.1). Which labels are reserved, the database says
//! (`registry.reserved_slug`).
use crate::{Result, digest::sha256};

/// Labels to try for a name, the plainest first: with nothing, something and much at random behind it. `seed` is
/// what the random part follows from.
pub(crate) fn candidates(name: &str, seed: &[u8]) -> Vec<String> {
    let mut plain = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            plain.push(c);
        } else if !plain.is_empty() && !plain.ends_with('-') {
            plain.push('-');
        }
    }
    plain.truncate(40);
    let plain = plain.trim_matches('-');
    let plain = if plain.is_empty() { "tenant" } else { plain };
    let random: String = sha256(seed)
        .iter()
        .map(|byte| char::from(b"abcdefghijkmnpqrstuvwxyz23456789"[usize::from(byte % 32)]))
        .collect();
    let with = |length: usize| format!("{plain}-{}", &random[..length]);
    vec![plain.to_owned(), with(4), with(12)]
}

/// A label that was asked for; the sentence says why it is none.
pub(crate) fn check(slug: &str) -> Result<(), &'static str> {
    let bytes = slug.as_bytes();
    let fits = (1..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    if fits {
        Ok(())
    } else {
        Err("must be 1 to 63 lower-case letters, digits and hyphens, with none of these at the ends: -")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_labels_that_are_labels() {
        assert_eq!(candidates("Acme Rockets, Inc.", b"seed")[0], "acme-rockets-inc");
        for name in ["", "日本", "---", "api", "Ünïcode Straße", &"long name ".repeat(30)] {
            let all = candidates(name, b"seed");
            assert!(all.len() >= 2);
            for slug in all {
                assert_eq!(check(&slug), Ok(()), "{name:?}: {slug}");
            }
        }
        for wrong in ["", "-a", "a-", "A", "a.b", &"a".repeat(64)] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
    }
}
