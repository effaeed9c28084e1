//! Asking somebody to join, and joining.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use futures_util::future::join_all;
use jiff::{Timestamp, ToSpan as _};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Member, PASSWORD, Person, TenantFixture, TestApp, TestDb, Way, both_ways, forge, town};

const NEW_PASSWORD: &str = "a new one that nobody guesses";

both_ways! {
    #[tokio::test]
    whoever_is_invited_and_has_no_account_makes_one_and_is_a_member;
    #[tokio::test]
    whoever_is_invited_and_has_an_account_joins_once;
}

/// An invitation in hand, as from a letter: its row keeps the hash of a secret of our own from now on.
pub(super) async fn token(db: &TestDb, tenant: Uuid, invitation: &Value) -> String {
    let id: Uuid = invitation["id"].as_str().unwrap().parse().unwrap();
    let secret = format!("{:032x}", Uuid::now_v7().as_u128());
    let keep =
        "update tenant.invitations set token_hash = sha256(sha256($3::text::bytea)) where tenant_id = $1 and id = $2";
    assert_eq!(db.superuser().await.execute(keep, &[&tenant, &id, &secret]).await.unwrap(), 1);
    BASE64.encode([tenant.as_bytes().as_slice(), id.as_bytes(), secret.as_bytes()].concat())
}

async fn invite(by: Member<'_>, email: &str, role: &str) -> Value {
    by.post("/tenant/invitations", json!({ "email": email, "role_id": role })).await.expect(201).json()
}

async fn public(app: &TestApp, path: &str, body: Value) -> Answer {
    Answer::of(app.request(Method::POST, &format!("/api/v1/auth/{path}")).json(&body)).await
}

async fn show(app: &TestApp, token: &str) -> Answer {
    public(app, "invitations/show", json!({ "token": token })).await
}

async fn accept_as_new(app: &TestApp, token: &str) -> Answer {
    let account = json!({ "token": token, "full_name": "Newly Come", "password": NEW_PASSWORD });
    public(app, "invitations/accept", account).await
}

async fn accept(app: &TestApp, who: &Person, token: &str) -> Answer {
    let request = app.request(Method::POST, "/api/v1/me/invitations/accept").bearer_auth(forge(who.id, None).sign());
    Answer::of(request.json(&json!({ "token": token }))).await
}

fn owner<'a>(app: &'a TestApp, tenant: &TenantFixture) -> Member<'a> {
    Member::new(app, &tenant.owner, tenant)
}

fn path(invitation: &Value) -> String {
    format!("/tenant/invitations/{}", invitation["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_invitation_is_made_seen_sent_again_and_taken_back() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = owner(&app, acme);
    let role = owner.role("member").await;
    let new = json!({ "email": "New.Person@Elsewhere.Example", "role_id": role });
    let made = owner.post("/tenant/invitations", new).await.expect(201);
    let invitation = made.json();
    assert_eq!(made.header("location"), format!("/api/v1{}", path(&invitation)));
    assert_eq!((&invitation["email"], &invitation["role_id"]), (&json!("new.person@elsewhere.example"), &json!(role)));
    assert_eq!((&invitation["invited_by"], &invitation["expired"]), (&json!(acme.owner.id), &json!(false)));
    let expires: Timestamp = invitation["expires_at"].as_str().unwrap().parse().unwrap();
    let week = Timestamp::now() + (7 * 24).hours();
    assert!(expires <= week && expires > week - 10.minutes(), "{expires}");
    assert!(!made.text.contains("token"), "{}", made.text);

    // One for each address of a tenant; other tenants do not count.
    for same in ["new.person@elsewhere.example", "NEW.PERSON@ELSEWHERE.EXAMPLE", "new.person@elsewhere.example."] {
        let again = owner.post("/tenant/invitations", json!({ "email": same, "role_id": role })).await;
        again.faults(409, "/email", "taken");
    }
    let elsewhere = Member::new(&app, &globex.owner, globex);
    invite(elsewhere, "new.person@elsewhere.example", &elsewhere.role("viewer").await).await;
    for missing in [path(&invitation), format!("/tenant/invitations/{}", Uuid::now_v7())] {
        elsewhere.get(&missing).await.problem(404, "not_found");
        elsewhere.delete(&missing, "*").await.problem(404, "not_found");
        elsewhere.post(&format!("{missing}/resend"), json!({})).await.problem(404, "not_found");
    }

    let list = owner.get("/tenant/invitations").await.expect(200).json();
    let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids, [invitation["id"].clone(), json!(acme.invitation)], "newest first");
    assert_eq!(owner.get(&path(&invitation)).await.expect(200).json(), invitation);

    let first = token(&db, acme.id, &invitation).await;
    let sooner = "update tenant.invitations set expires_at = now() - interval '1 minute' where email like 'new.%'";
    db.superuser().await.batch_execute(sooner).await.unwrap();
    assert_eq!(owner.get(&path(&invitation)).await.expect(200).json()["expired"], true);
    show(&app, &first).await.problem(410, "link_spent");
    accept_as_new(&app, &first).await.problem(410, "link_spent");
    let again = Answer::of(owner.request(Method::POST, &format!("{}/resend", path(&invitation)))).await.expect(200);
    let sent: Timestamp = again.json()["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(sent >= expires && again.json()["expired"] == false, "{again:?}");
    show(&app, &first).await.problem(410, "link_spent");
    accept_as_new(&app, &first).await.problem(410, "link_spent");

    let second = token(&db, acme.id, &invitation).await;
    show(&app, &second).await.expect(200);
    let blind = owner.request(Method::DELETE, &path(&invitation));
    Answer::of(blind).await.problem(428, "precondition_required");
    owner.delete(&path(&invitation), "\"1\"").await.problem(412, "precondition_failed");
    owner.delete(&path(&invitation), "*").await.expect(204);
    show(&app, &second).await.problem(410, "link_spent");
    accept_as_new(&app, &second).await.problem(410, "link_spent");
    owner.get(&path(&invitation)).await.problem(404, "not_found");
    owner.delete(&path(&invitation), "*").await.problem(404, "not_found");
    public(&app, "login", json!({ "email": "new.person@elsewhere.example", "password": NEW_PASSWORD }))
        .await
        .problem(401, "wrong_credentials");
}

#[tokio::test]
async fn who_may_invite_and_to_what() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = owner(&app, acme);
    let [viewer, admin, asker] = [&acme.viewer, &acme.member, &acme.both].map(|person| Member::new(&app, person, acme));
    let ask = async |by: Member<'_>, email: &str, role: &str| {
        by.post("/tenant/invitations", json!({ "email": email, "role_id": role })).await
    };
    for role in [Uuid::now_v7(), globex.role] {
        ask(owner, "a@elsewhere.example", &role.to_string()).await.faults(422, "/role_id", "unknown");
    }
    let role = owner.role("viewer").await;
    for email in ["", "nobody", "a@b", "a b@elsewhere.example", "a@elsewhere.example\r\nBcc: b@elsewhere.example"] {
        ask(owner, email, &role).await.faults(422, "/email", "invalid");
    }
    let sneaky = json!({ "email": "a@elsewhere.example", "role_id": role, "permissions": ["tenant:delete"] });
    owner.post("/tenant/invitations", sneaky).await.faults(422, "/permissions", "unknown_field");

    ask(viewer, "a@elsewhere.example", &role).await.lacks("invitations:write");
    let fixture = format!("/tenant/invitations/{}", acme.invitation);
    // Whom a tenant asks to join is not everybody's to read.
    viewer.get("/tenant/invitations").await.lacks("invitations:read");
    viewer.get(&fixture).await.lacks("invitations:read");
    viewer.delete(&fixture, "*").await.lacks("invitations:delete");
    viewer.post(&format!("{fixture}/resend"), json!({})).await.lacks("invitations:write");

    owner.give(&acme.member, &owner.role("admin").await).await.expect(200);
    ask(admin, "a@elsewhere.example", &owner.role("owner").await).await.lacks("billing:manage");
    ask(admin, "a@elsewhere.example", &owner.role("admin").await).await.expect(201);
    let askers = ["invitations:read", "invitations:write", "projects:read", "roles:read"];
    let asks = owner.make_role("asker", &askers).await;
    owner.give(&acme.both, &asks).await.expect(200);
    let problem = ask(asker, "b@elsewhere.example", &role).await.problem(403, "permission_denied");
    assert!(!askers.iter().any(|own| problem["detail"].as_str().unwrap().ends_with(own)), "{problem}");
    // Nor is the fixture's, to the role of a member, sent once more by somebody who holds less.
    asker.post(&format!("{fixture}/resend"), json!({})).await.problem(403, "permission_denied");
    ask(asker, "b@elsewhere.example", &acme.role.to_string()).await.expect(201);
    let invited = owner.get("/tenant/invitations").await.expect(200).json();
    assert_eq!(invited["items"].as_array().unwrap().len(), 3);
}

async fn whoever_is_invited_and_has_no_account_makes_one_and_is_a_member(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let owner = owner(&app, acme);
    let role = owner.role("viewer").await;
    let invitation = invite(owner, "Newly.Come@Elsewhere.Example", &role).await;
    let token = token(&db, acme.id, &invitation).await;
    let shown = show(&app, &token).await.expect(200).json();
    let expected = json!({
        "tenant": "acme", "slug": "acme", "email": "newly.come@elsewhere.example", "role": "viewer",
        "expires_at": invitation["expires_at"], "has_account": false,
    });
    assert_eq!(shown, expected);

    // What is wrong with the account does not use the invitation up.
    for (password, name) in [("short", "Newly Come"), ("passwordpassword", "Newly Come"), (NEW_PASSWORD, "")] {
        let account = json!({ "token": token, "full_name": name, "password": password });
        public(&app, "invitations/accept", account).await.problem(422, "invalid");
    }
    let answers = join_all((0..4).map(|_| accept_as_new(&app, &token))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{answers:?}");
    for answer in answers {
        match answer.status.as_u16() {
            201 => assert_eq!(answer.json(), json!({ "tenant_id": acme.id })),
            // Whichever was seen first by those who came too late.
            409 => drop(answer.problem(409, "account_exists")),
            _ => drop(answer.problem(410, "link_spent")),
        }
    }
    accept_as_new(&app, &token).await.problem(410, "link_spent");
    show(&app, &token).await.problem(410, "link_spent");
    owner.get(&path(&invitation)).await.problem(404, "not_found");

    let sign_in = json!({ "email": "newly.come@elsewhere.example", "password": NEW_PASSWORD });
    let session = public(&app, "login", sign_in).await.expect(200).json();
    assert_eq!(session["tenant_id"], acme.id.to_string());
    let as_them =
        |method: Method, path: &str| app.request(method, path).bearer_auth(session["access_token"].as_str().unwrap());
    Answer::of(as_them(Method::GET, "/api/v1/projects")).await.expect(200);
    let new = as_them(Method::POST, "/api/v1/projects").json(&json!({ "name": "By a viewer" }));
    Answer::of(new).await.lacks("projects:write");
    let me = Answer::of(as_them(Method::GET, "/api/v1/me")).await.expect(200).json();
    assert_eq!((&me["full_name"], &me["tenants"][0]["role"]), (&json!("Newly Come"), &json!("viewer")));
    // Removed, they do not come back by the same way.
    let member = format!("/tenant/members/{}", me["id"].as_str().unwrap());
    assert_eq!(owner.get(&member).await.expect(200).json()["email"], "newly.come@elsewhere.example");
    owner.delete(&member, "*").await.expect(204);
    accept_as_new(&app, &token).await.problem(410, "link_spent");
    let again = as_them(Method::POST, "/api/v1/me/invitations/accept").json(&json!({ "token": token }));
    Answer::of(again).await.problem(410, "link_spent");
    Answer::of(as_them(Method::GET, "/api/v1/projects")).await.problem(403, "not_a_member");
}

async fn whoever_is_invited_and_has_an_account_joins_once(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = owner(&app, acme);
    let role = owner.role("member").await;
    let invitation = invite(owner, &globex.member.email.to_uppercase(), &role).await;
    let token = token(&db, acme.id, &invitation).await;
    let shown = show(&app, &token).await.expect(200).json();
    assert_eq!((&shown["email"], &shown["has_account"]), (&json!(globex.member.email), &json!(true)));
    // On the way for those who have none, neither account nor password changes.
    accept_as_new(&app, &token).await.problem(409, "account_exists");
    public(&app, "login", json!({ "email": globex.member.email, "password": PASSWORD })).await.expect(200);
    // Somebody else found the letter.
    for other in [&globex.owner, &acme.viewer] {
        let problem = accept(&app, other, &token).await.problem(403, "wrong_address");
        assert!(problem["detail"].as_str().unwrap().contains(globex.member.email), "{problem}");
    }
    let nobody = app.request(Method::POST, "/api/v1/me/invitations/accept").json(&json!({ "token": token }));
    Answer::of(nobody).await.problem(401, "unauthenticated");
    let joined = Member::new(&app, &globex.member, acme);
    joined.get("/projects").await.problem(403, "not_a_member");

    let answers = join_all((0..6).map(|_| accept(&app, &globex.member, &token))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{answers:?}");
    for late in answers.iter().filter(|answer| answer.status != 201) {
        late.problem(410, "link_spent");
    }
    joined.post("/projects", json!({ "name": "By somebody new" })).await.expect(201);
    // In the tenant they came from they are what they were.
    Member::new(&app, &globex.member, globex).get("/projects").await.expect(200);

    owner.delete(&format!("/tenant/members/{}", globex.member.id), "*").await.expect(204);
    accept(&app, &globex.member, &token).await.problem(410, "link_spent");
    joined.get("/projects").await.problem(403, "not_a_member");
    // Invited anew they do.
    let again = invite(owner, globex.member.email, &role).await;
    let token = self::token(&db, acme.id, &again).await;
    accept(&app, &globex.member, &token).await.expect(201);
    joined.get("/projects").await.expect(200);
}

#[tokio::test]
async fn an_invitation_that_cannot_be_used_now_stays() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let superuser = db.superuser().await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = owner(&app, acme);
    let role = owner.role("member").await;
    let invitation = invite(owner, globex.owner.email, &role).await;
    let token = token(&db, acme.id, &invitation).await;
    superuser.batch_execute("update registry.tenants set status = 'suspended' where slug = 'acme'").await.unwrap();
    let problem = accept(&app, &globex.owner, &token).await.problem(403, "tenant_not_open");
    assert!(problem["detail"].as_str().unwrap().contains("suspended"));
    superuser.batch_execute("update registry.tenants set status = 'active' where slug = 'acme'").await.unwrap();
    accept(&app, &globex.owner, &token).await.expect(201);

    // Whoever is a member already is not invited, and whose address has become the invited one gets no second role by it.
    let again = json!({ "email": format!(" {} ", acme.viewer.email.to_uppercase()), "role_id": role });
    owner.post("/tenant/invitations", again).await.faults(409, "/email", "taken");
    let invitation = invite(owner, "viewers.other@acme.example", &role).await;
    let other =
        format!("update registry.users set email = 'viewers.other@acme.example' where id = '{}'", acme.viewer.id);
    superuser.batch_execute(&other).await.unwrap();
    let token = self::token(&db, acme.id, &invitation).await;
    accept(&app, &acme.viewer, &token).await.problem(409, "member_already");
    let viewer = Member::new(&app, &acme.viewer, acme);
    viewer.post("/projects", json!({ "name": "By a viewer" })).await.lacks("projects:write");
    owner.get(&path(&invitation)).await.expect(200);

    // Expired, for whoever has an account.
    let invitation = invite(owner, globex.viewer.email, &role).await;
    let token = self::token(&db, acme.id, &invitation).await;
    let expire = format!("update tenant.invitations set expires_at = now() where email = '{}'", globex.viewer.email);
    superuser.batch_execute(&expire).await.unwrap();
    accept(&app, &globex.viewer, &token).await.problem(410, "link_spent");
}

#[tokio::test]
async fn what_is_no_token_is_spent() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = owner(&app, acme);
    let invitation = invite(owner, globex.member.email, &owner.role("member").await).await;
    let good = token(&db, acme.id, &invitation).await;
    let bytes = BASE64.decode(&good).unwrap();
    let changed = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        BASE64.encode(bytes)
    };
    let swapped = [globex.id.as_bytes().as_slice(), &bytes[16..]].concat();
    let mut answers = Vec::new();
    for wrong in [
        String::new(),
        "x".repeat(10_000),
        "' or true --".into(),
        good[..good.len() - 1].to_owned(),
        format!("{good}=="),
        format!("{good}A"),
        changed(0),
        changed(31),
        changed(63),
        BASE64.encode(swapped),
        BASE64.encode([0; 64]),
    ] {
        for answer in [
            show(&app, &wrong).await,
            accept(&app, &globex.member, &wrong).await,
            public(&app, "invitations/accept", json!({ "token": wrong, "full_name": "A", "password": NEW_PASSWORD }))
                .await,
        ] {
            let mut problem = answer.problem(410, "link_spent");
            problem["trace_id"] = Value::Null;
            problem["instance"] = Value::Null;
            answers.push(problem);
        }
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    accept(&app, &globex.member, &good).await.expect(201);
}

#[tokio::test]
async fn an_account_nobody_confirmed_belongs_to_whoever_was_invited() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = owner(&app, acme);
    let email = "squatted@elsewhere.example";
    let squatter = "the password of a squatter";
    let sign_up = json!({ "email": email, "password": squatter, "full_name": "A Squatter" });
    public(&app, "signup", sign_up).await.expect(202);
    let invitation = invite(owner, email, &owner.role("member").await).await;
    let token = token(&db, acme.id, &invitation).await;
    assert_eq!(show(&app, &token).await.expect(200).json()["has_account"], false);
    accept_as_new(&app, &token).await.expect(201);

    public(&app, "login", json!({ "email": email, "password": squatter })).await.problem(401, "wrong_credentials");
    let session = public(&app, "login", json!({ "email": email, "password": NEW_PASSWORD })).await.expect(200).json();
    let request = app.request(Method::GET, "/api/v1/me").bearer_auth(session["access_token"].as_str().unwrap());
    let me = Answer::of(request).await.expect(200).json();
    assert_eq!((&me["full_name"], &me["email"]), (&json!("Newly Come"), &json!(email)));
    let member = owner.get(&format!("/tenant/members/{}", me["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(member["full_name"], "Newly Come");
    // Neither the link that was sent when they signed up nor signing up once more changes that.
    let links = "select count(*) from registry.mail_tokens m join registry.users u on u.id = m.user_id where u.email = $1 and m.used_at is null";
    assert_eq!(db.superuser().await.query_one(links, &[&email]).await.unwrap().get::<_, i64>(0), 0);
    let again = json!({ "email": email, "password": squatter, "full_name": "A Squatter" });
    public(&app, "signup", again).await.expect(202);
    public(&app, "login", json!({ "email": email, "password": squatter })).await.problem(401, "wrong_credentials");
}
