//! What is known of whoever sends a request before anybody is signed in: where it comes from and what it calls
//! itself.
use std::{convert::Infallible, fmt, net::IpAddr};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{header::USER_AGENT, request::Parts},
};

use super::Authn;
use crate::telemetry;

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Whom counters take for one: an IPv4 address, or in IPv6 the network a single customer is given (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{:x?}/64", &address.segments()[..4]),
        }
    }
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where from; behind proxies, as the farthest trusted one says. None when nobody knows.
    pub address: Option<IpAddr>,
    /// `User-Agent`, cut short.
    pub device: Option<String>,
}

impl Client {
    /// The address as text.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }

    /// What counters go by.
    #[must_use]
    pub fn network(&self) -> String {
        self.address.map_or_else(|| "unknown".to_owned(), |address| Network::from(address).to_string())
    }
}

impl<S> FromRequestParts<S> for Client
where
    Authn: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let device = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let device = device.map(|agent| agent.chars().filter(|c| !c.is_control()).take(300).collect());
        Ok(Self { address: address(parts, Authn::from_ref(state).settings.trusted_proxies), device })
    }
}

/// Where a request came from.
fn address(parts: &Parts, trusted: usize) -> Option<IpAddr> {
    forwarded(parts, trusted).or_else(|| parts.extensions.get::<Peer>().map(|peer| peer.0))
}

/// Notes where a request came from, for what it writes.
pub(super) fn note_address(parts: &Parts, trusted: usize) {
    if let Some(address) = address(parts, trusted) {
        telemetry::note_address(address);
    }
}

/// Each proxy appends whom it was asked by to `X-Forwarded-For`; of our own proxies the farthest knows best, and
/// what stands left of its entry is anybody's claim.
fn forwarded(parts: &Parts, trusted: usize) -> Option<IpAddr> {
    if trusted == 0 {
        return None;
    }
    let lines = parts.headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let entries: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    entries.get(entries.len().checked_sub(trusted)?)?.parse().ok()
}
