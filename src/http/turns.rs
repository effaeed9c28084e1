//! Turns: who may work now. Nobody has two at a time, neither a tenant nor a person; of those who wait, whoever had a turn longest ago is next.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use uuid::Uuid;

/// On whose account something is done. Neither opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The tenant.
    pub tenant: Uuid,
    /// The member or API key.
    pub principal: Uuid,
}

impl Whose {
    /// Both, for what is counted for each.
    #[must_use]
    pub fn each(self) -> [Uuid; 2] {
        [self.tenant, self.principal]
    }
}

/// Turns.
#[doc(alias = "semaphore")]
#[derive(Clone, Debug)]
pub struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    most: usize,
    tickets: u64,
    waiting: Vec<Waiting>,
    running: Vec<Ticket>,
    /// When each tenant and principal had their last turn, in tickets; forgotten once nobody waits.
    served: HashMap<Uuid, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Ticket {
    number: u64,
    whose: Whose,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    call: oneshot::Sender<()>,
}

/// A turn, or a place in the queue for one: over, or left, when it is dropped.
#[derive(Debug)]
#[must_use = "a turn that is dropped is over"]
pub struct Turn {
    number: u64,
    turns: Turns,
}

impl Turns {
    /// So many at a time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let state = State { most, tickets: 0, waiting: Vec::new(), running: Vec::new(), served: HashMap::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Waits for a turn. Whoever stops waiting leaves the queue.
    pub async fn take(&self, whose: Whose) -> Turn {
        let (call, called) = oneshot::channel();
        let turn = Turn { number: self.state().ask(whose, call), turns: self.clone() };
        // Who waits is dropped only when called.
        let _ = called.await;
        turn
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a ticket.
    fn ask(&mut self, whose: Whose, call: oneshot::Sender<()>) -> u64 {
        self.tickets += 1;
        let number = self.tickets;
        self.waiting.push(Waiting { ticket: Ticket { number, whose }, call });
        self.call();
        number
    }

    /// Calls all whose turn it is.
    fn call(&mut self) {
        while let Some(next) = self.next() {
            let Waiting { ticket, call } = self.waiting.remove(next);
            self.tickets += 1;
            self.served.extend(ticket.whose.each().map(|key| (key, self.tickets)));
            self.running.push(ticket);
            // Where nobody hears it, the turn is dropped, and with it the ticket.
            let _ = call.send(());
        }
        if self.waiting.is_empty() {
            self.served.clear();
        }
    }

    fn next(&self) -> Option<usize> {
        let waiting = self.waiting.iter().enumerate().filter(|(_, waiting)| self.may_begin(waiting.ticket));
        let last = |ticket: Ticket| ticket.whose.each().map(|key| self.served.get(&key).copied().unwrap_or_default());
        waiting.min_by_key(|(_, w)| (last(w.ticket).into_iter().max(), w.ticket.number)).map(|(at, _)| at)
    }

    fn may_begin(&self, ticket: Ticket) -> bool {
        let theirs = |running: &Ticket| {
            running.whose.tenant == ticket.whose.tenant || running.whose.principal == ticket.whose.principal
        };
        self.running.len() < self.most && !self.running.iter().any(theirs)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        state.running.retain(|ticket| ticket.number != self.number);
        state.waiting.retain(|waiting| waiting.ticket.number != self.number);
        state.call();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn of(tenant: u128, principal: u128) -> Whose {
        Whose { tenant: Uuid::from_u128(tenant), principal: Uuid::from_u128(1000 + principal) }
    }

    /// Asks for a turn without waiting for it.
    fn ask(turns: &Turns, whose: Whose) -> std::pin::Pin<Box<impl Future<Output = Turn>>> {
        let turns = turns.clone();
        let mut asked = Box::pin(async move { turns.take(whose).await });
        assert!(asked.as_mut().now_or_never().is_none(), "it has to wait");
        asked
    }

    #[tokio::test]
    async fn nobody_has_two_turns_and_whoever_waited_longest_for_another_is_next() {
        let turns = Turns::new(2);
        let (before, other) = (turns.take(of(5, 5)).await, turns.take(of(3, 3)).await);
        let mut first = ask(&turns, of(1, 1));
        let mut tenants_second = ask(&turns, of(1, 2));
        let mut persons_second = ask(&turns, of(2, 1));
        let mut last = ask(&turns, of(4, 4));
        drop(before);
        drop(first.as_mut().now_or_never().expect("whoever asked first"));
        let last = last.as_mut().now_or_never().expect("who had none is next, though others have waited longer");
        drop(other);
        let theirs = tenants_second.as_mut().now_or_never().expect("then whoever asked first");
        assert!(persons_second.as_mut().now_or_never().is_some() || turns.state().waiting.len() == 1);
        drop((theirs, last));
    }

    #[tokio::test]
    async fn whoever_stops_waiting_or_is_not_there_any_more_holds_nobody_up() {
        let turns = Turns::new(1);
        let first = turns.take(of(1, 1)).await;
        drop(ask(&turns, of(2, 2)));
        let called = ask(&turns, of(3, 3));
        let mut after = ask(&turns, of(4, 4));
        drop(first);
        // Called, and gone before it took its turn.
        drop(called);
        let after = after.as_mut().now_or_never().expect("the next is called");
        drop(after);
        let state = turns.state();
        assert!(state.waiting.is_empty() && state.running.is_empty() && state.served.is_empty());
    }
}
