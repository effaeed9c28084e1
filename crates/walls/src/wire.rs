//! A connection and what moves bytes on it: whoever waits for an answer reads it off the socket themselves.
//!
//! Elsewhere a task of its own does that for each connection, and each answer then costs two wake-ups: of that task by the
//! socket, and of the one that waits by that task, on another thread as often as not. Here one task does both
//! (docs/adr/0029).
use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use deadpool::managed;
use deadpool_postgres::ClientWrapper;
use futures_util::task::AtomicWaker;
use rowhouse_pg::tls;
use tokio_postgres::{Config, Connection, Socket, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Connections of one role, or none any more.
pub(crate) type Connections = managed::Pool<Dialer>;
/// A pooled connection.
pub(crate) type Object = managed::Object<Dialer>;

/// Makes connections, and sees that one which is lent again is still one.
pub(crate) struct Dialer(pub(crate) Config);

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

impl managed::Manager for Dialer {
    type Type = Wire;
    type Error = tokio_postgres::Error;

    async fn create(&self) -> Result<Wire, tokio_postgres::Error> {
        // Few who ask for a connection make one, and all would keep room for it.
        let (client, connection) = Box::pin(self.0.connect(tls())).await?;
        // Nobody is needed to look after it.
        let client = ClientWrapper::new(client, tokio::spawn(async {}));
        Ok(Wire { client, line: Line::new(connection) })
    }

    /// Costs no round trip. What makes that safe is in `lease` and `tx`: a connection comes back only when the server has said
    /// that its transaction ended, and nothing can set session state.
    async fn recycle(&self, wire: &mut Wire, _: &managed::Metrics) -> managed::RecycleResult<tokio_postgres::Error> {
        // Whoever asks may have used up their share of this poll, and would be told nothing of the socket then.
        let up = tokio::task::coop::unconstrained(poll_fn(|_| Poll::Ready(wire.line.is_up()))).await;
        if up { Ok(()) } else { Err(managed::RecycleError::message("the server has closed it")) }
    }
}

/// A connection to PostgreSQL: what asks on it, and what carries questions and answers.
pub(crate) struct Wire {
    pub(crate) client: ClientWrapper,
    pub(crate) line: Line,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// Turns before others of the same thread have theirs. Also what ends them where the runtime says by ringing, over and over, that this task
/// has had its share: so it does under `block_on`. In a task it rings after the poll (`tokio::task::coop`).
const TURNS: usize = 8;

type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// What carries questions and answers, while somebody waits for one.
pub(crate) struct Line {
    /// None when it has come to its end. In a box, since the pool moves what it lends.
    connection: Option<Box<Connection<Socket, Stream>>>,
    bell: Arc<Bell>,
    waker: Waker,
}

impl Line {
    fn new(connection: Connection<Socket, Stream>) -> Self {
        let bell = Arc::<Bell>::default();
        Self { connection: Some(Box::new(connection)), waker: Waker::from(bell.clone()), bell }
    }

    /// What a question on this connection comes to. It stays where it is: what is moved is copied.
    pub(crate) fn carry<F: Future>(&mut self, mut question: Pin<&mut F>) -> impl Future<Output = F::Output> {
        poll_fn(move |cx| self.poll(cx, |cx| question.as_mut().poll(cx)))
    }

    /// Whether the server has not closed it while nobody looked.
    fn is_up(&mut self) -> bool {
        self.turn();
        self.connection.is_some()
    }

    /// Asks and carries by turns, until there is an answer or nothing left to do but wait. What one of them does for the other
    /// wakes nobody: the turn goes on.
    fn poll<T>(&mut self, cx: &mut Context<'_>, mut asked: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.bell.who.register(cx.waker());
        let waker = self.waker.clone();
        for _ in 0..TURNS {
            self.bell.busy.store(true, Ordering::SeqCst);
            self.bell.rung.store(false, Ordering::SeqCst);
            let answered = asked(&mut Context::from_waker(&waker));
            if answered.is_pending() {
                self.turn();
            }
            self.bell.busy.store(false, Ordering::SeqCst);
            if answered.is_ready() || !self.bell.rung.swap(false, Ordering::SeqCst) {
                return answered;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what is to be sent and hands over what has come.
    fn turn(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let mut cx = Context::from_waker(&self.waker);
        loop {
            match connection.poll_message(&mut cx) {
                Poll::Pending => return,
                // A notice, which nobody has asked for.
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(%error, "a connection to PostgreSQL has ended");
                    self.connection = None;
                    return;
                }
                Poll::Ready(None) => {
                    self.connection = None;
                    return;
                }
            }
        }
    }
}

/// Rung when something has come, or somebody is to be asked again.
#[derive(Default)]
struct Bell {
    /// It is being seen to, by whoever will look whether it was rung.
    busy: AtomicBool,
    rung: AtomicBool,
    who: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        if !self.busy.load(Ordering::SeqCst) {
            self.who.wake();
        }
    }
}
