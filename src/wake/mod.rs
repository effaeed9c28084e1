//! Who has to look again: each committed transaction that could write in a tenant is told in this process and in the others, in batches. It
//! carries the tenant's id and opens nothing: whoever hears it reads the rows behind the wall. What is lost costs time alone, since
//! whoever waits also looks by the clock (docs/adr/0033).
mod carry;

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use rowhouse_pg::new_id;
use secrecy::SecretString;
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

pub use carry::carry;

use crate::{db::Committed, redis::Redis};

/// Where instances tell each other, in PostgreSQL; triggers say a tenant's id there.
pub const CHANNEL: &str = "rowhouse_wake";

/// What somebody who does not listen may be behind; after that they are told to look at everything.
const BEHIND: usize = 4096;

/// What is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something may have changed in this tenant, here or in another process. The id opens nothing.
    Tenant(Uuid),
    /// Something may have been missed: look at everything.
    All,
}

/// Tells and hears.
#[derive(Clone, Debug)]
pub struct Wake(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// Of this process, among all that tell.
    origin: Uuid,
    /// Where PostgreSQL is, to listen.
    url: SecretString,
    redis: Option<Redis>,
    /// Not told yet.
    pending: Mutex<BTreeSet<Uuid>>,
    rung: Notify,
    heard: broadcast::Sender<Heard>,
}

impl Wake {
    /// Tells others over Redis, if there is one, and else by PostgreSQL, where it hears of what triggers say as well. Somebody has to
    /// [`carry`] it.
    #[must_use]
    pub fn new(url: SecretString, redis: Option<Redis>) -> Self {
        let (heard, _) = broadcast::channel(BEHIND);
        let (origin, pending, rung) = (new_id(), Mutex::default(), Notify::new());
        Self(Arc::new(Parts { origin, url, redis, pending, rung, heard }))
    }

    /// What is said from now on. Whoever falls behind ([`broadcast::error::RecvError::Lagged`]) has to look at everything.
    #[must_use]
    pub fn heard(&self) -> broadcast::Receiver<Heard> {
        self.0.heard.subscribe()
    }

    /// A transaction that could write in this tenant is committed.
    pub fn committed(&self, tenant: Uuid) {
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.insert(tenant) && pending.len() == 1 {
            self.0.rung.notify_one();
        }
    }

    /// [`committed`](Self::committed), as a pool calls it.
    #[must_use]
    pub fn hook(&self) -> Committed {
        let wake = self.clone();
        Committed::new(move |tenant| wake.committed(tenant.as_uuid()))
    }

    fn take(&self) -> Vec<Uuid> {
        mem::take(&mut *self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    /// To whoever listens here; nobody is an answer too.
    fn tell(&self, heard: Heard) {
        let _ = self.0.heard.send(heard);
    }
}
