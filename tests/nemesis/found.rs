//! Worlds in which a rule is missing: the history says so.
use std::time::Duration;

use uuid::Uuid;

use crate::{
    history::{Fate, History, Move, Written, Wrong},
    nemesis::{Deed, Plan, lived},
    world::World,
    writers::UNFINISHED,
};

/// Until it is there to be seen.
const PLAN: Plan<'_> = Plan {
    deeds: &[Deed::Kill],
    mode: Some("asks"),
    until: "select exists (select from tenant.jobs)",
    least: Duration::from_secs(1),
    most: Duration::from_mins(1),
    left: UNFINISHED,
    patience: Duration::from_secs(10),
    hurry: &[],
};
/// Workers that end jobs of anybody's, in a database that lets whoever has once held a job do what the job may.
pub async fn ends_that_do_not_ask_for_the_lease_are_found(world: &World) {
    let anybody = "create or replace function registry.require_job(permission text) returns uuid
        language sql stable security definer set search_path = '' as $$ select current_setting('app.tenant_id')::uuid $$";
    let scene = world.scene(anybody).await;
    let until = "select exists (select from nemesis.effects group by job_id having count(*) > 1)";
    let plan = Plan { deeds: &[Deed::Stop], mode: Some("anybody"), until, ..PLAN };
    let (written, history) = lived(&scene, plan).await;
    let wrong = history.wrong(&written);
    assert!(wrong.contains_key(&Wrong::Twice), "seed {}: {wrong:#?}", world.seed);
}

/// `registry.take_jobs` without the line that looks whether an earlier one of the order is there.
pub async fn an_order_that_nobody_keeps_is_found(world: &World) {
    let change = "do $$ declare
        was constant text := pg_get_functiondef('registry.take_jobs'::regproc);
        changed constant text := replace(was, 'and (e.state = ''running'' or e.id < s.id)', 'and false');
    begin
        assert was <> changed, 'the line is another';
        execute changed;
    end $$";
    let scene = world.scene(change).await;
    let until = "select exists (select from nemesis.effects one join nemesis.effects other using (key)
        where key like '%in order' and one.serial < other.serial and one.n > other.n)";
    let (written, history) = lived(&scene, Plan { until, ..PLAN }).await;
    let wrong = history.wrong(&written);
    assert_eq!(wrong.keys().collect::<Vec<_>>(), [&Wrong::Order], "seed {}: {wrong:#?}", world.seed);
}

/// Nobody is woken by what is written down.
pub async fn jobs_that_wake_nobody_are_found(world: &World) {
    let scene = world.scene("drop trigger wake_new on tenant.jobs").await;
    let (written, history) = lived(&scene, Plan { patience: Duration::from_secs(4), ..PLAN }).await;
    let wrong = history.wrong(&written);
    assert_eq!(wrong.keys().collect::<Vec<_>>(), [&Wrong::Lost], "seed {}: {wrong:#?}", world.seed);
}

/// What no missing rule here brings about, in histories that are made up.
pub async fn each_thing_that_can_be_wrong_is_told_apart(_: &World) {
    let (job, lease, other) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let written = |fate| Written { job, key: Some("key".to_owned()), n: 1, fate };
    let moved = |was: &str, now: &str, by, ran_out| Move {
        job,
        was: was.to_owned(),
        now: now.to_owned(),
        lease: Some(lease),
        by,
        ran_out,
    };
    let done = || moved("running", "succeeded", Some(lease), false);
    let told = |fate, state: Option<&str>, effects: usize, moves: Vec<Move>| {
        let history = History::of(state.map(|state| (job, state.to_owned())), vec![job; effects], moves);
        history.wrong(&[written(fate)]).into_keys().collect::<Vec<_>>()
    };
    let good = Some("succeeded");
    assert_eq!(told(Fate::Committed, good, 1, vec![done()]), []);
    assert_eq!(told(Fate::Unknown, good, 1, vec![done()]), []);
    assert_eq!(told(Fate::Unknown, None, 0, vec![]), []);
    assert_eq!(told(Fate::RolledBack, None, 0, vec![]), []);
    assert_eq!(told(Fate::Committed, None, 0, vec![]), [Wrong::Lost]);
    assert_eq!(told(Fate::Committed, Some("waiting"), 0, vec![]), [Wrong::Lost]);
    assert_eq!(told(Fate::Unknown, Some("running"), 0, vec![]), [Wrong::Lost]);
    assert_eq!(told(Fate::RolledBack, good, 1, vec![done()]), [Wrong::Ghost]);
    assert_eq!(told(Fate::RolledBack, None, 1, vec![]), [Wrong::Ghost, Wrong::Half]);
    assert_eq!(told(Fate::Committed, good, 0, vec![done()]), [Wrong::Half]);
    assert_eq!(told(Fate::Committed, good, 2, vec![done()]), [Wrong::Twice, Wrong::Order]);
    for end in [
        moved("running", "succeeded", Some(other), false),
        moved("running", "succeeded", Some(lease), true),
        moved("running", "succeeded", None, false),
        moved("dead", "succeeded", Some(lease), false),
    ] {
        assert_eq!(told(Fate::Committed, good, 1, vec![end]), [Wrong::Loser]);
    }
    assert_eq!(told(Fate::Committed, good, 1, vec![moved("running", "running", None, true), done()]), []);
    assert_eq!(told(Fate::Committed, good, 1, vec![moved("running", "running", None, false), done()]), [Wrong::Stolen]);
}
