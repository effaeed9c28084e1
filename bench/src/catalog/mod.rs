//! `bench/run catalog`: a large catalogue beside a thousand small ones. What a search, a page, an import and an export
//! cost there; README.md says how to read it.
mod fill;
mod lists;
mod report;
mod search;
mod small;
mod transfer;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use rowhouse::{db::Statements, error::Failure};
use rowhouse_dev::Durability;

use crate::{
    goods::Catalogue,
    say,
    servers::{NO_CACHE_AND_JOBS, Server},
    store::Store,
    token::Signer,
};
use report::Report;

/// Tenants for what is imported while measuring.
const EMPTY: u32 = 4;

/// A large catalogue beside many small ones: search, lists, import and export.
#[derive(Args)]
#[command(
    after_help = "Exits with 1 when something costs more than it may, or a plan is not what it should be.\nA first look: bench/run catalog --large 30000 --small 100 --import 10000"
)]
pub(crate) struct Catalog {
    /// Print one JSON object on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Products of the large tenant.
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u32).range(2_000..=5_000_000), value_name = "N")]
    large: u32,
    /// Small tenants.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=10_000), value_name = "N")]
    small: u32,
    /// Products of each.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(100..=100_000), value_name = "N")]
    each: u32,
    /// Products that are imported while measuring.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000), value_name = "N")]
    import: u32,
    /// How often every query is asked.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000), value_name = "N")]
    rounds: u32,
    /// What a search behind the walls may take, in times of the same without.
    #[arg(long, default_value_t = 5.0, value_name = "RATIO")]
    wall: f64,
    /// What a search of a small tenant may take over HTTP beyond reading one product, in milliseconds.
    #[arg(long, default_value_t = 2.0, value_name = "MS")]
    beyond_get: f64,
    /// What the server's peak memory may grow by while ten times as much is imported, in MiB.
    #[arg(long, default_value_t = 16.0, value_name = "MIB")]
    growth: f64,
    /// Where the private PostgreSQL with the data set is kept from one run to the next.
    #[arg(long, default_value = ".rowhouse/catalog", value_name = "DIR")]
    dir: PathBuf,
    /// Load the data set anew.
    #[arg(long)]
    fresh: bool,
}

impl Catalog {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let goods = Catalogue::new()?;
        let database = format!("catalog_{}_{}x{}", self.large, self.small, self.each);
        let mut store = Store::start(&self.dir, database, Durability::Safe)?;
        say(&format!("PostgreSQL {} is running", store.version()));
        if self.fresh || !store.is_usable().await? {
            self.fill(&mut store, &goods).await?;
            store.restart()?;
        }
        self.tidy(&store).await?;
        let sizes = store.sizes().await?;
        let callers = store.callers().await?;
        let Some((large, rest)) = callers.split_first() else {
            return Err(Failure("there is no tenant".to_owned()));
        };
        let (small, empty) = rest.split_at(self.small as usize);

        say("searching the large tenant, behind the walls and without");
        let wall = search::measure(&store, *large, small[0], self.rounds).await?;
        say("reading lists of the large tenant");
        let lists = lists::measure(&store, *large).await?;

        let keys = self.dir.join("keys");
        let signer = Signer::generate(&keys)?;
        let log = self.dir.join("rowhouse.log");
        let url = store.api_url();
        let start = || Server::rowhouse(&url, &keys, Statements::Named, &log, &NO_CACHE_AND_JOBS);
        let server = start().await?;
        say("searching small tenants over HTTP");
        let beyond_get = small::measure(&store, &server, &signer, small, self.rounds).await?;
        // What memory an import takes is seen in a process that has done nothing else.
        drop(server);
        let server = start().await?;
        let transfers = transfer::measure(&goods, &server, &signer, empty, self.import).await?;

        let report = Report { sizes, wall, beyond_get, lists, transfers };
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

    async fn tidy(&self, store: &Store) -> Result<(), Failure> {
        let superuser = store.superuser().await?;
        let first = self.small + 2;
        superuser.script("size", &format!("set bench.first = {first}")).await?;
        superuser.script("bench/sql/catalog/tidy.sql", include_str!("../../sql/catalog/tidy.sql")).await?;
        superuser.script("vacuum", "vacuum tenant.products, tenant.product_tags, tenant.product_words").await?;
        superuser.script("checkpoint", "checkpoint").await
    }
}

/// Of many executions, in milliseconds.
#[derive(Clone, Copy, serde::Serialize)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
}

impl Spread {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let time = times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
            time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        Self { p50: at(50), p95: at(95) }
    }
}
