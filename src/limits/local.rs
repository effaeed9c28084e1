//! Counts in this process, always: so that it knows where everybody stands the moment Redis is away.
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Bucket, Decision, LimitScope, Policy, Remaining};

/// Callers of either kind that are told apart. More than that share one counter: an attacker with a million addresses has
/// them count as one.
const KEPT: usize = 100_000;
/// How often those who count for nothing any more are looked for, when there is no room.
const TIDY: Duration = Duration::from_secs(1);

pub(super) struct Local {
    begun: Instant,
    /// Tenants and who is accepted in them, and strangers: a crowd of the latter takes no room from the former.
    counts: Mutex<[Counts; 2]>,
    kept: usize,
}

#[derive(Default)]
struct Counts {
    due: HashMap<String, u64>,
    tidied: Option<Instant>,
}

impl Default for Local {
    fn default() -> Self {
        Self { begun: Instant::now(), counts: Mutex::default(), kept: KEPT }
    }
}

impl Local {
    /// Counts one request in all of these, or in none if one of them has no room.
    pub(super) fn admit(&self, buckets: &[Bucket], instances: u32) -> Decision {
        let now = self.now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stand = |bucket: &Bucket, more: fn(Policy) -> u64| {
            let policy = bucket.policy.divided(instances);
            let due = counts[kind(policy)].due(bucket, self.kept, now);
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

    /// Counts what Redis has admitted. Whoever had more than this instance's part has no longer to wait than until one comes
    /// free, when the instance has to do by itself.
    pub(super) fn note(&self, buckets: &[Bucket], instances: u32) {
        let now = self.now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for bucket in buckets {
            let policy = bucket.policy.divided(instances);
            let due = counts[kind(policy)].due(bucket, self.kept, now);
            *due = ((*due).max(now) + policy.interval()).min(now + policy.micros());
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Counts {
    /// When all that a caller has asked for would have been due; of all those together for whom there is no room.
    fn due(&mut self, bucket: &Bucket, kept: usize, now: u64) -> &mut u64 {
        if self.due.len() >= kept && !self.due.contains_key(&bucket.key) {
            if self.tidied.is_none_or(|when| when.elapsed() > TIDY) {
                self.tidied = Some(Instant::now());
                self.due.retain(|_, due| *due > now);
            }
            if self.due.len() >= kept {
                return self.due.entry(bucket.policy.whom.name().to_owned()).or_insert(now);
            }
        }
        self.due.entry(bucket.key.clone()).or_insert(now)
    }
}

fn kind(policy: Policy) -> usize {
    match policy.whom {
        LimitScope::Tenant | LimitScope::Principal | LimitScope::Month | LimitScope::Access => 0,
        LimitScope::Session | LimitScope::Network => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(key: &str, whom: LimitScope, requests: u32) -> Bucket {
        Bucket { key: key.to_owned(), policy: Policy::a_minute(whom, requests) }
    }

    fn admitted(local: &Local, buckets: &[Bucket], instances: u32) -> usize {
        (0..100).take_while(|_| local.admit(buckets, instances).admitted).count()
    }

    #[test]
    fn alone_an_instance_has_its_part_and_remembers_what_redis_admitted() {
        let local = Local::default();
        let buckets = [bucket("one", LimitScope::Tenant, 10)];
        for _ in 0..3 {
            local.note(&buckets, 2);
        }
        assert_eq!(admitted(&local, &buckets, 2), 2, "five are its part, of which three are gone");
        for _ in 0..100 {
            local.note(&buckets, 2);
        }
        let wait = local.admit(&buckets, 2).standings[0].wait;
        assert!(wait <= Duration::from_secs(12), "no longer than until one comes free");
    }

    #[test]
    fn a_request_that_one_policy_refuses_is_counted_by_none() {
        let local = Local::default();
        let (tenant, mine, other) = (
            bucket("tenant", LimitScope::Tenant, 10),
            bucket("mine", LimitScope::Principal, 3),
            bucket("other", LimitScope::Principal, 100),
        );
        assert_eq!(admitted(&local, &[tenant.clone(), mine], 1), 3);
        assert_eq!(admitted(&local, &[tenant, other], 1), 7, "what was refused took nothing from the tenant");
    }

    #[test]
    fn more_strangers_than_there_is_room_for_count_as_one_and_take_nothing_from_those_who_are_known() {
        let local = Local { kept: 10, ..Local::default() };
        let stranger = |n: usize| [bucket(&format!("stranger {n}"), LimitScope::Network, 2)];
        for n in 0..10 {
            assert!(local.admit(&stranger(n), 1).admitted, "{n}");
        }
        let late = (10..1_000).filter(|&n| local.admit(&stranger(n), 1).admitted).count();
        assert_eq!(late, 2, "all who came late have one counter");
        assert!(local.admit(&stranger(0), 1).admitted, "whoever was there before has one of their own");
        assert!(local.admit(&[bucket("tenant", LimitScope::Tenant, 1)], 1).admitted);
    }
}
