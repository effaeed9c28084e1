//! How many requests a tenant may make in a month: counted on every instance, kept in PostgreSQL.
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use rowhouse::db::API_ROLE;

use super::limits::standing;
use crate::support::{Answer, Member, PASSWORD, TestApp, TestDb, forge, town, tuning};

const THIS_MONTH: &str = "month = date_trunc('month', now() at time zone 'UTC')::date";

/// Served by an instance that writes down what it has counted this often.
async fn served(db: &TestDb, every_ms: &str) -> TestApp {
    TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "4", "--meter-ms", every_ms])).await
}

async fn used(db: &TestDb) -> i64 {
    let id = town().acme.id;
    db.value(&format!(
        "select coalesce(sum(requests), 0)::bigint from registry.tenant_usage where tenant_id = '{id}' and {THIS_MONTH}"
    ))
    .await
}

async fn quota(db: &TestDb, requests: &str) {
    db.run(&format!(
        "update registry.tenant_limits set tenant_per_month = {requests} where tenant_id = '{}'",
        town().acme.id
    ))
    .await;
}

#[tokio::test]
async fn a_months_requests_are_counted_kept_and_over_when_they_are_over() {
    let db = TestDb::new().await;
    quota(&db, "20").await;
    let (acme, globex) = (&town().acme, &town().globex);
    let app = served(&db, "50").await;
    let owner = Member::new(&app, &acme.owner, acme);
    for left in (0..20).rev() {
        let answer = owner.get("/projects").await.expect(200);
        let [most, within, remaining, reset] = standing(&answer, "month").unwrap();
        assert_eq!((most, remaining), (20, left));
        assert!((28 * 86_400..=31 * 86_400).contains(&within) && reset <= within, "{answer:?}");
    }
    let refused = owner.get("/projects").await;
    let problem = refused.problem(429, "quota_exceeded");
    assert_eq!(
        problem["detail"],
        "this tenant may make 20 requests a month, and has; the next month begins on the first, UTC"
    );
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    let left: i64 = db
        .value("select extract(epoch from date_trunc('month', now() at time zone 'UTC') + interval '1 month' - now() at time zone 'UTC')::bigint")
        .await;
    assert!((wait - left).abs() < 10, "{wait} {left}");
    assert_eq!(standing(&refused, "month").unwrap()[2], 0);
    // All who act in it, and no other tenant; nor people outside.
    Member::new(&app, &acme.member, acme).get("/projects").await.problem(429, "quota_exceeded");
    Member::new(&app, &globex.owner, globex).get("/projects").await.expect(200);
    let me = app.request(Method::GET, "/api/v1/me").bearer_auth(forge(acme.owner.id, None).sign());
    Answer::of(me).await.expect(200);
    // It is written down, and the next process goes by it.
    app.app.limits.finish(&app.app.db, Duration::from_secs(9)).await;
    assert_eq!(used(&db).await, 20, "what was refused is not counted");
    let next = served(&db, "50").await;
    Member::new(&next, &acme.owner, acme).get("/projects").await.problem(429, "quota_exceeded");
    // More is more, within moments.
    quota(&db, "30").await;
    for tries in 0.. {
        if owner.get("/projects").await.status == 200 {
            break;
        }
        assert!(tries < 100, "it did not hear of it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn that_a_quota_was_raised_is_heard_whoever_was_counted_last() {
    let db = TestDb::new().await;
    quota(&db, "3").await;
    let acme = &town().acme;
    let app = served(&db, "50").await;
    let owner = Member::new(&app, &acme.owner, acme);
    owner.get("/projects").await.expect(200);
    let last = app.sign_in(acme.member.email, PASSWORD).await;
    let of_last = || last.request(Method::GET, "/projects").header("x-tenant-id", acme.id.to_string());
    for _ in 0..2 {
        Answer::of(of_last()).await.expect(200);
    }
    Answer::of(of_last()).await.problem(429, "quota_exceeded");
    db.run("delete from registry.sessions where kind = 'bearer' and id <> user_id").await;
    quota(&db, "1000").await;
    for tries in 0.. {
        if owner.get("/projects").await.status == 200 {
            break;
        }
        assert!(tries < 100, "it did not hear of it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    app.app.limits.finish(&app.app.db, Duration::from_secs(9)).await;
    assert_eq!(used(&db).await, 4);
}

#[tokio::test]
async fn of_four_that_are_left_a_crowd_gets_four() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    let app = served(&db, "60000").await;
    let owner = Member::new(&app, &acme.owner, acme);
    quota(&db, "5").await;
    owner.get("/projects").await.expect(200);
    let answers = join_all((0..20).map(|_| owner.get("/projects"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 4);
}

#[tokio::test]
async fn two_instances_together_count_every_request_once() {
    let db = TestDb::new().await;
    quota(&db, "null").await;
    let acme = &town().acme;
    let instances = [served(&db, "30").await, served(&db, "70").await];
    let mut asked = 0;
    for round in 0..60 {
        let owner = Member::new(&instances[round % 2], [&acme.owner, &acme.member, &acme.viewer][round % 3], acme);
        owner.get("/projects").await.expect(200);
        asked += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for app in &instances {
        app.app.limits.finish(&app.app.db, Duration::from_secs(9)).await;
    }
    assert_eq!(used(&db).await, asked, "what a task was writing just then was waited for");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(used(&db).await, asked);
}

#[tokio::test]
async fn what_could_not_be_written_is_written_later() {
    let db = TestDb::new().await;
    quota(&db, "1000").await;
    let acme = &town().acme;
    let app = served(&db, "50").await;
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    for known in [owner, member] {
        known.get("/projects").await.expect(200);
    }
    // The table is held, for longer than a statement waits; and whoever was counted last is thrown out.
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; lock table registry.tenant_usage").await.unwrap();
    for _ in 0..5 {
        member.get("/projects").await.expect(200);
    }
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let (tenant, out) = (acme.id, acme.member.id);
    let leave = format!("delete from tenant.memberships where tenant_id = '{tenant}' and user_id = '{out}'; commit");
    superuser.batch_execute(&leave).await.unwrap();
    app.app.limits.finish(&app.app.db, Duration::from_secs(9)).await;
    assert_eq!(used(&db).await, 7, "another of those who asked lately has written it");
}

#[tokio::test]
async fn the_door_counts_for_whoever_may_ask_and_takes_nothing_back() {
    let db = TestDb::new().await;
    let api = db.api().await;
    let acme = &town().acme;
    let meter = async |requests: &str| {
        let begin = format!(
            "begin; set local app.tenant_id = '{}'; set local app.user_id = '{2}'; set local app.session_id = '{2}'; {1}",
            acme.id,
            format_args!("select registry.meter({requests})"),
            acme.owner.id
        );
        let ended = api.batch_execute(&begin).await;
        api.batch_execute("commit").await.unwrap();
        ended.map_err(|error| error.code().unwrap().code().to_owned())
    };
    meter("5").await.unwrap();
    meter("0").await.unwrap();
    assert_eq!(used(&db).await, 5);
    for wrong in ["-1", "null", "1000000001"] {
        assert_eq!(meter(wrong).await, Err("22003".to_owned()), "{wrong}");
    }
    assert_eq!(used(&db).await, 5);
    for statement in [
        "select from registry.tenant_usage",
        "update registry.tenant_usage set requests = 0",
        "select from registry.tenant_limits",
        "delete from registry.tenant_limits",
        "select registry.platform_limit('limits.tenant_per_month', 1)",
    ] {
        let refused = api.batch_execute(statement).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{statement}");
    }
}
