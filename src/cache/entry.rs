//! An answer as it is kept, and what is said about an answer that could have been (RFC 9211, RFC 9111 §5.1).
use std::time::Duration;

use axum::{
    body::{Body, Bytes, HttpBody as _, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use uuid::Uuid;

use crate::{Error, Result, clock};

/// Bytes of an answer that is kept, at most.
const LARGEST: usize = 256 << 10;
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// An answer, the generation it was worked out of or after, and when.
pub(super) struct Entry {
    generation: Uuid,
    at: Duration,
    headers: HeaderMap,
    body: Bytes,
}

impl Entry {
    /// The answer again, and what to keep of it: nothing, unless it is a success of reasonable size.
    pub(super) async fn of(generation: Uuid, answer: Response) -> Result<(Response, Option<Vec<u8>>)> {
        let small = answer.body().size_hint().exact().is_some_and(|bytes| bytes <= LARGEST as u64);
        if answer.status() != StatusCode::OK || !small {
            return Ok((answer, None));
        }
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, LARGEST).await;
        let body = body.map_err(|error| Error::internal(format!("an answer of a known size broke off: {error}")))?;
        let mut bytes = Vec::with_capacity(body.len() + 256);
        bytes.extend_from_slice(generation.as_bytes());
        bytes.extend_from_slice(&u64::try_from(now().as_millis()).unwrap_or(u64::MAX).to_be_bytes());
        for (name, value) in parts.headers.iter().filter(|(name, _)| *name != CACHE_STATUS) {
            for part in [name.as_str().as_bytes(), value.as_bytes()] {
                bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
                bytes.extend_from_slice(part);
            }
        }
        bytes.extend_from_slice(&0_u32.to_be_bytes());
        bytes.extend_from_slice(&body);
        Ok((Response::from_parts(parts, Body::from(body)), Some(bytes)))
    }

    /// What was kept; none when that is no answer.
    pub(super) fn read(bytes: Vec<u8>) -> Option<Self> {
        let bytes = Bytes::from(bytes);
        let (generation, rest) = bytes.split_first_chunk::<16>()?;
        let (at, mut rest) = rest.split_first_chunk::<8>()?;
        let mut part = || {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (part, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            rest = after;
            Some(part)
        };
        let mut headers = HeaderMap::new();
        loop {
            let name = part()?;
            if name.is_empty() {
                break;
            }
            let name = HeaderName::from_bytes(name).ok()?;
            headers.append(name, HeaderValue::from_bytes(part()?).ok()?);
        }
        Some(Self {
            generation: Uuid::from_bytes(*generation),
            at: Duration::from_millis(u64::from_be_bytes(*at)),
            headers,
            body: bytes.slice_ref(rest),
        })
    }

    /// How old it is; none when it does not count any more. What an instance with a clock ahead of ours kept is new.
    pub(super) fn age(&self, generation: Uuid, ttl: Duration) -> Option<Duration> {
        let age = now().checked_sub(self.at).unwrap_or_default();
        (self.generation == generation && age < ttl).then_some(age)
    }

    pub(super) fn into_response(self) -> Response {
        (self.headers, self.body).into_response()
    }
}

fn now() -> Duration {
    Duration::from_millis(clock::now().as_millisecond().try_into().unwrap_or_default())
}

/// What the cache had to do with an answer.
#[derive(Clone, Copy)]
pub(super) enum Status {
    Hit { age: Duration, ttl: Duration },
    Missed,
    Bypassed { away: bool },
}

impl Status {
    pub(super) fn on(self, mut answer: Response) -> Response {
        let headers = answer.headers_mut();
        let status = match self {
            Self::Hit { age, ttl } => {
                headers.insert(header::AGE, age.as_secs().into());
                format!("rowhouse; hit; ttl={}", ttl.saturating_sub(age).as_secs())
            }
            Self::Missed => "rowhouse; fwd=uri-miss".to_owned(),
            Self::Bypassed { away: true } => "rowhouse; fwd=bypass; detail=away".to_owned(),
            Self::Bypassed { away: false } => "rowhouse; fwd=bypass".to_owned(),
        };
        if let Ok(value) = HeaderValue::from_str(&status) {
            headers.insert(CACHE_STATUS, value);
        }
        answer
    }
}
