//! The database away, slow or full; the server told to stop. docs/failures.md says the same in words.
use std::{sync::Arc, time::Duration};

use reqwest::{Method, StatusCode};
use rowhouse::db::API_ROLE;

use crate::support::{Answer, TestApp, TestDb, town, tuning};

async fn list(app: &TestApp) -> Answer {
    app.get("/api/v1/projects", town().acme.owner.id, town().acme.id).await
}

#[tokio::test]
async fn a_database_that_is_away_is_503_and_comes_back_by_itself() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    list(&app).await.expect(200);
    Answer::of(app.request(Method::GET, "/readyz")).await.expect(200);
    // Nobody gets in any more, and whoever is in is thrown out.
    db.outside("alter database {db} allow_connections false").await;
    db.outside("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{db}'").await;
    for _ in 0..3 {
        let refused = list(&app).await;
        refused.problem(503, "database_unavailable");
        assert_eq!(refused.header("retry-after"), "1");
    }
    tokio::time::sleep(Duration::from_millis(1100)).await; // as long as an answer of readyz stands
    Answer::of(app.request(Method::GET, "/readyz")).await.problem(503, "database_unavailable");
    Answer::of(app.request(Method::GET, "/livez")).await.expect(200);
    db.outside("alter database {db} allow_connections true").await;
    list(&app).await.expect(200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    Answer::of(app.request(Method::GET, "/readyz")).await.expect(200);
}

#[tokio::test]
async fn an_exhausted_pool_is_503_and_not_a_hang() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let app = Arc::new(
        TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "2", "--pool-share", "2", "--pool-wait-ms", "200"])).await,
    );
    superuser.batch_execute("begin; lock table tenant.projects in access exclusive mode").await.unwrap();
    let stuck: Vec<_> = (0..2)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { list(&app).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = std::time::Instant::now();
    let refused = list(&app).await;
    refused.problem(503, "pool_exhausted");
    assert_eq!(refused.header("retry-after"), "1");
    assert!(begun.elapsed() < Duration::from_secs(5));
    superuser.batch_execute("commit").await.unwrap();
    for task in stuck {
        task.await.unwrap().expect(200);
    }
    list(&app).await.expect(200);
}

#[tokio::test]
async fn a_lock_or_a_request_that_takes_too_long_is_503() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let patient = TestApp::new(&db).await;
    let hasty = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "1", "--request-ms", "300"])).await;
    superuser.batch_execute("begin; lock table tenant.projects in access exclusive mode").await.unwrap();
    list(&hasty).await.problem(503, "request_timeout");
    // The role's lock_timeout of two seconds, set in sql/bootstrap.sql.
    list(&patient).await.problem(503, "database_timeout");
    superuser.batch_execute("commit").await.unwrap();
    list(&hasty).await.expect(200);
    list(&patient).await.expect(200);
}

#[tokio::test]
async fn requests_under_way_finish_when_the_server_is_told_to_stop() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let app = TestApp::new(&db).await;
    superuser.batch_execute("begin; lock table tenant.projects in access exclusive mode").await.unwrap();
    let request = app.as_user(Method::GET, "/api/v1/projects", town().acme.owner.id, town().acme.id);
    let under_way = tokio::spawn(Answer::of(request));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (client, url) = (app.client.clone(), app.url("/livez"));
    let stopping = tokio::spawn(app.stop());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(client.get(&url).send().await.is_err(), "no new connection is taken");
    superuser.batch_execute("commit").await.unwrap();
    assert_eq!(under_way.await.unwrap().status, StatusCode::OK);
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_does_not_hold_up_the_stop() {
    use tokio::io::AsyncWriteExt as _;
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--grace-ms", "300"])).await;
    let mut half = tokio::net::TcpStream::connect(app.address).await.unwrap();
    half.write_all(b"GET /livez HTTP/1.1\r\nhost: lo").await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), app.stop()).await.expect("it stops");
}
