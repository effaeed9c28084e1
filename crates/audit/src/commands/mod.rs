//! The commands, one file each: for `rowhouse` and for `rowhouse-audit` alike.
mod attack;
mod audit;
mod interrupt;
mod prove;
mod why;

use std::process::ExitCode;

use clap::Subcommand;
use rowhouse_pg::Failure;

/// What can be asked of a database.
#[derive(Subcommand)]
pub enum Command {
    /// Find the ways in which a database, any database, could lose tenant isolation.
    Audit(audit::Audit),
    /// Attack a database as the role that serves; nothing is ever committed.
    Attack(attack::Attack),
    /// Break a copy of a database in every known way, and show that audit or attack notices.
    Prove(prove::Prove),
    /// Say which policy shows or hides a row to a user, without printing the row.
    Why(why::Why),
}

impl Command {
    /// Runs it. The exit code says what came of it; a failure, that it could not run.
    pub async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Audit(command) => command.run().await,
            Self::Attack(command) => command.run().await,
            Self::Prove(command) => command.run().await,
            Self::Why(command) => command.run().await,
        }
    }
}
