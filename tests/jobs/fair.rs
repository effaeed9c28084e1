//! Turns: a flood of one tenant's is in nobody else's way, and no wake-up is lost.
use std::sync::atomic::Ordering;

use super::{Chore, Scene, acme, at_work, chore, enqueue};
use crate::support::town;

/// The bound of docs/jobs.md: with S slots, of which one tenant has three in four, and a quantum of 4, whoever comes waits for one turn of each
/// tenant that waits, and for nobody's whole line.
#[tokio::test]
async fn a_flood_of_one_tenant_delays_anothers_job_by_a_turn_and_not_by_its_line() {
    let scene = Scene::set().await;
    let (globex, flooder) = (town().globex.id, &town().globex.member);
    let flood: Vec<_> = (0..400).map(|n| chore(&Chore { ms: 5, ..Chore::called(&format!("flood {n}")) })).collect();
    scene.enqueue(globex, flooder, &flood).await;
    let working = at_work(&scene.worker(4));
    while scene.seen.ended().len() < 20 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let (tenant, member) = acme();
    let one = chore(&Chore::called("one"));
    let before = scene.seen.begun().len();
    scene.enqueue(tenant, member, std::slice::from_ref(&one)).await;
    let at = loop {
        if let Some(at) = scene.seen.begun().iter().position(|name| name == "one") {
            break at;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    };
    working.finish().await;
    assert!(at < before + 100, "{} of the flood came before it", at - before);
    assert!(scene.seen.most.load(Ordering::SeqCst) <= 4);
}

/// Heads fall asleep all the time, since the worker is faster than those who write: each job is done all the same, and soon.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost_while_many_write_and_heads_fall_asleep() {
    let scene = Scene::set().await;
    let workers = [at_work(&scene.worker(8)), at_work(&scene.worker(8))];
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..8 {
        let api = scene.db.client("rowhouse_api").await;
        writers.spawn(async move {
            let (tenant, member) = if n % 2 == 0 { acme() } else { (town().globex.id, &town().globex.member) };
            for k in 0..40 {
                let end = if k % 8 == 7 { "rollback" } else { "commit" };
                enqueue(&api, tenant, member, &[chore(&Chore::called(&format!("{n} {k}")))], end).await;
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    scene.until_count("tenant.jobs where state = 'succeeded'", 8 * 35).await;
    for worker in workers {
        worker.finish().await;
    }
    assert_eq!(scene.seen.begun().len(), 8 * 35, "each once");
}

/// A head that is awake is not written, so one writer's open transaction is in no other writer's way.
#[tokio::test]
async fn those_who_write_jobs_of_one_tenant_do_not_wait_for_one_another() {
    let scene = Scene::set().await;
    let (tenant, member) = acme();
    // Awake from here on.
    scene.enqueue(tenant, member, &[chore(&Chore::called("first"))]).await;
    let (one, other) = (scene.db.client("rowhouse_api").await, scene.db.client("rowhouse_api").await);
    enqueue(&one, tenant, member, &[chore(&Chore::called("open"))], "savepoint still_open").await;
    let beside = [chore(&Chore::called("beside"))];
    let waits = enqueue(&other, tenant, member, &beside, "commit");
    tokio::time::timeout(std::time::Duration::from_secs(1), waits).await.expect("it does not wait");
    one.batch_execute("commit").await.unwrap();
    scene.until_count("tenant.jobs", 3).await;
}
