//! All that can be reached: what is always so is asked of `stateright`, and whether all ends well of the whole walk.
//!
//! `stateright`'s own `eventually` overlooks whoever goes round in a circle, and says so. Here it is asked of each state that can be reached
//! whether the end can be reached from it, while nobody is killed, stopped or cancelled any more and nobody who was stopped goes on. Where that
//! is so of all of them, whoever goes on fairly comes to the end: there is no way to go where it is out of reach.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use stateright::{Checker, Model};

use crate::{
    protocol::Rules,
    state::{Action, Does, JobState, State},
};

/// What a walk has found.
pub(crate) struct Walked {
    pub(crate) states: usize,
    /// What does not hold, and the shortest way there.
    pub(crate) wrong: BTreeMap<&'static str, Vec<Action>>,
    /// The shortest way to where the end is out of reach.
    pub(crate) stuck: Option<Vec<Action>>,
    /// What has happened somewhere.
    pub(crate) happened: BTreeSet<Does>,
    /// In which states a job was.
    pub(crate) were: BTreeSet<JobState>,
}

pub(crate) fn walk(model: Rules) -> Walked {
    let checker = model.checker().threads(2).spawn_bfs().join();
    assert!(checker.is_done());
    let names = model.properties().into_iter().map(|property| property.name);
    let wrong: BTreeMap<_, _> =
        names.filter_map(|name| Some((name, checker.discovery(name)?.into_actions()))).collect();
    let (states, stuck, happened) = ends(&model);
    if wrong.is_empty() {
        assert_eq!(checker.unique_state_count(), states.len(), "both have walked all of it");
    }
    let were = states.iter().flat_map(|state| state.jobs.iter().map(|job| job.state)).collect();
    Walked { states: states.len(), wrong, stuck, happened, were }
}

/// Whether what happens is up to the nemesis, or to somebody's luck. A lease runs out by itself where nobody is left who would say that they are
/// alive.
fn is_adverse(state: &State, Action(does, one, _): Action) -> bool {
    match does {
        Does::Kill | Does::Stop | Does::Continue | Does::Cancel | Does::RollBack | Does::Fail => true,
        Does::Expire => {
            let (job, which) = (&state.jobs[usize::from(one)], usize::from(one));
            state.workers.iter().any(|worker| !worker.stopped && worker.holds[which] == job.lease)
        }
        _ => false,
    }
}

fn ends(model: &Rules) -> (Vec<State>, Option<Vec<Action>>, BTreeSet<Does>) {
    let mut numbers: HashMap<State, usize> = HashMap::new();
    let mut states = model.init_states();
    let mut before: Vec<Option<(usize, Action)>> = vec![None];
    // Who comes to a state by what is not adverse.
    let mut from: Vec<Vec<u32>> = vec![Vec::new()];
    let mut happened = BTreeSet::new();
    numbers.insert(states[0], 0);
    let mut at = 0;
    while at < states.len() {
        for (action, next) in model.next_steps(&states[at]).into_iter().filter(|(_, next)| model.within_boundary(next))
        {
            happened.insert(action.0);
            let number = *numbers.entry(next).or_insert_with(|| {
                states.push(next);
                before.push(Some((at, action)));
                from.push(Vec::new());
                states.len() - 1
            });
            if !is_adverse(&states[at], action) {
                from[number].push(u32::try_from(at).unwrap());
            }
        }
        at += 1;
    }
    let mut ends: Vec<bool> = states.iter().map(|state| state.is_settled(model)).collect();
    let mut ahead: Vec<usize> = (0..states.len()).filter(|number| ends[*number]).collect();
    while let Some(number) = ahead.pop() {
        for &earlier in &from[number] {
            if !std::mem::replace(&mut ends[earlier as usize], true) {
                ahead.push(earlier as usize);
            }
        }
    }
    let stuck = ends.iter().position(|ends| !ends).map(|mut number| {
        let mut way = Vec::new();
        while let Some((earlier, action)) = before[number] {
            way.push(action);
            number = earlier;
        }
        way.reverse();
        way
    });
    (states, stuck, happened)
}
