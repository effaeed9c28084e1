//! What must always be so.
use stateright::Property;

use crate::{
    protocol::Rules,
    state::{Enqueue, Head, Job, JobState, Worker},
};

pub(crate) fn properties() -> Vec<Property<Rules>> {
    use JobState::{None, Succeeded};
    vec![
        Property::<Rules>::always("no effect is there twice", |_, state| state.jobs.iter().all(|job| job.effects <= 1)),
        Property::<Rules>::always("what has succeeded has its effect, and nothing else has", |_, state| {
            state.jobs.iter().all(|job| (job.state == Succeeded) == (job.effects > 0))
        }),
        Property::<Rules>::always("nobody ends a job who has lost it", |_, state| {
            !state.jobs.iter().any(|job| job.ended_by_loser)
        }),
        Property::<Rules>::always("what was rolled back is never there", |_, state| {
            let there = |(job, enqueue): (&Job, &Enqueue)| (job.state != None) == (*enqueue == Enqueue::Committed);
            state.jobs.iter().zip(&state.enqueues).all(there)
        }),
        Property::<Rules>::always("no head sleeps for good over a job that has not ended", |model, state| {
            (0..model.heads)
                .filter(|head| state.heads[*head] == Head::Asleep)
                .all(|head| model.of(head).map(|job| state.jobs[job]).all(|job| job.state == None || job.has_ended()))
        }),
        Property::<Rules>::always("nobody tries more often than the kind allows", |model, state| {
            state.jobs.iter().all(|job| job.attempts <= model.attempts && job.lease <= model.attempts)
        }),
        Property::<Rules>::always("two who hold a job are told apart by the lease", |model, state| {
            let workers = &state.workers[..model.workers];
            (0..model.jobs).all(|job| {
                let held = |worker: &Worker| worker.holds[job];
                let same =
                    |n: usize| held(&workers[n]) > 0 && workers[..n].iter().any(|one| held(one) == held(&workers[n]));
                !(0..workers.len()).any(same)
            })
        }),
    ]
}
