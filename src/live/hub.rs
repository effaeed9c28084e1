//! Who follows what in this process: how many streams there are, and who is woken. One hub a process. A wake-up says that something was
//! written in a tenant, and nothing else: each stream then asks PostgreSQL, as whoever it is for.
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{
    Semaphore, SemaphorePermit,
    broadcast::{self, error::RecvError},
    watch,
};
use uuid::Uuid;

use crate::{Error, Result, auth::Tenant, http::Leaving, wake::Heard};

/// How many streams there may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// In this process.
    pub all: usize,
    /// Of one tenant.
    pub tenant: usize,
    /// Of one tenant, once half of all places are taken.
    pub tenant_in_a_crowd: usize,
    /// Of one member or API key.
    pub principal: usize,
    /// Connections to PostgreSQL that they read with at once, all together.
    pub readers: usize,
}

impl Bounds {
    /// How many a tenant may have where so many are open.
    fn of_tenant(&self, open: usize) -> usize {
        if open * 2 >= self.all { self.tenant.min(self.tenant_in_a_crowd) } else { self.tenant }
    }
}

/// How a stream comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Server-sent events.
    Sse,
    /// A WebSocket.
    Socket,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::Socket => "websocket",
        }
    }
}

/// Who follows what in this process.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    bounds: Bounds,
    leaving: Leaving,
    readers: Semaphore,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    streams: usize,
    rooms: HashMap<Uuid, Room>,
    kinds: BTreeMap<Kind, usize>,
    closed: BTreeMap<(Kind, &'static str), u64>,
}

/// The streams of one tenant. Whoever enters says which by a [`Tenant`], which nobody has made up; to wake one opens nothing.
struct Room {
    channel: Arc<Channel>,
    streams: usize,
    principals: HashMap<Uuid, usize>,
}

struct Channel {
    heard: watch::Sender<()>,
    /// Its streams take turns, so that those of another tenant wait for one of them at most.
    turn: Semaphore,
}

/// What streams there are and were, for whoever watches the process.
#[derive(Debug, Default)]
pub struct LiveFigures {
    /// That are open, by kind.
    pub open: [(&'static str, usize); 2],
    /// That have ended, by kind and by why.
    pub closed: Vec<(&'static str, &'static str, u64)>,
}

/// One stream, for as long as it is open.
pub(super) struct Seat {
    hub: Hub,
    tenant: Uuid,
    principal: Uuid,
    kind: Kind,
    channel: Arc<Channel>,
    heard: watch::Receiver<()>,
    pub(super) why: &'static str,
}

/// Leave to read.
pub(super) struct Turn<'a>(#[expect(dead_code, reason = "held")] [SemaphorePermit<'a>; 2]);

impl Hub {
    /// Nobody follows anything yet.
    #[must_use]
    pub fn new(bounds: Bounds, leaving: Leaving) -> Self {
        let readers = Semaphore::new(bounds.readers.max(1));
        Self(Arc::new(Inner { bounds, leaving, readers, open: Mutex::default() }))
    }

    /// A stream for somebody whom PostgreSQL has accepted in the tenant.
    pub(super) fn enter(&self, tenant: &Tenant, kind: Kind) -> Result<Seat> {
        let (bounds, [id, principal]) = (self.0.bounds, tenant.whose());
        if self.0.leaving.is_so() {
            return Err(Error::Leaving);
        }
        let mut open = self.open();
        let of_tenant = open.rooms.get(&id).map_or(0, |room| room.streams);
        let of_principal = open.rooms.get(&id).and_then(|room| room.principals.get(&principal)).copied().unwrap_or(0);
        // Where half of the places are taken, the others are for those who have few: not the first who come have all.
        for (whose, streams, most) in [
            ("you, in this tenant", of_principal, bounds.principal),
            ("this tenant", of_tenant, bounds.of_tenant(open.streams)),
        ] {
            if streams >= most {
                return Err(Error::TooManyStreams { whose, most });
            }
        }
        if open.streams >= bounds.all {
            return Err(Error::NoRoomForStreams);
        }
        open.streams += 1;
        *open.kinds.entry(kind).or_default() += 1;
        let room = open.rooms.entry(id).or_insert_with(|| Room {
            channel: Arc::new(Channel {
                heard: watch::Sender::new(()),
                turn: Semaphore::new((bounds.readers / 2).max(1)),
            }),
            streams: 0,
            principals: HashMap::new(),
        });
        room.streams += 1;
        *room.principals.entry(principal).or_default() += 1;
        let channel = room.channel.clone();
        let heard = channel.heard.subscribe();
        Ok(Seat { hub: self.clone(), tenant: id, principal, kind, channel, heard, why: "hung_up" })
    }

    /// Something was written in a tenant, or somebody there lost a right.
    fn heard(&self, tenant: Uuid) {
        if let Some(room) = self.open().rooms.get(&tenant) {
            room.channel.heard.send_replace(());
        }
    }

    /// Something may have been missed, in whichever tenant.
    fn heard_all(&self) {
        for room in self.open().rooms.values() {
            room.channel.heard.send_replace(());
        }
    }

    /// What streams there are and were.
    #[must_use]
    pub fn figures(&self) -> LiveFigures {
        let open = self.open();
        let kinds = [Kind::Sse, Kind::Socket];
        LiveFigures {
            open: kinds.map(|kind| (kind.name(), open.kinds.get(&kind).copied().unwrap_or_default())),
            closed: open.closed.iter().map(|((kind, why), count)| (kind.name(), *why, *count)).collect(),
        }
    }

    /// Wakes whoever has something to look at, for as long as something is heard.
    pub async fn hear(self, mut heard: broadcast::Receiver<Heard>) {
        loop {
            match heard.recv().await {
                Ok(Heard::Tenant(tenant)) => self.heard(tenant),
                Ok(Heard::All) | Err(RecvError::Lagged(_)) => self.heard_all(),
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Resolves when something was heard since it last did.
    pub(super) async fn heard(&mut self) {
        // The room is there for as long as a seat in it is.
        let _ = self.heard.changed().await;
    }

    /// Resolves when the server is about to go.
    pub(super) fn leaving(&self) -> Leaving {
        self.hub.0.leaving.clone()
    }

    /// Waits for leave to read: first among those of the tenant, then among all.
    pub(super) async fn turn(&self) -> Option<Turn<'_>> {
        let own = self.channel.turn.acquire().await.ok()?;
        let one = self.hub.0.readers.acquire().await.ok()?;
        Some(Turn([one, own]))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.hub.open();
        open.streams -= 1;
        if let Some(streams) = open.kinds.get_mut(&self.kind) {
            *streams -= 1;
        }
        *open.closed.entry((self.kind, self.why)).or_default() += 1;
        let Some(room) = open.rooms.get_mut(&self.tenant) else { return };
        room.streams -= 1;
        if let Some(streams) = room.principals.get_mut(&self.principal) {
            *streams -= 1;
            if *streams == 0 {
                room.principals.remove(&self.principal);
            }
        }
        if room.streams == 0 {
            open.rooms.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four tenants of a quarter each had all there are.
    #[test]
    fn where_half_of_the_places_are_taken_whoever_has_many_gets_no_more() {
        let bounds = Bounds { all: 64, tenant: 16, tenant_in_a_crowd: 4, principal: 16, readers: 1 };
        assert_eq!([0, 31, 32, 63].map(|open| bounds.of_tenant(open)), [16, 16, 4, 4]);
    }
}
