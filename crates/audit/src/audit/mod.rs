//! Read-only lints over the catalog of a live database: every way of losing tenant isolation that the
//! catalog can show. Works on any PostgreSQL; sql/audit holds one lint a file.
mod atoms;
mod config;
mod formula;
mod functions;
mod judge;
mod lints;
mod report;
mod scope;
pub(crate) mod sheet;

pub use config::{Attack, Config, Ignore};
pub use formula::Hole;
pub use judge::PolicyVerdict;
pub use lints::{Lint, Severity, all as lints};
pub use report::{AuditReport, Door, Finding, Ignored, Summary};
pub use scope::Scope;
pub use sheet::Format;

use rowhouse_pg::{AdminConn, Failure, set_local};

/// What to look at. Empty lists mean: find out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Columns that make a table a tenant's.
    pub tenant_columns: Vec<String>,
    /// The setting that says which tenant a transaction is in.
    pub setting: String,
    /// The roles that serve.
    pub roles: Vec<String>,
    /// Schemas to look at.
    pub schemas: Vec<String>,
    /// Findings that are known and why they stay.
    pub ignore: Vec<Ignore>,
}

/// Opens a read-only transaction in which an audit can run.
pub async fn begin(session: &AdminConn) -> Result<(), Failure> {
    session.run("begin isolation level repeatable read read only; set local search_path = ''; set local jit = off; set local statement_timeout = '60s'; set local lock_timeout = '2s'").await?;
    Ok(())
}

/// The whole audit, in a transaction of its own.
pub async fn run(session: &AdminConn, options: &Options) -> Result<AuditReport, Failure> {
    begin(session).await?;
    let scope = Scope::discover(session, options).await?;
    let report = inspect(session, &scope, &options.ignore).await?;
    session.run("rollback").await?;
    Ok(report)
}

/// How each policy was judged, as JSON: what the lints about policies read in `audit.verdicts`.
pub async fn verdicts(session: &AdminConn, options: &Options) -> Result<String, Failure> {
    begin(session).await?;
    let scope = Scope::discover(session, options).await?;
    let verdicts = judge::judge(session, &scope).await?;
    session.run("rollback").await?;
    serde_json::to_string(&verdicts).map_err(|error| Failure(error.to_string()))
}

/// The audit inside a transaction the caller has opened, whose `search_path` is empty.
pub async fn inspect(session: &AdminConn, scope: &Scope, ignore: &[Ignore]) -> Result<AuditReport, Failure> {
    let all: Vec<&Lint> = lints()?.iter().collect();
    let findings = ask(session, scope, &all).await?;
    let answer = session.run(include_str!("../../sql/audit/discover/doors.sql")).await?;
    let doors = (0..answer.rows.len())
        .map(|row| {
            let value = |name: &str| answer.value(row, name).map(str::to_owned);
            Door {
                kind: value("kind").unwrap_or_default(),
                object: value("object").unwrap_or_default(),
                detail: value("detail").unwrap_or_default(),
                reason: value("reason"),
            }
        })
        .collect();
    Ok(AuditReport::new(scope.clone(), findings, doors, ignore, all.len()))
}

/// What these lints find, all in one message. Policies are judged only for those that read how they were.
pub(crate) async fn ask(session: &AdminConn, scope: &Scope, lints: &[&Lint]) -> Result<Vec<Finding>, Failure> {
    let verdicts =
        if lints.iter().any(|lint| lint.reads_verdicts()) { judge::judge(session, scope).await? } else { Vec::new() };
    let verdicts = serde_json::to_string(&verdicts).map_err(|error| Failure(error.to_string()))?;
    session.run(&format!("{}; {}", scope.announcement(), set_local("audit.verdicts", &verdicts))).await?;
    let message: Vec<&str> = lints.iter().map(|lint| lint.sql).collect();
    let answers = session.run_each(&message.join("\n")).await.map_err(|(done, refusal)| {
        Failure(format!("lint {}: {refusal}", lints.get(done).map_or("after the last", |lint| lint.id)))
    })?;
    if answers.len() != lints.len() {
        return Err(Failure(format!("{} lints gave {} answers: each is one statement", lints.len(), answers.len())));
    }
    let mut findings = Vec::new();
    for (lint, answer) in lints.iter().zip(answers) {
        for row in 0..answer.rows.len() {
            let value = |name: &str| answer.value(row, name).map(str::to_owned);
            findings.push(Finding {
                lint: lint.id,
                severity: value("severity").as_deref().and_then(Severity::parse).unwrap_or(lint.severity),
                object: value("object").unwrap_or_default(),
                role: None,
                detail: value("detail").unwrap_or_else(|| lint.finds.clone()),
                fix: value("fix").unwrap_or_else(|| lint.mend.clone()),
            });
        }
    }
    Ok(findings)
}
