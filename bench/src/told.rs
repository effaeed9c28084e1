//! `bench/run told`: how long it takes from a change that somebody asks for until a receiver has it, signed, and until a browser has it; at rest,
//! under some load, and while another tenant imports thousands of products of which its own receiver is told.
use std::{
    collections::HashMap,
    fmt, fs,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    routing::post,
};
use clap::Args;
use rowhouse::{
    db::Statements,
    error::Failure,
    webhooks::sign::{Secret, headers},
};
use rowhouse_dev::{Durability, PrivateRedis};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    api::Api,
    goods::Catalogue,
    histogram::{Histogram, Percentiles},
    say,
    servers::Server,
    show::to_ndjson,
    store::Store,
    token::Signer,
};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_mins(2);

/// From a change to those who are told of it.
#[derive(Args)]
pub(crate) struct Told {
    /// Print one JSON object on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Tenants, each with an endpoint and a stream.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=1000), value_name = "N")]
    tenants: u32,
    /// Changes a second, one measurement after another.
    #[arg(long, value_delimiter = ',', default_values_t = [5, 50], value_name = "N,…")]
    rates: Vec<u32>,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=600), value_name = "N")]
    seconds: u32,
    /// Products that one tenant imports while others change something at the first rate; none where it is 0.
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    import: u32,
    /// Server and worker are joined by a private Redis; by PostgreSQL without.
    #[arg(long)]
    redis: bool,
    /// Where the private PostgreSQL lives while this runs.
    #[arg(long, default_value = ".rowhouse/told", value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Report {
    joined_by: &'static str,
    tenants: u32,
    rows: Vec<Row>,
    imported: Option<Imported>,
    /// Messages whose signature is none.
    unsigned: u64,
}

/// One measurement, in milliseconds from when the request is sent.
#[derive(Serialize)]
struct Row {
    what: String,
    changes: usize,
    /// Until it is answered.
    answered: Option<Percentiles>,
    webhook: Option<Percentiles>,
    browser: Option<Percentiles>,
    /// What never came.
    lost: usize,
}

#[derive(Serialize)]
struct Imported {
    products: u32,
    /// Until the import is said to have succeeded.
    import_seconds: f64,
    /// Until its receiver had been told of each.
    told_seconds: f64,
    /// How many it had been told of when the others' measurement was over.
    told_meanwhile: u64,
}

/// When a project was first heard of, by its id.
#[derive(Default)]
struct Heard {
    hooks: HashMap<String, Instant>,
    streams: HashMap<String, Instant>,
    products: u64,
    unsigned: u64,
}

struct World {
    heard: Mutex<Heard>,
    /// By tenant.
    secrets: Mutex<Vec<Secret>>,
}

impl World {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change that was answered.
struct Change {
    project: String,
    asked: Instant,
    answered: Instant,
}

impl Told {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let store = Store::start(&self.dir, "told".to_owned(), Durability::Throwaway)?;
        store.make(self.tenants, 0).await?;
        let owners = "update tenant.memberships m set role_id = r.id, permissions = r.permissions
            from tenant.roles r where r.tenant_id = m.tenant_id and r.name = 'owner'";
        store.superuser().await?.script("owners", owners).await?;
        let keys = self.dir.join("keys");
        let signer = Signer::generate(&keys)?;
        let redis = self.redis.then(|| PrivateRedis::start(&self.dir.join("redis"), &[])).transpose()?;
        let url = redis.as_ref().map(PrivateRedis::url);
        let joined: Vec<&str> = url.iter().flat_map(|url| ["--redis-url", url]).collect();
        let serving = [&["--outside-per-minute", "0", "--webhook-networks", "127.0.0.0/8"], joined.as_slice()].concat();
        fs::create_dir_all(&self.dir)?;
        let log = self.dir.join("rowhouse.log");
        let server = Server::rowhouse(&store.api_url(), &keys, Statements::Named, &log, &serving).await?;
        let _worker = Server::worker(&store.url("rowhouse_worker"), &keys, &self.dir.join("worker.log"), &joined)?;

        let world = Arc::new(World { heard: Mutex::default(), secrets: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let receiver = format!("http://{}/hook", listener.local_addr()?);
        let router = Router::new().route("/hook/{tenant}", post(take)).with_state(world.clone());
        let _receiver = AbortOnDropHandle::new(tokio::spawn(async move { axum::serve(listener, router).await }));
        let client = reqwest::Client::new();
        let mut callers = Vec::new();
        let mut streams = JoinSet::new();
        say(&format!("{} tenants name a receiver and open a stream", self.tenants));
        for (n, caller) in store.callers().await?.into_iter().enumerate() {
            let api = Api::new(&client, &server, &signer, caller)?;
            let types = json!(["project.created", "product.created"]);
            let endpoint =
                api.make("/webhooks", &json!({ "url": format!("{receiver}/{n}"), "event_types": types })).await?;
            let secret = endpoint["secret"].as_str().unwrap_or_default().to_owned();
            let secret = Secret::read(&secret.into()).ok_or_else(|| Failure(format!("no secret: {endpoint}")))?;
            world.secrets.lock().unwrap_or_else(PoisonError::into_inner).push(secret);
            let stream = api.stream("/events/stream?type=project.created").await?;
            streams.spawn(follow(world.clone(), stream));
            callers.push(api);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;

        let mut rows = Vec::new();
        for rate in &self.rates {
            say(&format!("{rate} changes a second"));
            rows.push(self.measure(&world, &callers, *rate, format!("{rate} changes a second")).await?);
        }
        let imported = match (self.import, self.rates.first()) {
            (0, _) | (_, None) => None,
            (products, Some(rate)) => Some(self.beside(&world, &callers, products, *rate, &mut rows).await?),
        };
        let joined_by = if self.redis { "Redis" } else { "PostgreSQL" };
        let unsigned = world.heard().unsigned;
        let report = Report { joined_by, tenants: self.tenants, rows, imported, unsigned };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(|error| Failure(error.to_string()))?);
        } else {
            println!("{report}");
        }
        let good = report.unsigned == 0 && report.rows.iter().all(|row| row.lost == 0);
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Changes of these tenants in turn, each when its time comes, whatever became of those before.
    async fn measure(&self, world: &Arc<World>, callers: &[Api], rate: u32, what: String) -> Result<Row, Failure> {
        let (begun, count) = (Instant::now(), rate * self.seconds);
        let mut asked: JoinSet<Result<Change, Failure>> = JoinSet::new();
        for (n, api) in (0..count).zip(callers.iter().cycle()) {
            let at = begun + Duration::from_secs(1) * n / rate;
            tokio::time::sleep_until(at.into()).await;
            let (api, body) = (api.clone(), json!({ "name": format!("{what}, number {n}") }));
            asked.spawn(async move {
                let made = api.make("/projects", &body).await?;
                let project = made["id"].as_str().unwrap_or_default().to_owned();
                Ok(Change { project, asked: at, answered: Instant::now() })
            });
        }
        let changes: Vec<Change> = asked.join_all().await.into_iter().collect::<Result<_, _>>()?;
        let given_up = Instant::now() + PATIENCE;
        let left = |heard: &Heard| {
            let missing =
                |seen: &HashMap<String, Instant>| changes.iter().filter(|one| !seen.contains_key(&one.project)).count();
            missing(&heard.hooks) + missing(&heard.streams)
        };
        while left(&world.heard()) > 0 && Instant::now() < given_up {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let heard = world.heard();
        let (mut answered, mut webhook, mut browser) =
            (Histogram::default(), Histogram::default(), Histogram::default());
        for change in &changes {
            answered.add(change.answered.saturating_duration_since(change.asked));
            for (seen, times) in [(&heard.hooks, &mut webhook), (&heard.streams, &mut browser)] {
                if let Some(at) = seen.get(&change.project) {
                    times.add(at.saturating_duration_since(change.asked));
                }
            }
        }
        Ok(Row {
            what,
            changes: changes.len(),
            answered: answered.percentiles(),
            webhook: webhook.percentiles(),
            browser: browser.percentiles(),
            lost: left(&heard),
        })
    }

    /// Others' changes while one tenant imports, and is told of what it imported.
    async fn beside(
        &self,
        world: &Arc<World>,
        callers: &[Api],
        products: u32,
        rate: u32,
        rows: &mut Vec<Row>,
    ) -> Result<Imported, Failure> {
        let (first, others) = callers.split_first().ok_or_else(|| Failure("no tenants".to_owned()))?;
        say(&format!("{products} products are imported beside {rate} changes a second of others"));
        let goods = Catalogue::new()?;
        let file = to_ndjson((0..u64::from(products)).map(|number| goods.product(1, number)));
        let (begun, api) = (Instant::now(), first.clone());
        let import = tokio::spawn(async move {
            api.import("application/x-ndjson", file).await.map(|_| begun.elapsed().as_secs_f64())
        });
        let what = format!("{rate} beside an import of {products}");
        rows.push(self.measure(world, others, rate, what).await?);
        let told_meanwhile = world.heard().products;
        let import_seconds = import.await.map_err(|error| Failure(error.to_string()))??;
        say("its receiver is told of all");
        while world.heard().products < u64::from(products) {
            if begun.elapsed() > PATIENCE * 5 {
                return Err(Failure(format!("{} of {products} products were told", world.heard().products)));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(Imported { products, import_seconds, told_seconds: begun.elapsed().as_secs_f64(), told_meanwhile })
    }
}

/// The receiver of all of them.
async fn take(State(world): State<Arc<World>>, at: Uri, sent: HeaderMap, body: Bytes) -> StatusCode {
    let now = Instant::now();
    let tenant = at.path().rsplit('/').next().and_then(|number| number.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let header = |name: &str| sent.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let at = header("webhook-timestamp").parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let signed = {
        let secrets = world.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        at.zip(secrets.get(tenant)).is_some_and(|(at, secret)| {
            let [.., (_, signature)] = headers(header("webhook-id"), at, &body, std::slice::from_ref(secret));
            signature == header("webhook-signature")
        })
    };
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut heard = world.heard();
    heard.unsigned += u64::from(!signed);
    match (said["type"].as_str(), said["data"]["id"].as_str()) {
        (Some("product.created"), _) => heard.products += 1,
        (_, Some(id)) => {
            heard.hooks.entry(id.to_owned()).or_insert(now);
        }
        _ => {}
    }
    StatusCode::NO_CONTENT
}

/// What a browser is told, as server-sent events.
async fn follow(world: Arc<World>, mut stream: reqwest::Response) {
    let mut unread = Vec::new();
    while let Ok(Some(chunk)) = stream.chunk().await {
        let now = Instant::now();
        unread.extend_from_slice(&chunk);
        while let Some(end) = unread.windows(2).position(|two| two == b"\n\n") {
            let piece: Vec<u8> = unread.drain(..end + 2).collect();
            let piece = String::from_utf8_lossy(&piece);
            let data = piece.lines().find_map(|line| line.strip_prefix("data: "));
            let said: Value = data.and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
            if let Some(id) = said["data"]["id"].as_str() {
                world.heard().streams.entry(id.to_owned()).or_insert(now);
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { joined_by, tenants, rows, imported, unsigned } = self;
        writeln!(
            f,
            "\n{tenants} tenants, each with an endpoint and a stream; server and worker joined by {joined_by}."
        )?;
        writeln!(f, "Milliseconds from when the request is sent: p50, p99.\n")?;
        writeln!(f, "{:<34}{:>8}{:>18}{:>18}{:>18}", "", "changes", "answered", "webhook", "browser")?;
        for Row { what, changes, answered, webhook, browser, lost } in rows {
            let told = |times: &Option<Percentiles>| {
                times.map_or_else(|| "none".to_owned(), |times| format!("{:.1}, {:.1}", times.p50, times.p99))
            };
            let (answered, webhook, browser) = (told(answered), told(webhook), told(browser));
            writeln!(f, "{what:<34}{changes:>8}{answered:>18}{webhook:>18}{browser:>18}")?;
            if *lost > 0 {
                writeln!(f, "{lost} never came")?;
            }
        }
        if let Some(Imported { products, import_seconds, told_seconds, told_meanwhile }) = imported {
            writeln!(
                f,
                "\n{products} products were imported after {import_seconds:.1} s, and their receiver had been told of each after {told_seconds:.1} s \
                 ({told_meanwhile} while the others were measured)."
            )?;
        }
        write!(f, "{unsigned} messages were not signed as they should be.")
    }
}
