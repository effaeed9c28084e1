//! `rowhouse jobs`: work that is done afterwards, of all tenants, for whoever runs the platform.
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::admin::{Database, print_lines};
use crate::{
    db::{AdminConn, Sql},
    error::Failure,
    from_row, sql,
};

const STATES: [&str; 6] = ["waiting", "running", "succeeded", "dead", "cancelled", "discarded"];

#[derive(Args)]
pub(super) struct Jobs {
    #[command(flatten)]
    database: Database,
    /// Print JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List jobs, newest first.
    List {
        /// Only those in this state: waiting, running, succeeded, dead, cancelled or discarded.
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Only those of this tenant, by slug or id.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
        /// Only those of this kind.
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000), value_name = "N")]
        limit: i64,
    },
    /// Show a job.
    Show(Which),
    /// Have a job run at once: one that waits, or that has ended without success.
    Retry(Which),
    /// Discard a job that waits or is dead: nobody is to do it.
    Discard(Which),
    /// Cancel a job: one that waits at once, one that is running as soon as it looks.
    Cancel(Which),
}

#[derive(Args)]
struct Which {
    /// Its id.
    id: Uuid,
    /// Its tenant, by slug or id; where two tenants have jobs of one id.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
}

/// A job without its payload, which is for the worker alone.
#[derive(Serialize)]
struct Shown {
    id: Uuid,
    #[serde(skip)]
    tenant_id: Uuid,
    tenant: String,
    kind: String,
    state: String,
    attempts: i16,
    max_attempts: i16,
    run_at: Timestamp,
    lease_until: Option<Timestamp>,
    done: i64,
    total: Option<i64>,
    error_code: Option<String>,
    error: Option<String>,
    cancelling: bool,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
}
from_row! {
    Shown:
        id, tenant_id, tenant, kind, state, attempts, max_attempts, run_at, lease_until, done, total, error_code, error, cancelling, created_at,
        finished_at,
}

impl Jobs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if let Command::List { state: Some(state), .. } = &self.command
            && !STATES.contains(&state.as_str())
        {
            return Err(Failure(format!("{state} is no state: {}", STATES.join(", "))));
        }
        let admin = self.database.connect().await?;
        match self.command {
            Command::List { state, tenant, kind, limit } => {
                let jobs: Vec<Shown> = admin.all(sql!("operate/jobs"), &[&state, &tenant, &kind, &limit]).await?;
                show(&jobs, self.json)
            }
            Command::Show(which) => show(&[one(&admin, &which).await?], self.json),
            Command::Retry(which) => {
                let state = "waiting, dead, cancelled or discarded";
                change(&admin, &which, sql!("jobs/retry"), state, self.json).await
            }
            Command::Discard(which) => change(&admin, &which, sql!("jobs/discard"), "waiting or dead", self.json).await,
            Command::Cancel(which) => {
                change(&admin, &which, sql!("jobs/cancel"), "waiting or running", self.json).await
            }
        }
    }
}

async fn one(admin: &AdminConn, which: &Which) -> Result<Shown, Failure> {
    let Which { id, tenant } = which;
    let mut found: Vec<Shown> = admin.all(sql!("operate/job"), &[id, tenant]).await?;
    if found.len() > 1 {
        let whose: Vec<&str> = found.iter().map(|job| job.tenant.as_str()).collect();
        return Err(Failure(format!("there are jobs {id} of {}: say which with --tenant", whose.join(", "))));
    }
    found.pop().ok_or_else(|| Failure(format!("there is no job {id}")))
}

/// By the API's own statement, in the tenant whose job it is.
async fn change(admin: &AdminConn, which: &Which, statement: Sql, wanted: &str, json: bool) -> Result<(), Failure> {
    let job = one(admin, which).await?;
    let changed = admin.all::<()>(statement, &[&job.tenant_id, &job.id]).await?;
    let now = one(admin, which).await?;
    if changed.is_empty() {
        let id = job.id;
        return Err(Failure(format!("job {id} is {}, and would have to be {wanted}", now.state)));
    }
    show(&[now], json)
}

fn show(jobs: &[Shown], json: bool) -> Result<(), Failure> {
    if json {
        return print_lines(jobs);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["id", "tenant", "kind", "state", "attempts", "run at", "error"]);
    for job in jobs {
        let Shown { id, tenant, kind, state, attempts, max_attempts, run_at, error_code, error, .. } = job;
        let why = [error_code.as_deref(), error.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let tried = format!("{attempts} of {max_attempts}");
        table.add_row([&id.to_string(), tenant, kind, state, &tried, &format!("{run_at:.0}"), &why]);
    }
    println!("{table}");
    Ok(())
}
