//! Answers kept in this process, where there is no Redis: those asked for most, up to a number of bytes.
use axum::body::Bytes;
use quick_cache::{Weighter, sync::Cache};

use super::Key;

/// Bytes of an answer, roughly, from which the number of answers is guessed.
const USUAL: u64 = 8 << 10;

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Bytes> for Weight {
    fn weight(&self, key: &Key, kept: &Bytes) -> u64 {
        (key.as_bytes().len() + kept.len()) as u64
    }
}

pub(super) struct Local(Cache<Key, Bytes, Weight>);

impl Local {
    pub(super) fn new(bytes: u64) -> Self {
        Self(Cache::with_weighter(usize::try_from(bytes / USUAL).unwrap_or(usize::MAX), bytes, Weight))
    }

    /// What is kept, and no copy of it.
    pub(super) fn get(&self, key: &Key) -> Option<Bytes> {
        self.0.get(key)
    }

    pub(super) fn put(&self, key: &Key, kept: Vec<u8>) {
        self.0.insert(key.clone(), kept.into_boxed_slice().into());
    }
}
