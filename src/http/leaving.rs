//! Whether the server is about to go, for whoever answers meanwhile.
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// Whether the server is about to go. It still answers then, and says with each answer that it is the connection's last.
#[doc(alias = "graceful shutdown")]
#[derive(Clone, Debug, Default)]
pub struct Leaving(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    so: AtomicBool,
    told: Notify,
}

impl Leaving {
    /// Whether it is.
    #[must_use]
    pub fn is_so(&self) -> bool {
        self.0.so.load(Ordering::Acquire)
    }

    /// From now on it is.
    pub fn begin(&self) {
        self.0.so.store(true, Ordering::Release);
        self.0.told.notify_waiters();
    }

    /// Resolves when it is.
    pub async fn begun(&self) {
        let told = self.0.told.notified();
        if !self.is_so() {
            told.await;
        }
    }
}
