//! Jobs: work that is written down in the transaction that causes it, and done afterwards by whoever is there to do it.
//!
//! * [`enqueue`]: writes one down.
//! * [`kind`]: what a kind of job is, and who does it; the house's own are in `crate::work`.
//! * [`worker`]: takes turns and does jobs; [`held`] is what a handler is given.
//! * [`figures`]: what was done and what waits.
//! * [`backoff`]: when something that failed is tried again.
//! * [`schedule`]: when something that recurs is due, and [`cron`], which begins it in each tenant.
//! * [`lease`]: how long a worker may believe that a job is its own.
pub mod backoff;
pub mod cron;
pub mod enqueue;
pub mod figures;
pub mod held;
pub mod kind;
pub mod lease;
pub mod schedule;
pub mod worker;

pub use enqueue::NewJob;
pub use figures::JobFigures;
pub use held::{Failed, Held};
pub use kind::{Job, Kinds};
pub use worker::{Worker, WorkerOptions};
