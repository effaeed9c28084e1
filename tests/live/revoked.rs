//! Whoever loses the right to a stream loses the stream, within two seconds, whoever took it and however: each cause, on each kind of stream.
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{Socket, Sse};
use crate::support::{Answer, Member, TestApp, TestDb, forge, town};

/// How soon.
const SOON: Duration = Duration::from_secs(2);

/// Which stream is opened, and by whom.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Member,
    Key,
    /// Who follows events of one type, or on a WebSocket this topic.
    Watcher,
}

/// What is done, and with which word the stream ends.
struct Cause {
    what: &'static str,
    who: Who,
    code: &'static str,
    /// What a WebSocket is closed with; none where one topic ends, and the socket stays.
    close: Option<u16>,
    by: By,
}

enum By {
    /// In psql: `{member}`, `{tenant}` and `{key}` stand for ids.
    Hand(&'static str),
    /// By a request of the owner's.
    Owner(fn(&Member<'_>, &str) -> RequestBuilder),
    /// By a request of the member's own.
    Oneself(fn(&Member<'_>) -> RequestBuilder),
}

const CAUSES: &[Cause] = &[
    cause(
        "a session is ended in psql",
        Who::Member,
        "session_ended",
        Some(4401),
        By::Hand("delete from registry.sessions where user_id = '{member}'"),
    ),
    cause(
        "a session is cut short in psql",
        Who::Member,
        "session_ended",
        Some(4401),
        By::Hand("update registry.sessions set idle_until = now() where user_id = '{member}'"),
    ),
    cause(
        "all sessions are emptied",
        Who::Member,
        "session_ended",
        Some(4401),
        By::Hand("truncate registry.sessions cascade"),
    ),
    cause(
        "a member signs out",
        Who::Member,
        "session_ended",
        Some(4401),
        By::Oneself(|member| member.request(Method::POST, "/auth/logout")),
    ),
    cause(
        "a member is removed in psql",
        Who::Member,
        "not_a_member",
        Some(4403),
        By::Hand("delete from tenant.memberships where user_id = '{member}' and tenant_id = '{tenant}'"),
    ),
    cause(
        "a member is removed",
        Who::Member,
        "not_a_member",
        Some(4403),
        By::Owner(|owner, member| {
            owner.request(Method::DELETE, &format!("/tenant/members/{member}")).header("if-match", "*")
        }),
    ),
    cause(
        "a member leaves",
        Who::Member,
        "not_a_member",
        Some(4403),
        By::Oneself(|member| member.request(Method::POST, "/tenant/leave")),
    ),
    cause(
        "an account is deactivated",
        Who::Member,
        "account_deactivated",
        Some(4401),
        By::Hand("update registry.users set active = false where id = '{member}'"),
    ),
    cause(
        "a tenant is suspended",
        Who::Member,
        "tenant_not_open",
        Some(4403),
        By::Hand("update registry.tenants set status = 'suspended' where id = '{tenant}'"),
    ),
    cause(
        "a tenant is suspended, and a key follows",
        Who::Key,
        "tenant_not_open",
        Some(4403),
        By::Hand("update registry.tenants set status = 'suspended' where id = '{tenant}'"),
    ),
    cause(
        "a key is revoked in psql",
        Who::Key,
        "unauthenticated",
        Some(4401),
        By::Hand("delete from tenant.api_keys where id = '{key}'"),
    ),
    cause(
        "a key is cut short in psql",
        Who::Key,
        "unauthenticated",
        Some(4401),
        By::Hand("update tenant.api_keys set expires_at = now() where id = '{key}'"),
    ),
    cause(
        "a key is rotated without overlap in psql",
        Who::Key,
        "unauthenticated",
        Some(4401),
        By::Hand("update tenant.api_keys set secret_hash = sha256('another') where id = '{key}'"),
    ),
    cause(
        "a key is revoked",
        Who::Key,
        "unauthenticated",
        Some(4401),
        By::Owner(|owner, _| {
            owner.request(Method::DELETE, &format!("/tenant/api-keys/{}", town().acme.api_key)).header("if-match", "*")
        }),
    ),
    cause(
        "a role loses the right to a type in psql",
        Who::Watcher,
        "permission_denied",
        None,
        By::Hand(
            "update tenant.roles set permissions = array_remove(permissions, 'products:read') where tenant_id = '{tenant}' and name = 'member'",
        ),
    ),
    cause(
        "a role loses events",
        Who::Watcher,
        "permission_denied",
        None,
        By::Hand(
            "update tenant.roles set permissions = array_remove(permissions, 'events:read') where tenant_id = '{tenant}' and name = 'member'",
        ),
    ),
    cause(
        "a member is given a role without it",
        Who::Watcher,
        "permission_denied",
        None,
        By::Hand(
            "update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
        where r.tenant_id = m.tenant_id and r.name = 'reader' and m.tenant_id = '{tenant}' and m.user_id = '{member}'",
        ),
    ),
];

const fn cause(what: &'static str, who: Who, code: &'static str, close: Option<u16>, by: By) -> Cause {
    Cause { what, who, code, close, by }
}

#[tokio::test]
async fn each_cause_ends_server_sent_events_and_websockets_within_two_seconds() {
    let mut slowest = Duration::ZERO;
    for chunk in CAUSES.chunks(6) {
        let ended = chunk.iter().map(|cause| async move {
            let db = TestDb::new().await;
            let app = TestApp::new(&db).await;
            ends(&db, &app, cause).await
        });
        slowest = slowest.max(futures_util::future::join_all(ended).await.into_iter().max().unwrap());
    }
    println!("{} causes on both kinds of stream; the slowest took {slowest:?}", CAUSES.len());
}

/// Opens both kinds, does it, and waits for both to end. How long that took.
async fn ends(db: &TestDb, app: &TestApp, cause: &Cause) -> Duration {
    let acme = &town().acme;
    let (owner, member) = (Member::new(app, &acme.owner, acme), Member::new(app, &acme.member, acme));
    db.run("update tenant.api_keys set permissions = '{events:read,projects:read}'").await;
    let colleague = Member::new(app, &acme.both, acme);
    let as_asked = |method: Method, path: &str| match cause.who {
        Who::Key => app.request(method, &format!("/api/v1{path}")).bearer_auth(&acme.key),
        _ => member.request(method, path),
    };
    let (path, topic) = match cause.who {
        Who::Watcher => ("/events/stream?type=product.created", "events:product.created"),
        _ => ("/events/stream", "events"),
    };
    let (mut sse, _) = Sse::ready(as_asked(Method::GET, path)).await;
    let mut socket = Socket::open(app, &Socket::ticket(as_asked(Method::POST, "/auth/ws-ticket")).await).await;
    socket.follow(topic, None).await;
    // One that follows nothing yet ends as well.
    let mut idle = Socket::open(app, &Socket::ticket(as_asked(Method::POST, "/auth/ws-ticket")).await).await;
    let (mut stays, _) = Sse::ready(colleague.request(Method::GET, "/notifications/stream")).await;
    let begun = Instant::now();
    match &cause.by {
        By::Hand(statement) => {
            let statement = statement
                .replace("{member}", &acme.member.id.to_string())
                .replace("{tenant}", &acme.id.to_string())
                .replace("{key}", &acme.api_key.to_string());
            db.run(&statement).await;
        }
        By::Owner(request) => drop(Answer::of(request(&owner, &acme.member.id.to_string())).await.expect(204)),
        By::Oneself(request) => drop(Answer::of(request(&member)).await.expect(204)),
    }
    // Told before it was over, perhaps: that it happened.
    let end = loop {
        let told = sse.next().await;
        if told.event == "end" {
            break told.data;
        }
    };
    assert_eq!(end["code"], cause.code, "{}", cause.what);
    assert_eq!(sse.maybe().await, None, "{}", cause.what);
    if let Some(code) = cause.close {
        let closed = loop {
            if let Message::Close(frame) = socket.message().await {
                break frame.unwrap();
            }
        };
        assert_eq!((u16::from(closed.code), &*closed.reason), (code, cause.code), "{}", cause.what);
        assert_eq!(idle.closed().await, (code, cause.code.to_owned()), "{}", cause.what);
    } else {
        let said = socket.hear().await;
        assert_eq!(
            (&said["type"], &said["topic"], &said["code"]),
            (&json!("ended"), &json!(topic), &json!(cause.code))
        );
    }
    let took = begun.elapsed();
    assert!(took < SOON, "{}: it took {took:?}", cause.what);
    if cause.who == Who::Watcher {
        stays.silent(Duration::from_millis(100)).await;
    }
    took
}

/// Nobody does anything: what was said when the session or the key was made comes true.
#[tokio::test]
async fn a_session_and_a_key_that_run_out_end_their_streams_within_two_seconds() {
    let lived = Duration::from_secs(2);
    for (who, code, runs_out) in [
        (Who::Member, "session_ended", "update registry.sessions set idle_until = {then} where user_id = '{member}'"),
        (Who::Key, "unauthenticated", "update tenant.api_keys set expires_at = {then}, permissions = '{events:read}' where id = '{key}'"),
        // The secret that was replaced, and is good for a while beside the new one.
        (
            Who::Key,
            "unauthenticated",
            "update tenant.api_keys set previous_hash = secret_hash, previous_until = {then}, secret_hash = sha256('new'), permissions = '{events:read}'
             where id = '{key}'",
        ),
    ] {
        let db = TestDb::new().await;
        let app = TestApp::new(&db).await;
        let acme = &town().acme;
        let member = Member::new(&app, &acme.member, acme);
        let as_asked = |method: Method, path: &str| match who {
            Who::Key => app.request(method, &format!("/api/v1{path}")).bearer_auth(&acme.key),
            _ => member.request(method, path),
        };
        let runs_out = runs_out
            .replace("{then}", &format!("now() + interval '{} milliseconds'", lived.as_millis()))
            .replace("{member}", &acme.member.id.to_string())
            .replace("{key}", &acme.api_key.to_string());
        let begun = Instant::now();
        db.run(&runs_out).await;
        let (mut sse, _) = Sse::ready(as_asked(Method::GET, "/events/stream")).await;
        let mut socket = Socket::open(&app, &Socket::ticket(as_asked(Method::POST, "/auth/ws-ticket")).await).await;
        socket.follow("events", None).await;
        let mut idle = Socket::open(&app, &Socket::ticket(as_asked(Method::POST, "/auth/ws-ticket")).await).await;
        assert!(begun.elapsed() < lived, "this machine is too slow to show it: {:?}", begun.elapsed());
        assert_eq!(sse.end().await["code"], code, "{runs_out}");
        assert_eq!(socket.closed().await, (4401, code.to_owned()), "{runs_out}");
        assert_eq!(idle.closed().await, (4401, code.to_owned()), "{runs_out}");
        let took = begun.elapsed();
        assert!(took >= lived && took < lived + SOON, "{runs_out}: it took {took:?}");
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires_and_the_next_one_goes_on() {
    let db = TestDb::new().await;
    let app = &TestApp::new(&db).await;
    let acme = &town().acme;
    let expiring = || {
        let token = forge(acme.owner.id, Some(acme.id)).claim("exp", jiff::Timestamp::now().as_second() + 2).sign();
        move |method: Method, path: &str| app.request(method, &format!("/api/v1{path}")).bearer_auth(token.clone())
    };
    let request = expiring();
    let (mut sse, position) = Sse::ready(request(Method::GET, "/notifications/stream")).await;
    let mut socket = Socket::open(app, &Socket::ticket(request(Method::POST, "/auth/ws-ticket")).await).await;
    let at = Instant::now();
    assert_eq!(sse.end().await["code"], "token_expired");
    assert_eq!(socket.closed().await, (4401, "token_expired".to_owned()));
    assert!(at.elapsed() < SOON + Duration::from_secs(1), "{:?}", at.elapsed());
    let owner = Member::new(app, &acme.owner, acme);
    Sse::ready(owner.request(Method::GET, "/notifications/stream").header("last-event-id", position)).await;
}
