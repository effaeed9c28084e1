//! `rowhouse serve`, and the check that asks whether it does.
use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use clap::Args;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
};

use secrecy::SecretString;

use super::{
    descriptors,
    worker::{self, AtWork, WorkerArgs},
};
use crate::{
    app::App,
    auth::{Clock, Keys},
    cache::CacheFigures,
    db,
    error::Failure,
    http::Leaving,
    server::{self, Kind, Supervisor, metrics},
    settings::{ServeArgs, Tuning, refuse_placeholders},
};

/// How often the figures of the cache are logged, where they have changed.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// How it is served, and whether jobs are done beside.
#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    args: ServeArgs,
    /// Whether this process does jobs as well, as `rowhouse worker` would; it takes `WORKER_DATABASE_URL`.
    #[arg(long, env = "ROWHOUSE_WITH_WORKER", requires = "worker_database_url")]
    with_worker: bool,
    /// Where PostgreSQL is, as the role that does jobs.
    #[arg(long, env = "WORKER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    worker_database_url: Option<SecretString>,
    #[command(flatten)]
    worker: WorkerArgs,
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let worker = match &self.worker_database_url {
            Some(url) if self.with_worker => {
                refuse_placeholders(self.args.tuning.profile, [("WORKER_DATABASE_URL", url)])?;
                Some((self.worker, url))
            }
            _ => None,
        };
        run(self.args, worker).await
    }
}

async fn run(mut args: ServeArgs, worker: Option<(WorkerArgs, &SecretString)>) -> Result<(), Failure> {
    descriptors::fit(&mut args.tuning)?;
    args.refuse_placeholders()?;
    let keys = Keys::read(&args.keys)?;
    let database = db::Urls { api: args.database_url, gate: args.gate_database_url };
    let app = args.tuning.app(&database, keys, Clock::system())?;
    refuse_unless_walled(&app).await?;
    let worker = if let Some((worker, url)) = worker {
        let Tuning { mail, profile, name_servers, .. } = &args.tuning;
        let means = worker::means(mail, *profile, Keys::read(&args.keys)?, name_servers)?;
        let office = args.tuning.webhooks.office(Keys::read(&args.keys)?, name_servers, *profile)?;
        let means = means.with_webhooks(office);
        Some(worker.begin(url, args.tuning.statements, app.wake.clone(), means).await?)
    } else {
        tracing::warn!(
            "this process does no jobs and sends no letters: they wait for `rowhouse worker`, or for --with-worker"
        );
        None
    };
    if app.cache.kind() == "local" {
        tracing::info!("REDIS_URL is not set: each process keeps answers of its own");
    }
    let listener = listen(args.listen).await?;
    tracing::info!(address = %args.listen, "serving");
    let supervisor = Supervisor::default();
    let told = app.clone();
    supervisor.start("cache figures", Kind::Restarted, move || tell_of_cache(told.clone()));
    supervisor.tend(&app);
    if let Some(address) = args.metrics_listen {
        let listener = Arc::new(Mutex::new(Some(listen(address).await?)));
        tracing::info!(%address, "figures are at /metrics, and how it stands at /readyz");
        let (router, serving) = (metrics::router(&app), args.tuning.serving());
        supervisor.start("figures", Kind::Vital, move || {
            let listener = listener.lock().unwrap_or_else(PoisonError::into_inner).take();
            let router = router.clone();
            async move {
                if let Some(listener) = listener {
                    let _ = server::serve(listener, router, serving, Leaving::default(), std::future::pending()).await;
                }
            }
        });
    }
    let stop = stopped(Duration::from_millis(args.tuning.drain_ms))?;
    let stop = {
        let supervisor = supervisor.clone();
        let lost = worker.as_ref().map(AtWork::lost);
        async move {
            let worker_lost = async {
                match lost {
                    Some(lost) => lost.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                drain = stop => drain,
                () = supervisor.lost() => Duration::ZERO,
                () = worker_lost => Duration::ZERO,
            }
        }
    };
    let serving = args.tuning.serving();
    server::serve(listener, server::application(&app), serving, app.leaving.clone(), stop).await?;
    if let Some(worker) = worker {
        worker.finish().await?;
    }
    supervisor.wind_down(&app, serving.grace).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Says now and then how much came from the cache: in the log and to nobody else, since it is of all tenants together.
async fn tell_of_cache(app: App) {
    let mut told = app.cache.figures();
    loop {
        tokio::time::sleep(TOLD_EVERY).await;
        let now = app.cache.figures();
        if now != told {
            let CacheFigures { hits, misses, bypassed, refused } = now;
            tracing::info!(hits, misses, bypassed, refused, "answers since the process began");
            told = now;
        }
    }
}

/// A server that could be walked around does not start, nor one behind a pooler that loses what it sends.
pub(super) async fn refuse_unless_walled(app: &App) -> Result<(), Failure> {
    app.db.refuse_unless_carried().await?;
    let startup_problems =
        db::refuse_unless_walled(&app.db, &app.seal("seal_holds", &[Some("")])).await.map_err(|error| match error {
            crate::Error::DatabaseUnavailable => Failure(
                "the database in DATABASE_URL or GATE_DATABASE_URL cannot be reached; the log above says why"
                    .to_owned(),
            ),
            other => Failure(other.to_string()),
        })?;
    if startup_problems.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = startup_problems.iter().map(|complaint| format!("\n  - {complaint}")).collect();
    Err(Failure(format!("refusing to serve, because isolation would not hold:{}", list.concat())))
}

pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| Failure(format!("cannot listen on {address}: {error}")))
}

/// Resolves at SIGTERM, or at Ctrl-C and when the terminal goes: how long to go on answering. Whoever sends SIGTERM may have
/// to be given time to send requests elsewhere; a person has not.
pub(super) fn stopped(drain: Duration) -> Result<impl Future<Output = Duration>, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => drain,
            _ = interrupt.recv() => Duration::ZERO,
            _ = hangup.recv() => Duration::ZERO,
        }
    })
}

/// For container images that have no curl.
#[derive(Args)]
pub(super) struct Healthcheck {
    /// Where the server listens.
    #[arg(long, env = "ROWHOUSE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    address: SocketAddr,
}

impl Healthcheck {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let ask = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        // 0 and 1 are the only exit codes Docker knows for a health check.
        let (ready, said) = match tokio::time::timeout(Duration::from_secs(5), ask).await {
            Ok(Ok(answer)) => {
                let status = answer.lines().next().unwrap_or_default().to_owned();
                (status.contains(" 200 "), status)
            }
            Ok(Err(error)) => (false, error.to_string()),
            Err(_) => (false, "no answer in 5 seconds".to_owned()),
        };
        println!("{address}: {said}");
        Ok(if ready { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
