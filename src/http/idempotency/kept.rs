//! Answers as they are kept: locked, for one caller and one key.
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use uuid::Uuid;

use super::Keeper;
use crate::{Error, Result, from_row, http::prefer::PREFERENCE_APPLIED};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The headers of an answer that are given again with it. The others are about one request, or everybody's.
const KEPT: [HeaderName; 5] =
    [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::CACHE_CONTROL, PREFERENCE_APPLIED];

/// A key, and SHA-256 of the request that came with it.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) key: String,
    pub(super) fingerprint: [u8; 32],
    pub(super) keeper: Keeper,
}

/// What is found under a key.
pub(super) struct KeptAnswer {
    pub(super) outcome: String,
    status: Option<i16>,
    answer: Option<Vec<u8>>,
}

impl Claim {
    /// What is stored under the key, given once more.
    pub(super) fn again(&self, whose: [Uuid; 2], found: &KeptAnswer) -> Result<Response> {
        if found.outcome == "reused" {
            return Err(Error::IdempotencyKeyReused);
        }
        let (Some(status), Some(locked)) = (found.status, &found.answer) else {
            return Err(Error::internal("an idempotency key was committed without its answer"));
        };
        let kept = self.keeper.auth.secrets().boxes().open(&self.bound_to(whose), locked)?;
        let mut response = parse(&kept).ok_or_else(|| Error::internal("a kept answer cannot be read"))?;
        *response.status_mut() = u16::try_from(status)
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .ok_or_else(|| Error::internal("a kept answer has no status"))?;
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }

    /// Headers, an empty line and the body, locked for this caller and this key.
    pub(super) fn lock(&self, whose: [Uuid; 2], headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>> {
        let mut plain = Vec::with_capacity(body.len() + 128);
        for name in &KEPT {
            if let Some(value) = headers.get(name) {
                plain.extend_from_slice(&[name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"].concat());
            }
        }
        plain.push(b'\n');
        plain.extend_from_slice(body);
        self.keeper.auth.secrets().boxes().lock(&self.bound_to(whose), &plain)
    }

    fn bound_to(&self, [tenant, principal]: [Uuid; 2]) -> Vec<u8> {
        [b"idempotency key".as_slice(), tenant.as_bytes(), principal.as_bytes(), self.key.as_bytes()].concat()
    }
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Claim").field(&self.key).finish()
    }
}

/// The inverse of [`Claim::lock`]. A header's value holds no line break.
fn parse(mut rest: &[u8]) -> Option<Response> {
    let mut headers = HeaderMap::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let value = HeaderValue::from_bytes(&line[colon + 1..]).ok()?;
        headers.insert(HeaderName::from_bytes(&line[..colon]).ok()?, value);
    }
    let mut response = Response::new(rest.to_vec().into());
    *response.headers_mut() = headers;
    Some(response)
}

from_row! { KeptAnswer: outcome, status, answer }
