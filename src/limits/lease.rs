//! Requests that a process has taken of a bucket in Redis in advance, so that nobody waits for Redis while there is plenty.
//!
//! In Redis a bucket is one number, `due` ([gcra](super::gcra)); what is taken moves it ahead, so each request that is taken
//! has a stretch of the time before it, and is of worth until that has passed: then as much has come free, and Redis gives it
//! to somebody. What a process holds beyond that is its reserve: so few that all processes together have less than one in a
//! hundred of what the policy lets through. All is in microseconds of the process's clock. docs/adr/0024.
use super::{Policy, Remaining};

/// What is taken at a time: one part in so many, for each instance, of what is left in the bucket.
pub(super) const SHARE: u64 = 32;
/// The reserve: one part in so many, for each instance, of what the policy lets through.
const RESERVE: u64 = 128;
/// What was taken is used up within this or goes back; and whoever uses it up sooner takes more the next time.
pub(super) const QUICK: u64 = 1_000_000;
/// Whatever was taken is of no worth after this. Less than half of a window by far: see `correct.lua`.
const LIFE: u64 = 5_000_000;
/// How long after a question nobody asks the same: whoever asked may have gone.
const ASKING: u64 = 1_000_000;

/// What this process holds of one bucket, and what it knows of it.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) policy: Policy,
    /// How many it may hold for as long as it likes, and how many it takes at most beyond these.
    reserve: u64,
    most: u64,
    /// The older first.
    parts: [Part; 2],
    /// Of those that it may hold for as long as it likes: what is left of parts that are of no worth.
    kept: u64,
    /// How many it had when it was last given some.
    level: u64,
    /// When that was.
    given: u64,
    /// Until when a question is under way.
    asking: u64,
    /// Until when there is none left in Redis either.
    shut: u64,
    /// When all that was asked for would have been due, as far as is known here: for the headers.
    due: u64,
    /// Whether somebody looks after what is to go back.
    pub(super) looked_after: bool,
}

/// Requests that were taken together, of worth until their stretch of time has passed.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    requests: u64,
    until: u64,
}

impl Part {
    fn of_worth(self, now: u64, interval: u64) -> u64 {
        self.requests.min(self.until.saturating_sub(now) / interval)
    }

    /// Both as one, of worth for as long as either is.
    fn with(self, other: Self) -> Self {
        match (self.requests, other.requests) {
            (0, _) => other,
            (_, 0) => self,
            _ => Self { requests: self.requests + other.requests, until: self.until.min(other.until) },
        }
    }
}

/// What Redis has said of a bucket, on its own clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// When it was.
    pub(super) now: u64,
    /// When all that was asked for and taken would have been due.
    pub(super) due: u64,
    /// How many it gave in advance.
    pub(super) given: u64,
}

impl Lease {
    /// Nothing yet, of a policy that so many instances share.
    pub(super) fn new(policy: Policy, instances: u32) -> Self {
        let instances = u64::from(instances.max(1));
        let reserve = policy.requests / (RESERVE * instances);
        // Where not even one is less than one in a hundred, each request asks.
        let most = if reserve == 0 { 0 } else { policy.requests / (SHARE * instances) };
        Self {
            policy,
            reserve,
            most,
            parts: [Part::default(); 2],
            kept: 0,
            level: 0,
            given: 0,
            asking: 0,
            shut: 0,
            due: 0,
            looked_after: false,
        }
    }

    /// How many it holds. What is of no worth any more goes to the reserve, as far as there is room.
    pub(super) fn left(&mut self, now: u64) -> u64 {
        let interval = self.policy.interval();
        for part in &mut self.parts {
            let of_worth = part.of_worth(now, interval);
            self.kept = (self.kept + part.requests - of_worth).min(self.reserve);
            part.requests = of_worth;
        }
        self.of_worth() + self.kept
    }

    fn of_worth(&self) -> u64 {
        self.parts[0].requests + self.parts[1].requests
    }

    /// Spends one of those that are left.
    pub(super) fn spend(&mut self, now: u64) {
        self.drop_held(1);
        self.due = self.due.max(now) + self.policy.interval();
    }

    /// Takes one back that was spent: the request was refused for another reason.
    pub(super) fn unspend(&mut self) {
        // With the older ones, to be of worth for no longer than it was.
        self.parts[0].requests += 1;
        self.due = self.due.saturating_sub(self.policy.interval());
    }

    /// Counts so many that were not asked for before; says how many of them it did not hold.
    pub(super) fn charge(&mut self, now: u64, more: u64) -> u64 {
        let held = self.left(now).min(more);
        self.drop_held(held);
        self.due = (self.due.max(now) + more.saturating_mul(self.policy.interval())).min(now + self.policy.micros());
        more - held
    }

    fn drop_held(&mut self, mut requests: u64) {
        let [older, newer] = &mut self.parts;
        for held in [&mut older.requests, &mut newer.requests, &mut self.kept] {
            let now = requests.min(*held);
            (*held, requests) = (*held - now, requests - now);
        }
    }

    /// How many it wants more: its reserve, and where it has used up the last ones soon, as many as it may beyond.
    pub(super) fn wanted(&mut self, now: u64) -> u64 {
        let quick = self.level > 0 && now.saturating_sub(self.given) < QUICK;
        let target = if quick { self.reserve + self.most } else { self.reserve };
        target.saturating_sub(self.left(now))
    }

    /// How many to ask for in advance with a question that is asked anyhow; notes that it is.
    pub(super) fn ask(&mut self, now: u64) -> u64 {
        if self.asking > now {
            return 0;
        }
        let wanted = self.wanted(now);
        if wanted > 0 {
            self.asking = now + ASKING;
        }
        wanted
    }

    /// Whether to ask for more beside a request, before there are none left; notes that it is asked.
    pub(super) fn asks_ahead(&mut self, now: u64) -> bool {
        if self.level == 0 || self.asking > now {
            return false;
        }
        let left = self.left(now);
        if left > self.level / 4 {
            return false;
        }
        if self.ask(now) > 0 {
            return true;
        }
        self.level = left;
        false
    }

    /// Takes what Redis has given to a question of then. Whether a request was `told` that way, and not beside one.
    pub(super) fn take(&mut self, asked: u64, now: u64, said: Said, told: bool) {
        let (interval, ahead) = (self.policy.interval(), said.due.saturating_sub(said.now));
        self.left(now);
        if said.given > 0 {
            let [older, newer] = self.parts;
            // The moment it was asked: it cannot have been given earlier.
            let given = Part { requests: said.given, until: asked + ahead.min(LIFE) };
            self.parts = [older.with(newer), given];
            self.asking = 0;
            self.given = now;
        }
        let held = self.left(now);
        let due = (now + ahead).saturating_sub(self.of_worth() * interval);
        // Beside requests that are let through meanwhile, what Redis says is late; and it knows nothing of the reserve.
        self.due = if told { due } else { due.max(self.due) };
        if said.given > 0 || held == 0 {
            self.level = held;
        }
    }

    /// Nothing is left in Redis either, until then.
    pub(super) fn shut(&mut self, until: u64) {
        self.shut = until;
    }

    /// Whether it is known that there is none.
    pub(super) fn is_shut(&mut self, now: u64) -> bool {
        self.shut > now && self.left(now) == 0
    }

    /// What is to go back, since it was not used up in time; or when to look again.
    pub(super) fn surplus(&mut self, now: u64) -> Result<u64, u64> {
        let left = self.left(now);
        if self.of_worth() > 0 && left > self.reserve && now < self.given + QUICK {
            return Err(self.given + QUICK);
        }
        let surplus = left.saturating_sub(self.reserve).min(self.of_worth());
        self.drop_held(surplus);
        self.level = left - surplus;
        Ok(surplus)
    }

    /// Whether it holds more than its reserve.
    pub(super) fn is_beyond_reserve(&self) -> bool {
        self.of_worth() + self.kept > self.reserve
    }

    /// When it was last given some.
    pub(super) fn given_at(&self) -> u64 {
        self.given
    }

    /// All that is of any worth to others, before the process ends.
    pub(super) fn give_up(&mut self, now: u64) -> u64 {
        self.left(now);
        let all = self.of_worth();
        (self.parts, self.kept, self.level) = ([Part::default(); 2], 0, 0);
        all
    }

    /// Where the caller stands, as far as is known here.
    pub(super) fn standing(&self, now: u64) -> Remaining {
        // What Redis has refused a moment ago is refused: others may have said something else since.
        let none_left = (self.shut + self.policy.micros()).saturating_sub(self.policy.interval());
        let due = if self.shut > now && self.of_worth() + self.kept == 0 { self.due.max(none_left) } else { self.due };
        Remaining::of(self.policy, due, now)
    }

    /// How many of what Redis counts as asked for is only held.
    pub(super) fn held(&self) -> u64 {
        self.of_worth()
    }
}

#[cfg(test)]
mod tests;
