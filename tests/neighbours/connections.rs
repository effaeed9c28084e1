//! Connections to PostgreSQL, of which each tenant has a share.
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use rowhouse::db::API_ROLE;
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use super::time::slow_searches;
use crate::support::{Answer, Member, TestApp, TestDb, forge, town, tuning};

/// Holds the rows of acme's projects until it is dropped.
async fn hold_projects(db: &TestDb) -> Client {
    let holder = db.superuser().await;
    let acme = town().acme.id;
    holder
        .batch_execute(&format!("begin; select from tenant.projects where tenant_id = '{acme}' for update"))
        .await
        .unwrap();
    holder
}

/// What globex's owner is answered, again and again, until a future is done.
async fn meanwhile(app: &TestApp, until: impl Future<Output = ()>) -> Vec<Answer> {
    let globex = Member::new(app, &town().globex.owner, &town().globex);
    let mut until = Box::pin(until);
    let mut answers = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = &mut until => return answers,
            answer = globex.get("/projects?limit=1") => answers.push(answer),
        }
    }
}

#[tokio::test]
async fn a_tenant_whose_requests_all_wait_for_a_lock_takes_no_connection_from_another() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "4", "--pool-wait-ms", "500"])).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    owner.get("/projects?limit=1").await.expect(200);
    let _held = hold_projects(&db).await;
    let path = format!("/projects/{}", town().acme.projects[0].id);
    let mut crowd = Vec::new();
    let answers = meanwhile(&app, async {
        crowd = join_all((0..16).map(|n| owner.patch(&path, "*", json!({ "description": format!("{n}") })))).await;
    })
    .await;
    // Two of acme's wait for the lock until PostgreSQL gives them up; the others wait for those and are told so.
    let told = |code: &str| crowd.iter().filter(|answer| answer.json()["code"] == code).count();
    assert_eq!((told("database_timeout"), told("tenant_busy")), (2, 14), "{crowd:#?}");
    let busy = crowd.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(busy.header("retry-after"), "1");
    assert!(answers.len() > 10, "globex was answered {} times", answers.len());
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:#?}");
    owner.get("/projects?limit=1").await.expect(200);
}

#[tokio::test]
async fn whoever_only_names_a_tenant_takes_nothing_from_its_share() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "4", "--pool-wait-ms", "300"])).await;
    let globex = Member::new(&app, &town().globex.owner, &town().globex);
    globex.get("/projects?limit=1").await.expect(200);
    // Whoever is asked about waits: a person of acme's who names globex, and made-up keys of globex's.
    let slow = "create or replace function registry.signed_in(within interval default null) returns uuid language plpgsql as $$ \
        begin if current_setting('app.user_id') = '{}' then perform pg_sleep(1.5); end if; \
        return nullif(current_setting('app.user_id'), '')::uuid; end $$";
    db.run(&slow.replace("{}", &town().acme.viewer.id.to_string())).await;
    let stranger = || {
        let token = forge(town().acme.viewer.id, None).sign();
        let named = app.request(Method::GET, "/api/v1/projects").bearer_auth(token);
        Answer::of(named.header("x-tenant-id", town().globex.id.to_string()))
    };
    let answers = meanwhile(&app, async {
        let crowd = join_all((0..12).map(|_| stranger())).await;
        assert!(crowd.iter().all(|answer| answer.status != 200), "{crowd:#?}");
    })
    .await;
    assert!(answers.len() > 10 && answers.iter().all(|answer| answer.status == 200), "{answers:#?}");
}

#[tokio::test]
async fn a_share_may_be_said_and_one_connection_is_enough_for_all() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "1"])).await;
    let (acme, globex) =
        (Member::new(&app, &town().acme.owner, &town().acme), Member::new(&app, &town().globex.owner, &town().globex));
    let both = (0..40).map(|n| if n % 2 == 0 { acme } else { globex });
    let answers = join_all(both.map(|who| async move { who.get("/projects?limit=1").await })).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:#?}");
    let app =
        TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "2", "--pool-share", "2", "--pool-wait-ms", "300"])).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    owner.get("/projects?limit=1").await.expect(200);
    let _held = hold_projects(&db).await;
    let path = format!("/projects/{}", town().acme.projects[0].id);
    let waits = || owner.patch(&path, "*", json!({ "name": Uuid::now_v7().to_string() }));
    let (_, _, third) = tokio::join!(waits(), waits(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        owner.get("/projects?limit=1").await
    });
    third.problem(503, "pool_exhausted");
}

/// Callers who search, and search again, for as long as somebody counts how many connections they have between them, after a
/// while and at most.
async fn searching(db: &TestDb, whose: &[Member<'_>]) -> i64 {
    let search = async |who: Member<'_>| loop {
        who.get("/products/search?q=lamp").await;
    };
    let count = async {
        let mut most = 0;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        for _ in 0..40 {
            let asleep =
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
            most = most.max(db.value::<i64>(asleep).await);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        most
    };
    let crowd = whose.iter().flat_map(|who| (0..8).map(|_| search(*who)));
    tokio::select! {
        most = count => most,
        _ = join_all(crowd) => unreachable!(),
    }
}

#[tokio::test]
async fn whoever_takes_much_has_one_connection_while_others_ask_and_their_whole_share_when_nobody_does() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "8", "--cache-bytes", "0"])).await;
    slow_searches(&db, 0.1).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    assert_eq!(searching(&db, &[owner]).await, 4);
    let mut beside = 0;
    let answers = meanwhile(&app, async { beside = searching(&db, &[owner]).await }).await;
    assert_eq!(beside, 1);
    assert!(answers.len() > 50 && answers.iter().all(|answer| answer.status == 200), "{answers:#?}");
}

#[tokio::test]
async fn whoever_founds_two_tenants_more_takes_no_more_with_all_three_than_leaves_room_for_others() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "8", "--cache-bytes", "0"])).await;
    let mut all = vec![Member::new(&app, &town().acme.owner, &town().acme)];
    for name in ["Acme Two", "Acme Three"] {
        let founding = app.request(Method::POST, "/api/v1/tenants").bearer_auth(forge(all[0].user, None).sign());
        let founding = founding.header("idempotency-key", Uuid::now_v7().to_string()).json(&json!({ "name": name }));
        let founded = Answer::of(founding).await.expect(201).json();
        let mut owner = all[0];
        owner.tenant = founded["id"].as_str().unwrap().parse().unwrap();
        owner.post("/products", crate::support::product(json!({ "name": "Brass lamp" }))).await.expect(201);
        all.push(owner);
    }
    slow_searches(&db, 0.1).await;
    let mut together = 0;
    let answers = meanwhile(&app, async { together = searching(&db, &all).await }).await;
    assert_eq!(together, 2);
    assert!(answers.len() > 50 && answers.iter().all(|answer| answer.status == 200), "{answers:#?}");
}
