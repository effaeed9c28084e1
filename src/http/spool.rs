//! A file on its way to a caller: written as fast as it is made, taken as fast as the caller takes it. What makes it, a
//! connection to the database for instance, is free long before a slow caller has it all.
use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{body::Bytes, http::HeaderMap};
use futures_util::{Stream, stream};
use http_body::Frame;
use tokio::sync::Notify;

use super::{file_quota::Place, patience::Patience};
use crate::{Error, Result};

/// Bytes that a caller takes at a time.
const FRAME: u64 = 64 << 10;

#[derive(Debug)]
struct Shared {
    file: File,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    written: u64,
    taken: u64,
    /// Where the file begins: what was taken before it is not kept.
    base: u64,
    end: Option<Result<HeaderMap>>,
    /// Nobody takes it any more.
    gone: bool,
}

/// Where the file is written.
#[doc(alias = "temporary file")]
#[derive(Clone, Debug)]
pub struct Spool(Arc<Shared>);

/// Where it is taken. Whoever drops it wants no more.
#[derive(Debug)]
struct Taker(Arc<Shared>);

impl Spool {
    /// An empty file, and the frames that a caller takes: data, then trailer fields. It breaks off with the error it
    /// [failed](Self::fail) with.
    pub async fn new() -> Result<(Self, impl Stream<Item = Result<Frame<Bytes>>>)> {
        let file = work(tempfile::tempfile).await?;
        let shared = Arc::new(Shared { file, state: Mutex::default(), changed: Notify::new() });
        let frames = stream::unfold(Some(Taker(shared.clone())), |taker| async move {
            let taker = taker?;
            let next = taker.next().await;
            let more = next.as_ref().is_ok_and(Frame::is_data);
            Some((next, more.then_some(taker)))
        });
        Ok((Self(shared), frames))
    }

    /// Writes more. Where there is no room to be ahead of the caller, waits until all was taken. False when nobody takes
    /// it any more.
    pub async fn write(&self, bytes: Bytes, place: &mut Place) -> Result<bool> {
        let (kept, more) = (self.0.read(|state| state.written - state.base), bytes.len() as u64);
        if place.hold(kept + more).is_err() {
            self.until(|state| state.taken == state.written || state.gone).await;
            let shared = self.0.clone();
            work(move || shared.file.set_len(0)).await?;
            self.0.change(|state| state.base = state.written);
            place.hold(0)?;
            // A batch is little, and whoever has room for none gets it all the same, as slowly as it is taken.
            let _: Result<()> = place.hold(more);
        }
        let (at, gone) = self.0.read(|state| (state.written - state.base, state.gone));
        if gone {
            return Ok(false);
        }
        let shared = self.0.clone();
        work(move || shared.file.write_all_at(&bytes, at)).await?;
        self.0.change(|state| state.written += more);
        Ok(true)
    }

    /// There is no more; these are the trailer fields.
    pub fn end(&self, trailers: HeaderMap) {
        self.0.change(|state| state.end = Some(Ok(trailers)));
    }

    /// It breaks off, whatever was not taken so far.
    pub fn fail(&self, error: Error) {
        self.0.change(|state| state.end = Some(Err(error)));
        // The caller may be asleep for long, and the room is not theirs any more.
        let shared = self.0.clone();
        tokio::task::spawn_blocking(move || shared.file.set_len(0));
    }

    /// Waits for the caller to be done: true, or false when they pause for so long, or are too slow (`Patience`).
    pub async fn taken(&self, pause: Duration) -> bool {
        let mut patience = Patience::new(pause);
        loop {
            // Whoever has all that there is waits for more, and is not slow.
            self.until(|state| state.gone || state.taken < state.written || state.end.is_some()).await;
            let (before, gone) = self.0.read(|state| (state.taken, state.gone));
            if gone {
                return true;
            }
            if patience.wait_for(self.until(|state| state.gone || state.taken != before)).await.is_none() {
                return false;
            }
            let moved = self.0.read(|state| state.taken - before);
            patience.moved(usize::try_from(moved).unwrap_or(usize::MAX));
        }
    }

    async fn until(&self, so: impl Fn(&State) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.0.read(&so) {
                return;
            }
            changed.await;
        }
    }
}

impl Taker {
    async fn next(&self) -> Result<Frame<Bytes>> {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (at, bytes, end) = self
                .0
                .read(|state| (state.taken - state.base, (state.written - state.taken).min(FRAME), state.end.clone()));
            match end {
                Some(Err(error)) => return Err(error),
                _ if bytes > 0 => {
                    let shared = self.0.clone();
                    let data = work(move || {
                        let mut data = vec![0; usize::try_from(bytes).unwrap_or_default()];
                        shared.file.read_exact_at(&mut data, at).map(|()| data)
                    });
                    let data = data.await?;
                    self.0.change(|state| state.taken += bytes);
                    return Ok(Frame::data(data.into()));
                }
                Some(Ok(trailers)) => return Ok(Frame::trailers(trailers)),
                None => changed.await,
            }
        }
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.0.change(|state| state.gone = true);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state())
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_waiters();
    }
}

/// Something with a file, on a thread that may wait for it.
async fn work<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Error::internal(format!("no thread for a file: {error}")))?;
    done.map_err(|error| Error::internal(format!("a file on its way cannot be kept: {error}")))
}
