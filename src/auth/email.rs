//! E-mail addresses in the one form in which they are kept and compared.

/// Lower case, without the dots a domain may end with, and without what clings to it when it is copied: white space and
/// characters that nobody sees, before and behind. None when it cannot be anybody's address. What a mail
/// server would make of two spellings of the part before the @ is its own affair.
#[must_use]
pub fn normal(email: &str) -> Option<String> {
    let clings = |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}');
    let email = email.trim_matches(clings).trim_end_matches('.').to_lowercase();
    let (_, domain) = email.rsplit_once('@')?;
    // A name with a dot in it, and no address: mail goes to somebody's mail server and not to a machine. International
    // names have one form, xn--, so that two spellings are not two accounts.
    let is_name = domain.contains('.')
        && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        && domain.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()));
    let fits = email.len() <= 254
        && is_name
        && !email.contains('"')
        && !email.contains(clings)
        && email.parse::<lettre::Address>().is_ok();
    fits.then_some(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_form_and_what_is_none_has_none() {
        assert_eq!(normal("Ada@ACME.Example.").as_deref(), Some("ada@acme.example"));
        assert_eq!(normal("ada+tag@acme.example..").as_deref(), Some("ada+tag@acme.example"));
        for clings in [" ", "\t", "\n", "\r\n", "\u{a0}", "\u{3000}", "\u{200b}", "\u{feff}", " \u{200d}\n "] {
            let copied = format!("{clings}ada@acme.example{clings}");
            assert_eq!(normal(&copied).as_deref(), Some("ada@acme.example"), "{copied:?}");
            assert_eq!(normal(&format!("ada{clings}@acme.example")), None, "{clings:?}");
            assert_eq!(normal(clings), None);
        }
        for wrong in [
            "",
            "ada",
            "@acme.example",
            "ada@",
            "a b@acme.example",
            "ada@acme\0.example",
            "ada@localhost",
            "ada@[127.0.0.1]",
            "ada@1.2",
            "\"a b\"@acme.example",
            "ada@n\u{e9}w.example",
        ] {
            assert_eq!(normal(wrong), None, "{wrong:?}");
        }
        assert_eq!(normal(&format!("{}@acme.example", "a".repeat(300))), None);
    }
}
