//! What is measured, by whom, in which order.
use std::{
    fs,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use rowhouse::error::Failure;
use rowhouse_dev::PrivateRedis;

use crate::{
    Options, cpu,
    data::Data,
    figures::{Figures, Measured, Subject},
    load::Wrk,
    logins::Logins,
    pgbench::Pgbench,
    report::Report,
    requests::Requests,
    say,
    servers::{NO_CACHE, Server},
    token::Signer,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Operation {
    /// The newest projects of a tenant.
    List,
    /// One project of all.
    Get,
    /// A new project.
    Create,
    /// One-row pages at the beginning of a list, and at its end.
    #[value(name = "pages")]
    Page1,
    #[value(skip)]
    Page900,
    /// The list while two hundred people sign in.
    #[value(name = "logins")]
    ListLogins,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Get => "get",
            Self::Create => "create",
            Self::Page1 => "page_1",
            Self::Page900 => "page_900",
            Self::ListLogins => "list while logins",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    Pgbench,
    Minimal,
    Rowhouse,
}

impl Contender {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pgbench => "pgbench",
            Self::Minimal => "minimal",
            Self::Rowhouse => "rowhouse",
        }
    }
}

use Contender::{Minimal, Pgbench as Postgres, Rowhouse};

/// What is compared with what. Each row is measured close together, so that a machine that slows down for
/// a while slows all of the row. Creating comes last: it changes the lists.
const READS: [&[Subject]; 4] = [
    &[(Operation::List, Postgres), (Operation::List, Minimal), (Operation::List, Rowhouse)],
    &[(Operation::Get, Postgres), (Operation::Get, Minimal), (Operation::Get, Rowhouse)],
    &[(Operation::Page1, Rowhouse), (Operation::Page900, Rowhouse)],
    &[(Operation::ListLogins, Rowhouse), (Operation::List, Rowhouse)],
];
const WRITES: [&[Subject]; 1] = [&[(Operation::Create, Minimal), (Operation::Create, Rowhouse)]];

/// Long enough for every connection to have prepared its statements and for every token to be known.
const WARM_UP: u32 = 2;
/// A connection that has ended is counted when its process has.
const SETTLE: Duration = Duration::from_millis(200);

/// Runs the whole benchmark.
pub(crate) async fn measure_all(options: &Options) -> Result<Report, Failure> {
    let data = Data::open(options).await?;
    say(&format!("PostgreSQL {} is running", data.version()));
    let mut rig = Rig::new(options, &data).await?;
    let mut measured = Measured::default();
    rig.warm_up().await?;
    for rows in [&READS[..], &WRITES[..]] {
        for round in 0..options.rounds {
            for row in rows.iter().filter(|row| options.only.is_empty() || options.only.contains(&row[0].0)) {
                rig.measure_row(row, round, &mut measured).await?;
            }
        }
    }
    Ok(Report::new(options, data.version(), &measured, &rig.signed_in))
}

/// Everything that runs.
struct Rig {
    minimal: Server,
    rowhouse: Server,
    _redis: Option<PrivateRedis>,
    postmaster: u32,
    pgbench: Pgbench,
    wrk: Wrk,
    requests: Requests,
    seconds: u32,
    rounds: u32,
    runs: u64,
    tenants: u32,
    /// How many signed in each second, at each measurement.
    signed_in: Vec<f64>,
}

impl Rig {
    async fn new(options: &Options, data: &Data) -> Result<Self, Failure> {
        let Options { dir, seconds, rounds, connections, statements, .. } = options;
        let (keys, scripts) = (dir.join("keys"), dir.join("scripts"));
        fs::create_dir_all(&scripts)?;
        let (url, postmaster) = (data.api_url(), data.postmaster()?);
        let (callers, projects) = (data.callers().await?, data.projects().await?);
        let pgbench = Pgbench::new(postmaster, &scripts, url.clone(), &callers, &projects)?;
        let wrk = Wrk::new(&scripts, *connections)?;
        let signer = Signer::generate(&keys)?;
        let requests = Requests::new(scripts, &signer, callers, projects)?;

        let minimal = Server::minimal(&url, &keys, &dir.join("minimal.log")).await?;
        let redis = options.redis.then(|| PrivateRedis::start(&dir.join("redis"), &[])).transpose()?;
        let address = redis.as_ref().map(PrivateRedis::url);
        let with_redis = address.as_ref().map(|url| ["--redis-url", url]);
        let chosen: &[&str] = with_redis.as_ref().map_or(&NO_CACHE, |chosen| chosen);
        let rowhouse = Server::rowhouse(&url, &keys, *statements, &dir.join("rowhouse.log"), chosen).await?;
        requests.compare(&minimal, &rowhouse).await?;
        say("both servers give the same answers");
        requests.write(&rowhouse).await?;
        let (seconds, rounds) = (*seconds, *rounds);
        Ok(Self {
            minimal,
            rowhouse,
            _redis: redis,
            postmaster,
            pgbench,
            wrk,
            requests,
            seconds,
            rounds,
            runs: 0,
            tenants: options.tenants,
            signed_in: Vec::new(),
        })
    }

    async fn warm_up(&mut self) -> Result<(), Failure> {
        say("warming up");
        for row in READS.iter().chain(&WRITES) {
            for (operation, contender) in row.iter().filter(|(_, contender)| *contender != Postgres) {
                self.measure(*operation, *contender, WARM_UP).await?;
            }
        }
        Ok(())
    }

    /// Measures one row, starting with another contender in each round.
    async fn measure_row(&mut self, row: &[Subject], round: u32, measured: &mut Measured) -> Result<(), Failure> {
        let mut row = row.to_vec();
        let first = round as usize % row.len();
        row.rotate_left(first);
        for (operation, contender) in row {
            let figures = self.measure(operation, contender, self.seconds).await?;
            let (round, rounds, who, what) = (round + 1, self.rounds, contender.name(), operation.name());
            say(&format!("round {round} of {rounds}: {what:<17} {who:<8} {:>7.0} requests/s", figures.rps));
            measured.add((operation, contender), figures);
        }
        Ok(())
    }

    async fn measure(&mut self, operation: Operation, contender: Contender, seconds: u32) -> Result<Figures, Failure> {
        self.runs += 1;
        let server = match contender {
            Postgres => None,
            Minimal => Some(&self.minimal),
            Rowhouse => Some(&self.rowhouse),
        };
        let (begun, before) = (Instant::now(), self.used()?);
        let answered = match server {
            None => self.pgbench.run(operation, seconds).await?,
            Some(server) => {
                let first_name = self.runs * 1_000_000_000;
                let logins =
                    (operation == Operation::ListLogins).then(|| Logins::start(&server.base_url, self.tenants));
                let answered = self.wrk.run(server, &self.requests.file(operation), seconds, first_name).await?;
                if let Some(logins) = logins {
                    self.signed_in.push(logins.stop().await?);
                }
                answered
            }
        };
        tokio::time::sleep(SETTLE).await;
        let (elapsed, used) = (begun.elapsed(), self.used()?.since(before));
        let per_request = |used: Duration| used.as_secs_f64() * 1e6 / answered.requests;
        Ok(Figures {
            rps: answered.per_second,
            api_cpu_us: server.map(|_| per_request(used.servers)),
            pg_cpu_us: per_request(used.postgresql),
            others: used.others.as_secs_f64() / elapsed.as_secs_f64(),
        })
    }

    fn used(&self) -> Result<Used, Failure> {
        // The server that is not measured is idle.
        let servers = cpu::of_process(self.minimal.pid)? + cpu::of_process(self.rowhouse.pid)?;
        let postgresql = cpu::of_family(self.postmaster)?;
        let ours = cpu::with_ended_children(std::process::id())?;
        Ok(Used { servers, postgresql, others: cpu::of_machine()?.saturating_sub(servers + postgresql + ours) })
    }
}

/// CPU time used so far.
#[derive(Clone, Copy)]
struct Used {
    servers: Duration,
    postgresql: Duration,
    /// By whatever else runs on this machine.
    others: Duration,
}

impl Used {
    fn since(self, before: Self) -> Self {
        Self {
            servers: self.servers.saturating_sub(before.servers),
            postgresql: self.postgresql.saturating_sub(before.postgresql),
            others: self.others.saturating_sub(before.others),
        }
    }
}
