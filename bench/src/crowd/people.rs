//! All callers together, on a thread of their own that does as it is told.
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rowhouse::error::Failure;
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinSet, spawn_local},
};

use super::{
    alarm::Alarm,
    caller::{Caller, Counted, Manner},
};
use crate::{say, wire::on_a_thread};

/// Who sign in at the same time before anything is measured: as many as keep the processors busy.
const AT_ONCE: usize = 4;
/// How often it is said how many have.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// How requests are asked for, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    pub(super) think: Option<f64>,
    pub(super) login_every: f64,
    /// What is asked for before does not count.
    pub(super) warm_up: Duration,
    pub(super) time: Duration,
}

type Order = (Phase, oneshot::Sender<Counted>);

/// All callers.
pub(super) struct People {
    orders: mpsc::Sender<Order>,
    /// How often connections were opened that had been closed.
    pub(super) opened: Arc<AtomicUsize>,
}

impl People {
    /// Signs everybody in.
    pub(super) async fn arrive(emails: Vec<String>, address: SocketAddr) -> Result<Self, Failure> {
        let (orders, mut ordered) = mpsc::channel::<Order>(1);
        let (arrived, all) = oneshot::channel();
        let opened = Arc::new(AtomicUsize::new(0));
        let told = opened.clone();
        tokio::spawn(on_a_thread(move || async move {
            let people = arrive(emails, address).await;
            let mut people = match people {
                Ok(people) => {
                    let _ = arrived.send(Ok(()));
                    people
                }
                Err(failure) => return drop(arrived.send(Err(failure))),
            };
            while let Some((phase, done)) = ordered.recv().await {
                let (back, counted) = go_on(people, phase).await;
                people = back;
                let reopened: u64 = people.iter().map(|caller| caller.opened() - 1).sum();
                told.store(usize::try_from(reopened).unwrap_or(usize::MAX), Ordering::Relaxed);
                let _ = done.send(counted);
            }
        }));
        all.await.map_err(|_| gone())??;
        Ok(Self { orders, opened })
    }

    /// Lets them ask; what became of it. Ends some time after the phase does: whoever waits for an answer gets it.
    pub(super) async fn ask(&self, phase: Phase) -> Result<Counted, Failure> {
        let (done, counted) = oneshot::channel();
        self.orders.send((phase, done)).await.map_err(|_| gone())?;
        counted.await.map_err(|_| gone())
    }
}

fn gone() -> Failure {
    Failure("the callers are gone".to_owned())
}

async fn arrive(emails: Vec<String>, address: SocketAddr) -> Result<Vec<Caller>, Failure> {
    let all = emails.len();
    let callers = (0..).zip(emails).map(|(number, email)| Caller::new(number, email, address));
    let mut callers = callers.collect::<Result<VecDeque<_>, _>>()?;
    let (mut arriving, mut here, mut told) = (JoinSet::new(), Vec::new(), Instant::now());
    loop {
        while arriving.len() < AT_ONCE {
            let Some(mut caller) = callers.pop_front() else { break };
            arriving.spawn_local(async move { caller.arrive().await.map(|()| caller) });
        }
        let Some(arrived) = arriving.join_next().await else { return Ok(here) };
        here.push(arrived.map_err(|error| Failure(error.to_string()))??);
        if told.elapsed() > TOLD_EVERY {
            told = Instant::now();
            say(&format!("{} of {all} have signed in", here.len()));
        }
    }
}

async fn go_on(people: Vec<Caller>, phase: Phase) -> (Vec<Caller>, Counted) {
    let Phase { think, login_every, warm_up, time } = phase;
    let from = Instant::now() + warm_up;
    let manner = Manner { think, login_every, from, until: from + time };
    let mut all = Counted::default();
    let (alarm, _ringing) = match Alarm::new() {
        Ok(alarm) => alarm,
        Err(failure) => {
            say(&failure.0);
            return (people, all);
        }
    };
    let tasks: Vec<_> = people
        .into_iter()
        .map(|mut caller| {
            let alarm = alarm.clone();
            spawn_local(async move {
                let counted = caller.go_on(manner, &alarm).await;
                (caller, counted)
            })
        })
        .collect();
    let mut back = Vec::with_capacity(tasks.len());
    for task in tasks {
        if let Ok((caller, counted)) = task.await {
            all.merge(&counted);
            back.push(caller);
        }
    }
    (back, all)
}
