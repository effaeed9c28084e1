//! Every operation of the OpenAPI document, fired by the right tenant and by every wrong one. An operation
//! that is new here fails until this file says how to fire it; the list of exceptions may only shrink.
use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::fingerprint;
use crate::support::{Answer, TenantFixture, TestApp, TestDb, Way, both_ways, forge, town};

both_ways! {
    #[tokio::test]
    every_operation_has_a_case_or_a_reason;
    #[tokio::test]
    another_tenants_row_and_a_missing_one_are_answered_alike;
    #[tokio::test]
    another_tenant_and_a_missing_one_are_answered_alike;
    #[tokio::test]
    conflicting_and_absent_tenants_are_refused;
    #[tokio::test]
    nobody_and_whoever_lacks_the_permission_are_refused;
    #[tokio::test]
    every_operation_works_in_ones_own_tenant;
    #[tokio::test]
    me_shows_the_caller_and_nobody_else;
}

/// Operations without a tenant, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("GET /livez", "says that the process runs; touches nothing"),
    ("GET /readyz", "says whether it is fit to serve; no tenant's data"),
    ("GET /.well-known/jwks.json", "public keys, public by nature"),
    ("POST /api/v1/auth/login", "nobody is signed in yet; tests/api/login.rs attacks it"),
    ("GET /api/v1/me", "the caller's own account in every tenant; fired below on its own"),
];

/// How an operation on a tenant's data is fired.
struct Case {
    operation: &'static str,
    /// The permission it asks for first.
    permission: &'static str,
    body: fn() -> Value,
    /// What it answers in one's own tenant.
    success: u16,
}

const CASES: &[Case] = &[
    Case { operation: "GET /api/v1/projects", permission: "projects:read", body: || Value::Null, success: 200 },
    Case {
        operation: "POST /api/v1/projects",
        permission: "projects:write",
        body: || json!({ "name": Uuid::now_v7() }),
        success: 201,
    },
    Case { operation: "GET /api/v1/projects/{id}", permission: "projects:read", body: || Value::Null, success: 200 },
    Case {
        operation: "PATCH /api/v1/projects/{id}",
        permission: "projects:write",
        body: || json!({ "status": "paused" }),
        success: 200,
    },
    Case {
        operation: "DELETE /api/v1/projects/{id}",
        permission: "projects:delete",
        body: || Value::Null,
        success: 204,
    },
    Case {
        operation: "GET /api/v1/projects/{project_id}/tasks",
        permission: "tasks:read",
        body: || Value::Null,
        success: 200,
    },
    Case {
        operation: "POST /api/v1/projects/{project_id}/tasks",
        permission: "tasks:write",
        body: || json!({ "name": "A task" }),
        success: 201,
    },
    Case {
        operation: "GET /api/v1/projects/{project_id}/tasks/{id}",
        permission: "tasks:read",
        body: || Value::Null,
        success: 200,
    },
    Case {
        operation: "PATCH /api/v1/projects/{project_id}/tasks/{id}",
        permission: "tasks:write",
        body: || json!({ "status": "done" }),
        success: 200,
    },
    Case {
        operation: "DELETE /api/v1/projects/{project_id}/tasks/{id}",
        permission: "tasks:delete",
        body: || Value::Null,
        success: 204,
    },
];

impl Case {
    fn method(&self) -> Method {
        self.operation.split(' ').next().unwrap().parse().unwrap()
    }

    fn names_a_row(&self) -> bool {
        self.operation.contains('{')
    }

    /// The path with the ids of some project and one of its tasks.
    fn path(&self, project: Uuid, task: Uuid) -> String {
        let path = self.operation.split(' ').nth(1).unwrap();
        let id = if path.contains("{project_id}") { task } else { project };
        path.replace("{project_id}", &project.to_string()).replace("{id}", &id.to_string())
    }

    fn of(&self, tenant: &TenantFixture) -> String {
        let project = tenant.projects.iter().find(|project| !project.tasks.is_empty()).unwrap();
        self.path(project.id, project.tasks[0])
    }

    fn request(&self, app: &TestApp, path: &str) -> RequestBuilder {
        let request = app.request(self.method(), path).header("if-match", "*");
        match (self.body)() {
            Value::Null => request,
            body => request.json(&body),
        }
    }
}

/// A problem without what may differ from one request to the next.
fn comparable(answer: &Answer) -> Value {
    let mut problem = answer.json();
    for member in ["instance", "trace_id"] {
        problem[member] = Value::Null;
    }
    problem
}

async fn documented(app: &TestApp) -> BTreeSet<String> {
    let document = Answer::of(app.request(Method::GET, "/api/v1/openapi.json")).await.expect(200).json();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

async fn every_operation_has_a_case_or_a_reason(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let cases = CASES.iter().map(|case| case.operation.to_owned());
    let covered: BTreeSet<String> =
        cases.chain(EXCEPTIONS.iter().map(|(operation, _)| (*operation).to_owned())).collect();
    assert_eq!(documented(&app).await, covered);
    assert!(EXCEPTIONS.len() <= 5, "the list of operations without a tenant may only shrink");
    assert!(EXCEPTIONS.iter().all(|(_, reason)| reason.len() > 20));
}

async fn another_tenants_row_and_a_missing_one_are_answered_alike(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::by(way, &db).await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(&superuser, globex.id).await;
    for case in CASES.iter().filter(|case| case.names_a_row()) {
        let token = forge(acme.owner.id, Some(acme.id)).sign();
        let fire = async |path: String| Answer::of(case.request(&app, &path).bearer_auth(&token)).await;
        let foreign = fire(case.of(globex)).await;
        let missing = fire(case.path(town().nowhere, Uuid::now_v7())).await;
        foreign.problem(404, "not_found");
        assert_eq!(comparable(&foreign), comparable(&missing), "{}", case.operation);
        // One's own project with another tenant's task is no way in either.
        if case.operation.ends_with("tasks/{id}") {
            let task = globex.projects.iter().find_map(|project| project.tasks.first()).unwrap();
            fire(case.path(acme.projects[0].id, *task)).await.problem(404, "not_found");
        }
    }
    assert_eq!(fingerprint(&superuser, globex.id).await, before);
}

async fn another_tenant_and_a_missing_one_are_answered_alike(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::by(way, &db).await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(&superuser, globex.id).await;
    for case in CASES {
        let path = case.of(globex);
        let free = forge(acme.owner.id, None).sign();
        // Named by header, by host, and by a token that says so: not a member.
        let mut answers = Vec::new();
        for tenant in [globex.id, town().nowhere] {
            answers.push(
                Answer::of(case.request(&app, &path).bearer_auth(&free).header("x-tenant-id", tenant.to_string()))
                    .await,
            );
            answers.push(
                Answer::of(case.request(&app, &path).bearer_auth(forge(acme.owner.id, Some(tenant)).sign())).await,
            );
        }
        for host in ["globex.localhost", "nobody.localhost", globex.domain, "work.nobody.example"] {
            answers.push(Answer::of(case.request(&app, &path).bearer_auth(&free).header("host", host)).await);
        }
        for answer in &answers {
            answer.problem(403, "not_a_member");
            assert_eq!(comparable(answer), comparable(&answers[0]), "{}", case.operation);
        }
    }
    assert_eq!(fingerprint(&superuser, globex.id).await, before);
}

async fn conflicting_and_absent_tenants_are_refused(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::by(way, &db).await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let before = (fingerprint(&superuser, globex.id).await, fingerprint(&superuser, acme.id).await);
    for case in CASES {
        // Both is a member of both tenants, so nothing but the disagreement is wrong.
        let path = case.of(acme);
        let token = forge(acme.both.id, Some(acme.id)).sign();
        for other in [globex.id, town().nowhere] {
            let request = case.request(&app, &path).bearer_auth(&token).header("x-tenant-id", other.to_string());
            Answer::of(request).await.problem(400, "tenant_conflict");
        }
        for host in ["globex.localhost", "GLOBEX.localhost.:80", globex.domain, "nobody.localhost"] {
            let request = case.request(&app, &path).bearer_auth(&token).header("host", host);
            Answer::of(request).await.problem(400, "tenant_conflict");
        }
        let free = forge(acme.both.id, None).sign();
        let split = case
            .request(&app, &path)
            .bearer_auth(&free)
            .header("host", "globex.localhost")
            .header("x-tenant-id", acme.id.to_string());
        Answer::of(split).await.problem(400, "tenant_conflict");
        Answer::of(case.request(&app, &path).bearer_auth(&free)).await.problem(400, "tenant_required");
        let twice = case
            .request(&app, &path)
            .bearer_auth(&token)
            .header("x-tenant-id", acme.id.to_string())
            .header("x-tenant-id", globex.id.to_string());
        Answer::of(twice).await.problem(400, "bad_request");
        let nonsense = case.request(&app, &path).bearer_auth(&token).header("x-tenant-id", "acme");
        Answer::of(nonsense).await.problem(400, "bad_request");
    }
    let after = (fingerprint(&superuser, globex.id).await, fingerprint(&superuser, acme.id).await);
    assert_eq!(after, before);
}

async fn nobody_and_whoever_lacks_the_permission_are_refused(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::by(way, &db).await, db.superuser().await);
    let acme = &town().acme;
    let before = fingerprint(&superuser, acme.id).await;
    for case in CASES {
        let path = case.of(acme);
        let nobody = Answer::of(case.request(&app, &path).header("x-tenant-id", acme.id.to_string())).await;
        nobody.problem(401, "unauthenticated");
        assert!(nobody.header("www-authenticate").starts_with("Bearer"));
        // The viewer's role loses the one permission; everything else it may do stays.
        let without = format!(
            "update tenant.roles set permissions = (select array_agg(name) from registry.permissions where name <> '{}')
             where tenant_id = '{}' and name = 'viewer'",
            case.permission, acme.id
        );
        superuser.batch_execute(&without).await.unwrap();
        let token = forge(acme.viewer.id, Some(acme.id)).sign();
        // Refused for a row that is there and for one that is not. The tasks of a project that is not there
        // are never asked for: whoever may see projects learns that there is none.
        let missing = (!case.operation.ends_with("/tasks") || case.method() != Method::GET)
            .then(|| case.path(town().nowhere, town().nowhere));
        for path in [path].into_iter().chain(missing) {
            let refused = Answer::of(case.request(&app, &path).bearer_auth(&token)).await;
            let problem = refused.problem(403, "permission_denied");
            assert!(problem["detail"].as_str().unwrap().contains(case.permission), "{problem}");
        }
    }
    // The viewer's role was changed by this test, and its memberships carry that; the business rows were not.
    let business =
        |print: &str| print.lines().filter(|line| line.contains("project")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(business(&fingerprint(&superuser, acme.id).await), business(&before));
}

async fn every_operation_works_in_ones_own_tenant(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    // The control of all the refusals above. Each with rows of its own, and deletions last.
    let with_tasks: Vec<_> = acme.projects.iter().filter(|project| !project.tasks.is_empty()).collect();
    let mut rows = with_tasks.iter().cycle();
    let (deletions, others): (Vec<&Case>, Vec<&Case>) = CASES.iter().partition(|case| case.method() == Method::DELETE);
    for case in others.into_iter().chain(deletions) {
        let mut next = || {
            let project = rows.next().unwrap();
            case.path(project.id, project.tasks[0])
        };
        let by_claim = case.request(&app, &next()).bearer_auth(forge(acme.owner.id, Some(acme.id)).sign());
        Answer::of(by_claim).await.expect(case.success);
        let free = forge(acme.owner.id, None).sign();
        let by_both = case.request(&app, &next()).bearer_auth(free).header("x-tenant-id", acme.id.to_string());
        Answer::of(by_both.header("host", "acme.localhost:8080")).await.expect(case.success);
    }
}

async fn me_shows_the_caller_and_nobody_else(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::by(way, &db).await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let me = async |token: String| Answer::of(app.request(Method::GET, "/api/v1/me").bearer_auth(token)).await;
    let both = me(forge(acme.both.id, None).sign()).await.expect(200).json();
    assert_eq!((&both["id"], &both["email"]), (&json!(acme.both.id), &json!("both@example.com")));
    let roles: Vec<_> =
        both["tenants"].as_array().unwrap().iter().map(|t| (t["id"].clone(), t["role"].clone())).collect();
    assert_eq!(roles, [(json!(acme.id), json!("member")), (json!(globex.id), json!("viewer"))]);
    assert!(!both.to_string().contains("argon2"));
    Answer::of(app.request(Method::GET, "/api/v1/me")).await.problem(401, "unauthenticated");
    me(forge(town().nowhere, None).sign()).await.problem(401, "account_deactivated");
    superuser.batch_execute("update registry.users set active = false").await.unwrap();
    me(forge(acme.both.id, None).sign()).await.problem(401, "account_deactivated");
}
