//! What members may do, in words the tenant puts together itself.
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Member, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    what_a_role_holds_counts_at_its_members_next_request;
}

fn path(role: &str) -> String {
    format!("/tenant/roles/{role}")
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_role_can_be_made_read_changed_and_deleted() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    let new = json!({ "name": "Editor", "permissions": ["tasks:write", "projects:read", "tasks:write"] });
    let made = owner.post("/tenant/roles", new).await.expect(201);
    let role = made.json();
    let at = path(role["id"].as_str().unwrap());
    assert_eq!((made.header("location"), made.header("etag")), (format!("/api/v1{at}").as_str(), "\"1\""));
    assert_eq!((&role["name"], &role["built_in"]), (&json!("Editor"), &json!(false)));
    assert_eq!(role["permissions"], json!(["projects:read", "tasks:write"]));
    let read = owner.get(&at).await.expect(200);
    assert_eq!(read.json(), role);
    let known = owner.request(Method::GET, &at).header("if-none-match", "\"1\"");
    Answer::of(known).await.expect(304);

    let list = owner.get("/tenant/roles").await.expect(200).json();
    assert_eq!(names(&list), ["Editor", "admin", "member", "owner", "reader", "viewer"]);
    let first = owner.get("/tenant/roles?limit=4").await.expect(200).json();
    let rest = format!("/tenant/roles?limit=4&cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = owner.get(&rest).await.expect(200).json();
    assert_eq!([names(&first), names(&rest)].concat(), names(&list));

    for method in [Method::PATCH, Method::DELETE] {
        let blind = owner.request(method, &at).json(&json!({ "name": "Blind" }));
        Answer::of(blind).await.problem(428, "precondition_required");
    }
    let renamed = owner.patch(&at, "\"1\"", json!({ "name": "Writer" })).await.expect(200);
    let mut expected = role.clone();
    expected["name"] = json!("Writer");
    expected["updated_at"] = renamed.json()["updated_at"].clone();
    assert_eq!((renamed.json(), renamed.header("etag")), (expected, "\"2\""));
    owner.patch(&at, "\"1\"", json!({ "name": "Late" })).await.problem(412, "precondition_failed");
    owner.delete(&at, "\"1\"").await.problem(412, "precondition_failed");
    let fewer = owner.patch(&at, "\"2\"", json!({ "permissions": ["tasks:read"] })).await.expect(200).json();
    assert_eq!((&fewer["name"], &fewer["permissions"]), (&json!("Writer"), &json!(["tasks:read"])));

    // Another tenant's roles are not there.
    let stranger = Member::new(&app, &globex.owner, globex);
    let ours = acme.role.to_string();
    for missing in [path(&ours), path(&Uuid::now_v7().to_string())] {
        stranger.get(&missing).await.problem(404, "not_found");
        stranger.patch(&missing, "*", json!({ "name": "Mine" })).await.problem(404, "not_found");
        stranger.delete(&missing, "*").await.problem(404, "not_found");
    }
    owner.delete(&at, "*").await.expect(204);
    owner.get(&at).await.problem(404, "not_found");
    owner.delete(&at, "*").await.problem(404, "not_found");
    owner.delete(&path(&ours), "*").await.expect(204);
}

#[tokio::test]
async fn a_role_that_makes_no_sense_is_refused() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let make = async |body: Value| owner.post("/tenant/roles", body).await;
    let at = path(&acme.role.to_string());
    for unknown in
        [json!(["projects:fly"]), json!(["projects:read", "*"]), json!(["PROJECTS:READ"]), json!(["projects:read "])]
    {
        let problem = make(json!({ "name": "New", "permissions": unknown })).await.problem(422, "invalid");
        assert!(problem["errors"][0]["pointer"].as_str().unwrap().starts_with("/permissions"), "{problem}");
        let problem = owner.patch(&at, "*", json!({ "permissions": unknown })).await.problem(422, "invalid");
        assert!(problem["errors"][0]["pointer"].as_str().unwrap().starts_with("/permissions"), "{problem}");
    }
    for (name, code) in
        [("", "too_short"), (&"x".repeat(61), "too_long"), ("a\nb", "control_character"), ("a ", "blank_ends")]
    {
        make(json!({ "name": name, "permissions": [] })).await.faults(422, "/name", code);
        owner.patch(&at, "*", json!({ "name": name })).await.faults(422, "/name", code);
    }
    // Two names are one when they are written alike, and only then.
    for taken in ["reader", "owner", "viewer"] {
        make(json!({ "name": taken, "permissions": [] })).await.faults(409, "/name", "taken");
    }
    owner.patch(&at, "*", json!({ "name": "admin" })).await.faults(409, "/name", "taken");
    owner.patch(&at, "*", json!({ "name": "reader" })).await.expect(200);
    for body in [json!({ "name": "New" }), json!({ "permissions": [] })] {
        assert_eq!(make(body).await.problem(422, "invalid")["errors"][0]["code"], "required");
    }
    for field in ["built_in", "id", "tenant_id", "version"] {
        let new = json!({ "name": "New", "permissions": [], field: true });
        make(new).await.faults(422, &format!("/{field}"), "unknown_field");
        owner.patch(&at, "*", json!({ field: true })).await.faults(422, &format!("/{field}"), "unknown_field");
    }
    for (field, null) in [("name", json!({ "name": null })), ("permissions", json!({ "permissions": null }))] {
        let problem = owner.patch(&at, "*", null).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"));
    }
}

#[tokio::test]
async fn a_role_that_holds_nothing_opens_nothing() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let [owner, member] = [&acme.owner, &acme.member].map(|person| Member::new(&app, person, acme));
    let nothing = owner.make_role("nothing", &[]).await;
    assert_eq!(owner.get(&path(&nothing)).await.expect(200).json()["permissions"], json!([]));
    owner.give(&acme.member, &nothing).await.expect(200);
    for (path, permission) in [
        ("/projects", "projects:read"),
        ("/tenant", "tenant:read"),
        ("/tenant/members", "members:read"),
        ("/tenant/roles", "roles:read"),
        ("/tenant/permissions", "roles:read"),
        ("/tenant/invitations", "invitations:read"),
        ("/tenant/domains", "tenant:read"),
    ] {
        member.get(path).await.lacks(permission);
    }
    // A member all the same: free to leave.
    Answer::of(member.request(Method::POST, "/tenant/leave")).await.expect(204);
    owner.delete(&path(&nothing), "*").await.expect(204);
}

#[tokio::test]
async fn nobody_puts_into_a_role_what_they_do_not_hold() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let [owner, maker] = [&acme.owner, &acme.both].map(|person| Member::new(&app, person, acme));
    let makers = owner.make_role("maker", &["projects:read", "roles:delete", "roles:read", "roles:write"]).await;
    let above = owner.make_role("above", &["projects:read", "projects:write"]).await;
    owner.give(&acme.both, &makers).await.expect(200);

    let more = json!({ "name": "more", "permissions": ["projects:read", "projects:write"] });
    maker.post("/tenant/roles", more).await.lacks("projects:write");
    let own = maker.make_role("less", &["projects:read"]).await;
    let gain = json!({ "permissions": ["projects:read", "members:read"] });
    maker.patch(&path(&own), "*", gain).await.lacks("members:read");
    // Not into one's own role, either.
    let all = json!({ "permissions": ["projects:read", "roles:delete", "roles:read", "roles:write", "tenant:write"] });
    maker.patch(&path(&makers), "*", all).await.lacks("tenant:write");
    // A role above oneself is left alone, whatever would be done with it.
    maker.patch(&path(&above), "*", json!({ "permissions": ["projects:read"] })).await.lacks("projects:write");
    maker.patch(&path(&above), "*", json!({ "name": "below" })).await.lacks("projects:write");
    maker.delete(&path(&above), "*").await.lacks("projects:write");
    maker.patch(&path(&own), "*", json!({ "permissions": ["roles:read"], "name": "own" })).await.expect(200);
    maker.delete(&path(&own), "*").await.expect(204);

    let admin = Member::new(&app, &acme.member, acme);
    owner.give(&acme.member, &owner.role("admin").await).await.expect(200);
    let close = json!({ "name": "closer", "permissions": ["tenant:delete"] });
    admin.post("/tenant/roles", close).await.lacks("tenant:delete");

    let viewer = Member::new(&app, &acme.viewer, acme);
    viewer.post("/tenant/roles", json!({ "name": "mine", "permissions": [] })).await.lacks("roles:write");
    let reader = path(&acme.role.to_string());
    viewer.patch(&reader, "*", json!({ "name": "mine" })).await.lacks("roles:write");
    viewer.delete(&reader, "*").await.lacks("roles:delete");
    let unchanged = owner.get(&path(&above)).await.expect(200);
    assert_eq!((&unchanged.json()["name"], unchanged.header("etag")), (&json!("above"), "\"1\""));
}

#[tokio::test]
async fn the_roles_every_tenant_has_stay_and_so_do_those_in_use() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    for name in ["owner", "admin", "member", "viewer"] {
        let at = path(&owner.role(name).await);
        let before = owner.get(&at).await.expect(200).json();
        owner.patch(&at, "*", json!({ "name": "mine" })).await.problem(409, "built_in_role");
        owner.patch(&at, "*", json!({ "permissions": ["projects:read"] })).await.problem(409, "built_in_role");
        owner.delete(&at, "*").await.problem(409, "built_in_role");
        assert_eq!(owner.get(&at).await.expect(200).json(), before);
    }
    let used = owner.make_role("used", &["projects:read"]).await;
    owner.give(&acme.viewer, &used).await.expect(200);
    let problem = owner.delete(&path(&used), "*").await.problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("members"), "{problem}");
    owner.give(&acme.viewer, &owner.role("viewer").await).await.expect(200);
    let invited = owner.post("/tenant/invitations", json!({ "email": "new@acme.example", "role_id": used })).await;
    let invited = invited.expect(201).json();
    let problem = owner.delete(&path(&used), "*").await.problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("invited"), "{problem}");
    let invitation = format!("/tenant/invitations/{}", invited["id"].as_str().unwrap());
    owner.delete(&invitation, "*").await.expect(204);
    owner.delete(&path(&used), "*").await.expect(204);
}

async fn what_a_role_holds_counts_at_its_members_next_request(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let [owner, one, other] = [&acme.owner, &acme.member, &acme.viewer].map(|person| Member::new(&app, person, acme));
    let role = owner.make_role("shifting", &["projects:read"]).await;
    owner.give(&acme.member, &role).await.expect(200);
    owner.give(&acme.viewer, &role).await.expect(200);
    for round in 0..3 {
        for (n, who) in [one, other].into_iter().enumerate() {
            who.post("/projects", json!({ "name": format!("Not {n}") })).await.lacks("projects:write");
        }
        let more = json!({ "permissions": ["projects:read", "projects:write"] });
        owner.patch(&path(&role), "*", more).await.expect(200);
        for (n, who) in [one, other].into_iter().enumerate() {
            who.post("/projects", json!({ "name": format!("{round} by {n}") })).await.expect(201);
            let shown = owner.get(&format!("/tenant/members/{}", who.user)).await.expect(200).json();
            assert_eq!(shown["permissions"], json!(["projects:read", "projects:write"]));
        }
        owner.patch(&path(&role), "*", json!({ "permissions": ["projects:read"] })).await.expect(200);
    }
    owner.patch(&path(&role), "*", json!({ "permissions": [] })).await.expect(200);
    one.get("/projects").await.lacks("projects:read");
}

#[tokio::test]
async fn the_vocabulary_is_told_to_whoever_may_see_roles() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let [owner, viewer] = [&acme.owner, &acme.viewer].map(|person| Member::new(&app, person, acme));
    let vocabulary = viewer.get("/tenant/permissions").await.expect(200).json();
    let words = names(&vocabulary);
    assert!(words.is_sorted() && words.contains(&"projects:read") && words.contains(&"tenant:delete"), "{words:?}");
    assert!(
        vocabulary["items"].as_array().unwrap().iter().all(|word| !word["description"].as_str().unwrap().is_empty())
    );
    // It is all that an owner holds, and every word of it can be used.
    let owners = owner.get(&path(&owner.role("owner").await)).await.expect(200).json();
    assert_eq!(owners["permissions"], json!(words));
    owner.make_role("everything", &words).await;
    owner.give(&acme.viewer, &acme.role.to_string()).await.expect(200);
    viewer.get("/tenant/permissions").await.lacks("roles:read");
    Member::new(&app, &town().globex.owner, acme).get("/tenant/permissions").await.problem(403, "not_a_member");
}
