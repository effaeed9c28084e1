//! `bench/run growth`: how rates change as something grows: tenants, pages, clients, the pool, one tenant beside small ones; and
//! what connections keep in memory.
mod axes;
mod drive;
mod report;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, ValueEnum};
use rowhouse::{db::Statements, error::Failure, sql};
use rowhouse_dev::Durability;
use tokio::net::TcpStream;

use self::{
    axes::{Axis, Subject},
    drive::{Ask, Asking, drive, hold, once},
    report::{Figures, Held, Measured, Report},
};
use crate::{
    cpu::Shares,
    data::Project,
    memory::Memory,
    say,
    servers::{POOL, Server},
    store::{Caller, Store},
    token::Signer,
};

/// Projects of a small tenant.
const EACH: u32 = 100;
/// Tenants where their number is not what grows.
const TENANTS: u32 = 1000;
/// How long a server is left alone before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(1);

/// How rates change as something grows, and what connections keep in memory.
#[derive(Args)]
#[command(
    after_help = "A first look takes a minute: bench/run growth --rounds 1 --seconds 1 --tenants 10,100 --large 20000\nExits with 1 when anything was answered otherwise than it should."
)]
pub(crate) struct Growth {
    /// Print one JSON object on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=600), value_name = "N")]
    seconds: u32,
    /// How often everything is measured; medians are reported.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    rounds: u32,
    /// These alone.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    only: Vec<Axis>,
    /// Tenants.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000, 10_000], value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    tenants: Vec<u32>,
    /// Pages of twenty, of the large tenant's.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 900], value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    pages: Vec<u32>,
    /// Clients.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64], value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
    clients: Vec<u32>,
    /// Connections to PostgreSQL.
    #[arg(long, value_delimiter = ',', default_values_t = [4, 8, 16, 32], value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    pools: Vec<u32>,
    /// Projects of the large tenant.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000), value_name = "N")]
    large: u32,
    /// Connections whose memory is looked at.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=4000), value_name = "N")]
    connections: u32,
    /// Where the private PostgreSQL with the data sets is kept from one run to the next.
    #[arg(long, default_value = ".rowhouse/growth", value_name = "DIR")]
    dir: PathBuf,
}

/// A server on a data set, and what can be asked of it.
struct Place {
    server: Server,
    address: SocketAddr,
    lists: Arc<[Ask]>,
    gets: Arc<[Ask]>,
    callers: Vec<Caller>,
}

impl Growth {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let mut store = Store::start(&self.dir, data_set(TENANTS), Durability::Safe)?;
        let signer = Signer::generate(&self.dir.join("keys"))?;
        let mut rows = Vec::new();
        for axis in [Axis::Tenants, Axis::Clients, Axis::Pool, Axis::Pages, Axis::Large] {
            if self.measures(axis) {
                let subjects = self.subjects(axis, &mut store, &signer).await?;
                let mut measured = Measured::default();
                for round in 0..self.rounds {
                    self.measure(&store, axis, round, &subjects, &mut measured).await?;
                }
                rows.extend(measured.rows(axis));
            }
        }
        let memory = if self.measures(Axis::Memory) { Some(self.memory(&mut store, &signer).await?) } else { None };
        let report = Report::new(self, store.version(), rows, memory);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(|error| Failure(error.to_string()))?);
        } else {
            println!("{report}");
        }
        let errors = report.errors();
        if errors > 0 {
            eprintln!("bench/run: {errors} requests were not answered as they should");
        }
        Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    fn measures(&self, axis: Axis) -> bool {
        self.only.is_empty() || self.only.contains(&axis)
    }

    /// One round of what is compared, beginning with another in each round.
    async fn measure(
        &self,
        store: &Store,
        axis: Axis,
        round: u32,
        subjects: &[Subject],
        measured: &mut Measured,
    ) -> Result<(), Failure> {
        let postmaster = store.postmaster()?;
        for turn in 0..subjects.len() {
            let number = (turn + round as usize) % subjects.len();
            let subject = &subjects[number];
            let Subject { value, operation, place, asks, clients, beside, .. } = subject;
            let time = Duration::from_secs(self.seconds.into());
            let (pid, address) = (place.server.pid, place.address);
            let look = move || Shares::of(pid, postmaster);
            let asking = drive(address, asks.clone(), *clients, time, look);
            let (answers, [before, after]) = match beside {
                None => asking.await?,
                Some((others, clients)) => {
                    let others = drive(address, others.clone(), *clients, time, || ());
                    let (asked, others) = tokio::join!(asking, others);
                    others?;
                    asked?
                }
            };
            let cores = after?.since(before?, time);
            let figures = Figures::new(&answers, time, cores);
            let (round, rounds) = (round + 1, self.rounds);
            say(&format!(
                "round {round} of {rounds}: {axis}: {value:<34} {operation:<5} {:>7.0} requests/s",
                figures.rps
            ));
            measured.add(number, round, subject, figures, answers.errors);
        }
        Ok(())
    }

    /// A data set that is there or is loaded, and a server on it, to which all callers are known.
    async fn place(&self, store: &mut Store, signer: &Signer, tenants: u32, pool: u32) -> Result<Place, Failure> {
        store.turn_to(data_set(tenants));
        if !store.is_usable().await? {
            say(&format!("loading {tenants} tenants of {EACH} projects; it is done once"));
            store.make(tenants, EACH).await?;
            store.complete().await?;
            store.restart()?;
        }
        self.serve(store, signer, pool).await
    }

    /// The same with one large tenant, the first of the callers.
    async fn large_place(&self, store: &mut Store, signer: &Signer) -> Result<Place, Failure> {
        store.turn_to(format!("growth_beside_{}", self.large));
        if !store.is_usable().await? {
            say(&format!("loading {} projects of one tenant beside {TENANTS} of {EACH}; it is done once", self.large));
            store.make(TENANTS + 1, 0).await?;
            let superuser = store.superuser().await?;
            let size = format!("set bench.large = {}; set bench.each = {EACH}", self.large);
            superuser.script("size", &size).await?;
            superuser.script("bench/sql/growth.sql", include_str!("../../sql/growth.sql")).await?;
            store.complete().await?;
            store.restart()?;
        }
        self.serve(store, signer, POOL).await
    }

    async fn serve(&self, store: &Store, signer: &Signer, pool: u32) -> Result<Place, Failure> {
        let superuser = store.superuser().await?;
        let callers = store.callers().await?;
        let projects: Vec<Project> = superuser.all(sql!("of_each"), &[]).await?;
        let log = self.dir.join(format!("{}_{pool}.log", store.database()));
        let keys = self.dir.join("keys");
        let server = Server::rowhouse_with(&store.api_url(), &keys, Statements::Named, &log, &[], pool).await?;
        let address = server.address()?;
        let asking = Asking(signer);
        let lists = asking.each(callers.iter().map(|caller| (*caller, "/projects?limit=20".to_owned())))?;
        // A tenant's only member has the tenant's id.
        let gets =
            asking.each(projects.iter().map(|Project { tenant, id }| {
                (Caller { tenant: *tenant, user: *tenant }, format!("/projects/{id}"))
            }))?;
        let answers = once(address, lists.clone()).await?;
        match answers.errors.first_key_value() {
            None => Ok(Place { server, address, lists, gets, callers }),
            Some((error, _)) => Err(Failure(format!("{} does not answer as it should: {error}", store.database()))),
        }
    }

    /// What connections keep in memory: those that have asked nothing, and those that have.
    async fn memory(&self, store: &mut Store, signer: &Signer) -> Result<Vec<Held>, Failure> {
        let connections = self.connections as usize;
        say(&format!("memory of {connections} connections"));
        let fresh = async |store: &mut Store| self.place(store, signer, TENANTS, POOL).await;
        let Place { server, address, .. } = fresh(store).await?;
        tokio::time::sleep(SETTLE).await;
        let rest = Memory::of(server.pid)?;
        let mut silent = Vec::new();
        for _ in 0..connections {
            silent.push(TcpStream::connect(address).await?);
        }
        tokio::time::sleep(SETTLE).await;
        let never_asked = Memory::of(server.pid)?;
        drop((silent, server));
        let Place { server, address, lists, .. } = fresh(store).await?;
        tokio::time::sleep(SETTLE).await;
        let second_rest = Memory::of(server.pid)?;
        let ([idle, busy, afterwards], answers) = hold(address, server.pid, lists, connections).await?;
        if let Some((error, _)) = answers.errors.first_key_value() {
            return Err(Failure(format!("memory was not measured: {error}")));
        }
        Ok(vec![
            Held::new("at rest, having answered each tenant once", rest, rest, None),
            Held::new("connections that have never asked", never_asked, rest, Some(connections)),
            Held::new("connections that have asked once", idle, second_rest, Some(connections)),
            Held::new("all ask for lists, about once a second", busy, second_rest, Some(connections)),
            Held::new("and are idle again", afterwards, second_rest, Some(connections)),
        ])
    }
}

fn data_set(tenants: u32) -> String {
    format!("growth_{tenants}x{EACH}")
}

impl std::fmt::Display for Axis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}
