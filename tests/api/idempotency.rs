//! `Idempotency-Key`: a request that is sent again is answered alike and done once.
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Member, Names, PostBox, TestApp, TestDb, forge, town, tuning};

const PROJECTS: &str = "/api/v1/projects";

/// A project by acme's owner, under this key.
fn project(app: &TestApp, key: &str, name: &str) -> RequestBuilder {
    post(app, PROJECTS, town().acme.owner.id, town().acme.id, key, &json!({ "name": name }))
}

fn post(app: &TestApp, path: &str, user: Uuid, tenant: Uuid, key: &str, body: &Value) -> RequestBuilder {
    app.as_user(Method::POST, path, user, tenant).header("idempotency-key", key).json(body)
}

/// How many projects have this name, in all tenants.
async fn projects(db: &TestDb, name: &str) -> i64 {
    db.value(&format!("select count(*) from tenant.projects where name = '{name}'")).await
}

/// How many keys are kept, those of the fixture aside.
async fn kept(db: &TestDb) -> i64 {
    db.value("select count(*) from tenant.idempotency_keys where answer <> 'answer'").await
}

#[track_caller]
fn same(first: &Answer, again: &Answer) {
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    for name in ["location", "etag", "content-type", "cache-control", "preference-applied"] {
        assert_eq!(first.headers.get(name), again.headers.get(name), "{name}");
    }
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"), "it is a request of its own");
}

#[tokio::test]
async fn a_request_sent_again_is_answered_alike_and_done_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let first = Answer::of(project(&app, "\"one\"", "Once")).await.expect(201);
    assert!(first.header("location").ends_with(first.json()["id"].as_str().unwrap()));
    for _ in 0..3 {
        same(&first, &Answer::of(project(&app, "\"one\"", "Once")).await);
    }
    assert_eq!(projects(&db, "Once").await, 1);
    // Without quotes it is the same key; another key is another request.
    same(&first, &Answer::of(project(&app, "one", "Once")).await);
    Answer::of(project(&app, "two", "Once")).await.problem(409, "conflict");
    // What it answered then, not what is there now.
    db.run("update tenant.projects set name = 'Renamed since' where name = 'Once'").await;
    same(&first, &Answer::of(project(&app, "one", "Once")).await);
}

#[tokio::test]
async fn a_key_is_good_for_one_request() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    Answer::of(project(&app, "one", "Mine")).await.expect(201);
    for (path, body) in [
        (PROJECTS.to_owned(), json!({ "name": "Another" })),
        (PROJECTS.to_owned(), json!({ "name": "Mine", "description": null })),
        (format!("{PROJECTS}?x=1"), json!({ "name": "Mine" })),
        (format!("{PROJECTS}/{}/tasks", acme.projects[0].id), json!({ "name": "Mine" })),
    ] {
        let other = Answer::of(post(&app, &path, acme.owner.id, acme.id, "one", &body)).await;
        other.problem(422, "idempotency_key_reused");
    }
    let spaced = post(&app, PROJECTS, acme.owner.id, acme.id, "one", &json!({})).body("{ \"name\":\"Mine\"}");
    Answer::of(spaced).await.problem(422, "idempotency_key_reused");
    assert_eq!((projects(&db, "Another").await, kept(&db).await), (0, 1));
}

#[tokio::test]
async fn each_caller_in_each_tenant_has_keys_of_their_own() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    db.run(
        "update tenant.api_keys set permissions = '{projects:read,projects:write}';
         update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
         where r.tenant_id = m.tenant_id and r.name = 'owner' and m.email = 'both@example.com'",
    )
    .await;
    let fire = async |caller: &str, user: Uuid, tenant: Uuid| {
        let body = json!({ "name": caller });
        let first = Answer::of(post(&app, PROJECTS, user, tenant, "same", &body)).await.expect(201);
        same(&first, &Answer::of(post(&app, PROJECTS, user, tenant, "same", &body)).await);
    };
    fire("an owner", acme.owner.id, acme.id).await;
    fire("a member", acme.member.id, acme.id).await;
    fire("both here", acme.both.id, acme.id).await;
    fire("both there", acme.both.id, globex.id).await;
    for key in [&acme.key, &globex.key] {
        let robot = || {
            let request = app.request(Method::POST, PROJECTS).bearer_auth(key).header("idempotency-key", "same");
            request.json(&json!({ "name": "a robot" }))
        };
        let first = Answer::of(robot()).await.expect(201);
        same(&first, &Answer::of(robot()).await);
    }
    assert_eq!(kept(&db).await, 6);
}

#[tokio::test]
async fn whoever_lost_the_tenant_or_the_session_is_shown_nothing_again() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let fire = |user: Uuid| post(&app, PROJECTS, user, acme.id, "one", &json!({ "name": user }));
    for user in [acme.member.id, acme.both.id] {
        Answer::of(fire(user)).await.expect(201);
    }
    db.run(&format!("delete from tenant.memberships where user_id = '{}'", acme.member.id)).await;
    Answer::of(fire(acme.member.id)).await.problem(403, "not_a_member");
    let gone = format!("select count(*) from tenant.idempotency_keys where user_id = '{}'", acme.member.id);
    assert_eq!(db.value::<i64>(&gone).await, 0, "what a member is kept goes with them");
    db.run("update registry.tenants set status = 'suspended'").await;
    Answer::of(fire(acme.both.id)).await.problem(403, "tenant_not_open");
    db.run(&format!("delete from registry.sessions where user_id = '{}'", acme.both.id)).await;
    Answer::of(fire(acme.both.id)).await.problem(401, "session_ended");
}

#[tokio::test]
async fn of_many_at_once_one_acts_and_the_others_are_told_to_wait_or_answered_alike() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let answers = join_all((0..12).map(|_| Answer::of(project(&app, "one", "At once")))).await;
    let mut acted = 0;
    for answer in &answers {
        match answer.status.as_u16() {
            201 if answer.header("idempotency-replayed").is_empty() => acted += 1,
            201 => assert_eq!(answer.header("idempotency-replayed"), "true"),
            _ => drop(answer.problem(409, "idempotency_key_in_use")),
        }
    }
    assert_eq!((acted, projects(&db, "At once").await), (1, 1), "{answers:#?}");
}

#[tokio::test]
async fn a_request_that_is_running_is_not_waited_for() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let superuser = db.superuser().await;
    // The first has taken its key and waits for the row of its tenant, to which a project refers. Not for the table: a connection
    // that knows the second's statement not yet would wait for that as well, to prepare it.
    let hold = format!("begin; select from registry.tenants where id = '{}' for update", town().acme.id);
    superuser.batch_execute(&hold).await.unwrap();
    let first = tokio::spawn(project(&app, "one", "Slow").send());
    let watcher = db.superuser().await;
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    while watcher.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let started = Instant::now();
    let second = Answer::of(project(&app, "one", "Slow")).await;
    let waited = started.elapsed();
    second.problem(409, "idempotency_key_in_use");
    assert_eq!(second.header("retry-after"), "1");
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    superuser.batch_execute("rollback").await.unwrap();
    let first = first.await.unwrap().unwrap();
    assert_eq!(first.status(), 201);
    let again = Answer::of(project(&app, "one", "Slow")).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), again.text.as_str()), ("true", &*first.text().await.unwrap()));
}

#[tokio::test]
async fn a_key_is_kept_for_a_day() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    Answer::of(project(&app, "one", "Yesterday")).await.expect(201);
    let day = "select bool_and(expires_at = created_at + interval '24 hours') from tenant.idempotency_keys";
    assert!(db.value::<bool>(day).await);
    db.run("update tenant.idempotency_keys set expires_at = now()").await;
    let today = Answer::of(project(&app, "one", "Today")).await.expect(201);
    assert_eq!(today.header("idempotency-replayed"), "");
    same(&today, &Answer::of(project(&app, "one", "Today")).await);
    // What has expired goes, a few at a time, as its owner comes by.
    db.run(
        "insert into tenant.idempotency_keys (tenant_id, user_id, key, fingerprint, status, answer, expires_at)
         select tenant_id, user_id, 'old ' || n, sha256('x'), 201, 'x', now() - n * interval '1 minute'
         from tenant.idempotency_keys, generate_series(1, 8) n where key = 'one'",
    )
    .await;
    let old = "select count(*) from tenant.idempotency_keys where key like 'old %'";
    for left in [3_i64, 0] {
        Answer::of(project(&app, &format!("next-{left}"), &format!("Next {left}"))).await.expect(201);
        assert_eq!(db.value::<i64>(old).await, left);
    }
}

#[tokio::test]
async fn a_refused_request_leaves_nothing_and_can_be_mended_under_its_key() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    Answer::of(project(&app, "one", "")).await.problem(422, "invalid");
    Answer::of(project(&app, "one", &acme.projects[0].name)).await.problem(409, "conflict");
    let tasks = format!("{PROJECTS}/{}/tasks", town().globex.projects[0].id);
    let body = json!({ "name": "A task" });
    Answer::of(post(&app, &tasks, acme.owner.id, acme.id, "one", &body)).await.problem(404, "not_found");
    let viewer = post(&app, PROJECTS, acme.viewer.id, acme.id, "one", &json!({ "name": "Mended" }));
    Answer::of(viewer).await.problem(403, "permission_denied");
    let rotate = format!("/api/v1/tenant/api-keys/{}/rotate", town().nowhere);
    Answer::of(post(&app, &rotate, acme.owner.id, acme.id, "one", &json!({}))).await.problem(404, "not_found");
    assert_eq!(kept(&db).await, 0);
    Answer::of(project(&app, "one", "Mended")).await.expect(201);
    assert_eq!((kept(&db).await, projects(&db, "Mended").await), (1, 1));
}

#[tokio::test]
async fn an_answer_is_kept_so_that_only_our_servers_read_it_and_only_for_its_key() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let path = "/api/v1/tenant/api-keys";
    let body = json!({ "name": "Hidden words", "permissions": ["tasks:read"] });
    let fire = |key: &str| post(&app, path, acme.owner.id, acme.id, key, &body);
    let first = Answer::of(fire("one")).await.expect(201);
    assert!(first.json()["key"].as_str().unwrap().starts_with("rh_live_"));
    assert_eq!(first.header("cache-control"), "no-store");
    same(&first, &Answer::of(fire("one")).await);
    for word in ["rh_live_", "Hidden words", "location", "tasks:read"] {
        let found = format!(
            "select count(*) from tenant.idempotency_keys where position(convert_to('{word}', 'UTF8') in answer) > 0
               or fingerprint::text like '%{word}%' or key like '%{word}%'"
        );
        assert_eq!(db.value::<i64>(&found).await, 0, "{word}");
    }
    // Moved to another key by whoever can write the table, it opens for nobody.
    let other = json!({ "name": "Another", "permissions": ["tasks:read"] });
    let other = || post(&app, path, acme.owner.id, acme.id, "two", &other);
    Answer::of(other()).await.expect(201);
    db.run(
        "update tenant.idempotency_keys k set answer = o.answer from tenant.idempotency_keys o
         where k.key = 'two' and o.key = 'one'",
    )
    .await;
    let moved = Answer::of(other()).await;
    moved.problem(500, "internal");
    assert!(!moved.text.contains("rh_live_"));
}

#[tokio::test]
async fn a_malformed_key_is_refused_on_every_post() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let long = "k".repeat(256);
    let malformed =
        ["", "\"\"", "a b", "\"open", "\"a\"b", "\"a\";x=1", "a\"b", "a,b", "\"\\a\"", "\u{e9}", "\"\u{e9}\"", &long];
    for key in malformed {
        let own = app.as_user(Method::POST, PROJECTS, acme.owner.id, acme.id).json(&json!({ "name": "Malformed" }));
        let login = app.request(Method::POST, "/api/v1/auth/login").json(&json!({}));
        for request in [own, login] {
            let problem =
                Answer::of(request.header("idempotency-key", key.as_bytes())).await.problem(400, "bad_request");
            assert_eq!(problem["errors"][0]["parameter"], "Idempotency-Key", "{key:?}");
        }
    }
    let twice = project(&app, "one", "Malformed").header("idempotency-key", "one");
    Answer::of(twice).await.problem(400, "bad_request");
    assert_eq!(projects(&db, "Malformed").await, 0);
    let longest = "k".repeat(255);
    for (number, key) in ["k", &longest, "\"two words\"", "\"a \\\" and a \\\\\"", "!#$%&'()*+-./:<=>?@[]^_`{|}~"]
        .into_iter()
        .enumerate()
    {
        let name = format!("Well made {number}");
        let first = Answer::of(project(&app, key, &name)).await.expect(201);
        same(&first, &Answer::of(project(&app, key, &name)).await);
    }
    // Where nothing is made it means nothing.
    let get = app.as_user(Method::GET, PROJECTS, acme.owner.id, acme.id).header("idempotency-key", "a b");
    Answer::of(get).await.expect(200);
}

#[tokio::test]
async fn an_invitation_wants_a_key_and_its_letter_goes_out_once() {
    let db = TestDb::new().await;
    let post_box = PostBox::start().await;
    let app = TestApp::with_post(&db, &post_box).await;
    let acme = &town().acme;
    let path = "/api/v1/tenant/invitations";
    let body = json!({ "email": "guest@elsewhere.example", "role_id": acme.role });
    let without = app.as_user(Method::POST, path, acme.owner.id, acme.id).json(&body);
    Answer::of(without).await.problem(400, "idempotency_key_required");
    let first = Answer::of(post(&app, path, acme.owner.id, acme.id, "one", &body)).await.expect(201);
    // More often than letters may go to one address: what is answered again is not counted.
    for _ in 0..6 {
        same(&first, &Answer::of(post(&app, path, acme.owner.id, acme.id, "one", &body)).await);
    }
    // Before it is sent once more: one whose link is not good any more is not sent.
    post_box.letter_to("guest@elsewhere.example").await;
    let resend = format!("{path}/{}/resend", first.json()["id"].as_str().unwrap());
    let sent = Answer::of(post(&app, &resend, acme.owner.id, acme.id, "two", &json!({}))).await.expect(200);
    for _ in 0..6 {
        same(&sent, &Answer::of(post(&app, &resend, acme.owner.id, acme.id, "two", &json!({}))).await);
    }
    post_box.letter_to("guest@elsewhere.example").await;
    // One for the invitation, one for sending it again, and no more.
    post_box.is_empty(&app).await;
}

#[tokio::test]
async fn a_domain_that_was_proven_stays_answered_and_one_that_was_not_is_looked_for_again() {
    let db = TestDb::new().await;
    let names = Names::start().await;
    let server = names.address.to_string();
    let app = TestApp::with(&db.url("rowhouse_api"), &tuning(&["--pool", "4", "--name-servers", &server])).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let claim = owner.post("/tenant/domains", json!({ "domain": "shop.example.com" })).await.expect(201).json();
    let verify = || {
        let path = format!("/tenant/domains/{}/verify", claim["id"].as_str().unwrap());
        owner.request(Method::POST, &path).header("idempotency-key", "one")
    };
    Answer::of(verify()).await.problem(409, "domain_not_proven");
    let looked = "select checked_at is not null from registry.domains where domain = 'shop.example.com'";
    assert!(db.value::<bool>(looked).await, "that it was looked for is noted");
    assert_eq!(kept(&db).await, 0);
    names.set(claim["record_name"].as_str().unwrap(), &[claim["record_value"].as_str().unwrap()]);
    let proven = Answer::of(verify()).await.expect(200);
    names.set(claim["record_name"].as_str().unwrap(), &["something else"]);
    same(&proven, &Answer::of(verify()).await);
}

#[tokio::test]
async fn a_tenant_is_made_once_under_a_key_of_its_founder() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let body = json!({ "name": "Twice asked for" });
    let fire = |user: Uuid, key: &str, body: &Value| {
        let request = app.request(Method::POST, "/api/v1/tenants").bearer_auth(forge(user, None).sign());
        request.header("idempotency-key", key).json(body)
    };
    let first = Answer::of(fire(acme.owner.id, "one", &body)).await.expect(201);
    same(&first, &Answer::of(fire(acme.owner.id, "one", &body)).await);
    Answer::of(fire(acme.owner.id, "one", &json!({ "name": "Another" }))).await.problem(422, "idempotency_key_reused");
    let other = Answer::of(fire(acme.member.id, "one", &body)).await.expect(201);
    assert_ne!(other.json()["id"], first.json()["id"], "another person's key is another key");
    // Refused, it leaves the key free.
    Answer::of(fire(acme.owner.id, "two", &json!({ "name": "A", "slug": "acme" }))).await.problem(409, "conflict");
    Answer::of(fire(acme.owner.id, "two", &json!({ "name": "A", "slug": "acme-two" }))).await.expect(201);
    let made = "select count(*) from registry.tenants where name = 'Twice asked for'";
    assert_eq!(db.value::<i64>(made).await, 2);
    assert_eq!(db.value::<i64>("select count(*) from registry.idempotency_keys").await, 3);
    db.run("update registry.idempotency_keys set expires_at = now()").await;
    Answer::of(fire(acme.owner.id, "one", &json!({ "name": "Another day" }))).await.expect(201);
    assert_eq!(db.value::<i64>("select count(*) from registry.idempotency_keys").await, 2, "the expired went");
    db.run(&format!("delete from registry.sessions where user_id = '{}'", acme.owner.id)).await;
    Answer::of(fire(acme.owner.id, "one", &body)).await.problem(401, "session_ended");
}
