//! A real PgBouncer in front of the run's cluster.
use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        net::UnixStream,
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// Only names the socket's file: it listens on no network.
const PORT: u16 = 6432;

/// A PgBouncer of our own. Gone when dropped, or when this process ends in any other way.
pub struct Bouncer {
    supervisor: Child,
    lifeline: Option<ChildStdin>,
    dir: PathBuf,
}

impl Bouncer {
    /// Starts one with this `pool_mode`, so many server connections for each database and role, and more
    /// settings. It runs as whoever owns the directory with PostgreSQL's socket, since it refuses to run as
    /// root.
    pub fn start(sockets: &Path, pool_mode: &str, pool_size: u16, more: &str) -> Self {
        // Reads a pipe from us; when that ends, for whatever reason, PgBouncer is stopped.
        const SUPERVISE: &str = r#"
            exec 3<&0 </dev/null
            "$1" "$2/pgbouncer.ini" 3<&- &
            bouncer=$!
            trap '' INT TERM HUP
            cat <&3 >/dev/null
            kill -KILL "$bouncer" 2>/dev/null
            wait "$bouncer"
            rm -rf "$2"
        "#;
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("rowhouse-bouncer-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        let settings = format!(
            "[databases]\n* = host={} port=5432\n[pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\n\
             unix_socket_dir = {dir}\nauth_type = trust\nauth_file = {dir}/users\npool_mode = {pool_mode}\n\
             default_pool_size = {pool_size}\nmax_client_conn = 400\n{more}\n",
            sockets.display(),
            dir = dir.display(),
        );
        fs::write(dir.join("pgbouncer.ini"), settings).unwrap();
        fs::write(dir.join("users"), "\"rowhouse_api\" \"\"\n\"rowhouse_gate\" \"\"\n").unwrap();
        let log = fs::File::create(dir.join("log")).unwrap();

        let owner = fs::metadata(sockets).unwrap();
        let mut command = Command::new("/bin/sh");
        if owner.uid() != fs::metadata(&dir).unwrap().uid() {
            for path in [dir.clone(), dir.join("pgbouncer.ini"), dir.join("users")] {
                chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
            }
            command.uid(owner.uid()).gid(owner.gid());
        }
        command.args(["-c", SUPERVISE, "supervisor"]).arg(program()).arg(&dir).current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut supervisor = command.spawn().unwrap();
        let lifeline = supervisor.stdin.take();
        let bouncer = Self { supervisor, lifeline, dir };
        bouncer.wait_until_ready();
        bouncer
    }

    fn wait_until_ready(&self) {
        for _ in 0..250 {
            if UnixStream::connect(self.dir.join(format!(".s.PGSQL.{PORT}"))).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("PgBouncer did not start:\n{}", fs::read_to_string(self.dir.join("log")).unwrap_or_default());
    }

    /// Where it lets `role` in to `database`.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgresql://{role}@/{database}?host={}&port={PORT}", self.dir.display())
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.supervisor.wait();
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from));
    places.map(|dir| dir.join("pgbouncer")).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("these tests need PgBouncer: install it (Debian, Ubuntu: apt-get install pgbouncer); bin/test does so")
    })
}
