//! Letters: what they say, how they are written down in the transaction that causes them, and who takes them. Sending is a worker's
//! (`work::letters`): a request never waits for a mail server, so how long it takes says nothing about whether a letter was sent.
mod messages;
mod outbox;
mod senders;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;

pub use messages::{Letter, Link};
pub use outbox::{About, Content, NewLetter};
use senders::{Nobody, Shown, Smtp, Transport};
pub use senders::{Sending, Unsent};

use crate::error::Failure;

/// How long a mail server may take for one letter.
const PATIENCE: Duration = Duration::from_mins(1);

/// How letters are sent.
#[derive(Clone, Copy)]
pub struct MailOptions<'a> {
    /// The server that takes them; without one they are shown, or wait.
    pub smtp_url: Option<&'a SecretString>,
    /// Whom they are from.
    pub from: &'a str,
    /// Where their links lead.
    pub app_url: &'a str,
    /// Whether letters that no server takes are printed, links and all: in development alone.
    pub show: bool,
}

/// Hands letters over.
#[derive(Clone)]
pub struct Mailer {
    transport: Arc<dyn Transport>,
    app_url: Arc<str>,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("app_url", &self.app_url).finish_non_exhaustive()
    }
}

impl Mailer {
    /// Reads the options; connects to nobody yet.
    pub fn new(options: &MailOptions<'_>) -> Result<Self, Failure> {
        let transport: Arc<dyn Transport> = match options.smtp_url {
            Some(url) => Arc::new(Smtp::new(url, options.from)?),
            None if options.show => Arc::new(Shown),
            None => Arc::new(Nobody),
        };
        Ok(Self { transport, app_url: options.app_url.trim_end_matches('/').into() })
    }

    /// Hands a letter over. Whoever took it may have done so even where this fails: a server that says nothing in time, or a connection
    /// that is lost behind the last line.
    pub async fn send(&self, letter: &Letter) -> Result<(), Unsent> {
        match tokio::time::timeout(PATIENCE, self.transport.send(letter, &self.app_url)).await {
            Ok(sent) => sent,
            Err(_) => Err(Unsent::later("the mail server took longer than a minute")),
        }
    }
}
