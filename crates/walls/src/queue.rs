//! Who gets a connection next: whoever of those who wait has had least of them lately. Each tenant has a share of the pool and
//! a queue of its own, and whoever has much while others are about has less of it, so that whoever asks for much, or for what
//! takes long, waits for themselves and not before others.
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    Error, Result,
    identity::{Principal, TenantId, UserId},
    load::{About, Bounds, Load},
};

/// Who may wait behind whom, at most; one more is told at once that there is no place.
const WAITING: usize = 256;
/// Shares that are remembered before anybody looks which have had nothing lately.
const SWEEP: usize = 256;
/// How often somebody looks who has waited for too long: for so much longer they may.
const LOOK: Duration = Duration::from_millis(25);

/// Whose share a connection is taken from.
#[doc(alias = "fair queueing")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// A tenant's: for whoever PostgreSQL has accepted there.
    Tenant(TenantId),
    /// What goes on in a tenant after its requests were answered, and holds a connection for long: beside the tenant's own,
    /// so that nobody waits for the end of their own import.
    Work(TenantId),
    /// A person's own, outside any tenant.
    Person(UserId),
    /// That of a person who names a tenant, as long as nobody has said that they belong there, and one of all keys of which
    /// that goes. Whoever only names a tenant takes nothing from it.
    Unproven(Option<UserId>),
    /// That of all whom nobody knows.
    Strangers,
}

impl Share {
    /// Who asks, for whom others leave room: a tenant's work is no other than the tenant, and who is asked about may be of
    /// the tenant.
    fn asker(self) -> Option<Self> {
        match self {
            Self::Work(tenant) => Some(Self::Tenant(tenant)),
            Self::Unproven(_) => None,
            share => Some(share),
        }
    }

    /// Of somebody who only says who they are: a person's own, and one of all where anybody could have made it up.
    #[must_use]
    pub fn unproven(principal: Principal) -> Self {
        match principal {
            Principal::Person(person) => Self::Unproven(Some(person.user)),
            Principal::Key(_) => Self::Unproven(None),
        }
    }
}

/// The places of a pool, and who waits for one.
#[derive(Clone, Debug)]
pub(crate) struct Queue(Arc<Mutex<Places>>);

#[derive(Debug)]
struct Places {
    bounds: Bounds,
    free: usize,
    shares: HashMap<Share, Line>,
    /// Shares with somebody waiting, those first who were served longest ago.
    turns: VecDeque<Share>,
    /// Shares that hold a place.
    holders: Vec<Share>,
    about: About<Share>,
    /// Whether somebody looks who has waited for too long.
    watched: bool,
    /// When so many are remembered, those who have nothing are forgotten.
    sweep_at: usize,
    /// How far its clock is ahead.
    #[cfg(test)]
    ahead: Duration,
}

#[derive(Debug)]
struct Line {
    taken: usize,
    load: Load,
    waiting: VecDeque<Waiting>,
}

/// Somebody who waits, and until when.
#[derive(Debug)]
struct Waiting {
    give: oneshot::Sender<Place>,
    until: Instant,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    /// None once nothing is to be given back.
    queue: Option<Queue>,
    share: Share,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            let mut places = queue.places();
            let now = places.now();
            places.give_back(self.share, now);
            places.serve(&queue, now);
        }
    }
}

impl Queue {
    pub(crate) fn new(places: usize, share: usize) -> Self {
        Self(Arc::new(Mutex::new(Places {
            bounds: Bounds::new(places, share),
            free: places,
            shares: HashMap::new(),
            turns: VecDeque::new(),
            holders: Vec::new(),
            about: About::nobody(),
            watched: false,
            sweep_at: SWEEP,
            #[cfg(test)]
            ahead: Duration::ZERO,
        })))
    }

    /// A place of this share, now or within this time.
    ///
    /// # Errors
    /// [`Error::ShareExhausted`] where the share is used up, or too many wait for it; [`Error::PoolExhausted`] where everything is.
    pub(crate) async fn place(&self, share: Share, patience: Duration) -> Result<Place> {
        let answer = match self.ask(share, patience)? {
            Asked::Given(place) => return Ok(place),
            Asked::Waits(answer) => answer,
        };
        // Without a timer of its own: to set one takes a lock that all share, and wakes the thread that waits for the network.
        answer.await.map_err(|_| {
            let places = self.places();
            places.full(share, places.now())
        })
    }

    /// Sends away whoever has waited for too long, for as long as anybody waits.
    async fn watch(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let mut places = self.places();
            let now = Instant::now();
            let Places { turns, shares, watched, .. } = &mut *places;
            turns.retain(|share| {
                let Some(line) = shares.get_mut(share) else { return false };
                line.waiting.retain(|one| one.until > now && !one.give.is_closed());
                !line.waiting.is_empty()
            });
            if turns.is_empty() {
                *watched = false;
                return;
            }
        }
    }

    /// Whether anybody else has asked for a place lately.
    pub(crate) fn others(&self, share: Share) -> bool {
        let places = self.places();
        places.about.others(share.asker(), places.now())
    }

    fn ask(&self, share: Share, patience: Duration) -> Result<Asked> {
        let mut places = self.places();
        let now = places.now();
        if let Some(asker) = share.asker() {
            places.about.note(asker, now);
        }
        places.shares.entry(share).or_insert_with(|| Line::new(now));
        if places.free > 0 && places.may_have(share, now) && places.shares[&share].waiting.is_empty() {
            places.take(share, now);
            return Ok(Asked::Given(Place { queue: Some(self.clone()), share }));
        }
        let Some(line) = places.shares.get_mut(&share) else { return Err(Error::PoolExhausted) };
        if line.waiting.len() >= WAITING {
            // Whoever gave up does not count.
            line.waiting.retain(|one| !one.give.is_closed());
            if line.waiting.len() >= WAITING {
                return Err(Error::ShareExhausted);
            }
        }
        let (give, answer) = oneshot::channel();
        let first = line.waiting.is_empty();
        line.waiting.push_back(Waiting { give, until: Instant::now() + patience });
        if first {
            places.turns.push_back(share);
        }
        if !std::mem::replace(&mut places.watched, true) {
            tokio::spawn(self.clone().watch());
        }
        // Those before may have given up, and what they could not have then they can have now.
        places.serve(self, now);
        Ok(Asked::Waits(answer))
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Asked {
    Given(Place),
    Waits(oneshot::Receiver<Place>),
}

impl Line {
    fn new(now: Instant) -> Self {
        Self { taken: 0, load: Load::none(now), waiting: VecDeque::new() }
    }

    fn load(&self, now: Instant) -> Load {
        self.load.until(now, self.taken)
    }
}

impl Places {
    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests have a clock of their own")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[cfg(test)]
    fn now(&self) -> Instant {
        Instant::now() + self.ahead
    }

    fn take(&mut self, share: Share, now: Instant) {
        self.free -= 1;
        let line = self.shares.entry(share).or_insert_with(|| Line::new(now));
        line.load = line.load(now);
        line.taken += 1;
        if line.taken == 1 {
            self.holders.push(share);
        }
    }

    fn give_back(&mut self, share: Share, now: Instant) {
        self.free += 1;
        if let Some(line) = self.shares.get_mut(&share) {
            line.load = line.load(now);
            line.taken -= 1;
            if line.taken == 0 {
                self.holders.retain(|holder| *holder != share);
            }
        }
        if self.shares.len() >= self.sweep_at {
            self.shares.retain(|_, line| line.taken > 0 || !line.waiting.is_empty() || !line.load(now).is_nothing());
            self.sweep_at = SWEEP.max(self.shares.len() * 2);
        }
    }

    /// Whether somebody has more than their part while there are others to leave room for. Work takes turns and gives way by
    /// itself: whoever does it asks [`Pool::others_than`](crate::Pool::others_than).
    fn is_greedy(&self, share: Share, now: Instant) -> bool {
        if matches!(share, Share::Work(_)) {
            return false;
        }
        let load = self.shares.get(&share).map(|line| line.load(now));
        load.is_some_and(|load| self.bounds.is_greedy(load)) && self.about.others(share.asker(), now)
    }

    /// Whether they may have one more, if there is one.
    fn may_have(&self, share: Share, now: Instant) -> bool {
        let Bounds { share: most, greedy, together, spare, .. } = self.bounds;
        let taken = self.shares.get(&share).map_or(0, |line| line.taken);
        if taken >= most || (taken > 0 && self.free <= spare) {
            return false;
        }
        if !self.is_greedy(share, now) {
            return true;
        }
        let theirs = |holder: &Share| self.shares.get(holder).map_or(0, |line| line.taken);
        let of_greedy =
            || self.holders.iter().filter(|holder| self.is_greedy(**holder, now)).map(theirs).sum::<usize>();
        taken < greedy && of_greedy() < together
    }

    /// Gives what is free to whoever has had least of those who may have it.
    fn serve(&mut self, queue: &Queue, now: Instant) {
        while self.free > 0 {
            let may = (0..self.turns.len()).filter(|at| self.may_have(self.turns[*at], now));
            let had = |at: &usize| self.shares.get(&self.turns[*at]).map_or(0.0, |line| line.load(now).held());
            let Some(next) = may.min_by(|one, other| had(one).total_cmp(&had(other))) else { return };
            let Some(share) = self.turns.remove(next) else { return };
            let Some(line) = self.shares.get_mut(&share) else { continue };
            let mut given = false;
            while !given && let Some(Waiting { give, .. }) = line.waiting.pop_front() {
                match give.send(Place { queue: Some(queue.clone()), share }) {
                    Ok(()) => given = true,
                    // Gave up. The place was never taken, so nothing is given back.
                    Err(mut place) => place.queue = None,
                }
            }
            if !line.waiting.is_empty() {
                self.turns.push_back(share);
            }
            if given {
                self.take(share, now);
            }
        }
    }

    /// Why somebody of this share has waited in vain.
    fn full(&self, share: Share, now: Instant) -> Error {
        let taken = self.shares.get(&share).map_or(0, |line| line.taken);
        let its_own = taken >= self.bounds.share || self.is_greedy(share, now);
        if its_own && self.bounds.share < self.bounds.all { Error::ShareExhausted } else { Error::PoolExhausted }
    }
}

#[cfg(test)]
mod tests;
