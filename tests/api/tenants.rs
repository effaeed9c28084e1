//! Making tenants, going from one to another, and leaving them.
use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Member, PASSWORD, TestApp, TestDb, Way, both_ways, forge, town, tuning};

both_ways! {
    #[tokio::test]
    of_two_owners_who_go_at_the_same_time_one_stays;
    #[tokio::test]
    one_person_in_two_tenants_at_once_is_answered_for_the_right_one;
}

/// A request outside any tenant.
fn alone(app: &TestApp, method: Method, path: &str, user: Uuid) -> RequestBuilder {
    app.request(method, &format!("/api/v1{path}")).bearer_auth(forge(user, None).sign())
}

async fn make(app: &TestApp, user: Uuid, body: Value) -> Answer {
    Answer::of(alone(app, Method::POST, "/tenants", user).json(&body)).await
}

#[tokio::test]
async fn whoever_is_signed_in_makes_a_tenant_and_owns_it() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let me = &town().acme.viewer;
    let made = make(&app, me.id, json!({ "name": "Moon Rockets, Inc." })).await.expect(201).json();
    let id: Uuid = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        made,
        json!({ "id": id, "slug": "moon-rockets-inc", "name": "Moon Rockets, Inc.", "status": "trial", "role": "owner" })
    );
    // The name is anybody's; the label is not.
    let again = make(&app, me.id, json!({ "name": "Moon Rockets, Inc." })).await.expect(201).json();
    let slug = again["slug"].as_str().unwrap();
    assert!(slug.starts_with("moon-rockets-inc-"), "{slug}");
    let taken = json!({ "name": "Moon", "slug": "moon-rockets-inc" });
    make(&app, me.id, taken).await.faults(409, "/slug", "taken");
    make(&app, town().globex.owner.id, json!({ "name": "Mine now", "slug": "acme" }))
        .await
        .faults(409, "/slug", "taken");
    let chosen = make(&app, me.id, json!({ "name": "Moon", "slug": "moon-2" })).await.expect(201).json();
    assert_eq!(chosen["slug"], "moon-2");
    let reserved = make(&app, me.id, json!({ "name": "API" })).await.expect(201).json();
    assert!(reserved["slug"].as_str().unwrap().starts_with("api-"), "{reserved}");

    let me_now = Answer::of(alone(&app, Method::GET, "/me", me.id)).await.expect(200).json();
    let mine = me_now["tenants"].as_array().unwrap();
    assert!(mine.contains(&made) && mine.contains(&chosen), "{mine:?}");
    let slugs: Vec<_> = mine.iter().map(|tenant| tenant["slug"].as_str().unwrap()).collect();
    assert!(slugs.len() == 5 && slugs.is_sorted(), "{slugs:?}");

    // It is a whole tenant with one person in it, and empty.
    let tenant = app.get("/api/v1/tenant", me.id, id).await.expect(200).json();
    assert_eq!((&tenant["slug"], &tenant["status"]), (&json!("moon-rockets-inc"), &json!("trial")));
    assert!(tenant["trial_ends_at"].is_string());
    let roles = app.get("/api/v1/tenant/roles", me.id, id).await.expect(200).json();
    let roles = roles["items"].as_array().unwrap();
    let names: Vec<_> = roles.iter().map(|role| role["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "member", "owner", "viewer"]);
    assert!(roles.iter().all(|role| role["built_in"] == true));
    let members = app.get("/api/v1/tenant/members", me.id, id).await.expect(200).json();
    assert_eq!((members["items"].as_array().unwrap().len(), &members["items"][0]["email"]), (1, &json!(me.email)));
    let projects = app.get("/api/v1/projects", me.id, id).await.expect(200).json();
    assert_eq!(projects["items"], json!([]));
    app.get("/api/v1/tenant", town().acme.owner.id, id).await.problem(403, "not_a_member");
}

#[tokio::test]
async fn a_tenant_that_makes_no_sense_is_not_made() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let me = town().acme.owner.id;
    for slug in ["www", "api", "admin", "", "-a", "a-", "Moon", "a.b", "a b", "mönd", "a_b", "a\n", &"a".repeat(64)] {
        make(&app, me, json!({ "name": "Moon", "slug": slug })).await.faults(422, "/slug", "not_allowed");
    }
    for slug in [
        "login",
        "auth",
        "accounts",
        "mta-sts",
        "wpad",
        "autoconfig",
        "autodiscover",
        "postmaster",
        "billing",
        "support",
        "ns1",
        "mx20",
        "xn--80ak6aa92e",
        "ab--c",
    ] {
        make(&app, me, json!({ "name": "Moon", "slug": slug })).await.faults(422, "/slug", "not_allowed");
    }
    for (name, code) in
        [("", "too_short"), (&"x".repeat(201), "too_long"), ("a\u{0}", "control_character"), (" a", "blank_ends")]
    {
        make(&app, me, json!({ "name": name })).await.faults(422, "/name", code);
    }
    for field in ["id", "status", "founder_id", "role"] {
        make(&app, me, json!({ "name": "Moon", field: "active" })).await.faults(
            422,
            &format!("/{field}"),
            "unknown_field",
        );
    }
    let nobody = app.request(Method::POST, "/api/v1/tenants").json(&json!({ "name": "Moon" }));
    Answer::of(nobody).await.problem(401, "unauthenticated");
    let key = app.request(Method::POST, "/api/v1/tenants").bearer_auth(&town().acme.key);
    Answer::of(key.json(&json!({ "name": "Moon" }))).await.problem(403, "person_required");
    let count = "select count(*) from registry.tenants";
    assert_eq!(db.superuser().await.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test]
async fn ten_tenants_a_day_are_enough_for_anybody() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let me = town().acme.member.id;
    for n in 0..10 {
        make(&app, me, json!({ "name": format!("Number {n}") })).await.expect(201);
    }
    let one_more = json!({ "name": "One more" });
    let refused = make(&app, me, one_more.clone()).await;
    refused.problem(429, "too_many_attempts");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    make(&app, town().acme.owner.id, one_more.clone()).await.expect(201);
    let tomorrow = "update registry.tenants set created_at = created_at - interval '25 hours' where name = 'Number 0'";
    db.superuser().await.batch_execute(tomorrow).await.unwrap();
    make(&app, me, one_more.clone()).await.expect(201);
    make(&app, me, one_more).await.problem(429, "too_many_attempts");
}

#[tokio::test]
async fn asking_for_many_tenants_at_once_makes_no_more_than_ten() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url("rowhouse_api"), &tuning(&["--pool", "8", "--pool-wait-ms", "9000"])).await;
    let me = town().acme.member.id;
    let answers = join_all((0..30).map(|n| make(&app, me, json!({ "name": format!("Number {n}") })))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 10);
}

#[tokio::test]
async fn a_client_that_names_no_tenant_goes_on_in_the_same_one_when_its_person_joins_another() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let sign_in = async |email: &str, tenant: Option<Uuid>| {
        let mut request = app.request(Method::POST, "/api/v1/auth/login");
        if let Some(tenant) = tenant {
            request = request.header("x-tenant-id", tenant.to_string());
        }
        Answer::of(request.json(&json!({ "email": email, "password": PASSWORD }))).await.expect(200).json()
    };
    let first_project = async |session: &Value| {
        let token = session["access_token"].as_str().unwrap();
        let list = Answer::of(app.request(Method::GET, "/api/v1/projects").bearer_auth(token)).await.expect(200).json();
        list["items"][0]["id"].clone()
    };
    let before = sign_in(acme.owner.email, None).await;
    let made = make(&app, acme.owner.id, json!({ "name": "Another" })).await.expect(201).json();
    let after = sign_in(acme.owner.email, None).await;
    for session in [&before, &after] {
        assert_eq!(session["tenant_id"], acme.id.to_string());
        assert_eq!(first_project(session).await, acme.projects[0].id.to_string());
    }
    // Whoever means another says so when they sign in, or are told how.
    let another: Uuid = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(sign_in(acme.owner.email, Some(another)).await["tenant_id"], made["id"]);
    let token = after["access_token"].as_str().unwrap();
    let crossed =
        app.request(Method::GET, "/api/v1/projects").bearer_auth(token).header("x-tenant-id", another.to_string());
    let problem = Answer::of(crossed).await.problem(400, "tenant_conflict");
    assert!(problem["detail"].as_str().unwrap().contains("/auth/switch-tenant"), "{problem}");

    // The one that was joined first, whichever was made first.
    let joined = "update tenant.memberships set created_at = created_at + $3::text::interval where tenant_id = $1 and user_id = $2";
    for (tenant, expected) in [(acme, globex), (globex, acme)] {
        db.superuser().await.execute(joined, &[&tenant.id, &acme.both.id, &"1 hour"]).await.unwrap();
        db.superuser().await.execute(joined, &[&expected.id, &acme.both.id, &"-1 hour"]).await.unwrap();
        let session = sign_in(acme.both.email, None).await;
        assert_eq!(session["tenant_id"], expected.id.to_string());
        assert_eq!(first_project(&session).await, expected.projects[0].id.to_string());
    }
}

#[tokio::test]
async fn switching_goes_to_tenants_one_belongs_to() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let send = async |path: &str, token: Option<&Value>, body: Value| {
        let request = app.request(Method::POST, &format!("/api/v1/auth/{path}")).json(&body);
        Answer::of(match token {
            Some(token) => request.bearer_auth(token.as_str().unwrap()),
            None => request,
        })
        .await
    };
    let signed_in =
        send("login", None, json!({ "email": acme.both.email, "password": PASSWORD })).await.expect(200).json();
    assert_eq!(signed_in["tenant_id"], acme.id.to_string(), "the one that was joined first");
    let mut token = signed_in["access_token"].clone();
    for tenant in [acme, globex, acme] {
        let switched = send("switch-tenant", Some(&token), json!({ "tenant_id": tenant.id })).await.expect(200);
        assert_eq!(switched.header("cache-control"), "no-store");
        let answer = switched.json();
        assert_eq!(answer["tenant_id"], tenant.id.to_string());
        assert!(answer["refresh_token"].is_null(), "the one there is stays good");
        token = answer["access_token"].clone();
        let list = app.request(Method::GET, "/api/v1/projects").bearer_auth(token.as_str().unwrap());
        assert_eq!(Answer::of(list).await.expect(200).json()["items"][0]["id"], tenant.projects[0].id.to_string());
    }
    // The session remembers.
    let refresh = json!({ "refresh_token": signed_in["refresh_token"] });
    let refreshed = send("refresh", None, refresh).await.expect(200).json();
    assert_eq!(refreshed["tenant_id"], acme.id.to_string());

    let owner = json!(forge(acme.owner.id, Some(acme.id)).sign());
    let mut refused = Vec::new();
    for tenant in [globex.id, town().nowhere, Uuid::nil()] {
        let mut problem =
            send("switch-tenant", Some(&owner), json!({ "tenant_id": tenant })).await.problem(403, "not_a_member");
        problem["trace_id"] = Value::Null;
        refused.push(problem);
    }
    assert!(refused.windows(2).all(|pair| pair[0] == pair[1]), "{refused:#?}");
    send("switch-tenant", Some(&owner), json!({ "tenant_id": "acme" })).await.problem(422, "invalid");
    send("switch-tenant", None, json!({ "tenant_id": acme.id })).await.problem(401, "unauthenticated");

    let close = "update registry.tenants set status = 'suspended' where slug = 'globex'";
    db.superuser().await.batch_execute(close).await.unwrap();
    let problem =
        send("switch-tenant", Some(&token), json!({ "tenant_id": globex.id })).await.problem(403, "tenant_not_open");
    assert!(problem["detail"].as_str().unwrap().contains("suspended"));
    // To whoever is no member it is not said that it is closed.
    send("switch-tenant", Some(&owner), json!({ "tenant_id": globex.id })).await.problem(403, "not_a_member");
}

#[tokio::test]
async fn a_tenant_that_is_being_moved_lets_nobody_in_and_says_when_to_ask_again() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let moved = format!("update registry.tenants set status = 'moved', epoch = epoch + 1 where id = '{}'", acme.id);
    db.superuser().await.batch_execute(&moved).await.unwrap();
    let as_owner = |method, path: &str| app.as_user(method, path, acme.owner.id, acme.id);
    let (read, write) = (as_owner(Method::GET, "/api/v1/projects"), as_owner(Method::POST, "/api/v1/projects"));
    let key = app.request(Method::GET, "/api/v1/projects").bearer_auth(&acme.key);
    for request in [read, write.json(&json!({ "name": "Lost" })), key] {
        let answer = Answer::of(request).await;
        answer.problem(503, "tenant_moved");
        assert_eq!(answer.header("retry-after"), "1");
    }
}

#[tokio::test]
async fn a_tenant_is_read_by_its_members_and_renamed_by_few() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let [owner, member, viewer] =
        [&acme.owner, &acme.member, &acme.viewer].map(|person| Member::new(&app, person, acme));
    let read = viewer.get("/tenant").await.expect(200);
    let (before, version) = (read.json(), read.header("etag").to_owned());
    assert_eq!((&before["id"], &before["slug"]), (&json!(acme.id), &json!("acme")));
    let other = app.get("/api/v1/tenant", globex.viewer.id, globex.id).await.expect(200).json();

    let name = json!({ "name": "Acme & Daughters" });
    viewer.patch("/tenant", &version, name.clone()).await.lacks("tenant:write");
    member.patch("/tenant", &version, name.clone()).await.lacks("tenant:write");
    let blind = owner.request(Method::PATCH, "/tenant").json(&name);
    Answer::of(blind).await.problem(428, "precondition_required");
    owner.patch("/tenant", "\"99\"", name.clone()).await.problem(412, "precondition_failed");
    for field in ["slug", "status", "trial_ends_at", "founder_id"] {
        let answer = owner.patch("/tenant", &version, json!({ field: "x" })).await;
        answer.faults(422, &format!("/{field}"), "unknown_field");
    }
    assert_eq!(
        owner.patch("/tenant", &version, json!({ "name": null })).await.problem(422, "invalid")["errors"][0]["pointer"],
        "/name"
    );
    owner.patch("/tenant", &version, json!({ "name": "" })).await.faults(422, "/name", "too_short");
    assert_eq!(owner.get("/tenant").await.json(), before);

    let renamed = owner.patch("/tenant", &version, name).await.expect(200);
    let mut expected = before.clone();
    expected["name"] = json!("Acme & Daughters");
    expected["updated_at"] = renamed.json()["updated_at"].clone();
    assert_eq!(renamed.json(), expected);
    assert_ne!(renamed.header("etag"), version);
    owner.patch("/tenant", &version, json!({ "name": "Late" })).await.problem(412, "precondition_failed");
    let me = Answer::of(alone(&app, Method::GET, "/me", acme.viewer.id)).await.expect(200).json();
    assert_eq!(me["tenants"][0]["name"], "Acme & Daughters");
    assert_eq!(app.get("/api/v1/tenant", globex.viewer.id, globex.id).await.json(), other);
}

#[tokio::test]
async fn anybody_leaves_but_the_last_owner() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let [owner, viewer, both] = [&acme.owner, &acme.viewer, &acme.both].map(|person| Member::new(&app, person, acme));
    let leave = async |who: Member<'_>| Answer::of(who.request(Method::POST, "/tenant/leave")).await;
    leave(viewer).await.expect(204);
    viewer.get("/projects").await.problem(403, "not_a_member");
    leave(viewer).await.problem(403, "not_a_member");
    leave(both).await.expect(204);
    both.get("/projects").await.problem(403, "not_a_member");
    Member::new(&app, &globex.both, globex).get("/projects").await.expect(200);

    leave(owner).await.problem(409, "last_owner");
    owner.get("/projects").await.expect(200);
    owner.give(&acme.member, &owner.role("owner").await).await.expect(200);
    leave(owner).await.expect(204);
    let left = Member::new(&app, &acme.member, acme);
    leave(left).await.problem(409, "last_owner");
    let members = left.get("/tenant/members").await.expect(200).json();
    assert_eq!(members["items"].as_array().unwrap().len(), 1);
    // Nobody leaves somewhere they are not, and keys belong where they are.
    leave(Member::new(&app, &globex.owner, acme)).await.problem(403, "not_a_member");
    let key = app.request(Method::POST, "/api/v1/tenant/leave").bearer_auth(&acme.key);
    Answer::of(key).await.problem(403, "person_required");
}

async fn of_two_owners_who_go_at_the_same_time_one_stays(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let superuser = db.superuser().await;
    let acme = &town().acme;
    let [one, other] = [&acme.owner, &acme.member].map(|person| Member::new(&app, person, acme));
    let viewer = one.role("viewer").await;
    let two_owners = format!(
        "delete from tenant.memberships where tenant_id = '{acme}' and user_id in ('{one}', '{other}');
         insert into tenant.memberships
                (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
         select t.id, u.id, r.id, r.permissions, t.status, u.active, u.email, u.full_name
         from registry.tenants t, tenant.roles r, registry.users u
         where t.id = '{acme}' and r.tenant_id = t.id and r.name = 'owner' and u.id in ('{one}', '{other}')",
        acme = acme.id,
        one = one.user,
        other = other.user
    );
    let owners = "select count(*) from tenant.memberships m
        join tenant.roles r on r.tenant_id = m.tenant_id and r.id = m.role_id
        where m.tenant_id = $1 and r.name = 'owner'";
    for round in 0..45 {
        superuser.batch_execute(&two_owners).await.unwrap();
        let leave = async |who: Member<'_>| Answer::of(who.request(Method::POST, "/tenant/leave")).await;
        let demote = async |by: Member<'_>, whom: Uuid| {
            by.patch(&format!("/tenant/members/{whom}"), "*", json!({ "role_id": viewer })).await
        };
        let remove = async |by: Member<'_>, whom: Uuid| by.delete(&format!("/tenant/members/{whom}"), "*").await;
        let (first, second) = match round % 3 {
            0 => tokio::join!(leave(one), leave(other)),
            1 => tokio::join!(demote(one, one.user), leave(other)),
            _ => tokio::join!(remove(one, other.user), demote(other, one.user)),
        };
        let went = [&first, &second].iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(went, 1, "round {round}: {first:?} {second:?}");
        for refused in [first, second].iter().filter(|answer| !answer.status.is_success()) {
            // Whoever removes a fellow owner and is removed meanwhile is told whichever came first.
            let code = refused.json()["code"].as_str().unwrap().to_owned();
            let may = match round % 3 {
                0 | 1 => vec!["last_owner"],
                _ => vec!["last_owner", "not_a_member", "permission_denied"],
            };
            assert!(may.contains(&code.as_str()), "round {round}: {refused:?}");
        }
        let left: i64 = superuser.query_one(owners, &[&acme.id]).await.unwrap().get(0);
        assert_eq!(left, 1, "round {round}");
    }
}

async fn one_person_in_two_tenants_at_once_is_answered_for_the_right_one(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.api_url(way), &tuning(&way.options(&["--pool", "4", "--pool-wait-ms", "9000"]))).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let ask = async |n: usize| {
        let tenant = if n.is_multiple_of(2) { acme } else { globex };
        let both = Member::new(&app, &tenant.both, tenant);
        let answer = if n % 4 < 2 {
            both.get("/projects?limit=200").await
        } else {
            both.post("/projects", json!({ "name": format!("Number {n}") })).await
        };
        (n, answer)
    };
    for _ in 0..3 {
        superuser_forgets(&db).await;
        for (n, answer) in join_all((0..64).map(ask)).await {
            match n % 4 {
                0 => {
                    let list = answer.expect(200).json();
                    let found: BTreeSet<_> = list["items"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|row| row["id"].as_str().unwrap().to_owned())
                        .collect();
                    assert!(acme.projects.iter().all(|row| found.contains(&row.id.to_string())), "{n}");
                    assert!(!globex.projects.iter().any(|row| found.contains(&row.id.to_string())), "{n}");
                }
                1 => {
                    let list = answer.expect(200).json();
                    let found: Vec<_> = list["items"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|row| row["id"].as_str().unwrap().to_owned())
                        .collect();
                    assert_eq!(found, globex.projects.iter().map(|row| row.id.to_string()).collect::<Vec<_>>(), "{n}");
                }
                2 => {
                    let project = answer.expect(201).json();
                    assert_eq!(project["name"], format!("Number {n}"));
                }
                _ => answer.lacks("projects:write"),
            }
        }
        let made =
            "select count(*), count(*) filter (where tenant_id = $1) from tenant.projects where name like 'Number%'";
        let made = db.superuser().await.query_one(made, &[&acme.id]).await.unwrap();
        assert_eq!((made.get::<_, i64>(0), made.get::<_, i64>(1)), (16, 16));
    }
}

/// Names are free again for the next round.
async fn superuser_forgets(db: &TestDb) {
    db.superuser().await.batch_execute("delete from tenant.projects where name like 'Number%'").await.unwrap();
}

#[tokio::test]
async fn no_tenant_is_given_a_reserved_label_for_its_name() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    for (name, slug) in [("Log-in", "log-in-"), ("MTA STS", "mta-sts-"), ("wpad", "wpad-")] {
        let made = make(&app, town().acme.owner.id, json!({ "name": name })).await.expect(201).json();
        assert!(made["slug"].as_str().unwrap().starts_with(slug), "{made}");
    }
    // By hand neither; whoever has one from before keeps it, and is suspended and renamed like any other.
    let refused =
        db.superuser().await.execute("update registry.tenants set slug = 'login' where slug = 'acme'", &[]).await;
    assert_eq!(refused.unwrap_err().as_db_error().unwrap().constraint(), Some("tenants_slug_reserved"));
    db.run(
        "alter table registry.tenants disable trigger refuse_reserved_slug;
            update registry.tenants set slug = 'login' where slug = 'acme';
            alter table registry.tenants enable trigger refuse_reserved_slug;
            update registry.tenants set status = 'suspended', name = 'Login' where slug = 'login'",
    )
    .await;
}
