//! Turns: a flood of one tenant's is in nobody else's way, and no wake-up is lost.
use std::{sync::atomic::Ordering, time::Duration};

use rowhouse::jobs::{Job, NewJob};

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

/// Whatever is wrong with one tenant's jobs is no reason for others to wait: whose jobs could not be taken is passed over for a while.
#[tokio::test]
async fn a_tenant_of_whom_nothing_can_be_taken_has_no_turn_for_each_of_anothers() {
    let scene = Scene::set().await;
    let broken = format!(
        "create function registry.broken() returns trigger language plpgsql as
             $$ begin raise exception 'broken' using errcode = '22003'; end $$;
         create trigger broken before update on tenant.jobs for each row when (new.tenant_id = '{globex}')
             execute function registry.broken();
         create table registry.turns (at timestamptz default now()); grant insert on registry.turns to public;
         create function registry.count_turn() returns trigger language plpgsql as
             $$ begin insert into registry.turns default values; return null; end $$;
         create trigger count_turn after update on tenant.job_heads for each row
             when (new.tenant_id = '{globex}' and old.ready_at <= now()) execute function registry.count_turn()",
        globex = town().globex.id
    );
    scene.superuser.batch_execute(&broken).await.unwrap();
    let theirs = chore(&Chore::called("theirs"));
    scene.enqueue(town().globex.id, &town().globex.member, std::slice::from_ref(&theirs)).await;
    let (tenant, member) = acme();
    let jobs: Vec<_> = (0..160).map(|n| chore(&Chore::called(&format!("{n}")))).collect();
    scene.enqueue(tenant, member, &jobs).await;
    let working = at_work(&scene.worker(4));
    scene.until_count("tenant.jobs where state = 'succeeded'", 160).await;
    working.finish().await;
    assert_eq!(scene.state(theirs.id()).await, ("waiting".to_owned(), 0, None));
    let turns: i64 = scene.superuser.query_one("select count(*) from registry.turns", &[]).await.unwrap().get(0);
    assert!((1..12).contains(&turns), "{turns} turns in vain, for some fifty of the other's");
}

/// What is long has few slots: whoever waits for one comes before the next of whoever has had it, and what is short waits for none.
#[tokio::test]
async fn one_tenants_long_jobs_delay_anothers_by_one_of_them() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Long {
        name: String,
    }
    impl Job for Long {
        const KIND: &'static str = "tests.long";
        const PERMISSIONS: &'static [&'static str] = &[];
        const ASKS: Option<&'static str> = None;
        const LONG: bool = true;
    }
    let scene = Scene::set().await;
    scene.superuser.batch_execute("insert into registry.job_kinds (kind) values ('tests.long')").await.unwrap();
    let seen = scene.seen.clone();
    let kinds = rowhouse::jobs::Kinds::builder()
        .with(move |long: Long, _| {
            let seen = seen.clone();
            async move {
                seen.begun.lock().unwrap().push(long.name);
                let at_once = seen.at_once.fetch_add(1, Ordering::SeqCst) + 1;
                seen.most.fetch_max(at_once, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(250)).await;
                seen.at_once.fetch_sub(1, Ordering::SeqCst);
                Ok(serde_json::json!({}))
            }
        })
        .build();
    let long = |name: &str| NewJob::new(&Long { name: name.to_owned() }).unwrap().in_order("long");
    // One slot of four for what is long.
    let working = at_work(&scene.worker_for(4, kinds, Duration::from_secs(5)));
    let (globex, flooder) = (town().globex.id, &town().globex.member);
    scene.enqueue(globex, flooder, &(0..20).map(|n| long(&format!("flood {n}"))).collect::<Vec<_>>()).await;
    while scene.seen.begun().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (tenant, member) = acme();
    scene.enqueue(tenant, member, &[long("one")]).await;
    let at = loop {
        if let Some(at) = scene.seen.begun().iter().position(|name| name == "one") {
            break at;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    working.finish().await;
    // The one that runs, and where the look came just too late or the machine is busy, a few more; never the line.
    assert!(at <= 8, "{at} of the flood came before it");
    assert_eq!(scene.seen.most.load(Ordering::SeqCst), 1);
}
