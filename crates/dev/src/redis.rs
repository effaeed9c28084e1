//! A private Redis for development and tests: on a socket of its own, empty, and gone with whoever started it.
use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use rowhouse_pg::Failure;

use crate::{postgres::socket_dir, supervised::supervise};

/// A running Redis. Stops when dropped, or when this process ends in any other way.
pub struct PrivateRedis {
    supervisor: Child,
    lifeline: Option<ChildStdin>,
    socket: PathBuf,
    pid_file: PathBuf,
}

impl PrivateRedis {
    /// Whether there is one to start.
    #[must_use]
    pub fn is_installed() -> bool {
        let version =
            Command::new("redis-server").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    }

    /// Starts one in a directory, with more options.
    pub fn start(dir: &Path, options: &[String]) -> Result<Self, Failure> {
        fs::create_dir_all(dir)?;
        let dir = fs::canonicalize(dir)?;
        let sockets = socket_dir(&dir)?;
        fs::create_dir_all(&sockets)?;
        let (socket, pid_file) = (sockets.join("redis.sock"), dir.join("pid"));
        let log = fs::File::create(dir.join("redis.log"))?;
        let mut command = Command::new("/bin/sh");
        supervise(&mut command, Path::new("redis-server"), "KILL", Some(&pid_file), None);
        command.args(["--port", "0", "--unixsocketperm", "700", "--save", "", "--appendonly", "no"]);
        command.arg("--unixsocket").arg(&socket).arg("--dir").arg(&dir).args(options);
        command.stdout(log.try_clone()?).stderr(log);
        let mut supervisor = command.spawn().map_err(|error| Failure(format!("Redis cannot be started: {error}")))?;
        let lifeline = supervisor.stdin.take();
        let redis = Self { supervisor, lifeline, socket, pid_file };
        let begun = Instant::now();
        while UnixStream::connect(&redis.socket).is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err(Failure(format!("Redis did not start; {} says why", dir.join("redis.log").display())));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(redis)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket.display())
    }

    /// Its process.
    pub fn pid(&self) -> Result<u32, Failure> {
        let text = fs::read_to_string(&self.pid_file)?;
        text.trim().parse().map_err(|_| Failure("Redis has no process id".to_owned()))
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.supervisor.wait();
        let _ = fs::remove_file(&self.socket);
    }
}
