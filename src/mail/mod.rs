//! Letters: written here, sent in the background, tried a few times. A request never waits for a mail server, so
//! how long it takes says nothing about whether a letter was sent.
mod letters;
mod senders;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio::sync::Semaphore;

pub use letters::{Letter, Link};
use senders::{Mailer, Shown, Smtp, Unsent};

use crate::{error::Failure, telemetry::trace_id};

/// Letters on their way at a time; more are refused, loudly, rather than kept in memory without end.
const UNDER_WAY: usize = 256;
/// Waits between the tries to hand a letter over.
const TRIES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(20)];

/// How letters are sent.
#[derive(Clone, Copy)]
pub struct PostOptions<'a> {
    /// The server that takes them; without one they are shown, or not sent at all.
    pub smtp_url: Option<&'a SecretString>,
    /// Whom they are from.
    pub from: &'a str,
    /// Where their links lead.
    pub app_url: &'a str,
    /// Whether letters that no server takes are printed, links and all: in development alone.
    pub show: bool,
}

/// Sends letters.
#[derive(Clone)]
pub struct Post {
    mailer: Arc<dyn Mailer>,
    app_url: Arc<str>,
    room: Arc<Semaphore>,
}

impl Post {
    /// Reads the options; connects to nobody yet.
    pub fn new(options: &PostOptions<'_>) -> Result<Self, Failure> {
        let mailer: Arc<dyn Mailer> = match options.smtp_url {
            Some(url) => Arc::new(Smtp::new(url, options.from)?),
            None if options.show => Arc::new(Shown),
            None => Arc::new(Unsent),
        };
        let app_url = options.app_url.trim_end_matches('/').into();
        Ok(Self { mailer, app_url, room: Arc::new(Semaphore::new(UNDER_WAY)) })
    }

    /// Sends a letter when there is time. What becomes of it is for the log.
    pub fn send(&self, letter: Letter) {
        let trace_id = trace_id();
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            tracing::error!(trace_id, about = letter.about(), "a letter was not sent: too many are under way");
            return;
        };
        let (mailer, app_url) = (self.mailer.clone(), self.app_url.clone());
        tokio::spawn(async move {
            let _place = place;
            for wait in TRIES {
                tokio::time::sleep(wait).await;
                match mailer.send(&letter, &app_url).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(trace_id, about = letter.about(), %error, "a letter was not taken"),
                }
            }
            tracing::error!(trace_id, about = letter.about(), "a letter was given up");
        });
    }

    /// Finds out behind the caller's back whether there is a letter to send, and sends it: an answer that comes before
    /// anything is looked up tells nothing by the time it takes.
    pub fn send_after(&self, letter: impl Future<Output = crate::Result<Option<Letter>>> + Send + 'static) {
        let trace_id = trace_id();
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            tracing::error!(trace_id, "a letter was not looked for: too many are under way");
            return;
        };
        let post = self.clone();
        tokio::spawn(async move {
            let _place = place;
            match letter.await {
                Ok(Some(letter)) => post.send(letter),
                Ok(None) => {}
                Err(error) => tracing::error!(trace_id, %error, "whether to send a letter could not be found out"),
            }
        });
    }

    /// Waits until the letters under way are sent or given up, but no longer than this.
    pub async fn finish(&self, within: Duration) {
        let all = u32::try_from(UNDER_WAY).unwrap_or(u32::MAX);
        if tokio::time::timeout(within, self.room.acquire_many(all)).await.is_err() {
            tracing::warn!("letters were still under way");
        }
    }
}
