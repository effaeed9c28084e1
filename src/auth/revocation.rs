//! Sessions and API keys of which it is known that they have ended: refused without asking PostgreSQL, on every instance
//! that hears of it over Redis. Whatever is not known here PostgreSQL knows, and says at each statement; so what is missed,
//! forgotten or not told costs a question and opens nothing.
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::{Authn, Principal, Secrets, TenantId, secrets::equal};
use crate::{Error, redis::Redis};

/// Where instances tell each other.
const CHANNEL: &str = "rowhouse:ended";
/// Remembered at most; those that were forgotten PostgreSQL is asked about.
const REMEMBERED: usize = 100_000;
/// After so long without a word it is asked whether the connection still leads anywhere.
const QUIET: Duration = Duration::from_secs(5);
/// How often it is said that somebody else speaks there.
const WARNED_EVERY: Duration = Duration::from_mins(1);
/// How long after a connection was lost, or not to be had, it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A session, or a tenant and one of its keys. Neither comes back once it has ended.
type Id = [u8; 32];

/// What is known to have ended.
pub struct Ended {
    known: Cache<Id, ()>,
    warned: Mutex<Option<Instant>>,
    redis: Option<Redis>,
}

impl Ended {
    /// Tells and hears over Redis, if there is one.
    #[must_use]
    pub fn new(redis: Option<Redis>) -> Self {
        Self { known: Cache::new(REMEMBERED), warned: Mutex::default(), redis }
    }

    /// Sessions, by their handles, were ended, and that is committed.
    pub fn sessions(&self, secrets: &Secrets, sessions: impl IntoIterator<Item = Uuid>) {
        for session in sessions {
            self.note(secrets, id(Uuid::nil(), session));
        }
    }

    /// An API key was revoked, and that is committed.
    pub fn key(&self, secrets: &Secrets, tenant: TenantId, key: Uuid) {
        self.note(secrets, id(tenant.as_uuid(), key));
    }

    /// Why whoever this is must not be asked for at all, if so.
    pub(super) fn refusal(&self, principal: Principal, tenant: Option<TenantId>) -> Option<Error> {
        let (id, error) = match principal {
            Principal::Person(person) => (id(Uuid::nil(), person.session.handle()), Error::SessionEnded),
            Principal::Key(key) => (id(tenant?.as_uuid(), key.id()), Error::Unauthenticated(Error::NO_SUCH_KEY)),
        };
        self.known.get(&id).map(|()| error)
    }

    fn note(&self, secrets: &Secrets, id: Id) {
        self.known.insert(id, ());
        let Some(redis) = self.redis.clone() else { return };
        let told = [id, secrets.seal("ended", &[&id])].concat();
        tokio::spawn(async move {
            let mut connection = redis.connection();
            let mut publish = redis::cmd("PUBLISH");
            let _ = redis.ask(publish.arg(CHANNEL).arg(told).query_async::<()>(&mut connection)).await;
        });
    }

    /// Takes what another instance says, and nobody else: whoever else can speak to Redis could shut people out.
    fn hear(&self, secrets: &Secrets, told: &[u8]) {
        match told.split_first_chunk::<32>() {
            Some((id, seal)) if equal(seal, &secrets.seal("ended", &[id])) => self.known.insert(*id, ()),
            _ => {
                let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
                if warned.is_none_or(|when| when.elapsed() > WARNED_EVERY) {
                    *warned = Some(Instant::now());
                    tracing::warn!("somebody who is no instance of ours says in Redis that something has ended");
                }
            }
        }
    }
}

/// Hears what other instances say, for as long as it runs: forever, also where there is nobody to hear.
pub async fn hear_of_ended(auth: Authn) {
    let Some(redis) = auth.ended.redis.clone() else { return std::future::pending().await };
    loop {
        if let Some(subscribed) = redis.subscribe(CHANNEL).await {
            let (mut sink, mut stream) = subscribed.split();
            loop {
                match tokio::time::timeout(QUIET, stream.next()).await {
                    Ok(Some(told)) => auth.ended.hear(auth.secrets(), told.get_payload_bytes()),
                    Ok(None) => break,
                    Err(_) => match tokio::time::timeout(AGAIN, sink.ping::<redis::Value>()).await {
                        Ok(Ok(_)) => {}
                        _ => break,
                    },
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn id(tenant: Uuid, which: Uuid) -> Id {
    let mut id = [0; 32];
    id[..16].copy_from_slice(tenant.as_bytes());
    id[16..].copy_from_slice(which.as_bytes());
    id
}
