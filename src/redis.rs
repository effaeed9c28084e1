//! Redis, which may be slow, away, full, restarted empty, or lie: a request waits for it a twentieth of a second at most,
//! a few requests do, and then none until it is back. Shared by all who ask it something.
use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use redis::{
    Client, ErrorKind, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSub},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::Failure;

/// How long a request waits for an answer.
const PATIENCE: Duration = Duration::from_millis(50);
/// Failures in a row after which nobody asks any more.
const FAILURES: u32 = 3;
/// How long after that it is tried first; each time twice as long as before, up to the last.
const TRIED_AFTER: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How long a new connection may take; nobody waits for it.
const CONNECT: Duration = Duration::from_secs(1);

/// A Redis server, or one that speaks its protocol.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    client: Client,
    connection: RwLock<ConnectionManager>,
    failures: AtomicU32,
    away: AtomicBool,
}

/// It is away, slow, or did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

impl Redis {
    /// Prepares it; connects when it is first asked. Within a Tokio runtime.
    pub fn open(url: &SecretString) -> Result<Self, Failure> {
        // What the crate says of a URL may hold its password.
        let wrong = |_| Failure("REDIS_URL is no address of a Redis, such as redis://localhost:6379/0".to_owned());
        let client = Client::open(url.expose_secret()).map_err(wrong)?;
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config()).map_err(wrong)?;
        Ok(Self(Arc::new(Inner {
            client,
            connection: RwLock::new(connection),
            failures: AtomicU32::new(0),
            away: AtomicBool::new(false),
        })))
    }

    /// Whether it answered when it was last asked. While it does not, nobody but a task of its own asks.
    #[must_use]
    pub fn available(&self) -> bool {
        !self.0.away.load(Ordering::Relaxed)
    }

    /// Waits for an answer, if anything is asked at all.
    pub(crate) async fn ask<T>(&self, question: impl Future<Output = RedisResult<T>>) -> Result<T, Unavailable> {
        if !self.available() {
            return Err(Unavailable);
        }
        match tokio::time::timeout(PATIENCE, question).await {
            Ok(Ok(answer)) => {
                self.0.failures.store(0, Ordering::Relaxed);
                Ok(answer)
            }
            // It is full, or something else is not to its liking; but it is there.
            Ok(Err(error)) if is_refusal(&error) => {
                tracing::debug!(kind = ?error.kind(), "Redis refused");
                Err(Unavailable)
            }
            Ok(Err(error)) => {
                self.failed(&format!("{:?}", error.kind()));
                Err(Unavailable)
            }
            Err(_) => {
                self.failed("no answer in time");
                Err(Unavailable)
            }
        }
    }

    /// Waits for the answers to several questions that leave together; none to those that it refused.
    pub(crate) async fn ask_all<T>(
        &self,
        questions: impl Iterator<Item = impl Future<Output = RedisResult<T>>>,
    ) -> Result<Vec<Option<T>>, Unavailable> {
        self.ask(async {
            let answers = join_all(questions).await.into_iter().map(|answer| match answer {
                Ok(answer) => Ok(Some(answer)),
                Err(error) if is_refusal(&error) => Ok(None),
                Err(error) => Err(error),
            });
            answers.collect()
        })
        .await
    }

    fn failed(&self, why: &str) {
        if self.0.failures.fetch_add(1, Ordering::Relaxed) + 1 < FAILURES || self.0.away.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(why, "Redis is away; going on without it");
        tokio::spawn(reconnect(Arc::downgrade(&self.0)));
    }

    /// A connection of its own that hears what is said in a channel; none where it cannot be had just now.
    pub(crate) async fn subscribe(&self, channel: &str) -> Option<PubSub> {
        let subscribed = tokio::time::timeout(CONNECT, async {
            let mut subscribed = self.0.client.get_async_pubsub().await?;
            subscribed.subscribe(channel).await?;
            RedisResult::Ok(subscribed)
        });
        match subscribed.await {
            Ok(Ok(subscribed)) => Some(subscribed),
            // Each second while it is away; what else goes wrong, such as a right that is wanting, is seen here alone.
            Ok(Err(error)) => {
                tracing::debug!(kind = ?error.kind(), channel, "Redis could not be listened to");
                None
            }
            Err(_) => None,
        }
    }

    /// What to put a question to, for [`ask`](Self::ask).
    pub(crate) fn connection(&self) -> ConnectionManager {
        self.0.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether it answers and refuses.
fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// Asks it now and then, on a new connection each time, since the old one may lead nowhere; until it answers in time
/// twice in a row, or nobody needs it any more.
async fn reconnect(redis: Weak<Inner>) {
    let (mut pause, longest) = TRIED_AFTER;
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
        let Some(inner) = redis.upgrade() else { return };
        let opened = ConnectionManager::new_with_config(inner.client.clone(), config());
        let Ok(Ok(mut connection)) = tokio::time::timeout(CONNECT, opened).await else { continue };
        let mut answers = async || {
            let question = redis::cmd("PING");
            let answer = tokio::time::timeout(PATIENCE, question.query_async::<String>(&mut connection)).await;
            matches!(answer, Ok(Ok(word)) if word == "PONG")
        };
        if answers().await && answers().await {
            *inner.connection.write().unwrap_or_else(PoisonError::into_inner) = connection;
            inner.failures.store(0, Ordering::Relaxed);
            inner.away.store(false, Ordering::Relaxed);
            tracing::info!("Redis is back");
            return;
        }
    }
}

fn config() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(CONNECT))
        .set_number_of_retries(0)
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("available", &self.available()).finish_non_exhaustive()
    }
}
