//! The two servers that are compared, each a process of its own that ends with us.
use std::{
    env,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use rowhouse::{
    auth::SealKey,
    db::{API_ROLE, GATE_ROLE, WORKER_ROLE},
    db::{AdminConn, Statements},
    error::Failure,
};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::token::{AUDIENCE, ISSUER};

/// Connections to PostgreSQL: Rowhouse's default, and the same for every contender.
pub(crate) const POOL: u32 = 8;
/// What is measured is worked out each time.
pub(crate) const NO_CACHE: [&str; 2] = ["--cache-bytes", "0"];
/// A worker in the same process, which imports files.
const WITH_WORKER: &str = "--with-worker";
/// The same as [`NO_CACHE`], and jobs are done.
pub(crate) const NO_CACHE_AND_JOBS: [&str; 3] = [NO_CACHE[0], NO_CACHE[1], WITH_WORKER];
/// A debug build is slow to start, too.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server under measurement. Dropping it ends the process.
pub(crate) struct Server {
    pub(crate) base_url: String,
    pub(crate) pid: u32,
    _process: Child,
}

impl Server {
    /// `rowhouse serve` as in production: its defaults but for these options, JSON logs to a file.
    pub(crate) async fn rowhouse(
        database_url: &str,
        keys: &Path,
        statements: Statements,
        log: &Path,
        options: &[&str],
    ) -> Result<Self, Failure> {
        Self::rowhouse_with(database_url, keys, statements, log, options, POOL).await
    }

    /// The same with so many connections to PostgreSQL.
    pub(crate) async fn rowhouse_with(
        database_url: &str,
        keys: &Path,
        statements: Statements,
        log: &Path,
        options: &[&str],
        pool: u32,
    ) -> Result<Self, Failure> {
        // The database is told of the key that these servers seal with.
        let migrator = AdminConn::connect(&database_url.replace(API_ROLE, "rowhouse_migrator")).await?;
        SealKey::read(keys)?.keep(&migrator).await?;
        let program = env::current_exe()?.with_file_name("rowhouse");
        let mut command = Command::new(program);
        command.args(["--log-format", "json", "serve", "--profile", "production"]);
        command.args(["--issuer", ISSUER, "--audience", AUDIENCE]);
        // Those who sign in come from networks of their own, as they would through a proxy.
        command.args(["--trusted-proxies", "1"]);
        command.args(options);
        if options.contains(&WITH_WORKER) {
            command.args(["--worker-database-url", &database_url.replace(API_ROLE, WORKER_ROLE)]);
        }
        command.args(["--gate-database-url", &database_url.replace(API_ROLE, GATE_ROLE)]);
        if statements == Statements::Unnamed {
            command.args(["--statements", "unnamed"]);
        }
        Self::start(command, database_url, keys, log, pool).await
    }

    /// `rowhouse worker` as in production, which may send to receivers on this machine; it serves nobody.
    pub(crate) fn worker(database_url: &str, keys: &Path, log: &Path, options: &[&str]) -> Result<Child, Failure> {
        let mut command = Command::new(env::current_exe()?.with_file_name("rowhouse"));
        command.args(["--log-format", "json", "worker", "--profile", "production"]);
        command.args(["--worker-database-url", database_url, "--webhook-networks", "127.0.0.0/8"]);
        command.args(options).arg("--keys").arg(keys);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(log)?);
        command.kill_on_drop(true).spawn().map_err(|error| Failure(format!("a worker does not start ({error})")))
    }

    /// This program again, as the minimal handler.
    pub(crate) async fn minimal(database_url: &str, keys: &Path, log: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("minimal");
        Self::start(command, database_url, keys, log, POOL).await
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Result<SocketAddr, Failure> {
        let address = self.base_url.trim_start_matches("http://");
        address.parse().map_err(|error| Failure(format!("{address}: {error}")))
    }

    async fn start(
        mut command: Command,
        database_url: &str,
        keys: &Path,
        log: &Path,
        pool: u32,
    ) -> Result<Self, Failure> {
        let address = free_address()?;
        command.args(["--database-url", database_url, "--listen", &address.to_string()]);
        command.args(["--pool", &pool.to_string(), "--keys"]).arg(keys);
        // What happens to be set in this shell must not tune one of the two.
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(log)?);
        let failed = |why: &str| Failure(format!("a server {why}; {} says why", log.display()));
        let mut process = command.kill_on_drop(true).spawn().map_err(|error| failed(&format!("({error})")))?;

        let begun = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            if process.try_wait()?.is_some() {
                return Err(failed("did not start"));
            }
            if begun.elapsed() > PATIENCE {
                return Err(failed("does not listen"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let pid = process.id().ok_or_else(|| failed("ended at once"))?;
        Ok(Self { base_url: format!("http://{address}"), pid, _process: process })
    }
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
