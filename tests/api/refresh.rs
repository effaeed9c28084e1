//! Refresh tokens: good once, forgiving to whoever lost an answer, and the end of the session when somebody replays one.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use futures_util::future::join_all;
use reqwest::Method;
use rowhouse::auth::sha256;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{Answer, PASSWORD, TestApp, TestDb, Way, both_ways, forge, handle, hex, town};

both_ways! {
    #[tokio::test]
    a_refresh_gives_the_next_tokens_for_the_same_session_and_tenant;
    #[tokio::test]
    twenty_refreshes_at_once_are_one_rotation;
}

/// Whatever was used or handed out once more was so longer ago than ten seconds.
const LATER: &str = "update registry.refresh_tokens set used_at = used_at - interval '11 seconds', repeated_at = repeated_at - interval '11 seconds'";

/// What a client keeps of its session.
struct Session {
    id: Uuid,
    access: String,
    refresh: String,
}

impl Session {
    fn of(answer: &Answer) -> Self {
        let answer = answer.json();
        let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{name} of {answer}")).to_owned();
        let (access, refresh) = (text("access_token"), text("refresh_token"));
        Self { id: claims(&access)["sid"].as_str().unwrap().parse().unwrap(), access, refresh }
    }
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&BASE64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

async fn login(app: &TestApp, email: &str) -> Session {
    let body = json!({ "email": email, "password": PASSWORD });
    Session::of(&Answer::of(app.request(Method::POST, "/api/v1/auth/login").json(&body)).await.expect(200))
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    Answer::of(app.request(Method::POST, "/api/v1/auth/refresh").json(&json!({ "refresh_token": token }))).await
}

async fn get(app: &TestApp, path: &str, token: &str) -> Answer {
    Answer::of(app.request(Method::GET, path).bearer_auth(token)).await
}

/// Unused and used refresh tokens of a session.
async fn counted(db: &TestDb, session: Uuid) -> (i64, i64) {
    let count = "select count(*) filter (where used_at is null), count(*) filter (where used_at is not null)
                 from registry.refresh_tokens where session_id = $1";
    let row = db.superuser().await.query_one(count, &[&session]).await.unwrap();
    (row.get(0), row.get(1))
}

async fn sessions(db: &TestDb, session: Uuid) -> i64 {
    let count = "select count(*) from registry.sessions where id = $1";
    db.superuser().await.query_one(count, &[&session]).await.unwrap().get(0)
}

async fn a_refresh_gives_the_next_tokens_for_the_same_session_and_tenant(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let first = login(&app, acme.owner.email).await;
    assert!(first.refresh.starts_with("rh_refresh_"), "so that scanners find it where it should not be");
    assert_eq!(counted(&db, first.id).await, (1, 0));
    let answer = refresh(&app, &first.refresh).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!((&answer.json()["token_type"], &answer.json()["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(answer.json()["tenant_id"], acme.id.to_string());
    let second = Session::of(&answer);
    assert_eq!(second.id, first.id);
    assert!(second.refresh != first.refresh && second.access != first.access);
    let (before, after) = (claims(&first.access), claims(&second.access));
    assert_eq!((&before["sub"], &before["tid"]), (&after["sub"], &after["tid"]));
    assert_ne!(before["jti"], after["jti"]);
    let list = get(&app, "/api/v1/projects", &second.access).await.expect(200).json();
    assert_eq!(list["items"][0]["id"], acme.projects[0].id.to_string());
    assert_eq!(counted(&db, first.id).await, (1, 1));
    // Access tokens issued before the rotation are good until they expire.
    get(&app, "/api/v1/projects", &first.access).await.expect(200);
    let third = Session::of(&refresh(&app, &second.refresh).await.expect(200));
    assert_eq!((third.id, counted(&db, first.id).await), (first.id, (1, 2)));

    // Whoever is in several tenants and named none is issued tokens for the one they joined first, until they say which.
    let both = login(&app, acme.both.email).await;
    let both = refresh(&app, &both.refresh).await.expect(200);
    assert_eq!(both.json()["tenant_id"], acme.id.to_string());
    let both = Session::of(&both);
    let switch = app.request(Method::POST, "/api/v1/auth/switch-tenant").bearer_auth(&both.access);
    let switched = Answer::of(switch.json(&json!({ "tenant_id": globex.id }))).await.expect(200).json();
    assert_eq!(switched.get("refresh_token"), None, "the one there is stays good");
    let there = Session::of(&refresh(&app, &both.refresh).await.expect(200));
    assert_eq!(claims(&there.access)["tid"], globex.id.to_string());
    let list = get(&app, "/api/v1/projects", &there.access).await.expect(200).json();
    assert_eq!(list["items"][0]["id"], globex.projects[0].id.to_string());
}

async fn twenty_refreshes_at_once_are_one_rotation(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let session = login(&app, town().acme.owner.email).await;
    let mut asked = JoinSet::new();
    for _ in 0..20 {
        let body = json!({ "refresh_token": session.refresh });
        asked.spawn(Answer::of(app.request(Method::POST, "/api/v1/auth/refresh").json(&body)));
    }
    let answers: Vec<Session> =
        asked.join_all().await.into_iter().map(|answer| Session::of(&answer.expect(200))).collect();
    assert_eq!(answers.len(), 20);
    let next = &answers[0].refresh;
    assert!(answers.iter().all(|answer| answer.refresh == *next && answer.id == session.id));
    assert_eq!(counted(&db, session.id).await, (1, 1));
    assert_eq!(sessions(&db, session.id).await, 1);
    // Every one of the twenty goes on from there.
    for answer in &answers {
        get(&app, "/api/v1/projects", &answer.access).await.expect(200);
    }
    refresh(&app, next).await.expect(200);
}

#[tokio::test]
async fn a_lost_answer_is_given_once_more() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let session = login(&app, town().acme.owner.email).await;
    let lost = Session::of(&refresh(&app, &session.refresh).await.expect(200));
    let again = Session::of(&refresh(&app, &session.refresh).await.expect(200));
    assert_eq!((&again.refresh, again.id), (&lost.refresh, session.id));
    assert_eq!(counted(&db, session.id).await, (1, 1));
    // Nearly ten seconds later still.
    let nine = "update registry.refresh_tokens set used_at = now() - interval '8 seconds' where used_at is not null";
    db.superuser().await.batch_execute(nine).await.unwrap();
    assert_eq!(Session::of(&refresh(&app, &session.refresh).await.expect(200)).refresh, lost.refresh);
    get(&app, "/api/v1/projects", &again.access).await.expect(200);
    refresh(&app, &again.refresh).await.expect(200);
}

#[tokio::test]
async fn a_token_used_again_later_ends_the_session() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (stolen, other) = (login(&app, town().acme.owner.email).await, login(&app, town().acme.owner.email).await);
    let bystander = login(&app, town().acme.member.email).await;
    let first = Session::of(&refresh(&app, &stolen.refresh).await.expect(200));
    let thief = Session::of(&refresh(&app, &first.refresh).await.expect(200));
    get(&app, "/api/v1/projects", &thief.access).await.expect(200);
    let later = format!("{LATER} where session_id = '{}' and used_at is not null", stolen.id);
    assert_eq!(db.superuser().await.execute(&later, &[]).await.unwrap(), 2);
    refresh(&app, &stolen.refresh).await.problem(401, "refresh_token_spent");
    // Nobody can tell any more which of the two is the thief: both are out.
    refresh(&app, &thief.refresh).await.problem(401, "refresh_token_spent");
    refresh(&app, &stolen.refresh).await.problem(401, "refresh_token_spent");
    for token in [&stolen.access, &thief.access] {
        get(&app, "/api/v1/projects", token).await.problem(401, "session_ended");
        get(&app, "/api/v1/me", token).await.problem(401, "session_ended");
    }
    assert_eq!((sessions(&db, stolen.id).await, counted(&db, stolen.id).await), (0, (0, 0)));

    // The owner's other session goes on, and says what happened.
    let events = get(&app, "/api/v1/me/events", &other.access).await.expect(200).json();
    let replays: Vec<&Value> =
        events["items"].as_array().unwrap().iter().filter(|event| event["kind"] == "refresh_token_replayed").collect();
    assert_eq!(replays.len(), 1, "{events}");
    assert_eq!(replays[0]["session_id"], handle(stolen.id).to_string());
    assert_eq!(replays[0]["address"], "127.0.0.1");
    refresh(&app, &other.refresh).await.expect(200);
    refresh(&app, &bystander.refresh).await.expect(200);
    let events = get(&app, "/api/v1/me/events", &bystander.access).await.expect(200);
    assert!(!events.text.contains("replayed"), "{events:?}");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_later_too_as_long_as_its_token_was_not_used_but_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let session = login(&app, town().acme.owner.email).await;
    let lost = Session::of(&refresh(&app, &session.refresh).await.expect(200));
    db.run(LATER).await;
    // Twenty requests find out at once that their token has expired.
    let again = join_all((0..20).map(|_| refresh(&app, &session.refresh))).await;
    for answer in again {
        let again = Session::of(&answer.expect(200));
        assert_eq!((&again.refresh, again.id), (&lost.refresh, session.id));
    }
    assert_eq!(counted(&db, session.id).await, (1, 1));
    // Nobody loses the same answer a second time: whoever asks once more has another copy of the token.
    db.run(LATER).await;
    refresh(&app, &session.refresh).await.problem(401, "refresh_token_spent");
    refresh(&app, &lost.refresh).await.problem(401, "refresh_token_spent");
    assert_eq!(sessions(&db, session.id).await, 0);

    // Where it arrived the second time, the session goes on, and the next answer may get lost again within ten seconds.
    let session = login(&app, town().acme.owner.email).await;
    let lost = Session::of(&refresh(&app, &session.refresh).await.expect(200));
    db.run(LATER).await;
    refresh(&app, &session.refresh).await.expect(200);
    db.run(LATER).await;
    let third = Session::of(&refresh(&app, &lost.refresh).await.expect(200));
    assert_eq!(Session::of(&refresh(&app, &lost.refresh).await.expect(200)).refresh, third.refresh);
    let fourth = Session::of(&refresh(&app, &third.refresh).await.expect(200));
    db.run(LATER).await;
    assert_eq!(Session::of(&refresh(&app, &third.refresh).await.expect(200)).refresh, fourth.refresh);
}

#[tokio::test]
async fn a_session_that_is_over_gives_no_lost_answer() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    for past in ["idle_until", "expires_at"] {
        let session = login(&app, town().acme.owner.email).await;
        refresh(&app, &session.refresh).await.expect(200);
        db.run(LATER).await;
        db.run(&format!(
            "update registry.sessions set {past} = now() - interval '1 second' where id = '{}'",
            session.id
        ))
        .await;
        refresh(&app, &session.refresh).await.problem(401, "refresh_token_spent");
        assert_eq!(sessions(&db, session.id).await, 0, "{past}");
    }
}

/// A thief and an owner who take turns, neither of whom ever finds a successor used.
#[tokio::test]
async fn whoever_shares_a_session_by_forgiveness_alone_is_found_out_at_the_next_rotation() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    for thief_first in [true, false] {
        let session = login(&app, town().acme.owner.email).await;
        let thief = Session::of(&refresh(&app, &session.refresh).await.expect(200));
        db.run(LATER).await;
        let owner = Session::of(&refresh(&app, &session.refresh).await.expect(200));
        assert_eq!(owner.refresh, thief.refresh, "each has a copy of the same token");
        db.run(LATER).await;
        let (sooner, later) = if thief_first { (thief, owner) } else { (owner, thief) };
        let next = Session::of(&refresh(&app, &sooner.refresh).await.expect(200));
        db.run(LATER).await;
        refresh(&app, &later.refresh).await.problem(401, "refresh_token_spent");
        refresh(&app, &next.refresh).await.problem(401, "refresh_token_spent");
        assert_eq!(sessions(&db, session.id).await, 0);
    }
}

#[tokio::test]
async fn a_parent_whose_successor_was_used_ends_the_session_within_the_ten_seconds_too() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let first = login(&app, town().acme.owner.email).await;
    let second = Session::of(&refresh(&app, &first.refresh).await.expect(200));
    let third = Session::of(&refresh(&app, &second.refresh).await.expect(200));
    refresh(&app, &first.refresh).await.problem(401, "refresh_token_spent");
    for token in [&first.refresh, &second.refresh, &third.refresh] {
        refresh(&app, token).await.problem(401, "refresh_token_spent");
    }
    get(&app, "/api/v1/projects", &third.access).await.problem(401, "session_ended");
    assert_eq!(sessions(&db, first.id).await, 0);
}

#[tokio::test]
async fn what_is_no_refresh_token_is_told_apart_by_nobody() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let session = login(&app, town().acme.owner.email).await;
    // As access tokens.
    for token in [&session.refresh, &session.refresh["rh_refresh_".len()..].to_owned()] {
        get(&app, "/api/v1/projects", token).await.problem(401, "unauthenticated");
        get(&app, "/api/v1/me", token).await.problem(401, "unauthenticated");
    }
    // As refresh tokens.
    let mut details = Vec::new();
    for token in [
        session.access.clone(),
        town().acme.key.clone(),
        String::new(),
        "rh_refresh_".to_owned(),
        "garbage".to_owned(),
        format!("rh_refresh_{}", "A".repeat(43)),
        format!("rh_refresh_{}", BASE64.encode([7; 31])),
        format!("rh_refresh_{}", BASE64.encode([7; 33])),
        format!("RH_REFRESH_{}", &session.refresh["rh_refresh_".len()..]),
        format!("{} ", session.refresh),
        format!("{}=", session.refresh),
        format!("{}\u{0}", session.refresh),
        session.refresh[..session.refresh.len() - 1].to_owned(),
        // What the database keeps is not what it takes.
        format!("rh_refresh_{}", BASE64.encode(sha256(&body(&session.refresh)))),
    ] {
        details.push(refresh(&app, &token).await.problem(401, "refresh_token_spent")["detail"].clone());
    }
    details.dedup();
    assert_eq!(details.len(), 1);
    // In a header it is no refresh token either, and nothing else than it is in the body.
    let request = app.request(Method::POST, "/api/v1/auth/refresh").bearer_auth(&session.refresh);
    Answer::of(request.json(&json!({}))).await.problem(422, "invalid");
    let request = json!({ "refresh_token": session.refresh, "scope": "all" });
    Answer::of(app.request(Method::POST, "/api/v1/auth/refresh").json(&request)).await.problem(422, "invalid");
    // None of it has touched the session.
    assert_eq!(counted(&db, session.id).await, (1, 0));
    refresh(&app, &session.refresh).await.expect(200);
}

#[tokio::test]
async fn sessions_end_when_idle_and_when_old() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let superuser = db.superuser().await;
    for past in ["idle_until", "expires_at"] {
        let session = login(&app, town().acme.owner.email).await;
        let end = format!("update registry.sessions set {past} = now() - interval '1 second' where id = $1");
        superuser.execute(&end, &[&session.id]).await.unwrap();
        get(&app, "/api/v1/projects", &session.access).await.problem(401, "session_ended");
        refresh(&app, &session.refresh).await.problem(401, "refresh_token_spent");
        assert_eq!(sessions(&db, session.id).await, 0, "{past}");
    }
    // A refresh puts off the idle end, never beyond the absolute one.
    let session = login(&app, town().acme.owner.email).await;
    let soon = "update registry.sessions set idle_until = now() + interval '1 minute',
                expires_at = now() + interval '1 hour' where id = $1";
    superuser.execute(soon, &[&session.id]).await.unwrap();
    refresh(&app, &session.refresh).await.expect(200);
    let ends = "select idle_until = expires_at, expires_at < now() + interval '1 hour 1 second'
                from registry.sessions where id = $1";
    let row = superuser.query_one(ends, &[&session.id]).await.unwrap();
    assert_eq!((row.get(0), row.get(1)), (true, true));
}

#[tokio::test]
async fn whoever_is_deactivated_or_signed_out_does_not_refresh() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let superuser = db.superuser().await;
    let acme = &town().acme;
    let session = login(&app, acme.member.email).await;
    let active = async |active: bool| {
        let set = "update registry.users set active = $1 where id = $2";
        superuser.execute(set, &[&active, &acme.member.id]).await.unwrap();
    };
    active(false).await;
    refresh(&app, &session.refresh).await.problem(401, "refresh_token_spent");
    // Being let in again is signing in again.
    active(true).await;
    refresh(&app, &session.refresh).await.problem(401, "refresh_token_spent");

    let session = login(&app, acme.member.email).await;
    let others = forge(acme.owner.id, None).claim("sid", session.id.to_string()).sign();
    Answer::of(app.request(Method::POST, "/api/v1/auth/logout").bearer_auth(others))
        .await
        .problem(401, "session_ended");
    let logout = app.request(Method::POST, "/api/v1/auth/logout").bearer_auth(&session.access);
    Answer::of(logout).await.expect(204);
    refresh(&app, &session.refresh).await.problem(401, "refresh_token_spent");
    get(&app, "/api/v1/projects", &session.access).await.problem(401, "session_ended");
}

fn body(token: &str) -> Vec<u8> {
    BASE64.decode(token.strip_prefix("rh_refresh_").unwrap()).unwrap()
}

#[tokio::test]
async fn the_database_never_holds_a_token() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let first = login(&app, town().acme.owner.email).await;
    let second = Session::of(&refresh(&app, &first.refresh).await.expect(200));
    let superuser = db.superuser().await;
    let mut rows = String::new();
    for table in ["refresh_tokens", "sessions", "account_events", "attempts"] {
        let all = format!("select coalesce(string_agg(t::text, ' '), '') from registry.{table} t");
        rows += &superuser.query_one(&all, &[]).await.unwrap().get::<_, String>(0);
    }
    for token in [&first.refresh, &second.refresh] {
        assert!(rows.contains(&hex(&sha256(&sha256(&body(token))))), "the search looks in the right place");
        let text = token.strip_prefix("rh_refresh_").unwrap();
        for secret in [
            text.to_owned(),
            hex(&sha256(&body(token))),
            hex(&body(token)),
            hex(text.as_bytes()),
            hex(token.as_bytes()),
        ] {
            assert!(!rows.contains(&secret), "{secret} in {rows}");
        }
    }
}
