//! `bench/run neighbours`: one tenant does its worst within its limits, and how long another's reads take meanwhile.
use std::{
    fmt,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use reqwest::{Client, Method, StatusCode, Url};
use rowhouse::{db::Statements, error::Failure};
use rowhouse_dev::Durability;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use uuid::Uuid;

use crate::{
    say,
    servers::{NO_CACHE, Server},
    store::{Caller, PASSWORD, Store},
    token::Signer,
};

/// Products of the tenant that does its worst, the first of which are long.
const PRODUCTS: u32 = 2_000;
const LONG: u32 = 300;
/// Pause between two reads of the neighbour's: somebody at work, not another crowd.
const PAUSE: Duration = Duration::from_millis(5);

/// What a tenant at its worst does to another's reads.
#[derive(Args)]
#[command(after_help = "Exits with 1 when a read of the neighbour's is refused, or takes longer than --most allows.")]
pub(crate) struct Neighbours {
    /// Print one JSON object on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// How long each attack lasts.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=600), value_name = "N")]
    seconds: u64,
    /// What the slowest of a hundred reads may take, in times of the same while nobody else asks for anything.
    #[arg(long, default_value_t = 3.0, value_name = "RATIO")]
    most: f64,
    /// Where the private PostgreSQL with the data set is kept from one run to the next.
    #[arg(long, default_value = ".rowhouse/neighbours", value_name = "DIR")]
    dir: PathBuf,
}

/// A tenant's member, who asks for anything and does not mind the answer.
#[derive(Clone)]
struct Attacker {
    client: Client,
    base: String,
    host: String,
    token: String,
    /// A product of theirs, a project of theirs.
    product: String,
    project: String,
    done: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attack {
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
}

impl Attack {
    const ALL: [Self; 12] = [
        Self::Nothing,
        Self::OneRow,
        Self::Import,
        Self::Phrases,
        Self::Letters,
        Self::LargePages,
        Self::Unread,
        Self::Idle,
        Self::Exports,
        Self::SignIns,
        Self::Roles,
        Self::Keyed,
    ];

    fn described(self) -> &'static str {
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
            Self::Roles => "24 callers change roles and members",
            Self::Keyed => "16 callers make large products, with keys",
        }
    }

    fn callers(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::OneRow | Self::Phrases | Self::Letters => 32,
            Self::Import => 33,
            Self::LargePages | Self::Keyed => 16,
            Self::Unread => 40,
            Self::Idle => 300,
            Self::Exports => 8,
            Self::SignIns => 64,
            Self::Roles => 24,
        }
    }
}

/// How long the neighbour's reads took, and what became of the attacker's requests.
#[derive(Serialize)]
struct Row {
    attack: &'static str,
    reads: usize,
    p50_ms: f64,
    p99_ms: f64,
    /// The p99, in times of that while nobody else asks for anything.
    p99_ratio: f64,
    /// Reads of the neighbour's that were refused.
    refused: usize,
    attacker_done: u64,
    attacker_refused: u64,
}

#[derive(Serialize)]
struct Report {
    rows: Vec<Row>,
}

impl Neighbours {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let store = Store::start(&self.dir, "neighbours".to_owned(), Durability::Safe)?;
        if !store.is_usable().await? {
            say("loading two tenants");
            store.make(2, 1_000).await?;
            store.complete().await?;
        }
        let callers = store.callers().await?;
        let [attacker, neighbour, ..] = callers.as_slice() else {
            return Err(Failure("there are not two tenants".to_owned()));
        };
        let superuser = store.superuser().await?;
        superuser.script("bench/sql/neighbours.sql", include_str!("../sql/neighbours.sql")).await?;
        let keys = self.dir.join("keys");
        let signer = Signer::generate(&keys)?;
        let log = self.dir.join("server.log");
        let server = Server::rowhouse(&store.api_url(), &keys, Statements::Named, &log, &NO_CACHE).await?;
        let attacker = Attacker::prepare(&server, &signer, *attacker).await?;
        let (client, token) = (Client::new(), signer.token(neighbour.tenant, neighbour.user)?);
        let read = format!("{}/api/v1/projects?limit=20", server.base_url);
        let mut rows: Vec<Row> = Vec::new();
        for attack in Attack::ALL {
            say(attack.described());
            let over = Arc::new(AtomicBool::new(false));
            attacker.done.store(0, Ordering::Relaxed);
            attacker.refused.store(0, Ordering::Relaxed);
            let crowd: Vec<_> =
                (0..attack.callers()).map(|n| tokio::spawn(attacker.clone().go_on(attack, n, over.clone()))).collect();
            tokio::time::sleep(Duration::from_millis(500)).await;
            let (mut times, mut refused) = (Vec::new(), 0);
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(self.seconds) {
                let asked = Instant::now();
                let answer = client.get(&read).bearer_auth(&token).send().await;
                let fine = match answer {
                    Ok(answer) => answer.status() == StatusCode::OK && answer.bytes().await.is_ok(),
                    Err(_) => false,
                };
                times.push(asked.elapsed());
                refused += usize::from(!fine);
                tokio::time::sleep(PAUSE).await;
            }
            over.store(true, Ordering::Relaxed);
            for one in crowd {
                one.abort();
                let _ = one.await;
            }
            times.sort_unstable();
            let at = |share: usize| {
                times
                    .get((times.len() * share / 100).min(times.len() - 1))
                    .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
            };
            let p99_ms = at(99);
            rows.push(Row {
                attack: attack.described(),
                reads: times.len(),
                p50_ms: at(50),
                p99_ms,
                p99_ratio: p99_ms / rows.first().map_or(p99_ms, |alone| alone.p99_ms),
                refused,
                attacker_done: attacker.done.load(Ordering::Relaxed),
                attacker_refused: attacker.refused.load(Ordering::Relaxed),
            });
            // What is under way ends, and what came free is there for the next.
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        let report = Report { rows };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(|error| Failure(error.to_string()))?);
        } else {
            println!("{report}");
        }
        let bad = report.rows.iter().filter(|row| row.refused > 0 || row.p99_ratio > self.most).count();
        if bad > 0 {
            eprintln!("bench/run: a neighbour noticed {bad} of the attacks");
        }
        Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

impl Attacker {
    /// A tenant with a catalogue of its own.
    async fn prepare(server: &Server, signer: &Signer, caller: Caller) -> Result<Self, Failure> {
        let host = server.base_url.trim_start_matches("http://").to_owned();
        let none = || Arc::new(AtomicU64::new(0));
        let mut this = Self {
            client: Client::new(),
            base: format!("{}/api/v1", server.base_url),
            host,
            token: signer.token(caller.tenant, caller.user)?,
            product: String::new(),
            project: String::new(),
            done: none(),
            refused: none(),
        };
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
                Some("succeeded") => break,
                _ => return Err(failed(operation.to_string())),
            }
        }
        let id = async |path: &str| {
            let (_, list) = this.send(Method::GET, path, None).await;
            list["items"][0]["id"].as_str().unwrap_or_default().to_owned()
        };
        let (product, project) = (id("/products?limit=1&sort=sku").await, id("/projects?limit=1").await);
        (this.product, this.project) = (format!("/products/{product}"), format!("/projects/{project}"));
        Ok(this)
    }

    /// Asks, and asks again, until it is over.
    async fn go_on(self, attack: Attack, n: usize, over: Arc<AtomicBool>) {
        let mut turn = 0_u32;
        while !over.load(Ordering::Relaxed) {
            turn += 1;
            let words = "a b c a b c a b c a b c a b c a b c a b c a b c a b c".replace(' ', "+");
            let status = match attack {
                Attack::Nothing => return,
                Attack::OneRow => self.change(&self.project, json!({ "description": format!("{n} {turn}") })).await,
                Attack::Import if n == 0 => {
                    self.send(Method::POST, "/products/import?mode=all", Some(Body::File(file()))).await.0
                }
                Attack::Import => self.change(&self.product, json!({ "stock": turn })).await,
                Attack::Phrases => self.get(&format!("/products/search?limit=200&q=%22{words}%22")).await,
                Attack::Letters => self.get("/products/search?limit=200&q=a").await,
                Attack::LargePages => self.get("/products?limit=200&sort=sku").await,
                Attack::Unread | Attack::Idle => return self.hold_still(attack == Attack::Unread, &over).await,
                Attack::Exports => self.read_slowly(&over).await,
                Attack::SignIns => {
                    let body = json!({ "email": "member@tenant-1.example", "password": PASSWORD });
                    self.send(Method::POST, "/auth/login", Some(Body::Json(body))).await.0
                }
                Attack::Roles => {
                    let body = json!({ "name": format!("Role {n} {turn}"), "permissions": ["projects:read"] });
                    self.send(Method::POST, "/tenant/roles", Some(Body::Json(body))).await.0
                }
                Attack::Keyed => self.send(Method::POST, "/products", Some(Body::Json(large(n, turn)))).await.0,
            };
            let counter = if status < 400 { &self.done } else { &self.refused };
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
        let Ok(url) = Url::parse(&format!("{}{path}", self.base)) else { return (0, Value::Null) };
        let mut request = self.client.request(method, url).bearer_auth(&self.token).header("if-match", "*");
        request = match body {
            None => request,
            Some(Body::Json(json)) => request.header("idempotency-key", Uuid::now_v7().to_string()).json(&json),
            Some(Body::File(file)) => request.header("content-type", "application/x-ndjson").body(file),
        };
        match request.send().await {
            Err(_) => (0, Value::Null),
            Ok(answer) => {
                let status = answer.status().as_u16();
                let text = answer.bytes().await.unwrap_or_default();
                (status, serde_json::from_slice(&text).unwrap_or_default())
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
        let request = self.client.get(format!("{}/products/export", self.base)).bearer_auth(&self.token);
        let Ok(mut answer) = request.header("accept", "text/csv").send().await else { return 0 };
        let status = answer.status().as_u16();
        while let (false, Ok(Some(_))) = (over.load(Ordering::Relaxed), answer.chunk().await) {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        status
    }
}

enum Body {
    Json(Value),
    File(String),
}

/// The whole catalogue, another one each time.
fn file() -> String {
    let salt = Uuid::now_v7();
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

fn large(n: usize, turn: u32) -> Value {
    json!({
        "sku": format!("large-{n}-{turn}-{}", Uuid::now_v7()), "name": "Large", "description": "é".repeat(90_000),
        "price": { "amount_minor": 100 }
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<52}{:>8}{:>10}{:>10}{:>8}{:>9}{:>12}{:>10}",
            "a neighbour's reads while", "reads", "p50 ms", "p99 ms", "times", "refused", "attacker's", "refused"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<52}{:>8}{:>10.2}{:>10.2}{:>8.2}{:>9}{:>12}{:>10}",
                row.attack,
                row.reads,
                row.p50_ms,
                row.p99_ms,
                row.p99_ratio,
                row.refused,
                row.attacker_done,
                row.attacker_refused
            )?;
        }
        Ok(())
    }
}
