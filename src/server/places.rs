//! How many connections there may be, altogether and from one network.
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::auth::Network;

/// How long a connection has to have done nothing before it makes room for another.
const IDLE: Duration = Duration::from_secs(1);

/// Places for connections. Where all are taken, one that does nothing makes room; where none does nothing, there is none.
pub(super) struct Places {
    all: usize,
    share: usize,
    begun: Instant,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    places: HashMap<u64, Arc<Place>>,
    networks: HashMap<Network, usize>,
}

/// One connection's place, until its [`Seat`] is dropped.
pub(super) struct Place {
    network: Network,
    begun: Instant,
    /// Requests that are being answered: one or none.
    requests: AtomicUsize,
    /// When something was done last, in milliseconds since `begun`.
    touched: AtomicUsize,
    /// Something was sent that nobody has read.
    unread: AtomicBool,
    leave: Notify,
}

/// Holds a place.
pub(super) struct Seat {
    pub(super) place: Arc<Place>,
    number: u64,
    places: Weak<Places>,
}

impl Places {
    /// So many altogether, and so many for each network.
    pub(super) fn new(all: usize, share: usize) -> Arc<Self> {
        Arc::new(Self { all, share, begun: Instant::now(), taken: Mutex::default() })
    }

    /// A place for a connection from this network, if there is one.
    pub(super) fn take(self: &Arc<Self>, network: Network) -> Option<Seat> {
        let mut taken = self.taken();
        if taken.networks.get(&network).is_some_and(|connections| *connections >= self.share) {
            return None;
        }
        if taken.places.len() >= self.all {
            let (number, idle) = taken.idlest()?;
            idle.leave.notify_one();
            taken.remove(number);
        }
        let place = Arc::new(Place {
            network,
            begun: self.begun,
            requests: AtomicUsize::default(),
            touched: AtomicUsize::default(),
            unread: AtomicBool::default(),
            leave: Notify::new(),
        });
        place.touch();
        let number = taken.next;
        taken.next += 1;
        taken.places.insert(number, place.clone());
        *taken.networks.entry(network).or_default() += 1;
        Some(Seat { place, number, places: Arc::downgrade(self) })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Of the connections that do nothing, the one of the network that has the most, and of those the one that has done
    /// nothing for the longest.
    fn idlest(&self) -> Option<(u64, Arc<Place>)> {
        let idle = self.places.iter().filter(|(_, place)| place.idle() >= IDLE);
        let most = idle.max_by_key(|(_, place)| (self.networks.get(&place.network), place.idle()));
        most.map(|(number, place)| (*number, place.clone()))
    }

    fn remove(&mut self, number: u64) {
        let Some(place) = self.places.remove(&number) else { return };
        if let Some(connections) = self.networks.get_mut(&place.network) {
            *connections -= 1;
            if *connections == 0 {
                self.networks.remove(&place.network);
            }
        }
    }
}

impl Place {
    /// Something was done on the connection.
    pub(super) fn touch(&self) {
        let now = usize::try_from(self.begun.elapsed().as_millis()).unwrap_or(usize::MAX);
        self.touched.store(now, Ordering::Relaxed);
    }

    /// How long nothing has been done; no time at all while a request is being answered.
    fn idle(&self) -> Duration {
        if self.is_busy() {
            return Duration::ZERO;
        }
        let touched = Duration::from_millis(self.touched.load(Ordering::Relaxed) as u64);
        self.begun.elapsed().saturating_sub(touched)
    }

    /// A request has come.
    pub(super) fn begin(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// It has its answer.
    pub(super) fn end(&self) {
        self.touch();
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }

    /// Something was sent that nobody is going to read.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Whether there is such a thing.
    pub(super) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Resolves when somebody else has the place.
    pub(super) async fn taken_by_another(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(places) = self.places.upgrade() {
            places.taken().remove(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn network(address: &str) -> Network {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_network_has_its_share_whatever_address_it_comes_from() {
        let places = Places::new(10, 2);
        for [one, two, three] in [
            ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"],
            ["2001:db8::1", "2001:db8::ffff:0:1:2", "2001:db8:0:0:8000::"],
        ] {
            let first = places.take(network(one)).unwrap();
            let _second = places.take(network(two)).unwrap();
            assert!(places.take(network(three)).is_none(), "{three}");
            drop(first);
            assert!(places.take(network(three)).is_some(), "one place was given back");
        }
        assert!(places.take(network("192.0.2.2")).is_some());
        assert!(places.take(network("2001:db8:0:1::1")).is_some());
        assert!(places.taken().places.is_empty() && places.taken().networks.is_empty());
    }

    #[test]
    fn where_all_places_are_taken_the_idlest_of_the_greediest_makes_room() {
        let places = Places::new(4, 3);
        let greedy: Vec<Seat> = (0..3).map(|_| places.take(network("192.0.2.1")).unwrap()).collect();
        let modest = places.take(network("192.0.2.2")).unwrap();
        let other = network("192.0.2.3");
        assert!(places.take(other).is_none(), "nobody has been idle for a second");
        std::thread::sleep(IDLE + Duration::from_millis(50));
        greedy[0].place.begin();
        greedy[1].place.touch();
        let third = places.take(other).unwrap();
        assert!(
            !places.taken().places.contains_key(&greedy[2].number),
            "it has been idle, and its network has the most"
        );
        assert!(places.take(network("192.0.2.1")).is_some_and(|_| true), "{} places", places.taken().places.len());
        assert!(!places.taken().places.contains_key(&modest.number), "the only one that was idle");
        drop((greedy, modest, third));
        assert!(places.taken().places.is_empty() && places.taken().networks.is_empty(), "nobody is counted twice");
    }
}
