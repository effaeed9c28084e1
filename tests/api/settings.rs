//! What a tenant decides for itself.
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Member, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    settings_are_read_and_changed_key_by_key;
}

const PATH: &str = "/tenant/settings";

fn defaults() -> Value {
    json!({
        "language": "english", "time_zone": "UTC", "currency": "EUR", "week_starts": "monday", "low_stock_threshold": 5
    })
}

/// Without the time of the last change.
fn keys(answer: &Answer) -> Value {
    let mut keys = answer.json();
    assert!(keys.as_object_mut().unwrap().remove("updated_at").is_some_and(|time| time.is_string()));
    keys
}

async fn settings_are_read_and_changed_key_by_key(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (owner, viewer) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.viewer, acme));
    let fresh = viewer.get(PATH).await.expect(200);
    assert_eq!((keys(&fresh), fresh.header("etag")), (defaults(), "\"1\""));

    let some = json!({ "language": "german", "time_zone": "europe/berlin", "low_stock_threshold": 0 });
    let changed = owner.patch(PATH, "\"1\"", some).await.expect(200);
    let mut expected = defaults();
    expected["language"] = json!("german");
    // As the IANA writes it.
    expected["time_zone"] = json!("Europe/Berlin");
    expected["low_stock_threshold"] = json!(0);
    assert_eq!((keys(&changed), changed.header("etag")), (expected.clone(), "\"2\""));

    // Who read it already is told so, and who read it before is not let write over it.
    let again = async |tag: &str| Answer::of(viewer.request(Method::GET, PATH).header("if-none-match", tag)).await;
    let known = again("\"2\"").await.expect(304);
    assert_eq!((known.text.as_str(), known.header("etag")), ("", "\"2\""));
    assert_eq!(keys(&again("\"1\"").await.expect(200)), expected);
    let late = json!({ "currency": "CHF" });
    owner.patch(PATH, "\"1\"", late.clone()).await.problem(412, "precondition_failed");
    Answer::of(owner.request(Method::PATCH, PATH).json(&late)).await.problem(428, "precondition_required");
    assert_eq!(keys(&viewer.get(PATH).await), expected, "nothing came of either");

    // Null sets a key back, the others stay: back to what a tenant begins with, as the database has it.
    let back = json!({ "language": null, "time_zone": null, "currency": "CHF", "week_starts": "sunday" });
    let back = owner.patch(PATH, "\"2\"", back).await.expect(200);
    let mut expected = defaults();
    (expected["currency"], expected["week_starts"]) = (json!("CHF"), json!("sunday"));
    expected["low_stock_threshold"] = json!(0);
    assert_eq!(keys(&back), expected);
    let all = json!({
        "language": null, "time_zone": null, "currency": null, "week_starts": null, "low_stock_threshold": null
    });
    assert_eq!(keys(&owner.patch(PATH, "*", all).await.expect(200)), defaults());
    let elsewhere = Member::new(&app, &globex.owner, globex).get(PATH).await.expect(200);
    assert_eq!((keys(&elsewhere), elsewhere.header("etag")), (defaults(), "\"1\""), "globex has its own");
}

#[tokio::test]
async fn everything_that_is_wrong_with_settings_is_told_at_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let wrong = json!({
        "language": "klingon", "time_zone": "Mars/Olympus", "currency": "XTS", "week_starts": "friday",
        "low_stock_threshold": 1_000_001
    });
    let problem = owner.patch(PATH, "*", wrong).await.problem(422, "invalid");
    let faults: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| (&e["pointer"], &e["code"])).collect();
    let told = |pointer: &str, code: &str| (json!(pointer), json!(code));
    let expected = [
        told("/language", "not_allowed"),
        told("/time_zone", "not_allowed"),
        told("/currency", "not_allowed"),
        told("/week_starts", "not_allowed"),
        told("/low_stock_threshold", "out_of_range"),
    ];
    assert_eq!(faults, expected.iter().map(|(pointer, code)| (pointer, code)).collect::<Vec<_>>());

    for (pointer, value) in [
        ("time_zone", json!("")),
        ("time_zone", json!("../../etc/passwd")),
        ("time_zone", json!("posix/UTC")),
        ("time_zone", json!("right/Europe/Berlin")),
        ("time_zone", json!("localtime")),
        ("time_zone", json!("posixrules")),
        ("time_zone", json!("Factory")),
        ("time_zone", json!("factory")),
        ("time_zone", json!("Etc/Unknown")),
        ("time_zone", json!("leapseconds")),
        ("time_zone", json!("PDT")),
        ("time_zone", json!("LOCAL")),
        ("time_zone", json!("Europe/Foo5")),
        ("time_zone", json!("CEST+2")),
        ("time_zone", json!("Europe/Berlin\u{0}")),
        ("time_zone", json!("x".repeat(10_000))),
        ("currency", json!("eur")),
        ("currency", json!("")),
        ("currency", json!("€")),
        ("currency", json!("XTS")),
        ("language", json!("English")),
    ] {
        let answer = owner.patch(PATH, "*", json!({ pointer: value })).await;
        answer.faults(422, &format!("/{pointer}"), "not_allowed");
    }
    for below in [json!(-1), json!(i64::MIN), json!(i64::MAX)] {
        owner.patch(PATH, "*", json!({ "low_stock_threshold": below })).await.faults(
            422,
            "/low_stock_threshold",
            "out_of_range",
        );
    }
    for (body, pointer, code) in [
        (json!({ "low_stock_threshold": 5.5 }), "/low_stock_threshold", "wrong_type"),
        (json!({ "low_stock_threshold": "5" }), "/low_stock_threshold", "wrong_type"),
        (json!({ "language": 7 }), "/language", "wrong_type"),
        (json!({ "tenant_id": acme.id }), "/tenant_id", "unknown_field"),
        (json!({ "version": 7 }), "/version", "unknown_field"),
    ] {
        owner.patch(PATH, "*", body).await.faults(422, pointer, code);
    }
    let settings = owner.get(PATH).await.expect(200);
    assert_eq!((keys(&settings), settings.header("etag")), (defaults(), "\"1\""), "nothing came of any of it");
}

#[tokio::test]
async fn settings_are_read_by_members_and_changed_by_whoever_may() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let change = || json!({ "currency": "USD" });
    for person in [&acme.viewer, &acme.member] {
        let member = Member::new(&app, person, acme);
        member.get(PATH).await.expect(200);
        member.patch(PATH, "*", change()).await.lacks("settings:write");
    }
    let key = async |method: Method| {
        let request = app.request(method, "/api/v1/tenant/settings").bearer_auth(&acme.key).header("if-match", "*");
        Answer::of(request.json(&change())).await
    };
    key(Method::GET).await.lacks("settings:read");
    key(Method::PATCH).await.lacks("settings:write");
    let stranger = Member::new(&app, &globex.owner, acme);
    stranger.get(PATH).await.problem(403, "not_a_member");
    stranger.patch(PATH, "*", change()).await.problem(403, "not_a_member");
    assert_eq!(keys(&Member::new(&app, &acme.owner, acme).get(PATH).await), defaults());
}

#[tokio::test]
async fn the_database_refuses_a_time_zone_that_it_does_not_know() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    // Whoever writes, by hand too.
    for name in [
        "Europe/Atlantis",
        "europe/berlin",
        "CEST+2",
        "",
        "utc",
        "localtime",
        "posixrules",
        "Factory",
        "posix/Europe/Berlin",
        "right/UTC",
        "Etc/Unknown",
        "PDT",
        "CEST",
        "Europe/Foo5",
        "Europe/Foo-5",
        "<+05>-5",
        "Europe/../UTC",
    ] {
        let refused = superuser.execute("update tenant.settings set time_zone = $1", &[&name]).await.unwrap_err();
        let refused = refused.as_db_error().unwrap();
        assert_eq!(
            (refused.code().code(), refused.constraint()),
            ("23514", Some("settings_time_zone_check")),
            "{name:?}"
        );
    }
    // What this server offers, the database takes, all of it: else a tenant could be told one thing by the one and
    // another by the other. Those two read the same machine's files here; elsewhere the answer is 422.
    let offered: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    assert!(offered.len() > 300, "{}", offered.len());
    let unknown = "select name from unnest($1::text[]) as name
        where name not in (select z.name from pg_timezone_names z) and name not in ('Factory', 'localtime', 'posixrules', 'Etc/Unknown')";
    let unknown: Vec<String> =
        superuser.query(unknown, &[&offered]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(unknown, Vec::<String>::new());
    // Each of the IANA's, and in a moment: reading the whole list took an eighth of a second each time.
    let begun = std::time::Instant::now();
    let mut taken = 0;
    for name in jiff::tz::TimeZoneDatabase::bundled().available().map(|name| name.to_string()) {
        if !["Factory", "Etc/Unknown"].contains(&name.as_str()) {
            let set = superuser.execute("update tenant.settings set time_zone = $1", &[&name]).await;
            assert!(set.is_ok(), "{name}: {set:?}");
            taken += 1;
        }
    }
    assert!(taken > 300, "{taken}");
    assert!(begun.elapsed() < std::time::Duration::from_millis(30) * taken, "{:?} for {taken}", begun.elapsed());
}

#[tokio::test]
async fn a_time_zone_that_the_database_alone_refuses_is_told_like_any_other() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    // A name that both know, until the database's check knows better.
    db.run(
        "create or replace function registry.known_time_zone() returns trigger language plpgsql set search_path = '' as
         $$ begin raise exception using errcode = 'check_violation', constraint = 'settings_time_zone_check'; end $$",
    )
    .await;
    let owner = Member::new(&app, &acme.owner, acme);
    owner.patch(PATH, "*", json!({ "time_zone": "Asia/Tokyo" })).await.faults(422, "/time_zone", "out_of_range");
    owner.patch(PATH, "*", json!({ "time_zone": "UTC" })).await.expect(200);
}
