//! Who has to look again: each committed transaction that could write in a tenant is told in this process and in the others, in batches. It
//! carries the tenant's id and opens nothing: whoever hears it reads the rows behind the wall. What is lost costs time alone, since
//! whoever waits also looks by the clock (docs/adr/0033).
mod carry;

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

/// Ids in one message. PostgreSQL takes fewer than 8,000 bytes.
const IDS: usize = 200;

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

#[derive(Debug, Default)]
struct Pending {
    committed: BTreeSet<Uuid>,
    heard: BTreeSet<Uuid>,
}

#[derive(Debug)]
struct Parts {
    /// Of this process, among all that tell.
    origin: Uuid,
    /// Where PostgreSQL is, to listen.
    url: SecretString,
    redis: Option<Redis>,
    /// Not told here yet: what was committed here, and what others have said.
    pending: Mutex<Pending>,
    rung: Notify,
    /// Committed here, and not told others yet. What could not be told is kept: they do not know that they have missed it.
    owed: Mutex<BTreeSet<Uuid>>,
    /// They are to be told over PostgreSQL.
    owes: Notify,
    heard: broadcast::Sender<Heard>,
}

impl Wake {
    /// Tells others over Redis, if there is one, and else by PostgreSQL, where it hears of what triggers say as well. Somebody has to
    /// [`carry`] it.
    #[must_use]
    pub fn new(url: SecretString, redis: Option<Redis>) -> Self {
        let (heard, _) = broadcast::channel(BEHIND);
        Self(Arc::new(Parts {
            origin: new_id(),
            url,
            redis,
            pending: Mutex::default(),
            rung: Notify::new(),
            owed: Mutex::default(),
            owes: Notify::new(),
            heard,
        }))
    }

    /// What is said from now on. Whoever falls behind ([`broadcast::error::RecvError::Lagged`]) has to look at everything.
    #[must_use]
    pub fn heard(&self) -> broadcast::Receiver<Heard> {
        self.0.heard.subscribe()
    }

    /// A transaction that could write in this tenant is committed.
    pub fn committed(&self, tenant: Uuid) {
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.committed.insert(tenant) && pending.committed.len() == 1 {
            self.0.rung.notify_one();
        }
    }

    /// Another process has said so, or whoever can connect: it is told with the next batch, once.
    fn said(&self, tenant: Uuid) {
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.heard.insert(tenant) && pending.heard.len() == 1 {
            self.0.rung.notify_one();
        }
    }

    /// [`committed`](Self::committed), as a pool calls it.
    #[must_use]
    pub fn hook(&self) -> Committed {
        let wake = self.clone();
        Committed::new(move |tenant| wake.committed(tenant.as_uuid()))
    }

    fn take(&self) -> Pending {
        mem::take(&mut *self.0.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What others are to be told.
    fn owed(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        self.0.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells others by `tell`, which says whether it could; what it could not stays owed.
    async fn pay(&self, tell: impl AsyncFnOnce(Vec<String>) -> bool) -> bool {
        let owed = mem::take(&mut *self.owed());
        if owed.is_empty() {
            return true;
        }
        let ids: Vec<String> = owed.iter().map(|id| id.simple().to_string()).collect();
        let messages = ids.chunks(IDS).map(|ids| format!("{} {}", self.0.origin.simple(), ids.join(",")));
        let told = tell(messages.collect()).await;
        if !told {
            self.owed().extend(owed);
        }
        told
    }

    /// To whoever listens here; nobody is an answer too.
    fn tell(&self, heard: Heard) {
        let _ = self.0.heard.send(heard);
    }
}
