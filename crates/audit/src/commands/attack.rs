//! `rowhouse attack`: attempts across tenants, as the role that serves.
use std::process::ExitCode;

use clap::Args;

use rowhouse_pg::{AdminConn, Failure};

use super::{audit::Target, interrupt::interrupted, prove::tenant_tables};
use crate::{
    DatabaseCopy,
    attack::{self, AttackReport},
    audit::{Config, Format, Options, Scope, Severity},
};

#[derive(Args)]
#[command(after_help = "\
Connects as a superuser, makes up two tenants with rows in every table, becomes the role that serves, and lets one
tenant try to read, write and learn of the other. All in one transaction that is never committed; sequences advance,
and locks are held for seconds, so on a busy database add --clone.

It runs the database's own triggers and functions under that connection: attack databases whose owners you trust, or a
copy on a server of its own.

Every attack has a control that must succeed; where it does not, the attack is inconclusive, and that is no pass.
Exit code: 0 all held, 1 one succeeded or was inconclusive, 2 it could not run.

What the catalog does not tell, such as who is a member of a tenant, stands in rowhouse-audit.toml under [attack].")]
pub struct Attack {
    #[command(flatten)]
    target: Target,
    /// How to write the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The least severity that makes this command exit 1: an attack that succeeds is an error, an inconclusive one a warning.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = Severity::Warning)]
    fail_on: Severity,
    /// Attack a copy of the database, made for this and dropped afterwards.
    #[arg(long)]
    clone: bool,
}

impl Attack {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let (options, config) = self.target.options()?;
        let report = if self.clone {
            let tables = tenant_tables(&self.target, &options).await?;
            let copy = DatabaseCopy::make(self.target.url()?, &tables).await?;
            let report = match copy.connect("rowhouse attack").await {
                Ok(session) => tokio::select! {
                    report = play(&session, &options, &config) => report,
                    failure = interrupted() => Err(failure),
                },
                Err(failure) => Err(failure),
            };
            copy.discard().await?;
            report?
        } else {
            play(&self.target.connect("rowhouse attack").await?, &options, &config).await?
        };
        print!("{}", report.print(self.format));
        Ok(ExitCode::from(u8::from(report.findings.iter().any(|finding| finding.severity >= self.fail_on))))
    }
}

async fn play(session: &AdminConn, options: &Options, config: &Config) -> Result<AttackReport, Failure> {
    attack::begin(session).await?;
    let scope = Scope::discover(session, options).await?;
    let report = attack::run(session, &scope, &config.attack).await;
    session.run("rollback").await?;
    report
}
