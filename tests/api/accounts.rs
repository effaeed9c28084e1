//! From signing up to a new password, by way of letters; and what none of it tells about others.
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, PostBox, TestApp, TestDb, town};

/// Nobody would try it first.
pub(super) const SECRET: &str = "seven grey herons";
pub(super) const OTHER: &str = "eight white egrets";

pub(super) async fn sign_up(app: &TestApp, email: &str, password: &str) -> Answer {
    app.auth("signup", json!({ "email": email, "password": password, "full_name": "Ada Lovelace" })).await
}

pub(super) async fn verify(app: &TestApp, token: &str) -> Answer {
    app.auth("verify-email", json!({ "token": token })).await
}

pub(super) async fn reset(app: &TestApp, token: &str, password: &str) -> Answer {
    app.auth("password-reset/confirm", json!({ "token": token, "password": password })).await
}

/// Where and why, in the order of the text.
fn faults(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().unwrap().iter();
    let mut faults: Vec<_> =
        errors.map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())).collect();
    faults.sort_unstable();
    faults
}

#[tokio::test]
async fn signing_up_with_an_organization_ends_with_the_owner_of_a_tenant_on_trial() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let email = "ada@new.example";
    let new = json!({ "email": email, "password": SECRET, "full_name": "Ada", "organization": "Engines, Inc." });
    app.auth("signup", new).await.expect(202);
    app.login(email, SECRET).await.problem(401, "wrong_credentials");

    let letter = post.letter_to(email).await;
    assert_eq!(letter.subject, "Confirm your e-mail address");
    assert!(!letter.body.contains("Ada"), "{letter:#?}");
    assert!(letter.body.contains("http://localhost:8080/verify-email#token="), "{letter:#?}");
    let token = letter.token();
    // Garbage, another's, and one cut short are as good as one that was used.
    for wrong in ["", "garbage", "\u{0}", &"A".repeat(43), &token[1..], &token.to_lowercase(), &format!("{token}A")] {
        verify(&app, wrong).await.problem(410, "link_spent");
    }
    app.login(email, SECRET).await.problem(401, "wrong_credentials");
    assert_eq!(verify(&app, &token).await.expect(204).text, "");
    verify(&app, &token).await.problem(410, "link_spent");

    let login = app.login(email, SECRET).await.expect(200);
    let me = app.caller(&login).get("/me").await.expect(200).json();
    assert_eq!((&me["email"], &me["full_name"], &me["second_factor"]), (&json!(email), &json!("Ada"), &json!(false)));
    let [tenant] = me["tenants"].as_array().unwrap().as_slice() else { panic!("one tenant: {me}") };
    assert_eq!((&tenant["role"], &tenant["status"]), (&json!("owner"), &json!("trial")));
    assert_eq!((&tenant["name"], &tenant["slug"]), (&json!("Engines, Inc."), &json!("engines-inc")));
    // The only tenant is the one the session acts in.
    assert_eq!(login.json()["tenant_id"], tenant["id"]);
    assert_eq!(app.caller(&login).get("/projects").await.expect(200).json()["items"], json!([]));
    post.is_empty(&app).await;
}

#[tokio::test]
async fn of_several_who_use_a_link_at_once_one_is_answered() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let owner = town().acme.owner.email;
    app.auth("password-reset", json!({ "email": owner })).await.expect(202);
    let link = post.token_to(owner).await;
    let passwords = ["nine brown bitterns", OTHER, SECRET];
    let answers = join_all(passwords.iter().map(|password| reset(&app, &link, password))).await;
    let done: Vec<_> = answers.iter().zip(passwords).filter(|(answer, _)| answer.status == 204).collect();
    let [(_, password)] = done.as_slice() else { panic!("one of them: {answers:#?}") };
    for answer in answers.iter().filter(|answer| answer.status != 204) {
        answer.problem(410, "link_spent");
    }
    app.sign_in(owner, password).await;
}

#[tokio::test]
async fn an_expired_link_confirms_nothing() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let [late, on_time] = ["late@new.example", "on.time@new.example"];
    for email in [late, on_time] {
        sign_up(&app, email, SECRET).await.expect(202);
    }
    let of_late = "update registry.mail_tokens set expires_at = now() where email = 'late@new.example'";
    db.run(of_late).await;
    verify(&app, &post.token_to(late).await).await.problem(410, "link_spent");
    verify(&app, &post.token_to(on_time).await).await.expect(204);
    app.login(late, SECRET).await.problem(401, "wrong_credentials");
    let me = app.sign_in(on_time, SECRET).await.get("/me").await.expect(200).json();
    assert_eq!(me["tenants"], json!([]), "no organization, no tenant");
}

#[tokio::test]
async fn an_address_with_an_account_is_answered_as_a_new_one_and_its_owner_gets_a_letter() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let owner = town().acme.owner.email;
    let sign_up = async |email: &str| {
        let new = json!({ "email": email, "password": SECRET, "full_name": "Mallory", "organization": "Mallory's" });
        app.auth("signup", new).await
    };
    let before = db.everything().await;
    let known = sign_up(&owner.to_uppercase()).await.expect(202);
    assert_eq!(db.everything().await, before);
    let letter = post.letter_to(owner).await;
    assert_eq!(letter.subject, "You have an account already");
    assert!(letter.body.contains("has an account already"), "{letter:#?}");
    assert!(!letter.body.contains("token") && !letter.body.contains("Mallory"), "{letter:#?}");

    let unknown = sign_up("nobody@new.example").await.expect(202);
    assert_ne!(db.everything().await, before, "the comparison sees a new account");
    assert_eq!(known.text.as_bytes(), unknown.text.as_bytes());
    let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&known), names(&unknown));
    assert_eq!(post.letter_to("nobody@new.example").await.subject, "Confirm your e-mail address");
    app.login(owner, SECRET).await.problem(401, "wrong_credentials");
    app.sign_in(owner, PASSWORD).await;
}

#[tokio::test]
async fn an_address_that_is_signed_up_twice_belongs_to_whoever_reads_its_letters() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let email = "ada@new.example";
    sign_up(&app, email, SECRET).await.expect(202);
    let first = post.token_to(email).await;
    let resend = async |email: &str| app.auth("verify-email/resend", json!({ "email": email })).await.expect(202);
    let sent_again = resend(email).await;
    let second = post.token_to(email).await;
    // Somebody else, before the link was used: their password must not be what the owner's click lets in.
    sign_up(&app, email, OTHER).await.expect(202);
    let letter = post.letter_to(email).await;
    assert_eq!(letter.subject, "Choose a password");
    for confirms in [&first, &second] {
        verify(&app, confirms).await.problem(410, "link_spent");
    }
    verify(&app, &letter.token()).await.problem(410, "link_spent");
    for password in [SECRET, OTHER] {
        app.login(email, password).await.problem(401, "wrong_credentials");
    }
    let chosen = "nine brown bitterns";
    let choose = json!({ "token": letter.token(), "password": chosen });
    app.auth("password-reset/confirm", choose.clone()).await.expect(204);
    app.auth("password-reset/confirm", choose).await.problem(410, "link_spent");
    assert_eq!(post.letter_to(email).await.subject, "Your password was changed");
    for password in [SECRET, OTHER] {
        app.login(email, password).await.problem(401, "wrong_credentials");
    }
    app.sign_in(email, chosen).await;

    // There is nothing left to confirm, for this address or for one without an account: said to neither.
    db.forget_tries().await;
    for email in [email, "nobody@new.example"] {
        assert_eq!(resend(email).await.text, sent_again.text);
    }
    post.is_empty(&app).await;
    sign_up(&app, email, OTHER).await.expect(202);
    assert_eq!(post.letter_to(email).await.subject, "You have an account already");
    app.sign_in(email, chosen).await;
    let accounts: i64 = db.value("select count(*) from registry.users where email like '%@new.example'").await;
    assert_eq!(accounts, 1);
}

#[tokio::test]
async fn an_address_in_another_case_or_with_dots_behind_it_is_the_same_account() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    sign_up(&app, "Ada.Lovelace@NEW.Example.", SECRET).await.expect(202);
    let kept = "ada.lovelace@new.example";
    verify(&app, &post.token_to(kept).await).await.expect(204);
    for spelling in [kept, "ADA.LOVELACE@NEW.EXAMPLE", "ada.lovelace@new.example..", "Ada.Lovelace@New.Example."] {
        let me = app.sign_in(spelling, SECRET).await.get("/me").await.expect(200).json();
        assert_eq!(me["email"], kept, "{spelling}");
    }
    // Dots elsewhere are letters like others.
    app.login("adalovelace@new.example", SECRET).await.problem(401, "wrong_credentials");
    sign_up(&app, "ADA.lovelace@new.example.", OTHER).await.expect(202);
    assert_eq!(post.letter_to(kept).await.subject, "You have an account already");
    app.auth("password-reset", json!({ "email": "ADA.lovelace@new.example." })).await.expect(202);
    assert_eq!(post.letter_to(kept).await.subject, "Set a new password");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_sign_up_is_said_at_once() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let before = db.everything().await;
    let refused = async |change: Value| {
        let mut new = json!({ "email": "ada@new.example", "password": SECRET, "full_name": "Ada Lovelace" });
        new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        app.auth("signup", new).await.problem(422, "invalid")
    };
    let all = json!({ "email": "nope", "password": "short\u{0}", "full_name": "a\nb", "organization": "" });
    assert_eq!(
        faults(&refused(all).await),
        [
            ("/email", "invalid"),
            ("/full_name", "control_character"),
            ("/organization", "too_short"),
            ("/password", "control_character"),
            ("/password", "too_short"),
        ]
    );
    for (password, code) in [
        ("x".to_owned(), "too_short"),
        (String::new(), "too_short"),
        ("fourteen chars".to_owned(), "too_short"),
        ("seven grey herons ".repeat(600)[..10_000].to_owned(), "too_long"),
        (format!("{SECRET}\u{0}"), "control_character"),
        ("passwordpassword".to_owned(), "too_common"),
        ("PassWordPassWord".to_owned(), "too_common"),
        ("ada@new.example1".to_owned(), "too_common"),
        ("ADA@NEW.EXAMPLE!".to_owned(), "too_common"),
        ("my Ada Lovelace".to_owned(), "too_common"),
        ("123456789012345".to_owned(), "too_common"),
        ("rowhouse-rowhouse".to_owned(), "too_common"),
    ] {
        let problem = refused(json!({ "password": password })).await;
        assert_eq!(faults(&problem), [("/password", code)], "{password}");
        assert!(password.len() < 2 || !problem.to_string().contains(&password), "a password is not repeated");
    }
    let long = format!("{}@new.example", "a".repeat(250));
    for email in [
        "",
        "ada",
        "ada@",
        "@new.example",
        "a b@new.example",
        "ada@new@example",
        "ada@localhost",
        "a\u{0}@b.example",
        &long,
    ] {
        assert_eq!(faults(&refused(json!({ "email": email })).await), [("/email", "invalid")], "{email}");
    }
    let long = "a".repeat(201);
    for (name, code) in [
        ("", "too_short"),
        ("Ada\u{7}", "control_character"),
        ("Ada\r\nBcc: all@new.example", "control_character"),
        (" Ada", "blank_ends"),
        (&long, "too_long"),
    ] {
        for field in ["full_name", "organization"] {
            let pointer = format!("/{field}");
            assert_eq!(faults(&refused(json!({ field: name })).await), [(pointer.as_str(), code)], "{name:?}");
        }
    }
    for field in ["role", "id", "email_verified_at", "tenant_id"] {
        let pointer = format!("/{field}");
        assert_eq!(faults(&refused(json!({ field: "owner" })).await), [(pointer.as_str(), "unknown_field")]);
    }
    let missing = app.auth("signup", json!({ "email": "ada@new.example", "password": SECRET })).await;
    assert_eq!(missing.problem(422, "invalid")["errors"][0]["code"], "required");
    assert_eq!(db.everything().await, before);
    post.is_empty(&app).await;
    // With much besides, an address in a password is no harm.
    sign_up(&app, "ada@new.example", "herons write to ada@new.example").await.expect(202);
    post.letter_to("ada@new.example").await;
}

#[tokio::test]
async fn a_password_is_the_same_in_composed_and_decomposed_letters_and_counts_to_its_end() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let composed = "cr\u{e8}me br\u{fb}l\u{e9}e \u{e0} la carte";
    let decomposed = "cre\u{300}me bru\u{302}le\u{301}e a\u{300} la carte";
    assert_ne!(composed, decomposed);
    let long = "herons, egrets and bitterns; ".repeat(5);
    let characters = "зелёные цапли ".repeat(20);
    for (n, given, good, bad) in [
        (1, decomposed, composed, "creme brulee a la carte"),
        (2, composed, decomposed, "cr\u{e8}me br\u{fb}l\u{e9}e a la carte"),
        (3, &long[..64], &long[..64], &long[..63]),
        // Other hashes look at 72 bytes alone.
        (4, &long[..140], &long[..140], &long[..72]),
        (5, &characters, &characters, characters.trim_end()),
    ] {
        let email = format!("person{n}@new.example");
        sign_up(&app, &email, given).await.expect(202);
        verify(&app, &post.token_to(&email).await).await.expect(204);
        for password in [given, good] {
            app.sign_in(&email, password).await;
        }
        app.login(&email, bad).await.problem(401, "wrong_credentials");
    }
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_letter_and_ends_every_session() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let owner = town().acme.owner.email;
    let (here, there) = (app.sign_in(owner, PASSWORD).await, app.sign_in(owner, PASSWORD).await);
    let member = app.sign_in(town().acme.member.email, PASSWORD).await;
    let forgotten = async |email: &str| app.auth("password-reset", json!({ "email": email })).await.expect(202);
    let unknown = forgotten("nobody@new.example").await;
    post.is_empty(&app).await;
    let known = forgotten(owner).await;
    assert_eq!(known.text.as_bytes(), unknown.text.as_bytes());
    let first = post.token_to(owner).await;
    forgotten(owner).await;
    let letter = post.letter_to(owner).await;
    assert_eq!(letter.subject, "Set a new password");
    assert!(letter.body.contains("/reset-password#token="), "{letter:#?}");
    let link = letter.token();

    reset(&app, "garbage", SECRET).await.problem(410, "link_spent");
    // A link does what it was made for and nothing else; a password that is refused does not use it up.
    verify(&app, &link).await.problem(410, "link_spent");
    assert_eq!(faults(&reset(&app, &link, "short").await.problem(422, "invalid")), [("/password", "too_short")]);
    here.get("/me").await.expect(200);
    reset(&app, &link, SECRET).await.expect(204);
    for spent in [&link, &first] {
        reset(&app, spent, OTHER).await.problem(410, "link_spent");
    }
    assert_eq!(post.letter_to(owner).await.subject, "Your password was changed");

    for caller in [&here, &there] {
        caller.get("/me").await.problem(401, "session_ended");
        caller.get("/projects").await.problem(401, "session_ended");
        let refresh = app.auth("refresh", json!({ "refresh_token": caller.refresh })).await;
        refresh.problem(401, "refresh_token_spent");
    }
    member.get("/me").await.expect(200);
    for password in [PASSWORD, OTHER] {
        app.login(owner, password).await.problem(401, "wrong_credentials");
    }
    let events = app.sign_in(owner, SECRET).await.get("/me/events").await.expect(200).json();
    assert_eq!(
        (&events["items"][0]["kind"], &events["items"][1]["kind"]),
        (&json!("signed_in"), &json!("password_reset"))
    );
}

#[tokio::test]
async fn a_link_for_a_new_password_expires_and_a_deactivated_account_gets_none() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let (owner, viewer) = (town().acme.owner.email, &town().acme.viewer);
    db.run(&format!("update registry.users set active = false where id = '{}'", viewer.id)).await;
    app.auth("password-reset", json!({ "email": viewer.email })).await.expect(202);
    post.is_empty(&app).await;
    app.auth("password-reset", json!({ "email": owner })).await.expect(202);
    let link = post.token_to(owner).await;
    db.run("update registry.mail_tokens set expires_at = now()").await;
    reset(&app, &link, SECRET).await.problem(410, "link_spent");
    app.sign_in(owner, PASSWORD).await;
}

#[tokio::test]
async fn a_password_set_by_letter_is_not_ones_own_address_either() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let owner = town().acme.owner.email;
    app.auth("password-reset", json!({ "email": owner })).await.expect(202);
    let link = post.token_to(owner).await;
    assert_eq!(faults(&reset(&app, &link, owner).await.problem(422, "invalid")), [("/password", "too_common")]);
    reset(&app, &link, SECRET).await.expect(204);
}

#[tokio::test]
async fn what_clings_to_an_address_that_was_copied_is_no_part_of_it() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    let (kept, copied) = ("ada@new.example", " \tAda@New.Example\u{a0}\r\n");
    sign_up(&app, copied, SECRET).await.expect(202);
    post.letter_to(kept).await;
    app.auth("verify-email/resend", json!({ "email": copied })).await.expect(202);
    verify(&app, &post.token_to(kept).await).await.expect(204);
    let me = app.sign_in(copied, SECRET).await;
    assert_eq!(me.get("/me").await.expect(200).json()["email"], kept);
    app.auth("password-reset", json!({ "email": copied })).await.expect(202);
    assert_eq!(post.letter_to(kept).await.subject, "Set a new password");
    me.post("/me/email", json!({ "email": " ada.lovelace@new.example " })).await.expect(202);
    assert_eq!(post.letter_to("ada.lovelace@new.example").await.subject, "Confirm your e-mail address");
}
