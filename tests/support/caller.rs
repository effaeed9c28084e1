//! People who sign in over HTTP, and a superuser's look behind the walls.
use postgres_types::FromSqlOwned;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Answer, PostBox, TestApp, TestDb};

const EVERYTHING: &str = "select md5(
    (select string_agg(u::text, '' order by u.id) from registry.users u)
    || (select coalesce(string_agg(m::text, '' order by m.token_hash), '') from registry.mail_tokens m)
    || (select string_agg(t::text, '' order by t.id) from registry.tenants t)
    || (select string_agg(m::text, '' order by m.tenant_id, m.user_id) from tenant.memberships m)
    || (select coalesce(string_agg(e::text, '' order by e.id), '') from registry.account_events e)
    || (select string_agg(s.id::text, '' order by s.id) from registry.sessions s))";

/// Somebody who signed in, with what they were given for it.
pub struct Caller<'a> {
    app: &'a TestApp,
    pub token: String,
    pub refresh: String,
}

impl TestApp {
    /// Served with a pool of four, sending its letters to this box.
    pub async fn with_post(db: &TestDb, post: &PostBox) -> Self {
        Self::new(db).await.sending(db, post)
    }

    /// What nobody who is signed in posts below `/api/v1/auth`.
    pub async fn auth(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, &format!("/api/v1/auth/{path}")).json(&body)).await
    }

    pub async fn login(&self, email: &str, password: &str) -> Answer {
        self.auth("login", json!({ "email": email, "password": password })).await
    }

    /// Signs in, which has to work.
    pub async fn sign_in(&self, email: &str, password: &str) -> Caller<'_> {
        self.caller(&self.login(email, password).await.expect(200))
    }

    /// Whoever got this answer to a login.
    pub fn caller(&self, login: &Answer) -> Caller<'_> {
        let login = login.json();
        let text = |name: &str| login[name].as_str().unwrap().to_owned();
        Caller { app: self, token: text("access_token"), refresh: text("refresh_token") }
    }
}

impl Caller<'_> {
    /// Below `/api/v1`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.request(method, &format!("/api/v1{path}")).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(&body)).await
    }
}

impl TestDb {
    /// What a superuser is answered: one value.
    pub async fn value<T: FromSqlOwned>(&self, query: &str) -> T {
        self.superuser().await.query_one(query, &[]).await.unwrap().get(0)
    }

    /// A fingerprint of accounts, tenants and what belongs to them: the same as long as nothing changed.
    pub async fn everything(&self) -> String {
        self.value(EVERYTHING).await
    }

    /// What a superuser does.
    pub async fn run(&self, statements: &str) {
        self.superuser().await.batch_execute(statements).await.unwrap();
    }

    /// Every password was given an hour ago.
    pub async fn an_hour_passes(&self) {
        self.run("update registry.sessions set authenticated_at = now() - interval '1 hour'").await;
    }

    /// Nobody has tried anything yet.
    pub async fn forget_tries(&self) {
        self.run("delete from registry.attempts").await;
    }
}
