//! Somebody who signs in, and then asks for one thing after the other on a connection of their own.
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{
    body::Bytes,
    http::{HeaderValue, Method, Request, header},
};
use http_body_util::Full;
use rowhouse::error::Failure;
use rowhouse_pg::new_id;
use serde_json::{Value, json};

use super::{
    alarm::Alarm,
    mix::{Kind, exponential, search},
};
use crate::{goods::Random, histogram::Histogram, store::PASSWORD, wire::Wire};

/// A token lives 900 seconds.
const TOKEN: f64 = 800.0;
/// Of a list's projects or products, so many are asked for by themselves.
const KNOWN: usize = 100;

/// How callers go about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// From one request's time to the next one's, in seconds, on average; none asks again when answered.
    pub(super) think: Option<f64>,
    /// From one sign-in to the next one's, in seconds, on average.
    pub(super) login_every: f64,
    /// What is asked for from then on counts, and from then on nothing is asked for any more.
    pub(super) from: Instant,
    pub(super) until: Instant,
}

/// What became of requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) times: BTreeMap<Kind, Histogram>,
    pub(super) cache: BTreeMap<Kind, Cached>,
    /// By kind and what was answered instead; with how often, and the first one's body.
    pub(super) errors: BTreeMap<(Kind, String), (u64, String)>,
    /// How late requests left, of those that had a time of their own.
    pub(super) lateness: Histogram,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cached {
    pub(super) hits: u64,
    pub(super) asked: u64,
}

/// Somebody with an account.
pub(super) struct Caller {
    number: u64,
    wire: Wire,
    email: String,
    host: HeaderValue,
    /// Where they ask from, as a proxy would say.
    network: HeaderValue,
    authorization: Option<HeaderValue>,
    projects: Vec<String>,
    products: Vec<String>,
    random: Random,
    made: u64,
}

impl Caller {
    pub(super) fn new(number: u64, email: String, address: SocketAddr) -> Result<Self, Failure> {
        let value = |text: String| HeaderValue::from_str(&text).map_err(|error| Failure(error.to_string()));
        Ok(Self {
            number,
            wire: Wire::new(address),
            email,
            host: value(address.to_string())?,
            network: value(format!("10.{}.{}.{}", number / 62_500, number / 250 % 250, number % 250 + 1))?,
            authorization: None,
            projects: Vec::new(),
            products: Vec::new(),
            random: Random::new(11, number),
            made: 0,
        })
    }

    /// How often a connection was opened.
    pub(super) fn opened(&self) -> u64 {
        self.wire.opened
    }

    /// Signs in, and finds out what there is to ask for.
    pub(super) async fn arrive(&mut self) -> Result<(), Failure> {
        let email = self.email.clone();
        let failed = |why: String| Failure(format!("{email} cannot begin: {why}"));
        let asked = self.ask(Kind::Login).await;
        asked.map_err(|Refused { status, body }| failed(format!("signing in was answered {status}: {body}")))?;
        for what in ["projects", "products"] {
            let path = format!("/{what}?limit={KNOWN}");
            let answer = self.wire.ask(self.request(Method::GET, &path, Bytes::new())).await;
            let answer = answer.map_err(|why| failed(format!("{path}: {why}")))?;
            let page: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let ids = page["items"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str());
            let paths: Vec<String> = ids.map(|id| format!("/{what}/{id}")).collect();
            if paths.is_empty() {
                return Err(failed(format!("{path} was answered {} and has nothing", answer.status)));
            }
            if what == "projects" { self.projects = paths } else { self.products = paths }
        }
        Ok(())
    }

    /// Asks until it is over.
    pub(super) async fn go_on(&mut self, manner: Manner, alarm: &Alarm) -> Counted {
        let mut counted = Counted::default();
        let mut login = self.later(manner.from, manner.login_every.min(TOKEN));
        let mut time = Instant::now();
        loop {
            // Times are drawn whatever the answers take: whoever is kept waiting asks at once, and the wait counts.
            time = match manner.think {
                Some(mean) => self.later(time, mean),
                None => Instant::now(),
            };
            if time >= manner.until {
                return counted;
            }
            alarm.until(time, self.number).await;
            let kind = if time >= login { Kind::Login } else { Kind::draw(&mut self.random) };
            if kind == Kind::Login {
                login = self.later(time, manner.login_every).min(time + Duration::from_secs_f64(TOKEN));
            }
            let lateness = time.elapsed();
            let answer = self.ask(kind).await;
            if time < manner.from {
                continue;
            }
            counted.times.entry(kind).or_default().add(time.elapsed());
            counted.lateness.add(lateness);
            match answer {
                Ok(None) => {}
                Ok(Some(hit)) => {
                    let cached = counted.cache.entry(kind).or_default();
                    cached.asked += 1;
                    cached.hits += u64::from(hit);
                }
                Err(Refused { status, body }) => {
                    counted.errors.entry((kind, status)).or_insert((0, body)).0 += 1;
                }
            }
        }
    }

    fn later(&mut self, time: Instant, mean: f64) -> Instant {
        time + Duration::from_secs_f64(exponential(&mut self.random, mean))
    }

    /// Asks once; whether the answer came from the cache, where it could have.
    async fn ask(&mut self, kind: Kind) -> Result<Option<bool>, Refused> {
        let request = match kind {
            Kind::Login => {
                let body = json!({ "email": self.email, "password": PASSWORD });
                let mut request = self.request(Method::POST, "/auth/login", body.to_string());
                request.headers_mut().remove(header::AUTHORIZATION);
                request
            }
            Kind::List => {
                let path = if self.random.percent(50) { "/projects?limit=20" } else { "/products?limit=20" };
                self.request(Method::GET, path, Bytes::new())
            }
            Kind::Get => {
                let of_projects = self.random.percent(50);
                let path = self.random.one(if of_projects { &self.projects } else { &self.products }).clone();
                self.request(Method::GET, &path, Bytes::new())
            }
            Kind::Search => {
                let path = format!("/products/search?limit=20&q={}", search(&mut self.random));
                self.request(Method::GET, &path, Bytes::new())
            }
            Kind::Create => self.creation(),
            Kind::Figures => self.request(Method::GET, "/dashboard/kpis", Bytes::new()),
        };
        let refused = |status: String, body: String| Refused { status, body };
        let answer = self.wire.ask(request).await.map_err(|why| refused(why, String::new()))?;
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        if answer.status.as_u16() != kind.expected() {
            return Err(refused(answer.status.as_u16().to_string(), text(&answer.body)));
        }
        if kind == Kind::Login {
            let session: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let token = session["access_token"].as_str().and_then(|token| format!("Bearer {token}").parse().ok());
            // In a tenant at once: what follows would be refused otherwise.
            let token = token.filter(|_| session["tenant_id"].is_string());
            self.authorization =
                Some(token.ok_or_else(|| refused("200 without a token".to_owned(), text(&answer.body)))?);
        }
        Ok(answer.hit)
    }

    /// A project or a product that nobody has made before, with a key: whoever hears nothing may send it again.
    fn creation(&mut self) -> Request<Full<Bytes>> {
        self.made += 1;
        let (number, made, key) = (self.number, self.made, new_id());
        let (path, body) = if self.random.percent(50) {
            ("/projects", json!({ "name": format!("bench {number} {made} {key}"), "description": "Made under load." }))
        } else {
            let body = json!({
                "sku": format!("BENCH-{key}"), "name": format!("Walnut tray {number} {made}"),
                "description": "Made under load, of walnut, for breakfast in bed.", "price": { "amount_minor": 4_900 },
                "stock": 7, "tags": ["bench"]
            });
            ("/products", body)
        };
        let mut request = self.request(Method::POST, path, body.to_string());
        if let Ok(key) = HeaderValue::from_str(&key.to_string()) {
            request.headers_mut().insert("idempotency-key", key);
        }
        request
    }

    fn request(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        let body = body.into();
        let json = !body.is_empty();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = format!("/api/v1{path}").parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.clone());
        headers.insert("x-forwarded-for", self.network.clone());
        if json {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        request
    }
}

/// What was answered instead: a status, or why there was none.
struct Refused {
    status: String,
    body: String,
}

impl Counted {
    pub(super) fn merge(&mut self, other: &Self) {
        for (kind, times) in &other.times {
            self.times.entry(*kind).or_default().merge(times);
        }
        for (kind, Cached { hits, asked }) in &other.cache {
            let cached = self.cache.entry(*kind).or_default();
            cached.hits += hits;
            cached.asked += asked;
        }
        for (error, (count, body)) in &other.errors {
            self.errors.entry(error.clone()).or_insert_with(|| (0, body.clone())).0 += count;
        }
        self.lateness.merge(&other.lateness);
    }
}
