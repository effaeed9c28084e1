//! Answers that are given before a request was read to its end (RFC 9112 §9.6). A connection with the rest of a body in it
//! can only go on once that has been read; where that is not worth it the answer says that it is the last one, so that
//! nobody sends another request into a connection that is about to be closed.
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Request, header::EXPECT},
};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::oneshot::{self, error::TryRecvError};

/// How much of a body is read for nothing, and for how long.
const SMALL: u64 = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(5);

/// What becomes of a request's body.
pub(super) struct Unread {
    left: oneshot::Receiver<Left>,
    /// The caller waits to be told to send it.
    expects: bool,
}

/// A body that nobody reads any more, and has not ended.
struct Left {
    body: Incoming,
    begun: bool,
}

/// Hands the body of a request on, and keeps an eye on it; none where there is nothing to read.
pub(super) fn watch(request: Request<Incoming>) -> (Request<Body>, Option<Unread>) {
    if request.body().is_end_stream() {
        return (request.map(|_| Body::empty()), None);
    }
    let (give_back, left) = oneshot::channel();
    let expects = request.headers().contains_key(EXPECT);
    let watched = |body| Body::new(Watched { body: Some(body), begun: false, give_back: Some(give_back) });
    (request.map(watched), Some(Unread { left, expects }))
}

impl Unread {
    /// Whether the connection can go on after the answer: everything was read, is being read, or is little and on its way.
    /// `given_up` is called should the rest not come.
    pub(super) fn can_go_on(mut self, given_up: impl FnOnce() + Send + 'static) -> bool {
        let left = match self.left.try_recv() {
            Ok(left) => left,
            Err(TryRecvError::Closed | TryRecvError::Empty) => return true,
        };
        let little = left.body.size_hint().exact().is_some_and(|bytes| bytes <= SMALL);
        if !little || (self.expects && !left.begun) {
            return false;
        }
        // The answer need not wait. Whoever has not sent all of this request will not send the next one yet.
        tokio::spawn(async move {
            let mut body = left.body;
            let rest = async { while let Some(Ok(_)) = body.frame().await {} };
            if tokio::time::timeout(PATIENCE, rest).await.is_err() {
                given_up();
            }
        });
        true
    }
}

/// A body that is given back when nobody reads it to its end.
struct Watched {
    body: Option<Incoming>,
    begun: bool,
    give_back: Option<oneshot::Sender<Left>>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.begun = true;
        let frame = match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        };
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let (Some(body), Some(give_back)) = (self.body.take(), self.give_back.take())
            && !body.is_end_stream()
        {
            let _ = give_back.send(Left { body, begun: self.begun });
        }
    }
}
