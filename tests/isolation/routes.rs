//! Every operation of the OpenAPI document, fired by the right tenant and by every wrong one. An operation
//! that is new here fails until this file, or `own_routes` where no tenant is asked, says how to fire it.
use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{fingerprint, own_routes};
use crate::support::{Answer, TenantFixture, TestApp, TestDb, Way, both_ways, forge, key_of, town, tuning};

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
    a_key_of_another_tenant_is_as_good_as_none;
    #[tokio::test]
    a_post_sent_again_with_its_key_changes_nothing_and_is_answered_alike;
}

/// How an operation on a tenant's data is fired.
#[derive(Clone, Copy)]
struct Case {
    operation: &'static str,
    /// The permission it asks for first; empty where it asks for none.
    permission: &'static str,
    /// Made for the tenant that is asked.
    body: fn(&TenantFixture) -> Value,
    /// What it answers in one's own tenant.
    success: u16,
    /// With an `Idempotency-Key`, a new one each time.
    keyed: bool,
}

const NO_BODY: fn(&TenantFixture) -> Value = |_| Value::Null;

const fn case(
    operation: &'static str,
    permission: &'static str,
    body: fn(&TenantFixture) -> Value,
    success: u16,
) -> Case {
    Case { operation, permission, body, success, keyed: false }
}

/// All of them, each POST with a key and without one where it may be.
fn cases() -> Vec<Case> {
    let keyed = CASES.iter().filter(|case| case.method() == Method::POST).map(|case| Case { keyed: true, ..*case });
    CASES.iter().filter(|case| case.operation != KEY_REQUIRED).copied().chain(keyed).collect()
}

/// The operation that is refused without a key.
const KEY_REQUIRED: &str = "POST /api/v1/tenant/invitations";

/// POSTs of which no answer is kept, each with its reason. That list may only shrink.
const NOT_KEPT: &[(&str, &str)] = &[
    ("/api/v1/auth/authenticate-again", "one's own password, which may be given as often as one likes"),
    ("/api/v1/auth/invitations/accept", "nobody is signed in; the link is good once"),
    ("/api/v1/auth/invitations/show", "changes nothing"),
    ("/api/v1/auth/login", "nobody is signed in; answers tokens, which are not to be kept"),
    ("/api/v1/auth/logout", "ends the session that would have to ask again"),
    ("/api/v1/auth/password-reset", "nobody is signed in; letters are counted, and the newest link counts"),
    ("/api/v1/auth/password-reset/confirm", "nobody is signed in; the link is good once"),
    ("/api/v1/auth/refresh", "answers tokens; the same one gets the same successor for ten seconds"),
    ("/api/v1/auth/signup", "nobody is signed in; an address has one account"),
    ("/api/v1/auth/switch-tenant", "answers tokens; going where one is changes nothing"),
    ("/api/v1/auth/verify-email", "nobody is signed in; the link is good once"),
    ("/api/v1/auth/verify-email/resend", "nobody is signed in; letters are counted, and the newest link counts"),
    ("/api/v1/me/email", "letters are counted, and the newest link counts"),
    ("/api/v1/me/invitations/accept", "one is a member once"),
    ("/api/v1/me/recovery-codes", "answers secrets of a person; the newest count"),
    ("/api/v1/me/totp", "answers a secret of a person; the newest counts"),
    ("/api/v1/me/totp/confirm", "answers secrets of a person; a code is good once"),
    ("/api/v1/tenant/leave", "whoever has left is nobody there, and is told so"),
];

/// Operations that other tests send again: one needs a name server, one is outside any tenant (tests/api/idempotency.rs),
/// and what an import begins goes on after its answer (tests/api/import.rs).
const SENT_AGAIN_ELSEWHERE: [&str; 3] =
    ["POST /api/v1/tenant/domains/{id}/verify", "POST /api/v1/tenants", "POST /api/v1/products/import"];

const CASES: &[Case] = &[
    case("GET /api/v1/projects", "projects:read", NO_BODY, 200),
    case("POST /api/v1/projects", "projects:write", |_| json!({ "name": Uuid::now_v7() }), 201),
    case("GET /api/v1/projects/{id}", "projects:read", NO_BODY, 200),
    case("PATCH /api/v1/projects/{id}", "projects:write", |_| json!({ "status": "paused" }), 200),
    case("DELETE /api/v1/projects/{id}", "projects:delete", NO_BODY, 204),
    case("GET /api/v1/projects/{project_id}/tasks", "tasks:read", NO_BODY, 200),
    case("POST /api/v1/projects/{project_id}/tasks", "tasks:write", |_| json!({ "name": "A task" }), 201),
    case("GET /api/v1/projects/{project_id}/tasks/{id}", "tasks:read", NO_BODY, 200),
    case("PATCH /api/v1/projects/{project_id}/tasks/{id}", "tasks:write", |_| json!({ "status": "done" }), 200),
    case("DELETE /api/v1/projects/{project_id}/tasks/{id}", "tasks:delete", NO_BODY, 204),
    case("GET /api/v1/products", "products:read", NO_BODY, 200),
    case("POST /api/v1/products", "products:write", product, 201),
    case("GET /api/v1/products/search", "products:read", NO_BODY, 200),
    case("GET /api/v1/products/suggest", "products:read", NO_BODY, 200),
    case("POST /api/v1/products/import", "products:write", |_| json!("sku,name,price_minor\r\n"), 202),
    case("GET /api/v1/products/export", "products:read", NO_BODY, 200),
    case("GET /api/v1/products/{id}", "products:read", NO_BODY, 200),
    case("PATCH /api/v1/products/{id}", "products:write", |_| json!({ "stock": 7 }), 200),
    case("DELETE /api/v1/products/{id}", "products:delete", NO_BODY, 204),
    case("GET /api/v1/operations", "operations:read", NO_BODY, 200),
    case("GET /api/v1/operations/{id}", "operations:read", NO_BODY, 200),
    case("DELETE /api/v1/operations/{id}", "operations:write", NO_BODY, 202),
    case("GET /api/v1/tenant", "tenant:read", NO_BODY, 200),
    case("PATCH /api/v1/tenant", "tenant:write", |_| json!({ "name": "Another name" }), 200),
    case("GET /api/v1/tenant/settings", "settings:read", NO_BODY, 200),
    case("PATCH /api/v1/tenant/settings", "settings:write", |_| json!({ "currency": "USD" }), 200),
    // The last owner stays; tests/api/tenants.rs leaves as somebody else.
    case("POST /api/v1/tenant/leave", "", NO_BODY, 409),
    case("GET /api/v1/tenant/members", "members:read", NO_BODY, 200),
    case("GET /api/v1/tenant/members/{id}", "members:read", NO_BODY, 200),
    case("PATCH /api/v1/tenant/members/{id}", "members:write", |of| json!({ "role_id": of.role }), 200),
    case("DELETE /api/v1/tenant/members/{id}", "members:delete", NO_BODY, 204),
    case("GET /api/v1/tenant/permissions", "roles:read", NO_BODY, 200),
    case("GET /api/v1/tenant/roles", "roles:read", NO_BODY, 200),
    case(
        "POST /api/v1/tenant/roles",
        "roles:write",
        |_| json!({ "name": Uuid::now_v7(), "permissions": ["tasks:read"] }),
        201,
    ),
    case("GET /api/v1/tenant/roles/{id}", "roles:read", NO_BODY, 200),
    case("PATCH /api/v1/tenant/roles/{id}", "roles:write", |_| json!({ "permissions": ["tasks:read"] }), 200),
    case("DELETE /api/v1/tenant/roles/{id}", "roles:delete", NO_BODY, 204),
    case("GET /api/v1/tenant/invitations", "invitations:read", NO_BODY, 200),
    case("POST /api/v1/tenant/invitations", "invitations:write", invite, 201),
    case("GET /api/v1/tenant/invitations/{id}", "invitations:read", NO_BODY, 200),
    case("POST /api/v1/tenant/invitations/{id}/resend", "invitations:write", NO_BODY, 200),
    case("DELETE /api/v1/tenant/invitations/{id}", "invitations:delete", NO_BODY, 204),
    case("GET /api/v1/tenant/api-keys", "api-keys:read", NO_BODY, 200),
    case(
        "POST /api/v1/tenant/api-keys",
        "api-keys:write",
        |_| json!({ "name": Uuid::now_v7(), "permissions": ["tasks:read"] }),
        201,
    ),
    case("GET /api/v1/tenant/api-keys/{id}", "api-keys:read", NO_BODY, 200),
    case("PATCH /api/v1/tenant/api-keys/{id}", "api-keys:write", |_| json!({ "name": Uuid::now_v7() }), 200),
    case("POST /api/v1/tenant/api-keys/{id}/rotate", "api-keys:write", |_| json!({}), 200),
    case("DELETE /api/v1/tenant/api-keys/{id}", "api-keys:delete", NO_BODY, 204),
    case("GET /api/v1/tenant/domains", "tenant:read", NO_BODY, 200),
    case(
        "POST /api/v1/tenant/domains",
        "domains:write",
        |_| json!({ "domain": format!("d{}.example", Uuid::now_v7().simple()) }),
        201,
    ),
    case("GET /api/v1/tenant/domains/{id}", "tenant:read", NO_BODY, 200),
    // Here no name server answers; tests/api/domains.rs has one.
    case("POST /api/v1/tenant/domains/{id}/verify", "domains:write", NO_BODY, 503),
    case("DELETE /api/v1/tenant/domains/{id}", "domains:delete", NO_BODY, 204),
    // A member's own: no permission shows anybody else's, and an API key has none.
    case("GET /api/v1/notifications", "", NO_BODY, 200),
    case("GET /api/v1/notifications/unread-count", "", NO_BODY, 200),
    case("POST /api/v1/notifications/read-all", "", |_| json!({}), 200),
    case("POST /api/v1/notifications/{id}/read", "", NO_BODY, 200),
    case("POST /api/v1/notifications/{id}/unread", "", NO_BODY, 200),
    case("GET /api/v1/dashboard/kpis", "dashboard:read", NO_BODY, 200),
    case("GET /api/v1/dashboard/analytics", "dashboard:read", NO_BODY, 200),
    case("GET /api/v1/dashboard/recent-projects", "dashboard:read", NO_BODY, 200),
];

fn product(_: &TenantFixture) -> Value {
    json!({ "name": "A lamp", "sku": Uuid::now_v7(), "price": { "amount_minor": 100 } })
}

fn invite(of: &TenantFixture) -> Value {
    json!({ "email": format!("{}@example.com", Uuid::now_v7().simple()), "role_id": of.role })
}

/// The rows that paths name.
#[derive(Clone, Copy)]
struct Rows {
    project: Uuid,
    task: Uuid,
    member: Uuid,
    role: Uuid,
    invitation: Uuid,
    api_key: Uuid,
    claim: Uuid,
    product: Uuid,
    operation: Uuid,
    notification: Uuid,
}

impl Rows {
    fn of(tenant: &TenantFixture) -> Self {
        let project = tenant.projects.iter().find(|project| !project.tasks.is_empty()).unwrap();
        Self {
            project: project.id,
            task: project.tasks[0],
            member: tenant.member.id,
            role: tenant.role,
            invitation: tenant.invitation,
            api_key: tenant.api_key,
            claim: tenant.claim,
            product: tenant.product,
            operation: tenant.operation,
            notification: tenant.notification,
        }
    }

    fn missing() -> Self {
        let id = Uuid::now_v7;
        Self {
            project: id(),
            task: id(),
            member: id(),
            role: id(),
            invitation: id(),
            api_key: id(),
            claim: id(),
            product: id(),
            operation: id(),
            notification: id(),
        }
    }

    /// Made for one use, so that what one operation deletes no other misses.
    async fn fresh(superuser: &Client, tenant: &TenantFixture, number: usize) -> Self {
        let with_tasks: Vec<_> = tenant.projects.iter().filter(|project| !project.tasks.is_empty()).collect();
        let project = with_tasks[number % with_tasks.len()];
        let rows = Self { project: project.id, task: project.tasks[0], ..Self::missing() };
        let make = format!(
            "insert into registry.users (id, email, full_name, password_hash) values ('{member}', '{member}@example.com', 'Fresh', 'x');
             insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
                 select r.tenant_id, u.id, r.id, r.permissions, t.status, u.active, u.email, u.full_name
                 from registry.users u, tenant.roles r join registry.tenants t on t.id = r.tenant_id
                 where u.id = '{member}' and r.id = '{reader}';
             insert into tenant.roles (tenant_id, id, name, permissions) values ('{tenant}', '{role}', '{role}', '{{tasks:read}}');
             insert into tenant.invitations (tenant_id, id, email, role_id, permissions, token_hash, expires_at)
                 select tenant_id, '{invitation}', '{invitation}@example.com', id, permissions, sha256('x'), now() + interval '1 day'
                 from tenant.roles where id = '{reader}';
             insert into tenant.api_keys (tenant_id, id, name, permissions, tenant_status, secret_hash, hint)
                 select id, '{api_key}', '{api_key}', '{{tasks:read}}', status, sha256('x'), 'abcd' from registry.tenants where id = '{tenant}';
             insert into registry.domains (tenant_id, id, domain, challenge) values ('{tenant}', '{claim}', 'd{claim}.example', 'x');
             insert into tenant.products (tenant_id, id, name, sku, price_minor) values ('{tenant}', '{product}', 'Fresh', '{product}', 1);
             insert into tenant.operations (tenant_id, id, kind) values ('{tenant}', '{operation}', 'products.import');
             insert into tenant.notifications (tenant_id, user_id, id, kind, title)
                 values ('{tenant}', '{owner}', '{notification}', 'api_key.created', 'Fresh')",
            tenant = tenant.id,
            reader = tenant.role,
            member = rows.member,
            role = rows.role,
            invitation = rows.invitation,
            api_key = rows.api_key,
            claim = rows.claim,
            product = rows.product,
            operation = rows.operation,
            owner = tenant.owner.id,
            notification = rows.notification,
        );
        superuser.batch_execute(&make).await.unwrap();
        rows
    }
}

impl Case {
    fn method(&self) -> Method {
        self.operation.split(' ').next().unwrap().parse().unwrap()
    }

    fn names_a_row(&self) -> bool {
        self.operation.contains('{')
    }

    /// The path with the ids of the rows it names.
    fn path(&self, rows: &Rows) -> String {
        let path = self.operation.split(' ').nth(1).unwrap();
        let id = match path.split('/').nth(3) {
            Some("products") => rows.product,
            Some("operations") => rows.operation,
            Some("notifications") => rows.notification,
            _ => match path.split('/').nth(4) {
                Some("members") => rows.member,
                Some("roles") => rows.role,
                Some("invitations") => rows.invitation,
                Some("api-keys") => rows.api_key,
                Some("domains") => rows.claim,
                _ if path.contains("{project_id}") => rows.task,
                _ => rows.project,
            },
        };
        let query = match path.rsplit('/').next() {
            Some("search" | "suggest") => "?q=lamp",
            Some("analytics") => "?metric=tasks_done",
            _ => "",
        };
        path.replace("{project_id}", &rows.project.to_string()).replace("{id}", &id.to_string()) + query
    }

    fn of(&self, tenant: &TenantFixture) -> String {
        self.path(&Rows::of(tenant))
    }

    fn request(&self, app: &TestApp, path: &str, of: &TenantFixture) -> RequestBuilder {
        let mut request = app.request(self.method(), path).header("if-match", "*");
        if self.keyed {
            request = request.header("idempotency-key", Uuid::now_v7().to_string());
        }
        with_body(request, (self.body)(of))
    }
}

/// JSON, or a file of CSV where the body is a text.
fn with_body(request: RequestBuilder, body: Value) -> RequestBuilder {
    match body {
        Value::Null => request,
        Value::String(csv) => request.header("content-type", "text/csv").body(csv),
        body => request.json(&body),
    }
}

/// Where no name server answers.
async fn start(way: Way, db: &TestDb) -> TestApp {
    let options = way.options(&["--pool", "4", "--name-servers", "127.0.0.1:9"]);
    TestApp::with(&db.api_url(way), &tuning(&options)).await
}

/// A problem without what may differ from one request to the next.
fn comparable(answer: &Answer) -> Value {
    let mut problem = answer.json();
    for member in ["instance", "trace_id"] {
        problem[member] = Value::Null;
    }
    problem
}

pub(super) async fn documented(app: &TestApp) -> BTreeSet<String> {
    let document = Answer::of(app.request(Method::GET, "/api/v1/openapi.json")).await.expect(200).json();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

async fn every_operation_has_a_case_or_a_reason(way: Way) {
    let db = TestDb::new().await;
    let app = start(way, &db).await;
    let cases = CASES.iter().map(|case| case.operation.to_owned());
    let others = own_routes::operations().map(str::to_owned);
    let covered: BTreeSet<String> = cases.chain(others).collect();
    assert_eq!(documented(&app).await, covered);
}

async fn another_tenants_row_and_a_missing_one_are_answered_alike(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (start(way, &db).await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(&superuser, globex.id).await;
    for case in cases().iter().filter(|case| case.names_a_row()) {
        let token = forge(acme.owner.id, Some(acme.id)).sign();
        let fire = async |path: String| Answer::of(case.request(&app, &path, acme).bearer_auth(&token)).await;
        let foreign = fire(case.of(globex)).await;
        let missing = fire(case.path(&Rows::missing())).await;
        foreign.problem(404, "not_found");
        assert_eq!(comparable(&foreign), comparable(&missing), "{}", case.operation);
        // One's own project with another tenant's task is no way in either.
        if case.operation.ends_with("tasks/{id}") {
            let task = globex.projects.iter().find_map(|project| project.tasks.first()).unwrap();
            let mixed = Rows { task: *task, ..Rows::of(acme) };
            fire(case.path(&mixed)).await.problem(404, "not_found");
        }
    }
    assert_eq!(fingerprint(&superuser, globex.id).await, before);
}

async fn another_tenant_and_a_missing_one_are_answered_alike(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (start(way, &db).await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(&superuser, globex.id).await;
    for case in &cases() {
        let path = case.of(globex);
        let free = forge(acme.owner.id, None).sign();
        // Named by header, by host, and by a token that says so: not a member.
        let mut answers = Vec::new();
        for tenant in [globex.id, town().nowhere] {
            answers.push(
                Answer::of(
                    case.request(&app, &path, acme).bearer_auth(&free).header("x-tenant-id", tenant.to_string()),
                )
                .await,
            );
            answers.push(
                Answer::of(case.request(&app, &path, acme).bearer_auth(forge(acme.owner.id, Some(tenant)).sign()))
                    .await,
            );
        }
        for host in ["globex.localhost", "nobody.localhost", globex.domain, "work.nobody.example"] {
            answers.push(Answer::of(case.request(&app, &path, acme).bearer_auth(&free).header("host", host)).await);
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
    let (app, superuser) = (start(way, &db).await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let before = (fingerprint(&superuser, globex.id).await, fingerprint(&superuser, acme.id).await);
    for case in &cases() {
        // Both is a member of both tenants, so nothing but the disagreement is wrong.
        let path = case.of(acme);
        let token = forge(acme.both.id, Some(acme.id)).sign();
        for other in [globex.id, town().nowhere] {
            let request = case.request(&app, &path, acme).bearer_auth(&token).header("x-tenant-id", other.to_string());
            Answer::of(request).await.problem(400, "tenant_conflict");
        }
        for host in ["globex.localhost", "GLOBEX.localhost.:80", globex.domain, "nobody.localhost"] {
            let request = case.request(&app, &path, acme).bearer_auth(&token).header("host", host);
            Answer::of(request).await.problem(400, "tenant_conflict");
        }
        let free = forge(acme.both.id, None).sign();
        let split = case
            .request(&app, &path, acme)
            .bearer_auth(&free)
            .header("host", "globex.localhost")
            .header("x-tenant-id", acme.id.to_string());
        Answer::of(split).await.problem(400, "tenant_conflict");
        Answer::of(case.request(&app, &path, acme).bearer_auth(&free)).await.problem(400, "tenant_required");
        let twice = case
            .request(&app, &path, acme)
            .bearer_auth(&token)
            .header("x-tenant-id", acme.id.to_string())
            .header("x-tenant-id", globex.id.to_string());
        Answer::of(twice).await.problem(400, "bad_request");
        let nonsense = case.request(&app, &path, acme).bearer_auth(&token).header("x-tenant-id", "acme");
        Answer::of(nonsense).await.problem(400, "bad_request");
    }
    let after = (fingerprint(&superuser, globex.id).await, fingerprint(&superuser, acme.id).await);
    assert_eq!(after, before);
}

async fn nobody_and_whoever_lacks_the_permission_are_refused(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (start(way, &db).await, db.superuser().await);
    let acme = &town().acme;
    let before = fingerprint(&superuser, acme.id).await;
    for case in &cases() {
        let path = case.of(acme);
        let nobody = Answer::of(case.request(&app, &path, acme).header("x-tenant-id", acme.id.to_string())).await;
        nobody.problem(401, "unauthenticated");
        assert!(nobody.header("www-authenticate").starts_with("Bearer"));
        if case.permission.is_empty() {
            continue;
        }
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
        let missing =
            (!case.operation.ends_with("/tasks") || case.method() != Method::GET).then(|| case.path(&Rows::missing()));
        for path in [path].into_iter().chain(missing) {
            let refused = Answer::of(case.request(&app, &path, acme).bearer_auth(&token)).await;
            let problem = refused.problem(403, "permission_denied");
            assert!(problem["detail"].as_str().unwrap().contains(case.permission), "{problem}");
        }
    }
    // The viewer's role was changed by this test, and its memberships carry that; the business rows were not.
    let business = |print: &str| -> Vec<String> {
        print
            .lines()
            .filter(|line| !line.contains(".roles") && !line.contains(".memberships"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(business(&fingerprint(&superuser, acme.id).await), business(&before));
}

async fn every_operation_works_in_ones_own_tenant(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (start(way, &db).await, db.superuser().await);
    let acme = &town().acme;
    // The control of all the refusals above. Each with rows of its own, and deletions last.
    let (deletions, others): (Vec<Case>, Vec<Case>) =
        cases().into_iter().partition(|case| case.method() == Method::DELETE);
    for (number, case) in others.into_iter().chain(deletions).enumerate() {
        let path = case.path(&Rows::fresh(&superuser, acme, 2 * number).await);
        let by_claim = case.request(&app, &path, acme).bearer_auth(forge(acme.owner.id, Some(acme.id)).sign());
        Answer::of(by_claim).await.expect(case.success);
        let free = forge(acme.owner.id, None).sign();
        let path = case.path(&Rows::fresh(&superuser, acme, 2 * number + 1).await);
        let by_both = case.request(&app, &path, acme).bearer_auth(free).header("x-tenant-id", acme.id.to_string());
        Answer::of(by_both.header("host", "acme.localhost:8080")).await.expect(case.success);
    }
}

async fn a_key_of_another_tenant_is_as_good_as_none(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (start(way, &db).await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(&superuser, globex.id).await;
    let own = app.request(Method::GET, "/api/v1/projects").bearer_auth(&acme.key);
    Answer::of(own).await.expect(200);
    // Globex's tenant in acme's key, and acme's secret under globex's id, under one checksum each.
    let forged = [key_of(globex.id, acme.api_key).0, key_of(acme.id, globex.api_key).0];
    for case in &cases() {
        for key in &forged {
            let request = case.request(&app, &case.of(globex), acme).bearer_auth(key);
            Answer::of(request).await.problem(
                if case.permission.is_empty() { 403 } else { 401 },
                if case.permission.is_empty() { "person_required" } else { "unauthenticated" },
            );
        }
        let named = case.request(&app, &case.of(globex), acme).bearer_auth(&acme.key);
        Answer::of(named.header("x-tenant-id", globex.id.to_string())).await.problem(400, "tenant_conflict");
    }
    assert_eq!(fingerprint(&superuser, globex.id).await, before);
}

async fn a_post_sent_again_with_its_key_changes_nothing_and_is_answered_alike(way: Way) {
    let db = TestDb::new().await;
    let (app, superuser) = (start(way, &db).await, db.superuser().await);
    let acme = &town().acme;
    let document = Answer::of(app.request(Method::GET, "/api/v1/openapi.json")).await.expect(200).json();
    let mut not_kept = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        if item["post"].is_null() {
            continue;
        }
        let operation = format!("POST {path}");
        // Whether it is kept, the document says, and for each that is there is a case.
        let responses = item["post"]["responses"].as_object().unwrap();
        let kept = responses.values().any(|response| !response["headers"]["Idempotency-Replayed"].is_null());
        let key =
            item["post"]["parameters"].as_array().unwrap().iter().find(|p| p["name"] == "Idempotency-Key").unwrap();
        assert_eq!(key["required"], operation == KEY_REQUIRED, "{operation}");
        if !kept {
            not_kept.push(path.as_str());
            continue;
        }
        if SENT_AGAIN_ELSEWHERE.contains(&&*operation) {
            continue;
        }
        let case = CASES.iter().find(|case| case.operation == operation).unwrap();
        let path = case.path(&Rows::fresh(&superuser, acme, 0).await);
        let body = (case.body)(acme);
        let fire = async |key: &str| {
            let request = app.as_user(Method::POST, &path, acme.owner.id, acme.id).header("idempotency-key", key);
            Answer::of(with_body(request, body.clone())).await
        };
        let first = fire("again").await.expect(case.success);
        assert_eq!(first.header("idempotency-replayed"), "", "{operation}");
        let before = fingerprint(&superuser, acme.id).await;
        let again = fire("again").await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{operation}");
        assert_eq!(again.header("idempotency-replayed"), "true", "{operation}");
        assert_eq!(fingerprint(&superuser, acme.id).await, before, "{operation}");
        superuser.batch_execute("delete from tenant.idempotency_keys where answer <> 'answer'").await.unwrap();
    }
    let named: Vec<&str> = NOT_KEPT.iter().map(|(path, _)| *path).collect();
    assert_eq!(not_kept, named);
}
