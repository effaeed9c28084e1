//! `rowhouse keys`: the signing keys.
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{auth, error::Failure};

#[derive(Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Add a new signing key to a directory; servers started afterwards sign with it and still accept the others.
    Generate {
        /// The directory.
        #[arg(long, env = "ROWHOUSE_KEYS", value_name = "DIR")]
        dir: PathBuf,
        /// Do nothing when there is a key already.
        #[arg(long)]
        if_missing: bool,
    },
}

impl Keys {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Command::Generate { dir, if_missing } = self.command;
        if if_missing && auth::Keys::read(&dir).is_ok() {
            println!("{} has a signing key", dir.display());
            return Ok(());
        }
        let path = auth::generate_keys(&dir)?;
        println!("wrote {}", path.display());
        Ok(())
    }
}
