//! `WebSocket`s: opened by tickets, followed by topic, and what is done with whoever does not keep to the rules.
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, RequestBuilder};
use rowhouse::db::API_ROLE;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{Socket, refused};
use crate::support::{Answer, Member, Person, TenantFixture, TestApp, TestDb, Way, both_ways, town, tuning};

both_ways! {
    #[tokio::test]
    topics_are_followed_by_whoever_may_and_told_once_each;
    #[tokio::test]
    a_ticket_is_good_once_and_where_it_was_asked_for;
}

const TICKET: &str = "/auth/ws-ticket";

fn asked(member: &Member<'_>) -> RequestBuilder {
    member.request(Method::POST, TICKET)
}

/// A WebSocket of a person in a tenant.
async fn socket(app: &TestApp, person: &Person, tenant: &TenantFixture) -> Socket {
    let ticket = Socket::ticket(asked(&Member::new(app, person, tenant))).await;
    Socket::open(app, &ticket).await
}

async fn topics_are_followed_by_whoever_may_and_told_once_each(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    let mut here = socket(&app, &acme.both, acme).await;
    let mut there = socket(&app, &globex.both, globex).await;
    let begin = here.follow("events:project.created", None).await;
    here.follow("notifications", None).await;
    there.follow("events", None).await;
    there.follow("notifications", None).await;
    let made = owner.post("/projects", json!({ "name": "On the wire" })).await.expect(201).json();
    let item = here.item("events:project.created").await;
    assert_eq!(item["data"]["data"]["id"], made["id"]);
    db.run(&format!(
        "select registry.notify_member('{}', '{}', 'member.joined', 'Here', null, null);
         select registry.notify_member('{}', '{}', 'member.joined', 'There', null, null);
         notify rowhouse_wake, '{0}'; notify rowhouse_wake, '{2}'",
        acme.id, acme.both.id, globex.id, globex.both.id
    ))
    .await;
    assert_eq!(here.item("notifications").await["data"]["title"], "Here");
    assert_eq!(there.item("notifications").await["data"]["title"], "There");
    // Followed no more; and again, from where it was begun.
    here.say(json!({ "type": "unsubscribe", "topic": "events:project.created" })).await;
    assert_eq!(here.hear().await, json!({ "type": "unsubscribed", "topic": "events:project.created" }));
    owner.post("/projects", json!({ "name": "Not told" })).await.expect(201);
    here.silent(Duration::from_millis(300)).await;
    here.follow("events:project.created", Some(&begin)).await;
    assert_eq!(here.item("events:project.created").await, item);
    here.item("events:project.created").await;
    here.say(json!({ "type": "ping" })).await;
    assert_eq!(here.hear().await, json!({ "type": "pong" }));
    // What a position of another tenant is worth.
    there.say(json!({ "type": "unsubscribe", "topic": "events" })).await;
    there.hear().await;
    there.say(json!({ "type": "subscribe", "topic": "events", "after": begin })).await;
    let said = there.hear().await;
    assert_eq!(said["type"], "resync", "{said}");
    there.silent(Duration::from_millis(300)).await;
}

async fn a_ticket_is_good_once_and_where_it_was_asked_for(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    let opened = async |ticket: &str, headers: &[(&str, &str)]| {
        Socket::with(&app, ticket, headers)
            .await
            .map(|_| ())
            .map_err(|(status, problem)| (status, problem["code"].as_str().unwrap_or_default().to_owned()))
    };
    let spent = Err((401, "ticket_spent".to_owned()));
    let ticket = Socket::ticket(asked(&owner)).await;
    for (headers, refusal) in [
        (vec![("host", "globex.localhost")], (400, "tenant_conflict")),
        (vec![("host", globex.domain)], (400, "tenant_conflict")),
        (vec![("x-tenant-id", "0198c2f4-7e1b-7c3a-9c57-2f3c1a5d9e10")], (400, "tenant_conflict")),
        (vec![("origin", "https://evil.example")], (403, "cross_site")),
        (vec![("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], (403, "cross_site")),
        (vec![("sec-websocket-version", "8")], (426, "upgrade_required")),
        (vec![("sec-websocket-key", "c2hvcnQ=")], (426, "upgrade_required")),
        (vec![("content-length", "5")], (426, "upgrade_required")),
    ] {
        assert_eq!(opened(&ticket, &headers).await, Err((refusal.0, refusal.1.to_owned())), "{headers:?}");
    }
    // None of that has used it.
    let host = format!("http://{}", app.address);
    assert_eq!(opened(&ticket, &[("origin", &host)]).await, Ok(()));
    assert_eq!(opened(&ticket, &[]).await, spent);
    // Altered anywhere, cut, made up, or of another secret.
    let ticket = Socket::ticket(asked(&owner)).await;
    for at in [0, 20, 60, 100, ticket.len() - 2] {
        let mut altered = ticket.clone().into_bytes();
        altered[at] = if altered[at] == b'x' { b'y' } else { b'x' };
        assert_eq!(opened(&String::from_utf8(altered).unwrap(), &[]).await, spent, "{at}");
    }
    for none in ["", "x", &ticket[..40], &format!("{ticket}AAAA")] {
        assert_eq!(opened(none, &[]).await, spent, "{none}");
    }
    // Of two at once one opens.
    let both = futures_util::future::join_all((0..4).map(|_| opened(&ticket, &[]))).await;
    assert_eq!(both.iter().filter(|opened| opened.is_ok()).count(), 1, "{both:?}");
    // Of a session that has ended meanwhile, of a member who was removed, too late.
    let ticket = Socket::ticket(asked(&Member::new(&app, &acme.member, acme))).await;
    db.run(&format!("delete from registry.sessions where user_id = '{}'", acme.member.id)).await;
    assert_eq!(opened(&ticket, &[]).await, Err((401, "session_ended".to_owned())));
    let ticket = Socket::ticket(asked(&Member::new(&app, &acme.viewer, acme))).await;
    db.run(&format!("delete from tenant.memberships where user_id = '{}'", acme.viewer.id)).await;
    assert_eq!(opened(&ticket, &[]).await, Err((403, "not_a_member".to_owned())));
    let ticket = Socket::ticket(asked(&owner)).await;
    db.run("update tenant.tickets set expires_at = now()").await;
    assert_eq!(opened(&ticket, &[]).await, spent);
    // Those that were never used go with the next one.
    Socket::ticket(asked(&owner)).await;
    let left = format!("select count(*) from tenant.tickets where principal = '{}'", acme.owner.id);
    assert_eq!(db.value::<i64>(&left).await, 1);
    // A key has tickets too, and follows what a key may.
    db.run(&format!(
        "update tenant.api_keys set permissions = '{{events:read,projects:read}}' where tenant_id = '{}'",
        acme.id
    ))
    .await;
    let ticket = Socket::ticket(app.request(Method::POST, "/api/v1/auth/ws-ticket").bearer_auth(&acme.key)).await;
    let mut key = Socket::open(&app, &ticket).await;
    key.follow("events:project.created", None).await;
    key.say(json!({ "type": "subscribe", "topic": "notifications" })).await;
    assert_eq!(key.hear().await["code"], "person_required");
    // Without a ticket, without a WebSocket, without a token.
    refused(app.request(Method::GET, "/api/v1/live"), 400, "bad_request").await;
    let plain = Answer::of(app.request(Method::GET, "/api/v1/live?ticket=x")).await;
    plain.problem(426, "upgrade_required");
    assert_eq!(plain.header("upgrade"), "websocket");
    refused(app.request(Method::POST, "/api/v1/auth/ws-ticket"), 401, "unauthenticated").await;
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_listed_opens_one_and_no_other_does() {
    let db = TestDb::new().await;
    let options = ["--pool", "4", "--cors-origins", "https://app.example.com"];
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&options)).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let ticket = Socket::ticket(asked(&owner)).await;
    for origin in ["https://app.example.com.evil.example", "http://app.example.com", "null"] {
        let headers = [("origin", origin), ("sec-fetch-site", "cross-site")];
        assert_eq!(Socket::with(&app, &ticket, &headers).await.err().unwrap().0, 403, "{origin}");
    }
    let headers = [("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")];
    assert!(Socket::with(&app, &ticket, &headers).await.is_ok());
}

#[tokio::test]
async fn what_is_said_wrongly_is_answered_and_what_is_too_much_ends_it() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let mut owner = socket(&app, &acme.owner, acme).await;
    let topic = "events:project.created";
    owner.follow(topic, None).await;
    for (said, code) in [
        (json!({ "type": "publish" }), "malformed_message"),
        (json!("subscribe"), "malformed_message"),
        (json!({ "type": "subscribe", "topic": "events", "user": acme.member.id }), "malformed_message"),
        (json!({ "type": "subscribe", "topic": "events:project.exploded" }), "bad_request"),
        (json!({ "type": "subscribe", "topic": format!("notifications:{}", acme.member.id) }), "bad_request"),
        (json!({ "type": "subscribe", "topic": format!("{}/events", town().globex.id) }), "bad_request"),
        (json!({ "type": "subscribe", "topic": "" }), "bad_request"),
        (json!({ "type": "subscribe", "topic": topic }), "bad_request"),
        (json!({ "type": "unsubscribe", "topic": "events" }), "not_subscribed"),
    ] {
        owner.say(said.clone()).await;
        let answer = owner.hear().await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)), "{said}: {answer}");
    }
    // 10,000 subscriptions: sixteen, then it is said, then it is over.
    let mut greedy = socket(&app, &acme.owner, acme).await;
    let types = app.client.get(app.url("/api/v1/event-types")).send().await.unwrap();
    let types: serde_json::Value = types.json().await.unwrap();
    let names: Vec<&str> =
        types["items"].as_array().unwrap().iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    for n in 0..10_000 {
        let topic = format!("events:{}", names[n % names.len()]);
        let said = json!({ "type": "subscribe", "topic": topic }).to_string();
        if greedy.0.send(Message::text(said)).await.is_err() {
            break;
        }
    }
    let (mut followed, mut too_many) = (0, 0);
    let code = loop {
        match greedy.message().await {
            Message::Text(text) if text.contains("\"subscribed\"") => followed += 1,
            Message::Text(text) if text.contains("16 topics at most") => too_many += 1,
            Message::Text(_) => {}
            Message::Close(frame) => break frame.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((followed, u16::from(code.code), &*code.reason), (16, 4029, "too_many_messages"));
    assert!(too_many > 50, "{too_many}");
    // Too long, not text, not UTF-8, not the protocol.
    for (message, code) in [
        (Message::text("x".repeat(1 << 20)), 1009),
        (Message::text(" ".repeat((64 << 10) + 1)), 1009),
        (Message::binary(vec![1, 2, 3]), 1003),
    ] {
        let mut wrong = socket(&app, &acme.owner, acme).await;
        // The other end may have closed it before all was written.
        let _ = wrong.0.send(message).await;
        assert_eq!(wrong.closed().await.0, code);
    }
    owner.say(json!({ "type": "ping" })).await;
    assert_eq!(owner.hear().await["type"], "pong", "others are none of its business");
}

/// What one topic has read is told also where another cannot be read just now: it has moved on, and would never tell it again.
#[tokio::test]
async fn a_topic_that_cannot_be_read_takes_nothing_from_others() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let mut socket = socket(&app, &acme.owner, acme).await;
    socket.follow("notifications", None).await;
    socket.follow("events:api_key.created", None).await;
    // As where a lock was waited for in vain.
    db.run(
        "create function registry.busy() returns boolean language plpgsql as
             $$ begin raise exception 'busy' using errcode = '55P03'; end $$;
         create policy busy on tenant.events as restrictive for select to rowhouse_api using ((select registry.busy()))",
    )
    .await;
    let key = json!({ "name": "Told of", "permissions": ["projects:read"] });
    owner.post("/tenant/api-keys", key).await.expect(201);
    assert_eq!(socket.item("notifications").await["data"]["kind"], "api_key.created");
    db.run("drop policy busy on tenant.events").await;
    socket.item("events:api_key.created").await;
    socket.silent(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_server_that_leaves_closes_with_the_word_to_come_again() {
    let db = TestDb::new().await;
    let mut app = TestApp::new(&db).await;
    let acme = &town().acme;
    let mut owner = socket(&app, &acme.owner, acme).await;
    owner.follow("notifications", None).await;
    let ticket = Socket::ticket(asked(&Member::new(&app, &acme.owner, acme))).await;
    let began = Instant::now();
    app.leave(Duration::from_secs(2));
    assert_eq!(owner.closed().await, (1012, "leaving".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(1));
    drop(owner);
    assert_eq!(Socket::with(&app, &ticket, &[]).await.err().unwrap().0, 503);
    app.stopped().await;
    assert!(began.elapsed() < Duration::from_secs(6), "nobody is waited for");
}

#[tokio::test]
async fn whoever_takes_nothing_is_cut_off_and_goes_on_from_where_they_were() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let mut slow = socket(&app, &acme.owner, acme).await;
    let mut quick = socket(&app, &acme.owner, acme).await;
    let begin = slow.follow("notifications", None).await;
    quick.follow("notifications", None).await;
    // 20 MB: more than all buffers on the way.
    let many = 500;
    db.run(&format!(
        "insert into tenant.notifications (tenant_id, user_id, id, kind, title, body)
         select '{}', '{}', registry.new_id(), 'member.joined', 'Title ' || n, repeat('ä€𝄞x', 2500)
         from generate_series(1, {many}) n; notify rowhouse_wake, '{0}'",
        acme.id, acme.owner.id
    ))
    .await;
    for _ in 0..many {
        quick.item("notifications").await;
    }
    tokio::time::sleep(Duration::from_secs(12)).await;
    let figures = app.app.live.figures();
    assert!(figures.closed.iter().any(|(_, why, count)| (*why, *count) == ("slow", 1)), "{figures:?}");
    // What was on its way arrives, and then why.
    let (mut received, mut position) = (Vec::new(), begin.clone());
    while let Some(Ok(Message::Text(text))) = slow.0.next().await {
        let item: serde_json::Value = serde_json::from_str(&text).unwrap();
        received.push(item["data"]["id"].as_str().unwrap().to_owned());
        item["position"].as_str().unwrap().clone_into(&mut position);
    }
    assert!(received.len() < many, "all of it fitted on the way");
    let mut again = socket(&app, &acme.owner, acme).await;
    again.follow("notifications", Some(&position)).await;
    while received.len() < many {
        received.push(again.item("notifications").await["data"]["id"].as_str().unwrap().to_owned());
    }
    let distinct: std::collections::BTreeSet<&String> = received.iter().collect();
    assert_eq!(distinct.len(), many);
    assert!(received.is_sorted());
    again.silent(Duration::from_millis(200)).await;
    // Whoever takes nothing and loses the right is cut off as soon as others.
    drop((quick, again));
    let mut deaf = socket(&app, &acme.owner, acme).await;
    deaf.follow("notifications", Some(&begin)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    db.run(&format!("delete from registry.sessions where user_id = '{}'", acme.owner.id)).await;
    tokio::time::sleep(Duration::from_millis(1900)).await;
    let figures = app.app.live.figures();
    let ended = figures.closed.iter().find(|(_, why, _)| *why == "session_ended").map_or(0, |(.., count)| *count);
    assert_eq!(ended, 1, "{figures:?}");
}
