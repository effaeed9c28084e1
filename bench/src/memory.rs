//! What a process keeps in memory, as /proc tells it (`man 5 proc`).
use std::{collections::BTreeMap, fs};

use rowhouse::error::Failure;
use serde::Serialize;

/// Resident memory, in MiB.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Memory {
    /// All of it.
    pub(crate) rss: f64,
    /// What the process has made.
    pub(crate) anonymous: f64,
    /// What lies in files as well, which is the program itself.
    pub(crate) file: f64,
    /// The most there ever was.
    pub(crate) peak: f64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Result<Self, Failure> {
        let path = format!("/proc/{pid}/status");
        let text = fs::read_to_string(&path).map_err(|error| Failure(format!("{path} cannot be read: {error}")))?;
        let lines: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
        let mib = |name: &str| {
            let kib = lines.get(name).and_then(|value| value.trim().strip_suffix(" kB")?.parse::<f64>().ok());
            kib.map(|kib| kib / 1024.0).ok_or_else(|| Failure(format!("{path} does not say {name}")))
        };
        Ok(Self { rss: mib("VmRSS")?, anonymous: mib("RssAnon")?, file: mib("RssFile")?, peak: mib("VmHWM")? })
    }
}
