//! `bench/run neighbours`: one tenant does its worst within its limits, and how long another's reads take meanwhile.
mod attack;

use std::{
    fmt,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum as _};
use reqwest::{Client, StatusCode};
use rowhouse::{db::Statements, error::Failure};
use rowhouse_dev::Durability;
use serde::Serialize;

pub(crate) use self::attack::Ordered;
use self::attack::{Attack, Attacker, Counted, Process};
use crate::{
    say,
    servers::{NO_CACHE_AND_JOBS, Server},
    store::Store,
    token::Signer,
};

/// Tenants that do their worst, all together or only the first; one more is the neighbour.
const GREEDY: u32 = 4;
/// Pause between two reads of the neighbour's: somebody at work, not another crowd.
const PAUSE: Duration = Duration::from_millis(5);
/// Reads before those that count: every connection has prepared its statements, and the attack is under way.
const WARM_UP: Duration = Duration::from_millis(1_500);

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
    /// These attacks alone, and nothing at all before them; all unless said.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ATTACK")]
    only: Vec<Attack>,
    /// Let the attacker's process take its part of these processors. Unless said it has what others leave, since an
    /// attacker's machine is another machine.
    #[arg(long)]
    same_machine: bool,
    /// Where the private PostgreSQL with the data set is kept from one run to the next.
    #[arg(long, default_value = ".rowhouse/neighbours", value_name = "DIR")]
    dir: PathBuf,
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
        let store = Store::start(&self.dir, "neighbours_of_five".to_owned(), Durability::Safe)?;
        let usable = store.is_usable().await?;
        if !usable {
            say("loading five tenants");
            store.make(GREEDY + 1, 1_000).await?;
        }
        let callers = store.callers().await?;
        let Some((neighbour, greedy)) = callers.split_last() else {
            return Err(Failure("there are no tenants".to_owned()));
        };
        let superuser = store.superuser().await?;
        superuser.script("bench/sql/neighbours.sql", include_str!("../../sql/neighbours.sql")).await?;
        let keys = self.dir.join("keys");
        let signer = Signer::generate(&keys)?;
        let token = signer.token(neighbour.tenant, neighbour.user)?;
        let greedy: Vec<_> = greedy.iter().map(|one| signer.token(one.tenant, one.user)).collect::<Result<_, _>>()?;
        let (url, log) = (store.api_url(), self.dir.join("server.log"));
        // With a whole minute's requests for everybody each time.
        let serve = || Server::rowhouse(&url, &keys, Statements::Named, &log, &NO_CACHE_AND_JOBS);
        if !usable {
            let server = serve().await?;
            for token in &greedy {
                Attacker::prepare(&server, token).await?;
            }
            drop(server);
            superuser.script("bench/sql/served.sql", include_str!("../../sql/served.sql")).await?;
            store.complete().await?;
        }
        let mut rows: Vec<Row> = Vec::new();
        for attack in self.attacks() {
            say(attack.described());
            let server = serve().await?;
            let client = Client::new();
            let (mut warm, mut times, mut refused) = (Vec::new(), Vec::new(), 0);
            read(&server, &client, &token, WARM_UP, &mut warm).await;
            let process = Process::start(attack, &server, &greedy, self.same_machine)?;
            refused += read(&server, &client, &token, WARM_UP, &mut warm).await;
            refused += read(&server, &client, &token, Duration::from_secs(self.seconds), &mut times).await;
            let Counted { done, refused: attacker_refused } = process.end().await?;
            times.sort_unstable();
            let p99_ms = at(&times, 99);
            rows.push(Row {
                attack: attack.described(),
                reads: times.len(),
                p50_ms: at(&times, 50),
                p99_ms,
                p99_ratio: p99_ms / rows.first().map_or(p99_ms, |alone| alone.p99_ms),
                refused,
                attacker_done: done,
                attacker_refused,
            });
            drop(server);
            // What is under way ends.
            tokio::time::sleep(Duration::from_secs(1)).await;
            superuser.script("bench/sql/after_attack.sql", include_str!("../../sql/after_attack.sql")).await?;
            superuser.script("vacuum", "vacuum tenant.idempotency_keys, tenant.products, tenant.roles").await?;
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

    fn attacks(&self) -> Vec<Attack> {
        if self.only.is_empty() {
            return Attack::value_variants().to_vec();
        }
        let others = self.only.iter().copied().filter(|one| *one != Attack::Nothing);
        std::iter::once(Attack::Nothing).chain(others).collect()
    }
}

/// The neighbour reads for so long: how long each read took, and how many were refused.
async fn read(server: &Server, client: &Client, token: &str, during: Duration, times: &mut Vec<Duration>) -> usize {
    let path = format!("{}/api/v1/projects?limit=20", server.base_url);
    let (begun, mut refused) = (Instant::now(), 0);
    while begun.elapsed() < during {
        let asked = Instant::now();
        let answer = client.get(&path).bearer_auth(token).send().await;
        let fine = match answer {
            Ok(answer) => answer.status() == StatusCode::OK && answer.bytes().await.is_ok(),
            Err(_) => false,
        };
        times.push(asked.elapsed());
        refused += usize::from(!fine);
        tokio::time::sleep(PAUSE).await;
    }
    refused
}

/// What so many of a hundred take at most, in milliseconds; `times` are sorted.
fn at(times: &[Duration], share: usize) -> f64 {
    let last = times.len().saturating_sub(1);
    times.get((times.len() * share / 100).min(last)).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
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
