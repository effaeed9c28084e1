//! Carries what is told: from this process to the others by Redis or by PostgreSQL, and from them to whoever listens here.
use std::{convert::Infallible, time::Duration};

use futures_util::StreamExt as _;
use rowhouse_pg::Listener;
use secrecy::ExposeSecret as _;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};
use uuid::Uuid;

use super::{CHANNEL, Heard, Wake};
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
/// Ids in one message. PostgreSQL takes fewer than 8,000 bytes.
const IDS: usize = 200;
/// Where instances tell each other in Redis.
const REDIS_CHANNEL: &str = "rowhouse:wake";

/// Tells and hears, for as long as it runs. Through a pooler that lends connections by the transaction nothing is heard from PostgreSQL, and
/// everything is looked at by the clock.
pub async fn carry(wake: Wake) {
    let (tell, told) = mpsc::channel(1);
    tokio::join!(send(&wake, tell), listen(&wake, told), subscribe(&wake));
}

/// Batches of what is committed here.
async fn send(wake: &Wake, by_postgres: mpsc::Sender<Vec<String>>) -> Infallible {
    loop {
        wake.0.rung.notified().await;
        let tenants = wake.take();
        for tenant in &tenants {
            wake.tell(Heard::Tenant(*tenant));
        }
        let messages = tenants.chunks(IDS).map(|ids| {
            let ids: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
            format!("{} {}", wake.0.origin.simple(), ids.join(","))
        });
        match &wake.0.redis {
            Some(redis) if redis.available() => publish(redis, messages).await,
            // The listener has the connection. Where it is busy or away, others look by the clock.
            _ => drop(by_postgres.try_send(messages.collect())),
        }
        sleep(BATCH).await;
    }
}

async fn publish(redis: &Redis, messages: impl Iterator<Item = String>) {
    for message in messages {
        let mut connection = redis.connection();
        let mut publish = redis::cmd("PUBLISH");
        let _ = redis.ask(publish.arg(REDIS_CHANNEL).arg(message).query_async::<()>(&mut connection)).await;
    }
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
async fn listen(wake: &Wake, mut told: mpsc::Receiver<Vec<String>>) -> Infallible {
    let mut warned = false;
    loop {
        if let (Ok(mut listener), Ok(other)) = (connect(wake).await, connect(wake).await) {
            // The first word comes over another connection: a pooler may well give one its own.
            let mut asked = Asked::new(wake);
            let mut hears = other.tell(CHANNEL, std::slice::from_ref(&asked.word)).await.is_ok();
            drop(other);
            let mut first = true;
            while hears {
                hears = asked.hears(wake, &mut listener, &mut told).await;
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
                // Connecting again will hardly help.
                for _ in 0..LONG {
                    wake.tell(Heard::All);
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
    async fn hears(&mut self, wake: &Wake, listener: &mut Listener, told: &mut mpsc::Receiver<Vec<String>>) -> bool {
        tokio::select! {
            said = listener.next() => match said {
                None => false,
                Some(said) => {
                    if said.payload == self.word {
                        self.until = None;
                    } else {
                        hear(wake, &said.payload);
                    }
                    true
                }
            },
            Some(messages) = told.recv() => listener.tell(CHANNEL, &messages).await.is_ok(),
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
        wake.tell(Heard::Tenant(id));
    }
}
