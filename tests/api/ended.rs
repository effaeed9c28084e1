//! Sessions and keys that have ended: PostgreSQL knows at once, and instances tell each other.
use std::time::{Duration, Instant};

use reqwest::Method;
use rowhouse::db::API_ROLE;
use serde_json::json;

use crate::support::{Answer, Caller, PASSWORD, TestApp, TestDb, TestRedis, town, tuning};

async fn served(db: &TestDb, redis_url: &str) -> TestApp {
    TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "4", "--redis-url", redis_url])).await
}

/// Sessions are kept aside, and put back by hand once they have ended: whoever is refused then is refused by what the
/// instance has heard, since PostgreSQL would let them in.
const ASIDE: &str = "create table kept_sessions as select id, user_id, acts_in, kind, device, address, created_at, authenticated_at, last_used_at, idle_until, expires_at from registry.sessions; create table kept_keys as table tenant.api_keys";
const BACK: &str = "insert into registry.sessions (id, user_id, acts_in, kind, device, address, created_at, authenticated_at, last_used_at, idle_until, expires_at) select * from kept_sessions on conflict do nothing";

async fn me(app: &TestApp, token: &str) -> Answer {
    Answer::of(app.request(Method::GET, "/api/v1/me").bearer_auth(token)).await
}

/// Waits until an instance refuses a token, and answers how long that took.
async fn until_refused(app: &TestApp, token: &str) -> Duration {
    let begun = Instant::now();
    while me(app, token).await.status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(5), "it did not hear of it");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    me(app, token).await.problem(401, "session_ended");
    begun.elapsed()
}

/// Waits until both instances listen.
async fn listening(redis: &TestRedis) {
    loop {
        let (_, listening): (String, i64) = redis.tell(&[b"PUBSUB", b"NUMSUB", b"rowhouse:ended"]).await;
        if listening == 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_session_that_ends_on_one_instance_is_refused_by_the_other_without_a_question() {
    let (db, mut redis) = (TestDb::new().await, TestRedis::start());
    let (here, there) = (served(&db, &redis.url()).await, served(&db, &redis.url()).await);
    listening(&redis).await;
    let owner = town().acme.owner.email;
    let [mine, phone, tablet, old] = [(); 4].map(|()| here.sign_in(owner, PASSWORD));
    let [mine, phone, tablet, old] = [mine.await, phone.await, tablet.await, old.await];
    for caller in [&mine, &phone, &tablet, &old] {
        me(&there, &caller.token).await.expect(200);
    }
    db.run(ASIDE).await;
    // One by its id, one by signing out, one by a refresh token that was used before, and all others.
    let sessions = mine.get("/me/sessions").await.json();
    assert!(sessions["items"].as_array().unwrap().len() >= 4);
    let id = session_of(&phone).await;
    Answer::of(mine.request(Method::DELETE, &format!("/me/sessions/{id}"))).await.expect(204);
    db.run(BACK).await;
    let took = until_refused(&there, &phone.token).await;
    println!("heard after {took:?}");
    me(&here, &phone.token).await.problem(401, "session_ended");
    Answer::of(tablet.request(Method::POST, "/auth/logout")).await.expect(204);
    db.run(BACK).await;
    until_refused(&there, &tablet.token).await;
    me(&there, &mine.token).await.expect(200);
    Answer::of(mine.request(Method::DELETE, "/me/sessions")).await.expect(204);
    db.run(BACK).await;
    until_refused(&there, &old.token).await;
    me(&there, &mine.token).await.expect(200);

    // A change of password ends the others.
    let other = here.sign_in(owner, PASSWORD).await;
    db.run("insert into kept_sessions select id, user_id, acts_in, kind, device, address, created_at, authenticated_at, last_used_at, idle_until, expires_at from registry.sessions s where not exists (select from kept_sessions k where k.id = s.id)").await;
    let again = json!({ "password": PASSWORD });
    Answer::of(mine.request(Method::POST, "/auth/authenticate-again").json(&again)).await.expect(204);
    let new = json!({ "password": "quite another long password" });
    Answer::of(mine.request(Method::PUT, "/me/password").json(&new)).await.expect(204);
    db.run(BACK).await;
    until_refused(&there, &other.token).await;

    // While Redis is away nobody hears, and PostgreSQL says it.
    let last = here.sign_in(owner, "quite another long password").await;
    redis.kill();
    me(&there, &last.token).await.expect(200);
    Answer::of(last.request(Method::POST, "/auth/logout")).await.expect(204);
    me(&there, &last.token).await.problem(401, "session_ended");
    // And it is heard again once it is back.
    redis.start_again();
    listening(&redis).await;
    me(&there, &mine.token).await.expect(200);
}

async fn session_of(caller: &Caller<'_>) -> String {
    let sessions = caller.get("/me/sessions").await.json();
    let current = sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == true).cloned();
    current.unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_refresh_token_that_is_replayed_ends_its_session_everywhere() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let (here, there) = (served(&db, &redis.url()).await, served(&db, &redis.url()).await);
    listening(&redis).await;
    let caller = here.sign_in(town().acme.owner.email, PASSWORD).await;
    db.run(ASIDE).await;
    let refresh = async || here.auth("refresh", json!({ "refresh_token": caller.refresh })).await;
    let next = refresh().await.expect(200).json()["refresh_token"].clone();
    here.auth("refresh", json!({ "refresh_token": next })).await.expect(200);
    refresh().await.problem(401, "refresh_token_spent");
    db.run(BACK).await;
    until_refused(&there, &caller.token).await;
    me(&here, &caller.token).await.problem(401, "session_ended");
}

#[tokio::test]
async fn a_key_that_is_revoked_is_refused_everywhere_and_what_others_say_in_redis_ends_nothing() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let (here, there) = (served(&db, &redis.url()).await, served(&db, &redis.url()).await);
    listening(&redis).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let projects = async |app: &TestApp, key: &str| {
        Answer::of(app.request(Method::GET, "/api/v1/projects").bearer_auth(key)).await
    };
    db.run(ASIDE).await;
    // Whoever can speak to Redis knows the ids, and not our secret.
    let id = [acme.id.as_bytes().as_slice(), acme.api_key.as_bytes()].concat();
    for told in [id.clone(), [id.clone(), vec![0; 32]].concat(), [id, vec![7; 31]].concat(), Vec::new(), vec![1; 5000]]
    {
        redis.tell::<()>(&[b"PUBLISH", b"rowhouse:ended", &told]).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    projects(&there, &acme.key).await.expect(200);

    let owner = crate::support::Member::new(&here, &acme.owner, acme);
    owner.delete(&format!("/tenant/api-keys/{}", acme.api_key), "*").await.expect(204);
    db.run("insert into tenant.api_keys select * from kept_keys on conflict do nothing").await;
    let begun = Instant::now();
    while projects(&there, &acme.key).await.status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(5), "it did not hear of it");
    }
    let heard = projects(&there, &acme.key).await.problem(401, "unauthenticated");
    // Nothing tells by which of the two it was refused.
    db.run(&format!("delete from tenant.api_keys where id = '{}'", acme.api_key)).await;
    let asked = TestApp::new(&db).await;
    let asked = projects(&asked, &acme.key).await.problem(401, "unauthenticated");
    assert_eq!(heard["detail"], asked["detail"]);
    projects(&there, &globex.key).await.expect(200);
}
