//! `rowhouse user` and `rowhouse tenant`: what whoever runs the platform does from a terminal.
use reqwest::Method;
use serde_json::{Value, json};

use super::{rowhouse, run};
use crate::support::{Answer, Names, PASSWORD, TestApp, TestDb, forge, town};

/// What a command said, or its complaint where it failed.
pub(super) fn say(db: &TestDb, arguments: &[&str]) -> (Option<i32>, String) {
    let (code, said, complaint) =
        run(rowhouse().args(arguments).env("MIGRATE_DATABASE_URL", db.url("rowhouse_migrator")));
    (code, said + &complaint)
}

#[tokio::test]
async fn an_operator_is_made_once_and_holds_nothing_in_any_tenant() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (code, said) = say(&db, &["user", "create-operator", "Ops@Example.com", "--name", "Olga Ops"]);
    assert_eq!(code, Some(0), "{said}");
    let token = said.lines().last().unwrap();
    let password = "an operator's own password";
    let body = json!({ "token": token, "password": password });
    app.auth("password-reset/confirm", body).await.expect(204);
    let me = app.sign_in("ops@example.com", password).await.get("/me").await.expect(200).json();
    assert_eq!((&me["full_name"], &me["tenants"]), (&json!("Olga Ops"), &json!([])));

    // Again, and for somebody who has an account: nobody's password changes.
    let owner = town().acme.owner.email;
    for email in ["ops@example.com", owner] {
        let (code, said) = say(&db, &["user", "create-operator", email]);
        assert_eq!((code, said), (Some(0), format!("{email} is an operator, with the account that was there\n")));
    }
    app.sign_in("ops@example.com", password).await;
    app.sign_in(owner, PASSWORD).await;
    assert_eq!(db.value::<i64>("select count(*) from registry.operators").await, 2);
    let (code, said) = say(&db, &["user", "create-operator", "no address"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is not an e-mail address"), "{said}");
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once_and_comes_back_when_enabled() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let email = acme.member.email;
    let signed_in = app.sign_in(email, PASSWORD).await;
    app.get("/api/v1/projects", acme.member.id, acme.id).await.expect(200);
    assert_eq!(say(&db, &["user", "disable", email]), (Some(0), format!("{email} is deactivated; 2 sessions ended\n")));
    signed_in.get("/me").await.problem(401, "session_ended");
    app.get("/api/v1/projects", acme.member.id, acme.id).await.problem(401, "account_deactivated");
    app.login(email, PASSWORD).await.problem(401, "wrong_credentials");
    assert_eq!(say(&db, &["user", "enable", email]), (Some(0), format!("{email} is active\n")));
    app.sign_in(email, PASSWORD).await;
    let (code, said) = say(&db, &["user", "disable", "nobody@example.com"]);
    assert_eq!((code, said.contains("there is no account")), (Some(2), true), "{said}");
}

#[tokio::test]
async fn tenants_are_made_listed_and_shown() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = &town().globex.viewer;
    let (code, said) = say(&db, &["tenant", "create", "Initech", "--owner", owner.email, "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let made: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&made["slug"], &made["status"], &made["members"]), (&json!("initech"), &json!("trial"), &json!(1)));
    let tenant = made["id"].as_str().unwrap().parse().unwrap();
    app.get("/api/v1/tenant/members", owner.id, tenant).await.expect(200);

    let (_, list) = say(&db, &["tenant", "list"]);
    for slug in ["acme", "globex", "initech", town().acme.domain] {
        assert!(list.contains(slug), "{list}");
    }
    assert_eq!(say(&db, &["tenant", "list", "--status", "closed", "--json"]), (Some(0), String::new()));
    for name in ["initech", made["id"].as_str().unwrap()] {
        let (code, shown) = say(&db, &["tenant", "show", name, "--json"]);
        assert_eq!((code, serde_json::from_str::<Value>(&shown).unwrap()), (Some(0), made.clone()));
    }
    for (arguments, why) in [
        (&["tenant", "show", "nobody"][..], "there is no tenant nobody"),
        (&["tenant", "list", "--status", "happy"], "happy is no status"),
        (&["tenant", "create", "X", "--owner", "nobody@example.com"], "no active account"),
        (&["tenant", "create", "X", "--owner", owner.email, "--slug", "acme"], "the slug acme is taken"),
        (&["tenant", "create", "X", "--owner", owner.email, "--slug", "www"], "the slug www is reserved"),
        (&["tenant", "create", " X", "--owner", owner.email], "a name has 1 to 200 characters"),
    ] {
        let (code, said) = say(&db, arguments);
        assert!(code == Some(2) && said.contains(why), "{arguments:?}: {said}");
    }
}

/// On two threads: the command is waited for while the name server answers it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn domains_that_no_longer_show_their_record_resolve_to_nobody() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let names = Names::start().await;
    let (acme, globex) = (&town().acme, &town().globex);
    names.set(&format!("_rowhouse.{}", acme.domain), &["something else", "rowhouse-verify=challenge"]);
    let at = async |host: &str, user| {
        let token = forge(user, None).sign();
        Answer::of(app.request(Method::GET, "/api/v1/projects").bearer_auth(token).header("host", host)).await
    };
    let servers = names.address.to_string();
    let (code, said) = say(&db, &["tenant", "check-domains", "--name-servers", &servers]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("{} no longer shows its record", globex.domain)), "{said}");
    assert!(said.contains("1 domains show their record, 1 no longer do, 0 got no answer\n"), "{said}");
    at(acme.domain, acme.owner.id).await.expect(200);
    at(globex.domain, globex.owner.id).await.problem(403, "not_a_member");
    // Nobody answers: nothing changes.
    let (_, said) = say(&db, &["tenant", "check-domains", "--name-servers", "127.0.0.1:9"]);
    assert!(said.contains("0 domains show their record, 0 no longer do, 1 got no answer\n"), "{said}");
    at(acme.domain, acme.owner.id).await.expect(200);
}

#[tokio::test]
async fn what_is_decided_for_the_platform_is_listed_set_and_set_back() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let settings = |arguments: &[&str]| say(&db, &[&["platform", "settings"], arguments].concat());
    let shown = async || Answer::of(app.request(Method::GET, "/api/v1/platform/settings")).await.expect(200).json();
    assert_eq!(settings(&["get", "platform.name"]), (Some(0), "Rowhouse\n".to_owned()));
    let (code, list) = settings(&["list", "--json"]);
    assert_eq!(code, Some(0), "{list}");
    let keys: Vec<Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let secret = |key: &Value| key["key"].as_str().unwrap().starts_with("limits.");
    assert!(keys.len() == 7 && keys.iter().all(|key| key["set"] == false && key["public"] != secret(key)), "{list}");

    for (key, value) in [
        ("platform.name", "Row & House"),
        ("platform.support_email", "help@example.com"),
        ("platform.maintenance_notice", "Away at noon,\nback at one"),
        ("signup.open", "false"),
    ] {
        assert_eq!(settings(&["set", key, value]), (Some(0), format!("{key} is {value}\n")));
        assert_eq!(settings(&["get", key]), (Some(0), format!("{value}\n")));
        assert_eq!(shown().await[key].as_str().unwrap_or("false"), value);
    }
    for (key, value) in [
        ("limits.tenant_per_minute", "100"),
        ("limits.principal_per_minute", "none"),
        ("limits.tenant_per_month", "5000"),
    ] {
        assert_eq!(settings(&["set", key, value]), (Some(0), format!("{key} is {value}\n")));
        assert_eq!(settings(&["get", key]), (Some(0), format!("{value}\n")));
        assert!(shown().await.get(key).is_none(), "{key} is nobody's business");
        for value in ["0", "1.5", "many", "9999999999999"] {
            let (code, said) = settings(&["set", key, value]);
            assert!(code == Some(2) && said.contains(&format!("{key} is a number from 1 to ")), "{said}");
        }
    }
    let (_, list) = settings(&["list"]);
    assert!(list.contains("Row & House") && !list.contains("default"), "{list}");
    app.auth("signup", json!({ "email": "new@example.com", "password": PASSWORD, "full_name": "New" }))
        .await
        .problem(403, "signup_closed");
    for (arguments, why) in [
        (&["set", "platform.nome", "x"][..], "platform.nome is no setting of the platform: "),
        (&["get", "x"], "x is no setting of the platform: "),
        (&["unset", "x"], "x is no setting of the platform: "),
        (&["set", "signup.open", "yes"], "signup.open is true or false"),
        (&["set", "platform.name", ""], "platform.name is one line of 1 to 100 characters"),
        (&["set", "platform.name", "Row\nhouse"], "platform.name is one line of 1 to 100 characters"),
        (&["set", "platform.support_email", "help"], "platform.support_email is not an e-mail address"),
        (&["set", "platform.maintenance_notice", &"x".repeat(1001)], "platform.maintenance_notice has 1 to 1000"),
    ] {
        let (code, said) = settings(arguments);
        assert!(code == Some(2) && said.contains(why), "{arguments:?}: {said}");
    }
    assert_eq!(settings(&["unset", "signup.open"]), (Some(0), "signup.open is true, its default\n".to_owned()));
    assert_eq!(settings(&["unset", "signup.open"]).0, Some(0), "as often as one likes");
    assert_eq!((&shown().await["signup.open"], &shown().await["platform.name"]), (&json!(true), &json!("Row & House")));
    // The operators' own role does as well.
    let (code, said, complaint) = run(rowhouse()
        .args(["platform", "settings", "unset", "platform.name"])
        .env("MIGRATE_DATABASE_URL", db.url("rowhouse_platform")));
    assert_eq!((code, said.as_str(), complaint.as_str()), (Some(0), "platform.name is Rowhouse, its default\n", ""));
    assert_eq!(shown().await["platform.name"], "Rowhouse");
}

#[tokio::test]
async fn a_tenant_may_be_let_make_more_requests_or_fewer_and_go_by_everybodys_limits_again() {
    let db = TestDb::new().await;
    db.run("delete from registry.tenant_limits").await;
    let shown = |arguments: &[&str]| {
        let (code, said) = say(&db, &[&["tenant", "limit", "acme", "--json"], arguments].concat());
        assert_eq!(code, Some(0), "{said}");
        serde_json::from_str::<Value>(&said).unwrap()
    };
    let limits = |own: bool, per_minute: Value, principal_per_minute: Value, per_month: Value| {
        json!({ "tenant": "acme", "own": own, "per_minute": per_minute, "principal_per_minute": principal_per_minute,
                "per_month": per_month, "used": 0 })
    };
    assert_eq!(shown(&[]), limits(false, json!(6000), json!(1200), Value::Null));
    let (code, said) = say(&db, &["platform", "settings", "set", "limits.principal_per_minute", "50"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(shown(&[]), limits(false, json!(6000), json!(50), Value::Null));
    // What is not said stays as it is.
    assert_eq!(shown(&["--per-month", "7"]), limits(true, json!(6000), json!(50), json!(7)));
    assert_eq!(shown(&["--per-minute", "none"]), limits(true, Value::Null, json!(50), json!(7)));
    assert_eq!(shown(&["--principal-per-minute", "9"]), limits(true, Value::Null, json!(9), json!(7)));
    assert_eq!(shown(&["--reset"]), limits(false, json!(6000), json!(50), Value::Null));
    let month = "date_trunc('month', now() at time zone 'UTC')::date";
    db.run(&format!("insert into registry.tenant_usage values ('{}', {month}, 12)", town().acme.id)).await;
    let (_, table) = say(&db, &["tenant", "limit", &town().acme.id.to_string()]);
    assert!(["everybody's", "6000", "50", "none", "12"].iter().all(|word| table.contains(word)), "{table}");
    for (arguments, why) in [
        (&["nobody"][..], "there is no tenant nobody"),
        (&["acme", "--per-minute", "0"], "is a number from 1 to 1000000, or none"),
        (&["acme", "--per-month", "many"], "is a number from 1 to 1000000000000, or none"),
        (&["acme", "--reset", "--per-month", "5"], "cannot be used with"),
    ] {
        let (code, said) = say(&db, &[&["tenant", "limit"], arguments].concat());
        assert!(code == Some(2) && said.contains(why), "{said}");
    }
}
