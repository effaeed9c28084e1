//! What members are told: read, counted, marked, and gone with the member.
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Member, PASSWORD, PostBox, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    notifications_are_listed_newest_first_and_marked;
    #[tokio::test]
    a_removed_member_and_an_api_key_are_told_nothing;
}

const PATH: &str = "/notifications";

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|notification| notification["id"].as_str().unwrap()).collect()
}

/// Gives somebody in acme so many more, the newest last; every second one has been read.
async fn tell(db: &TestDb, user: Uuid, count: u32) {
    db.run(&format!(
        "insert into tenant.notifications (tenant_id, user_id, id, kind, title, read_at)
         select '{}', '{user}', ('7fffffff-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'member.joined', 'Number ' || n,
                case when n % 2 = 0 then now() end
         from generate_series(1, {count}) n",
        town().acme.id
    ))
    .await;
}

/// The newest that a member was told.
async fn newest(member: &Member<'_>) -> Value {
    member.get("/notifications?limit=1").await.expect(200).json()["items"][0].clone()
}

async fn unread(member: &Member<'_>) -> Value {
    member.get("/notifications/unread-count").await.expect(200).json()
}

async fn notifications_are_listed_newest_first_and_marked(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    tell(&db, acme.owner.id, 9).await;
    let whole = owner.get(PATH).await.expect(200);
    assert_eq!(whole.header("cache-control"), "private, no-cache");
    let whole = whole.json();
    let (all, fixture) = (ids(&whole), acme.notification.to_string());
    assert_eq!((all.len(), all[9], &whole["next_cursor"]), (10, fixture.as_str(), &Value::Null));
    assert!(all.is_sorted_by(|newer, older| newer > older));
    let one = &whole["items"][9];
    assert_eq!(
        (&one["kind"], &one["title"], &one["body"], &one["link"], &one["data"], &one["read_at"]),
        (&json!("api_key.created"), &json!("A key of acme"), &Value::Null, &Value::Null, &Value::Null, &Value::Null)
    );
    let made: jiff::Timestamp = one["created_at"].as_str().unwrap().parse().unwrap();
    let id_says = acme.notification.get_timestamp().unwrap().to_unix();
    assert_eq!(made.as_second(), i64::try_from(id_says.0).unwrap(), "its id says when it was made");

    // Page by page, with and without what was read.
    for (filter, expected) in [
        ("", all.clone()),
        ("&unread=false", all.clone()),
        ("&unread=true", {
            let unread = whole["items"].as_array().unwrap().iter().filter(|one| one["read_at"].is_null());
            unread.map(|one| one["id"].as_str().unwrap()).collect()
        }),
    ] {
        let mut found = Vec::new();
        let mut next = format!("{PATH}?limit=3{filter}");
        loop {
            let page = owner.get(&next).await.expect(200);
            let (page, link) = (page.json(), page.header("link").to_owned());
            found.extend(ids(&page).into_iter().map(str::to_owned));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            assert_eq!(link.contains("unread=true"), filter == "&unread=true", "{link}");
            next = format!("{PATH}?limit=3{filter}&cursor={cursor}");
        }
        assert_eq!(found, expected, "{filter}");
    }
    let all_of_them = owner.get("/notifications?limit=1").await.expect(200).json();
    let cursor = all_of_them["next_cursor"].as_str().unwrap();
    owner.get(&format!("{PATH}?unread=true&cursor={cursor}")).await.problem(400, "invalid_cursor");
    for wrong in ["unread=yes", "read=true", "limit=0", "limit=201", "sort=name", "unread=true&unread=true"] {
        owner.get(&format!("{PATH}?{wrong}")).await.problem(400, "bad_request");
    }

    // One is read, stays read, and is not.
    assert_eq!(unread(&owner).await, json!({ "unread": 6, "more": false }));
    let one = |verb: &str| format!("{PATH}/{fixture}/{verb}");
    let post = async |path: String| Answer::of(owner.request(Method::POST, &path)).await;
    let first = post(one("read")).await.expect(200).json();
    assert!(first["id"] == fixture.as_str() && first["read_at"].is_string(), "{first}");
    assert_eq!(post(one("read")).await.expect(200).json(), first, "the time of the first reading");
    assert_eq!(unread(&owner).await["unread"], 5);
    assert_eq!(post(one("unread")).await.expect(200).json()["read_at"], Value::Null);
    assert_eq!(unread(&owner).await["unread"], 6);
    for id in [Uuid::now_v7().to_string(), Uuid::nil().to_string()] {
        post(format!("{PATH}/{id}/read")).await.problem(404, "not_found");
    }
    post(format!("{PATH}/mine/read")).await.problem(400, "bad_request");

    // All up to one, then all.
    let up_to = "7fffffff-0000-7000-8000-000000000005";
    let read = owner.post("/notifications/read-all", json!({ "until": up_to })).await.expect(200).json();
    assert_eq!(
        (read, unread(&owner).await),
        (json!({ "read": 4, "unread": 2, "more": false }), json!({ "unread": 2, "more": false }))
    );
    for (number, expected) in [2, 0].into_iter().enumerate() {
        let read = owner.post("/notifications/read-all", json!({})).await.expect(200).json();
        assert_eq!(read, json!({ "read": expected, "unread": 0, "more": false }), "{number}");
    }
    assert_eq!(unread(&owner).await, json!({ "unread": 0, "more": false }));
    assert_eq!(owner.get("/notifications?unread=true").await.expect(200).json()["items"], json!([]));
    for (body, pointer, code) in
        [(json!({ "until": 5 }), "/until", "wrong_type"), (json!({ "all": true }), "/all", "unknown_field")]
    {
        owner.post("/notifications/read-all", body).await.faults(422, pointer, code);
    }
    // A colleague's are as they were, and out of reach.
    let viewer = Member::new(&app, &acme.viewer, acme);
    assert_eq!(unread(&viewer).await["unread"], 1);
    Answer::of(viewer.request(Method::POST, &one("unread"))).await.problem(404, "not_found");
    assert_eq!(unread(&owner).await["unread"], 0);
}

#[tokio::test]
async fn many_are_counted_so_far_and_marked_all_the_same() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    // With the fixture's one, as many as are counted; then one more.
    tell(&db, acme.owner.id, 1_998).await;
    assert_eq!(unread(&owner).await, json!({ "unread": 1_000, "more": false }));
    db.run("update tenant.notifications set read_at = null").await;
    assert_eq!(unread(&owner).await, json!({ "unread": 1_000, "more": true }));
    // On two devices at once: each is marked once.
    let all = || owner.post("/notifications/read-all", json!({}));
    let (here, there) = tokio::join!(all(), all());
    let read = [here, there].map(|answer| answer.expect(200).json()["read"].as_u64().unwrap());
    assert_eq!(read.iter().sum::<u64>(), 1_999);
    assert_eq!(unread(&owner).await, json!({ "unread": 0, "more": false }));
}

async fn a_removed_member_and_an_api_key_are_told_nothing(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (owner, both) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.both, acme));
    let elsewhere = Member::new(&app, &acme.both, globex);
    // The same person is told other things in another tenant.
    let here = newest(&both).await;
    assert_eq!(
        (&here["title"], &newest(&elsewhere).await["title"]),
        (&json!("A key of acme"), &json!("A key of globex"))
    );
    let of_acme = format!("{PATH}/{}/read", here["id"].as_str().unwrap());
    Answer::of(elsewhere.request(Method::POST, &of_acme)).await.problem(404, "not_found");

    for (method, path) in [
        (Method::GET, PATH.to_owned()),
        (Method::GET, format!("{PATH}/unread-count")),
        (Method::POST, format!("{PATH}/read-all")),
        (Method::POST, of_acme),
    ] {
        let key = app.request(method, &format!("/api/v1{path}")).bearer_auth(&acme.key).json(&json!({}));
        Answer::of(key).await.problem(403, "person_required");
    }

    owner.delete(&format!("/tenant/members/{}", acme.both.id), "*").await.expect(204);
    both.get(PATH).await.problem(403, "not_a_member");
    both.get("/notifications/unread-count").await.problem(403, "not_a_member");
    both.post("/notifications/read-all", json!({})).await.problem(403, "not_a_member");
    let left = |tenant: Uuid| {
        format!(
            "select count(*) from tenant.notifications where user_id = '{}' and tenant_id = '{tenant}'",
            acme.both.id
        )
    };
    assert_eq!((db.value::<i64>(&left(acme.id)).await, db.value::<i64>(&left(globex.id)).await), (0, 1));
    elsewhere.get(PATH).await.expect(200);
}

#[tokio::test]
async fn members_are_told_of_roles_and_owners_of_api_keys() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let [owner, member, viewer] =
        [&acme.owner, &acme.member, &acme.viewer].map(|person| Member::new(&app, person, acme));
    let admin = owner.role("admin").await;
    owner.give(&acme.member, &admin).await.expect(200);
    let told = newest(&member).await;
    assert_eq!(
        (&told["kind"], &told["title"], &told["link"], &told["data"]),
        (
            &json!("member.role_changed"),
            &json!("Your role is now admin"),
            &json!(format!("/tenant/members/{}", acme.member.id)),
            &json!({ "role_id": admin, "role": "admin" })
        )
    );
    // The same role once more is no news.
    owner.give(&acme.member, &admin).await.expect(200);
    assert_eq!(newest(&member).await, told);

    // A second owner; whoever makes the key is an admin, and is not one to be told.
    owner.give(&acme.viewer, &owner.role("owner").await).await.expect(200);
    let key = json!({ "name": "Robot & Sons", "permissions": ["tasks:read"] });
    let key = member.post("/tenant/api-keys", key).await.expect(201).json();
    let id = key["id"].as_str().unwrap();
    for someone in [&owner, &viewer] {
        let told = newest(someone).await;
        assert_eq!(
            (&told["kind"], &told["title"], &told["link"], &told["data"]),
            (
                &json!("api_key.created"),
                &json!("The API key Robot & Sons was made"),
                &json!(format!("/tenant/api-keys/{id}")),
                &json!({ "api_key_id": id, "name": "Robot & Sons", "by": acme.member.id })
            )
        );
    }
    owner.delete(&format!("/tenant/api-keys/{id}"), "*").await.expect(204);
    for someone in [&owner, &viewer] {
        let told = newest(someone).await;
        assert_eq!((&told["kind"], &told["data"]["by"]), (&json!("api_key.revoked"), &json!(acme.owner.id)));
        assert_eq!(told["title"], "The API key Robot & Sons was revoked");
    }
    assert_eq!(newest(&member).await, told);
    assert_eq!(unread(&Member::new(&app, &acme.both, acme)).await["unread"], 1, "nobody else was told anything");
}

#[tokio::test]
async fn whoever_invited_is_told_that_somebody_joined() {
    let db = TestDb::new().await;
    let post = PostBox::start().await;
    let app = TestApp::with_post(&db, &post).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    let role = owner.role("member").await;
    // Somebody with an account, and somebody without.
    let known = globex.member.email;
    for email in [known, "newcomer@example.com"] {
        let invitation = owner.post("/tenant/invitations", json!({ "email": email, "role_id": role }));
        invitation.await.expect(201);
    }
    let token = post.token_to(known).await;
    let caller = app.sign_in(known, PASSWORD).await;
    caller.post("/me/invitations/accept", json!({ "token": token })).await.expect(201);
    let told = newest(&owner).await;
    assert_eq!(
        (&told["kind"], &told["title"], &told["link"], &told["data"]),
        (
            &json!("member.joined"),
            &json!(format!("{known} has accepted your invitation")),
            &json!(format!("/tenant/members/{}", globex.member.id)),
            &json!({ "user_id": globex.member.id, "email": known, "full_name": known, "role_id": role })
        )
    );
    let token = post.token_to("newcomer@example.com").await;
    let new = json!({ "token": token, "password": "a newcomer's own password", "full_name": "N. N." });
    app.auth("invitations/accept", new).await.expect(201);
    assert_eq!(newest(&owner).await["title"], "N. N. has accepted your invitation");
    // Once is all: what is used up tells nobody anything.
    let again = json!({ "token": token, "password": "a newcomer's own password", "full_name": "N. N." });
    app.auth("invitations/accept", again).await.problem(410, "link_spent");
    assert_eq!(unread(&owner).await["unread"], 3);
    assert_eq!(unread(&Member::new(&app, &acme.viewer, acme)).await["unread"], 1);
}
