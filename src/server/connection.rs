//! One connection: its requests one after the other, and its end.
use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderValue, Request, Response, StatusCode, header::CONNECTION},
};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::watch};
use tower::Service as _;

use super::{
    address,
    deadline::Deadline,
    places::{Place, Seat},
    socket::Socket,
    unread,
};
use crate::{
    auth::Peer,
    http::{
        Leaving, Streaming,
        upgrade::{Upgrade, Wire},
    },
};

/// What answers requests.
pub trait Answer: Clone + Send + Sync + 'static {
    /// Answers one. The deadline is its connection's.
    fn answer(&self, request: axum::extract::Request, deadline: &Deadline) -> impl Future<Output = Answered> + Send;
}

/// An answer on its way.
pub(super) type Answered = Response<axum::body::Body>;

impl Answer for Router {
    async fn answer(&self, request: axum::extract::Request, _: &Deadline) -> Answered {
        self.clone().call(request).await.unwrap_or_else(|never| match never {})
    }
}

/// How a connection is served.
#[derive(Clone)]
pub(super) struct Manner<A> {
    pub(super) answers: A,
    /// How long the head of a request may take, and how long nothing may be asked.
    pub(super) head_time: Duration,
    /// How long an answer may wait to be taken.
    pub(super) write_time: Duration,
    pub(super) leaving: Leaving,
}

impl<A: Answer> Manner<A> {
    /// Answers what comes on a connection until it ends; after a change of `gone` only what is under way.
    pub(super) async fn serve(self, stream: TcpStream, peer: Peer, seat: Seat, mut gone: watch::Receiver<()>) {
        let Self { answers, head_time, write_time, leaving } = self;
        let place = seat.place.clone();
        let socket = Socket::new(stream, write_time, place.clone());
        let deadline = Deadline::default();
        let upgrade = Mutex::default();
        let caller = Arc::new(Caller { answers, peer, leaving, place: place.clone(), deadline, upgrade });
        let mut builder = http1::Builder::new();
        builder.timer(Deadline::default()).header_read_timeout(head_time);
        let mut connection = builder.serve_connection(TokioIo::new(socket), Answering(caller.clone()));
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
        let upgrade = caller.upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some((upgrade, under_way)), true) = (upgrade, ended.is_ok()) {
            let http1::Parts { io, read_buf, .. } = connection.into_parts();
            drop(caller);
            upgrade.take(Wire(Box::new(io.into_inner()), read_buf.into())).await;
            drop((under_way, seat));
            return;
        }
        // What could not be understood has been answered, and may go on.
        let unread = place.has_unread() || ended.is_err_and(|error| error.is_parse());
        connection.into_parts().io.into_inner().close(unread).await;
        drop(seat);
    }
}

type Connection<A> = http1::Connection<TokioIo<Socket>, Answering<A>>;

/// The answer that is under way, and none after it.
async fn finish<A: Answer>(connection: &mut Connection<A>) -> hyper::Result<()> {
    Pin::new(&mut *connection).graceful_shutdown();
    connection.await
}

/// Tells each request who is at the other end of its connection, and each answer whether the connection goes on.
struct Answering<A>(Arc<Caller<A>>);

/// The other end of a connection.
struct Caller<A> {
    answers: A,
    peer: Peer,
    leaving: Leaving,
    place: Arc<Place>,
    deadline: Deadline,
    /// What becomes of the connection after its last answer, and that it is in use.
    upgrade: Mutex<Option<(Upgrade, UnderWay)>>,
}

/// A request that is being answered, however that ends.
struct UnderWay(Arc<Place>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<A: Answer> Service<Request<Incoming>> for Answering<A> {
    type Response = Answered;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answered, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let caller = self.0.clone();
        caller.place.begin();
        Box::pin(async move {
            let Caller { answers, peer, leaving, place, deadline, upgrade } = &*caller;
            let under_way = UnderWay(place.clone());
            address::normalise(request.uri_mut());
            request.extensions_mut().insert(*peer);
            let (request, body) = unread::watch(request);
            let mut response = answers.answer(request, deadline).await;
            if let Some(taken) = response.extensions_mut().remove::<Upgrade>() {
                *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some((taken, under_way));
                return Ok(response);
            }
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
            if response.extensions().get::<Streaming>().is_some() {
                // Nothing makes room for another that somebody follows.
                return Ok(response.map(|body| {
                    axum::body::Body::new(body.map_frame(move |frame| {
                        let _until_it_ends = &under_way;
                        frame
                    }))
                }));
            }
            drop(under_way);
            Ok(response)
        })
    }
}
