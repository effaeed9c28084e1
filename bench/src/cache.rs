//! `bench/run cache`: what keeping answers is worth. The same reads without a cache, with answers kept in the process and
//! in Redis, side by side; how many of a crowd's reads are answered from the cache; and what a Redis that holds still costs.
use std::{
    fmt,
    path::PathBuf,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use clap::Args;
use reqwest::Client;
use rowhouse::{db::Statements, error::Failure};
use rowhouse_dev::{Durability, PrivateRedis};
use serde::Serialize;

use crate::{
    api::Api,
    catalog::Spread,
    goods::{Queries, Random},
    say,
    servers::{NO_CACHE, Server},
    store::Store,
    token::Signer,
};

/// Requests to each server before anything is measured.
const WARM_UP: u32 = 50;
/// Tenants of the crowd, and how often somebody changes something, in a hundred requests.
const CROWD: usize = 50;
const CHANGES: u64 = 1;

/// What keeping answers is worth.
#[derive(Args)]
#[command(
    after_help = "Takes the data set that `bench/run catalog` has loaded; both take --large, --small and --each.\nExits with 1 when fewer reads than wanted come from the cache, or when a Redis that holds still costs more than it may."
)]
pub(crate) struct Cache {
    /// Print one JSON object on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Products of the large tenant.
    #[arg(long, default_value_t = 300_000, value_name = "N")]
    large: u32,
    /// Small tenants.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    small: u32,
    /// Products of each.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    each: u32,
    /// How often each read is asked of each server.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(10..=100_000), value_name = "N")]
    rounds: u32,
    /// Requests of the crowd.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000), value_name = "N")]
    crowd: u32,
    /// Reads of the crowd that are to come from the cache, of a hundred.
    #[arg(long, default_value_t = 80.0, value_name = "PERCENT")]
    hits: f64,
    /// What the slowest of a hundred reads may take while Redis holds still, in times of the same without Redis.
    #[arg(long, default_value_t = 1.3, value_name = "RATIO")]
    paused: f64,
    /// Where the data set is kept.
    #[arg(long, default_value = ".rowhouse/catalog", value_name = "DIR")]
    dir: PathBuf,
}

/// One read, of each server, in milliseconds.
#[derive(Serialize)]
struct Read {
    what: &'static str,
    without_ms: Spread,
    local_ms: Spread,
    redis_ms: Spread,
    /// Median without, in times of that from Redis.
    gain: f64,
}

#[derive(Serialize)]
struct Report {
    reads: Vec<Read>,
    crowd_requests: u32,
    crowd_distinct: usize,
    crowd_hits_percent: f64,
    without_redis_p99_ms: f64,
    redis_paused_p99_ms: f64,
    paused_ratio: f64,
}

impl Cache {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let database = format!("catalog_{}_{}x{}", self.large, self.small, self.each);
        let store = Store::start(&self.dir, database, Durability::Safe)?;
        if !store.is_usable().await? {
            return Err(Failure("there is no data set yet: bench/run catalog loads it".to_owned()));
        }
        let callers = store.callers().await?;
        let (Some(large), Some(small)) = (callers.first(), callers.get(1..=self.small as usize)) else {
            return Err(Failure("there are not enough tenants".to_owned()));
        };
        let keys = self.dir.join("keys");
        let signer = Signer::generate(&keys)?;
        let redis = PrivateRedis::start(&self.dir.join("redis"), &[])?;
        let paused = PrivateRedis::start(&self.dir.join("paused"), &[])?;
        let (url, client) = (store.api_url(), Client::new());
        let start = async |name: &str, options: &[&str]| {
            let log = self.dir.join(format!("{name}.log"));
            Server::rowhouse(&url, &keys, Statements::Named, &log, options).await
        };
        let without = start("without", &NO_CACHE).await?;
        let local = start("local", &[]).await?;
        let with = start("redis", &["--redis-url", &redis.url()]).await?;
        let held_up = start("paused", &["--redis-url", &paused.url()]).await?;

        let mut reads = Vec::new();
        for (what, path, caller) in [
            ("small tenant: list of one", "/products?limit=1&sort=sku", small[0]),
            ("small tenant: list of 50", "/products?limit=50", small[0]),
            ("small tenant: search", "/products/search?q=steel&limit=20", small[0]),
            ("small tenant: figures", "/dashboard/kpis", small[0]),
            ("large tenant: list of 50", "/products?limit=50", *large),
            ("large tenant: search", "/products/search?q=steel&limit=20", *large),
            ("large tenant: figures", "/dashboard/kpis", *large),
            ("large tenant: a month", "/dashboard/analytics?metric=products_created", *large),
        ] {
            say(what);
            let rounds = if path.contains("dashboard") && caller.tenant == large.tenant {
                self.rounds / 10
            } else {
                self.rounds
            };
            let apis = [&without, &local, &with].map(|server| Api::new(&client, server, &signer, caller));
            let [without_ms, local_ms, redis_ms] = beside_each_other(apis, path, rounds).await?;
            reads.push(Read { what, without_ms, local_ms, redis_ms, gain: without_ms.p50 / redis_ms.p50 });
        }

        say("a crowd, some of whom change something");
        let api = |server| -> Result<Vec<Api>, Failure> {
            small[..CROWD].iter().map(|caller| Api::new(&client, server, &signer, *caller)).collect()
        };
        let (crowd_distinct, crowd_hits_percent) = self.crowd(api(&with)?).await?;

        say("Redis holds still");
        hold_still(&paused)?;
        let [without_p99, paused_p99] = self.held_up(api(&without)?, api(&held_up)?).await?;
        let report = Report {
            reads,
            crowd_requests: self.crowd,
            crowd_distinct,
            crowd_hits_percent,
            without_redis_p99_ms: without_p99,
            redis_paused_p99_ms: paused_p99,
            paused_ratio: paused_p99 / without_p99,
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(|error| Failure(error.to_string()))?);
        } else {
            println!("{report}");
        }
        let mut code = ExitCode::SUCCESS;
        for (is_so, complaint) in [
            (report.crowd_hits_percent < self.hits, "fewer reads than wanted come from the cache"),
            (report.paused_ratio > self.paused, "a Redis that holds still costs more than it may"),
        ] {
            if is_so {
                eprintln!("bench/run: {complaint}");
                code = ExitCode::from(1);
            }
        }
        Ok(code)
    }

    /// How many different reads there were, and how many of a hundred came from the cache. Who asks and for what is
    /// drawn with weights 1, 1/2, 1/3 and so on (Zipf).
    async fn crowd(&self, apis: Vec<Api>) -> Result<(usize, f64), Failure> {
        let paths = paths()?;
        let (mut random, mut asked) = (Random::new(7, 7), std::collections::BTreeSet::new());
        let mut hits = 0;
        for _ in 0..self.crowd {
            let (who, what) = (zipf(&mut random, apis.len()), zipf(&mut random, paths.len()));
            if random.percent(CHANGES) {
                let newest = apis[who].get("/products?limit=1", &[]).await?;
                let id = newest["items"][0]["id"].as_str().unwrap_or_default().to_owned();
                let stock = serde_json::json!({ "stock": random.below(1_000) });
                apis[who].change(&format!("/products/{id}"), &stock).await?;
            }
            asked.insert((who, what));
            hits += u32::from(apis[who].get_is_hit(&paths[what]).await?);
        }
        Ok((asked.len(), f64::from(hits) * 100.0 / f64::from(self.crowd)))
    }

    /// The slowest of a hundred reads, without Redis and with one that holds still.
    async fn held_up(&self, without: Vec<Api>, paused: Vec<Api>) -> Result<[f64; 2], Failure> {
        let paths = paths()?;
        let mut random = Random::new(8, 8);
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..self.rounds * 10 {
            let (who, what) = (random.below(without.len() as u64), random.below(paths.len() as u64));
            let who = usize::try_from(who).unwrap_or_default();
            let path = &paths[usize::try_from(what).unwrap_or_default()];
            for (api, times) in [&without[who], &paused[who]].into_iter().zip(&mut times) {
                let begun = Instant::now();
                api.get(path, &[]).await?;
                times.push(begun.elapsed());
            }
        }
        Ok(times.map(|mut times| {
            times.sort_unstable();
            times.get(times.len() * 99 / 100).map_or(f64::NAN, |time: &Duration| time.as_secs_f64() * 1e3)
        }))
    }
}

/// The same read of each server, one right after the other.
async fn beside_each_other(apis: [Result<Api, Failure>; 3], path: &str, rounds: u32) -> Result<[Spread; 3], Failure> {
    let [one, two, three] = apis;
    let apis = [one?, two?, three?];
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for turn in 0..WARM_UP.min(rounds) + rounds {
        for (api, times) in apis.iter().zip(&mut times) {
            let begun = Instant::now();
            api.get(path, &[]).await?;
            if turn >= WARM_UP.min(rounds) {
                times.push(begun.elapsed());
            }
        }
    }
    Ok(times.map(Spread::of))
}

/// What a crowd asks for.
fn paths() -> Result<Vec<String>, Failure> {
    let mut paths = ["/products", "/dashboard/kpis", "/products?sort=name", "/products?sort=price&in_stock=true"]
        .map(str::to_owned)
        .to_vec();
    for query in Queries::read()?.query.iter().take(16) {
        let q: String = query.q.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ').collect();
        paths.push(format!("/products/search?limit=20&q={}", q.replace(' ', "+")));
    }
    Ok(paths)
}

/// An index into so many, of which the n-th has the weight 1/n.
fn zipf(random: &mut Random, len: usize) -> usize {
    let weights = || (1..=len).map(|n| 1_000_000 / n as u64);
    let mut drawn = random.below(weights().sum());
    for (n, weight) in weights().enumerate() {
        match drawn.checked_sub(weight) {
            Some(rest) => drawn = rest,
            None => return n,
        }
    }
    len - 1
}

fn hold_still(redis: &PrivateRedis) -> Result<(), Failure> {
    let stopped = Command::new("kill").args(["-STOP", &redis.pid()?.to_string()]).status()?;
    if stopped.success() { Ok(()) } else { Err(Failure("Redis cannot be stopped".to_owned())) }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p95] = ["p50", "p95"];
        writeln!(
            f,
            "\n{:<30}{:>18}{:>18}{:>18}{:>8}",
            "milliseconds", "without", "in the process", "in Redis", "gain"
        )?;
        writeln!(f, "{:<30}{p50:>9}{p95:>9}{p50:>9}{p95:>9}{p50:>9}{p95:>9}", "")?;
        for Read { what, without_ms, local_ms, redis_ms, gain } in &self.reads {
            write!(f, "{what:<30}")?;
            for spread in [without_ms, local_ms, redis_ms] {
                write!(f, "{:>9.2}{:>9.2}", spread.p50, spread.p95)?;
            }
            writeln!(f, "{gain:>8.2}")?;
        }
        let Self { crowd_requests, crowd_distinct, crowd_hits_percent, .. } = self;
        writeln!(
            f,
            "\nA crowd: {crowd_requests} reads, {crowd_distinct} different ones: {crowd_hits_percent:.1} % from the cache."
        )?;
        let Self { without_redis_p99_ms, redis_paused_p99_ms, paused_ratio, .. } = self;
        write!(
            f,
            "99 of 100 within {without_redis_p99_ms:.2} ms without Redis, {redis_paused_p99_ms:.2} ms while it holds still: {paused_ratio:.2}."
        )
    }
}
