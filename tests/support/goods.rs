//! A catalogue, as its members write, search and move it.
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Member, TenantFixture, TestDb};

pub const CSV: &str = "text/csv";
pub const NDJSON: &str = "application/x-ndjson";

/// A product to be posted: these members, and a SKU and a price where there is none.
pub fn product(mut members: Value) -> Value {
    let product = members.as_object_mut().unwrap();
    product.entry("sku").or_insert_with(|| json!(Uuid::now_v7().to_string()));
    product.entry("price").or_insert_with(|| json!({ "amount_minor": 100 }));
    members
}

/// Names and values as they stand behind the question mark.
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// One member of each item, as text.
pub fn each(list: &Value, member: &str) -> Vec<String> {
    let text = |item: &Value| item[member].as_str().unwrap().to_owned();
    list["items"].as_array().unwrap().iter().map(text).collect()
}

impl TestDb {
    /// Products that take 100 kB each, as those of `NAME`s `Long 1`, `Long 2` and so on.
    pub async fn long_products(&self, tenant: &TenantFixture, count: usize) {
        self.run(&format!(
            "insert into tenant.products (tenant_id, id, name, sku, price_minor, description)
             select '{}', ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Long ' || n, 'long-' || n, n,
                    repeat('lamp ', 20000)
             from generate_series(1, {count}) n",
            tenant.id
        ))
        .await;
    }
}

impl Member<'_> {
    /// Makes a product, which has to work.
    pub async fn make(&self, members: Value) -> Value {
        self.post("/products", product(members)).await.expect(201).json()
    }

    /// Makes products of these names.
    pub async fn stock(&self, names: &[&str]) {
        for name in names {
            self.make(json!({ "name": name })).await;
        }
    }

    /// Searches, which has to work.
    pub async fn search(&self, q: &str) -> Value {
        self.get(&format!("/products/search?{}", query([("q", q)]))).await.expect(200).json()
    }

    /// The names of what is found, in order of names.
    pub async fn finds(&self, q: &str) -> Vec<String> {
        let mut names = each(&self.search(q).await, "name");
        names.sort();
        names
    }

    /// Sends a file.
    pub fn import(&self, mode: &str, kind: &str, file: impl Into<Vec<u8>>) -> RequestBuilder {
        let request = self.request(Method::POST, &format!("/products/import?mode={mode}"));
        request.header("content-type", kind).body(file.into())
    }

    /// Imports a file, and answers the operation when it has ended.
    pub async fn imported(&self, mode: &str, kind: &str, file: impl Into<Vec<u8>>) -> Value {
        let accepted = Answer::of(self.import(mode, kind, file)).await.expect(202);
        self.ended(accepted.header("location")).await
    }

    /// Waits until an operation has ended.
    pub async fn ended(&self, location: &str) -> Value {
        let path = location.strip_prefix("/api/v1").unwrap();
        for _ in 0..600 {
            let operation = self.get(path).await.expect(200).json();
            if !["queued", "running"].contains(&operation["status"].as_str().unwrap()) {
                return operation;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{location} does not end");
    }

    /// The whole catalogue as a file.
    pub async fn export(&self, kind: &str) -> Answer {
        Answer::of(self.request(Method::GET, "/products/export").header("accept", kind)).await.expect(200)
    }
}
