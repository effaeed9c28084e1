//! A second factor: added, asked for, spent, replaced by recovery codes, and taken away.
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use futures_util::future::join_all;
use rowhouse::{auth::Clock, db::API_ROLE};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use crate::support::{Answer, Caller, PASSWORD, PostBox, TestApp, TestDb, town, tuning};

/// Seconds for which a code is current (RFC 6238).
const STEP: i64 = 30;

/// The server's clock, which stands still until a test moves it: no code grows old while a test is busy.
#[derive(Clone)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(jiff::Timestamp::now().as_second())))
    }

    fn clock(&self) -> Clock {
        let now = self.0.clone();
        Clock::new(move || now.load(Ordering::Relaxed))
    }

    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What shows the codes.
pub(super) struct Authenticator {
    totp: Totp,
    time: Time,
}

impl Authenticator {
    fn new(secret: &str, time: &Time) -> Self {
        let secret = Secret::try_from_base32(secret).unwrap();
        let builder = Builder::new().with_secret(secret).with_issuer(Some("Rowhouse")).with_account_name("-");
        Self { totp: builder.build().unwrap(), time: time.clone() }
    }

    /// The code of a secret by the machine's own clock.
    pub(super) fn code_now(secret: &str) -> String {
        Self::new(secret, &Time::new()).code(0)
    }

    /// The code so many steps from now.
    fn code(&self, steps: i64) -> String {
        self.totp.generate(u64::try_from(self.time.now() + steps * STEP).unwrap()).to_string()
    }

    /// A code that was not current before.
    fn next(&self) -> String {
        self.time.0.fetch_add(STEP, Ordering::Relaxed);
        self.code(0)
    }

    /// Six digits that are no code for a while.
    fn wrong(&self) -> String {
        let codes: Vec<String> = (-3..=3).map(|steps| self.code(steps)).collect();
        (0..1_000_000).map(|n| format!("{n:06}")).find(|code| !codes.contains(code)).unwrap()
    }
}

async fn start(db: &TestDb, post: &PostBox, time: &Time) -> TestApp {
    TestApp::at(&db.url(API_ROLE), &tuning(&["--pool", "4"]), time.clock()).await.sending(db, post)
}

async fn login(app: &TestApp, email: &str, code: &str) -> Answer {
    app.auth("login", json!({ "email": email, "password": PASSWORD, "totp": code })).await
}

fn codes(answer: &Answer) -> Vec<String> {
    let codes = answer.json()["recovery_codes"].as_array().unwrap().clone();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

/// Adds and confirms a second factor; with its recovery codes.
async fn add(me: &Caller<'_>, time: &Time) -> (Authenticator, Vec<String>) {
    let begun = me.post("/me/totp", Value::Null).await.expect(201).json();
    let authenticator = Authenticator::new(begun["secret"].as_str().unwrap(), time);
    let confirmed = me.post("/me/totp/confirm", json!({ "code": authenticator.next() })).await.expect(200);
    (authenticator, codes(&confirmed))
}

#[tokio::test]
async fn a_second_factor_is_asked_for_once_confirmed_and_each_code_is_good_once() {
    let (db, post, time) = (TestDb::new().await, PostBox::start().await, Time::new());
    let app = start(&db, &post, &time).await;
    let owner = town().acme.owner.email;
    let me = app.sign_in(owner, PASSWORD).await;
    me.post("/me/totp/confirm", json!({ "code": "000000" })).await.problem(409, "conflict");
    let replaced = me.post("/me/totp", Value::Null).await.expect(201).json();
    let begun = me.post("/me/totp", Value::Null).await.expect(201).json();
    let (secret, uri) = (begun["secret"].as_str().unwrap(), begun["uri"].as_str().unwrap());
    assert!(uri.starts_with("otpauth://totp/Rowhouse:"), "{uri}");
    assert!(uri.contains(&format!("secret={secret}")) && uri.contains("issuer=Rowhouse"), "{uri}");
    assert_ne!(replaced["secret"], begun["secret"]);
    let authenticator = Authenticator::new(secret, &time);

    // Not yet confirmed, not yet asked for.
    app.sign_in(owner, PASSWORD).await;
    let confirm = async |code: String| me.post("/me/totp/confirm", json!({ "code": code })).await;
    let before = Authenticator::new(replaced["secret"].as_str().unwrap(), &time);
    for wrong in [authenticator.wrong(), authenticator.code(2), authenticator.code(-2), before.code(0), String::new()] {
        let problem = confirm(wrong).await.problem(422, "invalid");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!("/code"), &json!("wrong"))
        );
    }
    assert_eq!(me.get("/me").await.expect(200).json()["second_factor"], false);
    let first = authenticator.code(0);
    let recovery = codes(&confirm(first.clone()).await.expect(200));
    assert_eq!(recovery.len(), 10);
    assert!(recovery.iter().enumerate().all(|(n, code)| code.len() >= 16 && !recovery[..n].contains(code)));
    assert_eq!(me.get("/me").await.expect(200).json()["second_factor"], true);
    confirm(authenticator.next()).await.problem(409, "conflict");
    me.post("/me/totp", Value::Null).await.problem(409, "conflict");

    let refused = async |code: &str| login(&app, owner, code).await.problem(401, "second_factor_required");
    app.login(owner, PASSWORD).await.problem(401, "second_factor_required");
    // Whoever does not know the password does not learn that there is a second factor.
    app.login(owner, "wrong").await.problem(401, "wrong_credentials");
    for spent_or_wrong in [first, authenticator.wrong()] {
        refused(&spent_or_wrong).await;
    }
    let current = authenticator.next();
    let current = format!("{} {}", &current[..3], &current[3..]);
    app.caller(&login(&app, owner, &current).await.expect(200)).get("/me").await.expect(200);
    refused(&current).await;
    refused(&authenticator.code(2)).await;
    // A clock may be a step ahead; the steps before are then spent with it.
    login(&app, owner, &authenticator.code(1)).await.expect(200);
    refused(&authenticator.code(0)).await;
    refused(&authenticator.code(1)).await;
    login(&app, owner, &recovery[0]).await.expect(200);
    refused(&recovery[0]).await;
    refused(&recovery[1][1..]).await;
    // As it was copied by hand: in another case, without hyphens, with letters that look alike.
    let typed = recovery[1].to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
    login(&app, owner, &typed).await.expect(200);
    refused(&recovery[1]).await;
    // Those that were given out before are good as they were.
    let before = "lR7N_Us-NNoBo7aS";
    db.run(&format!(
        "insert into registry.recovery_codes (user_id, code_hash) values ('{}', sha256('{before}'))",
        town().acme.owner.id
    ))
    .await;
    refused(&before.to_lowercase()).await;
    login(&app, owner, before).await.expect(200);
    refused(before).await;
    // It is theirs alone, and asked of nobody else.
    app.sign_in(town().acme.member.email, PASSWORD).await;
}

#[tokio::test]
async fn what_is_sensitive_asks_for_the_second_factor_too() {
    let (db, post, time) = (TestDb::new().await, PostBox::start().await, Time::new());
    let app = start(&db, &post, &time).await;
    let owner = town().acme.owner.email;
    let me = app.sign_in(owner, PASSWORD).await;
    let (authenticator, recovery) = add(&me, &time).await;
    let again = async |password: &str, code: Option<&str>| {
        me.post("/auth/authenticate-again", json!({ "password": password, "totp": code })).await
    };
    db.an_hour_passes().await;
    db.forget_tries().await;
    let code = authenticator.next();
    again(PASSWORD, None).await.problem(401, "second_factor_required");
    again(PASSWORD, Some(&authenticator.wrong())).await.problem(401, "second_factor_required");
    again("wrong", Some(&code)).await.problem(401, "wrong_credentials");
    for sensitive in ["/me/recovery-codes", "/me/email"] {
        let body = if sensitive == "/me/email" { json!({ "email": "new@new.example" }) } else { Value::Null };
        me.post(sensitive, body).await.problem(401, "authenticate_again");
    }
    me.delete("/me/totp").await.problem(401, "authenticate_again");
    // A wrong password did not use up the code; once used, it is.
    again(PASSWORD, Some(&code)).await.expect(204);
    db.forget_tries().await;
    again(PASSWORD, Some(&code)).await.problem(401, "second_factor_required");

    let renewed = codes(&me.post("/me/recovery-codes", Value::Null).await.expect(200));
    assert_eq!(renewed.len(), 10);
    assert!(renewed.iter().all(|code| !recovery.contains(code)));
    login(&app, owner, &recovery[0]).await.problem(401, "second_factor_required");
    login(&app, owner, &renewed[0]).await.expect(200);
    again(PASSWORD, Some(&renewed[1])).await.expect(204);
    again(PASSWORD, Some(&renewed[1])).await.problem(401, "second_factor_required");

    me.delete("/me/totp").await.expect(204);
    me.delete("/me/totp").await.problem(404, "not_found");
    me.post("/me/recovery-codes", Value::Null).await.problem(409, "conflict");
    app.sign_in(owner, PASSWORD).await;
    let events = me.get("/me/events").await.expect(200).json();
    let kinds: Vec<&str> = events["items"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    for kind in ["second_factor_added", "second_factor_removed", "recovery_code_used"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    // Added anew, it is another one with codes of its own.
    let (_, anew) = add(&me, &time).await;
    login(&app, owner, &renewed[2]).await.problem(401, "second_factor_required");
    login(&app, owner, &anew[0]).await.expect(200);
}

#[tokio::test]
async fn a_new_password_by_letter_is_no_way_around_the_second_factor() {
    let (db, post, time) = (TestDb::new().await, PostBox::start().await, Time::new());
    let app = start(&db, &post, &time).await;
    let owner = town().acme.owner.email;
    let (authenticator, _) = add(&app.sign_in(owner, PASSWORD).await, &time).await;
    app.auth("password-reset", json!({ "email": owner })).await.expect(202);
    let new = "seven grey herons";
    let reset = json!({ "token": post.token_to(owner).await, "password": new });
    app.auth("password-reset/confirm", reset).await.expect(204);
    app.login(owner, new).await.problem(401, "second_factor_required");
    let with_code = json!({ "email": owner, "password": new, "totp": authenticator.next() });
    app.auth("login", with_code).await.expect(200);
}

#[tokio::test]
async fn nobody_adds_or_confirms_a_second_factor_with_a_session_that_was_left_open() {
    let (db, post, time) = (TestDb::new().await, PostBox::start().await, Time::new());
    let app = start(&db, &post, &time).await;
    let owner = town().acme.owner.email;
    let me = app.sign_in(owner, PASSWORD).await;
    let begun = me.post("/me/totp", Value::Null).await.expect(201).json();
    let authenticator = Authenticator::new(begun["secret"].as_str().unwrap(), &time);
    db.an_hour_passes().await;
    me.post("/me/totp", Value::Null).await.problem(401, "authenticate_again");
    let confirm = json!({ "code": authenticator.next() });
    me.post("/me/totp/confirm", confirm.clone()).await.problem(401, "authenticate_again");
    app.sign_in(owner, PASSWORD).await;
    me.post("/auth/authenticate-again", json!({ "password": PASSWORD })).await.expect(204);
    me.post("/me/totp/confirm", confirm).await.expect(200);
    app.login(owner, PASSWORD).await.problem(401, "second_factor_required");
}

#[tokio::test]
async fn a_second_factor_allows_a_shorter_password() {
    let (db, post, time) = (TestDb::new().await, PostBox::start().await, Time::new());
    let app = start(&db, &post, &time).await;
    let me = app.sign_in(town().acme.owner.email, PASSWORD).await;
    let change = async |password: &str| me.put("/me/password", json!({ "password": password })).await;
    assert_eq!(change("9 herons").await.problem(422, "invalid")["errors"][0]["code"], "too_short");
    add(&me, &time).await;
    assert_eq!(change("7heron!").await.problem(422, "invalid")["errors"][0]["code"], "too_short");
    assert_eq!(change("password").await.problem(422, "invalid")["errors"][0]["code"], "too_common");
    change("9 herons").await.expect(204);
}

#[tokio::test]
async fn of_several_who_use_a_code_at_once_one_gets_in() {
    let (db, post, time) = (TestDb::new().await, PostBox::start().await, Time::new());
    let app = start(&db, &post, &time).await;
    let owner = town().acme.owner.email;
    let (authenticator, recovery) = add(&app.sign_in(owner, PASSWORD).await, &time).await;
    for code in [authenticator.next(), recovery[0].clone()] {
        db.forget_tries().await;
        let answers = join_all((1..=4).map(|_| login(&app, owner, &code))).await;
        let (into, out): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((into.len(), out.len()), (1, 3), "{answers:#?}");
        for answer in out {
            answer.problem(401, "second_factor_required");
        }
    }
}
