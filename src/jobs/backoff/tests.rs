//! Waits of any kind of job, with randomness handed in.
use proptest::prelude::*;

use super::*;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

prop_compose! {
    fn backoffs()(base in 1..600_000_u64, more in 0..86_400_000_u64, attempts in 1..40_u32) -> Backoff {
        Backoff::new(millis(base), millis(base + more), attempts)
    }
}

proptest! {
    #[test]
    fn a_wait_is_never_longer_than_the_cap_nor_than_the_base_doubled_with_each_failure(
        backoff in backoffs(), failed in 1..60_u32, random: u64,
    ) {
        let Some(wait) = backoff.wait(failed, random) else { return Ok(()) };
        prop_assert!(wait <= backoff.cap);
        let doubled = backoff.base.as_millis() << (failed - 1).min(60);
        prop_assert!(wait.as_millis() <= doubled);
    }

    #[test]
    fn jitter_is_full_both_nothing_and_the_whole_ceiling_are_waits_and_more_of_it_waits_no_less(
        backoff in backoffs(), failed in 1..40_u32, one: u64, other: u64,
    ) {
        prop_assume!(failed < backoff.attempts);
        prop_assert_eq!(backoff.wait(failed, 0), Some(Duration::ZERO));
        prop_assert_eq!(backoff.wait(failed, u64::MAX), Some(backoff.ceiling(failed)));
        prop_assert!(backoff.wait(failed, one.min(other)) <= backoff.wait(failed, one.max(other)));
    }

    #[test]
    fn the_ceiling_falls_with_no_further_failure(backoff in backoffs(), failed in 1..200_u32) {
        prop_assert!(backoff.ceiling(failed) <= backoff.ceiling(failed + 1));
        prop_assert_eq!(backoff.ceiling(1), backoff.base);
        prop_assert_eq!(backoff.ceiling(u32::MAX), backoff.cap);
    }

    #[test]
    fn something_is_tried_as_often_as_its_kind_says_and_no_more(backoff in backoffs(), random: u64) {
        let tried = (1..100).take_while(|failed| backoff.wait(*failed, random).is_some()).count() + 1;
        prop_assert_eq!(tried, backoff.attempts() as usize);
    }

    #[test]
    fn whoever_asks_to_be_left_alone_is_for_as_long_as_they_ask_up_to_a_day(
        backoff in backoffs(), random: u64, seconds in 0..400_000_u64,
    ) {
        let asked = Duration::from_secs(seconds);
        let (plain, heeded) = (backoff.wait(1, random), backoff.wait_at_least(1, random, asked));
        prop_assert_eq!(heeded.is_some(), plain.is_some(), "who has no attempt left has none either way");
        if let (Some(plain), Some(heeded)) = (plain, heeded) {
            prop_assert_eq!(heeded, asked.min(RETRY_AFTER_MOST) + plain);
        }
    }

    #[test]
    fn a_date_is_as_many_seconds_as_lie_before_it_in_each_of_its_three_forms(
        second in 0..4_000_000_000_i64, ahead in 0..1_500_000_000_i64,
    ) {
        let now = Timestamp::from_second(second).unwrap();
        let date = Timestamp::from_second(second + ahead).unwrap();
        let zoned = date.to_zoned(TimeZone::UTC);
        for form in ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"] {
            let text = zoned.strftime(form).to_string();
            let wait = retry_after(&text, now);
            prop_assert_eq!(wait, Some(Duration::from_secs(u64::try_from(ahead).unwrap())), "{}", text);
        }
    }

    #[test]
    fn nothing_that_anybody_sends_is_more_than_an_answer_or_none(value in ".*", second in -4_000_000_000..200_000_000_000_i64) {
        let _ = retry_after(&value, Timestamp::from_second(second).unwrap());
    }
}

#[test]
fn waits_are_spread_evenly_over_the_whole_of_the_ceiling() {
    let backoff = Backoff::new(millis(1_000), millis(60_000), 5);
    let mut quarters = [0_u32; 4];
    for n in 0..1_000_u64 {
        let wait = backoff.wait(3, n * (u64::MAX / 999)).unwrap();
        quarters[usize::try_from(wait.as_millis() * 4 / 4_001).unwrap()] += 1;
    }
    assert!(quarters.iter().all(|quarter| quarter.abs_diff(250) <= 2), "{quarters:?}");
}

#[test]
fn what_is_no_time_asks_for_nothing_and_what_has_passed_for_no_time() {
    let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
    assert_eq!(retry_after(" 121 ", now), Some(Duration::from_secs(121)));
    assert_eq!(retry_after("99999999999999999999999", now), Some(Duration::from_secs(u64::MAX)));
    assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::ZERO));
    assert_eq!(retry_after("Saturday, 28-Nov-26 12:00:09 GMT", now), Some(Duration::from_secs(9)));
    for value in ["", "-1", "1.5", "+3", "soon", "Sun, 06 Nov 1994 08:49:37 +0000", "2026-11-28T12:00:09Z"] {
        assert_eq!(retry_after(value, now), None, "{value}");
    }
    // Whoever asks for longer than a number can say is asked again all the same.
    let backoff = Backoff::new(millis(1), millis(1), 2);
    assert_eq!(backoff.wait_at_least(1, 0, Duration::from_secs(u64::MAX)), Some(RETRY_AFTER_MOST));
}
