//! What this process knows of everybody: how many they have asked for, always, so that it knows where everybody stands the
//! moment Redis is away; and what it holds of their buckets in Redis.
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Decision, LimitScope, Policy, Remaining,
    bucket::{Bucket, Counted},
    lease::{Lease, QUICK, Said},
    shared::{Asked, Verdict},
};

/// Callers of either kind that are told apart. More than that share one counter: an attacker with a million addresses has
/// them count as one.
const KEPT: usize = 100_000;
/// How often those who count for nothing any more are looked for, when there is no room.
const TIDY: Duration = Duration::from_secs(1);

pub(super) struct Local {
    begun: Instant,
    known: Mutex<Known>,
    kept: usize,
    instances: u32,
}

#[derive(Default)]
struct Known {
    /// Tenants and who is accepted in them, and strangers: a crowd of the latter takes no room from the former.
    counts: [Counts; 2],
    /// Of whom more is to be asked for in advance, the first first; and whether a task does.
    to_ask: VecDeque<Bucket>,
    asking: bool,
    /// Of whom some may have to go back, and when; and whether a task sees to it.
    to_give_back: VecDeque<(u64, Bucket)>,
    giving_back: bool,
}

#[derive(Default)]
struct Counts {
    callers: HashMap<Counted, Caller>,
    tidied: Option<Instant>,
}

struct Caller {
    /// When all that they asked for would have been due, were this instance the only one with its part of the policy.
    due: u64,
    /// Once they were seen again, where there is Redis.
    lease: Option<Box<Lease>>,
}

/// What becomes of a request, as far as this process can say.
pub(super) enum Step {
    /// It is let through or refused by what is known here. Whether more is to be asked for, by a task.
    Known(Decision, bool),
    /// Redis is to be asked for these; the others were taken from what is held.
    Ask(Vec<Asked>),
}

impl Local {
    pub(super) fn new(instances: u32) -> Self {
        Self { begun: Instant::now(), known: Mutex::default(), kept: KEPT, instances }
    }

    /// Counts one request in all of these, or in none if one of them has no room.
    pub(super) fn admit(&self, buckets: &[Bucket]) -> Decision {
        let now = self.now();
        let mut known = self.known();
        let mut stand = |bucket: &Bucket, more: fn(Policy) -> u64| {
            let policy = bucket.policy.divided(self.instances);
            let due = &mut known.count(bucket, self.kept, now).due;
            *due = (*due).max(now) + more(policy);
            Remaining::of(policy, *due, now)
        };
        let mut standings: Vec<Remaining> = buckets.iter().map(|bucket| stand(bucket, |_| 0)).collect();
        let admitted = standings.iter().all(|standing| standing.wait.is_zero());
        if admitted {
            standings = buckets.iter().map(|bucket| stand(bucket, Policy::interval)).collect();
        }
        Decision { admitted, standings }
    }

    /// Counts one request by what is held of all of these, or says which of them Redis has to be asked about.
    pub(super) fn step(&self, buckets: &[Bucket]) -> Step {
        let now = self.now();
        let mut guard = self.known();
        let known = &mut *guard;
        let (mut lacking, mut shut, mut leased) = (0, false, 0);
        for bucket in buckets {
            match known.lease(bucket) {
                Some(lease) => {
                    leased += 1;
                    lacking += usize::from(lease.left(now) == 0);
                    shut |= lease.is_shut(now);
                }
                None => lacking += 1,
            }
        }
        let mut standings = Vec::with_capacity(3);
        if shut && leased == buckets.len() {
            standings.extend(buckets.iter().filter_map(|bucket| Some(known.lease(bucket)?.standing(now))));
            return Step::Known(Decision { admitted: false, standings }, false);
        }
        let mut ask = Vec::new();
        let mut wake = false;
        for bucket in buckets {
            if let Some(lease) = known.lease(bucket)
                && lease.left(now) > 0
            {
                lease.spend(now);
                if lacking == 0 {
                    standings.push(lease.standing(now));
                    if lease.asks_ahead(now) {
                        known.to_ask.push_back(*bucket);
                        wake |= !std::mem::replace(&mut known.asking, true);
                    }
                    known.note(bucket, self.instances, self.kept, now, 1);
                }
            } else {
                ask.push(Asked { bucket: *bucket, cost: 1, wanted: known.ask(bucket, self.instances, now) });
            }
        }
        if lacking == 0 { Step::Known(Decision { admitted: true, standings }, wake) } else { Step::Ask(ask) }
    }

    /// Takes back what a step has spent of those that Redis was not asked about: the request was not counted.
    pub(super) fn undo(&self, buckets: &[Bucket], asked: &[Asked]) {
        let mut known = self.known();
        for bucket in buckets.iter().filter(|bucket| asked.iter().all(|asked| asked.bucket.whose != bucket.whose)) {
            if let Some(lease) = known.lease(bucket) {
                lease.unspend();
            }
        }
    }

    /// What Redis said of a request, of those it was asked about, then; and whether somebody has to be woken to give back.
    pub(super) fn told(&self, buckets: &[Bucket], asked: &[Asked], when: u64, said: &Verdict) -> (Decision, bool) {
        let now = self.now();
        let mut guard = self.known();
        let known = &mut *guard;
        let (mut standings, mut wake) = (Vec::with_capacity(3), false);
        for bucket in buckets {
            let policy = bucket.policy;
            let told = asked.iter().zip(&said.said).find(|(asked, _)| asked.bucket.whose == bucket.whose);
            let standing = match (told, known.lease(bucket)) {
                (Some((_, said)), lease) => {
                    let held = lease.map_or(0, |lease| {
                        lease.take(when, now, *said, true);
                        lease.held()
                    });
                    let due = said.due.saturating_sub(held * policy.interval());
                    let standing = Remaining::of(policy, due, said.now);
                    wake |= known.look_after(bucket);
                    if let (false, Some(lease)) = (standing.wait.is_zero(), known.lease(bucket)) {
                        // Not for long: others may give back.
                        let wait = u64::try_from(standing.wait.as_micros()).unwrap_or(u64::MAX);
                        lease.shut(when + wait.min(QUICK));
                    }
                    standing
                }
                (None, Some(lease)) => {
                    if !said.admitted {
                        lease.unspend();
                    }
                    lease.standing(now)
                }
                // Forgotten meanwhile, to make room.
                (None, None) => Remaining::of(policy, policy.interval(), 0),
            };
            standings.push(standing);
            if said.admitted {
                known.note(bucket, self.instances, self.kept, now, 1);
            }
        }
        (Decision { admitted: said.admitted, standings }, wake)
    }

    /// Counts so many more in all of these, whatever room there is; says of which buckets Redis has to be told of how many.
    pub(super) fn charge(&self, buckets: &[Bucket], more: u64, shared: bool) -> Vec<(Bucket, u64)> {
        let now = self.now();
        let mut known = self.known();
        let mut beyond = Vec::new();
        for bucket in buckets {
            known.note(bucket, self.instances, self.kept, now, more);
            let held = known.lease(bucket).map_or(more, |lease| lease.charge(now, more));
            beyond.extend(Some((*bucket, held)).filter(|(_, held)| shared && *held > 0));
        }
        beyond
    }

    /// Of whom a task has to ask for more, at most so many; none when there are none, and the task may end.
    pub(super) fn next_to_ask(&self, most: usize) -> Option<Vec<Asked>> {
        let now = self.now();
        let mut known = self.known();
        let mut asked = Vec::new();
        while asked.len() < most {
            let Some(bucket) = known.to_ask.pop_front() else { break };
            if let Some(wanted) = known.lease(&bucket).map(|lease| lease.wanted(now)).filter(|&wanted| wanted > 0) {
                asked.push(Asked { bucket, cost: 0, wanted });
            }
        }
        known.asking = !asked.is_empty();
        known.asking.then_some(asked)
    }

    /// Takes what was given to a task; whether somebody has to be woken to give back.
    pub(super) fn given(&self, asked: &Asked, when: u64, said: Said) -> bool {
        let now = self.now();
        let mut known = self.known();
        if let Some(lease) = known.lease(&asked.bucket) {
            lease.take(when, now, said, false);
        }
        known.look_after(&asked.bucket)
    }

    /// What is to go back, at most of so many; and how long to wait where there is nothing yet. None when a task may end.
    pub(super) fn next_to_give_back(&self, most: usize) -> Option<Result<Vec<(Bucket, u64)>, Duration>> {
        let now = self.now();
        let mut known = self.known();
        let mut back = Vec::new();
        while let Some(&(when, bucket)) = known.to_give_back.front() {
            if when > now || back.len() >= most {
                break;
            }
            known.to_give_back.pop_front();
            let Some(lease) = known.lease(&bucket) else { continue };
            match lease.surplus(now) {
                Ok(surplus) => {
                    lease.looked_after = false;
                    back.extend(Some((bucket, surplus)).filter(|(_, surplus)| *surplus > 0));
                }
                Err(later) => known.to_give_back.push_back((later, bucket)),
            }
        }
        if !back.is_empty() {
            return Some(Ok(back));
        }
        let first = known.to_give_back.front().map(|(when, _)| *when);
        known.giving_back = first.is_some();
        first.map(|when| Err(Duration::from_micros(when.saturating_sub(now).max(1))))
    }

    /// All that is held and of worth to others: the process ends.
    pub(super) fn give_up(&self) -> Vec<(Bucket, u64)> {
        let now = self.now();
        let mut known = self.known();
        let callers = known.counts.iter_mut().flat_map(|counts| &mut counts.callers);
        let held = callers.filter_map(|(whose, caller)| {
            let lease = caller.lease.as_mut()?;
            Some((Bucket { whose: *whose, policy: lease.policy }, lease.give_up(now)))
        });
        held.filter(|(_, held)| *held > 0).collect()
    }

    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// What is held for a caller by this very policy, if they were seen before.
    fn lease(&mut self, bucket: &Bucket) -> Option<&mut Lease> {
        let caller = self.counts[kind(bucket.policy)].callers.get_mut(&bucket.whose)?;
        caller.lease.as_deref_mut().filter(|lease| lease.policy == bucket.policy)
    }

    /// How many to ask Redis for in advance, beside a request. Nothing for whoever is seen for the first time: many are never
    /// seen again. What was held by another policy is of no worth: an operator has decided otherwise.
    fn ask(&mut self, bucket: &Bucket, instances: u32, now: u64) -> u64 {
        let Some(caller) = self.counts[kind(bucket.policy)].callers.get_mut(&bucket.whose) else { return 0 };
        if caller.lease.as_ref().is_none_or(|lease| lease.policy != bucket.policy) {
            caller.lease = Some(Box::new(Lease::new(bucket.policy, instances)));
        }
        caller.lease.as_mut().map_or(0, |lease| lease.ask(now))
    }

    /// Sees to it that what is not used up goes back; whether a task has to be woken for it.
    fn look_after(&mut self, bucket: &Bucket) -> bool {
        let Some(lease) = self.lease(bucket).filter(|lease| lease.is_beyond_reserve() && !lease.looked_after) else {
            return false;
        };
        lease.looked_after = true;
        let when = lease.given_at() + QUICK;
        self.to_give_back.push_back((when, *bucket));
        !std::mem::replace(&mut self.giving_back, true)
    }

    /// Counts what was let through. Whoever had more than this instance's part has no longer to wait than until one comes free,
    /// when the instance has to do by itself.
    fn note(&mut self, bucket: &Bucket, instances: u32, kept: usize, now: u64, requests: u64) {
        let policy = bucket.policy.divided(instances);
        let due = &mut self.count(bucket, kept, now).due;
        let more = requests.saturating_mul(policy.interval());
        *due = (*due).max(now).saturating_add(more).min(now + policy.micros());
    }

    /// What is known of a caller; of all those together for whom there is no room.
    fn count(&mut self, bucket: &Bucket, kept: usize, now: u64) -> &mut Caller {
        let counts = &mut self.counts[kind(bucket.policy)];
        let mut whose = bucket.whose;
        if counts.callers.len() >= kept && !counts.callers.contains_key(&whose) {
            if counts.tidied.is_none_or(|when| when.elapsed() > TIDY) {
                counts.tidied = Some(Instant::now());
                counts.callers.retain(|_, caller| caller.due > now);
            }
            if counts.callers.len() >= kept {
                whose = Counted::crowd(bucket.policy.whom);
            }
        }
        counts.callers.entry(whose).or_insert(Caller { due: now, lease: None })
    }
}

fn kind(policy: Policy) -> usize {
    match policy.whom {
        LimitScope::Tenant | LimitScope::Principal | LimitScope::Month | LimitScope::Access => 0,
        LimitScope::Session | LimitScope::Network => 1,
    }
}

#[cfg(test)]
mod tests;
