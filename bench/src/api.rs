//! Asking the server under measurement as a member of a tenant.
use std::time::Duration;

use reqwest::{Client, Response, Url, header};
use rowhouse::error::Failure;
use serde_json::Value;

use crate::{servers::Server, store::Caller, token::Signer};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Somebody with a token.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    base_url: String,
    token: String,
}

impl Api {
    pub(crate) fn new(client: &Client, server: &Server, signer: &Signer, caller: Caller) -> Result<Self, Failure> {
        let token = signer.token(caller.tenant, caller.user)?;
        Ok(Self { client: client.clone(), base_url: format!("{}/api/v1", server.base_url), token })
    }

    /// A JSON answer; any other is a failure.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let url = self.url(path, query)?;
        let answer = self.client.get(url.clone()).bearer_auth(&self.token).send().await;
        json(&url, succeeded(&url, answer).await?).await
    }

    /// Whether an answer came from the cache.
    pub(crate) async fn get_is_hit(&self, path: &str) -> Result<bool, Failure> {
        let url = self.url(path, &[])?;
        let answer = self.client.get(url.clone()).bearer_auth(&self.token).send().await;
        let answer = succeeded(&url, answer).await?;
        let status = answer.headers().get("cache-status").and_then(|status| status.to_str().ok()).unwrap_or_default();
        let hit = status.contains("; hit");
        answer.bytes().await.map_err(|error| failed(&url, &error))?;
        Ok(hit)
    }

    /// Makes something.
    pub(crate) async fn make(&self, path: &str, members: &Value) -> Result<Value, Failure> {
        let url = self.url(path, &[])?;
        let asked = self.client.post(url.clone()).bearer_auth(&self.token).json(members);
        json(&url, succeeded(&url, asked.send().await).await?).await
    }

    /// Something that is told for as long as somebody listens.
    pub(crate) async fn stream(&self, path: &str) -> Result<Response, Failure> {
        let url = self.url(path, &[])?;
        let answer = self.client.get(url.clone()).bearer_auth(&self.token).send().await;
        succeeded(&url, answer).await
    }

    /// Changes something, whatever its version.
    pub(crate) async fn change(&self, path: &str, members: &Value) -> Result<Value, Failure> {
        let url = self.url(path, &[])?;
        let asked = self.client.patch(url.clone()).bearer_auth(&self.token).header(header::IF_MATCH, "*").json(members);
        json(&url, succeeded(&url, asked.send().await).await?).await
    }

    /// A file.
    pub(crate) async fn download(&self, path: &str, media_type: &str) -> Result<Vec<u8>, Failure> {
        let url = self.url(path, &[])?;
        let asked = self.client.get(url.clone()).bearer_auth(&self.token).header(header::ACCEPT, media_type);
        let answer = succeeded(&url, asked.send().await).await?;
        let bytes = answer.bytes().await.map_err(|error| failed(&url, &error))?;
        Ok(bytes.to_vec())
    }

    /// Sends a file of products and waits until they are all there; answers the operation.
    pub(crate) async fn import(&self, media_type: &str, file: Vec<u8>) -> Result<Value, Failure> {
        let url = self.url("/products/import", &[("mode", "all")])?;
        let asked = self.client.post(url.clone()).bearer_auth(&self.token).header(header::CONTENT_TYPE, media_type);
        let answer = succeeded(&url, asked.body(file).send().await).await?;
        let location = answer.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
        let location = location.ok_or_else(|| Failure(format!("{url} did not say where its operation is")))?;
        let path = location.strip_prefix("/api/v1").unwrap_or(location).to_owned();
        loop {
            let operation = self.get(&path, &[]).await?;
            match operation["status"].as_str() {
                Some("queued" | "running") => tokio::time::sleep(BETWEEN_LOOKS).await,
                Some("succeeded") => return Ok(operation),
                _ => return Err(Failure(format!("the import ended otherwise: {operation}"))),
            }
        }
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, Failure> {
        let base = format!("{}{path}", self.base_url);
        let url = if query.is_empty() { Url::parse(&base) } else { Url::parse_with_params(&base, query) };
        url.map_err(|error| Failure(format!("{base}: {error}")))
    }
}

async fn succeeded(url: &Url, answer: reqwest::Result<Response>) -> Result<Response, Failure> {
    let answer = answer.map_err(|error| failed(url, &error))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.text().await.unwrap_or_default();
    Err(Failure(format!("{url} was answered {status}: {text}")))
}

async fn json(url: &Url, answer: Response) -> Result<Value, Failure> {
    let text = answer.text().await.map_err(|error| failed(url, &error))?;
    serde_json::from_str(&text).map_err(|error| Failure(format!("{url}: {error}")))
}

fn failed(url: &Url, error: &reqwest::Error) -> Failure {
    Failure(format!("{url}: {error}"))
}
