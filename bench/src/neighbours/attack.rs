//! The attacker: a process of its own that asks as fast as it is answered, and counts.
use std::{
    fmt,
    io::Read as _,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::{Args, ValueEnum};
use reqwest::{Client, Method, Url};
use rowhouse::error::Failure;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    process::{Child, Command},
};

use crate::{servers::Server, store::PASSWORD};

/// Products of a tenant that does its worst, the first of which are long.
const PRODUCTS: u32 = 2_000;
const LONG: u32 = 300;

/// What a tenant can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Attack {
    Nothing,
    OneRow,
    Import,
    Phrases,
    Letters,
    LargePages,
    Unread,
    Idle,
    Exports,
    SignIns,
    Roles,
    Keyed,
    Tenants,
    Marks,
}

impl Attack {
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Nothing => "nobody else",
            Self::OneRow => "32 callers change one row",
            Self::Import => "an import, and 32 callers who change what is in it",
            Self::Phrases => "32 callers search for a phrase of 27 words",
            Self::Letters => "32 callers search for one letter",
            Self::LargePages => "16 callers read pages of long descriptions",
            Self::Unread => "40 callers ask for such pages and read nothing",
            Self::Idle => "300 connections that ask for nothing",
            Self::Exports => "8 exports, read slowly",
            Self::SignIns => "64 callers sign in",
            Self::Roles => "24 callers make roles",
            Self::Keyed => "16 callers make large products, with keys",
            Self::Tenants => "32 callers of four tenants search for a phrase",
            Self::Marks => "8 callers store a text of 40,000 marks",
        }
    }

    fn callers(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::OneRow | Self::Phrases | Self::Letters | Self::Tenants => 32,
            Self::Import => 33,
            Self::LargePages | Self::Keyed => 16,
            Self::Unread => 40,
            Self::Idle => 300,
            Self::Exports | Self::Marks => 8,
            Self::SignIns => 64,
            Self::Roles => 24,
        }
    }
}

/// A member of a tenant with a catalogue of its own.
#[derive(Clone)]
pub(super) struct Attacker {
    client: Client,
    host: String,
    token: String,
    done: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
}

/// What became of the attacker's requests.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) done: u64,
    pub(super) refused: u64,
}

/// How the process is told what to do: it goes on until standard input ends, and then says what it has done.
#[derive(Args)]
pub(crate) struct Ordered {
    #[arg(value_enum)]
    attack: Attack,
    host: String,
    /// A token of each tenant's.
    #[arg(required = true)]
    tokens: Vec<String>,
}

impl Ordered {
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let over = Arc::new(AtomicBool::new(false));
        let mut attackers: Vec<_> = self.tokens.iter().map(|token| Attacker::new(&self.host, token)).collect();
        if self.attack != Attack::Tenants {
            attackers.truncate(1);
        }
        let mut paths = Vec::new();
        for attacker in &attackers {
            paths.push((attacker.first("/products?limit=1&sort=sku").await, attacker.first("/projects?limit=1").await));
        }
        let mut crowd = Vec::new();
        for n in 0..self.attack.callers() {
            let at = n % attackers.len();
            let paths = (format!("/products/{}", paths[at].0), format!("/projects/{}", paths[at].1));
            crowd.push(tokio::spawn(attackers[at].clone().go_on(self.attack, n, paths, over.clone())));
        }
        let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = end.await;
        over.store(true, Ordering::Relaxed);
        let sum = |of: fn(&Attacker) -> &AtomicU64| attackers.iter().map(|one| of(one).load(Ordering::Relaxed)).sum();
        let counted = Counted { done: sum(|one| &one.done), refused: sum(|one| &one.refused) };
        println!("{}", serde_json::to_string(&counted).map_err(|error| Failure(error.to_string()))?);
        crowd.iter().for_each(tokio::task::JoinHandle::abort);
        Ok(())
    }
}

/// The attacker's process.
pub(super) struct Process(Child);

impl Process {
    /// Begins, with what others leave of the processors or with its part.
    pub(super) fn start(attack: Attack, server: &Server, tokens: &[String], part: bool) -> Result<Self, Failure> {
        let mut command = Command::new("chrt");
        command.args([if part { "--other" } else { "--idle" }, "0"]).arg(std::env::current_exe()?).arg("attack");
        command.arg(attack.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned()));
        command.arg(host(server)).args(tokens);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        Ok(Self(command.spawn()?))
    }

    /// Ends.
    pub(super) async fn end(mut self) -> Result<Counted, Failure> {
        drop(self.0.stdin.take());
        let told = self.0.wait_with_output().await?;
        serde_json::from_slice(&told.stdout).map_err(|error| Failure(format!("the attacker says nothing: {error}")))
    }
}

fn host(server: &Server) -> &str {
    server.base_url.trim_start_matches("http://")
}

impl Attacker {
    fn new(host: &str, token: &str) -> Self {
        let none = || Arc::new(AtomicU64::new(0));
        Self { client: Client::new(), host: host.to_owned(), token: token.to_owned(), done: none(), refused: none() }
    }

    /// Gives a tenant its catalogue.
    pub(super) async fn prepare(server: &Server, token: &str) -> Result<(), Failure> {
        let this = Self::new(host(server), token);
        let failed = |why: String| Failure(format!("the attacker is not ready: {why}"));
        let (status, answer) = this.send(Method::POST, "/products/import?mode=all", Some(Body::File(file()))).await;
        let path = format!("/operations/{}", answer["id"].as_str().unwrap_or_default());
        if status != 202 {
            return Err(failed(format!("{status}: {answer}")));
        }
        loop {
            let (_, operation) = this.send(Method::GET, &path, None).await;
            match operation["status"].as_str() {
                Some("queued" | "running") => tokio::time::sleep(Duration::from_millis(100)).await,
                Some("succeeded") => return Ok(()),
                _ => return Err(failed(operation.to_string())),
            }
        }
    }

    /// The id of the first of a list.
    async fn first(&self, path: &str) -> String {
        let (_, list) = self.send(Method::GET, path, None).await;
        list["items"][0]["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Asks, and asks again, until it is over. `paths` are of a product and of a project.
    async fn go_on(self, attack: Attack, n: usize, (product, project): (String, String), over: Arc<AtomicBool>) {
        let mut turn = 0_u32;
        while !over.load(Ordering::Relaxed) {
            turn += 1;
            let words = "a b c a b c a b c a b c a b c a b c a b c a b c a b c".replace(' ', "+");
            let status = match attack {
                Attack::Nothing => return,
                Attack::OneRow => self.change(&project, json!({ "description": format!("{n} {turn}") })).await,
                Attack::Import if n == 0 => {
                    self.send(Method::POST, "/products/import?mode=all", Some(Body::File(file()))).await.0
                }
                Attack::Import => self.change(&product, json!({ "stock": turn })).await,
                Attack::Phrases | Attack::Tenants => {
                    self.get(&format!("/products/search?limit=200&q=%22{words}%22")).await
                }
                Attack::Letters => self.get("/products/search?limit=200&q=a").await,
                Attack::LargePages => self.get("/products?limit=200&sort=sku").await,
                Attack::Unread | Attack::Idle => return self.hold_still(attack == Attack::Unread, &over).await,
                Attack::Exports => self.read_slowly(&over).await,
                Attack::SignIns => {
                    let body = json!({ "email": "member@tenant-1.example", "password": PASSWORD });
                    self.send(Method::POST, "/auth/login", Some(Body::Json(body))).await.0
                }
                Attack::Roles => {
                    let name = format!("Role {n} {turn} {}", new_id());
                    let body = json!({ "name": name, "permissions": ["projects:read"] });
                    self.send(Method::POST, "/tenant/roles", Some(Body::Json(body))).await.0
                }
                Attack::Keyed => self.send(Method::POST, "/products", Some(Body::Json(large(n, turn, "é")))).await.0,
                Attack::Marks => {
                    let marks = "\u{315}\u{300}\u{5ae}";
                    self.send(Method::POST, "/products", Some(Body::Json(large(n, turn, marks)))).await.0
                }
            };
            let counter = if status < 400 && status > 0 { &self.done } else { &self.refused };
            counter.fetch_add(1, Ordering::Relaxed);
            if status == 429 {
                // As told, more or less: whoever only asks again is counted again.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn get(&self, path: &str) -> u16 {
        self.send(Method::GET, path, None).await.0
    }

    async fn change(&self, path: &str, members: Value) -> u16 {
        self.send(Method::PATCH, path, Some(Body::Json(members))).await.0
    }

    /// The status, 0 where there was none, and the answer, if it is JSON.
    async fn send(&self, method: Method, path: &str, body: Option<Body>) -> (u16, Value) {
        let Ok(url) = Url::parse(&format!("http://{}/api/v1{path}", self.host)) else { return (0, Value::Null) };
        let mut request = self.client.request(method.clone(), url).bearer_auth(&self.token).header("if-match", "*");
        request = match body {
            None => request,
            Some(Body::Json(json)) => request.header("idempotency-key", new_id().to_string()).json(&json),
            Some(Body::File(file)) => request.header("content-type", "application/x-ndjson").body(file),
        };
        match request.send().await {
            Err(_) => (0, Value::Null),
            Ok(answer) => {
                let status = answer.status().as_u16();
                let text = answer.bytes().await.unwrap_or_default();
                // Pages of megabytes are taken and not looked at.
                let short = text.len() < 100_000;
                (status, if short { serde_json::from_slice(&text).unwrap_or_default() } else { Value::Null })
            }
        }
    }

    /// A connection of which nothing is read, with a request on it or without.
    async fn hold_still(&self, asks: bool, over: &AtomicBool) {
        let Ok(mut stream) = TcpStream::connect(&self.host).await else { return };
        if asks {
            let head = format!(
                "GET /api/v1/products?limit=200&sort=sku HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
                self.host, self.token
            );
            let _ = stream.write_all(head.repeat(4).as_bytes()).await;
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        while !over.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// An export, a piece now and then.
    async fn read_slowly(&self, over: &AtomicBool) -> u16 {
        let request = self.client.get(format!("http://{}/api/v1/products/export", self.host)).bearer_auth(&self.token);
        let Ok(mut answer) = request.header("accept", "text/csv").send().await else { return 0 };
        let status = answer.status().as_u16();
        while let (false, Ok(Some(_))) = (over.load(Ordering::Relaxed), answer.chunk().await) {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        status
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.described())
    }
}

enum Body {
    Json(Value),
    File(String),
}

/// The whole catalogue, another one each time.
fn file() -> String {
    let salt = new_id();
    let line = |n: u32| {
        let words = if n < LONG { "a b c lamp desk brass ".repeat(1_500) } else { format!("a b c lamp {n} {salt}") };
        let line = json!({
            "sku": format!("sku-{n:05}"), "name": format!("Lamp {n}"), "description": format!("{words}{salt}"),
            "price": { "amount_minor": 100 }
        });
        format!("{line}\n")
    };
    (0..PRODUCTS).map(line).collect()
}

fn large(n: usize, turn: u32, of: &str) -> Value {
    let size = if of.chars().count() == 1 { 90_000 } else { 13_300 };
    json!({
        "sku": format!("large-{n}-{turn}-{}", new_id()), "name": "Large", "description": format!("a{}", of.repeat(size)),
        "price": { "amount_minor": 100 }
    })
}
