//! What letters say. Names that people gave themselves or their tenants are quoted, short, and no link, so that nobody writes
//! a letter in our name; tokens travel behind a #, which browsers send to no server.
use std::fmt::Write as _;

use unicode_normalization::char::is_combining_mark;

use crate::line::breaks_line;

/// A letter to one person.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The address.
    pub to: String,
    /// What it is about.
    pub link: Link,
}

/// What a letter is about, with the token it carries.
#[derive(Clone)]
#[expect(missing_docs, reason = "the fields say what the variants do")]
pub enum Link {
    /// Confirms an address after signing up.
    ConfirmAddress { token: String },
    /// Lets whoever owns an address that was signed up more than once choose the password.
    ChoosePassword { token: String },
    /// Somebody signed up with an address that has an account.
    AccountExists,
    /// Sets a new password.
    ResetPassword { name: String, token: String },
    /// Confirms a new address for an account.
    ConfirmNewAddress { name: String, token: String },
    /// Somebody wants an address for their account that has one of its own.
    AddressTaken,
    /// Tells the former address that it is no longer the account's.
    AddressChanged { name: String, new: String },
    /// Tells that a password was set.
    PasswordChanged { name: String },
    /// Invites to a tenant.
    Invitation { tenant: String, inviter: Option<String>, token: String },
}

/// Tokens are not for logs.
impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.about())
    }
}

impl Link {
    fn about(&self) -> &'static str {
        match self {
            Self::ConfirmAddress { .. } => "confirm address",
            Self::ChoosePassword { .. } => "choose password",
            Self::AccountExists => "account exists",
            Self::ResetPassword { .. } => "reset password",
            Self::ConfirmNewAddress { .. } => "confirm new address",
            Self::AddressTaken => "address taken",
            Self::AddressChanged { .. } => "address changed",
            Self::PasswordChanged { .. } => "password changed",
            Self::Invitation { .. } => "invitation",
        }
    }
}

/// Characters of a name, at most.
const LONGEST_NAME: usize = 60;

/// A name as it can stand in a sentence of ours: quoted, in one line, not too long. Letters, digits and what joins words stay;
/// what addresses are made of does not, and a dot stays only where it ends a word, so that no reader of mail makes a link
/// of it.
fn quoted(name: &str) -> String {
    let mut plain = String::new();
    let mut characters = name.chars().peekable();
    while let Some(c) = characters.next() {
        let ends = |next: &char| next.is_whitespace() || *next == ',';
        let stays = c.is_alphanumeric()
            || is_combining_mark(c)
            || matches!(c, '-' | '\'' | '\u{2019}' | '&' | ',' | '+' | '!' | '(' | ')')
            || c == '.' && characters.peek().is_none_or(ends);
        if stays {
            plain.push(c);
        } else if !plain.ends_with(' ') && !breaks_line(c) {
            plain.push(' ');
        }
    }
    let plain = plain.trim();
    let cut: String = plain.chars().take(LONGEST_NAME).collect();
    if cut.len() < plain.len() { format!("\"{}...\"", cut.trim_end()) } else { format!("\"{cut}\"") }
}

/// An address as it can stand in a sentence.
fn address(address: &str) -> String {
    address.chars().filter(|c| !breaks_line(*c)).collect()
}

impl Letter {
    /// For logs, which hold neither addresses nor tokens.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.link.about()
    }

    /// The subject line.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.link {
            Link::ConfirmAddress { .. } | Link::ConfirmNewAddress { .. } => "Confirm your e-mail address".to_owned(),
            Link::ChoosePassword { .. } => "Choose a password".to_owned(),
            Link::AccountExists => "You have an account already".to_owned(),
            Link::ResetPassword { .. } => "Set a new password".to_owned(),
            Link::AddressTaken => "This address has an account of its own".to_owned(),
            Link::AddressChanged { .. } => "Your e-mail address was changed".to_owned(),
            Link::PasswordChanged { .. } => "Your password was changed".to_owned(),
            Link::Invitation { tenant, .. } => format!("Join {}", quoted(tenant)),
        }
    }

    /// The text, with a link under `app_url`.
    #[must_use]
    pub fn body(&self, app_url: &str) -> String {
        let mut text = String::new();
        let _ = match &self.link {
            // Whoever signed up typed the name; nobody knows yet whose address it is, so the letter does not repeat it.
            Link::ConfirmAddress { token } => write!(
                text,
                "Hello,\n\nopen this link within a day to confirm your address, then sign in:\n\n{app_url}/verify-email#token={token}\n\nIf it was not you who signed up, do nothing: without the link the account cannot be used.\n"
            ),
            Link::ChoosePassword { token } => write!(
                text,
                "Hello,\n\nsomebody signed up with this address more than once. If it was you, open this link within a day to choose\nthe password of your account:\n\n{app_url}/reset-password#token={token}\n\nIf it was not you, do nothing: without the link the account cannot be used.\n"
            ),
            Link::AccountExists => write!(
                text,
                "Hello,\n\nsomebody, perhaps you, tried to sign up with this address, which has an account already.\nSign in at {app_url}, or set a new password there if you have forgotten yours.\n\nIf it was not you, do nothing.\n"
            ),
            Link::ResetPassword { name, token } => write!(
                text,
                "Hello {},\n\nopen this link within an hour to set a new password:\n\n{app_url}/reset-password#token={token}\n\nYou will be signed out everywhere. If it was not you who asked for it, do nothing.\n",
                quoted(name)
            ),
            Link::ConfirmNewAddress { name, token } => write!(
                text,
                "Hello {},\n\nopen this link within a day to make this the address of your account:\n\n{app_url}/verify-email#token={token}\n\nIf it was not you who asked for it, do nothing.\n",
                quoted(name)
            ),
            Link::AddressTaken => write!(
                text,
                "Hello,\n\nsomebody, perhaps you, wants this address for another account, but it has one of its own.\nIf it was not you, do nothing.\n"
            ),
            Link::AddressChanged { name, new } => write!(
                text,
                "Hello {},\n\nthe address of your account is {} from now on, and no longer this one.\nIf it was not you who changed it, tell whoever runs {app_url} at once.\n",
                quoted(name),
                address(new)
            ),
            Link::PasswordChanged { name } => write!(
                text,
                "Hello {},\n\nthe password of your account was changed.\nIf it was not you, set a new one at {app_url} at once, and tell whoever runs it.\n",
                quoted(name)
            ),
            Link::Invitation { tenant, inviter, token } => {
                let inviter = inviter
                    .as_deref()
                    .map_or("You are invited".to_owned(), |name| format!("{} invites you", quoted(name)));
                write!(
                    text,
                    "Hello,\n\n{inviter} to join {}. Open this link within a week:\n\n{app_url}/invitation#token={token}\n\nIf you do not know what this is about, do nothing.\n",
                    quoted(tenant)
                )
            }
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(tenant: &str, inviter: Option<&str>) -> Letter {
        let link = Link::Invitation {
            tenant: tenant.to_owned(),
            inviter: inviter.map(str::to_owned),
            token: "t0ken".to_owned(),
        };
        Letter { to: "ada@acme.example".to_owned(), link }
    }

    #[test]
    fn a_name_cannot_add_lines_to_a_letter() {
        let letter = invitation("Acme\r\nBcc: everyone@example.com\n\nSend money to", None);
        assert!(!letter.subject().contains(['\r', '\n']));
        assert_eq!(letter.body("https://app.example").lines().filter(|line| line.starts_with("Bcc")).count(), 0);
        assert!(letter.body("https://app.example").contains("https://app.example/invitation#token=t0ken"));
        assert_eq!(format!("{:?}", letter.link), "invitation", "no token in a log");
    }

    #[test]
    fn a_name_is_quoted_and_stays_what_it_is() {
        for (name, said) in [
            ("Acme", "\"Acme\""),
            ("Acme Rockets, Inc.", "\"Acme Rockets, Inc.\""),
            ("St. John & Sons (West)", "\"St. John & Sons (West)\""),
            ("O'Brien-M\u{fc}ller", "\"O'Brien-M\u{fc}ller\""),
            ("\u{65e5}\u{672c}\u{8a9e}", "\"\u{65e5}\u{672c}\u{8a9e}\""),
            ("\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}", "\"\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}\""),
            ("a \u{202e}b\u{2066}c\u{200b}d", "\"a bc d\""),
            ("x\" <b>", "\"x b\""),
            ("://", "\"\""),
        ] {
            assert_eq!(quoted(name), said, "{name:?}");
        }
        assert_eq!(quoted(&"long ".repeat(40)), format!("\"{}...\"", "long ".repeat(12).trim_end()));
    }

    #[test]
    fn no_name_is_a_link() {
        for bait in [
            "Your account is locked, open http://evil.example/login",
            "evil.example",
            "www.evil.example",
            "evil.example.",
            "see evil.example, now",
            "hxxps:\\\\evil.example",
            "pay@evil.example",
            "mailto:pay@evil.example",
            "evil\u{ff0e}example evil\u{3002}example evil\u{2024}example",
            "//evil.example/x?y=z#w",
            "[x](https://evil.example)",
            "evil.ex\u{200b}ample",
        ] {
            for letter in [invitation(bait, Some(bait)), reset(bait)] {
                let text = format!("{}\n{}", letter.subject(), letter.body("https://app.example"));
                let text = text.replace("https://app.example", "");
                for joins in ['.', ':', '/', '\\', '@', '\u{ff0e}', '\u{3002}', '\u{2024}'] {
                    let mut around = text.match_indices(joins).map(|(at, found)| &text[at + found.len()..]);
                    let linked = around.any(|rest| {
                        rest.starts_with(|c: char| {
                            c.is_alphanumeric()
                                && !rest.starts_with("invitation#")
                                && !rest.starts_with("reset-password#")
                        })
                    });
                    assert!(!linked, "{joins} in {text}");
                }
            }
        }
    }

    fn reset(name: &str) -> Letter {
        let link = Link::ResetPassword { name: name.to_owned(), token: "t0ken".to_owned() };
        Letter { to: "ada@acme.example".to_owned(), link }
    }
}
