//! Counts in Redis, for all instances together: one call a request, and Redis's own clock.
use std::sync::LazyLock;

use redis::Script;

use super::{Bucket, Decision, Remaining};
use crate::redis::{Redis, Unavailable};

static ADMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("admit.lua")));

/// Counts one request in all of these, or in none if one of them has no room. Where some were `spent` already, counts those,
/// whatever room there is.
pub(super) async fn admit(redis: &Redis, buckets: &[Bucket], spent: u64) -> Result<Decision, Unavailable> {
    let mut connection = redis.connection();
    let mut admit = ADMIT.prepare_invoke();
    for Bucket { key, policy } in buckets {
        admit.key(key).arg(policy.interval()).arg(policy.micros());
    }
    admit.arg(spent);
    let answer: Vec<u64> = redis.ask(admit.invoke_async(&mut connection)).await?;
    // Whatever answers there may be no Redis.
    let [admitted, now, due @ ..] = answer.as_slice() else { return Err(Unavailable) };
    if due.len() != buckets.len() || *admitted > 1 {
        return Err(Unavailable);
    }
    let standing = |(bucket, due): (&Bucket, &u64)| {
        let policy = bucket.policy;
        Remaining::of(policy, (*due).min(now.saturating_add(policy.micros())), *now)
    };
    Ok(Decision { admitted: *admitted == 1, standings: buckets.iter().zip(due).map(standing).collect() })
}
