//! How many files may be open: each connection is one.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{error::Failure, settings::Tuning};

/// For what is neither a caller's connection nor one to PostgreSQL: logs, listeners, Redis, letters, files being imported.
const ASIDE: u64 = 64;
/// With fewer connections it is no server.
const FEWEST: u64 = 16;

/// Raises the limit of open files as far as this process may, and where that is too little for the connections asked for,
/// says so and serves fewer: a server that runs out of files answers nobody at all.
pub(super) fn fit(tuning: &mut Tuning) -> Result<(), Failure> {
    let limits = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, maximum: limits.maximum });
    let Some(files) = getrlimit(Resource::Nofile).current else { return Ok(()) };
    // A quarter more are told that there are too many.
    let room = files.saturating_sub(ASIDE + u64::from(tuning.pool)) * 4 / 5;
    if room >= u64::from(tuning.connections) {
        return Ok(());
    }
    if room < FEWEST {
        return Err(Failure(format!(
            "this process may open {files} files, which leaves room for {room} connections: raise the limit (ulimit -n, LimitNOFILE=)"
        )));
    }
    tracing::warn!(
        files,
        asked = tuning.connections,
        connections = room,
        "this process may not open enough files for ROWHOUSE_CONNECTIONS and serves fewer: raise the limit (ulimit -n, LimitNOFILE=), or ask for fewer"
    );
    tuning.connections = u32::try_from(room).unwrap_or(u32::MAX);
    Ok(())
}
