//! What becomes of a job that fails, panics, takes too long, is cancelled, or is not understood.
use std::time::Duration;

use rowhouse::jobs::{Failed, Kinds};
use serde_json::json;
use uuid::Uuid;

use super::{Chore, Scene, acme, at_work, chore};

#[tokio::test]
async fn what_fails_is_tried_again_as_its_kind_says_and_then_is_dead() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let [twice, always, panics, never] = [
        Chore { fails: 2, ..Chore::called("twice") },
        Chore { fails: 9, ..Chore::called("always") },
        Chore { panics: true, ..Chore::called("panics") },
        Chore { never: true, ..Chore::called("never") },
    ]
    .map(|what| chore(&what));
    scene.enqueue(tenant, member, &[twice.clone(), always.clone(), panics.clone(), never.clone()]).await;
    let working = at_work(&scene.worker(8));
    assert_eq!(scene.until(twice.id(), "succeeded").await, (3, None));
    assert_eq!(scene.until(always.id(), "dead").await, (3, Some("not_yet".to_owned())));
    assert_eq!(scene.until(panics.id(), "dead").await, (3, Some("panicked".to_owned())));
    assert_eq!(scene.until(never.id(), "dead").await, (1, Some("hopeless".to_owned())));
    working.finish().await;
}

#[tokio::test]
async fn a_payload_of_an_older_version_is_read_as_one_of_now_and_one_nobody_reads_is_dead_and_says_why() {
    let scene = Scene::set().await;
    let (tenant, _) = acme();
    let [old, older, broken] = [(1_i16, json!({ "called": "old" })), (0, json!({})), (2, json!({ "name": 7 }))];
    let mut ids = Vec::new();
    for (version, payload) in [old, older, broken] {
        let id = Uuid::now_v7();
        // Version 0 cannot be written: the oldest there is stands for it.
        let insert = "insert into tenant.jobs (tenant_id, id, kind, payload, payload_version, max_attempts) values ($1, $2, 'tests.chore', $3, $4, 3)";
        let version = version.max(1);
        let payload = if ids.len() == 1 { json!({ "called": null }) } else { payload };
        scene.superuser.execute(insert, &[&tenant, &id, &payload, &version]).await.unwrap();
        ids.push(id);
    }
    let working = at_work(&scene.worker(2));
    assert_eq!(scene.until(ids[0], "succeeded").await, (1, None));
    for id in &ids[1..] {
        assert_eq!(scene.until(*id, "dead").await, (1, Some("payload_unreadable".to_owned())));
    }
    working.finish().await;
    assert_eq!(scene.seen.begun(), ["old"]);
}

#[tokio::test]
async fn what_takes_too_long_is_stopped_and_tried_again() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let slow = chore(&Chore { ms: 60_000, ..Chore::called("slow") });
    scene.enqueue(tenant, member, std::slice::from_ref(&slow)).await;
    let working = at_work(&scene.worker(2));
    let timed_out = async {
        while scene.state(slow.id()).await.2.as_deref() != Some("timed_out") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), timed_out).await.expect("two seconds are over");
    working.stop.cancel();
    working.run.await.unwrap();
}

#[tokio::test]
async fn what_is_cancelled_while_it_runs_is_told_and_ends_so() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let slow = chore(&Chore { ms: 1_900, ..Chore::called("slow") });
    scene.enqueue(tenant, member, std::slice::from_ref(&slow)).await;
    let working = at_work(&scene.worker(2));
    scene.until(slow.id(), "running").await;
    scene.superuser.execute("update tenant.jobs set cancelling = true where id = $1", &[&slow.id()]).await.unwrap();
    assert_eq!(scene.until(slow.id(), "cancelled").await.0, 1);
    working.finish().await;
    assert!(scene.seen.ended().is_empty(), "it was stopped half-way");
}

#[tokio::test]
async fn an_effect_is_committed_with_the_end_of_its_job() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let writes = chore(&Chore { writes: true, ..Chore::called("A project of a job's") });
    scene.enqueue(tenant, member, std::slice::from_ref(&writes)).await;
    let working = at_work(&scene.worker(2));
    scene.until(writes.id(), "succeeded").await;
    working.finish().await;
    scene.until_count("tenant.projects where name = 'A project of a job''s'", 1).await;
}

#[tokio::test]
async fn a_tenant_that_is_suspended_has_its_jobs_wait_and_loses_none() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let job = chore(&Chore::called("waits"));
    scene.enqueue(tenant, member, std::slice::from_ref(&job)).await;
    let status = async |status: &str| {
        scene
            .superuser
            .execute("update registry.tenants set status = $1 where id = $2", &[&status, &tenant])
            .await
            .unwrap();
    };
    status("suspended").await;
    let working = at_work(&scene.worker(2));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(scene.state(job.id()).await.0, "waiting");
    status("active").await;
    scene.until(job.id(), "succeeded").await;
    working.finish().await;
}

#[tokio::test]
async fn an_outcome_that_postgresql_refuses_ends_the_job_and_keeps_no_slot() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    let kinds = Kinds::builder()
        .with(|chore: Chore, _| async move {
            match &*chore.name {
                "long" => Ok(json!({ "text": "x".repeat(70_000) })),
                "null" => Ok(json!({ "text": "\u{0}" })),
                "text" => Err(Failed::never("hopeless", "of \u{0} signs".to_owned())),
                "code" => Err(Failed::never("No Code", "fine".to_owned())),
                _ => Ok(json!({})),
            }
        })
        .build();
    let [long, null, text, code, fine] =
        ["long", "null", "text", "code", "fine"].map(|name| chore(&Chore::called(name)));
    let all = [long.clone(), null.clone(), text.clone(), code.clone(), fine.clone()];
    scene.enqueue(tenant, member, &all).await;
    // One after another: whoever kept the slot would have the others wait for ever.
    let working = at_work(&scene.worker_for(1, kinds, Duration::from_secs(5)));
    for job in [&long, &null, &code] {
        assert_eq!(scene.until(job.id(), "dead").await, (1, Some("outcome_refused".to_owned())));
    }
    assert_eq!(scene.until(text.id(), "dead").await, (1, Some("hopeless".to_owned())));
    scene.until(fine.id(), "succeeded").await;
    working.finish().await;
}
