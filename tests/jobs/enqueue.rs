//! A job is there if the transaction that causes it is committed; and of some there is one at a time.
use std::sync::atomic::Ordering;

use rowhouse::{
    auth::{AuditKey, Keys},
    compose,
    settings::Profile,
    work::Means,
};
use uuid::Uuid;

use super::{Chore, Scene, acme, at_work, chore, enqueue};
use crate::support::{KEYS, tuning};

#[tokio::test]
async fn a_job_is_done_if_what_causes_it_is_committed_and_else_never() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let api = scene.db.client("rowhouse_api").await;
    let (kept, undone) = (chore(&Chore::called("kept")), chore(&Chore::called("undone")));
    enqueue(&api, tenant, member, &[undone], "rollback").await;
    enqueue(&api, tenant, member, std::slice::from_ref(&kept), "commit").await;
    let working = at_work(&scene.worker(2));
    scene.until(kept.id(), "succeeded").await;
    working.finish().await;
    assert_eq!(scene.seen.begun(), ["kept"]);
    let result: serde_json::Value =
        scene.superuser.query_one("select result from tenant.jobs where id = $1", &[&kept.id()]).await.unwrap().get(0);
    assert_eq!(result["name"], "kept");
}

#[tokio::test]
async fn of_a_unique_key_one_waits_and_another_may_come_once_it_has_ended() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let one = || chore(&Chore::called("one")).unique("7");
    let first = one();
    scene.enqueue(tenant, member, &[first.clone(), one(), one()]).await;
    scene.until_count("tenant.jobs", 1).await;
    let working = at_work(&scene.worker(2));
    scene.until(first.id(), "succeeded").await;
    let second = one();
    scene.enqueue(tenant, member, std::slice::from_ref(&second)).await;
    scene.until(second.id(), "succeeded").await;
    working.finish().await;
    assert_eq!(scene.seen.begun().len(), 2);
}

#[tokio::test]
async fn those_of_one_order_are_done_one_after_another_and_others_beside_them() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let jobs: Vec<_> =
        (0..12).map(|n| chore(&Chore { ms: 20, ..Chore::called(&format!("{n}")) }).in_order("letters")).collect();
    scene.enqueue(tenant, member, &jobs).await;
    let working = at_work(&scene.worker(8));
    scene.until_count("tenant.jobs where state = 'succeeded'", 12).await;
    working.finish().await;
    let wanted: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    assert_eq!((scene.seen.begun(), scene.seen.ended()), (wanted.clone(), wanted));
}

#[tokio::test]
async fn what_is_due_later_is_done_then_and_not_before() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(700);
    let (later, sooner) = (chore(&Chore::called("later")).at(then), chore(&Chore::called("sooner")));
    scene.enqueue(tenant, member, std::slice::from_ref(&later)).await;
    let working = at_work(&scene.worker(2));
    scene.enqueue(tenant, member, std::slice::from_ref(&sooner)).await;
    scene.until(sooner.id(), "succeeded").await;
    scene.until(later.id(), "succeeded").await;
    working.finish().await;
    assert!(jiff::Timestamp::now() >= then);
    assert_eq!(scene.seen.begun(), ["sooner", "later"]);
}

/// What a kind may do stands in the database; what it is stands in Rust.
#[tokio::test]
async fn the_kinds_of_the_house_have_the_rights_that_the_database_gives_them() {
    let scene = Scene::set().await;
    let rows = scene
        .superuser
        .query(
            "select kind, permissions, asks, on_behalf from registry.job_kinds where kind !~ '^tests' order by kind collate \"C\"",
            &[],
        )
        .await
        .unwrap();
    let given: Vec<(String, Vec<String>, Option<String>, bool)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    let means = Means::default()
        .with_webhooks(tuning(&[]).webhooks.office(Keys::read(&KEYS).unwrap(), &[], Profile::Production).unwrap())
        .with_audit_key(AuditKey::read(&KEYS).unwrap().unwrap());
    let known: Vec<_> = compose::kinds(&means)
        .rights()
        .into_iter()
        .map(|(kind, may, asks, on_behalf)| {
            let may: Vec<_> = may.iter().map(|may| (*may).to_owned()).collect();
            (kind.to_owned(), may, asks.map(str::to_owned), on_behalf)
        })
        .collect();
    assert_eq!(known, given, "a migration gives a kind its rights, and src/work says them");
}

#[tokio::test]
async fn a_kind_nobody_handles_waits_and_is_in_nobodys_way() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let strange = Uuid::now_v7();
    scene
        .superuser
        .batch_execute(&format!(
            "insert into registry.job_kinds (kind, asks) values ('tests.strange', null);
         insert into tenant.jobs (tenant_id, id, kind, priority) values ('{tenant}', '{strange}', 'tests.strange', 0)"
        ))
        .await
        .unwrap();
    let known = chore(&Chore::called("known"));
    let working = at_work(&scene.worker(2));
    scene.enqueue(tenant, member, std::slice::from_ref(&known)).await;
    scene.until(known.id(), "succeeded").await;
    working.finish().await;
    assert_eq!(scene.state(strange).await, ("waiting".to_owned(), 0, None));
}

/// One of an order that somebody has done once more is no more beside another than it was.
#[tokio::test]
async fn one_that_is_retried_waits_until_none_of_its_order_is_running() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let first = chore(&Chore { never: true, ..Chore::called("first") }).in_order("letters");
    let second = chore(&Chore { ms: 700, ..Chore::called("second") }).in_order("letters");
    scene.enqueue(tenant, member, &[first.clone(), second.clone()]).await;
    let working = at_work(&scene.worker(4));
    scene.until(second.id(), "running").await;
    let retry =
        "update tenant.jobs set state = 'waiting', finished_at = null, attempts = 0 where id = $1 and state = 'dead'";
    assert_eq!(scene.superuser.execute(retry, &[&first.id()]).await.unwrap(), 1);
    scene.until(second.id(), "succeeded").await;
    scene.until(first.id(), "dead").await;
    working.finish().await;
    assert_eq!(scene.seen.begun(), ["first", "second", "first"]);
    assert_eq!(scene.seen.most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_time_that_never_comes_and_attempts_that_nobody_makes_are_no_jobs() {
    let scene = Scene::set().await;
    let (tenant, _) = acme();
    for (column, value, constraint) in [
        ("run_at", "'infinity'", "jobs_run_at_check"),
        ("run_at", "'-infinity'", "jobs_run_at_check"),
        ("attempts", "32767", "jobs_attempts_check"),
    ] {
        let insert = format!(
            "insert into tenant.jobs (tenant_id, id, kind, {column}) values ('{tenant}', gen_random_uuid(), 'tests.chore', {value})"
        );
        let refused = scene.superuser.batch_execute(&insert).await.unwrap_err();
        assert_eq!(refused.as_db_error().unwrap().constraint(), Some(constraint), "{column} {value}");
    }
}
