//! When a key or a browser's session was last used: written now and then, beside the request and not in it.
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use super::{Lifetimes, Person, Principal, TenantId, sha256};
use crate::{
    Result,
    db::{Db, Share},
    sql,
};

/// At most so often is a use written; the database says the same.
const EVERY: Duration = Duration::from_mins(1);
const REMEMBERED: usize = 10_000;
/// Writes under way at a time; one that finds no room is left to the next use.
const AT_ONCE: usize = 2;

/// Notes uses.
pub struct LastUsed {
    /// By SHA-256 of a key's secret, or by a session's id: whoever makes up a secret notes another use.
    noted: Cache<[u8; 32], Instant>,
    room: Arc<Semaphore>,
}

impl Default for LastUsed {
    fn default() -> Self {
        Self { noted: Cache::new(REMEMBERED), room: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl LastUsed {
    /// Notes that an API key is in use.
    pub(super) fn of_key(&self, db: &Db, tenant: TenantId, principal: Principal) {
        let Principal::Key(key) = principal else { return };
        let db = db.clone();
        self.note(*key.secret_hash(), async move {
            let mut conn = db.tenant_writes(tenant, principal, Share::unproven(principal)).await?;
            Ok(conn.write().last().optional(sql!("auth/touch_api_key"), &[]).await?)
        });
    }

    /// Notes that a browser's session is in use; those with tokens are used when they are refreshed.
    pub(super) fn of_session(&self, db: &Db, person: Person, lifetimes: Lifetimes) {
        let db = db.clone();
        self.note(sha256(person.session.as_uuid().as_bytes()), async move {
            let mut conn = db.user(person).await?;
            Ok(conn.write().last().optional(sql!("auth/touch_session"), &[&lifetimes.browser_idle()]).await?)
        });
    }

    fn note(&self, id: [u8; 32], write: impl Future<Output = Result<Option<()>>> + Send + 'static) {
        if self.noted.get(&id).is_some_and(|when| when.elapsed() < EVERY) {
            return;
        }
        let Ok(place) = self.room.clone().try_acquire_owned() else { return };
        self.noted.insert(id, Instant::now());
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = write.await {
                tracing::debug!(%error, "a use was not noted");
            }
        });
    }
}
