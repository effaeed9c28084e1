//! Operations that ask no tenant: those on the caller's own account, fired as others and as nobody; and the public
//! ones, each with the reason why nobody has to be signed in. That list may only shrink.
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{fingerprint, names};
use crate::support::{Answer, TestApp, TestDb, Way, both_ways, forge, handle, town};

both_ways! {
    #[tokio::test]
    ones_own_account_is_for_oneself;
    #[tokio::test]
    another_persons_session_and_a_missing_one_are_answered_alike;
    #[tokio::test]
    public_operations_change_nothing_for_whoever_holds_no_secret;
    #[tokio::test]
    me_shows_the_caller_and_nobody_else;
}

/// Operations for which nobody has to be signed in, each with its reason.
const PUBLIC: &[(&str, &str)] = &[
    ("GET /livez", "says that the process runs; touches nothing"),
    ("GET /readyz", "says whether it is fit to serve; no tenant's data"),
    ("GET /.well-known/jwks.json", "public keys, public by nature"),
    ("GET /api/v1/platform/settings", "what is public by its own word; pages show it before anybody signs in"),
    ("GET /api/v1/event-types", "what there is to tell, the same for everybody; no tenant's data"),
    ("GET /api/v1/live", "the ticket says who, and is good once; tests/live/socket.rs attacks it"),
    ("POST /api/v1/auth/login", "nobody is signed in yet; tests/api/login.rs attacks it"),
    ("POST /api/v1/auth/refresh", "the refresh token says who; tests/api/refresh.rs attacks it"),
    ("POST /api/v1/auth/signup", "nobody has an account yet; tests/api/accounts.rs attacks it"),
    ("POST /api/v1/auth/verify-email", "the link says who, and is all it takes"),
    ("POST /api/v1/auth/verify-email/resend", "whoever asks is told nothing; the address is"),
    ("POST /api/v1/auth/password-reset", "whoever asks is told nothing; the address is"),
    ("POST /api/v1/auth/password-reset/confirm", "the link says who; the password is what was forgotten"),
    ("POST /api/v1/auth/invitations/show", "whoever is invited need not have an account"),
    ("POST /api/v1/auth/invitations/accept", "whoever is invited need not have an account"),
];

type Body = fn() -> Value;

/// Operations on the caller's own account, and a body that is right.
const OWN: &[(&str, Body)] = &[
    ("POST /api/v1/auth/authenticate-again", || json!({ "password": "not the one" })),
    ("POST /api/v1/auth/logout", || Value::Null),
    ("POST /api/v1/auth/switch-tenant", || json!({ "tenant_id": town().globex.id })),
    ("GET /api/v1/me", || Value::Null),
    ("PATCH /api/v1/me", || json!({ "full_name": "Somebody Else" })),
    ("POST /api/v1/me/email", || json!({ "email": "somebody.else@example.com" })),
    ("GET /api/v1/me/events", || Value::Null),
    ("POST /api/v1/me/invitations/accept", || json!({ "token": "A".repeat(86) })),
    ("PUT /api/v1/me/password", || json!({ "password": "a password nobody has" })),
    ("POST /api/v1/me/recovery-codes", || Value::Null),
    ("GET /api/v1/me/sessions", || Value::Null),
    ("DELETE /api/v1/me/sessions", || Value::Null),
    ("DELETE /api/v1/me/sessions/{id}", || Value::Null),
    ("POST /api/v1/me/totp", || Value::Null),
    ("DELETE /api/v1/me/totp", || Value::Null),
    ("POST /api/v1/me/totp/confirm", || json!({ "code": "000000" })),
    ("POST /api/v1/tenants", || json!({ "name": "A new one" })),
];

/// All of them.
pub(super) fn operations() -> impl Iterator<Item = &'static str> {
    PUBLIC.iter().map(|(operation, _)| *operation).chain(OWN.iter().map(|(operation, _)| *operation))
}

fn request(app: &TestApp, operation: &str, session: Uuid, body: fn() -> Value) -> RequestBuilder {
    let (method, path) = operation.split_once(' ').unwrap();
    let method: Method = method.parse().unwrap();
    let request = app.request(method, &path.replace("{id}", &session.to_string())).header("if-match", "*");
    match body() {
        Value::Null => request,
        body => request.json(&body),
    }
}

/// Everything of everybody but this person, in the registry and in both tenants.
async fn others(superuser: &Client, person: Uuid) -> String {
    let tables = names(
        superuser,
        "select distinct c.oid::regclass::text || ' ' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace = 'registry'::regnamespace and c.relkind = 'r' and a.attnum > 0
           and (a.attname = 'user_id' or c.relname = 'users' and a.attname = 'id') order by 1",
    )
    .await;
    assert!(tables.len() >= 6, "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let (table, column) = table.split_once(' ').unwrap();
        let digest = format!(
            "select '{table} ' || count(*) || coalesce(md5(string_agg(t::text, ',' order by t::text)), '-')
             from {table} t where {column} <> '{person}'"
        );
        all.push_str(&names(superuser, &digest).await[0]);
        all.push('\n');
    }
    for tenant in [&town().acme, &town().globex] {
        all.push_str(&fingerprint(superuser, tenant.id).await);
    }
    all
}

async fn ones_own_account_is_for_oneself(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::by(way, &db).await, db.superuser().await);
    let acme = &town().acme;
    assert!(PUBLIC.len() <= 15, "the list of operations for which nobody is signed in may only shrink");
    assert!(PUBLIC.iter().all(|(_, reason)| reason.len() > 20));
    let nobody = town().nowhere;
    let before = others(&superuser, nobody).await;
    for (operation, body) in OWN {
        let fire =
            async |token: &str| Answer::of(request(&app, operation, acme.member.id, *body).bearer_auth(token)).await;
        Answer::of(request(&app, operation, acme.member.id, *body)).await.problem(401, "unauthenticated");
        // An API key is nobody; a session that has ended, another's, or never was one, is none.
        fire(&acme.key).await.problem(403, "person_required");
        fire(&forge(acme.owner.id, None).claim("sid", nobody.to_string()).sign()).await.problem(401, "session_ended");
        let anothers = forge(acme.owner.id, None).claim("sid", acme.member.id.to_string());
        fire(&anothers.sign()).await.problem(401, "session_ended");
        fire(&forge(nobody, Some(acme.id)).sign()).await.problem(401, "session_ended");
    }
    assert_eq!(others(&superuser, nobody).await, before);
}

async fn another_persons_session_and_a_missing_one_are_answered_alike(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::by(way, &db).await, db.superuser().await);
    let acme = &town().acme;
    let before = others(&superuser, acme.owner.id).await;
    // By their handles, and by what their tokens present.
    let member = acme.member.id;
    for session in [handle(member), handle(town().globex.owner.id), member, town().nowhere] {
        let token = forge(acme.owner.id, None).sign();
        let answer = request(&app, "DELETE /api/v1/me/sessions/{id}", session, || Value::Null).bearer_auth(&token);
        Answer::of(answer).await.problem(404, "not_found");
    }
    // Everything one may do to one's own account touches nobody else's.
    for (operation, body) in OWN.iter().filter(|(operation, _)| !operation.ends_with("logout")) {
        let token = forge(acme.owner.id, None).sign();
        let answer = Answer::of(request(&app, operation, town().nowhere, *body).bearer_auth(&token)).await;
        assert_ne!(answer.status.as_u16() / 100, 5, "{operation}: {answer:?}");
    }
    let fresh =
        "delete from tenant.memberships m using registry.tenants t where t.id = m.tenant_id and t.slug = 'a-new-one'";
    superuser.batch_execute(fresh).await.unwrap();
    let unchanged = |all: String| -> Vec<String> {
        // The caller's own new name is carried by their membership, told, and written down.
        all.lines()
            .filter(|line| {
                !["tenant.memberships", "tenant.events", "tenant.audit_log"].iter().any(|table| line.starts_with(table))
            })
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(unchanged(others(&superuser, acme.owner.id).await), unchanged(before));
    let name = format!("select full_name from tenant.memberships where user_id <> '{}'", acme.owner.id);
    assert!(names(&superuser, &name).await.iter().all(|name| name != "Somebody Else"));
}

async fn public_operations_change_nothing_for_whoever_holds_no_secret(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::by(way, &db).await, db.superuser().await);
    let acme = &town().acme;
    let password = "a password nobody has";
    // Links that are kept for somebody are replaced by newer ones, and that is all anybody can do to them.
    let before = others(&superuser, town().nowhere).await;
    for (operation, body) in [
        ("POST /api/v1/auth/login", json!({ "email": acme.owner.email, "password": password })),
        ("POST /api/v1/auth/refresh", json!({ "refresh_token": format!("rh_refresh_{}", "A".repeat(43)) })),
        ("POST /api/v1/auth/signup", json!({ "email": acme.owner.email, "password": password, "full_name": "Eve" })),
        ("POST /api/v1/auth/verify-email", json!({ "token": "A".repeat(43) })),
        ("POST /api/v1/auth/verify-email/resend", json!({ "email": acme.owner.email })),
        ("POST /api/v1/auth/password-reset/confirm", json!({ "token": "A".repeat(43), "password": password })),
        ("POST /api/v1/auth/invitations/show", json!({ "token": "A".repeat(86) })),
        (
            "POST /api/v1/auth/invitations/accept",
            json!({ "token": "A".repeat(86), "password": password, "full_name": "Eve" }),
        ),
    ] {
        let (method, path) = operation.split_once(' ').unwrap();
        let answer = Answer::of(app.request(method.parse().unwrap(), path).json(&body)).await;
        assert!([202, 401, 410].contains(&answer.status.as_u16()), "{operation}: {answer:?}");
        assert!(!answer.text.contains("acme"), "{operation}: {answer:?}");
    }
    assert_eq!(others(&superuser, town().nowhere).await, before);
}

async fn me_shows_the_caller_and_nobody_else(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::by(way, &db).await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let me = async |token: String| Answer::of(app.request(Method::GET, "/api/v1/me").bearer_auth(token)).await;
    let both = me(forge(acme.both.id, None).sign()).await.expect(200).json();
    assert_eq!((&both["id"], &both["email"]), (&json!(acme.both.id), &json!("both@example.com")));
    let roles: Vec<_> =
        both["tenants"].as_array().unwrap().iter().map(|t| (t["id"].clone(), t["role"].clone())).collect();
    assert_eq!(roles, [(json!(acme.id), json!("member")), (json!(globex.id), json!("viewer"))]);
    assert!(!both.to_string().contains("argon2"));
    Answer::of(app.request(Method::GET, "/api/v1/me")).await.problem(401, "unauthenticated");
    me(forge(town().nowhere, None).sign()).await.problem(401, "session_ended");
    superuser.batch_execute("update registry.users set active = false").await.unwrap();
    me(forge(acme.both.id, None).sign()).await.problem(401, "account_deactivated");
}
