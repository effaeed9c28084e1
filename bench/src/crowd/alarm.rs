//! Waking many at their times, to some tens of microseconds: tokio's own timers wake at the next whole millisecond, which is as
//! long as many an answer takes.
use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    rc::Rc,
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use rowhouse::error::Failure;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::{net::unix::pipe::Receiver, task::AbortHandle};

/// Wakes those who wait. For one thread.
#[derive(Clone)]
pub(super) struct Alarm(Rc<Bell>);

struct Bell {
    /// No pipe: but it is waited for and read like one, and what tokio has for others is unsafe.
    timer: Receiver,
    times: RefCell<BinaryHeap<Reverse<(Instant, u64)>>>,
    waiting: RefCell<BTreeMap<u64, Waker>>,
}

/// The task that rings, until it is dropped.
pub(super) struct Ringing(AbortHandle);

impl Drop for Ringing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Alarm {
    pub(super) fn new() -> Result<(Self, Ringing), Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure(format!("there is no timer: {error}"));
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(|error| failed(&error))?;
        let timer = Receiver::from_owned_fd_unchecked(timer).map_err(|error| failed(&error))?;
        let alarm = Self(Rc::new(Bell { timer, times: RefCell::default(), waiting: RefCell::default() }));
        let bell = alarm.0.clone();
        let ringing = tokio::task::spawn_local(async move {
            loop {
                if bell.timer.readable().await.is_err() {
                    return;
                }
                // How often it has rung, which matters to nobody.
                let _ = bell.timer.try_read(&mut [0; 8]);
                bell.ring();
            }
        });
        Ok((alarm, Ringing(ringing.abort_handle())))
    }

    /// Waits until then. `who` waits for one time at once.
    pub(super) async fn until(&self, time: Instant, who: u64) {
        let mut told = false;
        std::future::poll_fn(|cx| {
            if time <= Instant::now() {
                self.0.waiting.borrow_mut().remove(&who);
                return Poll::Ready(());
            }
            self.0.waiting.borrow_mut().insert(who, cx.waker().clone());
            if !told {
                told = true;
                let first = self.0.times.borrow().peek().is_none_or(|Reverse((first, _))| time < *first);
                self.0.times.borrow_mut().push(Reverse((time, who)));
                if first {
                    self.0.set();
                }
            }
            Poll::Pending
        })
        .await;
    }
}

impl Bell {
    /// Wakes whose time has come.
    fn ring(&self) {
        let now = Instant::now();
        let mut times = self.times.borrow_mut();
        while times.peek().is_some_and(|Reverse((time, _))| *time <= now) {
            let Some(Reverse((_, who))) = times.pop() else { break };
            if let Some(waker) = self.waiting.borrow_mut().remove(&who) {
                waker.wake();
            }
        }
        drop(times);
        self.set();
    }

    /// Sets the timer to whoever is next.
    fn set(&self) {
        let Some(Reverse((time, _))) = self.times.borrow().peek().copied() else { return };
        // Nothing would switch it off.
        let left = time.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value =
            Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        let spec = Itimerspec { it_interval: zero, it_value: value };
        let _ = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_are_woken_in_the_order_of_their_times_and_none_before() {
        tokio::task::LocalSet::new()
            .run_until(async {
                let (alarm, _ringing) = Alarm::new().unwrap();
                let (begun, woken) = (Instant::now(), Rc::new(RefCell::new(Vec::new())));
                let tasks = [30_u64, 10, 20, 0, 25].map(|ms| {
                    let (alarm, woken) = (alarm.clone(), woken.clone());
                    tokio::task::spawn_local(async move {
                        alarm.until(begun + Duration::from_millis(ms), ms).await;
                        assert!(begun.elapsed() >= Duration::from_millis(ms));
                        woken.borrow_mut().push(ms);
                    })
                });
                for task in tasks {
                    task.await.unwrap();
                }
                assert_eq!(*woken.borrow(), [0, 10, 20, 25, 30]);
            })
            .await;
    }
}
