//! `rowhouse audit-log`: whether the audit logs of tenants are what was sealed, where chains end, and the key.
use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use jiff::SignedDuration;

use super::admin::{Database, print_lines};
use crate::{
    auth::{AuditKey, AuditVerifiers},
    clock,
    error::Failure,
    work::audit_verify::{Fault, PublishedHead, Report, contradictions, heads, tenants, verify},
};

#[derive(Args)]
pub(super) struct AuditLog {
    #[command(flatten)]
    database: Database,
    /// One tenant, by slug; all unless said.
    #[arg(long, global = true, value_name = "SLUG")]
    tenant: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Verify that each row is what was sealed; tells where one was changed, removed or inserted, and how many are not sealed yet. Exits 1 where
    /// something is wrong.
    Verify {
        /// The directory of keys, which knows the public halves of all there have been.
        #[arg(long, env = "ROWHOUSE_KEYS", value_name = "DIR")]
        keys: Option<PathBuf>,
        /// A public key in Base64, as `rowhouse audit-log key` prints it: for whoever does not have the directory.
        #[arg(long = "key", value_name = "BASE64")]
        public: Vec<String>,
        /// A file that `rowhouse audit-log heads` has written: the chain must still have those heads.
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
        /// How long a row may wait for its seal, as `2h` or `90m`: where one has waited longer, nobody seals.
        #[arg(long, default_value = "2h", value_name = "TIME")]
        unsealed_for: SignedDuration,
        /// Print JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Print where each tenant's chain ends, one JSON object a line: to be kept where nobody who writes in the database does.
    Heads {
        /// Append to this file instead. Exits 1, and appends nothing, where what is in it contradicts a chain.
        #[arg(long, value_name = "FILE")]
        append: Option<PathBuf>,
    },
    /// Print the public halves of the keys: id and Base64.
    Key {
        /// The directory of keys.
        #[arg(long, env = "ROWHOUSE_KEYS", value_name = "DIR")]
        keys: PathBuf,
        /// Make a new key first. Workers take it when they start; what was sealed before is verified by its public half, which stays.
        #[arg(long)]
        renew: bool,
    },
}

impl AuditLog {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let tenant = self.tenant.as_deref();
        match self.command {
            Command::Key { keys, renew } => {
                if renew {
                    AuditKey::renew(&keys)?;
                }
                for (id, key) in AuditVerifiers::read(&keys)?.shown() {
                    println!("{id} {key}");
                }
            }
            Command::Heads { append } => {
                let admin = self.database.connect().await?;
                let before = append.as_deref().filter(|path| path.exists());
                let before = before.map_or_else(|| Ok(Vec::new()), published)?;
                let known = tenants(&admin, tenant, &before).await?;
                let heads = heads(&admin, tenant).await?;
                let Some(path) = append else { return print_lines(&heads).map(|()| ExitCode::SUCCESS) };
                let mut contradicted = false;
                for tenant in &known {
                    for fault in contradictions(&admin, tenant, None, &before).await? {
                        eprintln!("{}: {}", tenant.slug, told(&fault));
                        contradicted = true;
                    }
                }
                if contradicted {
                    eprintln!("{} contradicts the chains: nothing is appended", path.display());
                    return Ok(ExitCode::FAILURE);
                }
                let because = |error: std::io::Error| Failure(format!("cannot write {}: {error}", path.display()));
                let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(because)?;
                for head in &heads {
                    let line = serde_json::to_string(head).map_err(|error| Failure(error.to_string()))?;
                    writeln!(file, "{line}").map_err(because)?;
                }
                file.sync_all().map_err(because)?;
            }
            Command::Verify { keys, public, heads, unsealed_for, json } => {
                let mut known = keys.map_or_else(|| Ok(AuditVerifiers::default()), |dir| AuditVerifiers::read(&dir))?;
                public.iter().try_for_each(|key| known.add(key))?;
                let published = heads.as_deref().map_or_else(|| Ok(Vec::new()), published)?;
                let admin = self.database.connect().await?;
                let mut reports = Vec::new();
                for tenant in tenants(&admin, tenant, &published).await? {
                    reports.push(verify(&admin, &tenant, &known, &published).await?);
                }
                if json {
                    print_lines(&reports)?;
                } else {
                    reports.iter().for_each(show);
                }
                let waits = |report: &Report| unsealed_age(report).is_some_and(|age| age > unsealed_for);
                if reports.iter().any(|report| !report.faults.is_empty() || waits(report)) {
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn published(path: &Path) -> Result<Vec<PublishedHead>, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))?;
    let line = |(at, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| Failure(format!("{}, line {}: {error}", path.display(), at + 1)))
    };
    text.lines().enumerate().map(line).collect()
}

fn show(report: &Report) {
    let Report { slug, seals, good, forgotten, left, unsealed, faults, .. } = report;
    let waits = unsealed_age(report).map_or_else(String::new, |age| format!(", the oldest for {age:#}"));
    println!(
        "{slug}: {good} rows as sealed by {seals} seals, {forgotten} forgotten ({left} of them still there), {unsealed} not sealed yet{waits}"
    );
    for fault in faults {
        println!("  {}", told(fault));
    }
}

/// How long the oldest row that is not sealed has waited, to the second.
fn unsealed_age(report: &Report) -> Option<SignedDuration> {
    report.unsealed_since.map(|since| SignedDuration::from_secs(clock::now().duration_since(since).as_secs()))
}

fn told(fault: &Fault) -> String {
    match fault {
        Fault::HeadsDiffer { seal } => format!("seal {seal} was published with two different heads"),
        Fault::BadPublished { seal } => format!("the head of seal {seal} that was published is not signed by its key"),
        Fault::ForgottenTooSoon { seal, through } => {
            format!("seal {seal} says that rows up to seal {through} are forgotten, which were too young for that")
        }
        Fault::SealsGone { from, to } => format!("seals {from} to {to} are gone"),
        Fault::SealChanged { seal } => format!("seal {seal} is not what was sealed"),
        Fault::BadSignature { seal } => format!("seal {seal} is not signed by its key"),
        Fault::UnknownKey { seal, key } => format!("seal {seal} is signed by {key}, which is not known here"),
        Fault::SealBackwards { seal } => format!("seal {seal} says less than the one before"),
        Fault::OtherHead { seal } => format!("seal {seal} is not the one that was published"),
        Fault::RowChanged { seal, row, id } => format!("row {row} of seal {seal} was changed: {id}"),
        Fault::RowRemoved { seal, row, after: Some(after) } => {
            format!("row {row} of seal {seal} was removed: it stood after {after}")
        }
        Fault::RowRemoved { seal, row, after: None } => {
            format!("row {row} of seal {seal} was removed: it stood before all others")
        }
        Fault::RowInserted { seal, id } => {
            format!("a row was inserted among those of seal {seal} or before them: {id}")
        }
    }
}
