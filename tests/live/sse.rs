//! Server-sent events: what is told comes once each and in order, across reconnects; what cannot be is said.
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Sse, refused};
use crate::support::{Member, TenantFixture, TestApp, TestDb, Way, both_ways, town, tuning};
use rowhouse::db::API_ROLE;

both_ways! {
    #[tokio::test]
    an_event_reaches_whoever_follows_and_may_read_it;
    #[tokio::test]
    a_notification_reaches_its_member_and_nobody_else;
}

const EVENTS: &str = "/events/stream";
const NOTIFICATIONS: &str = "/notifications/stream";

fn stream(member: &Member<'_>, path: &str) -> RequestBuilder {
    member.request(Method::GET, path)
}

/// SQL that tells somebody something, as the house's own function does.
fn tell(tenant: &TenantFixture, user: Uuid, what: &str) -> String {
    format!(
        "select registry.notify_member('{0}', '{user}', 'member.joined', '{what}', null, null); notify rowhouse_wake, '{0}';",
        tenant.id
    )
}

fn title(told: &super::Told) -> &str {
    told.data["title"].as_str().unwrap()
}

async fn an_event_reaches_whoever_follows_and_may_read_it(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    let there = Member::new(&app, &globex.owner, globex);
    let viewer = Member::new(&app, &acme.viewer, acme);
    let (mut all, begin) = Sse::ready(stream(&owner, EVENTS)).await;
    let (mut some, _) = Sse::ready(stream(&viewer, &format!("{EVENTS}?type=project.deleted,project.created"))).await;
    let (mut others, _) = Sse::ready(stream(&there, EVENTS)).await;
    let made = owner.post("/projects", json!({ "name": "Seen at once" })).await.expect(201).json();
    owner.patch("/tenant/settings", "*", json!({ "currency": "SEK" })).await.expect(200);
    there.post("/projects", json!({ "name": "Elsewhere" })).await.expect(201);
    let (first, second) = (all.item().await, all.item().await);
    assert_eq!((&first.data["type"], &first.data["data"]["id"]), (&json!("project.created"), &made["id"]));
    assert_eq!(second.data["type"], "settings.updated");
    assert_eq!(some.item().await.data, first.data);
    let elsewhere = others.item().await;
    assert_ne!(elsewhere.data["data"]["id"], made["id"], "of one's own tenant alone");
    // What is sent is what the feed says, and a place on the one is a place on the other.
    let feed = owner.get(&format!("/events?after={begin}")).await.expect(200).json();
    assert_eq!(feed["items"], json!([first.data, second.data]));
    let feed = owner.get(&format!("/events?after={}", first.id.clone().unwrap())).await.expect(200).json();
    assert_eq!(feed["items"], json!([second.data]));
    let cursor = owner.get("/events?from=now").await.expect(200).json()["cursor"].as_str().unwrap().to_owned();
    owner.delete(&format!("/projects/{}", made["id"].as_str().unwrap()), "*").await.expect(204);
    let (mut again, _) = Sse::ready(stream(&owner, &format!("{EVENTS}?after={cursor}"))).await;
    assert_eq!(again.item().await.data["type"], "project.deleted");
    assert_eq!(some.item().await.data["type"], "project.deleted");
    others.silent(Duration::from_millis(300)).await;
}

async fn a_notification_reaches_its_member_and_nobody_else(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    // The same person in two tenants.
    let (here, there) = (Member::new(&app, &acme.both, acme), Member::new(&app, &globex.both, globex));
    let (mut told, _) = Sse::ready(stream(&here, NOTIFICATIONS)).await;
    let (mut elsewhere, _) = Sse::ready(stream(&there, NOTIFICATIONS)).await;
    let (colleagues, _) = Sse::ready(stream(&owner, NOTIFICATIONS)).await;
    let viewer = owner.role("viewer").await;
    owner.give(&acme.both, &viewer).await.expect(200);
    let item = told.item().await;
    assert_eq!(item.data["kind"], "member.role_changed");
    let listed = here.get("/notifications?limit=1").await.expect(200).json();
    assert_eq!(item.data, listed["items"][0]);
    db.run(&tell(globex, globex.both.id, "Of globex")).await;
    assert_eq!(title(&elsewhere.item().await), "Of globex");
    for mut other in [told, elsewhere, colleagues] {
        other.silent(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn whoever_connects_again_gets_what_came_meanwhile_once_each_and_in_order() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let superuser = db.superuser().await;
    let (stream_, mut position) = Sse::ready(stream(&owner, NOTIFICATIONS)).await;
    drop(stream_);
    let mut received = Vec::new();
    for round in 0..6 {
        // The third is written before the others, and committed after them.
        let slow = db.superuser().await;
        slow.batch_execute(&format!("begin; {}", tell(acme, acme.owner.id, &format!("{round} slow")))).await.unwrap();
        superuser.batch_execute(&tell(acme, acme.owner.id, &format!("{round} quick"))).await.unwrap();
        let request = stream(&owner, NOTIFICATIONS).header("last-event-id", &position);
        let (mut here, _) = Sse::ready(request).await;
        let left = 2 * round - received.len();
        for n in 0..=left + round % 2 {
            if n == left {
                here.silent(Duration::from_millis(100)).await;
                slow.batch_execute("commit").await.unwrap();
            }
            let item = here.item().await;
            received.push(title(&item).to_owned());
            position = item.id.unwrap();
        }
    }
    let request = stream(&owner, &format!("{NOTIFICATIONS}?after={position}"));
    let (mut rest, _) = Sse::ready(request).await;
    while received.len() < 12 {
        received.push(title(&rest.item().await).to_owned());
    }
    let all: Vec<String> = (0..6).flat_map(|round| [format!("{round} slow"), format!("{round} quick")]).collect();
    assert_eq!(received, all);
    rest.silent(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn more_than_a_page_comes_whole_and_in_order() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let (mut told, _) = Sse::ready(stream(&owner, NOTIFICATIONS)).await;
    for round in 0..3 {
        let many: String = (0..70).map(|n| tell(acme, acme.owner.id, &format!("{round} {n:02}"))).collect();
        db.run(&many).await;
    }
    let mut ids = Vec::new();
    for _ in 0..210 {
        ids.push(told.item().await.data["id"].as_str().unwrap().to_owned());
    }
    let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), 210);
    assert!(ids.is_sorted(), "one transaction after the other, and in each by id");
}

#[tokio::test]
async fn a_position_that_is_of_no_use_is_said_to_be_and_it_goes_on_from_now() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    let colleague = Member::new(&app, &acme.member, acme);
    let there = Member::new(&app, &globex.owner, globex);
    for path in [EVENTS, NOTIFICATIONS] {
        let (_, of_globex) = Sse::ready(stream(&there, path)).await;
        let (_, own) = Sse::ready(stream(&owner, path)).await;
        let (_, colleagues) = Sse::ready(stream(&colleague, path)).await;
        let (_, of_other) = Sse::ready(stream(&owner, if path == EVENTS { NOTIFICATIONS } else { EVENTS })).await;
        let mut altered = own.clone().into_bytes();
        altered[9] ^= 1;
        let mut useless = vec![
            of_globex,
            of_other,
            String::from_utf8_lossy(&altered).into_owned(),
            "17".to_owned(),
            own[..20].to_owned(),
        ];
        if path == NOTIFICATIONS {
            useless.push(colleagues);
        }
        let mut said = Vec::new();
        for position in useless {
            for request in [
                stream(&owner, path).header("last-event-id", &position),
                stream(&owner, &format!("{path}?after={}", position.replace('%', "%25"))),
            ] {
                let mut stream = Sse::open(request).await;
                let first = stream.next().await;
                assert_eq!(first.event, "resync", "{position}: {first:?}");
                assert!(first.id.is_some());
                said.push(first.data["detail"].clone());
            }
        }
        said.dedup();
        assert_eq!(said.len(), 1, "nothing is told of whose it is: {said:?}");
        // It goes on from there.
        let mut again = Sse::open(stream(&owner, path).header("last-event-id", "17")).await;
        let first = again.next().await;
        assert_eq!(first.event, "resync");
        db.run(&tell(acme, acme.owner.id, "After")).await;
        owner.post("/projects", json!({ "name": format!("After {path}") })).await.expect(201);
        let item = again.item().await;
        assert!(item.data.to_string().contains(if path == EVENTS { "project.created" } else { "After" }), "{item:?}");
        let (_, after) = Sse::ready(stream(&owner, path).header("last-event-id", first.id.unwrap())).await;
        assert!(!after.is_empty());
    }
    // A position that this database has not reached: it was brought back from a backup.
    db.run(&format!("update registry.tenants set epoch = 2 where id = '{}'", acme.id)).await;
    let (_, own) = Sse::ready(stream(&owner, EVENTS)).await;
    db.run(&format!("update registry.tenants set epoch = 1 where id = '{}'", acme.id)).await;
    let mut stream = Sse::open(stream(&owner, EVENTS).header("last-event-id", own)).await;
    assert_eq!(stream.next().await.event, "resync");
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused_before_anything_is_sent() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    for (path, at) in [
        (format!("{EVENTS}?type=project.exploded"), "type"),
        (format!("{EVENTS}?type="), "type"),
        (format!("{EVENTS}?limit=5"), "limit"),
        (format!("{NOTIFICATIONS}?type=x"), "type"),
    ] {
        let problem = refused(stream(&owner, &path), 400, "bad_request").await;
        assert_eq!(problem["errors"][0]["parameter"], at, "{path}");
    }
    refused(app.request(Method::GET, "/api/v1/events/stream"), 401, "unauthenticated").await;
    let key = |path: &str| app.request(Method::GET, &format!("/api/v1{path}")).bearer_auth(&acme.key);
    refused(key(NOTIFICATIONS), 403, "person_required").await;
    refused(key(EVENTS), 403, "permission_denied").await;
    // Whoever may follow, and not this.
    let role = owner.make_role("watcher", &["projects:read", "events:read"]).await;
    owner.give(&acme.member, &role).await.expect(200);
    let watcher = Member::new(&app, &acme.member, acme);
    let problem: Value =
        refused(stream(&watcher, &format!("{EVENTS}?type=project.created,member.joined")), 403, "permission_denied")
            .await;
    assert!(problem["detail"].as_str().unwrap().contains("members:read"), "{problem}");
    let (mut watching, _) = Sse::ready(stream(&watcher, EVENTS)).await;
    owner.patch("/tenant/settings", "*", json!({ "currency": "SEK" })).await.expect(200);
    owner.post("/projects", json!({ "name": "Seen" })).await.expect(201);
    assert_eq!(watching.item().await.data["type"], "project.created", "of the rest nothing is told");
}

#[tokio::test]
async fn there_are_as_many_streams_as_there_may_be_and_one_that_ends_makes_room() {
    let db = TestDb::new().await;
    let bounds = ["--pool", "4", "--streams", "5", "--streams-per-tenant", "3", "--streams-per-principal", "2"];
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&bounds)).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    let (one, _) = Sse::ready(stream(&owner, EVENTS)).await;
    let (_two, _) = Sse::ready(stream(&owner, NOTIFICATIONS)).await;
    let problem = refused(stream(&owner, EVENTS), 429, "too_many_streams").await;
    assert!(problem["detail"].as_str().unwrap().starts_with("you"), "{problem}");
    let (_three, _) = Sse::ready(stream(&Member::new(&app, &acme.member, acme), EVENTS)).await;
    let viewer = Member::new(&app, &acme.viewer, acme);
    let problem = refused(stream(&viewer, EVENTS), 429, "too_many_streams").await;
    assert!(problem["detail"].as_str().unwrap().starts_with("this tenant"), "{problem}");
    let mut there = Vec::new();
    for person in [&globex.owner, &globex.member] {
        there.push(Sse::ready(stream(&Member::new(&app, person, globex), EVENTS)).await);
    }
    refused(stream(&Member::new(&app, &globex.viewer, globex), EVENTS), 503, "no_room_for_streams").await;
    // Whoever is no member takes nobody's place.
    refused(stream(&Member::new(&app, &globex.viewer, acme), EVENTS), 403, "not_a_member").await;
    drop(one);
    let began = std::time::Instant::now();
    loop {
        let response = stream(&viewer, EVENTS).send().await.unwrap();
        if response.status() == 200 {
            break;
        }
        assert!(began.elapsed() < super::PATIENCE, "its place is not given back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_server_that_leaves_tells_whoever_follows_to_come_again_and_takes_no_more() {
    let db = TestDb::new().await;
    let mut app = TestApp::new(&db).await;
    let acme = &town().acme;
    let request = app.as_user(Method::GET, "/api/v1/events/stream", acme.owner.id, acme.id);
    let (mut stream, _) = Sse::ready(request).await;
    app.leave(Duration::from_secs(2));
    let began = std::time::Instant::now();
    let last = stream.next().await;
    assert_eq!((last.event.as_str(), &last.data["code"]), ("end", &json!("leaving")));
    assert!(last.retry.is_some_and(|retry| (1000..=5000).contains(&retry)), "{last:?}");
    assert_eq!(stream.maybe().await, None);
    assert!(began.elapsed() < Duration::from_secs(1));
    let request = app.as_user(Method::GET, "/api/v1/events/stream", acme.owner.id, acme.id);
    refused(request, 503, "leaving").await;
    let stopping = std::time::Instant::now();
    app.stopped().await;
    assert!(stopping.elapsed() < Duration::from_secs(5), "nobody is waited for");
}
