//! How often a warm request that writes sends something to PostgreSQL, and how many statements it sends: each operation of the OpenAPI
//! document that is no GET, held to a budget. Counts are exact where clocks are not.
//!
//! A budget may only shrink. Whoever saves something lowers it here; whoever has to spend more says why in docs/performance.md.
use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{invitations, second_factor::Authenticator};
use crate::support::{
    Answer, Document, Member, Names, Operation, PASSWORD, Sent, TestApp, TestDb, counted, forge, handle, hex, rows,
    town, tuning,
};

/// Flushes, and statements without `begin`, `set` and `commit`.
type Cost = [u64; 2];

/// Of each operation: without an `Idempotency-Key`, and with one where an answer is kept for it. Where it has to be sent, the first is of no
/// use.
const BUDGETS: &[(&str, Option<Cost>, Option<Cost>)] = &[
    ("PATCH /api/v1/me", Some([1, 1]), None),
    ("PATCH /api/v1/products/{id}", Some([1, 1]), None),
    ("PATCH /api/v1/projects/{id}", Some([1, 1]), None),
    ("PATCH /api/v1/projects/{project_id}/tasks/{id}", Some([1, 1]), None),
    ("PATCH /api/v1/tenant", Some([1, 1]), None),
    ("PATCH /api/v1/tenant/api-keys/{id}", Some([1, 1]), None),
    ("PATCH /api/v1/tenant/members/{id}", Some([1, 2]), None),
    ("PATCH /api/v1/tenant/roles/{id}", Some([1, 1]), None),
    ("PATCH /api/v1/tenant/settings", Some([3, 4]), None),
    ("PATCH /api/v1/webhooks/{id}", Some([1, 1]), None),
    ("POST /api/v1/auth/authenticate-again", Some([3, 3]), None),
    ("POST /api/v1/auth/invitations/accept", Some([2, 2]), None),
    ("POST /api/v1/auth/invitations/show", Some([2, 2]), None),
    ("POST /api/v1/auth/login", Some([3, 3]), None),
    ("POST /api/v1/auth/logout", Some([1, 1]), None),
    ("POST /api/v1/auth/password-reset", Some([2, 2]), None),
    ("POST /api/v1/auth/password-reset/confirm", Some([4, 4]), None),
    ("POST /api/v1/auth/refresh", Some([1, 1]), None),
    ("POST /api/v1/auth/signup", Some([4, 4]), None),
    ("POST /api/v1/auth/switch-tenant", Some([1, 2]), None),
    ("POST /api/v1/auth/verify-email", Some([3, 2]), None),
    ("POST /api/v1/auth/verify-email/resend", Some([2, 2]), None),
    ("POST /api/v1/auth/ws-ticket", Some([1, 2]), None),
    ("POST /api/v1/jobs/{id}/cancel", Some([1, 2]), Some([2, 4])),
    ("POST /api/v1/jobs/{id}/discard", Some([1, 2]), Some([2, 4])),
    ("POST /api/v1/jobs/{id}/retry", Some([1, 2]), Some([2, 4])),
    ("POST /api/v1/me/email", Some([6, 6]), None),
    ("POST /api/v1/me/invitations/accept", Some([1, 1]), None),
    ("POST /api/v1/me/recovery-codes", Some([4, 5]), None),
    ("POST /api/v1/me/totp", Some([4, 4]), None),
    ("POST /api/v1/me/totp/confirm", Some([5, 6]), None),
    ("POST /api/v1/notifications/read-all", Some([2, 2]), Some([2, 4])),
    ("POST /api/v1/notifications/{id}/read", Some([1, 1]), Some([2, 3])),
    ("POST /api/v1/notifications/{id}/unread", Some([1, 1]), Some([2, 3])),
    ("POST /api/v1/products", Some([1, 1]), Some([2, 3])),
    ("POST /api/v1/projects", Some([1, 1]), Some([2, 3])),
    ("POST /api/v1/projects/{project_id}/tasks", Some([1, 1]), Some([2, 3])),
    ("POST /api/v1/tenant/api-keys", Some([1, 1]), Some([2, 3])),
    ("POST /api/v1/tenant/api-keys/{id}/rotate", Some([1, 1]), Some([2, 3])),
    ("POST /api/v1/tenant/domains", Some([1, 1]), Some([2, 3])),
    ("POST /api/v1/tenant/domains/{id}/verify", Some([2, 3]), Some([4, 6])),
    ("POST /api/v1/tenant/invitations", None, Some([5, 8])),
    ("POST /api/v1/tenant/invitations/{id}/resend", Some([3, 5]), Some([5, 8])),
    ("POST /api/v1/tenant/leave", Some([2, 2]), None),
    ("POST /api/v1/tenant/roles", Some([1, 1]), Some([2, 3])),
    ("POST /api/v1/tenant/subscription/cancel", Some([1, 2]), Some([2, 4])),
    ("POST /api/v1/tenant/subscription/change", Some([1, 2]), Some([2, 4])),
    ("POST /api/v1/tenant/subscription/resume", Some([1, 2]), Some([2, 4])),
    ("POST /api/v1/tenants", Some([1, 1]), None),
    ("POST /api/v1/webhooks", Some([1, 2]), Some([2, 4])),
    ("POST /api/v1/webhooks/{endpoint_id}/deliveries/{id}/replay", Some([1, 2]), Some([2, 4])),
    ("POST /api/v1/webhooks/{id}/replay", Some([2, 2]), Some([3, 4])),
    ("POST /api/v1/webhooks/{id}/secret", Some([1, 4]), Some([2, 6])),
    ("POST /api/v1/webhooks/{id}/test", Some([1, 2]), Some([2, 4])),
    ("PUT /api/v1/me/password", Some([4, 6]), None),
    ("DELETE /api/v1/me/sessions", Some([1, 2]), None),
    ("DELETE /api/v1/me/sessions/{id}", Some([1, 1]), None),
    ("DELETE /api/v1/me/totp", Some([1, 1]), None),
    ("DELETE /api/v1/operations/{id}", Some([1, 1]), None),
    ("DELETE /api/v1/products/{id}", Some([1, 1]), None),
    ("DELETE /api/v1/projects/{id}", Some([1, 1]), None),
    ("DELETE /api/v1/projects/{project_id}/tasks/{id}", Some([1, 1]), None),
    ("DELETE /api/v1/tenant/api-keys/{id}", Some([1, 1]), None),
    ("DELETE /api/v1/tenant/domains/{id}", Some([1, 1]), None),
    ("DELETE /api/v1/tenant/invitations/{id}", Some([1, 1]), None),
    ("DELETE /api/v1/tenant/members/{id}", Some([1, 1]), None),
    ("DELETE /api/v1/tenant/roles/{id}", Some([1, 1]), None),
    ("DELETE /api/v1/webhooks/{id}", Some([1, 1]), None),
];

/// Operations that are not counted, each with why.
const NOT_COUNTED: [(&str, &str); 1] =
    [("POST /api/v1/products/import", "a tenant has one at a time, and here nobody does them")];

/// Operations that are about no tenant, or take what no schema tells; the others are made up from the document.
const BY_HAND: [&str; 24] = [
    "POST /api/v1/auth/authenticate-again",
    "POST /api/v1/auth/invitations/accept",
    "POST /api/v1/auth/invitations/show",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/logout",
    "POST /api/v1/auth/password-reset",
    "POST /api/v1/auth/password-reset/confirm",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/signup",
    "POST /api/v1/auth/switch-tenant",
    "POST /api/v1/auth/verify-email",
    "POST /api/v1/auth/verify-email/resend",
    "PATCH /api/v1/me",
    "POST /api/v1/me/email",
    "POST /api/v1/me/invitations/accept",
    "PUT /api/v1/me/password",
    "POST /api/v1/me/recovery-codes",
    "DELETE /api/v1/me/sessions",
    "DELETE /api/v1/me/sessions/{id}",
    "POST /api/v1/me/totp",
    "DELETE /api/v1/me/totp",
    "POST /api/v1/me/totp/confirm",
    "POST /api/v1/tenants",
    "POST /api/v1/tenant/leave",
];

struct World {
    db: TestDb,
    app: TestApp,
    names: Names,
    sent: Arc<Sent>,
    document: Document,
}

#[tokio::test]
async fn every_request_that_writes_costs_no_more_than_its_budget() {
    let (db, names) = (TestDb::new().await, Names::start().await);
    let (url, sent) = counted(&db);
    let server = names.address.to_string();
    let options = ["--pool", "1", "--name-servers", &server, "--outside-per-minute", "0"];
    let app = TestApp::with(&url, &tuning(&options)).await;
    let document = Document::of(&app).await;
    let world = World { db, app, names, sent, document };
    let budgets: BTreeMap<_, _> = BUDGETS.iter().map(|(name, plain, keyed)| (*name, [*plain, *keyed])).collect();
    assert_eq!(budgets.len(), BUDGETS.len(), "an operation is in BUDGETS twice");
    let mut writes: Vec<_> = world.document.operations();
    writes.retain(|operation| operation.method != Method::GET);
    // Whoever deletes things comes last.
    writes.sort_by_key(|operation| (operation.method == Method::DELETE, operation.name()));
    let (mut wrong, mut now) = (Vec::new(), String::new());
    for operation in &writes {
        let name = operation.name();
        if NOT_COUNTED.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let costs = world.costs(operation, budgets.get(&*name).copied().unwrap_or_default()).await;
        now.push_str(&format!("    (\"{name}\", {:?}, {:?}),\n", costs[0], costs[1]));
        match budgets.get(&*name) {
            None => wrong.push(format!("{name} has no budget: it costs {costs:?}")),
            Some(budget) if *budget != costs => {
                wrong.push(format!(
                    "{name} costs {costs:?} (flushes, statements; without a key, with one) and has {budget:?}"
                ));
            }
            Some(_) => {}
        }
    }
    println!("{now}");
    let documented: Vec<String> = writes.iter().map(Operation::name).collect();
    for name in budgets.keys().chain(&BY_HAND).chain(NOT_COUNTED.iter().map(|(name, _)| name)) {
        assert!(
            documented.iter().any(|other| other == name),
            "there is no {name} any more: take it out of {}",
            file!()
        );
    }
    assert!(
        wrong.is_empty(),
        "a budget may only shrink: do without, or where something was saved lower it in {}\n{}\n\nBUDGETS would be\n{now}",
        file!(),
        wrong.join("\n")
    );
}

impl World {
    async fn costs(&self, operation: &Operation, budget: [Option<Cost>; 2]) -> [Option<Cost>; 2] {
        if BY_HAND.contains(&&*operation.name()) {
            return [Some(self.cost(operation, false, budget[0]).await), None];
        }
        let (needs_a_key, path) = (operation.requires("Idempotency-Key"), &operation.path);
        let takes_a_key = operation.method == Method::POST && !path.starts_with("/api/v1/auth/");
        let plain = if needs_a_key { None } else { Some(self.cost(operation, false, budget[0]).await) };
        let keyed = if takes_a_key { Some(self.cost(operation, true, budget[1]).await) } else { None };
        [plain, keyed]
    }

    /// What one costs after one that is not counted. Now and then something goes on beside it, so it is asked again where that seems too much.
    async fn cost(&self, operation: &Operation, keyed: bool, budget: Option<Cost>) -> Cost {
        let mut least = [u64::MAX; 2];
        for round in 0..4 {
            let mut request = if BY_HAND.contains(&&*operation.name()) {
                self.by_hand(&operation.name()).await
            } else {
                self.made_up(operation).await
            };
            if keyed {
                request = request.header("idempotency-key", Uuid::now_v7().to_string());
            }
            let before = [self.sent.flushes(), self.sent.statements()];
            let answer = Answer::of(request).await;
            let spent = [self.sent.flushes() - before[0], self.sent.statements() - before[1]];
            assert_eq!(answer.status.as_u16(), operation.success(), "{}: {answer:?}", operation.name());
            if round > 0 {
                least = [least[0].min(spent[0]), least[1].min(spent[1])];
                if budget.is_some_and(|budget| least[0] <= budget[0] && least[1] <= budget[1]) {
                    break;
                }
            }
        }
        least
    }

    /// A request of acme's owner, at a row that was made for it.
    async fn made_up(&self, operation: &Operation) -> RequestBuilder {
        let (superuser, acme) = (self.db.superuser().await, &town().acme);
        let at = rows::fresh(&self.app, &superuser, &self.document, operation, acme).await;
        if operation.path.ends_with("/domains/{id}/verify") {
            let claim = self.owner().get(&format!("/tenant/domains/{}", at["id"])).await.expect(200).json();
            let text = |name: &str| claim[name].as_str().unwrap();
            self.names.set(text("record_name"), &[text("record_value")]);
        }
        let request = self.app.as_user(operation.method.clone(), &operation.at(&at), acme.owner.id, acme.id);
        let body = match &*operation.path {
            "/api/v1/notifications/read-all" | "/api/v1/tenant/api-keys/{id}/rotate" => Some(json!({})),
            _ => self.document.body(operation, acme),
        };
        let request = request.header("if-match", "*");
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    fn owner(&self) -> Member<'_> {
        Member::new(&self.app, &town().acme.owner, &town().acme)
    }

    /// Somebody whom nobody else asks as, signed in: their session has their id. Their address is confirmed, or is to be.
    async fn person(&self, confirmed: bool) -> Uuid {
        let id = Uuid::now_v7();
        let person = format!(
            "insert into registry.users (id, email, full_name, password_hash, email_verified_at)
                 select '{id}', '{id}@new.example', 'Ada', u.password_hash, case when {confirmed} then now() end
                 from registry.users u where u.id = '{}';
             insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
                 values ('{id}', '{id}', 'bearer', now() + interval '1 day', now() + interval '1 day')",
            town().acme.both.id
        );
        self.db.run(&person).await;
        id
    }

    /// A link to somebody, in hand.
    async fn link(&self, whose: Uuid, purpose: &str) -> String {
        let secret = [*Uuid::now_v7().as_bytes(), *Uuid::now_v7().as_bytes()].concat();
        let keep = format!(
            "insert into registry.mail_tokens (token_hash, user_id, purpose, email, expires_at)
             values (sha256(sha256('\\x{}')), '{whose}', '{purpose}', '{whose}@new.example', now() + interval '1 day')",
            hex(&secret)
        );
        self.db.run(&keep).await;
        BASE64.encode(secret)
    }

    /// An invitation of acme's to this address, in hand.
    async fn invited(&self, email: &str) -> String {
        let role = self.owner().role("viewer").await;
        let made = self.owner().post("/tenant/invitations", json!({ "email": email, "role_id": role })).await;
        invitations::token(&self.db, town().acme.id, &made.expect(201).json()).await
    }

    async fn by_hand(&self, name: &str) -> RequestBuilder {
        self.db.forget_tries().await;
        let (method, path) = name.split_once(' ').unwrap();
        let (both, acme) = (&town().acme.both, &town().acme);
        let me = self.person(path != "/api/v1/auth/verify-email" && path != "/api/v1/auth/verify-email/resend").await;
        let (email, other) = (format!("{me}@new.example"), format!("{}@new.example", Uuid::now_v7()));
        let as_me = |method: Method, path: &str| {
            self.app.request(method, path).bearer_auth(forge(me, None).sign()).header("if-match", "*")
        };
        let body = match name {
            "POST /api/v1/auth/authenticate-again" => json!({ "password": PASSWORD }),
            "POST /api/v1/auth/invitations/accept" => {
                json!({ "token": self.invited(&other).await, "full_name": "Ada", "password": PASSWORD })
            }
            "POST /api/v1/auth/invitations/show" => json!({ "token": self.invited(&other).await }),
            "POST /api/v1/auth/login" => json!({ "email": both.email, "password": PASSWORD }),
            "POST /api/v1/auth/password-reset" | "POST /api/v1/auth/verify-email/resend" => json!({ "email": email }),
            "POST /api/v1/auth/password-reset/confirm" => {
                json!({ "token": self.link(me, "reset_password").await, "password": "eight white egrets" })
            }
            "POST /api/v1/auth/refresh" => {
                json!({ "refresh_token": self.app.sign_in(both.email, PASSWORD).await.refresh })
            }
            "POST /api/v1/auth/signup" => {
                json!({ "email": other, "password": PASSWORD, "full_name": "Ada", "organization": "Engines" })
            }
            "POST /api/v1/auth/verify-email" => json!({ "token": self.link(me, "verify_email").await }),
            "PATCH /api/v1/me" => json!({ "full_name": "Ada Lovelace" }),
            "POST /api/v1/me/email" => json!({ "email": other }),
            "POST /api/v1/me/invitations/accept" => json!({ "token": self.invited(&email).await }),
            "PUT /api/v1/me/password" => json!({ "password": "eight white egrets" }),
            "POST /api/v1/tenants" => json!({ "name": "Engines" }),
            "POST /api/v1/auth/switch-tenant" => {
                let request = self.app.request(Method::POST, path).bearer_auth(forge(both.id, None).sign());
                return request.json(&json!({ "tenant_id": town().globex.id }));
            }
            "POST /api/v1/tenant/leave" => {
                let link = json!({ "token": self.invited(&email).await });
                let join = as_me(Method::POST, "/api/v1/me/invitations/accept").json(&link);
                Answer::of(join).await.expect(201);
                return as_me(Method::POST, path).header("x-tenant-id", acme.id.to_string());
            }
            "POST /api/v1/me/recovery-codes" | "DELETE /api/v1/me/totp" | "POST /api/v1/me/totp/confirm" => {
                let begun = Answer::of(as_me(Method::POST, "/api/v1/me/totp")).await.expect(201).json();
                let confirmation = json!({ "code": Authenticator::code_now(begun["secret"].as_str().unwrap()) });
                if path.ends_with("confirm") {
                    confirmation
                } else {
                    let confirm = as_me(Method::POST, "/api/v1/me/totp/confirm").json(&confirmation);
                    Answer::of(confirm).await.expect(200);
                    Value::Null
                }
            }
            _ => Value::Null,
        };
        let request = as_me(method.parse().unwrap(), &path.replace("{id}", &handle(me).to_string()));
        if body.is_null() { request } else { request.json(&body) }
    }
}
