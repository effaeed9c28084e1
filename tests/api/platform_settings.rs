//! What is decided for the whole platform, as anybody sees it, and what nobody who serves can see or change.
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    anybody_reads_what_is_public;
}

const PATH: &str = "/api/v1/platform/settings";

fn defaults() -> Value {
    json!({
        "platform.name": "Rowhouse", "platform.support_email": null, "platform.maintenance_notice": null,
        "signup.open": true
    })
}

fn set(key: &str, value: &Value, public: bool) -> String {
    format!(
        "insert into registry.platform_settings (key, value, public, description) values ('{key}', '{value}', {public}, 'x')
         on conflict (key) do update set value = excluded.value, public = excluded.public"
    )
}

async fn anybody_reads_what_is_public(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let get = async |tag: &str| Answer::of(app.request(Method::GET, PATH).header("if-none-match", tag)).await;
    let fresh = get("\"1\"").await.expect(200);
    assert_eq!((fresh.json(), fresh.header("cache-control")), (defaults(), "public, max-age=60"));
    let tag = fresh.header("etag").to_owned();
    let known = get(&tag).await.expect(304);
    assert_eq!(
        (known.text.as_str(), known.header("etag"), known.header("cache-control")),
        ("", &*tag, "public, max-age=60")
    );

    db.run(&set("platform.maintenance_notice", &json!("Away at noon"), true)).await;
    db.run(&set("platform.support_email", &json!("help@example.com"), false)).await;
    let changed = get(&tag).await.expect(200);
    let mut expected = defaults();
    expected["platform.maintenance_notice"] = json!("Away at noon");
    assert_eq!(changed.json(), expected, "what is not public is as if it were not set");
    db.run("update registry.platform_settings set public = true").await;
    expected["platform.support_email"] = json!("help@example.com");
    assert_eq!(get(changed.header("etag")).await.expect(200).json(), expected);
    // As before is the same tag as before.
    db.run("delete from registry.platform_settings").await;
    get(&tag).await.expect(304);
    Answer::of(app.request(Method::PATCH, PATH).json(&json!({}))).await.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn who_serves_sees_what_is_public_and_writes_nothing() {
    let db = TestDb::new().await;
    db.run(&set("platform.name", &json!("Row & House"), true)).await;
    db.run(&set("platform.support_email", &json!("help@example.com"), false)).await;
    let api = db.gate().await;
    let seen = api.query("select key from registry.platform_settings", &[]).await.unwrap();
    assert_eq!(seen.iter().map(|row| row.get::<_, &str>(0)).collect::<Vec<_>>(), ["platform.name"]);
    for write in [
        set("signup.open", &json!(false), true),
        "update registry.platform_settings set value = '\"Eve\"'".to_owned(),
        "delete from registry.platform_settings".to_owned(),
    ] {
        let refused = api.batch_execute(&write).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{write}");
    }
    // An operator's role does both, without stepping into any tenant.
    let platform = db.client("rowhouse_platform").await;
    platform.batch_execute(&set("signup.open", &json!(false), true)).await.unwrap();
    assert_eq!(platform.query("select from registry.platform_settings", &[]).await.unwrap().len(), 3);
    platform.batch_execute("delete from registry.platform_settings where key = 'signup.open'").await.unwrap();
    for (key, value) in [
        ("signup.open", json!("false")),
        ("signup.open", json!(0)),
        ("signup.opened", json!(false)),
        ("platform.name", json!("")),
        ("platform.name", json!(7)),
        ("platform.support_email", Value::Null),
    ] {
        let refused = platform.batch_execute(&set(key, &value, true)).await.unwrap_err();
        let constraint = refused.as_db_error().unwrap().constraint().unwrap().to_owned();
        assert_eq!(constraint, "platform_settings_value_check", "{key} {value}");
    }
    let worker = db.client("rowhouse_worker").await;
    let refused = worker.batch_execute("select from registry.platform_settings").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
}

#[tokio::test]
async fn where_sign_up_is_closed_nobody_makes_an_account_uninvited() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let sign_up = async |email: &str| {
        let new =
            json!({ "email": email, "password": "a long enough password", "full_name": "New", "organization": "New" });
        app.auth("signup", new).await
    };
    sign_up("first@example.com").await.expect(202);
    let accounts = "select count(*) from registry.users";
    let before: i64 = db.value(accounts).await;
    // Public or not, it holds.
    for public in [true, false] {
        db.run(&set("signup.open", &json!(false), public)).await;
        // Whether an address has an account is told by this as little as by anything else.
        for email in ["new@example.com", "first@example.com", town().acme.owner.email] {
            sign_up(email).await.problem(403, "signup_closed");
        }
        assert_eq!(db.value::<i64>(accounts).await, before);
        // What is wrong with a body is told all the same.
        app.auth("signup", json!({})).await.problem(422, "invalid");
    }
    db.run(&set("signup.open", &json!(true), true)).await;
    sign_up("new@example.com").await.expect(202);
    assert_eq!(db.value::<i64>(accounts).await, before + 1);
}
