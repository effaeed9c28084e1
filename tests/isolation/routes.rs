//! Every operation of the OpenAPI document, fired by the right tenant and by every wrong one. Which permission it needs, what it takes and
//! answers, its document says; an operation that is about no tenant has its reason in `own_routes`.
use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{fingerprint, own_routes};
use crate::support::{
    Answer, Document, Operation, TenantFixture, TestApp, TestDb, Way, both_ways, forge, key_of,
    rows::{self, Named},
    town, tuning,
};

both_ways! {
    #[tokio::test]
    every_operation_is_attacked_or_has_a_reason;
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
#[derive(Clone)]
pub(super) struct Case {
    pub(super) operation: Operation,
    /// The permission it asks for first, as its description says; empty where it asks for none.
    permission: String,
    /// What it answers in one's own tenant.
    pub(super) success: u16,
    /// With an `Idempotency-Key`, a new one each time.
    pub(super) keyed: bool,
    /// What is asked after, in the path's query.
    query: &'static str,
}

/// What an operation takes that its schema does not tell, and answers here that its document does not.
const SPECIAL: &[(&str, Special)] = &[
    ("POST /api/v1/products/import", Special { body: Some(|| json!("sku,name,price_minor\r\n")), ..PLAIN }),
    ("POST /api/v1/notifications/read-all", Special { body: Some(|| json!({})), ..PLAIN }),
    ("POST /api/v1/tenant/api-keys/{id}/rotate", Special { body: Some(|| json!({})), ..PLAIN }),
    // The last owner stays; tests/api/tenants.rs leaves as somebody else.
    ("POST /api/v1/tenant/leave", Special { success: Some(409), ..PLAIN }),
    // Here no name server answers; tests/api/domains.rs has one.
    ("POST /api/v1/tenant/domains/{id}/verify", Special { success: Some(503), ..PLAIN }),
    ("GET /api/v1/products/search", Special { query: "?q=lamp", ..PLAIN }),
    ("GET /api/v1/products/suggest", Special { query: "?q=lamp", ..PLAIN }),
    ("GET /api/v1/dashboard/analytics", Special { query: "?metric=tasks_done", ..PLAIN }),
];

#[derive(Clone, Copy)]
struct Special {
    body: Option<fn() -> Value>,
    success: Option<u16>,
    query: &'static str,
}

const PLAIN: Special = Special { body: None, success: None, query: "" };

fn special(operation: &str) -> Special {
    SPECIAL.iter().find(|(name, _)| *name == operation).map_or(PLAIN, |(_, special)| *special)
}

/// What is fired, at whom, and how it is told.
pub(super) struct Fire {
    app: TestApp,
    pub(super) superuser: Client,
    document: Document,
    pub(super) cases: Vec<Case>,
}

impl Fire {
    /// Where no name server answers.
    pub(super) async fn at(way: Way, db: &TestDb) -> Self {
        let options = way.options(&["--pool", "4", "--name-servers", "127.0.0.1:9"]);
        let app = TestApp::with(&db.api_url(way), &tuning(&options)).await;
        let document = Document::of(&app).await;
        let cases = cases(&document);
        Self { app, superuser: db.superuser().await, document, cases }
    }

    fn body(&self, case: &Case, of: &TenantFixture) -> Value {
        match special(&case.operation.name()).body {
            Some(body) => body(),
            None => self.document.body(&case.operation, of).unwrap_or(Value::Null),
        }
    }

    pub(super) fn request(&self, case: &Case, path: &str, of: &TenantFixture) -> RequestBuilder {
        let mut request = self.app.request(case.operation.method.clone(), path).header("if-match", "*");
        if case.keyed {
            request = request.header("idempotency-key", Uuid::now_v7().to_string());
        }
        with_body(request, self.body(case, of))
    }

    /// The path with the ids of rows of a tenant.
    async fn path(&self, case: &Case, of: &TenantFixture) -> String {
        case.path(&rows::of(&self.superuser, &case.operation, of).await)
    }

    /// The path of a row that was made for one use, so that what one operation deletes no other misses.
    pub(super) async fn fresh(&self, case: &Case, of: &TenantFixture) -> String {
        case.path(&rows::fresh(&self.app, &self.superuser, &self.document, &case.operation, of).await)
    }
}

/// All operations on a tenant's data, each POST with a key and without one where it may be.
fn cases(document: &Document) -> Vec<Case> {
    let elsewhere: BTreeSet<&str> = own_routes::operations().collect();
    let mut cases = Vec::new();
    for operation in document.operations() {
        let name = operation.name();
        if elsewhere.contains(name.as_str()) {
            continue;
        }
        let special = special(&name);
        let needs_a_key = operation.requires("Idempotency-Key");
        let case = Case {
            permission: operation.permission(),
            success: special.success.unwrap_or_else(|| operation.success()),
            keyed: false,
            query: special.query,
            operation,
        };
        if !needs_a_key {
            cases.push(case.clone());
        }
        if case.operation.method == Method::POST {
            cases.push(Case { keyed: true, ..case });
        }
    }
    assert!(cases.len() >= 75, "{} cases", cases.len());
    cases
}

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
    ("/api/v1/auth/ws-ticket", "answers a secret that is good once, for half a minute"),
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

impl Case {
    fn names_a_row(&self) -> bool {
        self.operation.path.contains('{')
    }

    fn path(&self, rows: &Named) -> String {
        self.operation.at(rows) + self.query
    }

    /// The path of rows that are nowhere.
    fn missing(&self) -> String {
        self.path(&rows::missing(&self.operation))
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

/// What is answered once files are gone that wait for a worker, of whom there is none here.
pub(super) async fn when_free(superuser: &Client, request: impl Fn() -> RequestBuilder) -> Answer {
    let answer = Answer::of(request()).await;
    if !answer.text.contains("urn:rowhouse:problem:files_under_way") {
        return answer;
    }
    superuser.batch_execute("update tenant.operations set status = 'failed' where status = 'queued'").await.unwrap();
    Answer::of(request()).await
}

/// A problem without what may differ from one request to the next.
fn comparable(answer: &Answer) -> Value {
    let mut problem = answer.json();
    for member in ["instance", "trace_id"] {
        problem[member] = Value::Null;
    }
    problem
}

async fn every_operation_is_attacked_or_has_a_reason(way: Way) {
    let db = TestDb::new().await;
    let fire = Fire::at(way, &db).await;
    let documented: BTreeSet<String> = fire.document.operations().iter().map(Operation::name).collect();
    for name in own_routes::operations().chain(SPECIAL.iter().map(|(name, _)| *name)) {
        assert!(documented.contains(name), "there is no {name} any more: take it out of tests/isolation");
    }
    // All others are fired, as what their document says they are.
    for case in &fire.cases {
        assert!(
            case.operation.said["security"].is_array(),
            "{} asks nobody to be signed in: take `public` from its tags, or say why in PUBLIC, tests/isolation/own_routes.rs",
            case.operation.name()
        );
    }
}

async fn another_tenants_row_and_a_missing_one_are_answered_alike(way: Way) {
    let db = TestDb::new().await;
    let fire = Fire::at(way, &db).await;
    let superuser = &fire.superuser;
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(superuser, globex.id).await;
    for case in fire.cases.iter().filter(|case| case.names_a_row()) {
        let token = forge(acme.owner.id, Some(acme.id)).sign();
        let at = async |path: String| Answer::of(fire.request(case, &path, acme).bearer_auth(&token)).await;
        let foreign = at(fire.path(case, globex).await).await;
        let missing = at(case.missing()).await;
        foreign.problem(404, "not_found");
        assert_eq!(comparable(&foreign), comparable(&missing), "{}", case.operation.name());
        // One's own project with another tenant's task is no way in either.
        let mut mixed = rows::of(superuser, &case.operation, acme).await;
        if mixed.len() > 1 {
            mixed.insert("id".to_owned(), rows::of(superuser, &case.operation, globex).await["id"].clone());
            at(case.path(&mixed)).await.problem(404, "not_found");
        }
    }
    assert_eq!(fingerprint(superuser, globex.id).await, before);
}

async fn another_tenant_and_a_missing_one_are_answered_alike(way: Way) {
    let db = TestDb::new().await;
    let fire = Fire::at(way, &db).await;
    let superuser = &fire.superuser;
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(superuser, globex.id).await;
    for case in &fire.cases {
        let path = fire.path(case, globex).await;
        let free = forge(acme.owner.id, None).sign();
        // Named by header, by host, and by a token that says so: not a member.
        let mut answers = Vec::new();
        for tenant in [globex.id, town().nowhere] {
            answers.push(
                Answer::of(
                    fire.request(case, &path, acme).bearer_auth(&free).header("x-tenant-id", tenant.to_string()),
                )
                .await,
            );
            answers.push(
                Answer::of(fire.request(case, &path, acme).bearer_auth(forge(acme.owner.id, Some(tenant)).sign()))
                    .await,
            );
        }
        for host in ["globex.localhost", "nobody.localhost", globex.domain, "work.nobody.example"] {
            answers.push(Answer::of(fire.request(case, &path, acme).bearer_auth(&free).header("host", host)).await);
        }
        for answer in &answers {
            answer.problem(403, "not_a_member");
            assert_eq!(comparable(answer), comparable(&answers[0]), "{}", case.operation.name());
        }
    }
    assert_eq!(fingerprint(superuser, globex.id).await, before);
}

async fn conflicting_and_absent_tenants_are_refused(way: Way) {
    let db = TestDb::new().await;
    let fire = Fire::at(way, &db).await;
    let superuser = &fire.superuser;
    let (acme, globex) = (&town().acme, &town().globex);
    let before = (fingerprint(superuser, globex.id).await, fingerprint(superuser, acme.id).await);
    for case in &fire.cases {
        // Both is a member of both tenants, so nothing but the disagreement is wrong.
        let path = fire.path(case, acme).await;
        let token = forge(acme.both.id, Some(acme.id)).sign();
        for other in [globex.id, town().nowhere] {
            let request = fire.request(case, &path, acme).bearer_auth(&token).header("x-tenant-id", other.to_string());
            Answer::of(request).await.problem(400, "tenant_conflict");
        }
        for host in ["globex.localhost", "GLOBEX.localhost.:80", globex.domain, "nobody.localhost"] {
            let request = fire.request(case, &path, acme).bearer_auth(&token).header("host", host);
            Answer::of(request).await.problem(400, "tenant_conflict");
        }
        let free = forge(acme.both.id, None).sign();
        let split = fire
            .request(case, &path, acme)
            .bearer_auth(&free)
            .header("host", "globex.localhost")
            .header("x-tenant-id", acme.id.to_string());
        Answer::of(split).await.problem(400, "tenant_conflict");
        Answer::of(fire.request(case, &path, acme).bearer_auth(&free)).await.problem(400, "tenant_required");
        let twice = fire
            .request(case, &path, acme)
            .bearer_auth(&token)
            .header("x-tenant-id", acme.id.to_string())
            .header("x-tenant-id", globex.id.to_string());
        Answer::of(twice).await.problem(400, "bad_request");
        let nonsense = fire.request(case, &path, acme).bearer_auth(&token).header("x-tenant-id", "acme");
        Answer::of(nonsense).await.problem(400, "bad_request");
    }
    let after = (fingerprint(superuser, globex.id).await, fingerprint(superuser, acme.id).await);
    assert_eq!(after, before);
}

async fn nobody_and_whoever_lacks_the_permission_are_refused(way: Way) {
    let db = TestDb::new().await;
    let fire = Fire::at(way, &db).await;
    let superuser = &fire.superuser;
    let acme = &town().acme;
    let before = fingerprint(superuser, acme.id).await;
    for case in &fire.cases {
        let path = fire.path(case, acme).await;
        let nobody = Answer::of(fire.request(case, &path, acme).header("x-tenant-id", acme.id.to_string())).await;
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
            (!case.operation.path.ends_with("/tasks") || case.operation.method != Method::GET).then(|| case.missing());
        for path in [path].into_iter().chain(missing) {
            let refused = Answer::of(fire.request(case, &path, acme).bearer_auth(&token)).await;
            assert_eq!(
                refused.status, 403,
                "{} is answered to somebody who lacks {}, which its description says it needs: either its doc comment names another \
                 permission than the policies of its tables (sql/policies) ask for, or they ask for none",
                refused.to, case.permission
            );
            let problem = refused.problem(403, "permission_denied");
            assert!(
                problem["detail"].as_str().unwrap().contains(&case.permission),
                "{}: its doc comment says it needs {}, and the policies of its tables (sql/policies) ask for another: {problem}",
                refused.to,
                case.permission
            );
        }
    }
    // The viewer's role was changed by this test, which is told, and its memberships and seats carry that; the business rows were not.
    let business = |print: &str| -> Vec<String> {
        print
            .lines()
            .filter(|line| {
                [".roles", ".memberships", ".seats", ".events", ".audit_log"].iter().all(|table| !line.contains(table))
            })
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(business(&fingerprint(superuser, acme.id).await), business(&before));
}

async fn every_operation_works_in_ones_own_tenant(way: Way) {
    let db = TestDb::new().await;
    let fire = Fire::at(way, &db).await;
    let acme = &town().acme;
    // The control of all the refusals above. Each with rows of its own, and deletions last.
    let (deletions, others): (Vec<Case>, Vec<Case>) =
        fire.cases.iter().cloned().partition(|case| case.operation.method == Method::DELETE);
    for case in &[others, deletions].concat() {
        let path = fire.fresh(case, acme).await;
        let by_claim = || fire.request(case, &path, acme).bearer_auth(forge(acme.owner.id, Some(acme.id)).sign());
        when_free(&fire.superuser, by_claim).await.expect(case.success);
        let path = fire.fresh(case, acme).await;
        let by_both = || {
            let request = fire.request(case, &path, acme).bearer_auth(forge(acme.owner.id, None).sign());
            request.header("x-tenant-id", acme.id.to_string()).header("host", "acme.localhost:8080")
        };
        when_free(&fire.superuser, by_both).await.expect(case.success);
    }
}

async fn a_key_of_another_tenant_is_as_good_as_none(way: Way) {
    let db = TestDb::new().await;
    let fire = Fire::at(way, &db).await;
    let (app, superuser) = (&fire.app, &fire.superuser);
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(superuser, globex.id).await;
    let own = app.request(Method::GET, "/api/v1/projects").bearer_auth(&acme.key);
    Answer::of(own).await.expect(200);
    // Globex's tenant in acme's key, and acme's secret under globex's id, under one checksum each.
    let forged = [key_of(globex.id, acme.api_key).0, key_of(acme.id, globex.api_key).0];
    for case in &fire.cases {
        let path = fire.path(case, globex).await;
        for key in &forged {
            let request = fire.request(case, &path, acme).bearer_auth(key);
            // What asks for no permission is a person's own, but for a ticket, which is for whoever asks.
            let for_people = case.permission.is_empty() && !case.operation.path.ends_with("/ws-ticket");
            let (status, code) = if for_people { (403, "person_required") } else { (401, "unauthenticated") };
            Answer::of(request).await.problem(status, code);
        }
        let named = fire.request(case, &path, acme).bearer_auth(&acme.key);
        Answer::of(named.header("x-tenant-id", globex.id.to_string())).await.problem(400, "tenant_conflict");
    }
    assert_eq!(fingerprint(superuser, globex.id).await, before);
}

async fn a_post_sent_again_with_its_key_changes_nothing_and_is_answered_alike(way: Way) {
    let db = TestDb::new().await;
    let fire = Fire::at(way, &db).await;
    let (app, superuser) = (&fire.app, &fire.superuser);
    let acme = &town().acme;
    let mut not_kept = Vec::new();
    for operation in fire.document.operations().iter().filter(|operation| operation.method == Method::POST) {
        let name = operation.name();
        // Whether it is kept, the document says, and for each that is there is a case.
        let responses = operation.said["responses"].as_object().unwrap();
        let kept = responses.values().any(|response| !response["headers"]["Idempotency-Replayed"].is_null());
        let parameters = operation.said["parameters"].as_array().unwrap();
        assert!(parameters.iter().any(|it| it["name"] == "Idempotency-Key"), "{name} does not say that it takes a key");
        if !kept {
            not_kept.push(operation.path.clone());
            continue;
        }
        if SENT_AGAIN_ELSEWHERE.contains(&&*name) {
            continue;
        }
        let case = fire.cases.iter().find(|case| case.operation.name() == name).unwrap();
        let path = fire.fresh(case, acme).await;
        let body = fire.body(case, acme);
        let send = async |key: &str| {
            let request = app
                .as_user(Method::POST, &path, acme.owner.id, acme.id)
                .header("if-match", "*")
                .header("idempotency-key", key);
            Answer::of(with_body(request, body.clone())).await
        };
        if operation.requires("Idempotency-Key") {
            let request = app.as_user(Method::POST, &path, acme.owner.id, acme.id);
            Answer::of(with_body(request, body.clone())).await.problem(400, "idempotency_key_required");
        }
        let first = send("again").await.expect(case.success);
        assert_eq!(first.header("idempotency-replayed"), "", "{name}");
        let before = fingerprint(superuser, acme.id).await;
        let again = send("again").await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{name}");
        assert_eq!(again.header("idempotency-replayed"), "true", "{name}");
        assert_eq!(fingerprint(superuser, acme.id).await, before, "{name}");
        superuser.batch_execute("delete from tenant.idempotency_keys where answer <> 'answer'").await.unwrap();
    }
    let named: Vec<&str> = NOT_KEPT.iter().map(|(path, _)| *path).collect();
    assert_eq!(
        not_kept, named,
        "a POST whose answer is not kept is done twice when it is sent twice: take `Post` or `Once` (http::idempotency), or say in \
         NOT_KEPT, tests/isolation/routes.rs, why not"
    );
}
