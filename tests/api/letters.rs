//! Letters that wait: for an address that takes none just now, and for a place.
use reqwest::Method;
use rowhouse::mail::{Letter, Link};
use serde_json::json;

use super::accounts::SECRET;
use crate::support::{Answer, Member, PASSWORD, PostBox, TestApp, TestDb, town};

fn changed(to: String) -> Letter {
    Letter { to, link: Link::PasswordChanged { name: "Ada".to_owned() } }
}

#[tokio::test]
async fn an_address_that_takes_no_letters_is_in_the_way_of_no_other() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    post.defer("deferred@new.example");
    for _ in 0..600 {
        app.app.mailer.send(app.app.mailer.place().unwrap(), changed("deferred@new.example".to_owned()));
    }
    for n in 0..345 {
        app.app.mailer.send(app.app.mailer.place().unwrap(), changed(format!("person{n}@new.example")));
    }
    let owner = town().acme.owner.email;
    app.auth("password-reset", json!({ "email": owner })).await.expect(202);
    post.letter_to(owner).await;
    for n in 0..345 {
        post.letter_to(&format!("person{n}@new.example")).await;
    }
    assert_eq!(post.count(), 0);
    // What waited is sent once it can be; of six hundred that say the same, the last says it for those that waited.
    post.take_all();
    for _ in 0..2 {
        post.letter_to("deferred@new.example").await;
    }
    post.is_empty(&app).await;
}

#[tokio::test]
async fn the_last_link_that_was_asked_for_comes_once_the_address_takes_letters() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let (owner, member) = (town().acme.owner.email, town().acme.member.email);
    post.defer(owner);
    for _ in 0..3 {
        app.auth("password-reset", json!({ "email": owner })).await.expect(202);
    }
    // Whoever else is invited or asks is not kept waiting.
    app.auth("password-reset", json!({ "email": member })).await.expect(202);
    post.letter_to(member).await;
    post.take_all();
    let tokens = [post.token_to(owner).await, post.token_to(owner).await];
    post.is_empty(&app).await;
    let reset = json!({ "token": tokens[1], "password": SECRET });
    app.auth("password-reset/confirm", reset).await.expect(204);
    app.sign_in(owner, SECRET).await;
}

#[tokio::test]
async fn several_tenants_invitations_to_one_address_all_come() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    post.defer("new@new.example");
    for tenant in [&town().acme, &town().globex] {
        let owner = Member::new(&app, &tenant.owner, tenant);
        let role = owner.role("viewer").await;
        let invite = json!({ "email": "new@new.example", "role_id": role });
        let made = owner.post("/tenant/invitations", invite).await.expect(201).json();
        // Sent once more, the new link takes the place of the one that waits.
        let again = format!("/tenant/invitations/{}/resend", made["id"].as_str().unwrap());
        owner.post(&again, json!({})).await.expect(200);
    }
    post.take_all();
    let mut subjects = Vec::new();
    for _ in 0..3 {
        let letter = post.letter_to("new@new.example").await;
        subjects.push((letter.subject.clone(), letter.token()));
    }
    post.is_empty(&app).await;
    assert_eq!(
        subjects.iter().map(|(subject, _)| subject.as_str()).collect::<Vec<_>>(),
        ["Join \"acme\"", "Join \"acme\"", "Join \"globex\""]
    );
    for (_, token) in &subjects[1..] {
        app.auth("invitations/show", json!({ "token": token })).await.expect(200);
    }
}

#[tokio::test]
async fn where_there_is_no_place_the_caller_hears_it_before_anything_is_promised_and_learns_of_no_account() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let acme = &town().acme;
    let me = app.sign_in(acme.owner.email, PASSWORD).await;
    app.auth("password-reset", json!({ "email": acme.viewer.email })).await.expect(202);
    let link = post.token_to(acme.viewer.email).await;
    post.is_empty(&app).await;
    let owner = Member::new(&app, &acme.owner, acme);
    let role = owner.role("viewer").await;
    db.forget_tries().await;

    let held: Vec<_> = std::iter::from_fn(|| app.app.mailer.place().ok()).collect();
    assert!(held.len() >= 1000);
    let before = db.everything().await;
    let mut told = Vec::new();
    let mut refused = |answer: Answer| {
        let mut problem = answer.problem(503, "busy");
        assert!(!answer.header("retry-after").is_empty());
        (problem["trace_id"], problem["instance"]) = (json!(null), json!(null));
        told.push(problem);
    };
    for email in [acme.member.email, "nobody@new.example"] {
        for path in ["password-reset", "verify-email/resend"] {
            refused(app.auth(path, json!({ "email": email })).await);
        }
        let new = json!({ "email": email, "password": SECRET, "full_name": "Ada" });
        refused(app.auth("signup", new).await);
        refused(me.post("/me/email", json!({ "email": email })).await);
        refused(owner.post("/tenant/invitations", json!({ "email": format!("x{email}"), "role_id": role })).await);
    }
    refused(app.auth("password-reset/confirm", json!({ "token": link, "password": SECRET })).await);
    refused(app.auth("verify-email", json!({ "token": link })).await);
    refused(me.put("/me/password", json!({ "password": SECRET })).await);
    let resend = format!("/tenant/invitations/{}/resend", acme.invitation);
    refused(Answer::of(owner.request(Method::POST, &resend)).await);
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:#?}");
    assert_eq!(db.everything().await, before);
    assert_eq!(db.value::<i64>("select count(*) from tenant.invitations where email like 'x%'").await, 0);

    drop(held);
    app.auth("password-reset/confirm", json!({ "token": link, "password": SECRET })).await.expect(204);
    post.letter_to(acme.viewer.email).await;
    post.is_empty(&app).await;
}
