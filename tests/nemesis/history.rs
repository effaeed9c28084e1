//! What was written down and what came of it, and what is wrong with that.
use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::world::Scene;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Committed,
    RolledBack,
    /// Nobody answered the commit.
    Unknown,
}

/// A job as its writer knows it.
#[derive(Clone, Debug)]
pub struct Written {
    pub job: Uuid,
    /// Its order, if it has one.
    pub key: Option<String>,
    /// Its place among its writer's.
    pub n: i32,
    pub fate: Fate,
}

/// A row of `nemesis.moves`.
#[derive(Clone, Debug)]
pub struct Move {
    pub job: Uuid,
    pub was: String,
    pub now: String,
    pub lease: Option<Uuid>,
    pub by: Option<Uuid>,
    pub ran_out: bool,
}

#[derive(Debug, Default)]
pub struct History {
    states: HashMap<Uuid, String>,
    /// Which job's, in order.
    effects: Vec<Uuid>,
    moves: Vec<Move>,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// A committed job is not done.
    Lost,
    /// A job that was rolled back is there.
    Ghost,
    /// An effect is there twice.
    Twice,
    /// Done without its effect, or the effect without being done.
    Half,
    /// Ended by somebody who did not hold it.
    Loser,
    /// Given to another while it was held.
    Stolen,
    /// One of an order before another that was written earlier.
    Order,
}

impl History {
    pub async fn read(scene: &Scene<'_>) -> Self {
        let superuser = scene.patient_client("postgres").await;
        let jobs = superuser.query("select id, state from tenant.jobs where kind = 'nemesis.mark'", &[]).await.unwrap();
        let effects = superuser.query("select job_id from nemesis.effects order by serial", &[]).await.unwrap();
        let moves =
            "select job_id, was, now, lease, by_lease, coalesce(ran_out, false) from nemesis.moves order by serial";
        let moves = superuser.query(moves, &[]).await.unwrap();
        let read = |row: &tokio_postgres::Row| Move {
            job: row.get(0),
            was: row.get(1),
            now: row.get(2),
            lease: row.get(3),
            by: row.get(4),
            ran_out: row.get(5),
        };
        let effects = effects.iter().map(|row| row.get(0)).collect();
        Self::of(jobs.iter().map(|row| (row.get(0), row.get(1))), effects, moves.iter().map(read).collect())
    }

    /// Jobs with their states, effects in their order, and what was changed.
    pub fn of(states: impl IntoIterator<Item = (Uuid, String)>, effects: Vec<Uuid>, moves: Vec<Move>) -> Self {
        Self { states: states.into_iter().collect(), effects, moves }
    }

    /// How many jobs were taken from a worker whose lease had run out.
    pub fn taken_over(&self) -> usize {
        self.moves.iter().filter(|moved| moved.was == "running" && moved.now == "running").count()
    }

    /// All that is wrong, each with one example.
    pub fn wrong(&self, written: &[Written]) -> BTreeMap<Wrong, String> {
        let mut wrong: BTreeMap<Wrong, String> = BTreeMap::new();
        let mut found = |what: Wrong, example: String| {
            wrong.entry(what).or_insert(example);
        };
        let mut effects: HashMap<Uuid, usize> = HashMap::new();
        for job in &self.effects {
            *effects.entry(*job).or_default() += 1;
        }
        for written in written {
            let state = self.states.get(&written.job).map(String::as_str);
            let effects = effects.get(&written.job).copied().unwrap_or(0);
            let example = || format!("{written:?} is {state:?} with {effects} effects");
            match written.fate {
                Fate::Committed if state != Some("succeeded") => found(Wrong::Lost, example()),
                Fate::Unknown if state.is_some_and(|state| state != "succeeded") => found(Wrong::Lost, example()),
                Fate::RolledBack if state.is_some() || effects > 0 => found(Wrong::Ghost, example()),
                _ => {}
            }
            if effects > 1 {
                found(Wrong::Twice, example());
            }
            if (effects > 0) != (state == Some("succeeded")) {
                found(Wrong::Half, example());
            }
        }
        for moved in &self.moves {
            if moved.now == "succeeded" && (moved.was != "running" || moved.by != moved.lease || moved.ran_out) {
                found(Wrong::Loser, format!("{}: {moved:?}", moved.job));
            }
            if moved.was == "running" && moved.now == "running" && !moved.ran_out {
                found(Wrong::Stolen, format!("{}: {moved:?}", moved.job));
            }
        }
        let orders: HashMap<Uuid, (&String, i32)> =
            written.iter().filter_map(|one| Some((one.job, (one.key.as_ref()?, one.n)))).collect();
        let mut last: HashMap<&String, i32> = HashMap::new();
        for (key, n) in self.effects.iter().filter_map(|job| orders.get(job)) {
            if let Some(before) = last.insert(key, *n).filter(|before| before >= n) {
                found(Wrong::Order, format!("{key}: {n} after {before}"));
            }
        }
        wrong
    }
}
