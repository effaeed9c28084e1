//! What letters say. Names that people gave themselves are put in one line, so that nobody writes a letter in our
//! name; tokens travel behind a #, which browsers send to no server.
use std::fmt::Write as _;

use crate::http::validate::breaks_line;

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

/// A name as it can stand in a sentence: one line, not too long.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !breaks_line(*c)).take(100).collect()
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
            Link::Invitation { tenant, .. } => format!("Join {}", plain(tenant)),
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
                plain(name)
            ),
            Link::ConfirmNewAddress { name, token } => write!(
                text,
                "Hello {},\n\nopen this link within a day to make this the address of your account:\n\n{app_url}/verify-email#token={token}\n\nIf it was not you who asked for it, do nothing.\n",
                plain(name)
            ),
            Link::AddressTaken => write!(
                text,
                "Hello,\n\nsomebody, perhaps you, wants this address for another account, but it has one of its own.\nIf it was not you, do nothing.\n"
            ),
            Link::AddressChanged { name, new } => write!(
                text,
                "Hello {},\n\nthe address of your account is {} from now on, and no longer this one.\nIf it was not you who changed it, tell whoever runs {app_url} at once.\n",
                plain(name),
                plain(new)
            ),
            Link::PasswordChanged { name } => write!(
                text,
                "Hello {},\n\nthe password of your account was changed.\nIf it was not you, set a new one at {app_url} at once, and tell whoever runs it.\n",
                plain(name)
            ),
            Link::Invitation { tenant, inviter, token } => {
                let inviter = inviter
                    .as_deref()
                    .map_or("You are invited".to_owned(), |name| format!("{} invites you", plain(name)));
                write!(
                    text,
                    "Hello,\n\n{inviter} to join {}. Open this link within a week:\n\n{app_url}/invitation#token={token}\n\nIf you do not know what this is about, do nothing.\n",
                    plain(tenant)
                )
            }
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_add_lines_to_a_letter() {
        let tenant = "Acme\r\nBcc: everyone@example.com\n\nSend money to".to_owned();
        let letter = Letter {
            to: "ada@acme.example".to_owned(),
            link: Link::Invitation { tenant, inviter: None, token: "t0ken".to_owned() },
        };
        assert!(!letter.subject().contains(['\r', '\n']));
        assert_eq!(letter.body("https://app.example").lines().filter(|line| line.starts_with("Bcc")).count(), 0);
        assert!(letter.body("https://app.example").contains("https://app.example/invitation#token=t0ken"));
        assert_eq!(format!("{:?}", letter.link), "invitation", "no token in a log");
    }
}
