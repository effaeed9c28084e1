//! Letters that wait, by address: what is put off for one address is in the way of no other.
use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Letter, Link, Place};

/// A letter, its place, and the trace id of the request it comes from.
pub(super) struct Waiting {
    pub(super) letter: Letter,
    pub(super) trace_id: String,
    _place: Place,
}

/// The addresses that somebody is delivering to, with what waits for each.
#[derive(Default)]
pub(super) struct Boxes(Mutex<HashMap<String, VecDeque<Waiting>>>);

impl Boxes {
    /// Puts a letter behind those that wait for its address, or in the place of one that says the same. Comes back when
    /// nobody is delivering there yet: then whoever put it has to.
    pub(super) fn put(&self, place: Place, letter: Letter, trace_id: String) -> Option<Waiting> {
        let mut boxes = self.boxes();
        let waiting = Waiting { letter, trace_id, _place: place };
        match boxes.entry(waiting.letter.to.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(VecDeque::new());
                Some(waiting)
            }
            Entry::Occupied(mut entry) => {
                let same = entry.get_mut().iter_mut().find(|other| waiting.letter.link.replaces(&other.letter.link));
                match same {
                    Some(other) => *other = waiting,
                    None => entry.get_mut().push_back(waiting),
                }
                None
            }
        }
    }

    /// The next letter to an address that somebody is delivering to; none ends that.
    pub(super) fn next(&self, to: &str) -> Option<Waiting> {
        let mut boxes = self.boxes();
        let next = boxes.get_mut(to).and_then(VecDeque::pop_front);
        if next.is_none() {
            boxes.remove(to);
        }
        next
    }

    /// How many invitations wait for an address.
    pub(super) fn invitations(&self, to: &str) -> usize {
        let invitation = |waiting: &&Waiting| matches!(waiting.letter.link, Link::Invitation { .. });
        self.boxes().get(to).map_or(0, |waiting| waiting.iter().filter(invitation).count())
    }

    fn boxes(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
