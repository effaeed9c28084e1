//! The rules as they are.
use crate::{
    protocol::Rules,
    state::{Does, JobState, Without},
    walk::walk,
};

/// One tenant, two workers that take one job at a time, and a nemesis who kills one, stops one and cancels one job.
const SMALL: Rules = Rules {
    jobs: 1,
    heads: 1,
    workers: 2,
    room: 1,
    attempts: 2,
    kills: 1,
    stops: 1,
    cancels: 1,
    without: Without::Nothing,
};

fn holds(model: Rules) {
    let walked = walk(model);
    println!("{model:?}: {} states", walked.states);
    assert!(walked.wrong.is_empty(), "{:#?}", walked.wrong);
    assert_eq!(walked.stuck, None, "whoever goes on comes to the end");
    // What holds where nothing happens is worth nothing.
    let (kills, stops, cancels) = (model.kills > 0, model.stops > 0, model.cancels > 0);
    let happens = [
        (Does::Succeed, true),
        (Does::Fail, true),
        (Does::Refused, true),
        (Does::ComeDue, true),
        (Does::PutToSleep, true),
        (Does::WakeInTime, true),
        (Does::RollBack, true),
        (Does::Kill, kills),
        (Does::Start, kills),
        (Does::Continue, stops),
        (Does::EndTransaction, stops),
        (Does::HonourCancel, cancels),
    ];
    for (does, must) in happens {
        assert_eq!(walked.happened.contains(&does), must, "{does:?}");
    }
    for (state, must) in [(JobState::Succeeded, true), (JobState::Dead, true), (JobState::Cancelled, cancels)] {
        assert_eq!(walked.were.contains(&state), must, "{state:?}");
    }
}

#[test]
fn two_workers_and_one_job_lose_nothing_and_do_nothing_twice() {
    holds(Rules { attempts: 3, kills: 2, stops: 1, ..SMALL });
}

#[test]
fn three_workers_and_one_job_lose_nothing_and_do_nothing_twice() {
    holds(Rules { workers: 3, kills: 1, stops: 2, room: 2, ..SMALL });
}

#[test]
fn two_workers_and_two_jobs_of_a_tenant_lose_nothing_and_do_nothing_twice() {
    holds(Rules { jobs: 2, ..SMALL });
}

#[test]
fn two_workers_that_take_two_jobs_at_a_time_lose_nothing_and_do_nothing_twice() {
    holds(Rules { jobs: 2, room: 2, cancels: 0, ..SMALL });
}

#[test]
fn two_workers_and_a_job_each_of_two_tenants_lose_nothing_and_do_nothing_twice() {
    holds(Rules { jobs: 2, heads: 2, cancels: 0, ..SMALL });
}
