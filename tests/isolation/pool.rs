//! What one borrower of a pooled connection leaves for the next: nothing, however the first one ended.
use std::{collections::HashSet, sync::Mutex, time::Duration};

use axum::{Router, routing::get};
use reqwest::{Method, StatusCode};
use rowhouse::{
    Result,
    app::App,
    auth::Tenant,
    db::{FromRow, Sql},
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{names, number};
use crate::support::{Answer, TenantFixture, TestApp, TestDb, Way, both_ways, forge, town};

both_ways! {
    #[tokio::test]
    a_borrower_that_ends_badly_leaves_nothing_to_the_next;
    #[tokio::test]
    refusals_cost_no_connection;
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    sixty_four_borrowers_of_two_tenants_share_four_connections;
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    cancelled_requests_and_killed_backends_mix_up_nobody;
    #[tokio::test]
    a_request_cancelled_while_it_waits_for_a_lock_leaves_the_pool_usable;
}

/// What a borrower finds: which backend, which tenant, how many rows, whether in a transaction of its own.
const LOOK: Sql = Sql::file(
    "test/look",
    "select pg_backend_pid() as pid, current_setting('app.tenant_id') as tenant, $1::uuid as bound,
            (select count(*) from tenant.projects) as rows,
            (select count(*) from tenant.projects where tenant_id <> current_setting('app.tenant_id')::uuid) as foreign",
);
const RENAME: Sql = Sql::file(
    "test/rename",
    "update tenant.projects set name = 'unfinished ' || name where tenant_id = $1 returning pg_backend_pid() as pid",
);
const FAIL: Sql = Sql::file("test/fail", "select 1 / (case when $1::uuid is null then 1 else 0 end) as pid");

struct Look {
    pid: i32,
    tenant: String,
    bound: Uuid,
    rows: i64,
    foreign: i64,
}

impl FromRow for Look {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            pid: row.try_get("pid")?,
            tenant: row.try_get("tenant")?,
            bound: row.try_get("bound")?,
            rows: row.try_get("rows")?,
            foreign: row.try_get("foreign")?,
        })
    }
}

struct Pid(i32);
impl FromRow for Pid {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(row.try_get("pid")?))
    }
}

/// Backends whose borrower ended in the middle of a transaction: nobody else is to have one of them.
static THROWN_AWAY: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn is_thrown_away(written: &[Pid]) {
    THROWN_AWAY.lock().unwrap().push(written[0].0.to_string());
}

/// A well-behaved borrower: says which backend it had, and fails when it finds anything of others.
async fn look(tenant: Tenant) -> Result<String> {
    let mut conn = tenant.reads().await?;
    let found: Look = conn.read().last().one(LOOK, &[]).await?;
    assert_eq!(found.tenant, tenant.id().as_uuid().to_string());
    assert_eq!(found.bound, tenant.id().as_uuid());
    assert_eq!((found.rows > 0, found.foreign), (true, 0));
    Ok(found.pid.to_string())
}

/// Borrowers that end badly, each in the middle of a transaction that has written.
async fn panics(tenant: Tenant) -> Result<String> {
    let mut conn = tenant.writes().await?;
    let mut tx = conn.write();
    is_thrown_away(&tx.all(RENAME, &[]).await?);
    panic!("in the middle of a transaction");
}

async fn forgets(tenant: Tenant) -> Result<String> {
    let mut conn = tenant.writes().await?;
    let mut tx = conn.write();
    let written: Vec<Pid> = tx.all(RENAME, &[]).await?;
    is_thrown_away(&written);
    Ok(written[0].0.to_string())
}

async fn dawdles(tenant: Tenant) -> Result<String> {
    let mut conn = tenant.writes().await?;
    let mut tx = conn.write();
    is_thrown_away(&tx.all(RENAME, &[]).await?);
    tokio::time::sleep(Duration::from_hours(1)).await;
    tx.commit().await?;
    Ok(String::new())
}

async fn fails(tenant: Tenant) -> Result<String> {
    let mut conn = tenant.writes().await?;
    let mut tx = conn.write();
    let _: Vec<Pid> = tx.all(RENAME, &[]).await?;
    let error = tx.all::<Pid>(FAIL, &[]).await.map(drop).unwrap_err();
    // Whoever goes on after that is refused, and what was written is gone.
    assert!(tx.all::<Pid>(RENAME, &[]).await.is_err());
    assert!(tx.commit().await.is_err());
    Err(error.into())
}

/// Forgets a transaction and begins another on the same connection, whose commit would commit both.
async fn reuses(tenant: Tenant) -> Result<String> {
    let mut conn = tenant.writes().await?;
    let mut forgotten = conn.write();
    is_thrown_away(&forgotten.all(RENAME, &[]).await?);
    drop(forgotten);
    let found: Look = conn.write().last().one(LOOK, &[]).await?;
    Ok(found.pid.to_string())
}

/// Loses patience with a statement and commits as if it had been answered.
async fn hurries(tenant: Tenant) -> Result<String> {
    let mut conn = tenant.writes().await?;
    // Once in peace, so that the next time it is sent at once.
    let mut tx = conn.write();
    let _: Vec<Pid> = tx.all(RENAME, &[]).await?;
    tx.rollback().await?;
    let mut tx = conn.write();
    let mut sent = Box::pin(tx.all::<Pid>(RENAME, &[]));
    assert!(futures_util::poll!(&mut sent).is_pending(), "no statement is that fast");
    tokio::time::sleep(Duration::from_millis(20)).await; // it is on its way, and nobody waits for the answer
    drop(sent);
    tx.commit().await?;
    Ok("committed".to_owned())
}

fn routes() -> Router<App> {
    Router::new()
        .route("/look", get(look))
        .route("/panics", get(panics))
        .route("/forgets", get(forgets))
        .route("/dawdles", get(dawdles))
        .route("/fails", get(fails))
        .route("/reuses", get(reuses))
        .route("/hurries", get(hurries))
}

async fn ask(app: &TestApp, path: &str, tenant: &TenantFixture) -> Answer {
    app.get(path, tenant.owner.id, tenant.id).await
}

async fn a_borrower_that_ends_badly_leaves_nothing_to_the_next(way: Way) {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let before = super::fingerprint(&superuser, town().acme.id).await;
    // One connection: the next borrower is certain to get what the last one left.
    let app = TestApp::extended(way, &db, "1", routes()).await;
    for bad in ["/panics", "/forgets", "/dawdles", "/fails", "/reuses", "/hurries"] {
        let first = ask(&app, "/look", &town().acme).await.expect(200).text;
        let ended = app.as_user(Method::GET, bad, town().acme.owner.id, town().acme.id);
        // Only the one that dawdles is to be left waiting; a busy machine may make the others wait as well.
        let patience = if bad == "/dawdles" { 300 } else { 10_000 };
        let ended = ended.timeout(Duration::from_millis(patience)).send().await;
        match (bad, ended) {
            ("/forgets", Ok(answer)) => {
                assert!(answer.text().await.unwrap().parse::<i32>().is_ok(), "it had a connection");
            }
            ("/fails" | "/reuses" | "/hurries" | "/panics", Ok(answer)) => {
                assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
            }
            (_, Err(_)) => {}
            (_, Ok(answer)) => panic!("{bad} answered {}", answer.status()),
        }
        let next = ask(&app, "/look", &town().globex).await.expect(200).text;
        // A pooler in between has other backends to give, and gives whichever it likes.
        match (bad, way) {
            ("/fails", Way::Direct) => assert_eq!(next, first, "{bad}: rolled back in order, so the connection stays"),
            (_, Way::Direct) => assert_ne!(next, first, "{bad}: the connection was thrown away"),
            _ => {}
        }
        assert!(!THROWN_AWAY.lock().unwrap().contains(&next), "{bad}: the connection was thrown away");
        assert_eq!(super::fingerprint(&superuser, town().acme.id).await, before, "{bad}: nothing was written");
        let open = "select count(*) from pg_stat_activity where datname = current_database() and usename = 'rowhouse_api' and state like 'idle in%'";
        let mut left = 1;
        for _ in 0..250 {
            left = number(&superuser, open).await;
            if left == 0 {
                break; // the server has heard that the connection is closed
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(left, 0, "{bad}: no transaction is left open");
    }
}

async fn refusals_cost_no_connection(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::extended(way, &db, "1", routes()).await;
    let acme = &town().acme;
    let first = ask(&app, "/look", acme).await.expect(200).text;
    let nobody = forge(town().nowhere, None).sign();
    for _ in 0..3 {
        Answer::of(app.request(Method::GET, "/api/v1/me").bearer_auth(&nobody)).await.problem(401, "session_ended");
        app.get("/api/v1/projects", acme.owner.id, town().globex.id).await.problem(403, "not_a_member");
        let taken = serde_json::json!({ "name": acme.projects[0].name });
        let taken = app.as_user(Method::POST, "/api/v1/projects", acme.owner.id, acme.id).json(&taken);
        Answer::of(taken).await.problem(409, "conflict");
    }
    let last = ask(&app, "/look", acme).await.expect(200).text;
    // A pooler in between gives whichever of its backends it likes.
    if matches!(way, Way::Direct) {
        assert_eq!(last, first, "whoever is refused makes nobody reconnect");
    }
}

#[tokio::test]
async fn a_stale_plan_is_made_again_and_costs_nobody_a_connection() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let app = TestApp::extended(Way::Direct, &db, "1", routes()).await;
    let acme = &town().acme;
    // A column changes its type under a prepared statement.
    ask(&app, "/api/v1/projects", acme).await.expect(200);
    let first = ask(&app, "/look", acme).await.expect(200).text;
    superuser
        .batch_execute("alter table tenant.projects alter column name type varchar(200) collate \"C\"")
        .await
        .unwrap();
    ask(&app, "/api/v1/projects", acme).await.expect(200);
    assert_eq!(ask(&app, "/look", acme).await.expect(200).text, first);
}

async fn sixty_four_borrowers_of_two_tenants_share_four_connections(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::extended(way, &db, "4", routes()).await;
    let app = std::sync::Arc::new(app);
    let tasks = (0..64).map(|task| {
        let app = app.clone();
        tokio::spawn(async move {
            let mut pids = HashSet::new();
            for turn in 0..6 {
                let tenants = [&town().acme, &town().globex];
                let (own, other) = (tenants[(task + turn) % 2], tenants[(task + turn + 1) % 2]);
                pids.insert(ask(&app, "/look", own).await.expect(200).text);
                let list = ask(&app, "/api/v1/projects?limit=200", own).await.expect(200).json();
                let ids: Vec<&str> =
                    list["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
                let expected: Vec<String> = own.projects.iter().map(|row| row.id.to_string()).collect();
                assert_eq!(ids, expected);
                let foreign = format!("/api/v1/projects/{}", other.projects[0].id);
                ask(&app, &foreign, own).await.problem(404, "not_found");
            }
            pids
        })
    });
    let mut pids = HashSet::new();
    for task in tasks.collect::<Vec<_>>() {
        pids.extend(task.await.unwrap());
    }
    assert!((1..=4).contains(&pids.len()), "four connections served them all: {pids:?}");
}

async fn cancelled_requests_and_killed_backends_mix_up_nobody(way: Way) {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let app = std::sync::Arc::new(TestApp::extended(way, &db, "4", routes()).await);
    let tasks: Vec<_> = (0..32_u64)
        .map(|task| {
            let app = app.clone();
            tokio::spawn(async move {
                let mut served = 0;
                for turn in 0..12_u64 {
                    let own = if (task + turn) % 2 == 0 { &town().acme } else { &town().globex };
                    let token = forge(own.owner.id, Some(own.id)).sign();
                    let request = app.request(Method::GET, "/api/v1/projects?limit=200").bearer_auth(token);
                    // Some callers hang up after a few milliseconds, in whichever phase that finds them.
                    let patience =
                        if turn % 3 == 0 { Duration::from_millis(1 + task % 7) } else { Duration::from_secs(20) };
                    let Ok(answer) = request.timeout(patience).send().await else { continue };
                    let status = answer.status();
                    let Ok(text) = answer.text().await else { continue };
                    if status == StatusCode::SERVICE_UNAVAILABLE {
                        continue; // the backend was killed under it
                    }
                    assert_eq!(status, StatusCode::OK, "{text}");
                    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(list["items"].as_array().unwrap().len(), own.projects.len());
                    assert!(
                        list["items"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .zip(&own.projects)
                            .all(|(row, own)| row["id"] == own.id.to_string())
                    );
                    served += 1;
                }
                served
            })
        })
        .collect();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        let kill = "select pg_terminate_backend(pid)::text from pg_stat_activity
            where usename = 'rowhouse_api' and datname = current_database() limit 2";
        names(&superuser, kill).await;
    }
    let mut served = 0;
    for task in tasks {
        served += task.await.unwrap();
    }
    assert!(served > 100, "most were served: {served}");
    // And it is as if nothing had happened.
    for tenant in [&town().acme, &town().globex] {
        for _ in 0..8 {
            let answer = ask(&app, "/look", tenant).await;
            assert!([200, 503].contains(&answer.status.as_u16()), "{answer:?}");
        }
        ask(&app, "/look", tenant).await.expect(200);
    }
}

async fn a_request_cancelled_while_it_waits_for_a_lock_leaves_the_pool_usable(way: Way) {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let app = TestApp::extended(way, &db, "2", routes()).await;
    superuser.batch_execute("begin; lock table tenant.projects in access exclusive mode").await.unwrap();
    for _ in 0..4 {
        let stuck = app.as_user(Method::GET, "/api/v1/projects", town().acme.owner.id, town().acme.id);
        let stuck = stuck.timeout(Duration::from_millis(150)).send().await;
        assert!(stuck.is_err(), "it waits for the lock");
    }
    superuser.batch_execute("commit").await.unwrap();
    for tenant in [&town().globex, &town().acme, &town().globex] {
        ask(&app, "/look", tenant).await.expect(200);
    }
}
