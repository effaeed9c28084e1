//! Jobs: work that is written down in the transaction that causes it, and done afterwards by whoever is there to do it.
//!
//! * [`backoff`]: when something that failed is tried again.
//! * [`schedule`]: when something that recurs is due.
//! * [`lease`]: how long a worker may believe that a job is its own.
pub mod backoff;
pub mod lease;
pub mod schedule;
