//! `bench/run load`: a thousand callers on connections that they keep, in a mix of everything, first with pauses as people make
//! them and then as fast as they are answered.
mod alarm;
mod caller;
mod mix;
mod people;
mod report;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use clap::Args;
use rowhouse::{auth::hash_password, db::Statements, error::Failure, from_row, sql};
use rowhouse_dev::Durability;

use self::{
    people::{People, Phase},
    report::{Mean, Phased, Report, Resident},
};
use crate::{
    cpu::Shares,
    memory::Memory,
    say,
    servers::Server,
    store::{PASSWORD, Store},
    token::Signer,
};

/// Projects, and products, of each tenant before anything is made.
const EACH: u32 = 200;
/// What is asked for at the beginning of a phase does not count.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long statements are counted, which slows PostgreSQL down and is not measured.
const COUNTING: Duration = Duration::from_secs(5);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// A thousand callers in a mix of everything: how long they wait, and what it takes.
#[derive(Args)]
#[command(
    after_help = "A first look takes half a minute: bench/run load --callers 100 --tenants 25 --seconds 5 --saturated-seconds 3\nExits with 1 when anything was answered otherwise than it should, or when it takes longer or more memory than it may."
)]
pub(crate) struct Load {
    /// Print one JSON object on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Callers, each with an account, a network and a connection of their own.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
    callers: u32,
    /// Tenants that they belong to.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
    tenants: u32,
    /// How long they ask with pauses.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=600), value_name = "N")]
    seconds: u32,
    /// How long they ask as fast as they are answered; 0 leaves it out.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=600), value_name = "N")]
    saturated_seconds: u32,
    /// From one request of a caller's to the next, on average, in milliseconds; exponentially distributed.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=60_000), value_name = "MS")]
    think_ms: u32,
    /// From one sign-in of a caller's to the next, on average, in seconds; exponentially distributed.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    login_every: u32,
    /// What 95 of 100 requests may take with pauses, in milliseconds.
    #[arg(long, default_value_t = 5.0, value_name = "MS")]
    p95: f64,
    /// What 99 of 100 requests may take with pauses, in milliseconds.
    #[arg(long, default_value_t = 15.0, value_name = "MS")]
    p99: f64,
    /// What 95 of 100 requests may take without, in milliseconds.
    #[arg(long, default_value_t = 200.0, value_name = "MS")]
    saturated_p95: f64,
    /// What the server may keep in memory at most, in MiB.
    #[arg(long, default_value_t = 120.0, value_name = "MIB")]
    memory: f64,
    /// Options of the server's, for trying them.
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    serve: Vec<String>,
    /// Where the private PostgreSQL with the data set is kept from one run to the next.
    #[arg(long, default_value = ".rowhouse/load", value_name = "DIR")]
    dir: PathBuf,
}

struct Email(String);

from_row! { Email: "email" }

struct Sent {
    statements: i64,
    transactions: i64,
}

from_row! { Sent: statements, transactions }

impl Load {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let store = self.open().await?;
        let emails: Vec<Email> = store.superuser().await?.all(sql!("emails"), &[]).await?;
        let emails: Vec<String> = emails.into_iter().take(self.callers as usize).map(|Email(email)| email).collect();
        let keys = self.dir.join("keys");
        Signer::generate(&keys)?;
        let options: Vec<&str> = self.serve.iter().map(String::as_str).collect();
        let log = self.dir.join("rowhouse.log");
        let server = Server::rowhouse(&store.api_url(), &keys, Statements::Named, &log, &options).await?;
        // What starting has left behind.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let at_rest = Memory::of(server.pid)?;
        say(&format!("{} callers of {} tenants sign in", emails.len(), self.tenants));
        let people = People::arrive(emails, server.address()?).await?;
        let signed_in = Memory::of(server.pid)?;
        // As a database that serves would do by itself: tables were empty before anybody signed in.
        store.superuser().await?.script("analyze", "vacuum (analyze)").await?;

        let think = Phase {
            think: Some(f64::from(self.think_ms) / 1e3),
            login_every: f64::from(self.login_every),
            warm_up: WARM_UP,
            time: Duration::from_secs(self.seconds.into()),
        };
        say(&format!("{} s with pauses, after {} s that do not count", self.seconds, WARM_UP.as_secs()));
        let with_pauses = self.measure(&store, &server, &people, think).await?;
        say("counting statements");
        let per_request = self.count(&store, &people, think).await?;
        let saturated = if self.saturated_seconds > 0 {
            say(&format!("{} s without pauses", self.saturated_seconds));
            let time = Duration::from_secs(self.saturated_seconds.into());
            Some(self.measure(&store, &server, &people, Phase { think: None, time, ..think }).await?)
        } else {
            None
        };
        let reopened = people.opened.load(Ordering::Relaxed);
        let resident = Resident { at_rest, signed_in, at_the_end: Memory::of(server.pid)? };
        let report = Report::new(self, store.version(), with_pauses, saturated, per_request, resident, reopened);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(|error| Failure(error.to_string()))?);
        } else {
            println!("{report}");
        }
        let complaints = report.complaints(self);
        for complaint in &complaints {
            eprintln!("bench/run: {complaint}");
        }
        Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    /// A data set as it was loaded, in a PostgreSQL that can count statements and does not yet.
    async fn open(&self) -> Result<Store, Failure> {
        let members = self.callers.div_ceil(self.tenants);
        let mut store = Store::start(&self.dir, format!("load_{}x{members}", self.tenants), Durability::Safe)?;
        if !store.is_usable().await? {
            say(&format!("loading {} tenants of {members} members; it is done once", self.tenants));
            store.make(self.tenants, EACH).await?;
            let hash = hash_password(&PASSWORD.into())?;
            let size = format!(
                "set bench.members = {members}; set bench.products = {EACH}; set bench.password_hash = '{hash}'"
            );
            let superuser = store.superuser().await?;
            superuser.script("size", &size).await?;
            superuser.script("bench/sql/crowd.sql", include_str!("../../sql/crowd.sql")).await?;
            superuser.script("library", "alter system set shared_preload_libraries = 'pg_stat_statements'").await?;
            drop(superuser);
            store.complete().await?;
            store.restart()?;
        }
        let postgres = store.postgres().await?;
        postgres.script("extension", "create extension if not exists pg_stat_statements").await?;
        count_statements(&store, false).await?;
        let superuser = store.superuser().await?;
        superuser.script("bench/sql/crowd_tidy.sql", include_str!("../../sql/crowd_tidy.sql")).await?;
        superuser.script("vacuum", "vacuum (analyze)").await?;
        superuser.script("checkpoint", "checkpoint").await?;
        Ok(store)
    }

    async fn measure(&self, store: &Store, server: &Server, people: &People, phase: Phase) -> Result<Phased, Failure> {
        let (pid, postmaster) = (server.pid, store.postmaster()?);
        let asking = people.ask(phase);
        let looking = async {
            tokio::time::sleep(phase.warm_up).await;
            let (begun, before) = (Instant::now(), Shares::of(pid, postmaster)?);
            let mut most = Memory::of(pid)?;
            while begun.elapsed() < phase.time {
                tokio::time::sleep(LOOK.min(phase.time.saturating_sub(begun.elapsed()))).await;
                let memory = Memory::of(pid)?;
                if memory.rss > most.rss {
                    most = memory;
                }
            }
            Ok::<_, Failure>((Shares::of(pid, postmaster)?.since(before, begun.elapsed()), most))
        };
        let (counted, looked) = tokio::join!(asking, looking);
        let (cores, memory) = looked?;
        Ok(Phased::new(counted?, phase.time, cores, memory))
    }

    /// Statements and transactions a request, in the same mix.
    async fn count(&self, store: &Store, people: &People, phase: Phase) -> Result<Mean, Failure> {
        count_statements(store, true).await?;
        let asked = people.ask(Phase { warm_up: Duration::ZERO, time: COUNTING, ..phase }).await?;
        let postgres = store.postgres().await?;
        let sent: Vec<Sent> = postgres.all(sql!("statements"), &[&store.database()]).await?;
        count_statements(store, false).await?;
        let requests: u64 = asked.times.values().map(crate::histogram::Histogram::count).sum();
        let Some(Sent { statements, transactions }) = sent.first() else {
            return Err(Failure("PostgreSQL has counted nothing".to_owned()));
        };
        Ok(Mean::new(*statements, *transactions, requests))
    }
}

/// Switches counting on from nothing, or off.
async fn count_statements(store: &Store, on: bool) -> Result<(), Failure> {
    let postgres = store.postgres().await?;
    let track = if on { "top" } else { "none" };
    postgres.script("counting", &format!("alter system set pg_stat_statements.track = '{track}'")).await?;
    postgres.script("counting", "select pg_reload_conf(), pg_stat_statements_reset()").await?;
    // Until every process has heard of it.
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(())
}
