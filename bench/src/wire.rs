//! A connection that is kept, and what is asked on it: as little work as a client can make of it, since it takes its part
//! of the same processors.
use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Bytes,
    http::{Request, StatusCode},
};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rowhouse::error::Failure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::TcpStream,
    task::{LocalSet, spawn_local},
};

/// What has not been answered by then never will be.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection, opened when it is needed.
pub(crate) struct Wire {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
    /// How often it was opened.
    pub(crate) opened: u64,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Whether it came from the cache; none where it could not have.
    pub(crate) hit: Option<bool>,
    pub(crate) body: Bytes,
}

impl Wire {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, sender: None, opened: 0 }
    }

    /// Asks, on a new connection where the server has closed the last one while nothing was asked. Why it was not answered
    /// otherwise.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let answered = tokio::time::timeout(PATIENCE, self.send(request)).await;
        let answered = answered.unwrap_or_else(|_| Err(format!("no answer in {PATIENCE:?}")));
        if answered.is_err() {
            self.sender = None;
        }
        answered
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let answer = self.sender().await?.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let hit = answer.headers().get("cache-status").and_then(|value| Some(value.to_str().ok()?.contains("; hit")));
        let body = answer.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok(Answer { status, hit, body: body.to_bytes() })
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, String> {
        // Ready when the last answer has been taken, and never when the connection has ended.
        let ready = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            let failed = |error: &dyn std::fmt::Display| format!("no connection: {error}");
            let stream = TcpStream::connect(self.address).await.map_err(|error| failed(&error))?;
            stream.set_nodelay(true).map_err(|error| failed(&error))?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
            spawn_local(connection);
            self.opened += 1;
            self.sender = Some(sender);
        }
        self.sender.as_mut().ok_or_else(|| "no connection".to_owned())
    }
}

/// Does something on a thread of its own that does nothing else, so that what measures does not wait for itself.
pub(crate) async fn on_a_thread<T: Send + 'static, F: Future<Output = T>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<T, Failure> {
    // Each connection is a file, and some shells allow a thousand.
    let most = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
    let (done, result) = tokio::sync::oneshot::channel();
    // Not one of tokio's: a run that is interrupted would wait for those.
    std::thread::Builder::new().name("callers".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let outcome = runtime.map(|runtime| LocalSet::new().block_on(&runtime, async { work().await }));
        let _ = done.send(outcome.map_err(Failure::from));
    })?;
    result.await.map_err(|_| Failure("the thread that asks has ended".to_owned()))?
}
