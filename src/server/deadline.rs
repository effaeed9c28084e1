//! The timers of a connection: one for the head of each request and one for its answer, each set anew for the next.
use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt;
use tokio::time;

/// A timer that is used by one after the other.
///
/// To make one takes a lock that all threads share and, where no other timer ends before it, wakes the thread that waits
/// for the network, by a system call. One that is already set is moved to a later time for next to nothing; and whoever
/// comes next always ends later than whoever was before.
#[derive(Clone, Default)]
pub struct Deadline(Arc<Mutex<Option<Pin<Box<time::Sleep>>>>>);

impl Deadline {
    /// What a future comes to, if it does so within this time.
    pub(super) async fn within<F: Future>(&self, time: Duration, mut future: Pin<&mut F>) -> Option<F::Output> {
        let mut limit = None;
        poll_fn(|cx| {
            if let Poll::Ready(answer) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            let limit = limit.get_or_insert_with(|| self.at(Instant::now() + time));
            Pin::new(limit).poll(cx).map(|()| None)
        })
        .await
    }

    fn at(&self, until: Instant) -> Until {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let sleep = match free {
            Some(mut sleep) => {
                sleep.as_mut().reset(until.into());
                sleep
            }
            None => Box::pin(time::sleep_until(until.into())),
        };
        Until { sleep: Some(sleep), of: self.clone() }
    }
}

/// The timer while it is in use.
struct Until {
    sleep: Option<Pin<Box<time::Sleep>>>,
    of: Deadline,
}

impl Future for Until {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().map_or(Poll::Ready(()), |sleep| sleep.as_mut().poll(cx))
    }
}

impl Drop for Until {
    fn drop(&mut self) {
        *self.of.0.lock().unwrap_or_else(PoisonError::into_inner) = self.sleep.take();
    }
}

impl rt::Sleep for Until {}

/// For the heads of requests, and for how long nothing may be asked.
impl rt::Timer for Deadline {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(self.at(deadline))
    }

    fn now(&self) -> Instant {
        time::Instant::now().into_std()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    const STEP: Duration = Duration::from_millis(100);

    /// Whether work of so many steps is done within so many, and after how many that was known.
    async fn takes(deadline: &Deadline, limit: u32, work: u32) -> (bool, u128) {
        let begun = Instant::now();
        let done = deadline.within(STEP * limit, pin!(time::sleep(STEP * work))).await.is_some();
        (done, begun.elapsed().as_millis() / STEP.as_millis())
    }

    #[tokio::test]
    async fn a_timer_that_was_used_before_ends_when_it_is_told_to_now() {
        let deadline = Deadline::default();
        for _ in 0..2 {
            assert_eq!(takes(&deadline, 100, 1).await, (true, 1));
            assert!(!takes(&deadline, 3, 100).await.0, "earlier than it was set for");
            assert!(!takes(&deadline, 1, 100).await.0, "it had come to its end");
            assert!(takes(&deadline, 100, 2).await.0);
        }
        let mut never = std::future::pending::<()>();
        let given_up = deadline.within(STEP, Pin::new(&mut never));
        assert!(time::timeout(STEP / 2, given_up).await.is_err());
        let (done, steps) = takes(&deadline, 4, 100).await;
        assert!(!done && steps >= 4, "whoever had it gave up; {steps}");
    }
}
