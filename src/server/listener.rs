//! Accepting connections, and letting them finish when it is time to go.
use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{Router, http::Uri, response::Response};
use hyper_util::service::TowerToHyperService;
use rowhouse_pg::new_id;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{connection::Manner, places::Places};
use crate::{
    Error,
    auth::Peer,
    http::{Leaving, problem},
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
    router: Router,
    serving: Serving,
    leaving: Leaving,
    stop: impl Future<Output = Duration>,
) -> io::Result<()> {
    let manner = |router, head_time, leaving| Manner {
        router: TowerToHyperService::new(router),
        head_time,
        write_time: serving.write_time,
        leaving,
    };
    let always = Leaving::default();
    always.begin();
    let (going, _) = watch::channel(());
    let house = House {
        places: Places::new(serving.connections, serving.share),
        manner: manner(router, serving.head_time, leaving.clone()),
        corridor: Places::new(serving.refused, serving.refused.div_ceil(2)),
        refusal: manner(Router::new().fallback(refuse), REFUSED_TIME, always),
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
struct House {
    places: Arc<Places>,
    manner: Manner,
    /// For those who are refused.
    corridor: Arc<Places>,
    refusal: Manner,
    going: watch::Sender<()>,
}

impl House {
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
        let (seat, manner) = match self.places.take(network) {
            Some(seat) => (Some(seat), &self.manner),
            None => (self.corridor.take(network), &self.refusal),
        };
        match seat {
            Some(seat) => {
                tokio::spawn(manner.clone().serve(stream, peer, seat, self.going.subscribe()));
            }
            // New, so there is room for it in the kernel.
            None => drop(stream.try_write(FULL)),
        }
    }
}

/// What everybody is answered for whom there is no place.
async fn refuse(uri: Uri) -> Response {
    problem::write(&Error::TooManyConnections, uri.path(), &new_id().simple().to_string())
}
