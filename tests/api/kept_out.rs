//! Nobody keeps somebody else from signing in: not by guessing, and not by having passwords hashed.
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use rowhouse::config::API_ROLE;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestApp, TestDb, town, tuning};

/// Served behind a proxy, so that tests say where they come from.
async fn start(db: &TestDb) -> TestApp {
    TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "4", "--trusted-proxies", "1"])).await
}

async fn login(app: &TestApp, from: &str, password: &str) -> Answer {
    let body = json!({ "email": town().acme.owner.email, "password": password });
    Answer::of(app.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", from).json(&body)).await
}

#[tokio::test]
async fn guesses_from_one_network_keep_nobody_waiting_who_comes_from_another() {
    let db = TestDb::new().await;
    let app = start(&db).await;
    for round in 0..6 {
        for _ in 0..3 {
            login(&app, "203.0.113.7", "wrong").await.problem(401, "wrong_credentials");
        }
        let asked = Instant::now();
        login(&app, "198.51.100.1", PASSWORD).await.expect(200);
        assert!(asked.elapsed() < Duration::from_secs(5), "round {round}");
    }
    // Whoever guesses is kept waiting all the same.
    db.run("update registry.attempts set blocked_until = now() + interval '10 minutes' where failures >= 5 and failures < 18").await;
    login(&app, "203.0.113.7", PASSWORD).await.problem(401, "wrong_credentials");
    login(&app, "198.51.100.1", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn guesses_from_everywhere_put_the_owner_off_for_seconds_and_refuse_nobody_for_long() {
    let db = TestDb::new().await;
    let app = start(&db).await;
    let guess = async |n: usize| login(&app, &format!("203.0.113.{n}"), "wrong").await;
    for guess in join_all((1..=28).map(guess)).await {
        guess.problem(401, "wrong_credentials");
    }
    let asked = Instant::now();
    login(&app, "198.51.100.1", PASSWORD).await.expect(200);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    // It has forgotten them all, and whoever comes next waits for nobody.
    let account = "select count(*) from registry.attempts where subject = sha256('login account owner@acme.example')";
    assert_eq!(db.value::<i64>(account).await, 0);

    // Their turns are a second apart, and put off by five seconds at most: more are not counted, so that whatever
    // they try it is a matter of seconds.
    let far = "insert into registry.attempts (subject, failures, last_at, blocked_until)
        values (sha256('login account owner@acme.example'), 1000, now(), now() + interval '10 minutes')";
    db.run(far).await;
    for n in 1..=5 {
        login(&app, &format!("203.0.113.{n}"), "wrong").await.problem(401, "wrong_credentials");
    }
    let turn = "select failures = 1000 and blocked_until <= now() + interval '10 minutes' from registry.attempts
        where subject = sha256('login account owner@acme.example')";
    assert!(db.value::<bool>(turn).await);
    db.run("update registry.attempts set blocked_until = now() + interval '3 seconds' where failures = 1000").await;
    login(&app, "198.51.100.1", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn what_is_counted_of_ones_own_account_is_told_and_keeps_nobody_else_waiting() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let (me, other) = (app.sign_in(acme.owner.email, PASSWORD).await, app.sign_in(acme.member.email, PASSWORD).await);
    for (method, path, body, free) in [
        (Method::PUT, "/me/password", json!({ "password": PASSWORD }), 10),
        (Method::POST, "/me/email", json!({ "email": "new@new.example" }), 10),
        (Method::POST, "/me/totp", Value::Null, 30),
        (Method::POST, "/me/totp/confirm", json!({ "code": "000000" }), 30),
        (Method::POST, "/me/recovery-codes", Value::Null, 30),
    ] {
        db.forget_tries().await;
        for n in 1..=free {
            let answer = Answer::of(me.request(method.clone(), path).json(&body)).await;
            assert_ne!(answer.status, 429, "{n} of {path} is free");
        }
        db.run(
            "update registry.attempts set blocked_until = now() + interval '10 minutes' where blocked_until > last_at",
        )
        .await;
        let told = Answer::of(me.request(method.clone(), path).json(&body)).await;
        told.problem(429, "too_many_attempts");
        assert!(told.header("retry-after").parse::<u64>().unwrap() > 0);
        assert_ne!(Answer::of(other.request(method, path).json(&body)).await.status, 429, "{path}");
        app.sign_in(acme.viewer.email, PASSWORD).await;
    }
    // Whoever holds a token of a session that has ended counts nothing.
    db.forget_tries().await;
    let ended = app.sign_in(acme.owner.email, PASSWORD).await;
    me.request(Method::DELETE, "/me/sessions").send().await.unwrap();
    for _ in 0..12 {
        ended.put("/me/password", json!({ "password": PASSWORD })).await.problem(401, "session_ended");
    }
    me.put("/me/password", json!({ "password": PASSWORD })).await.expect(204);
}

#[tokio::test]
async fn two_hundred_and_fifty_changes_of_one_password_keep_nobody_from_signing_in() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "4", "--hashes", "1"])).await;
    let acme = &town().acme;
    let me = app.sign_in(acme.owner.email, PASSWORD).await;
    let changes = join_all((0..250).map(|_| me.put("/me/password", json!({ "password": PASSWORD }))));
    let signing_in = async {
        for _ in 0..5 {
            app.sign_in(acme.member.email, PASSWORD).await;
        }
    };
    let (changes, ()) = tokio::join!(changes, signing_in);
    for change in changes.iter().filter(|change| change.status != 204) {
        assert!([429, 503].contains(&change.status.as_u16()), "{change:?}");
    }
    assert!(changes.iter().any(|change| change.status == 429), "they are counted");
}
