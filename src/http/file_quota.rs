//! Room for files on their way, in the temporary directory. A share is never more than what is left when it has been
//! taken: whoever takes the first half leaves the other, and however many come, some room is left for small files.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::turns::Whose;
use crate::{Error, Result};

/// Files of one kind that a tenant may have on their way at a time.
const OF_A_TENANT: usize = 2;
/// The same for one member or API key, whichever tenants they act in.
const OF_A_PRINCIPAL: usize = 4;

/// Room for files.
#[derive(Clone, Debug)]
pub struct FileQuota(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Bytes.
    free: u64,
    held: HashMap<Uuid, u64>,
    files: HashMap<(Way, Uuid), usize>,
}

/// Which way a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From a caller.
    In,
    /// To a caller.
    Out,
}

/// Place for one file, from its first byte until nobody needs it any more.
#[derive(Debug)]
pub struct Place {
    whose: Whose,
    way: Way,
    bytes: u64,
    room: FileQuota,
}

impl FileQuota {
    /// Room for so many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(Mutex::new(State { free: bytes, held: HashMap::new(), files: HashMap::new() })))
    }

    /// A place for a file that is about to move: `429` while others of theirs are under way.
    pub fn place(&self, whose: Whose, way: Way) -> Result<Place> {
        let mut state = self.state();
        let counts = [(whose.tenant, OF_A_TENANT), (whose.principal, OF_A_PRINCIPAL)];
        let under_way = |key| state.files.get(&(way, key)).copied().unwrap_or_default();
        if counts.into_iter().any(|(key, most)| under_way(key) >= most) {
            return Err(Error::FilesUnderWay);
        }
        for key in whose.each() {
            *state.files.entry((way, key)).or_default() += 1;
        }
        drop(state);
        Ok(Place { whose, way, bytes: 0, room: self.clone() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Makes it as large as so many bytes: `503` when there is no room, or the share of tenant or principal is used up.
    pub fn hold(&mut self, bytes: u64) -> Result<()> {
        let mut state = self.room.state();
        let free = (state.free + self.bytes).checked_sub(bytes).ok_or(Error::Busy)?;
        let held = |key| state.held.get(&key).copied().unwrap_or_default() - self.bytes + bytes;
        if bytes > self.bytes && self.whose.each().into_iter().any(|key| held(key) > free) {
            return Err(Error::Busy);
        }
        let held = self.whose.each().map(|key| (key, held(key)));
        state.held.extend(held);
        state.held.retain(|_, held| *held > 0);
        state.free = free;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _: Result<()> = self.hold(0);
        let mut state = self.room.state();
        for key in self.whose.each() {
            if let Some(files) = state.files.get_mut(&(self.way, key)) {
                *files -= 1;
            }
        }
        state.files.retain(|_, files| *files > 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(tenant: u128, principal: u128) -> Whose {
        Whose { tenant: Uuid::from_u128(tenant), principal: Uuid::from_u128(1000 + principal) }
    }

    #[test]
    fn no_tenant_and_no_person_takes_the_room_of_all() {
        let room = FileQuota::new(40);
        let whole = |whose| {
            let mut place = room.place(whose, Way::In)?;
            place.hold(10).map(|()| place)
        };
        let (one, _two) = (whole(of(1, 1)).unwrap(), whole(of(1, 1)).unwrap());
        assert_eq!(whole(of(1, 2)).unwrap_err(), Error::FilesUnderWay, "two files of a tenant at a time");
        assert_eq!(whole(of(2, 1)).unwrap_err(), Error::Busy, "half of the room for a person, in however many tenants");
        let _other = whole(of(3, 3)).unwrap();
        assert_eq!(whole(of(4, 4)).unwrap_err(), Error::Busy, "some is left for those who come later");
        let mut small = room.place(of(4, 4), Way::In).unwrap();
        small.hold(5).unwrap();
        drop(one);
        small.hold(10).unwrap();
        room.place(of(1, 1), Way::In).unwrap();
    }

    proptest! {
        #[test]
        fn somebody_new_always_finds_some_and_what_is_not_needed_leaves_nothing_behind(
            asked in prop::collection::vec((1u128..6, 1u128..6, 0u64..1_000_000), 0..60),
        ) {
            let room = FileQuota::new(1_000_000);
            let mut places = Vec::new();
            for (tenant, principal, bytes) in asked {
                if let Ok(mut place) = room.place(of(tenant, principal), Way::Out)
                    && place.hold(bytes).is_ok()
                {
                    places.push(place);
                }
                let mut new = room.place(of(99, 99), Way::Out).unwrap();
                prop_assert!(new.hold(1_000).is_ok(), "{} left", room.state().free);
            }
            drop(places);
            let state = room.state();
            prop_assert!(state.free == 1_000_000 && state.held.is_empty() && state.files.is_empty());
        }
    }
}
