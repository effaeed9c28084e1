//! Streams: what is told of a tenant is sent to whoever follows it, as soon as it can be read. The rows are stored first; a stream is only
//! woken ([`Hub`]), and reads them behind the wall as whoever it is for ([`Follower`]). docs/live.md says how they are used.
mod follower;
mod hub;
mod message;
mod reader;
mod reason;
mod socket;
mod sse;
mod topic;

pub use follower::{Follower, Looked, Next};
pub use hub::{Bounds, Hub, Kind, LiveFigures};
pub use reader::{Item, Reader, Start};
pub use reason::Reason;
pub use sse::{LastEventId, LastEventIdHeader, follow};
pub use topic::Topic;

use crate::{
    Result,
    auth::{Authn, Tenant},
    http::upgrade::Upgrade,
};

pub use tokio_tungstenite::tungstenite::handshake::derive_accept_key as accept_key;

/// What is done with a connection that becomes a WebSocket of somebody whom PostgreSQL has accepted in the tenant.
pub fn socket(hub: &Hub, auth: &Authn, tenant: &Tenant) -> Result<Upgrade> {
    let follower = Follower::enter(hub, auth, tenant, Kind::Socket)?;
    Ok(Upgrade::to(|wire| socket::serve(wire, follower)))
}
