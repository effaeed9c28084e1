//! A receiver on this machine: remembers what it was sent, and answers as it is told to.
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, response::IntoResponse, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// What it was sent.
#[derive(Clone, Debug)]
pub struct Got {
    pub headers: HeaderMap,
    pub body: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether one of its signatures is by this secret, as Standard Webhooks 1.0 have it. tests/conformance/webhooks asks the published
    /// libraries the same.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signed = format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.body);
        let wanted = format!("v1,{}", BASE64.encode(hmac::sign(&key, signed.as_bytes())));
        self.header("webhook-signature").split(' ').any(|one| one == wanted)
    }
}

type Answers = dyn Fn(usize, &Got) -> (Duration, Response) + Send + Sync;

struct Shared {
    got: Mutex<Vec<Got>>,
    answers: Box<Answers>,
}

/// Gone when dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Receiver {
    /// Answers the n-th message so, from 0.
    pub async fn answering<R: IntoResponse>(answers: impl Fn(usize) -> R + Send + Sync + 'static) -> Self {
        Self::slow(move |n, _| (Duration::ZERO, answers(n))).await
    }

    /// The same, after a while.
    pub async fn slow<R: IntoResponse>(answers: impl Fn(usize, &Got) -> (Duration, R) + Send + Sync + 'static) -> Self {
        let answers = move |n: usize, got: &Got| {
            let (after, answer) = answers(n, got);
            (after, answer.into_response())
        };
        let shared = Arc::new(Shared { got: Mutex::default(), answers: Box::new(answers) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    /// Waits until it was sent so many.
    #[track_caller]
    pub fn until(&self, wanted: usize) -> impl Future<Output = Vec<Got>> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let given_up = Instant::now() + Duration::from_secs(20);
            loop {
                let got = self.got();
                if got.len() >= wanted {
                    return got;
                }
                assert!(Instant::now() < given_up, "{caller}: {} of {wanted} have come", got.len());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let got = Got { headers, body: String::from_utf8(body.to_vec()).unwrap() };
    let n = {
        let mut all = shared.got.lock().unwrap();
        all.push(got.clone());
        all.len() - 1
    };
    let (after, answer) = (shared.answers)(n, &got);
    tokio::time::sleep(after).await;
    answer
}
