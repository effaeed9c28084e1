//! Who holds a job: workers that go in order, workers that are lost, and those that come back from the dead.
use std::time::{Duration, Instant};

use rowhouse::jobs::Kinds;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{Chore, Scene, acme, at_work, chore};
use crate::support::town;

/// Takes what is due as a worker does, for so many seconds, and falls silent.
async fn take(worker: &Client, tenant: Uuid, seconds: f64) -> Vec<[Uuid; 2]> {
    let begin =
        format!("begin; set local app.tenant_id = '{tenant}'; set local app.job_id = ''; set local app.job_lease = ''");
    worker.batch_execute(&begin).await.unwrap();
    let take =
        "select id, lease from registry.take_jobs('{tests.chore}', 10, 10, make_interval(secs => $1), interval '5 s')";
    let taken = worker.query(take, &[&seconds]).await.unwrap();
    worker.batch_execute("commit").await.unwrap();
    taken.iter().map(|row| [row.get(0), row.get(1)]).collect()
}

#[tokio::test]
async fn a_worker_that_has_to_go_waits_for_what_is_short_and_gives_back_what_is_long() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let [short, long] = [("short", 300), ("long", 1_900)].map(|(name, ms)| chore(&Chore { ms, ..Chore::called(name) }));
    scene.enqueue(tenant, member, &[short.clone(), long.clone()]).await;
    let leaving = at_work(&scene.worker_for(4, super::kinds(&scene.seen), Duration::from_millis(800)));
    scene.until(short.id(), "running").await;
    scene.until(long.id(), "running").await;
    let late = chore(&Chore::called("late"));
    leaving.stop.cancel();
    scene.enqueue(tenant, member, std::slice::from_ref(&late)).await;
    leaving.run.await.unwrap();
    assert_eq!(scene.state(short.id()).await.0, "succeeded");
    assert_eq!(scene.state(long.id()).await, ("waiting".to_owned(), 0, None), "the attempt does not count");
    assert_eq!(scene.state(late.id()).await.0, "waiting", "it took nothing more");
    // Whoever comes does it at once, and waits for no lease.
    let came = Instant::now();
    let working = at_work(&scene.worker(4));
    scene.until(long.id(), "running").await;
    assert!(came.elapsed() < Duration::from_secs(2));
    scene.until(late.id(), "succeeded").await;
    scene.until(long.id(), "succeeded").await;
    working.finish().await;
}

#[tokio::test]
async fn what_a_lost_worker_held_is_done_by_another_and_the_lost_one_can_change_nothing() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let job = chore(&Chore { writes: true, ..Chore::called("once") });
    scene.enqueue(tenant, member, std::slice::from_ref(&job)).await;
    let zombie = scene.db.client("rowhouse_worker").await;
    let taken = take(&zombie, tenant, 1.0).await;
    let [id, lease] = taken[0];
    assert_eq!((taken.len(), id), (1, job.id()));
    let working = at_work(&scene.worker(2));
    assert_eq!(scene.until(job.id(), "succeeded").await.0, 2);
    working.finish().await;
    // It wakes up and goes on.
    let begin = format!(
        "begin; set local app.tenant_id = '{tenant}'; set local app.job_id = '{id}'; set local app.job_lease = '{lease}'"
    );
    zombie.batch_execute(&begin).await.unwrap();
    let ends = "update tenant.jobs set state = 'dead', lease = null, lease_until = null, finished_at = now() where id = $1 and lease = $2";
    assert_eq!(zombie.execute(ends, &[&id, &lease]).await.unwrap(), 0);
    let write = "insert into tenant.projects (tenant_id, id, name) values ($1, gen_random_uuid(), 'twice')";
    let refused = zombie.execute(write, &[&tenant]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "RH050");
    zombie.batch_execute("rollback").await.unwrap();
    scene.until_count("tenant.projects where name in ('once', 'twice')", 1).await;
}

#[tokio::test]
async fn whoever_is_lost_at_each_attempt_is_dead_at_last() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let job = chore(&Chore::called("deadly"));
    scene.enqueue(tenant, member, std::slice::from_ref(&job)).await;
    let worker = scene.db.client("rowhouse_worker").await;
    for _ in 0..3 {
        assert_eq!(take(&worker, tenant, 0.0).await.len(), 1);
    }
    assert!(take(&worker, tenant, 0.0).await.is_empty());
    assert_eq!(scene.state(job.id()).await, ("dead".to_owned(), 3, Some("worker_lost".to_owned())));
}

#[tokio::test]
async fn a_job_that_takes_longer_than_its_lease_is_kept_by_signs_of_life() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    // Longer than five sixths of three seconds would be too long for the kind: two of them, one after the other.
    let job = chore(&Chore { ms: 1_900, ..Chore::called("long") });
    scene.enqueue(tenant, member, std::slice::from_ref(&job)).await;
    let working = at_work(&scene.worker(1));
    scene.until(job.id(), "running").await;
    let until = async || -> jiff::Timestamp {
        scene
            .superuser
            .query_one("select lease_until from tenant.jobs where id = $1", &[&job.id()])
            .await
            .unwrap()
            .get(0)
    };
    let first = until().await;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert!(until().await > first, "it was prolonged after a third");
    scene.until(job.id(), "succeeded").await;
    working.finish().await;
}

/// A limit in a subquery that is planned to be asked again for each row would let more through.
#[tokio::test]
async fn whoever_takes_is_given_as_many_as_they_asked_for() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let jobs: Vec<_> = (0..40).map(|n| chore(&Chore::called(&format!("{n}")))).collect();
    scene.enqueue(tenant, member, &jobs).await;
    let worker = scene.db.client("rowhouse_worker").await;
    for left in [30, 20, 10, 0] {
        assert_eq!(take(&worker, tenant, 60.0).await.len(), 10);
        scene.until_count("tenant.jobs where state = 'waiting'", left).await;
    }
    assert!(take(&worker, tenant, 60.0).await.is_empty());
}

#[tokio::test]
async fn what_was_to_be_cancelled_is_when_it_is_given_back() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let deaf = Kinds::builder()
        .with(|_: Chore, _| async {
            tokio::time::sleep(Duration::from_mins(1)).await;
            Ok(serde_json::Value::Null)
        })
        .build();
    let job = chore(&Chore::called("deaf"));
    scene.enqueue(tenant, member, std::slice::from_ref(&job)).await;
    let leaving = at_work(&scene.worker_for(1, deaf, Duration::ZERO));
    scene.until(job.id(), "running").await;
    scene.superuser.execute("update tenant.jobs set cancelling = true where id = $1", &[&job.id()]).await.unwrap();
    leaving.finish().await;
    assert_eq!(scene.state(job.id()).await.0, "cancelled");
}

/// An id is a tenant's, and another tenant's may be the same.
#[tokio::test]
async fn two_tenants_jobs_of_one_id_are_two_jobs() {
    let scene = Scene::set().await;
    let job = chore(&Chore { ms: 300, ..Chore::called("twin") });
    for tenant in [&town().acme, &town().globex] {
        scene.enqueue(tenant.id, &tenant.member, std::slice::from_ref(&job)).await;
    }
    let working = at_work(&scene.worker(4));
    scene.until_count("tenant.jobs where state = 'succeeded' and attempts = 1", 2).await;
    working.finish().await;
    assert_eq!(scene.seen.most.load(std::sync::atomic::Ordering::SeqCst), 2, "both were under way at once");
}

/// One that nobody here can do, and that has long been due, is no reason to come late to one that is due soon.
#[tokio::test]
async fn a_head_sleeps_no_longer_than_until_the_next_job_is_due() {
    let scene = Scene::set().await;
    let (tenant, _) = acme();
    let rows = format!(
        "insert into registry.job_kinds (kind, asks) values ('tests.strange', null);
         insert into tenant.jobs (tenant_id, id, kind, run_at) values
             ('{tenant}', gen_random_uuid(), 'tests.strange', now() - interval '1 hour'),
             ('{tenant}', gen_random_uuid(), 'tests.chore', now() + interval '300 ms')"
    );
    scene.superuser.batch_execute(&rows).await.unwrap();
    let worker = scene.db.client("rowhouse_worker").await;
    assert!(take(&worker, tenant, 60.0).await.is_empty());
    let late =
        "select h.ready_at - j.run_at <= interval '0' from tenant.job_heads h join tenant.jobs j using (tenant_id)
        where j.kind = 'tests.chore'";
    assert!(scene.superuser.query_one(late, &[]).await.unwrap().get::<_, bool>(0));
}
