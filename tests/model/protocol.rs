//! What may happen next. Each action is one statement, or one transaction where nobody can see into it; the names are those of the SQL
//! (`sql/functions/registry.wake_jobs.sql`, `registry.claim_turn.sql`, `registry.take_jobs.sql`, `sql/queries/work`).
//!
//! Whoever stops for a while is not scheduled, so every delay of anybody is among the orders that are tried; a worker that is *stopped* may
//! besides never go on. Leases run out whenever they like: that nothing wrong is done owes nothing to clocks.
use stateright::{Model, Property};

use crate::{
    properties,
    state::{Action, Does, Enqueue, Head, JOBS, Job, JobState, Phase, State, Without, Worker},
};

/// A size, and a rule that is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) jobs: usize,
    pub(crate) heads: usize,
    pub(crate) workers: usize,
    /// How many jobs a worker takes in a turn.
    pub(crate) room: u8,
    pub(crate) attempts: u8,
    pub(crate) kills: u8,
    pub(crate) stops: u8,
    pub(crate) cancels: u8,
    pub(crate) without: Without,
}

impl Rules {
    /// The tenant of a job.
    fn head(&self, job: usize) -> usize {
        job % self.heads
    }

    pub(crate) fn of(&self, head: usize) -> impl Iterator<Item = usize> + use<> {
        let heads = self.heads;
        (0..self.jobs).filter(move |job| job % heads == head)
    }

    /// Whether a worker takes it: due, or running on a lease that has run out.
    fn is_takeable(&self, job: Job) -> bool {
        let expired = job.state == JobState::Running && !job.leased;
        job.state == JobState::Waiting || expired && self.without != Without::TakeOfExpired
    }

    /// Whether somebody has to look at the tenant again in time.
    fn until(&self, state: &State, head: u8) -> bool {
        self.of(head.into()).any(|job| match state.jobs[job].state {
            JobState::Waiting => true,
            JobState::Later => self.without != Without::SleepUntilRetry,
            JobState::Running => self.without != Without::SleepUntilLeaseEnds,
            _ => false,
        })
    }

    /// Whether somebody who writes a job down holds the head's row `for key share`, so that nobody gets it `for update`.
    fn is_key_shared(&self, state: &State, head: usize) -> bool {
        self.of(head).any(|job| match state.enqueues[job] {
            Enqueue::Locked => true,
            Enqueue::Looked { locked, .. } => locked,
            Enqueue::Written { .. } => self.without != Without::LockOfHead,
            _ => false,
        })
    }

    /// Whether somebody who writes a job down has changed the head's row.
    fn is_waking(&self, state: &State, head: usize) -> bool {
        self.of(head).any(|job| state.enqueues[job] == Enqueue::Written { woke: true })
    }

    fn is_taking(state: &State, head: usize) -> bool {
        let taking = |worker: &Worker| match worker.phase {
            Phase::Takes { head: of, .. } | Phase::TookAll { head: of, .. } => usize::from(of) == head,
            _ => false,
        };
        Self::is_putting(state, head) || state.workers.iter().any(taking)
    }

    fn is_putting(state: &State, head: usize) -> bool {
        let putting =
            |worker: &Worker| matches!(worker.phase, Phase::PutsToSleep { head: of, .. } if usize::from(of) == head);
        state.workers.iter().any(putting)
    }

    fn is_held_for_update(&self, state: &State, head: usize) -> bool {
        Self::is_putting(state, head) && self.without != Without::LockToSleep
    }

    /// What a transaction that writes a job down may do.
    fn enqueue(&self, state: &State, job: usize, mut add: impl FnMut(Does)) {
        let head = self.head(job);
        let free = !self.is_held_for_update(state, head);
        match state.enqueues[job] {
            Enqueue::Begun if matches!(self.without, Without::LockBeforeLook | Without::LockOfHead) => add(Does::Look),
            Enqueue::Begun if free => add(Does::LockHead),
            Enqueue::Locked => add(Does::Look),
            Enqueue::Looked { locked: false, .. } if self.without == Without::LockBeforeLook => {
                if free {
                    add(Does::LockHead);
                }
            }
            Enqueue::Looked { asleep, .. } => {
                if !asleep || !Self::is_taking(state, head) && !self.is_waking(state, head) {
                    add(Does::Wake);
                }
            }
            Enqueue::Written { .. } => {
                add(Does::Commit);
                add(Does::RollBack);
            }
            Enqueue::Begun | Enqueue::Committed | Enqueue::RolledBack => {}
        }
    }

    fn work(&self, state: &State, number: usize, mut add: impl FnMut(Does, usize)) {
        let worker = &state.workers[number];
        if worker.stopped {
            add(Does::Continue, 0);
            let within =
                matches!(worker.phase, Phase::Takes { .. } | Phase::TookAll { .. } | Phase::PutsToSleep { .. });
            if within && self.without != Without::EndOfIdleTransactions {
                add(Does::EndTransaction, 0);
            }
            return;
        }
        if worker.phase == Phase::Gone {
            return add(Does::Start, 0);
        }
        let others = state.workers[..self.workers].iter().filter(|worker| !worker.stopped).count();
        if state.kills > 0 {
            add(Does::Kill, 0);
        }
        if state.stops > 0 && others > 1 {
            add(Does::Stop, 0);
        }
        match worker.phase {
            Phase::Idle if worker.holds == [0; JOBS] => {
                let takeable = |head: &usize| {
                    state.heads[*head] == Head::Awake && !Self::is_taking(state, *head) && !self.is_waking(state, *head)
                };
                for head in (0..self.heads).filter(takeable) {
                    add(Does::ClaimTurn, head);
                }
            }
            Phase::Turn(_) => add(Does::BeginToTake, 0),
            Phase::Takes { room: 0, .. } => add(Does::EndTurn, 0),
            Phase::Takes { head, .. } => {
                let mut takeable = self.of(head.into()).filter(|job| self.is_takeable(state.jobs[*job])).peekable();
                if takeable.peek().is_none() {
                    add(Does::FindNothing, 0);
                }
                for job in takeable {
                    add(Does::Take, job);
                }
            }
            Phase::TookAll { .. } => add(Does::LockToSleep, 0),
            Phase::PutsToSleep { .. } => add(Does::PutToSleep, 0),
            Phase::Idle | Phase::Gone => {
                for job in (0..self.jobs).filter(|job| worker.holds[*job] > 0) {
                    self.hold(state.jobs[job], worker.holds[job], worker.effected[job], |does| add(does, job));
                }
            }
        }
    }

    /// What whoever holds a job, or believes to, may do.
    fn hold(&self, row: Job, lease: u8, effected: bool, mut add: impl FnMut(Does)) {
        let holds = row.state == JobState::Running && row.lease == lease && row.leased;
        if !holds {
            add(Does::Refused);
        }
        if holds && row.cancelling && !effected {
            add(Does::HonourCancel);
        }
        if self.without == Without::OneTransaction && !effected {
            add(Does::Effect);
        } else if holds || self.without == Without::LeaseAtTheEnd {
            add(Does::Succeed);
        }
        if (holds || self.without == Without::LeaseAtFailure) && !effected {
            add(Does::Fail);
        }
    }

    /// What a worker's action makes of a state.
    fn worked(&self, state: &mut State, does: Does, number: usize, which: usize) {
        let was = state.workers[number];
        let worker = &mut state.workers[number];
        match does {
            Does::Kill => {
                *worker = Worker { phase: Phase::Gone, ..Worker::default() };
                state.kills -= 1;
            }
            Does::Start => worker.phase = Phase::Idle,
            Does::Stop => {
                worker.stopped = true;
                state.stops -= 1;
            }
            Does::Continue => worker.stopped = false,
            Does::ClaimTurn => worker.phase = Phase::Turn(number_of(which)),
            Does::Effect => {
                worker.effected[which] = true;
                state.jobs[which].effects += 1;
            }
            Does::Take => self.take(state, number, which),
            Does::Succeed | Does::Fail | Does::HonourCancel | Does::Refused => {
                (worker.holds[which], worker.effected[which]) = (0, false);
                let row = &mut state.jobs[which];
                let next = match does {
                    Does::Refused => return,
                    Does::Succeed => JobState::Succeeded,
                    Does::Fail if row.cancelling => JobState::Cancelled,
                    Does::Fail if row.attempts < self.attempts => JobState::Later,
                    Does::Fail => JobState::Dead,
                    _ => JobState::Cancelled,
                };
                row.effects += u8::from(does == Does::Succeed && !was.effected[which]);
                row.ended_by_loser |= row.state != JobState::Running || row.lease != was.holds[which] || !row.leased;
                (row.state, row.leased) = (next, false);
                // The trigger of whoever waits again.
                if next == JobState::Later && state.heads[self.head(which)] == Head::Asleep {
                    state.heads[self.head(which)] = Head::AsleepUntil;
                }
            }
            _ => self.slept(state, does, number),
        }
    }

    /// The steps of `registry.take_jobs` but for the taking.
    fn slept(&self, state: &mut State, does: Does, number: usize) {
        let phase = match (does, state.workers[number].phase) {
            // Who cannot have the row at once goes without: another takes, or somebody is about to wake it.
            (Does::BeginToTake, Phase::Turn(head)) => {
                let taken = Self::is_taking(state, head.into()) || self.is_waking(state, head.into());
                let begun = Phase::Takes { head, room: self.room };
                if taken { Phase::Idle } else { begun }
            }
            (Does::FindNothing, Phase::Takes { head, .. }) => Phase::TookAll { head, until: self.until(state, head) },
            (Does::LockToSleep, Phase::TookAll { head, until }) => {
                let free = !self.is_key_shared(state, head.into()) && !self.is_waking(state, head.into());
                let puts = free || self.without == Without::LockToSleep && !self.is_waking(state, head.into());
                if puts { Phase::PutsToSleep { head, until } } else { Phase::Idle }
            }
            (Does::PutToSleep, Phase::PutsToSleep { head, until }) => {
                let until = if self.without == Without::FreshSnapshot { until } else { self.until(state, head) };
                state.heads[usize::from(head)] = if until { Head::AsleepUntil } else { Head::Asleep };
                Phase::Idle
            }
            // The turn is at its end, or its transaction.
            _ => Phase::Idle,
        };
        state.workers[number].phase = phase;
    }

    fn take(&self, state: &mut State, number: usize, which: usize) {
        let row = &mut state.jobs[which];
        let uncounted = row.state == JobState::Running && self.without == Without::AttemptsOfExpired;
        if row.cancelling {
            row.state = JobState::Cancelled;
        } else if row.attempts >= self.attempts && !uncounted {
            row.state = JobState::Dead;
        } else {
            row.state = JobState::Running;
            row.lease = if self.without == Without::NewLease { 1 } else { row.lease + 1 };
            row.attempts += u8::from(!uncounted);
            state.workers[number].holds[which] = row.lease;
            if let Phase::Takes { room, .. } = &mut state.workers[number].phase {
                *room -= 1;
            }
        }
        row.leased = row.state == JobState::Running;
    }
}

fn number_of(which: usize) -> u8 {
    u8::try_from(which).unwrap()
}

impl Model for Rules {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { kills: self.kills, stops: self.stops, cancels: self.cancels, ..State::default() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for job in 0..self.jobs {
            let mut add = |does| actions.push(Action(does, number_of(job), 0));
            self.enqueue(state, job, &mut add);
            let row = &state.jobs[job];
            if state.cancels > 0 && !row.cancelling && !row.has_ended() && row.state != JobState::None {
                add(Does::Cancel);
            }
            if row.state == JobState::Running && row.leased {
                add(Does::Expire);
            }
            if row.state == JobState::Later {
                add(Does::ComeDue);
            }
        }
        for worker in 0..self.workers {
            self.work(state, worker, |does, which| actions.push(Action(does, number_of(worker), number_of(which))));
        }
        for head in (0..self.heads).filter(|head| state.heads[*head] == Head::AsleepUntil) {
            let free = !Self::is_taking(state, head) && !self.is_waking(state, head);
            if free && self.of(head).any(|job| self.is_takeable(state.jobs[job])) {
                actions.push(Action(Does::WakeInTime, number_of(head), 0));
            }
        }
    }

    fn next_state(&self, state: &State, Action(does, one, other): Action) -> Option<State> {
        let mut next = *state;
        let (one, other) = (usize::from(one), usize::from(other));
        match does {
            Does::LockHead => {
                next.enqueues[one] = match state.enqueues[one] {
                    Enqueue::Looked { asleep, .. } => Enqueue::Looked { asleep, locked: true },
                    _ => Enqueue::Locked,
                };
            }
            Does::Look => {
                let asleep = state.heads[self.head(one)] != Head::Awake;
                let locked = state.enqueues[one] == Enqueue::Locked;
                next.enqueues[one] = Enqueue::Looked { asleep, locked };
            }
            Does::Wake => {
                let woke = matches!(state.enqueues[one], Enqueue::Looked { asleep: true, .. });
                next.enqueues[one] = Enqueue::Written { woke };
                if self.without == Without::TransactionOfTheCause {
                    next.jobs[one].state = JobState::Waiting;
                }
            }
            Does::Commit => {
                if state.enqueues[one] == (Enqueue::Written { woke: true }) {
                    next.heads[self.head(one)] = Head::Awake;
                }
                next.enqueues[one] = Enqueue::Committed;
                next.jobs[one].state = JobState::Waiting;
            }
            Does::RollBack => next.enqueues[one] = Enqueue::RolledBack,
            Does::Cancel => {
                next.cancels -= 1;
                let row = &mut next.jobs[one];
                if row.state == JobState::Running {
                    row.cancelling = true;
                } else {
                    row.state = JobState::Cancelled;
                }
            }
            Does::Expire => next.jobs[one].leased = false,
            Does::ComeDue => next.jobs[one].state = JobState::Waiting,
            Does::WakeInTime => next.heads[one] = Head::Awake,
            _ => self.worked(&mut next, does, one, other),
        }
        // Which worker is which makes no difference.
        next.workers[..self.workers].sort_unstable();
        Some(next)
    }

    /// Only where attempts are not counted does a job go on for ever.
    fn within_boundary(&self, state: &State) -> bool {
        state.jobs.iter().all(|job| job.lease <= self.attempts + 1)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::properties()
    }
}
