//! Processes of our own: workers with the tests' kind, and `rowhouse` itself, which this program is too when it is told so. Each ends when its
//! pipe does, however this one ends.
use std::{
    fs::File,
    io::{Seek as _, SeekFrom, Write as _},
    net::TcpListener,
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitCode, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// Says that this program is to be `rowhouse`.
const AS_ROWHOUSE: &str = "NEMESIS_AS_ROWHOUSE";

/// `rowhouse` with the arguments of this process, where it was started for that.
pub fn rowhouse() -> Option<ExitCode> {
    std::env::var_os(AS_ROWHOUSE)?;
    end_with_the_pipe();
    Some(::rowhouse::cli::main())
}

/// Nobody is left behind by whoever has started them and was killed.
pub fn end_with_the_pipe() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
}

pub struct Process {
    child: Child,
    /// Open for as long as it may live.
    lifeline: Option<ChildStdin>,
    log: PathBuf,
    pub stopped_until: Option<Instant>,
}

impl Process {
    /// This program again, with these arguments.
    pub fn start(args: &[&str]) -> Self {
        Self::begin(Command::new(std::env::current_exe().unwrap()).args(args))
    }

    /// This program as `rowhouse`, with nothing in its environment that was not said.
    pub fn rowhouse(command: &str, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().flat_map(|(name, value)| [name, value]);
        let mut rowhouse = Command::new(std::env::current_exe().unwrap());
        Self::begin(rowhouse.env_clear().env(AS_ROWHOUSE, "1").arg(command).args(settings))
    }

    fn begin(command: &mut Command) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let log = std::env::temp_dir().join(format!("rowhouse-nemesis-{}-{number}.log", std::process::id()));
        let errors = Stdio::from(File::create(&log).unwrap());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
        Self { lifeline: child.stdin.take(), child, log, stopped_until: None }
    }

    pub fn signal(&self, which: &str) {
        signal(&self.child.id().to_string(), which);
    }

    /// Stopped as with Ctrl-Z, for so long.
    pub fn stop_for(&mut self, time: Duration) {
        self.signal("-STOP");
        self.stopped_until = Some(Instant::now() + time);
    }

    /// It goes on, if it was stopped and its time is over.
    pub fn go_on_in_time(&mut self) {
        if self.stopped_until.is_some_and(|until| until < Instant::now()) {
            self.stopped_until = None;
            self.signal("-CONT");
        }
    }

    /// Whether it has ended by itself, as one does that finds no PostgreSQL when it begins; whoever runs it starts it again.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends it in order, or not at all kindly; says how often PostgreSQL has refused what it did.
    pub fn end(mut self, which: &str) -> usize {
        self.signal("-CONT");
        self.signal(which);
        let status = self.child.wait().unwrap();
        // One that had hardly begun knows no signals yet.
        let hardly = std::os::unix::process::ExitStatusExt::signal(&status) == Some(15);
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        // And one that found no PostgreSQL when it began goes by itself.
        let in_vain = status.code() == Some(2) && said.contains("rowhouse: the database in ");
        assert!(which != "-TERM" || status.success() || hardly || in_vain, "it does not end in order: {status}");
        said.lines().filter(|line| *line == "refused").count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            // What it said last is what whoever looks for the fault wants to see.
            let said = File::open(&self.log).and_then(|mut log| {
                let from = log.metadata()?.len().saturating_sub(1_500);
                log.seek(SeekFrom::Start(from))?;
                std::io::read_to_string(log)
            });
            let _ = writeln!(std::io::stderr(), "--- {}\n{}", self.log.display(), said.unwrap_or_default());
        }
        let _ = std::fs::remove_file(&self.log);
    }
}

pub fn signal(pid: &str, which: &str) {
    // One that has ended meanwhile is no fault.
    let _ = Command::new("kill").args([which, pid]).stderr(Stdio::null()).status();
}

/// A port that was free a moment ago.
pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
