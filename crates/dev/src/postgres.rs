//! A private PostgreSQL, for `rowhouse dev` and for tests: found, made, started, and gone when its owner is.
use std::{
    env, fs,
    io::{self, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command},
    time::{Duration, Instant},
};

use postgres_protocol::message::frontend;

use rowhouse_pg::Failure;

use crate::supervised::supervise;

/// The oldest major that has all we use: `security_invoker` views and `on delete set null (column)`.
const OLDEST: u32 = 15;
/// The port only names the socket file: the server listens on no network.
const PORT: u16 = 5432;
/// Longest path of a Unix socket, less the file's own name (`man 7 unix`: 108 bytes with the final NUL).
const LONGEST_SOCKET_DIR: usize = 107 - ".s.PGSQL.5432.lock".len();

/// A PostgreSQL server of our own. Dropping it stops the server and waits until it has stopped; if this
/// process dies in any other way, the server notices and stops by itself.
pub struct PrivatePostgres {
    supervisor: Child,
    /// The supervisor reads this pipe; when it ends, for whatever reason, the server is stopped.
    lifeline: Option<ChildStdin>,
    socket_dir: PathBuf,
    version: u32,
}

/// How durable a cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Data survive a crash.
    Safe,
    /// Fast, lost with the machine, and removed when it stops: for tests.
    Throwaway,
}

impl PrivatePostgres {
    /// Starts the cluster in `dir`, making it first if there is none. Runs as the `postgres` user (or
    /// `nobody`) when we are root, because PostgreSQL refuses to run as root.
    pub fn start(dir: &Path, durability: Durability) -> Result<Self, Failure> {
        let binaries = Binaries::find()?;
        let account = Account::to_run_as()?;
        let home = account.place(dir)?;
        let data = home.join("data");
        let sockets = socket_dir(&home)?;
        for dir in [&home, &sockets] {
            fs::create_dir_all(dir).map_err(|error| Failure(format!("cannot make {}: {error}", dir.display())))?;
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
            account.own(dir)?;
        }
        if !data.join("PG_VERSION").exists() {
            binaries.init(&data, &account)?;
        }
        Self::run(&binaries, &account, &home, &data, sockets, durability)
    }

    fn run(
        binaries: &Binaries,
        account: &Account,
        home: &Path,
        data: &Path,
        socket_dir: PathBuf,
        durability: Durability,
    ) -> Result<Self, Failure> {
        let log = home.join("postgresql.log");
        let file = fs::OpenOptions::new().create(true).append(true).open(&log)?;
        account.own(&log)?;
        let mut settings = vec![
            format!("unix_socket_directories={}", socket_dir.display()),
            format!("port={PORT}"),
            "listen_addresses=".to_owned(),
            "max_connections=200".to_owned(),
            "log_min_messages=warning".to_owned(),
        ];
        if durability == Durability::Throwaway {
            settings.extend(
                [
                    "fsync=off",
                    "synchronous_commit=off",
                    "full_page_writes=off",
                    "autovacuum=off",
                    "wal_level=minimal",
                    "max_wal_senders=0",
                    // It may lie in memory.
                    "max_wal_size=256MB",
                ]
                .map(str::to_owned),
            );
        }
        let mut command = account.command("/bin/sh");
        let remove = (durability == Durability::Throwaway).then_some(home);
        supervise(&mut command, &binaries.file("postgres"), "INT", None, remove);
        command.arg("-D").arg(data);
        for setting in &settings {
            command.arg("-c").arg(setting);
        }
        command.current_dir("/");
        command.stdout(file.try_clone()?).stderr(file);
        let mut supervisor =
            command.spawn().map_err(|error| Failure(format!("PostgreSQL cannot be started: {error}")))?;
        let lifeline = supervisor.stdin.take();
        let cluster = Self { supervisor, lifeline, socket_dir, version: binaries.version };
        cluster.wait_until_ready(&log)?;
        Ok(cluster)
    }

    fn wait_until_ready(&self, log: &Path) -> Result<(), Failure> {
        let begun = Instant::now();
        while !self.answers().unwrap_or(false) {
            if begun.elapsed() > Duration::from_secs(30) {
                let last = fs::read_to_string(log).unwrap_or_default();
                let last: Vec<&str> = last.lines().rev().take(5).collect();
                return Err(Failure(format!(
                    "PostgreSQL did not start; the end of {}:\n{}",
                    log.display(),
                    last.into_iter().rev().collect::<Vec<_>>().join("\n")
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Whether a session would be let in: a server that is still starting answers with an error.
    fn answers(&self) -> io::Result<bool> {
        let mut stream = UnixStream::connect(self.socket_dir.join(format!(".s.PGSQL.{PORT}")))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut message = postgres_types::private::BytesMut::new();
        frontend::startup_message([("user", "postgres"), ("database", "postgres")], &mut message)?;
        stream.write_all(&message)?;
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        message.clear();
        frontend::terminate(&mut message);
        stream.write_all(&message)?;
        // An authentication message, in answer to a start-up message.
        Ok(kind == *b"R")
    }

    /// Where the files of the server in `dir` really are.
    pub fn home(dir: &Path) -> Result<PathBuf, Failure> {
        Account::to_run_as()?.place(dir)
    }

    /// Removes the files of a server that has stopped.
    pub fn remove(dir: &Path) -> Result<(), Failure> {
        let home = Self::home(dir)?;
        match fs::remove_dir_all(&home) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure(format!("cannot remove {}: {error}", home.display())))
            }
            _ => Ok(()),
        }
    }

    /// Where `role` finds `database`; no password is needed, the socket's directory is closed to others.
    #[must_use]
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgresql://{role}@/{database}?host={}&port={PORT}", self.socket_dir.display())
    }

    /// PostgreSQL's major version.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.supervisor.wait();
    }
}

/// The server programs of one major version.
struct Binaries {
    dir: PathBuf,
    version: u32,
}

impl Binaries {
    /// `ROWHOUSE_PG_BIN` decides; otherwise the newest of what `pg_config` names and the usual places.
    fn find() -> Result<Self, Failure> {
        if let Some(dir) = env::var_os("ROWHOUSE_PG_BIN").map(PathBuf::from) {
            return Self::at(&dir).ok_or_else(|| {
                Failure(format!(
                    "ROWHOUSE_PG_BIN is {}, where there is no postgres of version {OLDEST} or later",
                    dir.display()
                ))
            });
        }
        let mut places = Vec::new();
        if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
            places.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        }
        for versioned in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
            let entries = fs::read_dir(versioned).into_iter().flatten().flatten();
            places.extend(entries.map(|entry| entry.path().join("bin")));
        }
        places.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        places.extend(["/usr/pgsql/bin", "/usr/local/pgsql/bin"].map(PathBuf::from));
        places.iter().filter_map(|dir| Self::at(dir)).max_by_key(|found| found.version).ok_or_else(|| {
            Failure(format!(
                "no PostgreSQL server of version {OLDEST} or later was found: install one (Debian, Ubuntu: apt-get install postgresql), or set ROWHOUSE_PG_BIN to its bin directory, or DATABASE_URL to a running one"
            ))
        })
    }

    fn at(dir: &Path) -> Option<Self> {
        let output = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
        let version = text.split_whitespace().nth(2)?.split(['.', 'b', 'd', 'r']).next()?.parse().ok()?;
        // A link to the server alone is no installation: initdb has to be beside it.
        let whole = dir.join("initdb").exists();
        (version >= OLDEST && whole).then(|| Self { dir: dir.to_owned(), version })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn init(&self, data: &Path, account: &Account) -> Result<(), Failure> {
        let output = account
            .command(self.file("initdb"))
            .arg("-D")
            .arg(data)
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--data-checksums"])
            .current_dir("/")
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        let _ = fs::remove_dir_all(data);
        Err(Failure(format!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim())))
    }
}

/// Who the server runs as.
struct Account {
    /// User, group and name to become, when we are root.
    other: Option<(u32, u32)>,
}

impl Account {
    fn to_run_as() -> Result<Self, Failure> {
        if id(&["-u"])? != 0 {
            return Ok(Self { other: None });
        }
        for name in ["postgres", "nobody"] {
            if let (Ok(user), Ok(group)) = (id(&["-u", name]), id(&["-g", name])) {
                return Ok(Self { other: Some((user, group)) });
            }
        }
        Err(Failure(
            "PostgreSQL refuses to run as root, and there is neither a postgres nor a nobody user to run it as".into(),
        ))
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
        command.env("LC_ALL", "C");
        command
    }

    /// `dir` if the account can get there; otherwise, as when a checkout lies in a closed home directory,
    /// a place of its own under /var/tmp that is the same every time.
    fn place(&self, dir: &Path) -> Result<PathBuf, Failure> {
        let dir = std::path::absolute(dir)?;
        let Some(parent) = dir.parent() else { return Ok(dir) };
        fs::create_dir_all(parent)?;
        let reachable = self.command("/usr/bin/test").arg("-x").arg(parent).current_dir("/").status();
        if reachable.is_ok_and(|status| status.success()) {
            return Ok(dir);
        }
        Ok(Path::new("/var/tmp").join(format!("rowhouse-{}", short_name(&dir))))
    }

    fn own(&self, path: &Path) -> io::Result<()> {
        match self.other {
            Some((user, group)) => std::os::unix::fs::chown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }
}

fn id(args: &[&str]) -> Result<u32, Failure> {
    let output = Command::new("id").args(args).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| Failure(format!("id {} did not answer a number", args.join(" "))))
}

/// A directory for the socket whose path is short enough to be one.
pub(crate) fn socket_dir(home: &Path) -> Result<PathBuf, Failure> {
    let beside = home.join("run");
    if beside.as_os_str().len() <= LONGEST_SOCKET_DIR {
        return Ok(beside);
    }
    let short = env::temp_dir().join(format!("rowhouse-{}", short_name(home)));
    if short.as_os_str().len() <= LONGEST_SOCKET_DIR {
        return Ok(short);
    }
    Err(Failure(format!("{} is too long a path for a Unix socket; set TMPDIR to a shorter one", short.display())))
}

fn short_name(path: &Path) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, path.as_os_str().as_encoded_bytes());
    digest.as_ref()[..6].iter().fold(String::new(), |name, byte| name + &format!("{byte:02x}"))
}
