//! What recurs is begun once for each time and tenant, by one worker at a time, and what a lost one has left undone by the next.
use std::time::Duration;

use rowhouse::{
    db::{Statements, WorkerDb},
    jobs::{
        NewJob,
        cron::{Recurring, keep_time},
    },
    work,
};
use tokio_util::sync::CancellationToken;

use super::{Chore, Scene};

fn recurring() -> Vec<Recurring> {
    vec![Recurring::new("tests.daily", "0 3 * * *", || NewJob::new(&Chore::called("daily"))).unwrap()]
}

/// As many as so many processes of them, for as long as it takes.
async fn keep(scene: &Scene, processes: usize, wanted: i64) {
    let stop = CancellationToken::new();
    let keepers: Vec<_> = (0..processes)
        .map(|_| {
            let db = WorkerDb::open(&scene.db.url("rowhouse_worker").into(), 2, Statements::Named).unwrap();
            tokio::spawn(keep_time(db, recurring(), stop.clone()))
        })
        .collect();
    scene.until_count("tenant.jobs where kind = 'tests.chore'", wanted).await;
    scene.until_count("registry.schedules where firing_at is null", 1).await;
    // Whoever is late must not begin it again.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    stop.cancel();
    for keeper in keepers {
        keeper.await.unwrap();
    }
    scene.until_count("tenant.jobs where kind = 'tests.chore'", wanted).await;
}

const LATE: &str = "update registry.schedules set last_at = now() - interval '3 days'";

#[tokio::test]
async fn a_time_that_is_due_is_begun_once_in_each_open_tenant_however_many_look() {
    let scene = Scene::set().await;
    let more = "insert into registry.tenants (id, slug, name, status)
        select gen_random_uuid(), 'more-' || n, 'more', case when n % 10 = 0 then 'suspended' else 'active' end from generate_series(1, 250) n;
        insert into registry.schedules (name) values ('tests.daily')";
    scene.superuser.batch_execute(more).await.unwrap();
    scene.superuser.batch_execute(LATE).await.unwrap();
    // Of three days one run is made up for, in acme, globex and nine of ten others.
    keep(&scene, 3, 2 + 225).await;
    scene.superuser.batch_execute(LATE).await.unwrap();
    scene.superuser.batch_execute("delete from tenant.jobs").await.unwrap();
    keep(&scene, 2, 2 + 225).await;
}

#[tokio::test]
async fn whoever_follows_a_lost_leader_goes_on_where_it_was_and_begins_nothing_twice() {
    let scene = Scene::set().await;
    scene.superuser.batch_execute("insert into registry.schedules (name) values ('tests.daily')").await.unwrap();
    scene.superuser.batch_execute(LATE).await.unwrap();
    keep(&scene, 1, 2).await;
    // As if it had been lost after it had written down all, and noted half of it: its lease has run out.
    let lost = "update registry.schedules set last_at = now() - interval '3 days', at_tenant = '00000000-0000-0000-0000-000000000000',
        firing_at = (select to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
                     from tenant.jobs where kind = 'tests.chore' limit 1),
        leased_until = now() - interval '1 second'";
    scene.superuser.batch_execute(lost).await.unwrap();
    keep(&scene, 2, 2).await;
    let fence: i64 = scene.superuser.query_one("select fence from registry.schedules", &[]).await.unwrap().get(0);
    assert_eq!(fence, 2, "each take-over is another");
}

#[tokio::test]
async fn while_somebody_leads_nobody_else_does() {
    let scene = Scene::set().await;
    let led = "insert into registry.schedules (name) values ('tests.daily');
        update registry.schedules set last_at = now() - interval '3 days', leased_until = now() + interval '1 minute'";
    scene.superuser.batch_execute(led).await.unwrap();
    let stop = CancellationToken::new();
    let db = WorkerDb::open(&scene.db.url("rowhouse_worker").into(), 2, Statements::Named).unwrap();
    let keeper = tokio::spawn(keep_time(db, recurring(), stop.clone()));
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.cancel();
    keeper.await.unwrap();
    scene.until_count("tenant.jobs where kind = 'tests.chore'", 0).await;
}

#[test]
fn what_the_house_repeats_can_be_read() {
    assert_eq!(work::recurring().unwrap().len(), 11);
}

#[tokio::test]
async fn a_tenant_in_which_it_cannot_be_begun_is_no_reason_for_those_after_it_to_have_nothing() {
    let scene = Scene::set().await;
    let first = scene.superuser.query_one("select min(id::text) from registry.tenants", &[]).await.unwrap();
    let broken = format!(
        "create function registry.broken() returns trigger language plpgsql as
             $$ begin raise exception 'broken' using errcode = '22003'; end $$;
         create trigger broken before insert on tenant.jobs for each row when (new.tenant_id = '{}')
             execute function registry.broken();
         insert into registry.schedules (name) values ('tests.daily')",
        first.get::<_, String>(0)
    );
    scene.superuser.batch_execute(&broken).await.unwrap();
    scene.superuser.batch_execute(LATE).await.unwrap();
    keep(&scene, 1, 1).await;
}
