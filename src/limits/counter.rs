//! Counts requests of a minute: by what is held of Redis's count, by Redis, or by this process alone where there is none. Nobody
//! waits for what is asked in advance.
use std::{sync::Arc, time::Duration};

use super::{
    Decision,
    bucket::Bucket,
    local::{Local, Step},
    shared,
};
use crate::redis::Redis;

/// Buckets that Redis is asked about at a time, beside requests.
const AT_ONCE: usize = 64;
/// How long it is left alone after that: what is wanted meanwhile is asked for together.
const PAUSE: Duration = Duration::from_millis(5);

/// Who has kept the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Redis,
    /// What was taken of Redis's in advance, or that it said lately that there is none.
    Lease,
    Process,
}

pub(super) struct Counter {
    redis: Option<Redis>,
    local: Arc<Local>,
    instances: u32,
}

impl Counter {
    pub(super) fn new(redis: Option<Redis>, instances: u32) -> Self {
        Self { redis, local: Arc::new(Local::new(instances)), instances }
    }

    /// Counts a request in all of these, or in none.
    pub(super) async fn admit(&self, buckets: &[Bucket]) -> (Decision, By) {
        let Some(redis) = self.redis.as_ref().filter(|redis| redis.available()) else {
            return (self.local.admit(buckets), By::Process);
        };
        let asked = match self.local.step(buckets) {
            Step::Known(decision, wake) => {
                if wake {
                    tokio::spawn(ask(self.local.clone(), redis.clone(), self.instances));
                }
                return (decision, By::Lease);
            }
            Step::Ask(asked) => asked,
        };
        let when = self.local.now();
        let Ok(verdict) = Box::pin(shared::admit(redis, &asked, self.instances)).await else {
            self.local.undo(buckets, &asked);
            return (self.local.admit(buckets), By::Process);
        };
        let (decision, wake) = self.local.told(buckets, &asked, when, &verdict);
        if wake {
            tokio::spawn(give_back(self.local.clone(), redis.clone()));
        }
        (decision, By::Redis)
    }

    /// Counts so many more, whatever room there is. Nobody waits for it.
    pub(super) fn charge(&self, buckets: &[Bucket], more: u64) {
        let beyond = self.local.charge(buckets, more, self.redis.is_some());
        if let (Some(redis), false) = (self.redis.clone(), beyond.is_empty()) {
            tokio::spawn(async move { shared::charge(&redis, &beyond).await });
        }
    }

    /// Gives back all that is held, before the process ends.
    pub(super) async fn finish(&self) {
        let Some(redis) = self.redis.as_ref().filter(|redis| redis.available()) else { return };
        for held in self.local.give_up().chunks(AT_ONCE) {
            shared::give_back(redis, held).await;
        }
    }
}

/// Asks for more of whatever runs short, until nothing does.
async fn ask(local: Arc<Local>, redis: Redis, instances: u32) {
    while let Some(asked) = local.next_to_ask(AT_ONCE) {
        let when = local.now();
        // Where it is not to be had, requests ask once nothing is left.
        if let Ok(given) = shared::take(&redis, &asked, instances).await {
            let given = asked.iter().zip(given).filter_map(|(asked, said)| Some((asked, said?)));
            if given.fold(false, |wake, (asked, said)| local.given(asked, when, said) || wake) {
                tokio::spawn(give_back(local.clone(), redis.clone()));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Gives back what is not used up in time, until nothing is held that would have to go back.
async fn give_back(local: Arc<Local>, redis: Redis) {
    while let Some(next) = local.next_to_give_back(AT_ONCE) {
        match next {
            Ok(back) => shared::give_back(&redis, &back).await,
            Err(wait) => tokio::time::sleep(wait).await,
        }
    }
}
