//! What somebody handed out goes when they may hand it out no longer, whoever takes their rights away and by whatever way.
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Member, TestApp, TestDb, town};

async fn invite(by: Member<'_>, email: &str, role: &str) -> Value {
    by.post("/tenant/invitations", json!({ "email": email, "role_id": role })).await.expect(201).json()
}

/// Who is invited to acme, but for the fixture's.
async fn invited(owner: Member<'_>) -> Vec<String> {
    let list = owner.get("/tenant/invitations").await.expect(200).json();
    let emails = list["items"].as_array().unwrap().iter().map(|row| row["email"].as_str().unwrap().to_owned());
    let mut emails: Vec<String> = emails.filter(|email| email != "guest@acme.example").collect();
    emails.sort_unstable();
    emails
}

/// acme, its owner, and a member who is an admin.
fn people(app: &TestApp) -> (Member<'_>, Member<'_>) {
    let acme = &town().acme;
    (Member::new(app, &acme.owner, acme), Member::new(app, &acme.member, acme))
}

#[tokio::test]
async fn whoever_is_demoted_gets_no_way_back_by_an_invitation_of_their_own() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (owner, admin) = people(&app);
    let acme = &town().acme;
    let [admins, members, viewers] =
        [owner.role("admin").await, owner.role("member").await, owner.role("viewer").await];
    let give = async |role: &str| owner.give(&acme.member, role).await.expect(200);
    give(&admins).await;
    let second = invite(admin, "second@elsewhere.example", &admins).await;
    let id: Uuid = second["id"].as_str().unwrap().parse().unwrap();
    invite(admin, "helper@elsewhere.example", &members).await;
    invite(admin, "guest@elsewhere.example", &viewers).await;
    invite(owner, "admin@elsewhere.example", &admins).await;
    give(&members).await;
    let kept = ["admin@elsewhere.example", "guest@elsewhere.example", "helper@elsewhere.example"];
    assert_eq!(invited(owner).await, kept, "what a member may not hand out is gone, and what others sent is not");
    // The link is as good as one that never was.
    let secret = "update tenant.invitations set token_hash = sha256('x') where id = $1";
    assert_eq!(db.superuser().await.execute(secret, &[&id]).await.unwrap(), 0);
    owner.post(&format!("/tenant/invitations/{id}/resend"), json!({})).await.problem(404, "not_found");
    // Risen again, they have to invite again.
    give(&admins).await;
    assert_eq!(invited(owner).await, kept);
    give(&viewers).await;
    assert_eq!(invited(owner).await, ["admin@elsewhere.example", "guest@elsewhere.example"]);
    owner.delete(&format!("/tenant/members/{}", acme.member.id), "*").await.expect(204);
    assert_eq!(invited(owner).await, ["admin@elsewhere.example"]);
}

#[tokio::test]
async fn whatever_is_done_in_psql_withdraws_as_much() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (owner, admin) = people(&app);
    let acme = &town().acme;
    let admins = owner.role("admin").await;
    let admin_id = acme.member.id;
    let role = |name: &str| {
        format!(
            "update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
             where m.user_id = '{admin_id}' and r.tenant_id = m.tenant_id and r.name = '{name}'"
        )
    };
    for connection in ["postgres", "rowhouse_migrator"] {
        let psql = db.client(connection).await;
        for takes_away in [
            role("viewer"),
            format!("update registry.users set active = false where id = '{admin_id}'"),
            format!(
                "update tenant.roles set permissions = array_remove(permissions, 'products:write') where id = '{admins}'"
            ),
            format!("delete from tenant.memberships where user_id = '{admin_id}'"),
        ] {
            db.forget_tries().await;
            psql.batch_execute(&role("admin")).await.unwrap();
            // A role that nobody has, and that holds what is about to be taken away.
            let other = owner.make_role("other", &["products:read", "products:write"]).await;
            invite(admin, "second@elsewhere.example", &other).await;
            psql.batch_execute(&takes_away).await.unwrap();
            assert_eq!(invited(owner).await, Vec::<String>::new(), "{takes_away} as {connection}");
            owner.delete(&format!("/tenant/roles/{other}"), "*").await.expect(204);
            psql.batch_execute("update registry.users set active = true").await.unwrap();
            psql.batch_execute(&format!(
                "update tenant.roles r set permissions = b.permissions from registry.built_in_roles b
                 where r.built_in and r.name = b.name;
                 insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
                 select r.tenant_id, u.id, r.id, r.permissions, t.status, true, u.email, u.full_name
                 from registry.users u, tenant.roles r join registry.tenants t on t.id = r.tenant_id
                 where u.id = '{admin_id}' and r.id = '{admins}' on conflict do nothing"
            ))
            .await
            .unwrap();
        }
    }
}

#[tokio::test]
async fn a_role_that_changes_withdraws_what_its_members_may_hand_out_no_longer_and_nothing_else() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (owner, helper) = people(&app);
    let acme = &town().acme;
    let asks = ["invitations:read", "invitations:write", "roles:read", "projects:read"];
    let helpers = owner.make_role("helper", &[&asks[..], &["products:read"]].concat()).await;
    let readers = owner.make_role("reads products", &["products:read"]).await;
    let lookers = owner.make_role("reads projects", &["projects:read"]).await;
    owner.give(&acme.member, &helpers).await.expect(200);
    invite(helper, "helper@elsewhere.example", &helpers).await;
    invite(helper, "reader@elsewhere.example", &readers).await;
    invite(helper, "looker@elsewhere.example", &lookers).await;
    let change = async |role: &str, permissions: &[&str]| {
        owner.patch(&format!("/tenant/roles/{role}"), "*", json!({ "permissions": permissions })).await.expect(200)
    };
    // The role itself has shrunk with whoever has it: to that they may invite still.
    change(&helpers, &asks).await;
    assert_eq!(invited(owner).await, ["helper@elsewhere.example", "looker@elsewhere.example"]);
    // It grows, and both grow with it.
    change(&helpers, &[&asks[..], &["products:read"]].concat()).await;
    assert_eq!(invited(owner).await, ["helper@elsewhere.example", "looker@elsewhere.example"]);
    // Another grows beyond what the inviter holds.
    change(&lookers, &["projects:read", "products:read"]).await;
    assert_eq!(invited(owner).await, ["helper@elsewhere.example", "looker@elsewhere.example"]);
    change(&lookers, &["projects:read", "projects:write"]).await;
    assert_eq!(invited(owner).await, ["helper@elsewhere.example"]);
    // By hand as well.
    invite(helper, "reader@elsewhere.example", &readers).await;
    db.run(&format!("update tenant.roles set permissions = '{{products:read,products:write}}' where id = '{readers}'"))
        .await;
    assert_eq!(invited(owner).await, ["helper@elsewhere.example"]);
}

#[tokio::test]
async fn an_api_key_that_is_revoked_takes_the_invitations_it_sent_with_it() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (owner, _) = people(&app);
    let viewers = owner.role("viewer").await;
    let permissions = owner.get("/tenant/roles").await.expect(200).json();
    let viewer = permissions["items"].as_array().unwrap().iter().find(|role| role["name"] == "viewer").unwrap();
    let mut permissions: Vec<Value> = viewer["permissions"].as_array().unwrap().clone();
    permissions.extend([json!("invitations:write"), json!("invitations:read")]);
    let new = json!({ "name": "inviter", "permissions": permissions });
    let key = owner.post("/tenant/api-keys", new).await.expect(201).json();
    let request = app.request(Method::POST, "/api/v1/tenant/invitations").bearer_auth(key["key"].as_str().unwrap());
    let request = request.header("idempotency-key", "one");
    let made = Answer::of(request.json(&json!({ "email": "second@elsewhere.example", "role_id": viewers }))).await;
    assert_eq!(made.expect(201).json()["invited_by"], Value::Null);
    assert_eq!(invited(owner).await, ["second@elsewhere.example"]);
    owner.delete(&format!("/tenant/api-keys/{}", key["id"].as_str().unwrap()), "*").await.expect(204);
    assert_eq!(invited(owner).await, Vec::<String>::new());
}

/// Inviting and being demoted at the same moment.
#[tokio::test]
async fn nobody_invites_past_their_own_demotion() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (owner, admin) = people(&app);
    let acme = &town().acme;
    let [admins, viewers] = [owner.role("admin").await, owner.role("viewer").await];
    for round in 0..6 {
        db.forget_tries().await;
        owner.give(&acme.member, &admins).await.expect(200);
        let invite = async |n: usize| {
            let email = format!("second{n}@elsewhere.example");
            admin.post("/tenant/invitations", json!({ "email": email, "role_id": admins })).await
        };
        let (answers, demoted) = tokio::join!(join_all((0..4).map(invite)), owner.give(&acme.member, &viewers));
        demoted.expect(200);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.problem(403, "permission_denied");
        }
        assert_eq!(invited(owner).await, Vec::<String>::new(), "round {round}");
    }
}

#[tokio::test]
async fn nobody_invites_in_anothers_name() {
    let db = TestDb::new().await;
    let api = db.api().await;
    let acme = &town().acme;
    let (tenant, owner) = (acme.id, acme.owner.id);
    let invite = |by: &str| {
        format!(
            "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = '{owner}'; set local app.session_id = '{owner}';
             insert into tenant.invitations (tenant_id, id, email, role_id, permissions, token_hash, invited_by, invited_by_key, expires_at)
             select tenant_id, gen_random_uuid(), 'x@elsewhere.example', id, permissions, sha256('x'), {by}, now() + interval '1 day'
             from tenant.roles where name = 'viewer'; rollback"
        )
    };
    api.batch_execute(&invite(&format!("'{owner}', null"))).await.unwrap();
    for by in [format!("'{}', null", acme.member.id), "null, null".to_owned(), format!("null, '{}'", acme.api_key)] {
        let refused = api.batch_execute(&invite(&by)).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{by}");
        api.batch_execute("rollback").await.unwrap();
    }
}
