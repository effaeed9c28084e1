//! In which order mutants are made, and which lints are asked first: those that noticed another of the same kind.
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Mutant;
use crate::audit::Lint;

/// The first mutant of each kind, and then the others.
pub(super) const ROUNDS: usize = 2;

/// The mutants nobody has made yet, and what those that were made have taught.
pub(super) struct Queue {
    rounds: [Round; ROUNDS],
    /// The lints that noticed the first mutant of a kind. Nothing is added in the second round, so that no report depends on which
    /// worker was faster.
    noticed: Mutex<BTreeMap<String, BTreeSet<&'static str>>>,
    pub(super) total: usize,
}

#[derive(Default)]
struct Round {
    roles: Mutex<VecDeque<Mutant>>,
    others: Mutex<VecDeque<Mutant>>,
}

impl Queue {
    /// Of the mutants of roles and the like, and of the others.
    pub(super) fn new(roles: Vec<Mutant>, others: Vec<Mutant>) -> Self {
        let total = roles.len() + others.len();
        let (roles, more_roles) = firsts(roles);
        let (others, more_others) = firsts(others);
        let rounds = [(roles, others), (more_roles, more_others)]
            .map(|(roles, others)| Round { roles: Mutex::new(roles), others: Mutex::new(others) });
        Self { rounds, noticed: Mutex::default(), total }
    }

    /// The next mutant of a round, and how many were taken before it.
    pub(super) fn next(&self, round: usize, roles: bool) -> Option<(usize, Mutant)> {
        let Round { roles: first, others } = &self.rounds[round];
        let mutant = if roles { held(first).pop_front() } else { None };
        let mutant = mutant.or_else(|| held(others).pop_front())?;
        let left: usize = self.rounds.iter().map(|round| held(&round.roles).len() + held(&round.others).len()).sum();
        Some((self.total - left - 1, mutant))
    }

    /// Remembers who noticed the first mutant of its kind.
    pub(super) fn learn(&self, mutant: &Mutant) {
        held(&self.noticed).insert(mutant.mutant.clone(), mutant.lints.clone());
    }

    /// Who is to be asked first about a mutant that is not the first of its kind: who noticed that one. Lints that noticed none of
    /// the first are asked along with those that did, so that what no mutant wakes was asked about nearly all; not where
    /// policies would have to be judged for that alone.
    pub(super) fn promising(&self, mutant: &Mutant, lints: &'static [Lint]) -> First {
        let noticed = held(&self.noticed);
        let Some(known) = noticed.get(&mutant.mutant) else { return First::AllLints };
        if known.is_empty() {
            return First::Attacks;
        }
        let judged = lints.iter().any(|lint| known.contains(lint.id) && lint.reads_verdicts());
        let idle =
            |lint: &Lint| (judged || !lint.reads_verdicts()) && !noticed.values().any(|lints| lints.contains(lint.id));
        First::Lints(lints.iter().filter(|lint| known.contains(lint.id) || idle(lint)).collect())
    }
}

/// Who is asked first.
pub(super) enum First {
    /// All lints at once.
    AllLints,
    /// These, and then the others.
    Lints(Vec<&'static Lint>),
    /// The attacks, and then all lints.
    Attacks,
}

/// The first of each kind, and the rest.
fn firsts(mutants: Vec<Mutant>) -> (VecDeque<Mutant>, VecDeque<Mutant>) {
    let mut met = BTreeSet::new();
    mutants.into_iter().partition(|mutant| met.insert(mutant.mutant.clone()))
}

fn held<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
