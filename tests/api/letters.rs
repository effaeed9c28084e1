//! Letters are written down in the transaction that causes them, tell nobody anything before they are sent, and are sent by whoever comes.
use std::time::Duration;

use rowhouse::{
    auth::Keys,
    db::{Statements, WORKER_ROLE, WorkerDb},
    jobs::{Worker, WorkerOptions, lease::LeaseTerms},
    mail::{About, Content, NewLetter},
    server::metrics,
    settings::Profile,
    work::{self, Means, letters::Post},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::accounts::SECRET;
use crate::support::{KEYS, Member, PostBox, TestApp, TestDb, hex, town, tuning};

/// Writes letters down as the application does, all in one transaction.
async fn write(db: &TestDb, app: &TestApp, to: impl Iterator<Item = String>) {
    let gate = db.gate().await;
    let begin = "begin; set local app.tenant_id = ''; set local app.user_id = ''; set local app.session_id = ''; set local app.api_key = ''";
    gate.batch_execute(begin).await.unwrap();
    for to in to {
        let content = Content { name: "Ada".to_owned(), ..Content::to(&to) };
        let letter = NewLetter::new(app.app.secrets(), About::PasswordChanged, &content).unwrap();
        gate.execute(NewLetter::WRITE.text(), &letter.with()).await.unwrap();
    }
    gate.batch_execute("commit").await.unwrap();
}

/// Waits until whatever waits has been tried and waits again, so many of them.
async fn all_put_off(db: &TestDb, count: i64) {
    let mut tries = 0;
    let put_off = "select count(*) filter (where error is not null and lease is null) * 1000 + count(*) from registry.letters where dead_at is null";
    while db.value::<i64>(put_off).await != count * 1001 {
        tries += 1;
        assert!(tries < 1000, "they are not put off");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_address_that_takes_no_letters_is_in_the_way_of_no_other() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    post.defer("deferred@new.example");
    write(&db, &app, (0..600).map(|_| "deferred@new.example".to_owned())).await;
    write(&db, &app, (0..100).map(|n| format!("person{n}@new.example"))).await;
    let owner = town().acme.owner.email;
    app.auth("password-reset", json!({ "email": owner })).await.expect(202);
    post.letter_to(owner).await;
    for n in 0..100 {
        post.letter_to(&format!("person{n}@new.example")).await;
    }
    assert_eq!(post.count(), 0);
    // What waited is sent once it can be; of six hundred that say the same, one.
    post.take_all();
    post.letter_to("deferred@new.example").await;
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
    all_put_off(&db, 1).await;
    post.take_all();
    let token = post.token_to(owner).await;
    post.is_empty(&app).await;
    app.auth("password-reset/confirm", json!({ "token": token, "password": SECRET })).await.expect(204);
    app.sign_in(owner, SECRET).await;
}

#[tokio::test]
async fn several_tenants_invitations_to_one_address_all_come_and_each_with_its_last_link() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    post.defer("new@new.example");
    for tenant in [&town().acme, &town().globex] {
        let owner = Member::new(&app, &tenant.owner, tenant);
        let role = owner.role("viewer").await;
        let invite = json!({ "email": "new@new.example", "role_id": role });
        let made = owner.post("/tenant/invitations", invite).await.expect(201).json();
        // One that is on its way just now nobody calls back: it has been put off before the next is asked for.
        let put_off = format!(
            "select count(*) from tenant.jobs where tenant_id = '{}' and kind = 'invitations.send' and state = 'waiting' and attempts = 1",
            tenant.id
        );
        while db.value::<i64>(&put_off).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Sent once more, the new link takes the place of the one that waits.
        let again = format!("/tenant/invitations/{}/resend", made["id"].as_str().unwrap());
        owner.post(&again, json!({})).await.expect(200);
    }
    post.take_all();
    let mut subjects = Vec::new();
    for _ in 0..2 {
        let letter = post.letter_to("new@new.example").await;
        subjects.push(letter.subject.clone());
        app.auth("invitations/show", json!({ "token": letter.token() })).await.expect(200);
    }
    post.is_empty(&app).await;
    subjects.sort();
    assert_eq!(subjects, ["Join \"acme\"", "Join \"globex\""]);
}

#[tokio::test]
async fn an_invitation_that_is_taken_back_before_it_is_sent_is_not_sent() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let role = owner.role("viewer").await;
    for email in ["one@new.example", "other@new.example"] {
        let invite = json!({ "email": email, "role_id": role });
        let made = owner.post("/tenant/invitations", invite).await.expect(201).json();
        if email == "one@new.example" {
            owner.delete(&format!("/tenant/invitations/{}", made["id"].as_str().unwrap()), "*").await.expect(204);
        }
    }
    let app = app.sending(&db, &post);
    post.letter_to("other@new.example").await;
    post.is_empty(&app).await;
}

#[tokio::test]
async fn whoever_asks_leaves_the_same_behind_whether_there_is_an_account_or_not() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    // Nobody sends yet.
    let app = TestApp::new(&db).await;
    let (member, nobody) = (town().acme.member.email, "nobody@new.example");
    let but_letters = "select md5(string_agg(t::text, ',' order by t::text)) from (
        select u::text from registry.users u union all select m::text from registry.mail_tokens m
        union all select s::text from registry.spent_seals s union all select e::text from registry.account_events e) t";
    let before: String = db.value(but_letters).await;
    for email in [member, nobody] {
        for path in ["password-reset", "verify-email/resend"] {
            app.auth(path, json!({ "email": email })).await.expect(202);
        }
    }
    assert_eq!(db.value::<String>(but_letters).await, before, "nothing is looked up that leaves a trace");
    // The rows are of one form and one length, but for that of the address, and tell no address.
    let rows = db
        .superuser()
        .await
        .query("select about, sealed, l::text from registry.letters l order by created_at, id", &[])
        .await
        .unwrap();
    let shape: Vec<(String, usize)> = rows.iter().map(|row| (row.get(0), row.get::<_, Vec<u8>>(1).len())).collect();
    assert_eq!(shape.len(), 4);
    assert_eq!(shape[0].0, shape[2].0);
    assert_eq!(shape[0].1 - member.len(), shape[2].1 - nobody.len());
    for row in &rows {
        let text: String = row.get(2);
        for hidden in [member, nobody] {
            assert!(!text.contains(&hex(hidden.as_bytes())) && !text.contains(hidden), "{text}");
        }
    }
    // Whoever comes sends them.
    let app = app.sending(&db, &post);
    let token = post.token_to(member).await;
    post.is_empty(&app).await;
    assert_eq!(db.value::<i64>("select count(*) from registry.letters").await, 0, "what is sent is not kept");
    app.auth("password-reset/confirm", json!({ "token": token, "password": SECRET })).await.expect(204);
    post.letter_to(member).await;
    post.is_empty(&app).await;
}

#[tokio::test]
async fn what_a_rolled_back_request_would_have_sent_is_not_sent_and_what_was_committed_is_after_its_sender_was_lost() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::new(&db).await;
    write(&db, &app, std::iter::once("one@new.example".to_owned())).await;
    // A worker has it, and says nothing any more.
    let worker = db.client("rowhouse_worker").await;
    let take = "begin; set local app.tenant_id = ''; select * from registry.take_letters(10, '1 hour'); commit";
    worker.batch_execute(take).await.unwrap();
    let app = app.sending(&db, &post);
    write(&db, &app, std::iter::once("other@new.example".to_owned())).await;
    post.letter_to("other@new.example").await;
    assert_eq!(post.count(), 0, "it is the lost one's, as far as anybody knows");
    db.run("update registry.letters set due_at = now()").await;
    post.letter_to("one@new.example").await;
    post.is_empty(&app).await;
}

#[tokio::test]
async fn a_letter_that_is_refused_for_good_is_dead_and_one_that_nobody_of_ours_has_locked_as_well() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::with_post(&db, &post).await;
    post.refuse("refused@new.example");
    write(&db, &app, std::iter::once("refused@new.example".to_owned())).await;
    let forged = "insert into registry.letters (id, about, address, same, sealed)
        select gen_random_uuid(), 'password_changed', sha256('x'), sha256('x'), l.sealed from registry.letters l
        union all select gen_random_uuid(), 'password_changed', sha256('y'), sha256('y'), sha256('z')";
    let dead = "select string_agg(error, ',' order by error) from registry.letters where dead_at is not null";
    let mut tries = 0;
    while db.value::<Option<String>>(dead).await.as_deref() != Some("refused") {
        tries += 1;
        assert!(tries < 1000, "it is not dead");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    db.run(forged).await;
    while db.value::<Option<String>>(dead).await.as_deref() != Some("refused,unreadable,unreadable") {
        tries += 1;
        assert!(tries < 1000, "what another has locked, and what was locked for another letter, is dead");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    post.is_empty(&app).await;
}

/// A server that took a letter and was not heard to is handed it once more, with the same link.
#[tokio::test]
async fn a_link_that_was_used_is_not_good_again_when_its_letter_is_sent_once_more() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::new(&db).await;
    let member = town().acme.member.email;
    app.auth("password-reset", json!({ "email": member })).await.expect(202);
    db.run("create table public.sent as select * from registry.letters").await;
    let app = app.sending(&db, &post);
    let token = post.token_to(member).await;
    let confirm = json!({ "token": token, "password": SECRET });
    app.auth("password-reset/confirm", confirm.clone()).await.expect(204);
    post.letter_to(member).await;
    db.run("insert into registry.letters select * from public.sent").await;
    assert_eq!(post.token_to(member).await, token, "the same letter");
    app.auth("password-reset/confirm", confirm).await.problem(410, "link_spent");
    // Another one is.
    app.auth("password-reset", json!({ "email": member })).await.expect(202);
    let token = post.token_to(member).await;
    app.auth("password-reset/confirm", json!({ "token": token, "password": "another good secret" })).await.expect(204);
}

/// What waits for a mail server that does not take it, somebody has to see before the people who wait for it say so.
#[tokio::test]
async fn figures_say_how_many_letters_wait_and_were_given_up_and_what_became_of_the_others() {
    let (db, post_box) = (TestDb::new().await, PostBox::start().await);
    let app = TestApp::new(&db).await;
    post_box.defer("deferred@new.example");
    post_box.refuse("refused@new.example");
    write(&db, &app, ["deferred", "refused", "one", "two"].iter().map(|name| format!("{name}@new.example"))).await;
    db.run("update registry.letters set created_at = now() - interval '1 hour'").await;
    let mail = tuning(&["--smtp-url", &post_box.url()]).mail;
    let post = Post::new(mail.mailer(Profile::Production).unwrap(), Keys::read(&KEYS).unwrap());
    let worker = WorkerDb::open(&db.url(WORKER_ROLE).into(), 4, Statements::Named).unwrap();
    let stop = CancellationToken::new();
    let sending = tokio::spawn(post.clone().run(worker.clone(), stop.clone(), Duration::ZERO));
    for name in ["one", "two"] {
        post_box.letter_to(&format!("{name}@new.example")).await;
    }
    all_put_off(&db, 1).await;
    stop.cancel();
    sending.await.unwrap();

    let counting = tokio::spawn({
        let (post, worker) = (post.clone(), worker.clone());
        async move { post.count(worker, CancellationToken::new()).await }
    });
    let options = WorkerOptions::new(1, LeaseTerms::new(LeaseTerms::SHORTEST).unwrap(), Duration::ZERO);
    let jobs = Worker::new(worker, work::kinds(&Means::default()).build(), options);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}/metrics", listener.local_addr().unwrap());
    let router = metrics::worker_router(&jobs, Some(&post));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let mut text = String::new();
    for _ in 0..500 {
        text = app.client.get(&at).send().await.unwrap().text().await.unwrap();
        if text.contains("rowhouse_letters_dead 1") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    counting.abort();
    serving.abort();
    for line in [
        "rowhouse_letters_waiting 1",
        "rowhouse_letters_dead 1",
        "rowhouse_letters_tried_total{outcome=\"sent\"} 2",
        "rowhouse_letters_tried_total{outcome=\"dead\"} 1",
    ] {
        assert!(text.lines().any(|said| said == line), "{line}\n{text}");
    }
    let figure =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok()).unwrap();
    assert!(figure("rowhouse_letters_tried_total{outcome=\"again\"} ") >= 1.0);
    assert!((3600.0..3700.0).contains(&figure("rowhouse_letters_oldest_seconds ")), "{text}");
    assert!(!text.contains("new.example"), "nobody is named");
}
