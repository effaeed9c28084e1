//! Turns, where few can be served at once: what is urgent comes first, and of those who wait each source is served after the
//! other, so that a crowd behind one network or one session waits for itself.
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{Error, Result};

/// Who waits of one source, at most; more are refused at once.
const WAITING: usize = 64;

/// Gives out turns.
pub(super) struct Turns {
    state: Mutex<State>,
    wait: Duration,
}

struct State {
    free: usize,
    urgent: Queue,
    others: Queue,
}

/// Who waits, by source.
#[derive(Default)]
struct Queue {
    /// Those that somebody waits for, the next first.
    sources: VecDeque<String>,
    waiting: HashMap<String, VecDeque<oneshot::Sender<Turn>>>,
}

/// Somebody's turn, until it is dropped.
pub(super) struct Turn(Option<Arc<Turns>>);

impl Queue {
    fn push(&mut self, source: &str, turn: oneshot::Sender<Turn>) -> Result<()> {
        let waiting = self.waiting.entry(source.to_owned()).or_default();
        if waiting.len() >= WAITING {
            // Whoever hung up waits no longer.
            waiting.retain(|turn| !turn.is_closed());
        }
        if waiting.len() >= WAITING {
            return Err(Error::Busy);
        }
        if waiting.is_empty() && !self.sources.iter().any(|other| other == source) {
            self.sources.push_back(source.to_owned());
        }
        waiting.push_back(turn);
        Ok(())
    }

    fn pop(&mut self) -> Option<oneshot::Sender<Turn>> {
        while let Some(source) = self.sources.pop_front() {
            let Some(waiting) = self.waiting.get_mut(&source) else { continue };
            let next = waiting.pop_front();
            if waiting.is_empty() {
                self.waiting.remove(&source);
            } else {
                self.sources.push_back(source);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

impl Turns {
    /// So many at once; whoever waits longer than this is refused.
    pub(super) fn new(at_once: usize, wait: Duration) -> Arc<Self> {
        let state = State { free: at_once, urgent: Queue::default(), others: Queue::default() };
        Arc::new(Self { state: Mutex::new(state), wait })
    }

    /// Waits for a turn. `503` when it does not come in time, or when too many of this source wait already.
    pub(super) async fn turn(self: &Arc<Self>, urgent: bool, source: &str) -> Result<Turn> {
        let (given, turn) = oneshot::channel();
        {
            let mut state = self.state();
            // While a place is free nobody waits: it was given away otherwise.
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn(Some(self.clone())));
            }
            if urgent { &mut state.urgent } else { &mut state.others }.push(source, given)?;
        }
        // Given up on, a turn that comes all the same is dropped with its channel, and goes to the next.
        tokio::time::timeout(self.wait, turn).await.ok().and_then(Result::ok).ok_or(Error::Busy)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_on(self: Arc<Self>) {
        loop {
            let next = {
                let mut state = self.state();
                let next = state.urgent.pop().or_else(|| state.others.pop());
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // Whoever waited has hung up; the turn is still ours.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::{FutureExt as _, join_all};

    use super::*;

    fn turns() -> Arc<Turns> {
        Turns::new(1, Duration::from_mins(1))
    }

    /// Who is served in which order, of those who wait for one place.
    async fn order(asked: &[(bool, &'static str)]) -> Vec<&'static str> {
        let turns = turns();
        let served = Arc::new(Mutex::new(Vec::new()));
        let first = turns.turn(false, "first").await.unwrap();
        let waiting: Vec<_> = asked
            .iter()
            .map(|&(urgent, source)| {
                let (turns, served) = (turns.clone(), served.clone());
                async move {
                    let _turn = turns.turn(urgent, source).await.unwrap();
                    served.lock().unwrap().push(source);
                }
            })
            .collect();
        let mut all = Box::pin(join_all(waiting));
        assert!(all.as_mut().now_or_never().is_none(), "they wait in the order in which they asked");
        drop(first);
        all.await;
        let served = served.lock().unwrap();
        served.clone()
    }

    #[tokio::test]
    async fn sources_take_turns_and_what_is_urgent_comes_first() {
        let crowd = [(false, "crowd"); 4];
        let mut asked = crowd.to_vec();
        asked.extend([(false, "one"), (true, "network"), (true, "network"), (true, "other"), (false, "two")]);
        let expected = ["network", "other", "network", "crowd", "one", "two", "crowd", "crowd", "crowd"];
        assert_eq!(order(&asked).await, expected);
    }

    #[tokio::test]
    async fn a_crowd_is_refused_and_takes_no_place_that_it_left() {
        let turns = turns();
        let first = turns.turn(false, "first").await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(turns.turn(false, "crowd"))).collect();
        for wait in &mut waiting {
            assert!(wait.as_mut().now_or_never().is_none());
        }
        assert!(turns.turn(false, "crowd").await.is_err(), "as many wait as may");
        let mut other = Box::pin(turns.turn(false, "other"));
        assert!(other.as_mut().now_or_never().is_none());
        // All of the crowd hang up, and make room for whoever comes next.
        drop(waiting);
        let mut late = Box::pin(turns.turn(false, "crowd"));
        assert!(late.as_mut().now_or_never().is_none());
        drop(first);
        tokio::join!(async { drop(late.await.unwrap()) }, async { drop(other.await.unwrap()) });
        assert_eq!(turns.state().free, 1);
        let timid = Turns::new(0, Duration::from_millis(1));
        assert!(timid.turn(true, "anybody").await.is_err());
    }
}
