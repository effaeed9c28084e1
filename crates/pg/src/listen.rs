//! A connection that hears what others say (`LISTEN` and `NOTIFY`).
use std::{future::poll_fn, time::Duration};

use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client};

use crate::{
    Failure,
    connect::{describe, parse, tls},
    quote::{identifier, literal},
};

/// What is heard and has not been taken yet, at most. Whoever does not take it holds the connection up, and nobody else.
const WAITING: usize = 1024;

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Where.
    pub channel: String,
    /// What. Anybody who can connect may have said it.
    pub payload: String,
}

/// A connection of its own that listens. Not through a pooler that lends connections by the transaction: nothing is heard there.
#[derive(Debug)]
pub struct Listener {
    client: Client,
    told: mpsc::Receiver<Told>,
}

impl Listener {
    /// Connects and listens.
    pub async fn connect(url: &str, name: &str, channel: &str) -> Result<Self, Failure> {
        let mut config = parse(url)?;
        config.application_name(name).connect_timeout(Duration::from_secs(5)).keepalives_idle(Duration::from_secs(30));
        let (client, mut connection) =
            config.connect(tls()).await.map_err(|error| Failure(format!("cannot listen: {}", describe(&error))))?;
        let (tell, told) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
                match message {
                    Ok(AsyncMessage::Notification(note)) => {
                        let told = Told { channel: note.channel().to_owned(), payload: note.payload().to_owned() };
                        if tell.send(told).await.is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(error = %describe(&error), "a connection that listens ended");
                        return;
                    }
                }
            }
        });
        let listener = Self { client, told };
        let listen = format!("listen {}", identifier(channel));
        listener.client.batch_execute(&listen).await.map_err(|error| Failure(describe(&error)))?;
        Ok(listener)
    }

    /// What is said next; none once the connection is lost. May be dropped half-way.
    pub async fn next(&mut self) -> Option<Told> {
        self.told.recv().await
    }

    /// Says something to all who listen, itself included: each payload is a message, of fewer than 8,000 bytes.
    pub async fn tell(&self, channel: &str, payloads: &[String]) -> Result<(), Failure> {
        // The command, which asks for no right; the function may be shut.
        let channel = identifier(channel);
        let each = payloads.iter().map(|payload| format!("notify {channel}, {};", literal(payload)));
        self.client.batch_execute(&each.collect::<String>()).await.map_err(|error| Failure(describe(&error)))
    }
}
