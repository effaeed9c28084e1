//! API keys: the tenant's and no person's, shown once, and never more than whoever makes them.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use reqwest::{Method, RequestBuilder};
use rowhouse::auth::sha256;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Person, TestApp, TestDb, Way, both_ways, hex, town};

both_ways! {
    #[tokio::test]
    a_key_is_shown_once_and_does_what_it_may;
    #[tokio::test]
    a_revoked_or_expired_key_is_out_at_the_very_next_request;
}

pub(super) const KEYS: &str = "/api/v1/tenant/api-keys";
pub(super) const PROJECTS: &str = "/api/v1/projects";

/// A key that was made in a test.
struct Made {
    id: Uuid,
    key: String,
}

impl Made {
    fn of(answer: &Answer) -> Self {
        let answer = answer.json();
        let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{name} of {answer}"));
        Self { id: text("id").parse().unwrap(), key: text("key").to_owned() }
    }

    fn path(&self) -> String {
        format!("{KEYS}/{}", self.id)
    }
}

fn with_key(app: &TestApp, method: Method, path: &str, key: &str) -> RequestBuilder {
    app.request(method, path).bearer_auth(key)
}

pub(super) async fn get(app: &TestApp, path: &str, key: &str) -> Answer {
    Answer::of(with_key(app, Method::GET, path, key)).await
}

/// As one of acme's members.
async fn ask(app: &TestApp, method: Method, path: &str, who: &Person, body: Value) -> Answer {
    let request = app.as_user(method, path, who.id, town().acme.id).header("if-match", "*");
    Answer::of(request.json(&body)).await
}

async fn make(app: &TestApp, name: &str, permissions: &[&str]) -> Made {
    let body = json!({ "name": name, "permissions": permissions });
    Made::of(&ask(app, Method::POST, KEYS, &town().acme.owner, body).await.expect(201))
}

/// Makes a member an admin, who may do all but close the tenant.
async fn promote(db: &TestDb, who: &Person) {
    let promote = "update tenant.memberships m set role_id = r.id, permissions = r.permissions
                   from tenant.roles r where r.tenant_id = m.tenant_id and r.name = 'admin' and m.user_id = $1";
    assert_eq!(db.superuser().await.execute(promote, &[&who.id]).await.unwrap(), 1);
}

/// A superuser's change of one key.
pub(super) async fn change(db: &TestDb, id: Uuid, set: &str) {
    let update = format!("update tenant.api_keys set {set} where id = $1");
    assert_eq!(db.superuser().await.execute(&update, &[&id]).await.unwrap(), 1);
}

async fn a_key_is_shown_once_and_does_what_it_may(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let body = json!({ "name": "importer", "permissions": ["projects:read", "tasks:read"] });
    let answer = ask(&app, Method::POST, KEYS, &acme.owner, body).await.expect(201);
    assert_eq!(answer.header("cache-control"), "no-store");
    let (shown, made) = (answer.json(), Made::of(&answer));
    assert_eq!((answer.header("location"), answer.header("etag")), (&*made.path(), "\"1\""));
    assert!(made.key.starts_with("rh_live_") && made.key.ends_with(shown["hint"].as_str().unwrap()), "{shown}");
    assert_eq!(shown["created_by"], acme.owner.id.to_string());
    assert_eq!((&shown["expires_at"], &shown["last_used_at"]), (&Value::Null, &Value::Null));

    // Never again, by whichever way one reads it; and the database does not hold it either.
    let whole = BASE64.decode(&made.key["rh_live_".len()..made.key.len() - 6]).unwrap();
    let secret = &whole[32..];
    for path in [KEYS, &made.path()] {
        let read = app.get(path, acme.owner.id, acme.id).await.expect(200);
        for part in [&*made.key, "\"key\"", "secret", "hash", &hex(secret), &hex(&sha256(secret))] {
            assert!(!read.text.contains(part), "{part} in {read:?}");
        }
    }
    let row = "select k::text from tenant.api_keys k where id = $1";
    let row: String = db.superuser().await.query_one(row, &[&made.id]).await.unwrap().get(0);
    // A hash of what is presented: neither the secret nor what the server makes of it.
    assert!(row.contains(&hex(&sha256(&sha256(secret)))), "{row}");
    for told in [&hex(&sha256(secret)), &hex(secret), &made.key] {
        assert!(!row.contains(told), "{row}");
    }

    // Its tenant is in it.
    let list = get(&app, PROJECTS, &made.key).await.expect(200).json();
    assert_eq!(list["items"][0]["id"], acme.projects[0].id.to_string());
    let project = format!("{PROJECTS}/{}", acme.projects[0].id);
    get(&app, &project, &made.key).await.expect(200);
    get(&app, &format!("{project}/tasks"), &made.key).await.expect(200);
    get(&app, &format!("{PROJECTS}/{}", town().globex.projects[0].id), &made.key).await.problem(404, "not_found");
    let named = with_key(&app, Method::GET, PROJECTS, &made.key).header("x-tenant-id", acme.id.to_string());
    Answer::of(named).await.expect(200);
    let elsewhere =
        with_key(&app, Method::GET, PROJECTS, &made.key).header("x-tenant-id", town().globex.id.to_string());
    Answer::of(elsewhere).await.problem(400, "tenant_conflict");
    let elsewhere = with_key(&app, Method::GET, PROJECTS, &made.key).header("host", "globex.localhost");
    Answer::of(elsewhere).await.problem(400, "tenant_conflict");

    // What it may not is named.
    for (method, path, permission) in [
        (Method::POST, PROJECTS, "projects:write"),
        (Method::DELETE, &*project, "projects:delete"),
        (Method::GET, "/api/v1/tenant/members", "members:read"),
        (Method::GET, KEYS, "api-keys:read"),
    ] {
        let request = with_key(&app, method, path, &made.key).header("if-match", "*").json(&json!({ "name": "x" }));
        let problem = Answer::of(request).await.problem(403, "permission_denied");
        assert!(problem["detail"].as_str().unwrap().contains(permission), "{path}: {problem}");
    }
    // What is a person's own is not its.
    for (method, path) in [
        (Method::GET, "/api/v1/me"),
        (Method::GET, "/api/v1/me/sessions"),
        (Method::GET, "/api/v1/me/events"),
        (Method::DELETE, "/api/v1/me/sessions"),
        (Method::POST, "/api/v1/auth/logout"),
        (Method::POST, "/api/v1/tenant/leave"),
    ] {
        Answer::of(with_key(&app, method, path, &made.key)).await.problem(403, "person_required");
    }
    let create = with_key(&app, Method::POST, "/api/v1/tenants", &made.key).json(&json!({ "name": "A key's own" }));
    Answer::of(create).await.problem(403, "person_required");
    let switch = with_key(&app, Method::POST, "/api/v1/auth/switch-tenant", &made.key);
    Answer::of(switch.json(&json!({ "tenant_id": acme.id }))).await.problem(403, "person_required");
}

#[tokio::test]
async fn a_key_in_an_address_or_with_a_slip_in_it_does_not_work() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    get(&app, PROJECTS, &acme.key).await.expect(200);
    // Not even beside a token that holds: it is in somebody's log by now.
    for parameter in ["api_key", "key", "access_token", "cursor"] {
        let path = format!("{PROJECTS}?{parameter}={}", acme.key);
        for answer in [
            Answer::of(app.request(Method::GET, &path)).await,
            app.get(&path, acme.owner.id, acme.id).await,
            get(&app, &path, &acme.key).await,
        ] {
            let problem = answer.problem(400, "bad_request");
            assert_eq!(problem["errors"][0]["code"], "secret_in_address");
            assert!(!answer.text.contains(&acme.key), "an answer is logged too");
        }
    }
    // Where tokens and cookies belong it is none.
    let basic = app.request(Method::GET, PROJECTS).header("authorization", format!("Basic {}", acme.key));
    Answer::of(basic).await.problem(401, "unauthenticated");
    let cookie = app.request(Method::GET, PROJECTS).header("cookie", format!("__Host-rowhouse={}", acme.key));
    Answer::of(cookie).await.problem(401, "unauthenticated");

    let middle = acme.key.len() / 2;
    let flipped = if acme.key.as_bytes()[middle] == b'A' { "B" } else { "A" };
    for key in [
        format!("{}{flipped}{}", &acme.key[..middle], &acme.key[middle + 1..]),
        acme.key[..acme.key.len() - 1].to_owned(),
        format!("{}A", acme.key),
        acme.key.replace("rh_live_", "rh_test_"),
        acme.key.to_uppercase(),
        "rh_live_".to_owned(),
        format!("rh_live_{}", town().acme.api_key),
    ] {
        let refused = get(&app, PROJECTS, &key).await;
        refused.problem(401, "unauthenticated");
        assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"rowhouse\", error=\"invalid_token\"", "{key}");
    }
    // Well-formed, with tenant, id or secret of another's.
    let globex = &town().globex;
    let secret = sha256(acme.api_key.as_bytes());
    for (tenant, id, secret) in [
        (acme.id, acme.api_key, [7; 32]),
        (acme.id, globex.api_key, secret),
        (globex.id, acme.api_key, secret),
        (globex.id, globex.api_key, secret),
        (town().nowhere, acme.api_key, secret),
        (acme.id, acme.owner.id, secret),
    ] {
        get(&app, PROJECTS, &well_formed(tenant, id, &secret)).await.problem(401, "unauthenticated");
    }
    get(&app, PROJECTS, &well_formed(acme.id, acme.api_key, &secret)).await.expect(200);
}

/// A key whose checksum is right.
pub(super) fn well_formed(tenant: Uuid, id: Uuid, secret: &[u8]) -> String {
    let body = [tenant.as_bytes().as_slice(), id.as_bytes(), secret].concat();
    let front = format!("rh_live_{}", BASE64.encode(body));
    let checksum = BASE64.encode(&sha256(front.as_bytes())[..4]);
    front + &checksum
}

async fn a_revoked_or_expired_key_is_out_at_the_very_next_request(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let made = make(&app, "short-lived", &["projects:read"]).await;
    get(&app, PROJECTS, &made.key).await.expect(200);
    let delete = |tag: Option<&str>| {
        let request = app.as_user(Method::DELETE, &made.path(), acme.owner.id, acme.id);
        tag.map_or(request.try_clone().unwrap(), |tag| request.header("if-match", tag))
    };
    Answer::of(delete(None)).await.problem(428, "precondition_required");
    Answer::of(delete(Some("\"7\""))).await.problem(412, "precondition_failed");
    get(&app, PROJECTS, &made.key).await.expect(200);
    Answer::of(delete(Some("\"1\""))).await.expect(204);
    get(&app, PROJECTS, &made.key).await.problem(401, "unauthenticated");
    app.get(&made.path(), acme.owner.id, acme.id).await.problem(404, "not_found");

    let expiring = |at: &str| json!({ "name": "expiring", "permissions": ["projects:read"], "expires_at": at });
    for past in ["2020-01-01T00:00:00Z", "1970-01-01T00:00:00Z"] {
        let problem = ask(&app, Method::POST, KEYS, &acme.owner, expiring(past)).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/expires_at");
    }
    let answer = ask(&app, Method::POST, KEYS, &acme.owner, expiring("2099-01-01T00:00:00Z")).await.expect(201);
    assert_eq!(answer.json()["expires_at"], "2099-01-01T00:00:00Z");
    let made = Made::of(&answer);
    let past = json!({ "expires_at": "2020-01-01T00:00:00Z" });
    let problem = ask(&app, Method::PATCH, &made.path(), &acme.owner, past).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/expires_at");
    get(&app, PROJECTS, &made.key).await.expect(200);
    change(&db, made.id, "expires_at = now() - interval '1 second'").await;
    get(&app, PROJECTS, &made.key).await.problem(401, "unauthenticated");
    // Expiry can be put off again, which brings the key back.
    ask(&app, Method::PATCH, &made.path(), &acme.owner, json!({ "expires_at": null })).await.expect(200);
    get(&app, PROJECTS, &made.key).await.expect(200);
}

#[tokio::test]
async fn a_rotation_leaves_the_old_secret_as_long_as_was_asked() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let first = make(&app, "rotating", &["projects:read"]).await;
    let rotate =
        async |body: Value| ask(&app, Method::POST, &format!("{}/rotate", first.path()), &acme.owner, body).await;
    let answer = rotate(json!({ "overlap_hours": 1 })).await.expect(200);
    assert_eq!((answer.header("cache-control"), answer.header("etag")), ("no-store", "\"2\""));
    let second = Made::of(&answer);
    assert_eq!(second.id, first.id);
    assert_ne!(second.key, first.key);
    assert!(answer.json()["previous_until"].is_string());
    for key in [&first.key, &second.key] {
        get(&app, PROJECTS, key).await.expect(200);
    }
    change(&db, first.id, "previous_until = now() - interval '1 second'").await;
    get(&app, PROJECTS, &first.key).await.problem(401, "unauthenticated");
    get(&app, PROJECTS, &second.key).await.expect(200);

    // At once, for when it has leaked.
    let third = Made::of(&rotate(json!({ "overlap_hours": 0 })).await.expect(200));
    for key in [&first.key, &second.key] {
        get(&app, PROJECTS, key).await.problem(401, "unauthenticated");
    }
    get(&app, PROJECTS, &third.key).await.expect(200);
    // A day unless said; of older secrets none stays.
    let fourth = Made::of(&rotate(json!({})).await.expect(200));
    let until = "select previous_until between now() + interval '23 hours' and now() + interval '24 hours'
                 from tenant.api_keys where id = $1";
    assert!(db.superuser().await.query_one(until, &[&first.id]).await.unwrap().get::<_, bool>(0));
    let fifth = Made::of(&rotate(json!({ "overlap_hours": 168 })).await.expect(200));
    get(&app, PROJECTS, &third.key).await.problem(401, "unauthenticated");
    for key in [&fourth.key, &fifth.key] {
        get(&app, PROJECTS, key).await.expect(200);
    }
    for wrong in [json!(1000), json!(169), json!(-1), json!("1"), json!(4_294_967_296_u64)] {
        let problem = rotate(json!({ "overlap_hours": wrong })).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/overlap_hours");
    }
    get(&app, PROJECTS, &fifth.key).await.expect(200);
}

#[tokio::test]
async fn nobody_makes_a_key_that_holds_more_than_they_do() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let body = |permissions: &[&str]| json!({ "name": "more", "permissions": permissions });
    let denied = |answer: &Answer, permission: &str| {
        let problem = answer.problem(403, "permission_denied");
        assert!(problem["detail"].as_str().unwrap().contains(permission), "{problem}");
    };
    // A member may make none at all, an admin none that closes the tenant.
    let member = ask(&app, Method::POST, KEYS, &acme.member, body(&["projects:read"])).await;
    denied(&member, "api-keys:write");
    promote(&db, &acme.member).await;
    denied(
        &ask(&app, Method::POST, KEYS, &acme.member, body(&["projects:read", "tenant:delete"])).await,
        "tenant:delete",
    );
    ask(&app, Method::POST, KEYS, &acme.member, body(&["projects:read", "members:delete"])).await.expect(201);
    // Nor is an owner's key the way there: whoever rotates it holds it.
    let owners = make(&app, "the owner's", &["tenant:delete"]).await;
    denied(
        &ask(&app, Method::POST, &format!("{}/rotate", owners.path()), &acme.member, json!({})).await,
        "tenant:delete",
    );
    denied(&ask(&app, Method::PATCH, &owners.path(), &acme.member, json!({ "name": "mine" })).await, "tenant:delete");

    for (permissions, pointer) in [
        (json!(["projects:read", "projects:fly"]), "/permissions"),
        (json!(["*"]), "/permissions"),
        (json!([]), "/permissions"),
        (json!(null), "/permissions"),
        (json!("projects:read"), "/permissions"),
        (json!([""]), "/permissions/0"),
    ] {
        let body = json!({ "name": "unknown", "permissions": permissions });
        let problem = ask(&app, Method::POST, KEYS, &acme.owner, body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{permissions}: {problem}");
    }

    // A key makes no key, however much it holds: it could outlive itself.
    let maker = make(&app, "maker", &["api-keys:read", "api-keys:write", "projects:read"]).await;
    let made = json!({ "name": "made by a key", "permissions": ["projects:read"] });
    Answer::of(with_key(&app, Method::POST, KEYS, &maker.key).json(&made)).await.problem(403, "person_required");
    let rotate = with_key(&app, Method::POST, &format!("{}/rotate", maker.path()), &maker.key).json(&json!({}));
    Answer::of(rotate).await.problem(403, "person_required");
    let forever = with_key(&app, Method::PATCH, &maker.path(), &maker.key).header("if-match", "*");
    Answer::of(forever.json(&json!({ "expires_at": null }))).await.problem(403, "person_required");
    Answer::of(with_key(&app, Method::GET, KEYS, &maker.key)).await.expect(200);
    let names = app.get(KEYS, acme.owner.id, acme.id).await.expect(200).text;
    assert!(!names.contains("projects:write") && !names.contains("unknown"), "{names}");
}

#[tokio::test]
async fn a_key_outlives_its_maker_and_not_its_tenant() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    promote(&db, &acme.member).await;
    let body = json!({ "name": "left behind", "permissions": ["projects:read"] });
    let answer = ask(&app, Method::POST, KEYS, &acme.member, body).await.expect(201);
    assert_eq!(answer.json()["created_by"], acme.member.id.to_string());
    let made = Made::of(&answer);
    let member = format!("/api/v1/tenant/members/{}", acme.member.id);
    ask(&app, Method::DELETE, &member, &acme.owner, json!({})).await.expect(204);
    app.get(PROJECTS, acme.member.id, acme.id).await.problem(403, "not_a_member");
    get(&app, PROJECTS, &made.key).await.expect(200);
    let read = app.get(&made.path(), acme.owner.id, acme.id).await.expect(200).json();
    assert_eq!((&read["created_by"], &read["name"]), (&Value::Null, &json!("left behind")));

    let superuser = db.superuser().await;
    for status in ["suspended", "closing", "closed"] {
        superuser.execute("update registry.tenants set status = $1 where slug = 'acme'", &[&status]).await.unwrap();
        for key in [&made.key, &acme.key] {
            let problem = get(&app, PROJECTS, key).await.problem(403, "tenant_not_open");
            assert!(problem["detail"].as_str().unwrap().contains(status), "{problem}");
        }
    }
    get(&app, PROJECTS, &town().globex.key).await.expect(200);
    superuser.batch_execute("update registry.tenants set status = 'active' where slug = 'acme'").await.unwrap();
    get(&app, PROJECTS, &made.key).await.expect(200);
}

#[tokio::test]
async fn another_tenants_key_is_not_there() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    for id in [globex.api_key, town().nowhere] {
        let path = format!("{KEYS}/{id}");
        for (method, path, body) in [
            (Method::GET, path.clone(), json!({})),
            (Method::PATCH, path.clone(), json!({ "name": "taken over" })),
            (Method::DELETE, path.clone(), json!({})),
            (Method::POST, format!("{path}/rotate"), json!({ "overlap_hours": 0 })),
        ] {
            ask(&app, method, &path, &acme.owner, body).await.problem(404, "not_found");
        }
    }
    let list = app.get(KEYS, acme.owner.id, acme.id).await.expect(200);
    assert!(!list.text.contains(&globex.api_key.to_string()));
    get(&app, PROJECTS, &globex.key).await.expect(200);
    let untouched = app.get(&format!("{KEYS}/{}", globex.api_key), globex.owner.id, globex.id).await.expect(200);
    assert_eq!((untouched.json()["name"].clone(), untouched.header("etag")), (json!("robot"), "\"1\""));
}
