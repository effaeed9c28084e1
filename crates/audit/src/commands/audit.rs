//! `rowhouse audit`: the lints, over any PostgreSQL database.
use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use secrecy::SecretString;

use rowhouse_pg::{AdminConn, Failure};

use crate::{
    attack,
    audit::{self, Config, Format, Ignore, Options, Severity},
};

/// What audit, attack and prove ask alike.
#[derive(Args)]
pub(super) struct Target {
    /// Where the database is.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<SecretString>,
    /// A column that makes a table a tenant's; may be given several times [default: `tenant_id`].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    tenant_column: Vec<String>,
    /// The setting that says which tenant a transaction is in [default: `app.tenant_id`].
    #[arg(long, value_name = "NAME")]
    setting: Option<String>,
    /// A role that serves; may be given several times [default: who may log in and holds grants on tenant tables].
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    role: Vec<String>,
    /// A schema to look at; may be given several times [default: all but the system's].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    schema: Vec<String>,
    /// A finding that is known, of a lint or an attack: LINT[:OBJECT]=REASON; may be given several times.
    #[arg(long, value_name = "LINT[:OBJECT]=REASON", value_parser = Ignore::parse)]
    ignore: Vec<Ignore>,
    /// Settings for this database [default: rowhouse-audit.toml here, if there is one].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Target {
    /// The file's settings and, over them, the command line's.
    pub(super) fn options(&self) -> Result<(Options, Config), Failure> {
        let config = self.config.as_deref().map_or_else(Config::here, Config::read)?;
        let pick = |given: &[String], filed: &[String]| if given.is_empty() { filed.to_vec() } else { given.to_vec() };
        let mut tenant_columns = pick(&self.tenant_column, &config.tenant_columns);
        if tenant_columns.is_empty() {
            tenant_columns.push("tenant_id".to_owned());
        }
        let setting =
            self.setting.clone().or_else(|| config.setting.clone()).unwrap_or_else(|| "app.tenant_id".to_owned());
        if !setting.contains('.') || setting.split('.').any(str::is_empty) {
            return Err(Failure(format!(
                "{setting:?} cannot be a setting of yours: its name has two parts, as in app.tenant_id"
            )));
        }
        let known = audit::lints()?;
        // On the command line both lints and attacks can be named; in the file each has its place.
        let (attacks, lints): (Vec<Ignore>, Vec<Ignore>) =
            self.ignore.iter().cloned().partition(|entry| attack::ATTACKS.contains(&entry.lint.as_str()));
        let config = Config {
            attack: audit::Attack {
                ignore: attacks.into_iter().chain(config.attack.ignore.clone()).collect(),
                ..config.attack.clone()
            },
            ..config
        };
        let ignore: Vec<Ignore> = lints.into_iter().chain(config.ignore.clone()).collect();
        if let Some(entry) = ignore.iter().find(|entry| known.iter().all(|lint| lint.id != entry.lint)) {
            return Err(Failure(format!(
                "there is no lint or attack {} to ignore; `rowhouse audit --list` names the lints",
                entry.lint
            )));
        }
        let options = Options {
            tenant_columns,
            setting,
            roles: pick(&self.role, &config.roles),
            schemas: pick(&self.schema, &config.schemas),
            ignore,
        };
        Ok((options, config))
    }

    /// Where the database is; a question about none is answered with a sentence.
    pub(super) fn url(&self) -> Result<&str, Failure> {
        let url = self.database_url.as_ref().map(secrecy::ExposeSecret::expose_secret);
        url.ok_or_else(|| Failure("say where the database is: --database-url URL, or AUDIT_DATABASE_URL".to_owned()))
    }

    pub(super) async fn connect(&self, name: &str) -> Result<AdminConn, Failure> {
        AdminConn::connect_as(self.url()?, name).await
    }
}

#[derive(Args)]
#[command(after_help = "\
Works on any PostgreSQL from 13 on, in a read-only transaction. It reads the catalog, and tries the expressions of
policies, functions they call included; connected as a superuser it runs only functions that superusers own. Connect as
a role without rights of its own where you can. Exit code: 0 clean, 1 findings, 2 it could not run.

  rowhouse audit --database-url postgresql://auditor@db/shop --tenant-column org_id --setting my.org
  rowhouse audit --format sarif > audit.sarif

Each lint is a file in crates/audit/sql/audit that psql can run: first \\i scope.psql, then \\i rls-disabled.sql.")]
pub struct Audit {
    #[command(flatten)]
    target: Target,
    /// How to write the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The least severity that makes this command exit 1 [default: warning].
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    /// Name the lints, what each finds and why it matters, and stop.
    #[arg(long)]
    list: bool,
    /// Print how each policy was judged, as JSON, and stop: what the lints about policies read.
    #[arg(long, conflicts_with = "list")]
    verdicts: bool,
}

impl Audit {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        if self.list {
            for lint in audit::lints()? {
                println!(
                    "{:<8} {}\n         {}\n         why:  {}\n         mend: {}\n",
                    lint.severity, lint.id, lint.finds, lint.why, lint.mend
                );
            }
            return Ok(ExitCode::SUCCESS);
        }
        let target = &self.target;
        let (options, config) = target.options()?;
        let session = target.connect("rowhouse audit").await?;
        if self.verdicts {
            println!("{}", audit::verdicts(&session, &options).await?);
            return Ok(ExitCode::SUCCESS);
        }
        let report = audit::run(&session, &options).await?;
        print!("{}", report.print(self.format));
        let limit = self.fail_on.or(config.fail_on).unwrap_or(Severity::Warning);
        Ok(ExitCode::from(u8::from(report.findings.iter().any(|finding| finding.severity >= limit))))
    }
}
