//! A worker beside a PostgreSQL that counts leases by a clock of its own, with answers that take time, get lost and overtake each other.
use proptest::prelude::*;

use super::*;

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// What happens to one heartbeat: how long the question is on its way, how long its answer is, and whether that one arrives.
type Beat = (u64, u64, bool);

fn beats() -> impl Strategy<Value = Vec<Beat>> {
    prop::collection::vec((0..4_000_000_u64, 0..4_000_000_u64, prop::bool::weighted(0.8)), 0..30)
}

/// A PostgreSQL whose clock says something else, and runs faster or slower by so many in a million.
struct Postgres {
    faster: i64,
    leased_until: i64,
}

impl Postgres {
    /// What its clock says when so many microseconds have truly passed.
    fn clock(&self, truly: u64) -> i64 {
        let truly = i64::try_from(truly).unwrap();
        7_000_000_000_000 + truly + truly * self.faster / 1_000_000
    }

    /// A claim that arrives then.
    fn claim(&mut self, truly: u64, length: Duration) {
        self.leased_until = self.clock(truly) + i64::try_from(length.as_micros()).unwrap();
    }

    /// A heartbeat that arrives then: refused, once the lease has run out.
    fn extend(&mut self, truly: u64, length: Duration) -> bool {
        let holds = self.clock(truly) < self.leased_until;
        if holds {
            let before = self.leased_until;
            self.claim(truly, length);
            self.leased_until = self.leased_until.max(before);
        }
        holds
    }
}

proptest! {
    #[test]
    fn a_worker_stops_believing_before_postgresql_gives_the_job_to_another_however_answers_come(
        seconds in 3..600_u64, faster in -100_000..100_000_i64, claim in (0..4_000_000_u64, 0..4_000_000_u64), beats in beats(),
        step in 10_000..2_000_000_u64,
    ) {
        let terms = LeaseTerms::new(Duration::from_secs(seconds)).unwrap();
        let start = Instant::now();
        let mut postgres = Postgres { faster, leased_until: 0 };
        postgres.claim(claim.0, terms.length());
        let mut held = terms.given(start);
        let mut now = claim.0 + claim.1;
        let (mut beats, mut under_way) = (beats.into_iter(), Vec::<(u64, u64)>::new());
        let mut answers = Vec::new();
        while held.is_believed(start + micros(now)) {
            prop_assert!(postgres.clock(now) < postgres.leased_until, "at {now}");
            // Once there are none left it goes on alone, to the end of what it believes.
            if start + micros(now) >= held.heartbeat_at()
                && let Some((there, back, arrives)) = beats.next()
            {
                held.asks(start + micros(now));
                under_way.push((now, now + there));
                answers.push((now, now + there + back, arrives));
            }
            now += step;
            under_way.sort_by_key(|beat| beat.1);
            while let Some(&(asked, arrives_at)) = under_way.first().filter(|beat| beat.1 <= now) {
                under_way.remove(0);
                if !postgres.extend(arrives_at, terms.length()) {
                    answers.retain(|answer| answer.0 != asked);
                }
            }
            answers.retain(|&(asked, at, arrives)| {
                if at <= now && arrives {
                    held.renewed(start + micros(asked), start + micros(now));
                }
                at > now
            });
        }
    }

    #[test]
    fn who_has_stopped_believing_does_not_begin_again(seconds in 3..600_u64, late in 0..1_000_000_u64, asked in 0..1_000_000_u64) {
        let terms = LeaseTerms::new(Duration::from_secs(seconds)).unwrap();
        let start = Instant::now();
        let mut held = terms.given(start);
        let end = held.believed_until();
        prop_assert!(!held.renewed(start + micros(asked), end + micros(late)));
        prop_assert!(!held.is_believed(end));
        prop_assert_eq!(held.believed_until(), end);
    }

    #[test]
    fn one_heartbeat_may_fail_and_the_next_is_asked_for_while_the_lease_is_believed_in(
        length in 3_000..=3_600_000_u64,
    ) {
        let terms = LeaseTerms::new(Duration::from_millis(length)).unwrap();
        let start = Instant::now();
        let mut held = terms.given(start);
        let mut asked = 0;
        while held.is_believed(held.heartbeat_at()) {
            let now = held.heartbeat_at();
            held.asks(now);
            asked += 1;
        }
        prop_assert!((6..=7).contains(&asked), "the first after a third, the others a twelfth apart, up to five sixths");
        let mut held = terms.given(start);
        let first = held.heartbeat_at();
        held.asks(first);
        let second = held.heartbeat_at();
        prop_assert!(held.renewed(second, second));
        prop_assert_eq!(held.heartbeat_at(), second + terms.heartbeat(), "and then all is as before");
    }

    #[test]
    fn an_older_answer_that_comes_late_shortens_nothing(seconds in 3..600_u64, older in 0..900_000_u64, newer in 0..900_000_u64) {
        let terms = LeaseTerms::new(Duration::from_secs(seconds)).unwrap();
        let start = Instant::now();
        let (older, newer) = (older.min(newer), older.max(newer));
        let mut held = terms.given(start);
        held.renewed(start + micros(newer), start + micros(newer));
        let until = held.believed_until();
        held.renewed(start + micros(older), start + micros(newer));
        prop_assert_eq!(held.believed_until(), until);
    }
}

#[test]
fn a_lease_that_one_slow_answer_loses_or_that_outlives_an_hour_is_none() {
    for (millis, fine) in [(0, false), (2_999, false), (3_000, true), (3_600_000, true), (3_600_001, false)] {
        assert_eq!(LeaseTerms::new(Duration::from_millis(millis)).is_some(), fine, "{millis}");
    }
}
