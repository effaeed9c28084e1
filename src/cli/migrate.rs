//! `rowhouse migrate`: bring a database to what sql/ says, or say whether it is there.
use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    auth::SealKey,
    db::{self, AdminConn},
    error::Failure,
};

#[derive(Args)]
pub(super) struct Migrate {
    /// Where the database is, as `rowhouse_migrator`.
    #[arg(long, env = "MIGRATE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: SecretString,
    /// Directory with the signing keys, whose sealing key the database is told; without, `rowhouse keys seal` tells it.
    #[arg(long, env = "ROWHOUSE_KEYS", value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Take what was done by hand, and no file mends, as right from now on.
    #[arg(long, conflicts_with = "check")]
    accept: bool,
    /// Change nothing; say whether the database equals sql/, and exit 1 when it does not.
    #[arg(long)]
    check: bool,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let mut admin = AdminConn::connect(self.database_url.expose_secret()).await?;
        if self.check {
            let differences = db::check(&admin).await?;
            for difference in &differences {
                println!("{difference}");
            }
            return Ok(if differences.is_empty() {
                println!("the database equals sql/");
                ExitCode::SUCCESS
            } else {
                println!(
                    "{} differences; `rowhouse migrate` mends what files make, and says what it cannot",
                    differences.len()
                );
                ExitCode::from(1)
            });
        }
        let report = db::migrate(&mut admin, self.accept).await?;
        for migration in &report.migrations {
            println!("applied  migration       {migration}");
        }
        for change in &report.changes {
            println!("{change}");
        }
        match (report.reapplied, report.changes.len()) {
            (false, _) => println!("nothing to do: the database equals sql/"),
            (true, 0) => println!("functions, policies and views applied again; nothing changed"),
            (true, changes) => println!("functions, policies and views applied; {changes} changes"),
        }
        if let Some(dir) = &self.keys {
            SealKey::read(dir)?.keep(&admin).await?;
            println!("the database accepts what is sealed with {}/seal", dir.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}
