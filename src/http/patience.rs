//! How long the other end of a connection may keep us waiting: not longer than a pause at once, and over time not for less
//! than a least rate.
use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes a second that whoever reads or sends has to manage in the long run: less than the slowest mobile network.
const LEAST: u64 = 16 << 10;

/// What somebody may still make us wait. Waiting uses it up, and bytes earn it back, up to where it began: who never
/// takes a byte has one pause, who takes less than [`LEAST`] runs out of it, and who takes more never does.
#[doc(alias = "slow client timeout")]
#[derive(Debug)]
pub(crate) struct Patience {
    pause: Duration,
    left: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// With so long a pause.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, left: pause, since: None, timer: None }
    }

    /// Nothing moves just now. Whether that has been so for too long; otherwise the task is woken when it has.
    pub(crate) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if self.since.is_none() {
            let now = Instant::now();
            self.since = Some(now);
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(now + self.left),
                None => self.timer = Some(Box::pin(sleep_until(now + self.left))),
            }
        }
        self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
    }

    /// So many bytes moved.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let earned = Duration::from_micros((bytes as u64).saturating_mul(1_000_000) / LEAST);
        self.left = self.pause.min(self.left.saturating_add(earned));
    }

    /// What is waited for; none when it did not come in time. [`moved`](Self::moved) says how much it was.
    pub(crate) async fn wait_for<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        let mut what = pin!(what);
        poll_fn(|cx| match what.as_mut().poll(cx) {
            Poll::Ready(what) => Poll::Ready(Some(what)),
            Poll::Pending if self.is_over(cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const PAUSE: Duration = Duration::from_millis(400);

    /// How long somebody lasts who takes so many bytes after each pause; six pauses are for ever.
    async fn lasts(bytes: usize, milliseconds: u64) -> u128 {
        let mut patience = Patience::new(PAUSE);
        let begun = Instant::now();
        while begun.elapsed() < PAUSE * 6 {
            if patience.wait_for(sleep(Duration::from_millis(milliseconds))).await.is_none() {
                break;
            }
            patience.moved(bytes);
        }
        begun.elapsed().as_millis()
    }

    #[tokio::test]
    async fn who_drips_runs_out_of_it_and_who_goes_on_does_not() {
        let (never, dripping, half, enough, much) =
            tokio::join!(lasts(1 << 20, 10_000), lasts(1, 300), lasts(800, 100), lasts(3300, 100), lasts(1 << 20, 300));
        assert!((400..800).contains(&never), "nothing at all: {never} ms");
        assert!((400..800).contains(&dripping), "a byte now and then: {dripping} ms");
        assert!((500..1600).contains(&half), "half the least rate: {half} ms");
        assert!(enough >= 2400 && much >= 2400, "twice the least rate: {enough} ms, much after a pause: {much} ms");
    }
}
