//! `rowhouse worker` and `rowhouse jobs`, as a deployment runs them: told to go, killed, and looked after.
use std::{process::Child, time::Duration};

use rowhouse::db::WORKER_ROLE;
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{rowhouse, run, signal};
use crate::support::{KEYS, TestDb, town};

fn worker(db: &TestDb, role: &str) -> std::process::Command {
    let mut command = rowhouse();
    command
        .args(["worker", "--job-lease-seconds", "3", "--worker-grace-ms", "500"])
        .env("WORKER_DATABASE_URL", db.url(role))
        .env("ROWHOUSE_KEYS", &*KEYS);
    command
}

fn start(db: &TestDb) -> Child {
    worker(db, WORKER_ROLE).spawn().unwrap()
}

/// One job that forgets, and one that ended long ago.
async fn prepare(superuser: &Client) -> [Uuid; 2] {
    let [job, old] = [(); 2].map(|()| Uuid::now_v7());
    let acme = town().acme.id;
    let rows = format!(
        "delete from tenant.jobs;
         insert into tenant.jobs (tenant_id, id, kind, state, finished_at) values ('{acme}', '{old}', 'jobs.forget', 'succeeded', now() - interval '1 year');
         insert into tenant.jobs (tenant_id, id, kind, payload, max_attempts) values ('{acme}', '{job}', 'jobs.forget', '{{\"days\": 30}}', 5)"
    );
    superuser.batch_execute(&rows).await.unwrap();
    [job, old]
}

async fn until(superuser: &Client, job: Uuid, wanted: &str) -> i16 {
    let mut state = String::new();
    for _ in 0..1_500 {
        let row = superuser.query_one("select state, attempts from tenant.jobs where id = $1", &[&job]).await.unwrap();
        state = row.get(0);
        if state == wanted {
            return row.get(1);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is {state}, not {wanted}");
}

#[tokio::test]
async fn a_worker_that_is_killed_loses_nothing_and_one_that_is_told_to_go_goes_in_order() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let [job, old] = prepare(&superuser).await;
    // Held up, so that it is killed half-way.
    let holder = db.superuser().await;
    holder.batch_execute(&format!("begin; select from tenant.jobs where id = '{old}' for update")).await.unwrap();
    let mut killed = start(&db);
    until(&superuser, job, "running").await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    holder.batch_execute("rollback").await.unwrap();
    let mut next = start(&db);
    assert_eq!(until(&superuser, job, "succeeded").await, 2, "its lease ran out, and another did it");
    let result: Value =
        superuser.query_one("select result from tenant.jobs where id = $1", &[&job]).await.unwrap().get(0);
    assert_eq!(result["forgotten"], 1);
    signal(next.id(), "-TERM");
    assert!(next.wait().unwrap().success());
}

#[tokio::test]
async fn a_worker_refuses_to_be_anybody_else() {
    let db = TestDb::new().await;
    for role in ["rowhouse_migrator", "postgres", "rowhouse_api"] {
        let (code, _, why) = run(&mut worker(&db, role));
        assert_eq!(code, Some(2), "{role}");
        assert!(why.contains("refusing to work") && why.contains(role), "{why}");
    }
    let mut production = worker(&db, WORKER_ROLE);
    let (code, _, why) =
        run(production.env("WORKER_DATABASE_URL", "postgresql://rowhouse_worker:change-me-worker@localhost/x"));
    assert!(code == Some(2) && why.contains("WORKER_DATABASE_URL has a password that begins with change-me"), "{why}");
}

#[tokio::test]
async fn whoever_runs_the_platform_looks_after_jobs_from_a_terminal() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let [job, old] = prepare(&superuser).await;
    let jobs = |arguments: &[&str]| {
        let mut command = rowhouse();
        command.args(["jobs", "--json"]).args(arguments).env("MIGRATE_DATABASE_URL", db.url("rowhouse_migrator"));
        let (code, out, why) = run(&mut command);
        (code.unwrap(), out.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>(), why)
    };
    let (job, old) = (job.to_string(), old.to_string());
    let listed = jobs(&["list", "--state", "waiting", "--tenant", "acme"]).1;
    assert_eq!((listed.len(), listed[0]["id"].as_str()), (1, Some(job.as_str())));
    assert!(listed[0].get("payload").is_none(), "what it is about is the worker's");
    assert_eq!(jobs(&["list", "--tenant", "globex"]).1.len(), 0);
    assert_eq!(jobs(&["show", &old]).1[0]["state"], "succeeded");
    for (verb, state) in [("cancel", "cancelled"), ("retry", "waiting"), ("discard", "discarded"), ("retry", "waiting")]
    {
        assert_eq!(jobs(&[verb, &job]).1[0]["state"], state, "{verb}");
    }
    for verb in ["retry", "discard", "cancel"] {
        let (code, _, why) = jobs(&[verb, &old]);
        assert!(code == 2 && why.contains("is succeeded, and would have to be"), "{verb}: {why}");
    }
    let nowhere = Uuid::now_v7().to_string();
    assert!(jobs(&["show", &nowhere]).2.contains("there is no job"));
    assert!(jobs(&["list", "--state", "lost"]).2.contains("lost is no state"));
    // It is asked to stop where it runs.
    let running = "update tenant.jobs set state = 'running', lease = gen_random_uuid(), lease_until = now() + interval '1 minute' where id = $1::text::uuid";
    superuser.execute(running, &[&job]).await.unwrap();
    assert_eq!(jobs(&["cancel", &job]).1[0]["cancelling"], true);
    assert_eq!(jobs(&["retry", &job]).0, 2);
}
