//! Who takes letters: a mail server, or in development the terminal.
use std::{future::Future, pin::Pin};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::Letter;
use crate::error::Failure;

pub(super) type Sent<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// Takes a letter, or says why not.
pub(super) trait Transport: Send + Sync {
    fn send<'a>(&'a self, letter: &'a Letter, app_url: &'a str) -> Sent<'a>;
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
    fn send<'a>(&'a self, letter: &'a Letter, app_url: &'a str) -> Sent<'a> {
        Box::pin(async move {
            let unwritable = |error: &dyn std::fmt::Display| Failure(format!("it cannot be written: {error}"));
            let to: lettre::Address = letter.to.parse().map_err(|error| unwritable(&error))?;
            let message = Message::builder()
                .from(self.from.clone())
                .to(Mailbox::new(None, to))
                .subject(letter.subject())
                .header(ContentType::TEXT_PLAIN)
                .body(letter.body(app_url))
                .map_err(|error| unwritable(&error))?;
            self.transport.send(message).await.map(drop).map_err(|error| Failure(error.to_string()))
        })
    }
}

/// Development: the letter appears on standard error, link and all.
pub(super) struct Shown;

impl Transport for Shown {
    fn send<'a>(&'a self, letter: &'a Letter, app_url: &'a str) -> Sent<'a> {
        eprintln!("\n✉ To: {}\n  Subject: {}\n", letter.to, letter.subject());
        for line in letter.body(app_url).lines() {
            eprintln!("  {line}");
        }
        eprintln!();
        Box::pin(async { Ok(()) })
    }
}

/// Production without a mail server: nobody is told anything, and the log says so. A link in a log would be a key
/// under the mat.
pub(super) struct Unsent;

impl Transport for Unsent {
    fn send<'a>(&'a self, letter: &'a Letter, _: &'a str) -> Sent<'a> {
        tracing::error!(about = letter.about(), "a letter was not sent: set ROWHOUSE_SMTP_URL");
        Box::pin(async { Ok(()) })
    }
}
