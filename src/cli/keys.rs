//! `rowhouse keys`: the signing keys and the sealing key.
use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    auth::{self, SealKey},
    db::AdminConn,
    error::Failure,
};

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
    /// Let the database accept what servers seal with the sealing key of a directory (docs/adr/0019).
    ///
    /// What was sealed with the one before is accepted for another hour.
    Seal {
        /// The directory.
        #[arg(long, env = "ROWHOUSE_KEYS", value_name = "DIR")]
        dir: PathBuf,
        /// Where the database is, as `rowhouse_migrator`.
        #[arg(long, env = "MIGRATE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
        database_url: SecretString,
        /// Make a new sealing key first. The database knows it before any server does, and running servers notice by
        /// themselves.
        #[arg(long)]
        rotate: bool,
    },
}

impl Keys {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let now = auth::Clock::system().now();
        match self.command {
            Command::Generate { dir, if_missing } => {
                if !if_missing {
                    println!("wrote {}", auth::generate_keys(&dir, now)?.display());
                } else if let Some(path) = auth::complete_keys(&dir, now)? {
                    println!("wrote {}", path.display());
                } else {
                    println!("{} has a signing key", dir.display());
                }
            }
            Command::Seal { dir, database_url, rotate } => {
                let migrator = AdminConn::connect(database_url.expose_secret()).await?;
                if rotate {
                    SealKey::rotate(&dir, async |next| next.keep(&migrator).await).await?;
                    println!("wrote {}/seal: seals from now on", dir.display());
                } else {
                    SealKey::read(&dir)?.keep(&migrator).await?;
                }
                println!("the database accepts what is sealed with {}/seal", dir.display());
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
