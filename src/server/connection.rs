//! One connection: its requests one after the other, and its end.
use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderValue, Request, Response, StatusCode, header::CONNECTION},
};
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, sync::watch};

use super::{
    address,
    places::{Place, Seat},
    socket::Socket,
    unread,
};
use crate::{auth::Peer, http::Leaving};

/// How a connection is served.
#[derive(Clone)]
pub(super) struct Manner {
    pub(super) router: TowerToHyperService<Router>,
    /// How long the head of a request may take, and how long nothing may be asked.
    pub(super) head_time: Duration,
    /// How long an answer may wait to be taken.
    pub(super) write_time: Duration,
    pub(super) leaving: Leaving,
}

impl Manner {
    /// Answers what comes on a connection until it ends; after a change of `gone` only what is under way.
    pub(super) async fn serve(self, stream: TcpStream, peer: Peer, seat: Seat, mut gone: watch::Receiver<()>) {
        let Self { router, head_time, write_time, leaving } = self;
        let place = seat.place.clone();
        let socket = Socket::new(stream, write_time, place.clone());
        let answering = Answering { router, peer, leaving, place: place.clone() };
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(head_time);
        let mut connection = builder.serve_connection(TokioIo::new(socket), answering);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            _ = gone.changed() => finish(&mut connection).await,
            () = place.taken_by_another() => {
                if place.is_busy() { finish(&mut connection).await } else { Ok(()) }
            }
        };
        if let Err(error) = &ended {
            tracing::debug!(%error, "a connection ended early");
        }
        // What could not be understood has been answered, and may go on.
        let unread = place.has_unread() || ended.is_err_and(|error| error.is_parse());
        connection.into_parts().io.into_inner().close(unread).await;
        drop(seat);
    }
}

type Connection = http1::Connection<TokioIo<Socket>, Answering>;

/// The answer that is under way, and none after it.
async fn finish(connection: &mut Connection) -> hyper::Result<()> {
    Pin::new(&mut *connection).graceful_shutdown();
    connection.await
}

/// Tells each request who is at the other end of its connection, and each answer whether the connection goes on.
struct Answering {
    router: TowerToHyperService<Router>,
    peer: Peer,
    leaving: Leaving,
    place: Arc<Place>,
}

/// A request that is being answered, however that ends.
struct UnderWay(Arc<Place>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Service<Request<Incoming>> for Answering {
    type Response = Response<axum::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        address::normalise(request.uri_mut());
        request.extensions_mut().insert(self.peer);
        let (request, body) = unread::watch(request);
        let answer = self.router.call(request);
        let (leaving, place) = (self.leaving.clone(), self.place.clone());
        place.begin();
        let under_way = UnderWay(place.clone());
        Box::pin(async move {
            let mut response = answer.await?;
            let given_up = place.clone();
            let goes_on = body.is_none_or(|body| body.can_go_on(move || given_up.leave_unread()));
            // RFC 9110 §15.5.9: whoever was too slow is not waited for again.
            let goes_on = goes_on && response.status() != StatusCode::REQUEST_TIMEOUT;
            if !goes_on {
                place.leave_unread();
            }
            if !goes_on || leaving.is_so() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            drop(under_way);
            Ok(response)
        })
    }
}
