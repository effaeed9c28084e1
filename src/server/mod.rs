//! What stands above the resources: the router, what every request passes on its way in and every answer on its way out, the
//! document of it all, and the sockets it comes by.
mod address;
mod body;
mod connection;
mod cors;
mod deadline;
mod edge;
mod facts;
mod listener;
mod methods;
pub mod metrics;
mod openapi;
mod places;
mod rate_limit;
mod router;
mod socket;
mod supervisor;
mod unread;

pub use connection::Answer;
pub use cors::origin;
pub use deadline::Deadline;
pub use listener::{Serving, serve};
pub use openapi::document;
pub use router::{Application, application, extended};
pub use supervisor::{Kind, Supervisor};
