//! `bench/run jobs`: how many jobs a second are done, beside the plainest loop that claims and ends rows of one table; and how long a job that
//! nobody else's is in front of waits.
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use rowhouse::{
    clock::now,
    db::{Statements, WorkerDb},
    error::Failure,
    jobs::{Held, Job, Kinds, Worker, WorkerOptions, lease::LeaseTerms},
    wake::{CHANNEL, Wake, carry},
};
use rowhouse_dev::Durability;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::process::Command;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    cpu,
    histogram::{Histogram, Percentiles},
    say,
    store::Store,
};

/// As many as `rowhouse worker` has unless told otherwise.
const SLOTS: usize = 8;
const POOL: usize = 4;

/// What jobs cost.
#[derive(Args)]
pub(crate) struct Work {
    /// Print one JSON object on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Jobs that wait when the worker begins, in all tenants together.
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    jobs: u32,
    /// Tenants that have them.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
    tenants: u32,
    /// How often everything is measured; medians are reported.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    rounds: u32,
    /// Jobs that are written down one at a time, one each 20 ms, to see how long each waits.
    #[arg(long, default_value_t = 500, value_name = "N")]
    alone: u32,
    /// Where the private PostgreSQL lives while this runs.
    #[arg(long, default_value = ".rowhouse/jobs", value_name = "DIR")]
    dir: PathBuf,
}

/// A job that does nothing, and knows when it was written down.
#[derive(Deserialize, Serialize)]
struct Nothing {
    at_us: i64,
}

impl Job for Nothing {
    const KIND: &'static str = "bench.nothing";
    const PERMISSIONS: &'static [&'static str] = &[];
    const ASKS: Option<&'static str> = None;
}

#[derive(Clone, Default)]
struct Seen {
    done: Arc<AtomicU64>,
    waited: Arc<Mutex<Histogram>>,
}

impl Seen {
    fn kinds(&self) -> Kinds {
        let seen = self.clone();
        let handler = move |job: Nothing, _: Held| {
            let waited = now().as_microsecond() - job.at_us;
            let waited = Duration::from_micros(u64::try_from(waited).unwrap_or(0));
            seen.waited.lock().unwrap_or_else(PoisonError::into_inner).add(waited);
            seen.done.fetch_add(1, Ordering::Relaxed);
            async { Ok(json!({})) }
        };
        Kinds::builder().with(handler).build()
    }
}

/// One way of doing it.
#[derive(Clone, Copy, Serialize)]
struct Figures {
    per_second: f64,
    /// PostgreSQL's CPU time for one, in microseconds.
    pg_cpu_us: f64,
}

#[derive(Serialize)]
struct Report {
    jobs: u32,
    tenants: u32,
    /// `rowhouse`'s worker: a turn, a lease, an end for each.
    worker: Figures,
    /// The CPU time of the worker itself for one, in microseconds.
    worker_cpu_us: f64,
    /// pgbench: claims a row with `skip locked` and ends it, two transactions, as a superuser, without walls or turns.
    loop_of_two: Figures,
    /// The worker's jobs a second in the loop's, by round.
    ratios: Vec<f64>,
    /// From the commit that writes one down until it begins, in milliseconds.
    begun: Percentiles,
}

impl Work {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let store = Store::start(&self.dir, "jobs".to_owned(), Durability::Throwaway)?;
        store.make(self.tenants, 0).await?;
        let superuser = store.superuser().await?;
        superuser
            .script("kind", "insert into registry.job_kinds (kind, permissions) values ('bench.nothing', '{}')")
            .await?;
        let postmaster = store.postmaster()?;
        let (mut worker, mut plain, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for round in 1..=self.rounds {
            say(&format!("round {round}: {} jobs of {} tenants", self.jobs, self.tenants));
            let (figures, cpu) = self.drain(&store, postmaster).await?;
            worker.push(figures);
            own.push(cpu);
            say("the plain loop");
            plain.push(self.plain(&store, postmaster).await?);
        }
        let ratios = worker.iter().zip(&plain).map(|(one, other)| round(one.per_second / other.per_second)).collect();
        say("one at a time");
        let report = Report {
            jobs: self.jobs,
            tenants: self.tenants,
            worker: median(&worker),
            worker_cpu_us: middle(own),
            loop_of_two: median(&plain),
            ratios,
            begun: self.alone(&store).await?,
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(|error| Failure(error.to_string()))?);
        } else {
            println!("{report}");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// All that wait, until none does.
    async fn drain(&self, store: &Store, postmaster: u32) -> Result<(Figures, f64), Failure> {
        let write = format!(
            "delete from tenant.jobs;
             insert into tenant.jobs (tenant_id, id, kind, payload, run_at)
             select t.id, gen_random_uuid(), 'bench.nothing', '{{\"at_us\": 0}}', now() from generate_series(1, {} / {}) n,
                 (select id from registry.tenants order by id limit {}) t;
             analyze tenant.jobs; analyze tenant.job_heads; checkpoint",
            self.jobs, self.tenants, self.tenants
        );
        let superuser = store.superuser().await?;
        for statement in write.split(';') {
            superuser.script("jobs", statement).await?;
        }
        let jobs = u64::from(self.jobs / self.tenants * self.tenants);
        let (seen, url) = (Seen::default(), store.url("rowhouse_worker"));
        let working = Working::begin(&url, &seen, None)?;
        let (began, before, ours) = (Instant::now(), cpu::of_family(postmaster)?, cpu::of_process(std::process::id())?);
        while seen.done.load(Ordering::Relaxed) < jobs {
            tokio::time::sleep(Duration::from_millis(2)).await;
            if began.elapsed() > Duration::from_mins(10) {
                return Err(Failure(format!("{} of {jobs} jobs after ten minutes", seen.done.load(Ordering::Relaxed))));
            }
        }
        let elapsed = began.elapsed();
        let own = cpu::of_process(std::process::id())?.saturating_sub(ours);
        let pg = cpu::of_family(postmaster)?.saturating_sub(before);
        working.finish().await?;
        #[expect(clippy::cast_precision_loss, reason = "a count of jobs")]
        let jobs = jobs as f64;
        let us = |time: Duration| round(time.as_secs_f64() * 1e6 / jobs);
        Ok((Figures { per_second: round(jobs / elapsed.as_secs_f64()), pg_cpu_us: us(pg) }, us(own)))
    }

    /// As many rows of one table, on as many connections.
    async fn plain(&self, store: &Store, postmaster: u32) -> Result<Figures, Failure> {
        let clients = POOL + 2;
        let each = self.jobs as usize / clients;
        let make = format!(
            "drop table if exists public.plain;
             create table public.plain (id bigint primary key, state text not null default 'waiting', payload jsonb not null default '{{}}');
             insert into public.plain (id) select generate_series(1, {});
             create index on public.plain (id) where state = 'waiting';
             analyze public.plain; checkpoint",
            self.jobs
        );
        let superuser = store.superuser().await?;
        for statement in make.split(';') {
            superuser.script("plain", statement).await?;
        }
        let script = self.dir.join("plain.sql");
        fs::write(
            &script,
            "update public.plain set state = 'running' where id = (select id from public.plain where state = 'waiting' order by id \
             for update skip locked limit 1) returning id \\gset\nupdate public.plain set state = 'done' where id = :id;\n",
        )?;
        let (began, before) = (Instant::now(), cpu::of_family(postmaster)?);
        pgbench(postmaster, &store.url("postgres"), &script, clients, each).await?;
        let (elapsed, pg) = (began.elapsed(), cpu::of_family(postmaster)?.saturating_sub(before));
        #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
        let rows = (each * clients) as f64;
        Ok(Figures { per_second: round(rows / elapsed.as_secs_f64()), pg_cpu_us: round(pg.as_secs_f64() * 1e6 / rows) })
    }

    /// One job now and then, of a tenant that has no other.
    async fn alone(&self, store: &Store) -> Result<Percentiles, Failure> {
        let superuser = store.superuser().await?;
        superuser.script("jobs", "delete from tenant.jobs").await?;
        let (seen, url) = (Seen::default(), store.url("rowhouse_worker"));
        let wake = Wake::new(url.clone().into(), None);
        let _carried = AbortOnDropHandle::new(tokio::spawn(carry(wake.clone())));
        let working = Working::begin(&url, &seen, Some(&wake))?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let callers = store.callers().await?;
        for caller in callers.iter().cycle().take(self.alone as usize) {
            let at_us = now().as_microsecond();
            let write = format!(
                "insert into tenant.jobs (tenant_id, id, kind, payload)
                 values ('{0}', gen_random_uuid(), 'bench.nothing', '{{\"at_us\": {at_us}}}'); notify {CHANNEL}, '{0}'",
                caller.tenant
            );
            superuser.script("job", &write).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        working.finish().await?;
        let waited = seen.waited.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if waited.count() != u64::from(self.alone) {
            return Err(Failure(format!("{} of {} jobs were done", waited.count(), self.alone)));
        }
        waited.percentiles().ok_or_else(|| Failure("no job was done".to_owned()))
    }
}

/// A worker in this process.
struct Working {
    stop: CancellationToken,
    run: AbortOnDropHandle<()>,
}

impl Working {
    fn begin(url: &str, seen: &Seen, wake: Option<&Wake>) -> Result<Self, Failure> {
        let db = WorkerDb::open(&url.to_owned().into(), POOL, Statements::Named)?;
        let lease = LeaseTerms::new(Duration::from_secs(30)).ok_or_else(|| Failure("no such lease".to_owned()))?;
        let worker = Worker::new(db, seen.kinds(), WorkerOptions::new(SLOTS, lease, Duration::from_secs(10)));
        let stop = CancellationToken::new();
        let (until, heard) = (stop.clone(), wake.map(Wake::heard));
        let run = AbortOnDropHandle::new(tokio::spawn(async move {
            let woken = async {
                match heard {
                    Some(heard) => worker.woken_by(heard, until.clone()).await,
                    None => until.cancelled().await,
                }
            };
            tokio::join!(worker.run(until.clone()), woken);
        }));
        Ok(Self { stop, run })
    }

    async fn finish(self) -> Result<(), Failure> {
        self.stop.cancel();
        self.run.await.map_err(|error| Failure(error.to_string()))
    }
}

/// Runs a script so often on each of so many connections, with the pgbench that lies beside the running server's own program.
async fn pgbench(postmaster: u32, url: &str, script: &Path, clients: usize, each: usize) -> Result<(), Failure> {
    let program = fs::read_link(format!("/proc/{postmaster}/exe"))?.with_file_name("pgbench");
    let mut command = Command::new(&program);
    command.args(["--no-vacuum", "--protocol", "prepared", "--client", &clients.to_string()]);
    command.args(["--transactions", &each.to_string(), "--file"]).arg(script).arg(url);
    let output = command.kill_on_drop(true).output().await;
    let output = output.map_err(|error| Failure(format!("{} cannot be run: {error}", program.display())))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure(format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn middle(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

fn median(all: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| middle(all.iter().map(figure).collect());
    Figures { per_second: of(|one| one.per_second), pg_cpu_us: of(|one| one.pg_cpu_us) }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { jobs, tenants, worker, worker_cpu_us, loop_of_two, ratios, begun } = self;
        writeln!(f, "\n{jobs} jobs of {tenants} tenants; {SLOTS} slots, {POOL} connections and two more. Medians.\n")?;
        writeln!(f, "{:<28}{:>10}{:>14}{:>14}", "", "jobs/s", "PG CPU, µs", "own CPU, µs")?;
        writeln!(
            f,
            "{:<28}{:>10.0}{:>14.0}{:>14.0}",
            "the worker", worker.per_second, worker.pg_cpu_us, worker_cpu_us
        )?;
        writeln!(f, "{:<28}{:>10.0}{:>14.0}", "update … skip locked", loop_of_two.per_second, loop_of_two.pg_cpu_us)?;
        writeln!(f, "\nof the loop's, by round: {ratios:?}")?;
        let Percentiles { p50, p95, p99, longest } = begun;
        write!(f, "from written down to begun, ms: p50 {p50:.1}, p95 {p95:.1}, p99 {p99:.1}, longest {longest:.1}")
    }
}
