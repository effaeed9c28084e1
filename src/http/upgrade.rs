//! Answers after which a connection is something else than HTTP: whoever answers so has it from then on (RFC 9110 §7.8).
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection, and what was read of it already.
pub struct Wire(pub Box<dyn Bytes>, pub Vec<u8>);

/// What bytes come and go by.
pub trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type Take = Box<dyn FnOnce(Wire) -> Work + Send>;

/// An extension of an answer `101`: what is done with its connection. It ends when that does.
#[derive(Clone)]
pub struct Upgrade(Arc<Mutex<Option<Take>>>);

impl Upgrade {
    /// To be done with the connection once the answer is sent.
    pub fn to<F>(work: impl FnOnce(Wire) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(Mutex::new(Some(Box::new(|wire| Box::pin(work(wire)))))))
    }

    /// Does it, once.
    pub async fn take(self, wire: Wire) {
        let take = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(take) = take {
            take(wire).await;
        }
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upgrade")
    }
}
