//! What stands around the routes: connections, the edge that every request passes, limits, the document, figures.
mod address;
mod body;
mod connection;
mod cors;
mod edge;
mod listener;
mod methods;
pub mod metrics;
mod openapi;
mod places;
mod rate_limit;
mod router;
mod socket;
mod unread;
mod untaken;

pub use connection::Leaving;
pub use cors::origin;
pub use edge::EdgeLimits;
pub use listener::{Serving, serve};
pub use openapi::{SCHEMAS, document};
pub use router::router;
pub use untaken::Untaken;
