//! Somebody who acts in a tenant.
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Person, TenantFixture, TestApp};

/// A user in a tenant. Paths are those below `/api/v1`.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    app: &'a TestApp,
    pub user: Uuid,
    pub tenant: Uuid,
}

impl<'a> Member<'a> {
    pub fn new(app: &'a TestApp, person: &Person, tenant: &TenantFixture) -> Self {
        Self { app, user: person.id, tenant: tenant.id }
    }

    /// A request to be finished by the test.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.as_user(method, &format!("/api/v1{path}"), self.user, self.tenant)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, path).json(&body);
        // Required there.
        let keyed = path == "/tenant/invitations";
        Answer::of(if keyed { request.header("idempotency-key", Uuid::now_v7().to_string()) } else { request }).await
    }

    pub async fn patch(&self, path: &str, version: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).header("if-match", version).json(&body)).await
    }

    pub async fn delete(&self, path: &str, version: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path).header("if-match", version)).await
    }

    /// The id of one of the tenant's roles, by its name.
    pub async fn role(&self, name: &str) -> String {
        let roles = self.get("/tenant/roles").await.expect(200).json();
        let role = roles["items"].as_array().unwrap().iter().find(|role| role["name"] == name);
        role.unwrap_or_else(|| panic!("no {name} in {roles}"))["id"].as_str().unwrap().to_owned()
    }

    /// Makes a role, and answers its id.
    pub async fn make_role(&self, name: &str, permissions: &[&str]) -> String {
        let made = self.post("/tenant/roles", json!({ "name": name, "permissions": permissions })).await.expect(201);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// Gives a member a role, whatever theirs is.
    pub async fn give(&self, member: &Person, role: &str) -> Answer {
        self.patch(&format!("/tenant/members/{}", member.id), "*", json!({ "role_id": role })).await
    }
}

impl Answer {
    /// Asserts that this permission was missing, and is named.
    #[track_caller]
    pub fn lacks(&self, permission: &str) {
        let problem = self.problem(403, "permission_denied");
        assert_eq!(problem["detail"], format!("your role, or the API key, does not hold {permission} in this tenant"));
    }

    /// Asserts that this place in the body was refused, with this code, and nothing else was.
    #[track_caller]
    pub fn faults(&self, status: u16, pointer: &str, code: &str) {
        let problem = self.problem(status, if status == 409 { "conflict" } else { "invalid" });
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(
            (errors.len(), &errors[0]["pointer"], &errors[0]["code"]),
            (1, &json!(pointer), &json!(code)),
            "{problem}"
        );
    }
}
