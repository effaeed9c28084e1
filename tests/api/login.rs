//! Signing in, and what it tells to whom.
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestApp, TestDb, Way, both_ways, forge, town};

both_ways! {
    #[tokio::test]
    a_login_gives_a_token_for_the_only_tenant_or_the_one_named;
    #[tokio::test]
    unknown_wrong_and_deactivated_are_answered_alike;
    #[tokio::test]
    a_suspended_tenant_and_a_removed_member_are_out_at_the_next_request;
    #[tokio::test]
    one_user_has_another_role_in_each_tenant;
}

async fn login(app: &TestApp, body: Value) -> Answer {
    Answer::of(app.request(Method::POST, "/api/v1/auth/login").json(&body)).await
}

async fn a_login_gives_a_token_for_the_only_tenant_or_the_one_named(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let signed_in = login(&app, json!({ "email": "OWNER@Acme.example", "password": PASSWORD })).await.expect(200);
    assert_eq!(signed_in.header("cache-control"), "no-store");
    let token = signed_in.json();
    assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("Bearer"), &json!(900)));
    let list = |token: &Value, host: &str| {
        let token = token["access_token"].as_str().unwrap();
        app.request(Method::GET, "/api/v1/projects").bearer_auth(token).header("host", host.to_owned())
    };
    Answer::of(list(&token, "127.0.0.1")).await.expect(200);
    Answer::of(list(&token, "globex.localhost")).await.problem(400, "tenant_conflict");

    // In both tenants: a token for the one that was joined first, unless header or host say which.
    let both = json!({ "email": acme.both.email, "password": PASSWORD });
    for (host, tenant, other) in
        [("127.0.0.1", acme, globex), (acme.domain, acme, globex), (globex.domain, globex, acme)]
    {
        let named = app.request(Method::POST, "/api/v1/auth/login").header("host", host).json(&both);
        let token = Answer::of(named).await.expect(200).json();
        let shown = Answer::of(list(&token, "127.0.0.1")).await.expect(200).json();
        assert_eq!(shown["items"][0]["id"], tenant.projects[0].id.to_string(), "{host}");
        Answer::of(list(&token, tenant.domain)).await.expect(200);
        Answer::of(list(&token, other.domain)).await.problem(400, "tenant_conflict");
    }
    let at_host = app.request(Method::POST, "/api/v1/auth/login").header("host", "globex.localhost").json(&both);
    let token = Answer::of(at_host).await.expect(200).json();
    Answer::of(list(&token, "127.0.0.1")).await.expect(200);
    Answer::of(list(&token, acme.domain)).await.problem(400, "tenant_conflict");
    // The right password at another tenant's door.
    for tenant in [globex.id, town().nowhere] {
        let request = app.request(Method::POST, "/api/v1/auth/login").header("x-tenant-id", tenant.to_string());
        let request = request.json(&json!({ "email": acme.owner.email, "password": PASSWORD }));
        Answer::of(request).await.problem(403, "not_a_member");
    }
}

async fn unknown_wrong_and_deactivated_are_answered_alike(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let off = format!("update registry.users set active = false where id = '{}'", acme.viewer.id);
    db.superuser().await.batch_execute(&off).await.unwrap();
    let mut answers = Vec::new();
    for (email, password) in [
        (acme.owner.email, "wrong".to_owned()),
        (acme.owner.email, String::new()),
        (acme.owner.email, "x".repeat(10_000)),
        (acme.owner.email, format!("{PASSWORD}\u{0}")),
        (acme.owner.email, PASSWORD.to_uppercase()),
        (acme.viewer.email, PASSWORD.to_owned()),
        ("nobody@example.com", PASSWORD.to_owned()),
        ("owner@acme.example\u{0}", PASSWORD.to_owned()),
        ("' or true --", PASSWORD.to_owned()),
        ("", PASSWORD.to_owned()),
    ] {
        let answer = login(&app, json!({ "email": email, "password": password })).await;
        let mut problem = answer.problem(401, "wrong_credentials");
        problem["trace_id"] = Value::Null;
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"rowhouse\"");
        answers.push(problem);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    for (body, code) in [
        (json!({ "email": acme.owner.email }), "required"),
        (json!({ "email": acme.owner.email, "password": 1 }), "wrong_type"),
        (json!({ "email": acme.owner.email, "password": PASSWORD, "role": "owner" }), "unknown_field"),
    ] {
        assert_eq!(login(&app, body).await.problem(422, "invalid")["errors"][0]["code"], code);
    }
}

#[tokio::test]
async fn whoever_hangs_up_makes_no_room_for_another_hash() {
    use std::time::Duration;

    use rowhouse::auth::Asker;
    let one_at_a_time = rowhouse::auth::Passwords::new(1, Duration::from_millis(1)).unwrap();
    let mut busy = 0;
    for _ in 0..20 {
        let hung_up = one_at_a_time.verify(Asker::SignIn("here"), PASSWORD.into(), None);
        let _ = tokio::time::timeout(Duration::from_millis(2), hung_up).await;
        busy += usize::from(one_at_a_time.verify(Asker::SignIn("here"), PASSWORD.into(), None).await.is_err());
    }
    assert!(busy > 0, "the hash goes on, and so does its claim on the processor");
}

async fn a_suspended_tenant_and_a_removed_member_are_out_at_the_next_request(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let superuser = db.superuser().await;
    let acme = &town().acme;
    let list = async || app.get("/api/v1/projects", acme.member.id, acme.id).await;
    list().await.expect(200);
    superuser.batch_execute("update registry.tenants set status = 'suspended' where slug = 'acme'").await.unwrap();
    let problem = list().await.problem(403, "tenant_not_open");
    assert!(problem["detail"].as_str().unwrap().contains("suspended"));
    let globex = &town().globex;
    app.get("/api/v1/projects", globex.owner.id, globex.id).await.expect(200);
    superuser.batch_execute("update registry.tenants set status = 'active' where slug = 'acme'").await.unwrap();
    list().await.expect(200);
    superuser
        .batch_execute(&format!("update registry.users set active = false where id = '{}'", acme.member.id))
        .await
        .unwrap();
    list().await.problem(401, "account_deactivated");
    superuser
        .batch_execute(&format!("update registry.users set active = true where id = '{}'", acme.member.id))
        .await
        .unwrap();
    superuser
        .batch_execute(&format!("delete from tenant.memberships where user_id = '{}'", acme.member.id))
        .await
        .unwrap();
    list().await.problem(403, "not_a_member");
}

async fn one_user_has_another_role_in_each_tenant(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let new = json!({ "name": "By both" });
    let create = |tenant| app.as_user(Method::POST, "/api/v1/projects", acme.both.id, tenant).json(&new);
    Answer::of(create(acme.id)).await.expect(201);
    Answer::of(create(globex.id)).await.problem(403, "permission_denied");
    assert!(forge(acme.both.id, None).sign().len() < 4096);
}
