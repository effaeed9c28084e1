//! How long a worker may believe that a job is its own: the arithmetic of leases.
//!
//! PostgreSQL writes down until when a job is leased, by its own clock. A worker reads no clock of PostgreSQL's: it notes on its monotonic
//! clock when it *asked*, before the transaction begins, and believes in the lease for less than it lasts from then on. PostgreSQL cannot have
//! counted from an earlier moment, so the worker stops first, however long the answer took and whatever either's time of day says. What
//! does not hold is caught by the fence: a stopped process that goes on, a machine that slept (a monotonic clock does not count that) and a
//! clock of PostgreSQL's that is set forward each lose the job, and whatever they complete is refused.
use std::time::{Duration, Instant};

/// How long a job is leased for, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms(Duration);

impl LeaseTerms {
    /// The shortest: below it one slow answer loses a job.
    pub const SHORTEST: Duration = Duration::from_secs(3);
    /// The longest: what a killed worker held waits for as long.
    pub const LONGEST: Duration = Duration::from_hours(1);

    /// Leases of so long; nothing where it is below [`SHORTEST`](Self::SHORTEST) or above [`LONGEST`](Self::LONGEST).
    #[must_use]
    pub fn new(length: Duration) -> Option<Self> {
        (Self::SHORTEST..=Self::LONGEST).contains(&length).then_some(Self(length))
    }

    /// What PostgreSQL is told.
    #[must_use]
    pub fn length(self) -> Duration {
        self.0
    }

    /// How long after it asked a worker asks for more: a third, so that one heartbeat can fail and the next still be in time.
    #[must_use]
    pub fn heartbeat(self) -> Duration {
        self.0 / 3
    }

    /// How long after it asked a worker still believes: five sixths. The rest is for clocks that run at different speeds and for stopping
    /// what is under way; two heartbeats fit in.
    #[must_use]
    pub fn believed(self) -> Duration {
        self.0 / 6 * 5
    }

    /// A lease that was asked for then, and given.
    #[must_use]
    pub fn given(self, asked: Instant) -> HeldLease {
        HeldLease { terms: self, asked, tried: asked }
    }
}

/// A lease as the worker that holds it knows it.
#[derive(Clone, Copy, Debug)]
pub struct HeldLease {
    terms: LeaseTerms,
    /// When the question was asked that was answered with the lease that counts.
    asked: Instant,
    /// When it was last asked, whether or not it was answered.
    tried: Instant,
}

impl HeldLease {
    /// Notes that a heartbeat is asked for now, whatever comes of it.
    pub fn asks(&mut self, now: Instant) {
        self.tried = self.tried.max(now);
    }

    /// Takes the answer to a heartbeat that was asked for then. Answers may come in any order: the last question counts. One that comes after
    /// the worker has stopped believing brings nothing back: what it did has been stopped.
    pub fn renewed(&mut self, asked: Instant, now: Instant) -> bool {
        let believed = self.is_believed(now);
        if believed {
            self.asked = self.asked.max(asked);
        }
        believed
    }

    /// When it was last asked for.
    #[must_use]
    pub fn tried(&self) -> Instant {
        self.tried
    }

    /// Whether the worker may still act as the one that holds the job.
    #[must_use]
    pub fn is_believed(&self, now: Instant) -> bool {
        now < self.believed_until()
    }

    /// When the worker stops what it does for the job, if no heartbeat is answered before.
    #[must_use]
    pub fn believed_until(&self) -> Instant {
        self.asked + self.terms.believed()
    }

    /// When to ask for more: a third after the last answered question; where a heartbeat has failed, a twelfth after that one.
    #[must_use]
    pub fn heartbeat_at(&self) -> Instant {
        if self.tried > self.asked { self.tried + self.terms.0 / 12 } else { self.asked + self.terms.heartbeat() }
    }
}

#[cfg(test)]
mod tests;
