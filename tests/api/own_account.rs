//! What people do with their own account: name, address, password, sessions, and what they are told of all that happened.
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, PASSWORD, PostBox, TestApp, TestDb, town};

const SECRET: &str = "seven grey herons";

/// Signs in on a device that says what it is.
async fn on_device<'a>(app: &'a TestApp, email: &str, device: &str) -> Caller<'a> {
    let body = json!({ "email": email, "password": PASSWORD });
    let request = app.request(Method::POST, "/api/v1/auth/login").header("user-agent", device).json(&body);
    app.caller(&Answer::of(request).await.expect(200))
}

async fn sessions(me: &Caller<'_>) -> Vec<Value> {
    me.get("/me/sessions").await.expect(200).json()["items"].as_array().unwrap().clone()
}

async fn verify(app: &TestApp, token: &str) -> Answer {
    app.auth("verify-email", json!({ "token": token })).await
}

/// The id of the session that asks.
async fn own_session(me: &Caller<'_>) -> String {
    let current = sessions(me).await.into_iter().find(|session| session["current"] == true);
    current.unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_gave_the_old_one_lately_and_other_sessions_end() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let owner = town().acme.owner.email;
    let (here, there) = (app.sign_in(owner, PASSWORD).await, app.sign_in(owner, PASSWORD).await);
    let change = async |me: &Caller<'_>, password: &str| me.put("/me/password", json!({ "password": password })).await;
    let again = async |password: &str| here.post("/auth/authenticate-again", json!({ "password": password })).await;

    db.an_hour_passes().await;
    let refused = change(&here, SECRET).await;
    refused.problem(401, "authenticate_again");
    let challenge = refused.header("www-authenticate");
    assert!(challenge.starts_with("Bearer ") && challenge.contains("max_age=\"600\""), "{challenge}");
    assert!(challenge.contains("error=\"insufficient_user_authentication\""), "{challenge}");
    again("wrong").await.problem(401, "wrong_credentials");
    change(&here, SECRET).await.problem(401, "authenticate_again");
    again(PASSWORD).await.expect(204);
    // It is this session that proved itself.
    change(&there, SECRET).await.problem(401, "authenticate_again");
    for (password, code) in
        [("fourteen chars", "too_short"), (owner, "too_common"), ("nine\u{0}brown bitterns", "control_character")]
    {
        let problem = change(&here, password).await.problem(422, "invalid");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!("/password"), &json!(code))
        );
    }
    there.get("/me").await.expect(200);
    post.is_empty(&app).await;

    change(&here, SECRET).await.expect(204);
    here.get("/me").await.expect(200);
    there.get("/me").await.problem(401, "session_ended");
    let refresh = async |caller: &Caller<'_>| app.auth("refresh", json!({ "refresh_token": caller.refresh })).await;
    refresh(&there).await.problem(401, "refresh_token_spent");
    refresh(&here).await.expect(200);
    app.login(owner, PASSWORD).await.problem(401, "wrong_credentials");
    app.sign_in(owner, SECRET).await;
    assert_eq!(post.letter_to(owner).await.subject, "Your password was changed");
    post.is_empty(&app).await;
}

#[tokio::test]
async fn a_changed_password_takes_the_link_for_another_with_it() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let owner = town().acme.owner.email;
    app.auth("password-reset", json!({ "email": owner })).await.expect(202);
    let link = post.token_to(owner).await;
    app.sign_in(owner, PASSWORD).await.put("/me/password", json!({ "password": SECRET })).await.expect(204);
    let reset = json!({ "token": link, "password": "nine brown bitterns" });
    app.auth("password-reset/confirm", reset).await.problem(410, "link_spent");
    app.sign_in(owner, SECRET).await;
}

#[tokio::test]
async fn a_password_that_was_right_is_no_guess_however_often_it_is_given_again() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let me = app.sign_in(town().acme.owner.email, PASSWORD).await;
    me.post("/auth/authenticate-again", json!({ "password": PASSWORD })).await.expect(204);
    assert_eq!(db.value::<i32>("select coalesce(max(failures), 0) from registry.attempts").await, 0);
    me.post("/auth/authenticate-again", json!({ "password": "wrong" })).await.problem(401, "wrong_credentials");
    assert_eq!(db.value::<i32>("select coalesce(max(failures), 0) from registry.attempts").await, 1);
}

#[tokio::test]
async fn a_new_name_is_seen_by_fellow_members_and_never_overwrites_one_unseen() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let both = &town().acme.both;
    let me = app.sign_in(both.email, PASSWORD).await;
    let rename = async |tag: Option<&str>, body: Value| {
        let request = me.request(Method::PATCH, "/me").header("content-type", "application/merge-patch+json");
        let request = tag.into_iter().fold(request, |request, tag| request.header("if-match", tag));
        Answer::of(request.body(body.to_string())).await
    };
    let new = || json!({ "full_name": "Grace Hopper" });
    let read = me.get("/me").await.expect(200);
    let tag = read.header("etag").to_owned();
    assert!(tag.starts_with('"'), "{tag}");
    rename(None, new()).await.problem(428, "precondition_required");
    rename(Some("\"999\""), new()).await.problem(412, "precondition_failed");
    for (body, code) in [
        (json!({ "full_name": null }), "wrong_type"),
        (json!({ "full_name": "" }), "too_short"),
        (json!({ "full_name": "Grace\u{1b}[2J" }), "control_character"),
        (json!({ "email": "grace@new.example" }), "unknown_field"),
        (json!({ "second_factor": false }), "unknown_field"),
    ] {
        let problem = rename(Some(&tag), body.clone()).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["code"], code, "{body}");
    }
    assert_eq!(me.get("/me").await.expect(200).json(), read.json());

    let renamed = rename(Some(&tag), new()).await.expect(200);
    assert_eq!(
        (renamed.json()["full_name"].as_str(), renamed.json()["email"].as_str()),
        (Some("Grace Hopper"), Some(both.email))
    );
    let read = me.get("/me").await.expect(200);
    assert_eq!((read.header("etag"), &read.json()["full_name"]), (renamed.header("etag"), &json!("Grace Hopper")));
    assert_ne!(renamed.header("etag"), tag);
    rename(Some(&tag), json!({ "full_name": "Somebody Else" })).await.problem(412, "precondition_failed");
    let named = "select array_agg(distinct m.user_id::text) from tenant.memberships m where full_name = 'Grace Hopper'";
    assert_eq!(db.value::<Vec<String>>(named).await, [both.id.to_string()]);
    let memberships = "select count(*) from tenant.memberships where full_name = 'Grace Hopper'";
    assert_eq!(db.value::<i64>(memberships).await, 2);
}

#[tokio::test]
async fn another_address_becomes_the_accounts_once_its_letter_was_read() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let both = &town().acme.both;
    let me = app.sign_in(both.email, PASSWORD).await;
    db.an_hour_passes().await;
    let wanted = async |me: &Caller<'_>, email: &str| me.post("/me/email", json!({ "email": email })).await;
    wanted(&me, "new@new.example").await.problem(401, "authenticate_again");
    me.post("/auth/authenticate-again", json!({ "password": PASSWORD })).await.expect(204);
    assert_eq!(wanted(&me, "nope").await.problem(422, "invalid")["errors"][0]["pointer"], "/email");
    post.is_empty(&app).await;

    let free = wanted(&me, "New@new.example").await.expect(202);
    let letter = post.letter_to("new@new.example").await;
    assert_eq!(letter.subject, "Confirm your e-mail address");
    app.login("new@new.example", PASSWORD).await.problem(401, "wrong_credentials");
    app.sign_in(both.email, PASSWORD).await;
    verify(&app, &letter.token()).await.expect(204);
    verify(&app, &letter.token()).await.problem(410, "link_spent");
    let told = post.letter_to(both.email).await;
    assert_eq!(told.subject, "Your e-mail address was changed");
    assert!(told.body.contains("new@new.example"), "{told:#?}");

    app.login(both.email, PASSWORD).await.problem(401, "wrong_credentials");
    let me = app.sign_in("new@new.example", PASSWORD).await;
    let carried = format!("select array_agg(email) from tenant.memberships where user_id = '{}'", both.id);
    assert_eq!(db.value::<Vec<String>>(&carried).await, ["new@new.example", "new@new.example"]);

    // To an address that has an account: the same answer, and a letter to its owner.
    let before = db.everything().await;
    let owner = town().globex.owner.email;
    let taken = wanted(&me, &owner.to_uppercase()).await.expect(202);
    assert_eq!(taken.text.as_bytes(), free.text.as_bytes());
    let letter = post.letter_to(owner).await;
    assert_eq!(letter.subject, "This address has an account of its own");
    assert!(!letter.body.contains("token") && !letter.body.contains("new@new.example"), "{letter:#?}");
    assert_eq!(db.everything().await, before);
    post.is_empty(&app).await;
}

#[tokio::test]
async fn an_address_that_somebody_else_confirmed_first_stays_theirs() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let member = town().acme.member.email;
    let contested = "contested@new.example";
    let me = app.sign_in(member, PASSWORD).await;
    me.post("/me/email", json!({ "email": contested })).await.expect(202);
    let mine = post.token_to(contested).await;
    let new = json!({ "email": contested, "password": SECRET, "full_name": "Ada Lovelace" });
    app.auth("signup", new).await.expect(202);
    verify(&app, &post.token_to(contested).await).await.expect(204);
    verify(&app, &mine).await.problem(410, "link_spent");
    app.sign_in(contested, SECRET).await;
    assert_eq!(me.get("/me").await.expect(200).json()["email"], member);
    post.is_empty(&app).await;
}

#[tokio::test]
async fn sessions_are_listed_with_their_devices_and_end_at_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = town().acme.owner.email;
    // The fixture's own.
    db.run("delete from registry.sessions").await;
    let phone = on_device(&app, owner, "Phone/1.0").await;
    let laptop = on_device(&app, owner, "Laptop/2.0").await;
    let stranger = app.sign_in(town().globex.owner.email, PASSWORD).await;
    for (me, current) in [(&phone, "Phone/1.0"), (&laptop, "Laptop/2.0")] {
        let listed = sessions(me).await;
        let devices: Vec<_> = listed.iter().map(|session| (&session["device"], &session["current"])).collect();
        let expected = ["Laptop/2.0", "Phone/1.0"].map(|device| (json!(device), json!(device == current)));
        assert_eq!(devices, expected.iter().map(|(device, current)| (device, current)).collect::<Vec<_>>());
        assert!(listed.iter().all(|session| session["kind"] == "bearer" && session["address"] == "127.0.0.1"));
    }
    // Somebody else's, and nobody's, are not there.
    let theirs = own_session(&stranger).await;
    let missing = laptop.delete(&format!("/me/sessions/{}", town().nowhere)).await.problem(404, "not_found");
    let foreign = laptop.delete(&format!("/me/sessions/{theirs}")).await.problem(404, "not_found");
    assert_eq!(missing["detail"], foreign["detail"]);
    stranger.get("/me").await.expect(200);

    let id = own_session(&phone).await;
    phone.get("/projects").await.expect(200);
    laptop.delete(&format!("/me/sessions/{id}")).await.expect(204);
    let out = phone.get("/me").await;
    out.problem(401, "session_ended");
    assert_eq!(out.header("www-authenticate"), "Bearer realm=\"rowhouse\", error=\"invalid_token\"");
    phone.get("/projects").await.problem(401, "session_ended");
    app.auth("refresh", json!({ "refresh_token": phone.refresh })).await.problem(401, "refresh_token_spent");
    laptop.delete(&format!("/me/sessions/{id}")).await.problem(404, "not_found");

    let others = [on_device(&app, owner, "Tablet/3.0").await, on_device(&app, owner, "Tablet/3.0").await];
    laptop.delete("/me/sessions").await.expect(204);
    for other in &others {
        other.get("/me").await.problem(401, "session_ended");
    }
    assert_eq!(sessions(&laptop).await.len(), 1);
    stranger.get("/me").await.expect(200);

    laptop.post("/auth/logout", json!({})).await.expect(204);
    laptop.get("/me").await.problem(401, "session_ended");
    laptop.post("/auth/logout", json!({})).await.problem(401, "session_ended");
}

#[tokio::test]
async fn a_session_that_ran_out_is_over_and_no_longer_listed() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = &town().acme.owner;
    let old = app.sign_in(owner.email, PASSWORD).await;
    old.get("/me").await.expect(200);
    db.run(&format!("update registry.sessions set idle_until = now() where user_id = '{}'", owner.id)).await;
    old.get("/me").await.problem(401, "session_ended");
    let me = app.sign_in(owner.email, PASSWORD).await;
    let listed = sessions(&me).await;
    assert_eq!(listed.len(), 1, "where am I signed in? {listed:#?}");
}

#[tokio::test]
async fn whoever_is_deactivated_is_out_and_told_why() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (member, viewer) = (&town().acme.member, &town().acme.viewer);
    let (gone, stays) = (app.sign_in(member.email, PASSWORD).await, app.sign_in(viewer.email, PASSWORD).await);
    gone.get("/me").await.expect(200);
    db.run(&format!("update registry.users set active = false where id = '{}'", member.id)).await;
    for path in ["/me", "/me/sessions", "/me/events", "/projects"] {
        gone.get(path).await.problem(401, "account_deactivated");
        stays.get(path).await.expect(200);
    }
    gone.put("/me/password", json!({ "password": SECRET })).await.problem(401, "account_deactivated");
    let refresh = app.auth("refresh", json!({ "refresh_token": gone.refresh })).await;
    refresh.problem(401, "refresh_token_spent");
    app.login(member.email, PASSWORD).await.problem(401, "wrong_credentials");
}

#[tokio::test]
async fn what_happened_to_an_account_is_listed_newest_first_page_by_page() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = town().acme.owner.email;
    db.run("delete from registry.sessions; delete from registry.account_events").await;
    let me = app.sign_in(owner, PASSWORD).await;
    app.sign_in(owner, PASSWORD).await;
    app.sign_in(owner, PASSWORD).await;
    // Two events at the very same time.
    me.delete("/me/sessions").await.expect(204);
    me.put("/me/password", json!({ "password": SECRET })).await.expect(204);
    let stranger = app.sign_in(town().globex.owner.email, PASSWORD).await;

    let all = me.get("/me/events").await.expect(200).json();
    assert_eq!(all["next_cursor"], Value::Null);
    let kinds: Vec<&str> = all["items"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["password_changed", "session_ended", "session_ended", "signed_in", "signed_in", "signed_in"]);
    let current = own_session(&me).await;
    assert_eq!((&all["items"][0]["session_id"], &all["items"][5]["session_id"]), (&json!(current), &json!(current)));
    assert_eq!(all["items"][5]["address"], "127.0.0.1");

    let (mut paged, mut path) = (Vec::new(), "/me/events?limit=1".to_owned());
    loop {
        let answer = me.get(&path).await.expect(200);
        let page = answer.json();
        paged.extend(page["items"].as_array().unwrap().clone());
        assert_eq!(paged.len(), paged.len().min(6), "a page comes twice");
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        assert!(answer.header("link").ends_with("rel=\"next\""), "{answer:?}");
        // A cursor is good for its owner alone.
        stranger.get(&format!("/me/events?limit=1&cursor={cursor}")).await.problem(400, "invalid_cursor");
        me.get(&format!("/me/sessions?cursor={cursor}")).await.problem(400, "invalid_cursor");
        path = format!("/me/events?limit=1&cursor={cursor}");
    }
    assert_eq!(json!(paged), all["items"]);
    let theirs = stranger.get("/me/events").await.expect(200).json();
    assert_eq!(theirs["items"].as_array().unwrap().len(), 1);
    for query in ["limit=0", "limit=201", "limit=x", "kind=signed_in"] {
        me.get(&format!("/me/events?{query}")).await.problem(400, "bad_request");
    }
}
