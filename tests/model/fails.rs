//! Each rule is needed: left out, the walk finds what comes of it.
use crate::{protocol::Rules, state::Without, walk::walk};

/// A tenant with two jobs that may each be tried twice, two workers, and nobody who kills or stops one.
const QUIET: Rules = Rules {
    jobs: 2,
    heads: 1,
    workers: 2,
    room: 1,
    attempts: 2,
    kills: 0,
    stops: 0,
    cancels: 0,
    without: Without::Nothing,
};
/// One job, and a nemesis.
const ONE: Rules = Rules { jobs: 1, kills: 1, stops: 1, ..QUIET };

const SLEEPS: &str = "no head sleeps for good over a job that has not ended";
const TWICE: &str = "no effect is there twice";
const LOSER: &str = "nobody ends a job who has lost it";
const UNEVEN: &str = "what has succeeded has its effect, and nothing else has";

/// What is found without a rule: the names of what does not hold, and whether the end is out of reach somewhere.
fn found(model: Rules, without: Without) -> (Vec<&'static str>, bool) {
    let walked = walk(Rules { without, ..model });
    println!("{without:?}: {:#?}, stuck {:?}", walked.wrong, walked.stuck);
    (walked.wrong.into_keys().collect(), walked.stuck.is_some())
}

#[test]
fn with_all_rules_nothing_is_found() {
    for model in [QUIET, ONE, Rules { attempts: 3, ..ONE }] {
        assert_eq!(found(model, Without::Nothing), (vec![], false));
    }
}

#[test]
fn an_end_that_does_not_ask_for_the_lease_is_found() {
    assert_eq!(found(ONE, Without::LeaseAtTheEnd).0, [TWICE, LOSER]);
}

#[test]
fn a_failure_that_does_not_ask_for_the_lease_is_found() {
    assert_eq!(found(Rules { attempts: 3, ..ONE }, Without::LeaseAtFailure).0, [TWICE, LOSER, UNEVEN]);
}

#[test]
fn a_claim_that_gives_no_new_lease_is_found() {
    assert_eq!(found(ONE, Without::NewLease).0, ["two who hold a job are told apart by the lease"]);
}

#[test]
fn a_job_that_is_written_down_beside_the_transaction_that_causes_it_is_found() {
    let (wrong, _) = found(QUIET, Without::TransactionOfTheCause);
    assert!(wrong.contains(&"what was rolled back is never there"), "{wrong:?}");
}

#[test]
fn an_effect_in_a_transaction_of_its_own_is_found() {
    assert_eq!(found(ONE, Without::OneTransaction).0, [TWICE, UNEVEN]);
}

#[test]
fn attempts_that_are_not_counted_where_a_worker_was_killed_are_found() {
    assert_eq!(found(ONE, Without::AttemptsOfExpired).0, ["nobody tries more often than the kind allows"]);
}

#[test]
fn leases_that_nobody_takes_over_are_found() {
    assert_eq!(found(ONE, Without::TakeOfExpired), (vec![], true));
}

#[test]
fn a_worker_that_stops_within_a_transaction_and_is_not_ended_is_found() {
    assert_eq!(found(Rules { stops: 1, ..QUIET }, Without::EndOfIdleTransactions), (vec![], true));
}

/// A head that sleeps for good over a job: nobody ever does it.
fn sleeps_over(model: Rules, without: Without) {
    assert_eq!(found(model, without), (vec![SLEEPS], true));
}

#[test]
fn whoever_looks_at_a_head_before_locking_it_is_found() {
    sleeps_over(QUIET, Without::LockBeforeLook);
}

#[test]
fn whoever_does_not_lock_the_head_at_all_is_found() {
    sleeps_over(QUIET, Without::LockOfHead);
}

#[test]
fn whoever_puts_a_head_to_sleep_beside_those_who_write_is_found() {
    sleeps_over(QUIET, Without::LockToSleep);
}

#[test]
fn whoever_puts_a_head_to_sleep_by_what_it_saw_before_is_found() {
    sleeps_over(QUIET, Without::FreshSnapshot);
}

#[test]
fn whoever_overlooks_what_is_running_when_a_head_is_put_to_sleep_is_found() {
    sleeps_over(Rules { room: 2, ..ONE }, Without::SleepUntilLeaseEnds);
}

#[test]
fn whoever_overlooks_what_is_tried_again_later_when_a_head_is_put_to_sleep_is_found() {
    sleeps_over(QUIET, Without::SleepUntilRetry);
}
