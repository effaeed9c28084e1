//! Accepting connections, and letting them finish when it is time to go.
use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{Router, http::Uri, response::Response};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{
    connection::{Answer, Manner},
    places::{Places, Seat},
};
use crate::{
    Error,
    auth::Peer,
    http::{Leaving, problem},
    telemetry::TraceId,
};

/// How long whoever is refused may take to say what they want.
const REFUSED_TIME: Duration = Duration::from_secs(2);
/// What the rest are told.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How connections are treated.
#[derive(Clone, Copy, Debug)]
pub struct Serving {
    /// How long a client may take to send the head of a request; also how long an idle connection is kept.
    pub head_time: Duration,
    /// How long an answer may wait to be taken, and how far whoever takes it slowly may fall behind the least rate.
    pub write_time: Duration,
    /// Connections at once; more are answered 503.
    pub connections: usize,
    /// Connections at once of one network.
    pub share: usize,
    /// Connections at once that are told in full that there are too many; the rest are told in a line.
    pub refused: usize,
    /// How long requests under way may take to finish after the signal to stop.
    pub grace: Duration,
}

/// Serves until `stop` resolves; then for as long as that says, with `leaving` so, and answers that are their connections'
/// last; then stops accepting, lets requests under way finish, and returns.
pub async fn serve(
    listener: TcpListener,
    answers: impl Answer,
    serving: Serving,
    leaving: Leaving,
    stop: impl Future<Output = Duration>,
) -> io::Result<()> {
    let write_time = serving.write_time;
    let always = Leaving::default();
    always.begin();
    let (going, _) = watch::channel(());
    let house = House {
        places: Places::new(serving.connections, serving.share),
        manner: Manner { answers, head_time: serving.head_time, write_time, leaving: leaving.clone() },
        corridor: Places::new(serving.refused, serving.refused.div_ceil(2)),
        refusal: Manner {
            answers: Router::new().fallback(refuse),
            head_time: REFUSED_TIME,
            write_time,
            leaving: always,
        },
        going,
    };
    let drain = tokio::select! {
        drain = stop => drain,
        never = house.accept(&listener) => match never {},
    };
    leaving.begin();
    if !drain.is_zero() {
        tracing::info!(?drain, "leaving: not ready any more, and still answering");
        let _ = tokio::time::timeout(drain, house.accept(&listener)).await;
    }
    drop(listener);
    let House { going, .. } = house;
    let _ = going.send(());
    tokio::select! {
        () = going.closed() => {}
        () = tokio::time::sleep(serving.grace) => tracing::warn!("requests still under way were cut off"),
    }
    Ok(())
}

/// Where callers are let in, or told that there is no room.
struct House<A> {
    places: Arc<Places>,
    manner: Manner<A>,
    /// For those who are refused.
    corridor: Arc<Places>,
    refusal: Manner<Router>,
    going: watch::Sender<()>,
}

impl<A: Answer> House<A> {
    async fn accept(&self, listener: &TcpListener) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.let_in(stream, Peer(peer.ip())),
                Err(error) => {
                    // Out of file descriptors, or the peer was gone before we looked: neither is a
                    // reason to stop serving, the first one is a reason not to spin.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn let_in(&self, stream: TcpStream, peer: Peer) {
        let network = peer.0.into();
        if let Some(seat) = self.places.take(network) {
            self.serve(&self.manner, stream, peer, seat);
        } else if let Some(seat) = self.corridor.take(network) {
            self.serve(&self.refusal, stream, peer, seat);
        } else {
            // New, so there is room for it in the kernel.
            drop(stream.try_write(FULL));
        }
    }

    fn serve(&self, manner: &Manner<impl Answer>, stream: TcpStream, peer: Peer, seat: Seat) {
        tokio::spawn(manner.clone().serve(stream, peer, seat, self.going.subscribe()));
    }
}

/// What everybody is answered for whom there is no place.
async fn refuse(uri: Uri) -> Response {
    problem::write(&Error::TooManyConnections, uri.path(), TraceId::made().as_str())
}
