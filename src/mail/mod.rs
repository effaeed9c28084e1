//! Letters: written here, sent in the background, tried a few times. A request never waits for a mail server, so
//! how long it takes says nothing about whether a letter was sent. It takes a place for its letter before it promises one:
//! where there is none its caller is told, and what was promised is not dropped for want of room.
mod boxes;
mod messages;
mod senders;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use boxes::Boxes;
pub use messages::{Letter, Link};
use senders::{Shown, Smtp, Transport, Unsent};

use crate::{Error, Result, error::Failure, telemetry::trace_id};

/// Letters promised or on their way at a time.
const PLACES: usize = 1024;
/// Letters handed over at a time.
const HANDS: usize = 32;
/// Invitations that may wait for one address; letters of every other kind wait there once.
const INVITATIONS: usize = 8;
/// Waits between the tries to hand a letter over.
const TRIES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(20)];

/// How letters are sent.
#[derive(Clone, Copy)]
pub struct MailOptions<'a> {
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
pub struct Mailer {
    transport: Arc<dyn Transport>,
    app_url: Arc<str>,
    places: Arc<Semaphore>,
    hands: Arc<Semaphore>,
    boxes: Arc<Boxes>,
}

/// Room for one letter, until it is sent or given up.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held, and given back when dropped")] OwnedSemaphorePermit);

impl Mailer {
    /// Reads the options; connects to nobody yet.
    pub fn new(options: &MailOptions<'_>) -> Result<Self, Failure> {
        let transport: Arc<dyn Transport> = match options.smtp_url {
            Some(url) => Arc::new(Smtp::new(url, options.from)?),
            None if options.show => Arc::new(Shown),
            None => Arc::new(Unsent),
        };
        Ok(Self {
            transport,
            app_url: options.app_url.trim_end_matches('/').into(),
            places: Arc::new(Semaphore::new(PLACES)),
            hands: Arc::new(Semaphore::new(HANDS)),
            boxes: Arc::default(),
        })
    }

    /// A place for a letter that is about to be promised, to whomever; `503` when there is none. Taken before anything is
    /// looked up, so that it tells nothing of who has an account.
    pub fn place(&self) -> Result<Place> {
        self.places.clone().try_acquire_owned().map(Place).map_err(|_| Error::Busy)
    }

    /// A place for an invitation; `503` when there is none, or when as many wait for the address as may.
    pub fn place_for_invitation(&self, to: &str) -> Result<Place> {
        if self.boxes.invitations(to) >= INVITATIONS { Err(Error::Busy) } else { self.place() }
    }

    /// Sends a letter when there is time, after those that wait for the same address; one that says the same takes the place
    /// of the one before. What becomes of it is for the log.
    pub fn send(&self, place: Place, letter: Letter) {
        self.send_for(trace_id(), place, letter);
    }

    fn send_for(&self, trace_id: String, place: Place, letter: Letter) {
        let to = letter.to.clone();
        if let Some(first) = self.boxes.put(place, letter, trace_id) {
            let post = self.clone();
            tokio::spawn(async move {
                let mut next = Some(first);
                while let Some(waiting) = next {
                    post.deliver(&waiting).await;
                    drop(waiting);
                    next = post.boxes.next(&to);
                }
            });
        }
    }

    async fn deliver(&self, waiting: &boxes::Waiting) {
        let (letter, trace_id) = (&waiting.letter, &waiting.trace_id);
        for wait in TRIES {
            tokio::time::sleep(wait).await;
            // Whoever waits to try again holds no hand.
            let _hand = self.hands.acquire().await;
            match self.transport.send(letter, &self.app_url).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(trace_id, about = letter.about(), %error, "a letter was not taken"),
            }
        }
        tracing::error!(trace_id, about = letter.about(), "a letter was given up");
    }

    /// Finds out behind the caller's back whether there is a letter to send, and sends it: an answer that comes before
    /// anything is looked up tells nothing by the time it takes.
    pub fn send_after(&self, place: Place, letter: impl Future<Output = Result<Option<Letter>>> + Send + 'static) {
        let trace_id = trace_id();
        let post = self.clone();
        tokio::spawn(async move {
            match letter.await {
                Ok(Some(letter)) => post.send_for(trace_id, place, letter),
                Ok(None) => {}
                Err(error) => tracing::error!(trace_id, %error, "whether to send a letter could not be found out"),
            }
        });
    }

    /// Waits until the letters under way are sent or given up, but no longer than this.
    pub async fn finish(&self, within: Duration) {
        let all = u32::try_from(PLACES).unwrap_or(u32::MAX);
        if tokio::time::timeout(within, self.places.acquire_many(all)).await.is_err() {
            tracing::warn!("letters were still under way");
        }
    }
}
