//! The rows, and what everybody is about.
use std::fmt;

use crate::protocol::Rules;

pub(crate) const JOBS: usize = 3;
pub(crate) const HEADS: usize = 2;
pub(crate) const WORKERS: usize = 3;

/// A row of `tenant.jobs`; and what truly happened, which no row says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Job {
    pub(crate) state: JobState,
    /// The fence: another at each claim. Here a number, so that there are few.
    pub(crate) lease: u8,
    /// Whether `lease_until` lies ahead.
    pub(crate) leased: bool,
    pub(crate) attempts: u8,
    pub(crate) cancelling: bool,
    /// How often its effect was committed.
    pub(crate) effects: u8,
    /// Whether somebody ended it who did not hold it any more.
    pub(crate) ended_by_loser: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum JobState {
    /// Nobody has committed it.
    #[default]
    None,
    /// `waiting`, and due.
    Waiting,
    /// `waiting`, and due later: it has failed.
    Later,
    Running,
    Succeeded,
    Dead,
    Cancelled,
}

/// The transaction that writes one job down: `registry.wake_jobs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Enqueue {
    #[default]
    Begun,
    /// It holds the head's row `for key share`.
    Locked,
    /// It has looked; by the right rule it holds the lock.
    Looked {
        asleep: bool,
        locked: bool,
    },
    /// The head is awake where it was asleep, for this transaction alone.
    Written {
        woke: bool,
    },
    Committed,
    RolledBack,
}

/// `tenant.job_heads.ready_at`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Head {
    /// In the past: it waits for a turn.
    Awake,
    /// In the future.
    AsleepUntil,
    /// `infinity`.
    #[default]
    Asleep,
}

/// What a worker is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    #[default]
    Idle,
    /// `registry.claim_turn` has answered this tenant.
    Turn(u8),
    /// Within `registry.take_jobs`: it holds the head's row `for no key update`.
    Takes { head: u8, room: u8 },
    /// It has found nothing more that is due. `until`: what it saw then, for who goes by it.
    TookAll { head: u8, until: bool },
    /// It holds the row `for update`.
    PutsToSleep { head: u8, until: bool },
    /// Killed.
    Gone,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Worker {
    pub(crate) phase: Phase,
    pub(crate) stopped: bool,
    /// Under which lease it holds each job; none is 0.
    pub(crate) holds: [u8; JOBS],
    /// Whose effect is committed and whose end is not: by no right rule.
    pub(crate) effected: [bool; JOBS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct State {
    pub(crate) jobs: [Job; JOBS],
    pub(crate) enqueues: [Enqueue; JOBS],
    pub(crate) heads: [Head; HEADS],
    pub(crate) workers: [Worker; WORKERS],
    /// What the nemesis may still do.
    pub(crate) kills: u8,
    pub(crate) stops: u8,
    pub(crate) cancels: u8,
}

/// What is done, by whom (a worker, a head, or a job, whose number stands for the transaction that writes it, too), and to which of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Action(pub(crate) Does, pub(crate) u8, pub(crate) u8);

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({}, {})", self.0, self.1, self.2)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Does {
    LockHead,
    Look,
    /// Wakes the head if it was seen asleep.
    Wake,
    Commit,
    RollBack,
    ClaimTurn,
    BeginToTake,
    Take,
    FindNothing,
    EndTurn,
    LockToSleep,
    PutToSleep,
    /// The effect alone.
    Effect,
    Succeed,
    Fail,
    HonourCancel,
    /// A beat, an end or a failure that changes no row.
    Refused,
    Cancel,
    Expire,
    ComeDue,
    WakeInTime,
    Kill,
    Start,
    Stop,
    Continue,
    /// PostgreSQL ends the transaction of somebody who does not go on.
    EndTransaction,
}

/// A rule that is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Without {
    #[default]
    Nothing,
    /// `work/succeed.sql` asks for the job and not for the lease.
    LeaseAtTheEnd,
    /// `work/fail.sql` asks for the job and not for the lease.
    LeaseAtFailure,
    /// A claim leaves the lease as it is.
    NewLease,
    /// Whoever writes a job down looks at the head, and locks it then.
    LockBeforeLook,
    /// Whoever writes a job down does not lock the head at all.
    LockOfHead,
    /// Whoever puts a head to sleep does not wait for a lock that excludes those who write.
    LockToSleep,
    /// Whoever puts a head to sleep goes by what it saw before it had the lock.
    FreshSnapshot,
    /// Whoever puts a head to sleep overlooks what is running.
    SleepUntilLeaseEnds,
    /// Whoever puts a head to sleep overlooks what is due later.
    SleepUntilRetry,
    /// The job is written down in another transaction than what causes it.
    TransactionOfTheCause,
    /// The effect is committed before the end.
    OneTransaction,
    /// What has run out is taken by nobody.
    TakeOfExpired,
    /// Attempts are not counted where a worker was killed.
    AttemptsOfExpired,
    /// PostgreSQL waits for whoever has stopped within a transaction.
    EndOfIdleTransactions,
}

impl Job {
    pub(crate) fn has_ended(self) -> bool {
        matches!(self.state, JobState::Succeeded | JobState::Dead | JobState::Cancelled)
    }
}

impl State {
    /// Whether everything has come to its end.
    pub(crate) fn is_settled(&self, model: &Rules) -> bool {
        (0..model.jobs).all(|job| match self.enqueues[job] {
            Enqueue::Committed => self.jobs[job].has_ended(),
            enqueue => enqueue == Enqueue::RolledBack,
        })
    }
}
