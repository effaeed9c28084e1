//! A connection that hears what others say (`LISTEN` and `NOTIFY`).
use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};
use tokio_postgres::{AsyncMessage, Client};

use crate::{
    Failure,
    connect::{describe, parse, tls},
    quote::{identifier, literal},
};

/// What is heard and has not been taken yet, at most; what comes then is missed. The connection is read all the same: a server that cannot get rid
/// of what was said has none of this connection's questions answered, and keeps what everybody says from then on.
const WAITING: usize = 1024;
/// How long a question of one's own may take.
const ANSWERED: Duration = Duration::from_secs(5);

/// What is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// What somebody said. Anybody who can connect may have.
    Said(String),
    /// More was said than was taken.
    Missed,
}

/// A connection of its own that listens. Not through a pooler that lends connections by the transaction: nothing is heard there.
#[derive(Debug)]
pub struct Listener {
    client: Client,
    told: mpsc::Receiver<String>,
    missed: Arc<AtomicBool>,
}

impl Listener {
    /// Connects and listens.
    pub async fn connect(url: &str, name: &str, channel: &str) -> Result<Self, Failure> {
        let mut config = parse(url)?;
        config.application_name(name).connect_timeout(Duration::from_secs(5)).keepalives_idle(Duration::from_secs(30));
        let (client, mut connection) =
            config.connect(tls()).await.map_err(|error| Failure(format!("cannot listen: {}", describe(&error))))?;
        let (tell, told) = mpsc::channel(WAITING);
        let missed = Arc::new(AtomicBool::new(false));
        let lost = missed.clone();
        tokio::spawn(async move {
            while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
                match message {
                    Ok(AsyncMessage::Notification(note)) => match tell.try_send(note.payload().to_owned()) {
                        Ok(()) => {}
                        Err(mpsc::error::TrySendError::Full(_)) => lost.store(true, Ordering::Relaxed),
                        Err(mpsc::error::TrySendError::Closed(_)) => return,
                    },
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(error = %describe(&error), "a connection that listens ended");
                        return;
                    }
                }
            }
        });
        let listener = Self { client, told, missed };
        listener.ask(&format!("listen {}", identifier(channel))).await?;
        Ok(listener)
    }

    /// What is said next; none once the connection is lost. May be dropped half-way.
    pub async fn next(&mut self) -> Option<Told> {
        if self.missed.swap(false, Ordering::Relaxed) {
            return Some(Told::Missed);
        }
        self.told.recv().await.map(Told::Said)
    }

    /// Says something to all who listen, itself included: each payload is a message, of fewer than 8,000 bytes.
    pub async fn tell(&self, channel: &str, payloads: &[String]) -> Result<(), Failure> {
        // The command, which asks for no right; the function may be shut.
        let channel = identifier(channel);
        let each = payloads.iter().map(|payload| format!("notify {channel}, {};", literal(payload)));
        self.ask(&each.collect::<String>()).await
    }

    async fn ask(&self, text: &str) -> Result<(), Failure> {
        match timeout(ANSWERED, self.client.batch_execute(text)).await {
            Ok(answered) => answered.map_err(|error| Failure(describe(&error))),
            Err(_) => Err(Failure("a connection that listens was not answered in time".to_owned())),
        }
    }
}
