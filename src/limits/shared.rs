//! Counts in Redis, for all instances together, by Redis's own clock; and what they take of it in advance, and give back.
use std::sync::LazyLock;

use redis::{RedisResult, Script, ScriptInvocation};

use super::{
    bucket::Bucket,
    lease::{SHARE, Said},
};
use crate::redis::{Redis, Unavailable};

static ADMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("admit.lua")));
static CORRECT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("correct.lua")));

/// What Redis is asked about one bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) bucket: Bucket,
    /// How many requests are to be let through now.
    pub(super) cost: u64,
    /// How many are wanted in advance, at most.
    pub(super) wanted: u64,
}

/// What it has said.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) admitted: bool,
    /// Of each bucket that it was asked about.
    pub(super) said: Vec<Said>,
}

impl Verdict {
    /// As it was answered; none where that is no answer: whatever answers there may be no Redis.
    fn of(asked: &[Asked], answer: &[u64]) -> Option<Self> {
        let [admitted, now, rest @ ..] = answer else { return None };
        let (pairs, []) = rest.as_chunks::<2>() else { return None };
        if pairs.len() != asked.len() || *admitted > 1 {
            return None;
        }
        let said = |(asked, [due, given]): (&Asked, &[u64; 2])| {
            let due = (*due).min(now.saturating_add(asked.bucket.policy.micros()));
            (*given <= asked.wanted).then_some(Said { now: *now, due, given: *given })
        };
        let said: Option<Vec<Said>> = asked.iter().zip(pairs).map(said).collect();
        Some(Self { admitted: *admitted == 1, said: said? })
    }
}

/// Counts one request in all of these, or in none if one of them has no room.
pub(super) async fn admit(redis: &Redis, asked: &[Asked], instances: u32) -> Result<Verdict, Unavailable> {
    let mut connection = redis.connection();
    let answer: Vec<u64> = redis.ask(question(asked, instances).invoke_async(&mut connection)).await?;
    Verdict::of(asked, &answer).ok_or(Unavailable)
}

/// Asks for some of each of these in advance; what was given, where it was.
pub(super) async fn take(redis: &Redis, asked: &[Asked], instances: u32) -> Result<Vec<Option<Said>>, Unavailable> {
    let one = async |asked: &Asked| -> RedisResult<Vec<u64>> {
        question(std::slice::from_ref(asked), instances).invoke_async(&mut redis.connection()).await
    };
    let answers = redis.ask_all(asked.iter().map(one)).await?;
    let given = |(asked, answer): (&Asked, Option<Vec<u64>>)| {
        Verdict::of(std::slice::from_ref(asked), &answer?)?.said.first().copied()
    };
    Ok(asked.iter().zip(answers).map(given).collect())
}

/// Counts so many of each of these afterwards, whatever room there is.
pub(super) async fn charge(redis: &Redis, buckets: &[(Bucket, u64)]) {
    correct(redis, buckets.iter().map(|(bucket, more)| (bucket, i64::try_from(*more).unwrap_or(i64::MAX)))).await;
}

/// Gives back so many of each of these, which were taken in advance.
pub(super) async fn give_back(redis: &Redis, buckets: &[(Bucket, u64)]) {
    correct(redis, buckets.iter().map(|(bucket, held)| (bucket, -i64::try_from(*held).unwrap_or_default()))).await;
}

/// Where it is not to be had this is forgotten.
async fn correct(redis: &Redis, buckets: impl Iterator<Item = (&Bucket, i64)>) {
    let one = async |(bucket, more): (&Bucket, i64)| -> RedisResult<u64> {
        let mut question = CORRECT.key(bucket.whose.to_string());
        question.arg(bucket.policy.interval()).arg(bucket.policy.micros()).arg(more);
        question.invoke_async(&mut redis.connection()).await
    };
    let _ = redis.ask_all(buckets.map(one)).await;
}

fn question(asked: &[Asked], instances: u32) -> ScriptInvocation<'static> {
    let mut question = ADMIT.prepare_invoke();
    for Asked { bucket: Bucket { whose, policy }, cost, wanted } in asked {
        question.key(whose.to_string()).arg(policy.interval()).arg(policy.micros());
        question.arg(*cost).arg(*wanted).arg(SHARE * u64::from(instances.max(1)));
    }
    question
}
