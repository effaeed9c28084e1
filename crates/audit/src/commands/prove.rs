//! `rowhouse prove`: breaks a copy of the database and asks that somebody notices.
use std::{io::IsTerminal as _, process::ExitCode};

use clap::Args;

use rowhouse_pg::Failure;

use super::{audit::Target, interrupt::interrupted};
use crate::{
    DatabaseCopy,
    audit::{self, Format, Options, Scope},
    prove::{self, Plan, ProveReport},
};

#[derive(Args)]
#[command(after_help = "\
Copies the database, breaks the copy in one way at a time (drops a policy, grants TRUNCATE, misspells the setting …)
and asks that `rowhouse audit` or `rowhouse attack` notices. What nobody notices is a survivor. Each mutant lives in a
transaction that is rolled back: roles belong to the whole server, and they too are as before.

Connects as a superuser. Exit code: 0 every mutant was noticed, 1 some survived, 2 it could not run.")]
pub struct Prove {
    #[command(flatten)]
    target: Target,
    /// How to write the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Make only the mutants whose name or object contains this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Ask every lint about every mutant and play every attack it could let through, and so tell all who notice; without, one
    /// that has been noticed is asked about no further. What is noticed is the same.
    #[arg(long)]
    thorough: bool,
    /// Copies to break at the same time [default: one a core, at most 4].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: Option<u8>,
}

impl Prove {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let (options, config) = self.target.options()?;
        let jobs =
            self.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into).min(4), usize::from);
        let mut copies = Vec::new();
        let plan = Plan { options, config, only: self.only.clone(), thorough: self.thorough, progress };
        let report = self.break_them(&mut copies, jobs, plan).await;
        for copy in copies {
            copy.discard().await?;
        }
        let report = report?;
        print!("{}", report.print(self.format));
        Ok(ExitCode::from(u8::from(report.survivors().next().is_some())))
    }

    /// Copies are noted as they are made, so that whatever happens they are dropped.
    async fn break_them(
        &self,
        copies: &mut Vec<DatabaseCopy>,
        jobs: usize,
        plan: Plan,
    ) -> Result<ProveReport, Failure> {
        let mut sessions = Vec::new();
        let tables = tenant_tables(&self.target, &plan.options).await?;
        copies.push(DatabaseCopy::make(self.target.url()?, &tables).await?);
        while copies.len() < jobs {
            let another = copies[0].again().await?;
            copies.push(another);
        }
        for copy in copies.iter() {
            sessions.push(copy.connect("rowhouse prove").await?);
        }
        tokio::select! {
            report = prove::run(sessions, plan) => report,
            failure = interrupted() => Err(failure),
        }
    }
}

/// The tables whose rows a copy can do without. Asked first, so that a question that makes no sense is answered
/// before anything is copied.
pub(super) async fn tenant_tables(target: &Target, options: &Options) -> Result<Vec<String>, Failure> {
    let session = target.connect("rowhouse clone").await?;
    audit::begin(&session).await?;
    let scope = Scope::discover(&session, options).await?;
    session.run("rollback").await?;
    Ok(scope.tables)
}

fn progress(done: usize, total: usize) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{done} of {total} mutants{}", if done == total { "\r\x1b[K" } else { "" });
    }
}
