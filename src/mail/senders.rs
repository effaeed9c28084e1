//! Who takes letters: a mail server, or in development the terminal.
use std::{future::Future, pin::Pin};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::Letter;
use crate::error::Failure;

/// A letter on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Unsent>> + Send + 'a>>;

/// Why a letter was not taken.
#[derive(Clone, Debug)]
pub struct Unsent {
    /// Whether it would not be taken later either: an address that is none, or that the mail server refuses for good.
    pub for_good: bool,
    /// For the log: what the server said.
    pub why: String,
}

impl Unsent {
    pub(super) fn later(why: &str) -> Self {
        Self { for_good: false, why: why.to_owned() }
    }

    fn never(why: String) -> Self {
        Self { for_good: true, why }
    }
}

/// Takes a letter, or says why not.
pub(super) trait Transport: Send + Sync {
    fn send<'a>(&'a self, letter: &'a Letter, app_url: &'a str) -> Sending<'a>;
}

/// A mail server (RFC 5321), over TLS where the URL says so.
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    pub(super) fn new(url: &SecretString, from: &str) -> Result<Self, Failure> {
        let url = url.expose_secret();
        let from = from.parse().map_err(|error| Failure(format!("{from} is nobody letters can be from: {error}")))?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            // The URL holds a password: the reason alone is printed.
            .map_err(|error| Failure(format!("ROWHOUSE_SMTP_URL cannot be used: {error}")))?
            .build();
        Ok(Self { transport, from })
    }
}

impl Transport for Smtp {
    fn send<'a>(&'a self, letter: &'a Letter, app_url: &'a str) -> Sending<'a> {
        Box::pin(async move {
            let unwritable = |error: &dyn std::fmt::Display| Unsent::never(format!("it cannot be written: {error}"));
            let to: lettre::Address = letter.to.parse().map_err(|error| unwritable(&error))?;
            let message = Message::builder()
                .from(self.from.clone())
                .to(Mailbox::new(None, to))
                .subject(letter.subject())
                .header(ContentType::TEXT_PLAIN)
                .body(letter.body(app_url))
                .map_err(|error| unwritable(&error))?;
            let refused = |error: lettre::transport::smtp::Error| Unsent {
                for_good: error.is_permanent(),
                why: error.to_string(),
            };
            self.transport.send(message).await.map(drop).map_err(refused)
        })
    }
}

/// Development: the letter appears on standard error, link and all.
pub(super) struct Shown;

impl Transport for Shown {
    fn send<'a>(&'a self, letter: &'a Letter, app_url: &'a str) -> Sending<'a> {
        eprintln!("\n✉ To: {}\n  Subject: {}\n", letter.to, letter.subject());
        for line in letter.body(app_url).lines() {
            eprintln!("  {line}");
        }
        eprintln!();
        Box::pin(async { Ok(()) })
    }
}

/// Production without a mail server: letters wait for one, and the log says so. A link in a log would be a key under the mat.
pub(super) struct Nobody;

impl Transport for Nobody {
    fn send<'a>(&'a self, _: &'a Letter, _: &'a str) -> Sending<'a> {
        Box::pin(async { Err(Unsent::later("there is no mail server: set ROWHOUSE_SMTP_URL")) })
    }
}
