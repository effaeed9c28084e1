//! `rowhouse migrate`: bring a database to what sql/ says, or say whether it is there.
use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use rowhouse_audit::DatabaseCopy;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    auth::SealKey,
    db::{self, AdminConn, MigrateOptions},
    error::Failure,
};

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command")]
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
    /// Apply every file again, whether it changed or not.
    #[arg(long, conflicts_with = "check")]
    reapply: bool,
    /// Migrate a copy of the database and throw it away; print what each step locks, for how long, and what of it will be noticed. Needs a superuser's URL.
    #[arg(long, conflicts_with_all = ["check", "keys"])]
    rehearse: bool,
    /// Seconds that a step waits for those who hold the table it is about.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    patience: u64,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let options = MigrateOptions {
            accept: self.accept,
            reapply: self.reapply,
            patience: Duration::from_secs(self.patience),
            observe: self.rehearse,
        };
        if self.rehearse {
            return self.rehearse(&options).await;
        }
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
        let report = db::migrate_with(&mut admin, &options).await?;
        for migration in &report.migrations {
            println!("applied  migration       {migration}");
        }
        for change in &report.changes {
            println!("{change}");
        }
        match (report.reapplied, report.changes.len()) {
            (false, _) => println!("nothing to do: the database equals sql/"),
            (true, 0) => println!("{} steps; nothing changed", report.steps.len()),
            (true, changes) => println!("{} steps; {changes} changes", report.steps.len()),
        }
        if let Some(dir) = &self.keys {
            SealKey::read(dir)?.keep(&admin).await?;
            println!("the database accepts what is sealed with {}/seal", dir.display());
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn rehearse(&self, options: &MigrateOptions) -> Result<ExitCode, Failure> {
        let copy = DatabaseCopy::make(self.database_url.expose_secret(), &[]).await?;
        let rehearsed = async {
            let mut admin = copy.connect("rowhouse rehearsal").await?;
            admin.script("a superuser can rehearse", "set session authorization rowhouse_migrator").await?;
            db::migrate_with(&mut admin, options).await
        }
        .await;
        copy.discard().await?;
        let report = rehearsed?;
        for step in &report.steps {
            let locks =
                if step.locks.is_empty() { "nothing that others wait for".to_owned() } else { step.locks.join(", ") };
            println!("{:>8.1} ms  {}: {locks}", step.held.as_secs_f64() * 1000.0, step.name);
        }
        let ahead = |remark: &&db::Remark| report.migrations.contains(&remark.migration);
        for remark in db::lint_migrations()?.iter().filter(ahead) {
            println!("{remark}");
        }
        println!("{} steps on a copy, which is gone; the database is as it was", report.steps.len());
        Ok(ExitCode::SUCCESS)
    }
}
