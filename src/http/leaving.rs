//! Whether the server is about to go, for whoever answers meanwhile.
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the server is about to go. It still answers then, and says with each answer that it is the connection's last.
#[doc(alias = "graceful shutdown")]
#[derive(Clone, Debug, Default)]
pub struct Leaving(Arc<AtomicBool>);

impl Leaving {
    /// Whether it is.
    #[must_use]
    pub fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// From now on it is.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
