//! `bench/run deploy`: a database is migrated while it serves and somebody reads for long, and what those who are served notice.
use std::{
    fmt,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use reqwest::{Client, Method};
use rowhouse::{
    db::{self, AdminConn, MigrateOptions, MigrateReport, Statements},
    error::Failure,
};
use rowhouse_dev::Durability;
use serde::Serialize;
use serde_json::json;

use crate::{
    say,
    servers::{NO_CACHE, Server},
    store::Store,
    token::Signer,
};

const TENANTS: u32 = 20;
/// Callers at once, and how long each pauses between two requests.
const CALLERS: usize = 8;
const PAUSE: Duration = Duration::from_millis(4);
const WARM_UP: Duration = Duration::from_secs(2);
/// How long a measurement goes on when nothing is left to wait for.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// What a version that adds a column with a key to what another table has, and an index, says.
const VERSION: [(&str, &str); 2] = [
    (
        "migrations/V9000__weights.sql",
        "alter table tenant.products add column weight_grams bigint;
         alter table tenant.products add constraint products_weight_grams check (weight_grams > 0) not valid",
    ),
    (
        "indexes/tenant.products_weight_idx.sql",
        "create index concurrently products_weight_idx on tenant.products (tenant_id, weight_grams, id)",
    ),
];
const UNDONE: &str = "alter table tenant.products drop column weight_grams;
    delete from audit.applied;
    insert into audit.applied select * from audit.catalog";

/// What those who are served notice of a deployment.
#[derive(Args)]
#[command(
    after_help = "Exits with 1 when a request fails, or when the slowest of a hundred take longer than --most allows."
)]
pub(crate) struct Deploy {
    /// Print one JSON object on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// How long somebody reads `products` in one transaction, in seconds.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..=60), value_name = "N")]
    reader: u64,
    /// Products, in all tenants together.
    #[arg(long, default_value_t = 50_000, value_name = "N")]
    products: u32,
    /// What the slowest of a hundred requests may take, in times of the same without a deployment.
    #[arg(long, default_value_t = 2.0, value_name = "RATIO")]
    most: f64,
    /// Where the private PostgreSQL with the data set is kept from one run to the next.
    #[arg(long, default_value = ".rowhouse/deploy", value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Clone, Copy)]
enum What {
    Nothing,
    Everything,
    Version,
}

impl What {
    fn described(self) -> &'static str {
        match self {
            Self::Nothing => "somebody reads products",
            Self::Everything => "… and everything is applied again",
            Self::Version => "… and a version adds a column and an index",
        }
    }
}

#[derive(Serialize)]
struct Row {
    what: &'static str,
    requests: usize,
    failed: usize,
    p50_ms: f64,
    p99_ms: f64,
    /// In times of the same without a deployment.
    p99_ratio: f64,
    longest_ms: f64,
    steps: usize,
    /// How long migrating took, in seconds.
    took_s: f64,
    /// The longest that a step held what it had locked; an index is made without.
    held_ms: f64,
}

#[derive(Serialize)]
struct Report {
    rows: Vec<Row>,
}

impl Deploy {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let store = Store::start(&self.dir, format!("deploy_beside_{}", self.products), Durability::Safe)?;
        if !store.is_usable().await? {
            say(&format!("loading {TENANTS} tenants and {} products", self.products));
            store.make(TENANTS, 1_000).await?;
            let superuser = store.superuser().await?;
            superuser.script("size", &format!("set bench.products = {}", self.products)).await?;
            superuser.script("bench/sql/deploy.sql", include_str!("../sql/deploy.sql")).await?;
            store.complete().await?;
        }
        let keys = self.dir.join("keys");
        let signer = Signer::generate(&keys)?;
        let tokens: Vec<String> =
            store.callers().await?.iter().map(|one| signer.token(one.tenant, one.user)).collect::<Result<_, _>>()?;
        let server =
            Server::rowhouse(&store.api_url(), &keys, Statements::Named, &self.dir.join("server.log"), &NO_CACHE)
                .await?;
        let mut migrator = AdminConn::connect(&store.url("rowhouse_migrator")).await?;
        let mut rows: Vec<Row> = Vec::new();
        for what in [What::Nothing, What::Everything, What::Version] {
            say(what.described());
            let over = Arc::new(AtomicBool::new(false));
            let (mut row, report) = {
                drop(Load::start(&server, &tokens, &over).for_a_while(WARM_UP, &over).await);
                over.store(false, Ordering::SeqCst);
                let load = Load::start(&server, &tokens, &over);
                let (begun, reader) = (Instant::now(), self.read_on(&store));
                // The reader is there before the deployment is.
                tokio::time::sleep(Duration::from_millis(500)).await;
                let report = deployed(&mut migrator, what).await;
                let took_s = begun.elapsed().as_secs_f64();
                reader.await.map_err(|error| Failure(format!("the reader: {error}")))??;
                let (mut times, failed) = load.for_a_while(AFTERWARDS, &over).await;
                let report = report?;
                times.sort_unstable();
                (Row::new(what, &times, failed, took_s), report)
            };
            row.steps = report.steps.len();
            let held = report.steps.iter().filter(|step| !step.name.ends_with("concurrently")).map(|step| step.held);
            row.held_ms = held.max().unwrap_or_default().as_secs_f64() * 1e3;
            row.p99_ratio = row.p99_ms / rows.first().map_or(row.p99_ms, |without| without.p99_ms);
            rows.push(row);
        }
        drop(server);
        // The next run begins where this one did: the index goes with the first migration that knows no file of it.
        db::migrate(&mut migrator, false).await?;
        store.superuser().await?.script("undone", UNDONE).await?;
        let report = Report { rows };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(|error| Failure(error.to_string()))?);
        } else {
            println!("{report}");
        }
        let noticed = report.rows.iter().any(|row| row.failed > 0 || row.p99_ratio > self.most);
        Ok(if noticed { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }

    /// Somebody reads products, in one transaction, for long.
    fn read_on(&self, store: &Store) -> tokio::task::JoinHandle<Result<(), Failure>> {
        let (url, seconds) = (store.url("postgres"), self.reader);
        tokio::spawn(async move {
            let reader = AdminConn::connect(&url).await?;
            let read = "begin; select count(*) from (select from tenant.products limit 1000) as read";
            reader.script("reader", read).await?;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            reader.script("reader", "commit").await
        })
    }
}

async fn deployed(migrator: &mut AdminConn, what: What) -> Result<MigrateReport, Failure> {
    match what {
        What::Nothing => Ok(MigrateReport::default()),
        What::Everything => {
            db::migrate_with(migrator, &MigrateOptions { reapply: true, ..MigrateOptions::default() }).await
        }
        What::Version => db::apply_beside(migrator, &MigrateOptions::default(), &VERSION).await,
    }
}

/// Callers who ask for lists and for one, and now and then make something.
struct Load(tokio::task::JoinSet<(Vec<Duration>, usize)>);

impl Load {
    fn start(server: &Server, tokens: &[String], over: &Arc<AtomicBool>) -> Self {
        let mut callers = tokio::task::JoinSet::new();
        for number in 0..CALLERS {
            let (base, over) = (format!("{}/api/v1", server.base_url), over.clone());
            let tokens: Vec<String> = tokens.iter().skip(number).step_by(CALLERS).cloned().collect();
            callers.spawn(async move { ask(&base, &tokens, &over).await });
        }
        Self(callers)
    }

    /// Goes on for so long; then says how long each request took, and how many failed.
    async fn for_a_while(mut self, while_longer: Duration, over: &AtomicBool) -> (Vec<Duration>, usize) {
        tokio::time::sleep(while_longer).await;
        over.store(true, Ordering::SeqCst);
        let (mut times, mut failed) = (Vec::new(), 0);
        while let Some(Ok((more, refused))) = self.0.join_next().await {
            times.extend(more);
            failed += refused;
        }
        (times, failed)
    }
}

async fn ask(base: &str, tokens: &[String], over: &AtomicBool) -> (Vec<Duration>, usize) {
    let (client, mut times, mut failed) = (Client::new(), Vec::new(), 0);
    let reads = ["/products?limit=20", "/projects?limit=20", "/products/search?q=lamp&limit=5", "/me"];
    for (turn, token) in tokens.iter().cycle().enumerate() {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let make = turn % 10 == 9;
        let request = if make {
            let name = format!("made while deploying {:?} {turn}", Instant::now());
            client.post(format!("{base}/projects")).json(&json!({ "name": name }))
        } else {
            client.request(Method::GET, format!("{base}{}", reads[turn % reads.len()]))
        };
        let asked = Instant::now();
        let fine = match request.bearer_auth(token).send().await {
            Ok(answer) => answer.status().is_success() && answer.bytes().await.is_ok(),
            Err(_) => false,
        };
        times.push(asked.elapsed());
        failed += usize::from(!fine);
        tokio::time::sleep(PAUSE).await;
    }
    (times, failed)
}

impl Row {
    /// `times` are sorted.
    fn new(what: What, times: &[Duration], failed: usize, took_s: f64) -> Self {
        let at = |share: usize| {
            let place = (times.len() * share / 100).min(times.len().saturating_sub(1));
            times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        Self {
            what: what.described(),
            requests: times.len(),
            failed,
            p50_ms: at(50),
            p99_ms: at(99),
            p99_ratio: 1.0,
            longest_ms: at(100),
            steps: 0,
            took_s,
            held_ms: 0.0,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<46}{:>9}{:>8}{:>9}{:>9}{:>7}{:>12}{:>7}{:>9}{:>10}",
            "while", "requests", "failed", "p50 ms", "p99 ms", "times", "longest ms", "steps", "took s", "held ms"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<46}{:>9}{:>8}{:>9.2}{:>9.2}{:>7.2}{:>12.1}{:>7}{:>9.1}{:>10.1}",
                row.what,
                row.requests,
                row.failed,
                row.p50_ms,
                row.p99_ms,
                row.p99_ratio,
                row.longest_ms,
                row.steps,
                row.took_s,
                row.held_ms
            )?;
        }
        Ok(())
    }
}
