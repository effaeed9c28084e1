//! wrk sends the requests; load.lua is its side.
use std::{
    fs,
    path::{Path, PathBuf},
};

use rowhouse::error::Failure;
use serde::Deserialize;
use tokio::process::Command;

use crate::servers::Server;

/// How many requests were answered, in how long.
#[derive(Clone, Copy)]
pub(crate) struct Answered {
    pub(crate) requests: f64,
    pub(crate) per_second: f64,
}

/// What load.lua prints last.
#[derive(Deserialize)]
struct Done {
    requests: f64,
    microseconds: f64,
    refused: u64,
    broken: u64,
}

/// Sends requests from a file, in random order, over so many connections.
pub(crate) struct Wrk {
    script: PathBuf,
    connections: u32,
}

impl Wrk {
    pub(crate) fn new(dir: &Path, connections: u32) -> Result<Self, Failure> {
        let script = dir.join("load.lua");
        fs::write(&script, include_str!("../load.lua"))?;
        Ok(Self { script, connections })
    }

    /// `first_name` is where names of new projects start; measurements must not share any. An answer that
    /// is not a success fails the whole: fast refusals are no result.
    pub(crate) async fn run(
        &self,
        server: &Server,
        requests: &Path,
        seconds: u32,
        first_name: u64,
    ) -> Result<Answered, Failure> {
        let mut command = Command::new("wrk");
        command.args(["--threads", "1", "--connections", &self.connections.to_string()]);
        command.args(["--duration", &format!("{seconds}s"), "--script"]).arg(&self.script);
        command.args([&server.base_url, "--"]).arg(requests).arg(first_name.to_string());
        let output = command.kill_on_drop(true).output().await;
        let output = output.map_err(|error| Failure(format!("wrk cannot be run: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let done: Option<Done> = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let failed = |what: String| Failure(format!("{} on {}: {what}", requests.display(), server.base_url));
        match done {
            None => Err(failed(format!("wrk failed: {}", String::from_utf8_lossy(&output.stderr).trim()))),
            Some(Done { requests, refused, broken, .. }) if refused + broken > 0 || requests < 1.0 => {
                Err(failed(format!(
                    "of {requests} requests {refused} were refused and {broken} got no answer; nothing is measured"
                )))
            }
            Some(done) => Ok(Answered { requests: done.requests, per_second: done.requests / done.microseconds * 1e6 }),
        }
    }
}
