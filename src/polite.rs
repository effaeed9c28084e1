//! Threads for what takes long, which yield to everything else.
use std::time::Duration;

use tokio::sync::oneshot;

use crate::{Error, Result};

/// Whoever works for long rests for so long at most, between two pieces.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How much they yield, as `nice` counts: they get about a tenth of a busy processor.
const NICE: i32 = 10;

/// Makes the thread that asks yield to all others, for good.
pub(crate) fn yield_to_others() {
    // On Linux this is the thread's own. Where it is refused, it is merely not as polite.
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// Leaves others as much time as was just taken, but never much.
pub(crate) async fn pause_after(worked: Duration) {
    tokio::time::sleep(worked.min(LONGEST_PAUSE)).await;
}

/// Does something on a thread of its own, which may block, and answers what came of it.
pub(crate) fn politely<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<impl Future<Output = Result<T>>> {
    let (done, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        yield_to_others();
        let _ = done.send(work());
    });
    let gone = |why: String| Error::internal(format!("a thread ended early: {why}"));
    thread.map_err(|error| gone(error.to_string()))?;
    Ok(async move { result.await.map_err(|error| gone(error.to_string()))? })
}
