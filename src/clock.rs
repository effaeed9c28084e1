//! The time of day, which everything here asks in this one place.
use std::sync::Arc;

use jiff::Timestamp;

/// What the machine's clock says. There is this one reader because that clock can be set, and differs from PostgreSQL's and from other
/// instances': whoever asks it has to say what comes of one that is wrong. How long something takes is a question for
/// [`std::time::Instant`] instead, and when a row was written, PostgreSQL says.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Tells the time, in seconds since 1970, to what checks tokens, cookies and keys; handed in so that tests can move it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| now().as_second())
    }

    /// Any other.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}
