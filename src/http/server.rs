//! Accepting connections, and letting them finish when it is time to go.
use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::auth::Peer;

/// How connections are treated.
#[derive(Clone, Copy, Debug)]
pub struct Serving {
    /// How long a client may take to send the head of a request; also how long an idle connection is kept.
    pub head_time: Duration,
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// How long requests under way may take to finish after the signal to stop.
    pub grace: Duration,
}

impl Default for Serving {
    fn default() -> Self {
        Self { connections: 4096, head_time: Duration::from_secs(30), grace: Duration::from_secs(10) }
    }
}

/// Serves until `stop` resolves, then stops accepting, lets requests under way finish, and returns.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    serving: Serving,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(serving.head_time);
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    let room = Arc::new(Semaphore::new(serving.connections));
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            place = room.clone().acquire_owned() => place,
        };
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => (stream, Peer(peer.ip())),
                Err(error) => {
                    // Out of file descriptors, or the peer was gone before we looked: neither is a
                    // reason to stop serving, the first one is a reason not to spin.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        // Small answers must not wait for more to come.
        let _ = stream.set_nodelay(true);
        let service = WithPeer { router: TowerToHyperService::new(router.clone()), peer };
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(serving.grace) => tracing::warn!("requests still under way were cut off"),
    }
    Ok(())
}

/// Tells each request who is at the other end of its connection.
struct WithPeer {
    router: TowerToHyperService<Router>,
    peer: Peer,
}

impl Service<Request<Incoming>> for WithPeer {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.router.call(request)
    }
}
