//! Who belongs to a tenant, as what, and who may change that.
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Member, Person, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    another_role_counts_at_the_members_next_request;
    #[tokio::test]
    a_removed_member_is_out_and_what_was_theirs_stays;
}

fn path(member: &Person) -> String {
    format!("/tenant/members/{}", member.id)
}

fn emails(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|member| member["email"].as_str().unwrap()).collect()
}

/// What a role holds, and a member with it.
fn holds(member: &Value) -> Vec<&str> {
    member["permissions"].as_array().unwrap().iter().map(|permission| permission.as_str().unwrap()).collect()
}

#[tokio::test]
async fn members_are_listed_by_address_a_page_at_a_time() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let viewer = Member::new(&app, &acme.viewer, acme);
    let all = ["both@example.com", "member@acme.example", "owner@acme.example", "viewer@acme.example"];
    let whole = viewer.get("/tenant/members").await.expect(200);
    assert_eq!(emails(&whole.json()), all);
    assert_eq!(whole.json()["next_cursor"], Value::Null);
    for limit in 1..=4 {
        let mut found = Vec::new();
        let mut next = format!("/tenant/members?limit={limit}");
        loop {
            let page = viewer.get(&next).await.expect(200);
            found.extend(emails(&page.json()).into_iter().map(str::to_owned));
            let page = page.json();
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            next = format!("/tenant/members?limit={limit}&cursor={cursor}");
        }
        assert_eq!(found, all, "by {limit}");
    }

    let role = viewer.role("member").await;
    let of_role = |limit: usize| format!("/tenant/members?role_id={role}&limit={limit}");
    let first = viewer.get(&of_role(1)).await.expect(200);
    assert!(first.header("link").contains("role_id=") && first.header("link").contains("rel=\"next\""), "{first:?}");
    let first = first.json();
    assert_eq!(emails(&first), ["both@example.com"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = viewer.get(&format!("{}&cursor={cursor}", of_role(1))).await.expect(200).json();
    assert_eq!((emails(&second), &second["next_cursor"]), (vec!["member@acme.example"], &Value::Null));
    viewer.get(&format!("/tenant/members?cursor={cursor}")).await.problem(400, "invalid_cursor");
    Member::new(&app, &globex.viewer, globex)
        .get(&format!("/tenant/members?role_id={role}&cursor={cursor}"))
        .await
        .problem(400, "invalid_cursor");
    // Another tenant's role is one that nobody here has.
    for role in [Member::new(&app, &globex.owner, globex).role("owner").await, Uuid::now_v7().to_string()] {
        let none = viewer.get(&format!("/tenant/members?role_id={role}")).await.expect(200).json();
        assert_eq!(none["items"], json!([]));
    }
    for wrong in ["role_id=owner", "role=owner", "limit=0", "limit=201", "sort=email"] {
        viewer.get(&format!("/tenant/members?{wrong}")).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_member_is_read_by_fellow_members_alone() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let viewer = Member::new(&app, &acme.viewer, acme);
    let read = viewer.get(&path(&acme.owner)).await.expect(200);
    let member = read.json();
    assert_eq!((&member["user_id"], &member["email"]), (&json!(acme.owner.id), &json!(acme.owner.email)));
    assert_eq!(member["active"], true);
    assert!(holds(&member).contains(&"tenant:delete"));
    let known = viewer.request(Method::GET, &path(&acme.owner)).header("if-none-match", read.header("etag"));
    assert_eq!(Answer::of(known).await.expect(304).text, "");

    let mut missing = Vec::new();
    for id in [globex.owner.id, Uuid::now_v7()] {
        let mut problem = viewer.get(&format!("/tenant/members/{id}")).await.problem(404, "not_found");
        for own in ["trace_id", "instance"] {
            problem[own] = Value::Null;
        }
        missing.push(problem);
    }
    assert_eq!(missing[0], missing[1]);
    // Whoever is in both is read as what they are here.
    let here = viewer.get(&path(&acme.both)).await.expect(200).json();
    let there = Member::new(&app, &globex.viewer, globex).get(&path(&globex.both)).await.expect(200).json();
    assert!(holds(&here).contains(&"projects:write") && !holds(&there).contains(&"projects:write"));

    // A role that holds nothing about members sees none, not an empty list.
    let owner = Member::new(&app, &acme.owner, acme);
    owner.give(&acme.viewer, &acme.role.to_string()).await.expect(200);
    viewer.get("/tenant/members").await.lacks("members:read");
    viewer.get(&path(&acme.viewer)).await.lacks("members:read");
    viewer.get("/projects").await.expect(200);
}

async fn another_role_counts_at_the_members_next_request(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let [owner, member] = [&acme.owner, &acme.member].map(|person| Member::new(&app, person, acme));
    let [admin, viewer] = [owner.role("admin").await, owner.role("viewer").await];
    for round in 0..3 {
        let project = |what: &str| json!({ "name": format!("{what} {round}") });
        let promoted = owner.give(&acme.member, &admin).await.expect(200);
        assert_eq!(promoted.json()["role_id"], admin);
        assert!(holds(&promoted.json()).contains(&"roles:write"));
        member.make_role(&format!("by an admin {round}"), &["projects:read"]).await;
        member.post("/projects", project("By an admin")).await.expect(201);

        let version = promoted.header("etag").to_owned();
        let demoted = owner.patch(&path(&acme.member), &version, json!({ "role_id": viewer })).await.expect(200);
        assert_ne!(demoted.header("etag"), version);
        member.post("/projects", project("By a viewer")).await.lacks("projects:write");
        member.post("/tenant/roles", json!({ "name": "mine", "permissions": [] })).await.lacks("roles:write");
        member.get("/projects").await.expect(200);
    }
    // In another tenant nothing changed.
    let globex = &town().globex;
    owner.give(&acme.both, &admin).await.expect(200);
    let there = Member::new(&app, &globex.both, globex);
    there.post("/projects", json!({ "name": "By both" })).await.lacks("projects:write");
}

#[tokio::test]
async fn nobody_gives_or_takes_more_than_they_hold() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let [owner, admin, staff] = [&acme.owner, &acme.viewer, &acme.both].map(|person| Member::new(&app, person, acme));
    let [owners, admins, members, viewers] =
        [owner.role("owner").await, owner.role("admin").await, owner.role("member").await, owner.role("viewer").await];
    owner.give(&acme.viewer, &admins).await.expect(200);
    // An admin holds all but the rights to close the tenant and to manage what it is on, which is what is missed first.
    for person in [&acme.member, &acme.viewer, &acme.both] {
        admin.give(person, &owners).await.lacks("billing:manage");
    }
    for role in [&admins, &members, &viewers, &owners] {
        admin.give(&acme.owner, role).await.lacks("billing:manage");
    }
    admin.patch(&path(&acme.owner), "*", json!({})).await.lacks("billing:manage");
    admin.delete(&path(&acme.owner), "*").await.lacks("billing:manage");
    // Not with an owner to spare, either.
    owner.give(&acme.member, &owners).await.expect(200);
    admin.delete(&path(&acme.member), "*").await.lacks("billing:manage");
    admin.give(&acme.member, &viewers).await.lacks("billing:manage");
    owner.give(&acme.member, &members).await.expect(200);

    let own = ["members:read", "members:write", "roles:read"];
    let little = owner.make_role("little", &["members:read"]).await;
    let staffs = owner.make_role("staff", &own).await;
    let beside = owner.make_role("beside", &["members:read", "projects:read"]).await;
    owner.give(&acme.both, &staffs).await.expect(200);
    for role in [&owners, &admins, &members, &viewers, &beside] {
        for person in [&acme.member, &acme.both] {
            let problem = staff.give(person, role).await.problem(403, "permission_denied");
            let mut words = problem["detail"].as_str().unwrap().split(' ');
            let named = words.find(|word| word.contains(':')).unwrap();
            assert!(!own.contains(&named), "{problem}");
        }
    }
    // Those who hold more are left alone, even where they would hold less.
    staff.give(&acme.member, &little).await.problem(403, "permission_denied");
    staff.delete(&path(&acme.member), "*").await.lacks("members:delete");
    owner.give(&acme.member, &beside).await.expect(200);
    staff.give(&acme.member, &little).await.lacks("projects:read");
    owner.give(&acme.member, &little).await.expect(200);
    staff.give(&acme.member, &beside).await.lacks("projects:read");
    staff.give(&acme.member, &staffs).await.expect(200);
    staff.give(&acme.member, &little).await.expect(200);

    // An admin does with those below what an admin may.
    admin.give(&acme.member, &admins).await.expect(200);
    admin.give(&acme.member, &viewers).await.expect(200);
    admin.delete(&path(&acme.member), "*").await.expect(204);
    let who = owner.get("/tenant/members").await.expect(200).json();
    assert_eq!(emails(&who), ["both@example.com", "owner@acme.example", "viewer@acme.example"]);
}

#[tokio::test]
async fn a_change_says_what_is_wrong_with_it() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let [owner, viewer, member] =
        [&acme.owner, &acme.viewer, &acme.member].map(|person| Member::new(&app, person, acme));
    let at = path(&acme.member);
    let before = owner.get(&at).await.expect(200);
    let version = before.header("etag").to_owned();

    let mut unknown = Vec::new();
    for role in [Uuid::now_v7(), globex.role] {
        let answer = owner.patch(&at, &version, json!({ "role_id": role })).await;
        answer.faults(422, "/role_id", "unknown");
        let mut problem = answer.json();
        problem["trace_id"] = Value::Null;
        unknown.push(problem);
    }
    assert_eq!(unknown[0], unknown[1]);
    for wrong in [json!(null), json!("owner"), json!(7)] {
        let problem = owner.patch(&at, &version, json!({ "role_id": wrong })).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/role_id");
    }
    for field in ["permissions", "email", "full_name", "user_id", "active", "tenant_id"] {
        let answer = owner.patch(&at, &version, json!({ field: "x" })).await;
        answer.faults(422, &format!("/{field}"), "unknown_field");
    }
    let role = owner.role("viewer").await;
    for method in [Method::PATCH, Method::DELETE] {
        let blind = owner.request(method, &at).json(&json!({ "role_id": role }));
        Answer::of(blind).await.problem(428, "precondition_required");
    }
    owner.patch(&at, "\"99\"", json!({ "role_id": role })).await.problem(412, "precondition_failed");
    owner.delete(&at, "\"99\"").await.problem(412, "precondition_failed");
    for elsewhere in [globex.member.id, Uuid::now_v7()] {
        let at = format!("/tenant/members/{elsewhere}");
        owner.patch(&at, "*", json!({ "role_id": role })).await.problem(404, "not_found");
        owner.delete(&at, "*").await.problem(404, "not_found");
        viewer.patch(&at, "*", json!({ "role_id": role })).await.lacks("members:write");
        viewer.delete(&at, "*").await.lacks("members:delete");
    }
    for caller in [viewer, member] {
        caller.patch(&at, "*", json!({ "role_id": role })).await.lacks("members:write");
        caller.delete(&at, "*").await.lacks("members:delete");
    }
    assert_eq!(owner.get(&at).await.json(), before.json());

    // An empty patch leaves role and permissions as they are.
    let same = owner.patch(&at, &version, json!({})).await.expect(200).json();
    let mut expected = before.json();
    expected["updated_at"] = same["updated_at"].clone();
    assert_eq!(same, expected);
    member.post("/projects", json!({ "name": "Still a member" })).await.expect(201);
    Member::new(&app, &globex.member, globex).get("/projects").await.expect(200);
}

#[tokio::test]
async fn the_last_owner_stays_an_owner() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let [owner, member] = [&acme.owner, &acme.member].map(|person| Member::new(&app, person, acme));
    let [owners, admins] = [owner.role("owner").await, owner.role("admin").await];
    owner.give(&acme.owner, &admins).await.problem(409, "last_owner");
    owner.delete(&path(&acme.owner), "*").await.problem(409, "last_owner");
    // One who holds as much and is called otherwise is no owner.
    let everything = owner.get("/tenant/permissions").await.expect(200).json();
    let everything: Vec<_> =
        everything["items"].as_array().unwrap().iter().map(|permission| permission["name"].as_str().unwrap()).collect();
    let same = owner.make_role("as good as an owner", &everything).await;
    owner.give(&acme.member, &same).await.expect(200);
    member.give(&acme.owner, &admins).await.problem(409, "last_owner");
    member.delete(&path(&acme.owner), "*").await.problem(409, "last_owner");
    owner.give(&acme.owner, &owners).await.expect(200);

    // Nor is one whose account is deactivated, who could not be reached.
    owner.give(&acme.member, &owners).await.expect(200);
    let superuser = db.superuser().await;
    let active = |active: bool| format!("update registry.users set active = {active} where id = '{}'", acme.member.id);
    superuser.batch_execute(&active(false)).await.unwrap();
    assert_eq!(owner.get(&path(&acme.member)).await.expect(200).json()["active"], false);
    owner.give(&acme.owner, &admins).await.problem(409, "last_owner");
    owner.delete(&path(&acme.owner), "*").await.problem(409, "last_owner");
    superuser.batch_execute(&active(true)).await.unwrap();
    owner.give(&acme.owner, &admins).await.expect(200);
    member.delete(&path(&acme.member), "*").await.problem(409, "last_owner");
    member.delete(&path(&acme.owner), "*").await.expect(204);
    member.give(&acme.member, &admins).await.problem(409, "last_owner");
}

async fn a_removed_member_is_out_and_what_was_theirs_stays(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let [owner, member] = [&acme.owner, &acme.member].map(|person| Member::new(&app, person, acme));
    let new = json!({ "name": "Theirs", "owner_id": acme.member.id });
    let project = member.post("/projects", new).await.expect(201);
    let project = format!("/projects/{}", project.json()["id"].as_str().unwrap());
    let version = owner.get(&path(&acme.member)).await.expect(200).header("etag").to_owned();
    owner.delete(&path(&acme.member), &version).await.expect(204);
    member.get("/projects").await.problem(403, "not_a_member");
    member.post("/projects", json!({ "name": "Late" })).await.problem(403, "not_a_member");
    let left = owner.get(&project).await.expect(200).json();
    assert_eq!((&left["name"], &left["owner_id"]), (&json!("Theirs"), &Value::Null));
    owner.get(&path(&acme.member)).await.problem(404, "not_found");
    owner.delete(&path(&acme.member), "*").await.problem(404, "not_found");
    let to_nobody = json!({ "name": "Nobody's", "owner_id": acme.member.id });
    owner.post("/projects", to_nobody).await.faults(422, "/owner_id", "unknown");
    // Whoever is in two tenants stays in the other.
    let globex = &town().globex;
    owner.delete(&path(&acme.both), "*").await.expect(204);
    Member::new(&app, &globex.both, globex).get("/projects").await.expect(200);
}
