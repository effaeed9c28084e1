//! CPU time, user and system together, as /proc tells it (`man 5 proc`).
use std::{fs, time::Duration};

use rowhouse::error::Failure;
use serde::Serialize;

/// /proc counts in hundredths of a second on every Linux, whatever the kernel's own clock does.
const TICK: Duration = Duration::from_millis(10);

/// What a process has used, all its threads together.
pub(crate) fn of_process(pid: u32) -> Result<Duration, Failure> {
    Ok(Stat::read(pid)?.own)
}

/// What a process and the children it has outlived have used.
pub(crate) fn with_ended_children(pid: u32) -> Result<Duration, Failure> {
    let stat = Stat::read(pid)?;
    Ok(stat.own + stat.reaped)
}

/// What a server has used that has a process for each connection: itself, its children that live, and
/// those that have ended.
pub(crate) fn of_family(parent: u32) -> Result<Duration, Failure> {
    let server = Stat::read(parent)?;
    let processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // One that ends between listing and reading is no error: its parent has counted it or soon will.
    let children = processes.filter_map(|pid| Stat::read(pid).ok()).filter(|stat| stat.parent == parent);
    Ok(server.own + server.reaped + children.map(|stat| stat.own).sum::<Duration>())
}

/// What everything on this machine has used, and what its host gave to other machines.
pub(crate) fn of_machine() -> Result<Duration, Failure> {
    let text = fs::read_to_string("/proc/stat")?;
    let numbers = |line: &str| line.split_whitespace().skip(1).map(str::parse).collect::<Result<Vec<u32>, _>>().ok();
    match text.lines().next().and_then(numbers).as_deref() {
        Some([user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen, ..]) => {
            Ok(TICK * (user + nice + system + interrupts + soft_interrupts + stolen))
        }
        _ => Err(Failure(format!("/proc/stat cannot be understood: {text}"))),
    }
}

/// What those who share the machine have used so far.
#[derive(Clone, Copy)]
pub(crate) struct Shares {
    rowhouse: Duration,
    postgresql: Duration,
    ours: Duration,
    machine: Duration,
}

/// Cores that they kept busy.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cores {
    pub(crate) rowhouse: f64,
    pub(crate) postgresql: f64,
    /// By whoever asks, and this is what measures.
    pub(crate) ours: f64,
    pub(crate) others: f64,
}

impl Shares {
    pub(crate) fn of(rowhouse: u32, postmaster: u32) -> Result<Self, Failure> {
        Ok(Self {
            rowhouse: of_process(rowhouse)?,
            postgresql: of_family(postmaster)?,
            ours: of_process(std::process::id())?,
            machine: of_machine()?,
        })
    }

    pub(crate) fn since(self, before: Self, elapsed: Duration) -> Cores {
        let cores =
            |of: fn(&Self) -> Duration| of(&self).saturating_sub(of(&before)).as_secs_f64() / elapsed.as_secs_f64();
        let (rowhouse, postgresql, ours) =
            (cores(|one| one.rowhouse), cores(|one| one.postgresql), cores(|one| one.ours));
        let others = (cores(|one| one.machine) - rowhouse - postgresql - ours).max(0.0);
        Cores { rowhouse, postgresql, ours, others }
    }
}

struct Stat {
    parent: u32,
    own: Duration,
    reaped: Duration,
}

impl Stat {
    fn read(pid: u32) -> Result<Self, Failure> {
        let gone = |error| Failure(format!("process {pid} cannot be read: {error}"));
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(gone)?;
        Self::parse(&text).ok_or_else(|| Failure(format!("/proc/{pid}/stat cannot be understood: {text}")))
    }

    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name in parentheses and may hold anything; the third comes
        // after the last parenthesis.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u32>().ok();
        Some(Self {
            parent: field(4)?,
            own: TICK * field(14)? + TICK * field(15)?,
            reaped: TICK * field(16)? + TICK * field(17)?,
        })
    }
}
