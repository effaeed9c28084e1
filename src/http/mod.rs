//! The toolkit of HTTP, which every resource takes from: reading requests, writing answers, and what both may cost.
pub mod accept;
pub mod etag;
pub mod executor;
pub mod export;
pub mod extract;
pub mod file_quota;
pub mod idempotency;
mod json;
mod leaving;
pub mod letter;
pub mod operation;
pub mod page;
pub mod patch;
pub mod patience;
pub mod prefer;
pub mod problem;
pub mod schema_check;
pub mod session;
pub mod spool;
pub mod turns;
mod untaken;
pub mod upload;
pub mod validate;
pub mod waits;

pub use leaving::Leaving;
pub use untaken::Untaken;
