//! How many bytes of answers to one tenant there may be that nobody has read yet. They take memory that all share.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use uuid::Uuid;

use crate::{Error, Result};

/// Bytes of a tenant: some thirty pages of a list that are as long as they can be.
const MOST: usize = 32 << 20;
/// What is not counted: the kernel takes it at once.
const LITTLE: u64 = 16 << 10;

/// What is under way to each tenant.
#[doc(alias = "backpressure")]
#[derive(Clone, Default)]
pub struct Untaken(Arc<Mutex<HashMap<Uuid, usize>>>);

impl Untaken {
    /// Counts an answer until it is written, or given up. Refused is one that is too much, and `may_refuse`: that has changed
    /// nothing. Of a stream, whose length nobody knows, each piece is counted once it is there.
    pub fn count(&self, tenant: Uuid, may_refuse: bool, answer: Response) -> Result<Response> {
        let length = answer.body().size_hint().exact();
        if length.is_some_and(|length| length <= LITTLE) {
            return Ok(answer);
        }
        let whole = match length.map(|length| usize::try_from(length).unwrap_or(usize::MAX)) {
            Some(length) => Some(self.hold(tenant, length, may_refuse).ok_or(Error::UnreadAnswers)?),
            None => None,
        };
        let untaken = self.clone();
        Ok(answer.map(|body| {
            Body::new(body.map_frame(move |frame| {
                frame.map_data(|bytes| {
                    let held = whole.clone().or_else(|| untaken.hold(tenant, bytes.len(), false));
                    // Let go of with the last of these bytes, wherever they are until then.
                    Bytes::from_owner(Piece { bytes, _held: held })
                })
            }))
        }))
    }

    fn hold(&self, tenant: Uuid, bytes: usize, may_refuse: bool) -> Option<Arc<Held>> {
        let mut tenants = self.tenants();
        let now = tenants.get(&tenant).copied().unwrap_or_default();
        let then = now.saturating_add(bytes);
        if may_refuse && now > 0 && then > MOST {
            return None;
        }
        tenants.insert(tenant, then);
        Some(Arc::new(Held { untaken: self.clone(), tenant, bytes }))
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that count.
struct Held {
    untaken: Untaken,
    tenant: Uuid,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut tenants = self.untaken.tenants();
        if let Some(bytes) = tenants.get_mut(&self.tenant) {
            *bytes = bytes.saturating_sub(self.bytes);
            if *bytes == 0 {
                tenants.remove(&self.tenant);
            }
        }
    }
}

struct Piece {
    bytes: Bytes,
    _held: Option<Arc<Held>>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tenant_is_refused_what_is_too_much_until_its_bytes_are_gone_and_others_are_not() {
        let (untaken, a, b) = (Untaken::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let answer = || Response::new(Body::from(vec![0; 1 << 20]));
        let mut waiting: Vec<Response> = (0..32).map(|_| untaken.count(a, true, answer()).unwrap()).collect();
        assert_eq!(untaken.count(a, true, answer()).unwrap_err(), Error::UnreadAnswers);
        assert!(untaken.count(b, true, answer()).is_ok());
        assert!(untaken.count(a, true, Response::new(Body::from("little"))).is_ok());
        drop(untaken.count(a, false, answer()).unwrap());
        // Taken out of the body, and still not written.
        let bytes = waiting.pop().unwrap().into_body().frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(bytes.len(), 1 << 20);
        let rest = bytes.slice(1000..1001);
        drop(bytes);
        assert!(untaken.count(a, true, answer()).is_err());
        drop(rest);
        waiting.push(untaken.count(a, true, answer()).unwrap());
        drop(waiting);
        assert!(untaken.tenants().is_empty());
    }

    #[tokio::test]
    async fn a_stream_is_counted_as_it_comes() {
        let (untaken, tenant) = (Untaken::default(), Uuid::from_u128(1));
        let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![0; 40 << 20]))]);
        let mut body = untaken.count(tenant, true, Response::new(Body::from_stream(pieces))).unwrap().into_body();
        assert!(untaken.tenants().is_empty());
        let piece = body.frame().await.unwrap().unwrap();
        let answer = || Response::new(Body::from(vec![0; 1 << 20]));
        assert!(untaken.count(tenant, true, answer()).is_err());
        drop(piece);
        assert!(untaken.count(tenant, true, answer()).is_ok());
    }
}
