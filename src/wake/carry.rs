//! Carries what is told: from this process to the others by Redis or by PostgreSQL, and from them to whoever listens here.
use std::{convert::Infallible, time::Duration};

use futures_util::StreamExt as _;
use rowhouse_pg::{Listener, Told};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use uuid::Uuid;

use super::{CHANNEL, Heard, Pending, Wake};
use crate::{error::Failure, redis::Redis};

/// Between two batches.
const BATCH: Duration = Duration::from_millis(20);
/// How often a listener asks itself whether it hears.
const ASKED: Duration = Duration::from_secs(5);
/// How long it waits for its own word.
const DEAF: Duration = Duration::from_secs(2);
/// Where nothing is heard, all are to look at everything so often; and after so long it is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// So many times that, before somebody who has heard nothing tries it again.
const LONG: usize = 30;
/// Where instances tell each other in Redis.
const REDIS_CHANNEL: &str = "rowhouse:wake";

/// Tells and hears, for as long as it runs. Through a pooler that lends connections by the transaction nothing is heard from PostgreSQL, and
/// everything is looked at by the clock.
pub async fn carry(wake: Wake) {
    tokio::join!(send(&wake), listen(&wake), subscribe(&wake));
}

/// Batches: each tenant is told once in one, however often it was said.
async fn send(wake: &Wake) -> Infallible {
    loop {
        wake.0.rung.notified().await;
        let Pending { committed, heard } = wake.take();
        for tenant in committed.union(&heard) {
            wake.tell(Heard::Tenant(*tenant));
        }
        wake.owed().extend(committed);
        let told = match &wake.0.redis {
            Some(redis) if redis.available() => wake.pay(async |messages| publish(redis, messages).await).await,
            _ => false,
        };
        if !told {
            // The listener has the connection, and tells once it can.
            wake.0.owes.notify_one();
        }
        sleep(BATCH).await;
    }
}

/// Whether all was taken.
async fn publish(redis: &Redis, messages: Vec<String>) -> bool {
    for message in messages {
        let mut connection = redis.connection();
        let mut publish = redis::cmd("PUBLISH");
        let asked = redis.ask(publish.arg(REDIS_CHANNEL).arg(message).query_async::<()>(&mut connection));
        if asked.await.is_err() {
            return false;
        }
    }
    true
}

/// What others say in Redis.
async fn subscribe(wake: &Wake) {
    let Some(redis) = &wake.0.redis else { return };
    loop {
        if let Some(subscribed) = redis.subscribe(REDIS_CHANNEL).await {
            // Of what was said before, nobody knows.
            wake.tell(Heard::All);
            let (mut sink, mut stream) = subscribed.split();
            loop {
                match timeout(ASKED, stream.next()).await {
                    Ok(Some(told)) => hear(wake, &String::from_utf8_lossy(told.get_payload_bytes())),
                    Ok(None) => break,
                    Err(_) => match timeout(AGAIN, sink.ping::<redis::Value>()).await {
                        Ok(Ok(_)) => {}
                        _ => break,
                    },
                }
            }
        }
        wake.tell(Heard::All);
        sleep(AGAIN).await;
    }
}

/// What others, and triggers, say in PostgreSQL; and what is told there from here.
async fn listen(wake: &Wake) -> Infallible {
    let mut warned = false;
    loop {
        if let (Ok(mut listener), Ok(other)) = (connect(wake).await, connect(wake).await) {
            // The first word comes over another connection: a pooler may well give one its own.
            let mut asked = Asked::new(wake);
            let mut hears = other.tell(CHANNEL, std::slice::from_ref(&asked.word)).await.is_ok();
            drop(other);
            // What could not be told while there was no connection.
            wake.0.owes.notify_one();
            let mut first = true;
            while hears {
                hears = asked.hears(wake, &mut listener).await;
                if first && asked.until.is_none() {
                    first = false;
                    warned = false;
                    wake.tell(Heard::All);
                }
            }
            if first {
                if !warned {
                    warned = true;
                    tracing::warn!(
                        "nothing is heard over this connection to PostgreSQL, as through a pooler that lends connections by the transaction: \
                         what others change is seen by the clock, a second later"
                    );
                }
                // Connecting again will hardly help. Others may hear what is said here.
                for _ in 0..LONG {
                    wake.tell(Heard::All);
                    wake.pay(async |messages| listener.tell(CHANNEL, &messages).await.is_ok()).await;
                    sleep(AGAIN).await;
                }
            }
        }
        wake.tell(Heard::All);
        sleep(AGAIN).await;
    }
}

fn connect(wake: &Wake) -> impl Future<Output = Result<Listener, Failure>> {
    Listener::connect(wake.0.url.expose_secret(), "rowhouse-wake", CHANNEL)
}

/// Whether a listener hears its own word.
struct Asked {
    word: String,
    /// Until when it waits for it; none while it waits for nothing.
    until: Option<Instant>,
    next: Instant,
}

impl Asked {
    fn new(wake: &Wake) -> Self {
        let now = Instant::now();
        Self { word: format!("{} ?", wake.0.origin.simple()), until: Some(now + DEAF), next: now + ASKED }
    }

    /// One thing that happens; whether it still hears.
    async fn hears(&mut self, wake: &Wake, listener: &mut Listener) -> bool {
        tokio::select! {
            told = listener.next() => {
                match told {
                    None => return false,
                    Some(Told::Said(word)) if word == self.word => self.until = None,
                    Some(Told::Said(said)) => hear(wake, &said),
                    Some(Told::Missed) => {
                        // One's own word may have been among it.
                        self.until = None;
                        wake.tell(Heard::All);
                    }
                }
                true
            }
            () = wake.0.owes.notified() => {
                wake.pay(async |messages| listener.tell(CHANNEL, &messages).await.is_ok()).await
            }
            () = sleep_until(self.until.unwrap_or(self.next)) => {
                if self.until.is_some() {
                    return false;
                }
                (self.until, self.next) = (Some(Instant::now() + DEAF), Instant::now() + ASKED);
                listener.tell(CHANNEL, std::slice::from_ref(&self.word)).await.is_ok()
            }
        }
    }
}

/// `tenant,…` as a trigger says it, or `origin tenant,…`. Anybody may have said it, so what cannot be read is passed over.
fn hear(wake: &Wake, said: &str) {
    let ids = match said.split_once(' ') {
        Some((origin, _)) if Uuid::try_parse(origin).is_ok_and(|origin| origin == wake.0.origin) => return,
        Some((_, ids)) => ids,
        None => said,
    };
    for id in ids.split(',').filter_map(|id| Uuid::try_parse(id).ok()) {
        wake.said(id);
    }
}
