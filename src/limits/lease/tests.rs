//! Processes that take, use, lose and give back, beside a bucket that counts as the scripts do.
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::limits::LimitScope;

/// A bucket in Redis: `admit.lua` and `correct.lua`.
struct Bucket {
    policy: Policy,
    parts: u64,
    due: u64,
}

impl Bucket {
    fn ask(&mut self, now: u64, asked: u64, wanted: u64) -> (bool, Said) {
        let (interval, window) = (self.policy.interval(), self.policy.micros());
        self.due = self.due.max(now);
        let admitted = asked == 0 || self.due + interval * asked - now <= window;
        let mut given = 0;
        if admitted {
            let left = ((now + window - self.due) / interval).saturating_sub(asked);
            given = wanted.min(left / self.parts);
            self.due += interval * (asked + given);
        }
        (admitted, Said { now, due: self.due, given })
    }

    fn give_back(&mut self, now: u64, held: u64) {
        if self.due.saturating_sub(now) > self.policy.micros() / 2 {
            self.due -= self.policy.interval() * held;
        }
    }
}

/// All processes, and when requests were let through.
struct World {
    bucket: Bucket,
    leases: Vec<Lease>,
    /// What was asked in advance: when, by which, and what was said at once; to arrive then.
    under_way: BTreeMap<u64, (u64, usize, Said)>,
    admitted: Vec<u64>,
    questions: usize,
}

impl World {
    fn new(a_minute: u32, instances: u32) -> Self {
        let policy = Policy::a_minute(LimitScope::Tenant, a_minute);
        let leases = (0..instances).map(|_| Lease::new(policy, instances)).collect();
        let bucket = Bucket { policy, parts: SHARE * u64::from(instances), due: 0 };
        Self { bucket, leases, under_way: BTreeMap::new(), admitted: Vec::new(), questions: 0 }
    }

    /// Moves on; what is under way arrives on the way, and goes back in time.
    fn until(&mut self, now: u64) {
        while let Some(first) = self.under_way.first_entry().filter(|first| *first.key() <= now) {
            let (then, (asked, which, said)) = first.remove_entry();
            self.leases[which].take(asked, then, said, false);
        }
        for lease in &mut self.leases {
            if lease.is_beyond_reserve()
                && let Ok(back) = lease.surplus(now)
            {
                self.bucket.give_back(now, back);
            }
        }
    }

    fn request(&mut self, now: u64, which: usize, takes: u64) -> bool {
        let lease = &mut self.leases[which];
        if lease.left(now) > 0 {
            lease.spend(now);
            if lease.asks_ahead(now) {
                self.questions += 1;
                let mut then = now + takes;
                while self.under_way.contains_key(&then) {
                    then += 1;
                }
                let (_, said) = self.bucket.ask(now, 0, lease.wanted(now));
                self.under_way.insert(then, (now, which, said));
            }
            self.admitted.push(now);
            return true;
        }
        if lease.is_shut(now) {
            assert_eq!((lease.standing(now).remaining, lease.standing(now).wait.is_zero()), (0, false));
            return false;
        }
        let wanted = lease.ask(now);
        self.questions += 1;
        let (admitted, said) = self.bucket.ask(now, 1, wanted);
        lease.take(now, now, said, true);
        if admitted {
            self.admitted.push(now);
        } else {
            let wait = lease.standing(now).wait.as_micros();
            lease.shut(now + u64::try_from(wait).unwrap().min(QUICK));
        }
        admitted
    }

    /// How many more were let through within some stretch of time than the policy says.
    fn beyond(&self) -> i64 {
        let (interval, window) = (self.bucket.policy.interval(), self.bucket.policy.requests);
        // The most over all stretches, in one pass: each request is one more, and each interval that passes one fewer.
        let (mut most, mut now, mut last) = (i64::MIN, 0_i64, None);
        let interval = i64::try_from(interval).unwrap();
        for &moment in &self.admitted {
            let passed = i64::try_from(moment - last.unwrap_or(moment)).unwrap();
            now = (now - passed).max(0) + interval;
            most = most.max(now);
            last = Some(moment);
        }
        most / interval - i64::try_from(window).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_stretch_of_time_has_one_in_a_hundred_more_than_the_policy_says_however_processes_ask_and_die(
        a_minute in 100..4_000_u32,
        instances in 1..5_u32,
        bursts in prop::collection::vec((0..4_000_000_u64, 0..5_usize, 1..600_usize, 1..3_000_u64, 0..20_000_u64, 0..20_u8), 1..40),
    ) {
        let mut world = World::new(a_minute, instances);
        let mut now = 0;
        for (pause, which, requests, every, takes, dies) in bursts {
            now += pause;
            let which = which % instances as usize;
            if dies == 0 {
                // Whatever it held is lost with it, and what it has asked for.
                world.leases[which] = Lease::new(world.bucket.policy, instances);
                world.under_way.retain(|_, (_, whose, _)| *whose != which);
            }
            for _ in 0..requests {
                now += every;
                world.until(now);
                world.request(now, which, takes);
            }
        }
        let most = i64::from(a_minute) / 100 + 1;
        prop_assert!(world.beyond() <= most, "{} more than {a_minute}", world.beyond());
    }

    #[test]
    fn what_nobody_uses_is_soon_used_by_whoever_asks(
        a_minute in 400..6_000_u32,
        instances in 2..5_u32,
        used in 1..400_usize,
    ) {
        let mut world = World::new(a_minute, instances);
        // All have some, use a few more or fewer, and then one alone asks for all there is.
        for n in 0..used * instances as usize {
            world.until(n as u64 * 50);
            world.request(n as u64 * 50, n % instances as usize, 500);
        }
        let end = 20_000_000;
        for now in (used as u64 * 50 * u64::from(instances)..end).step_by(5_000) {
            world.until(now);
            while world.request(now, 0, 500) {}
        }
        let policy = f64::from(a_minute) * (1.0 + 20.0 / 60.0);
        let is = f64::from(u32::try_from(world.admitted.len()).unwrap());
        let kept = f64::from(a_minute) / 100.0;
        prop_assert!((is - policy).abs() <= kept + 2.0, "{is} of {policy}");
    }

    #[test]
    fn whoever_is_far_from_their_limit_waits_for_nobody_and_few_questions_are_asked(
        a_minute in 600..100_000_u32,
        every in 1_000..200_000_u64,
    ) {
        let mut world = World::new(a_minute, 1);
        // Three times as slow as they might.
        let every = every.max(3 * world.bucket.policy.interval());
        let (mut waited, requests) = (0, 400);
        for n in 0..requests {
            world.until(n * every);
            waited += usize::from(world.leases[0].left(n * every) == 0);
            prop_assert!(world.request(n * every, 0, 900));
        }
        prop_assert_eq!(waited, 1, "the first");
        let fewer = (world.leases[0].reserve * 3 / 4).max(1);
        prop_assert!(world.questions as u64 <= 2 + requests / fewer, "{}", world.questions);
    }

    #[test]
    fn headers_are_true_as_far_as_one_process_knows(a_minute in 600..20_000_u32, requests in 1..500_usize) {
        let mut world = World::new(a_minute, 1);
        let (mut exact, mut now) = (0, 0);
        let interval = world.bucket.policy.interval();
        for _ in 0..requests {
            now += interval / 2;
            world.until(now);
            if world.request(now, 0, 300) {
                exact = now.max(exact) + interval;
            }
            let [told, is] = [world.leases[0].due, exact].map(|due| Remaining::of(world.bucket.policy, due, now).remaining);
            let kept = world.leases[0].reserve;
            prop_assert!(told.abs_diff(is) <= kept + 1, "{told} and not {is}");
        }
    }
}

#[test]
fn the_share_shrinks_with_what_is_left_and_near_the_limit_there_is_none() {
    let mut world = World::new(6_000, 2);
    let mut shares = Vec::new();
    while world.bucket.ask(0, 60, 0).0 {
        shares.push(world.bucket.ask(0, 0, 1_000).1.given);
    }
    assert_eq!(shares[0], 92, "one in sixty-four of what is left, where two share");
    assert!(shares.is_sorted_by(|one, next| one >= next), "{shares:?}");
    assert_eq!(shares.last(), Some(&0));
    assert_eq!(Lease::new(Policy::a_minute(LimitScope::Tenant, 127), 1).ask(0), 0, "of so few none is taken at all");
    assert_eq!(Lease::new(Policy::a_minute(LimitScope::Tenant, 255), 2).ask(0), 0);
    assert_eq!(Lease::new(Policy::a_minute(LimitScope::Tenant, 256), 2).ask(0), 1);
}

#[test]
fn what_is_held_is_of_worth_until_as_much_has_come_free_and_the_reserve_for_ever() {
    let mut world = World::new(6_000, 1);
    let (_, said) = world.bucket.ask(0, 0, 187);
    let lease = &mut world.leases[0];
    lease.take(0, 0, said, true);
    assert_eq!([0, 870_000, 1_405_000, 1_869_999].map(|now| lease.clone().of_worth_then(now)), [187, 100, 46, 0]);
    assert_eq!([870_000, 1_405_000, 3_600_000_000].map(|now| lease.clone().left(now)), [146, 92, 46]);
    assert_eq!(lease.clone().surplus(999_999), Err(1_000_000), "it may still be used up");
    assert_eq!(lease.surplus(1_000_000), Ok(87), "and is not: all but the reserve goes back");
    assert_eq!(lease.left(1_000_000), 46);
}

impl Lease {
    fn of_worth_then(mut self, now: u64) -> u64 {
        self.left(now);
        self.of_worth()
    }
}
