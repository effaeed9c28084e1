//! Guessing: made slow, and told to nobody but whoever guesses from one network.
use futures_util::future::join_all;
use reqwest::Method;
use rowhouse::db::API_ROLE;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, PostBox, TestApp, TestDb, town, tuning};

/// What a problem says, apart from the number of its trace.
fn said(answer: &Answer) -> Value {
    let mut problem = answer.problem(401, "wrong_credentials");
    problem["trace_id"] = Value::Null;
    problem
}

/// How many are made to wait at this moment, or were by their last try.
const WAITING: &str = "select count(*) from registry.attempts where blocked_until > last_at";
/// So that a slow machine does not outlast the wait.
const WAIT_LONGER: &str =
    "update registry.attempts set blocked_until = now() + interval '10 minutes' where blocked_until > last_at";
const WAIT_IS_OVER: &str = "update registry.attempts set blocked_until = last_at";

#[tokio::test]
async fn after_five_wrong_passwords_the_right_one_is_answered_like_a_wrong_one_for_a_while() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = town().acme.owner.email;
    let mut answers = Vec::new();
    for email in [owner, "nobody@new.example"] {
        for n in 1..=5 {
            assert_eq!(db.value::<i64>(WAITING).await, 0, "{n} of {email} is free");
            answers.push(app.login(email, "wrong").await);
        }
        assert_eq!(db.value::<i64>(WAITING).await, 1, "{email} waits");
        db.run(WAIT_LONGER).await;
        // In another case it is the same account.
        for spelling in [email.to_owned(), email.to_uppercase()] {
            answers.push(app.login(&spelling, PASSWORD).await);
        }
        if email == owner {
            // Others are not kept waiting.
            app.sign_in(town().acme.member.email, PASSWORD).await;
            db.run(WAIT_IS_OVER).await;
            let me = app.sign_in(owner, PASSWORD).await;
            me.get("/me").await.expect(200);
            db.run(WAIT_IS_OVER).await;
            // Whoever is in has four more free tries, and not the next wait.
            for _ in 1..=4 {
                answers.push(app.login(owner, "wrong").await);
            }
            assert_eq!(db.value::<i64>(WAITING).await, 0);
            app.sign_in(owner, PASSWORD).await;
            db.run(WAIT_IS_OVER).await;
        }
    }
    let said: Vec<Value> = answers.iter().map(said).collect();
    assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:#?}");
    assert!(answers.iter().all(|answer| answer.header("retry-after").is_empty()));
}

#[tokio::test]
async fn each_wait_is_longer_than_the_one_before_and_a_quarter_of_an_hour_forgets_them() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = town().acme.owner.email;
    let wait = "select coalesce(max(round(extract(epoch from blocked_until - last_at))), 0)::integer
        from registry.attempts where failures < 50 and blocked_until > last_at";
    let mut waits = Vec::new();
    for _ in 1..=13 {
        app.login(owner, "wrong").await.problem(401, "wrong_credentials");
        waits.push(db.value::<i32>(wait).await);
        // A wait that is over is not forgotten.
        db.run(WAIT_IS_OVER).await;
    }
    assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    db.run("update registry.attempts set last_at = now() - interval '16 minutes', blocked_until = now() - interval '15 minutes'").await;
    app.login(owner, "wrong").await.problem(401, "wrong_credentials");
    assert_eq!(db.value::<i32>(wait).await, 0);
}

#[tokio::test]
async fn whoever_signs_in_at_the_same_time_keeps_nobody_waiting() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    // From one network, and one of them on four devices.
    let people = [&acme.member, &acme.viewer, &globex.owner, &acme.owner, &acme.owner, &acme.owner, &acme.owner];
    for round in 1..=4 {
        db.forget_tries().await;
        for login in join_all(people.map(|person| app.login(person.email, PASSWORD))).await {
            assert_eq!(login.status, 200, "round {round}: {login:?}");
        }
    }
}

#[tokio::test]
async fn a_session_is_no_way_to_guess_its_owners_password() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let me = app.sign_in(town().acme.owner.email, PASSWORD).await;
    let again = async |password: &str| me.post("/auth/authenticate-again", json!({ "password": password })).await;
    let wrong = said(&again("wrong").await);
    for _ in 2..=5 {
        assert_eq!(said(&again("wrong").await), wrong);
    }
    assert_eq!(db.value::<i64>(WAITING).await, 1);
    db.run(WAIT_LONGER).await;
    assert_eq!(said(&again(PASSWORD).await), wrong);
    db.run(WAIT_IS_OVER).await;
    again(PASSWORD).await.expect(204);
}

#[tokio::test]
async fn a_network_that_tries_fifty_times_is_told_to_wait_and_others_are_not() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "4", "--trusted-proxies", "1"])).await;
    let direct = TestApp::new(&db).await;
    let owner = town().acme.owner.email;
    let from = async |app: &TestApp, address: &str, password: &str| {
        let body = json!({ "email": owner, "password": password });
        let login = app.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", address).json(&body);
        Answer::of(login).await
    };
    for (first, neighbour, other, network) in [
        ("203.0.113.7", "198.51.100.1, 203.0.113.7", "203.0.113.8", "203.0.113.7"),
        // A customer is given a network of this size.
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:3::1", "[2001, db8, 1, 2]/64"),
    ] {
        db.forget_tries().await;
        from(&app, first, "wrong").await.problem(401, "wrong_credentials");
        // Forty-seven more, by whoever else is there.
        db.run("update registry.attempts set failures = 48").await;
        db.run(&format!("delete from registry.attempts where subject <> sha256('login network {network}')")).await;
        assert_eq!(db.value::<i64>("select count(*) from registry.attempts").await, 1);
        for _ in 49..=50 {
            assert_eq!(db.value::<i64>(WAITING).await, 0);
            from(&app, first, "wrong").await.problem(401, "wrong_credentials");
        }
        assert_eq!(db.value::<i64>(WAITING).await, 1);
        db.run(WAIT_LONGER).await;
        for address in [first, neighbour] {
            let refused = from(&app, address, PASSWORD).await;
            refused.problem(429, "too_many_attempts");
            let seconds: u64 = refused.header("retry-after").parse().unwrap();
            assert!((500..=600).contains(&seconds), "{seconds}");
        }
        for address in [other, &format!("{first}, {other}")] {
            from(&app, address, PASSWORD).await.expect(200);
        }
        // Without a proxy of our own the header is anybody's claim.
        from(&direct, first, PASSWORD).await.expect(200);
        db.run(WAIT_IS_OVER).await;
        from(&app, first, PASSWORD).await.expect(200);
    }
}

#[tokio::test]
async fn nobodys_post_box_is_filled_by_asking_again_and_again() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let owner = town().acme.owner.email;
    let ask = async || app.auth("password-reset", json!({ "email": owner })).await.expect(202).text;
    let mut answers = Vec::new();
    for _ in 1..=3 {
        answers.push(ask().await);
        post.letter_to(owner).await;
    }
    db.run(WAIT_LONGER).await;
    answers.push(ask().await);
    post.is_empty(&app).await;
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    db.run(WAIT_IS_OVER).await;
    ask().await;
    post.letter_to(owner).await;
}

#[tokio::test]
async fn whoever_is_signed_in_fills_nobodys_post_box_either() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let me = app.sign_in(town().acme.owner.email, PASSWORD).await;
    for _ in 1..=3 {
        me.post("/me/email", json!({ "email": "victim@new.example" })).await.expect(202);
        post.letter_to("victim@new.example").await;
    }
    db.run(WAIT_LONGER).await;
    me.post("/me/email", json!({ "email": "victim@new.example" })).await;
    post.is_empty(&app).await;
}
