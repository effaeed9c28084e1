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
    /// Make a signing key in a directory, and the secret beside it, for servers to begin with.
    Generate {
        /// The directory.
        #[arg(long, env = "ROWHOUSE_KEYS", value_name = "DIR")]
        dir: PathBuf,
        /// Do nothing when there is a key already.
        #[arg(long)]
        if_missing: bool,
    },
    /// Let a new key take over. Running servers notice by themselves; the old key verifies until its tokens expire.
    ///
    /// The new key is shown in the JWK Set for five minutes before it signs, so that whoever keeps the set knows it by
    /// then. Keys that nothing valid was signed with any more are removed.
    Rotate {
        /// The directory.
        #[arg(long, env = "ROWHOUSE_KEYS", value_name = "DIR")]
        dir: PathBuf,
        /// Sign with the new key at once: for when the old one has leaked. Then remove the old file by hand.
        #[arg(long)]
        at_once: bool,
    },
}

impl Keys {
    pub(super) fn run(self) -> Result<(), Failure> {
        let now = auth::Clock::system().now();
        match self.command {
            Command::Generate { dir, if_missing } => {
                if if_missing && auth::Keys::read(&dir).is_ok() {
                    println!("{} has a signing key", dir.display());
                    return Ok(());
                }
                println!("wrote {}", auth::generate_keys(&dir, now)?.display());
            }
            Command::Rotate { dir, at_once } => {
                let rotation = auth::rotate_keys(&dir, now, at_once)?;
                let when = if at_once { "from now on" } else { "in five minutes" };
                println!("wrote {}: signs {when}", rotation.added.display());
                for path in rotation.removed {
                    println!("removed {}: nothing it signed is valid any more", path.display());
                }
            }
        }
        Ok(())
    }
}
