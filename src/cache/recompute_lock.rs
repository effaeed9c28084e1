//! Answers in Redis, and whose turn it is to work one out: one instance at a time, for a while.
use std::{sync::LazyLock, time::Duration};

use redis::Script;

use super::Key;
use crate::{
    auth::random_secret,
    redis::{Redis, Unavailable},
};

/// For how long one instance has the turn to work something out. Nobody may be left of whoever took it: Redis held still,
/// and took the question for one when it went on.
const TURN: Duration = Duration::from_secs(2);

/// Puts an answer where it belongs and ends the turn. Whoever was slower than its turn writes over nothing that somebody
/// else has written since, and not at all while somebody else has the turn.
static PUT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("put.lua")));
static GIVE_UP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("give_up.lua")));

/// What is kept there.
pub(super) async fn get(redis: &Redis, key: &Key) -> Option<Vec<u8>> {
    let mut connection = redis.connection();
    let mut get = redis::cmd("GET");
    let found: Result<Option<Vec<u8>>, Unavailable> =
        redis.ask(get.arg(key.as_str()).query_async(&mut connection)).await;
    found.ok().flatten()
}

/// Asks for the turn to work something out.
pub(super) async fn begin(redis: &Redis, key: &Key) -> Begun {
    let Ok(token) = random_secret() else { return Begun::Unavailable };
    let place = format!("{key}:turn");
    let mut connection = redis.connection();
    let mut question = redis::cmd("SET");
    question.arg(&place).arg(&token).arg("NX").arg("PX").arg(milliseconds(TURN));
    let set: Result<Option<String>, Unavailable> = redis.ask(question.query_async(&mut connection)).await;
    match set {
        Ok(Some(_)) => Begun::Mine(RecomputeLock { redis: redis.clone(), key: key.clone(), place, token, over: false }),
        Ok(None) => Begun::Taken,
        Err(Unavailable) => Begun::Unavailable,
    }
}

/// Who works something out.
pub(super) enum Begun {
    /// Whoever asked.
    Mine(RecomputeLock),
    /// Another instance.
    Taken,
    /// Redis does not say, or has no room: everybody for themselves.
    Unavailable,
}

/// The turn to work an answer out. Dropped, it is given up: the caller is gone, or it went wrong.
pub(super) struct RecomputeLock {
    redis: Redis,
    key: Key,
    place: String,
    /// Random: tells this turn from a later one of somebody else.
    token: String,
    over: bool,
}

impl RecomputeLock {
    /// Keeps the answer, if it is still this one's turn.
    pub(super) async fn put(mut self, kept: &[u8], ttl: Duration) {
        let mut connection = self.redis.connection();
        let mut put = PUT.key(self.key.as_str());
        put.key(&self.place).arg(&self.token).arg(kept).arg(milliseconds(ttl));
        self.over = self.redis.ask(put.invoke_async::<i64>(&mut connection)).await.is_ok();
    }
}

impl Drop for RecomputeLock {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.over {
            return;
        }
        let (redis, place, token) = (self.redis.clone(), self.place.clone(), self.token.clone());
        runtime.spawn(async move {
            let mut connection = redis.connection();
            let mut give_up = GIVE_UP.key(&place);
            give_up.arg(&token);
            let _ = redis.ask(give_up.invoke_async::<i64>(&mut connection)).await;
        });
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
