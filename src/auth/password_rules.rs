//! What a new password has to be (NIST SP 800-63B-4 §3.1.1.2): long, and not one that is tried first. There are no
//! rules of composition.
use std::{collections::HashSet, sync::LazyLock};

use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;

/// Characters at least, of an account whose only factor it is.
const ALONE: usize = 15;
/// Characters at least, of an account with a second factor.
const WITH_SECOND_FACTOR: usize = 8;
/// Bytes at most: far beyond what anybody types, and a bound on the work.
const LONGEST: usize = 1024;

static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// One thing wrong with a new password: a stable word for programs, a sentence for people.
pub type Fault = (&'static str, String);

/// Everything that is wrong with a new password. `about` are words its owner is known by: address, name.
#[must_use]
pub fn password_faults(password: &SecretString, second_factor: bool, about: &[&str]) -> Vec<Fault> {
    let password: String = password.expose_secret().nfkc().collect();
    let mut faults = Vec::new();
    if password.len() > LONGEST {
        return vec![("too_long", format!("must have at most {LONGEST} bytes"))];
    }
    let least = if second_factor { WITH_SECOND_FACTOR } else { ALONE };
    if password.chars().count() < least {
        faults.push(("too_short", format!("must have at least {least} characters")));
    }
    if password.chars().any(char::is_control) {
        faults.push(("control_character", "must not contain control characters".to_owned()));
    }
    if is_guessable(&password.to_lowercase(), about) {
        faults.push(("too_common", "is among the first that anybody would try; choose another".to_owned()));
    }
    faults
}

/// Whether it is a common password, one made by repeating something short or common, a run of neighbours, or
/// what its owner or we are called, with little besides.
fn is_guessable(password: &str, about: &[&str]) -> bool {
    COMMON.contains(password)
        || repeated_part(password).is_some_and(|part| part.chars().count() < 8 || COMMON.contains(part))
        || is_run(password)
        || known_words(about).any(|word| {
            let rest: usize = password.split(word.as_str()).map(|part| part.chars().count()).sum();
            password.contains(word.as_str()) && rest < 6
        })
}

/// The shortest part that makes up the whole when repeated.
fn repeated_part(text: &str) -> Option<&str> {
    (1..=text.len() / 2)
        .filter(|length| text.len().is_multiple_of(*length) && text.is_char_boundary(*length))
        .map(|length| &text[..length])
        .find(|part| part.repeat(text.len() / part.len()) == text)
}

/// 123456789012345, abcdefghijklmno: each character follows the one before, 0 after 9.
fn is_run(text: &str) -> bool {
    let step = |pair: &[char]| match pair {
        ['9', '0'] => 1,
        ['0', '9'] => -1,
        [one, next] => i64::from(u32::from(*next)) - i64::from(u32::from(*one)),
        _ => 0,
    };
    let characters: Vec<char> = text.chars().collect();
    let mut steps = characters.windows(2).map(step);
    matches!(steps.next(), Some(first @ (1 | -1)) if steps.all(|step| step == first))
}

fn known_words<'a>(about: &'a [&'a str]) -> impl Iterator<Item = String> + 'a {
    let words = about.iter().flat_map(|text| {
        let whole = text.to_lowercase();
        let parts: Vec<String> = whole.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
        std::iter::once(whole).chain(parts)
    });
    words.chain(std::iter::once("rowhouse".to_owned())).filter(|word| word.chars().count() >= 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(password: &str, second_factor: bool) -> Vec<&'static str> {
        let faults = password_faults(&password.into(), second_factor, &["ada@acme.example", "Ada Lovelace"]);
        faults.into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn length_counts_characters_and_depends_on_the_second_factor() {
        assert_eq!(codes("", false), ["too_short"]);
        assert_eq!(codes("fourteen chars", false), ["too_short"]);
        assert_eq!(codes("fifteen chars !", false), [""; 0]);
        assert_eq!(codes("зелёный чайник 7", false), [""; 0]);
        assert_eq!(codes("eight ch", true), [""; 0]);
        assert_eq!(codes(&"long enough? ".repeat(20)[..64], false), [""; 0], "64 characters are taken");
        assert_eq!(codes(&"xyzzy plugh ".repeat(900), false), ["too_long"]);
    }

    #[test]
    fn what_anybody_would_try_first_is_refused() {
        for password in [
            "1q2w3e4r5t6y7u8i9o0p",
            "PasswordPassword",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabc",
            "1234567890123456",
            "ponmlkjihgfedcba",
            "ada@acme.example",
            "lovelacelovelace",
            "rowhouserowhouse1",
        ] {
            assert_eq!(codes(password, false), ["too_common"], "{password}");
        }
        assert_eq!(codes("password", true), ["too_common"]);
        assert_eq!(codes("lovelace went to the market", false), [""; 0]);
        assert_eq!(codes("a null \0 in the middle", false), ["control_character"]);
    }
}
