//! Nobody keeps somebody else from signing in: not by guessing, and not by having passwords hashed.
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use rowhouse::db::API_ROLE;
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
    // Seven at a time: on a busy machine all at once would wait longer for their hashing than anybody may.
    for n in (1..=28).step_by(7) {
        for guess in join_all((n..n + 7).map(guess)).await {
            guess.problem(401, "wrong_credentials");
        }
    }
    let asked = Instant::now();
    login(&app, "198.51.100.1", PASSWORD).await.expect(200);
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
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

/// Whoever guesses from everywhere has used up every turn, and one's own network has to wait as well.
const KEPT_OUT: &str = "insert into registry.attempts (subject, failures, last_at, blocked_until)
    select sha256(s::bytea), 1000, now(), now() + interval '10 minutes'
    from unnest(array['login account owner@acme.example', 'login network 198.51.100.1']) s
    on conflict (subject) do update set failures = 1000, blocked_until = excluded.blocked_until";

#[tokio::test]
async fn a_device_that_signed_in_before_is_let_through_whatever_others_try() {
    let db = TestDb::new().await;
    let app = start(&db).await;
    let acme = &town().acme;
    let with = async |email: &str, password: &str, change: Value| {
        let mut body = json!({ "email": email, "password": password });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let request = app.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", "198.51.100.1");
        Answer::of(request.json(&body)).await
    };
    let (owner, member) = (acme.owner.email, acme.member.email);
    assert_eq!(
        with(owner, PASSWORD, json!({})).await.expect(200).json().get("device_token"),
        None,
        "only where asked for"
    );
    let first = with(owner, PASSWORD, json!({ "remember_device": true })).await.expect(200).json();
    let device = first["device_token"].as_str().unwrap().to_owned();
    let others = with(member, PASSWORD, json!({ "remember_device": true })).await.expect(200).json();
    db.run(KEPT_OUT).await;
    with(owner, PASSWORD, json!({})).await.problem(429, "too_many_attempts");
    for unknown in [others["device_token"].as_str().unwrap(), "rh_device_", "garbage", &device[..device.len() - 1]] {
        with(owner, PASSWORD, json!({ "device_token": unknown })).await.problem(429, "too_many_attempts");
    }
    let again = with(owner, PASSWORD, json!({ "device_token": device })).await.expect(200).json();
    assert_eq!(again["device_token"], device, "it stays known");

    // It lets nobody in by itself, and is no way to guess either.
    for _ in 0..5 {
        with(owner, "wrong", json!({ "device_token": device })).await.problem(401, "wrong_credentials");
    }
    db.run("update registry.attempts set blocked_until = now() + interval '10 minutes' where blocked_until > last_at")
        .await;
    with(owner, PASSWORD, json!({ "device_token": device })).await.problem(429, "too_many_attempts");
    db.run(&format!("delete from registry.attempts; {KEPT_OUT}")).await;

    // Forgotten with every other session, with the password, and after a year.
    let me = app.caller(&with(owner, PASSWORD, json!({ "device_token": device })).await.expect(200));
    me.delete("/me/sessions").await.expect(204);
    with(owner, PASSWORD, json!({ "device_token": device })).await.problem(429, "too_many_attempts");
    db.forget_tries().await;
    for forget in [
        "update registry.users set password_hash = password_hash || ' '",
        "update registry.devices set created_at = now() - interval '366 days'",
    ] {
        let known = with(owner, PASSWORD, json!({ "remember_device": true })).await.expect(200).json();
        let known = json!({ "device_token": known["device_token"] });
        db.run(KEPT_OUT).await;
        with(owner, PASSWORD, known.clone()).await.expect(200);
        db.run(forget).await;
        with(owner, PASSWORD, known).await.problem(429, "too_many_attempts");
        db.run("update registry.users set password_hash = trim(password_hash); delete from registry.attempts").await;
    }
    // Twenty are known, the newest.
    for _ in 0..25 {
        with(owner, PASSWORD, json!({ "remember_device": true })).await.expect(200);
    }
    let kept = format!("select count(*) from registry.devices where user_id = '{}'", acme.owner.id);
    assert_eq!(db.value::<i64>(&kept).await, 20);
    let hashes: String = db.value("select string_agg(token_hash::text, ' ') from registry.devices").await;
    assert!(!hashes.is_empty() && !hashes.contains(&device));
}

#[tokio::test]
async fn a_browser_keeps_its_device_in_a_cookie_of_its_own() {
    let db = TestDb::new().await;
    let app = start(&db).await;
    let login = async |cookie: &str| {
        let body = json!({ "email": town().acme.owner.email, "password": PASSWORD, "session": "browser" });
        let request = app.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", "198.51.100.1");
        Answer::of(request.header("sec-fetch-site", "same-origin").header("cookie", cookie.to_owned()).json(&body))
            .await
    };
    let first = login("a=b").await.expect(200);
    let cookies: Vec<&str> = first.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    let device = cookies.iter().find(|line| line.starts_with("__Host-rowhouse-device=")).unwrap();
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=31536000"] {
        assert!(device.contains(attribute), "{device}");
    }
    db.run(KEPT_OUT).await;
    login("a=b").await.problem(429, "too_many_attempts");
    login(&format!("a=b; {}", device.split(';').next().unwrap())).await.expect(200);
}

#[tokio::test]
async fn nobody_remembers_sees_or_forgets_a_device_for_somebody_else() {
    let db = TestDb::new().await;
    let api = db.gate().await;
    let (me, other) = (town().acme.owner.id, town().acme.member.id);
    db.run(&format!(
        "insert into registry.devices (user_id, token_hash) values ('{me}', sha256('mine')), ('{other}', sha256('x'))"
    ))
    .await;
    let begin = format!(
        "begin; set local app.tenant_id = ''; set local app.user_id = '{me}'; set local app.session_id = '{me}'"
    );
    api.batch_execute(&begin).await.unwrap();
    let seen: i64 = api.query_one("select count(*) from registry.devices", &[]).await.unwrap().get(0);
    assert_eq!((seen, api.execute("delete from registry.devices", &[]).await.unwrap()), (1, 1));
    let plant = format!("insert into registry.devices (user_id, token_hash) values ('{other}', sha256('y'))");
    assert_eq!(api.execute(&plant, &[]).await.unwrap_err().code().unwrap().code(), "42501");
    api.batch_execute("rollback").await.unwrap();
    // A session that was left open lets no device be known.
    db.an_hour_passes().await;
    api.batch_execute(&begin).await.unwrap();
    let late = format!("insert into registry.devices (user_id, token_hash) values ('{me}', sha256('z'))");
    assert_eq!(api.execute(&late, &[]).await.unwrap_err().code().unwrap().code(), "RH008");
    api.batch_execute("rollback").await.unwrap();
}
