//! Links in letters: which of those that were asked for are good.
use serde_json::json;

use super::accounts::{OTHER, SECRET, reset, sign_up, verify};
use crate::support::{PASSWORD, PostBox, TestApp, TestDb, town};

#[tokio::test]
async fn whoever_asks_for_links_to_anothers_account_spoils_none_of_the_last_three() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let owner = town().acme.owner.email;
    let ask = async |path: &str, email: &str| {
        db.forget_tries().await;
        app.auth(path, json!({ "email": email })).await.expect(202);
        post.token_to(email).await
    };
    for nth in 0..3 {
        let mut links = Vec::new();
        for _ in 0..4 {
            links.push(ask("password-reset", owner).await);
        }
        reset(&app, &links[0], SECRET).await.problem(410, "link_spent");
        db.forget_tries().await;
        reset(&app, &links[1 + nth], SECRET).await.expect(204);
        assert_eq!(post.letter_to(owner).await.subject, "Your password was changed");
        for link in &links {
            reset(&app, link, OTHER).await.problem(410, "link_spent");
        }
        app.sign_in(owner, SECRET).await;

        // The same of links that confirm an address.
        let email = format!("person{nth}@new.example");
        sign_up(&app, &email, SECRET).await.expect(202);
        let mut links = vec![post.token_to(&email).await];
        for _ in 0..3 {
            links.push(ask("verify-email/resend", &email).await);
        }
        verify(&app, &links[0]).await.problem(410, "link_spent");
        verify(&app, &links[1 + nth]).await.expect(204);
        db.forget_tries().await;
        for link in &links {
            verify(&app, link).await.problem(410, "link_spent");
        }
        // And of those that choose a password, where somebody signs up with the address again and again.
        let email = format!("squatted{nth}@new.example");
        let mut links = Vec::new();
        for n in 0..5 {
            db.forget_tries().await;
            sign_up(&app, &email, SECRET).await.expect(202);
            let token = post.token_to(&email).await;
            links.extend((n > 0).then_some(token));
        }
        reset(&app, &links[0], OTHER).await.problem(410, "link_spent");
        reset(&app, &links[1 + nth], OTHER).await.expect(204);
        assert_eq!(post.letter_to(&email).await.subject, "Your password was changed");
        app.sign_in(&email, OTHER).await;
    }
}

#[tokio::test]
async fn a_link_to_a_mistyped_address_is_spoilt_by_the_one_to_the_right_one() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let me = app.sign_in(town().acme.owner.email, PASSWORD).await;
    let mut links = Vec::new();
    for email in ["ada@typo.example", "ada@new.example", "ada@new.example"] {
        me.post("/me/email", json!({ "email": email })).await.expect(202);
        links.push(post.token_to(email).await);
    }
    verify(&app, &links[0]).await.problem(410, "link_spent");
    verify(&app, &links[1]).await.expect(204);
    verify(&app, &links[2]).await.problem(410, "link_spent");
    assert_eq!(me.get("/me").await.expect(200).json()["email"], "ada@new.example");
}
