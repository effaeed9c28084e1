//! The commands, one file each.
mod admin;
mod audit_log;
mod bootstrap;
mod demo;
mod descriptors;
mod dev;
mod errors;
mod invoice;
mod jobs;
mod keys;
mod letters;
mod limit;
mod migrate;
mod new;
mod openapi;
mod plan;
mod plan_of_tenant;
mod platform;
mod serve;
mod tenant;
mod user;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    error::Failure,
    telemetry::{self, LogFormat},
};

/// Many tenants under one roof, a wall between every row.
#[derive(Parser)]
#[command(
    name = "rowhouse",
    version,
    after_help = "Try it: `rowhouse dev` starts a private PostgreSQL with two demo tenants and serves them.\nEvery option can be set in the environment instead; .env.example lists the names."
)]
struct Cli {
    /// How log lines look.
    #[arg(long, env = "ROWHOUSE_LOG_FORMAT", value_enum, default_value_t, global = true)]
    log_format: LogFormat,
    /// Which log lines are written, such as `info,rowhouse=debug`.
    #[arg(long, env = "ROWHOUSE_LOG", default_value = "info", global = true, value_name = "FILTER")]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything for development: database, demo tenants, server.
    Dev(dev::Dev),
    /// Serve requests; refuses when the database is not walled as sql/ says.
    Serve(serve::Serve),
    /// Do jobs: what requests have caused and others need not wait for.
    Worker(worker::Command),
    /// Make roles and schemas in a database, once, as a superuser.
    Bootstrap(bootstrap::Bootstrap),
    /// Bring the database to what sql/ says, and tell what changed.
    Migrate(migrate::Migrate),
    /// Make two demo tenants in a migrated database that has none of its own.
    Demo(demo::Demo),
    #[command(flatten)]
    Tools(rowhouse_audit::Command),
    /// Tenants: make one, list them, show one.
    Tenant(tenant::Tenant),
    /// Jobs of all tenants: list them, retry, discard or cancel one.
    Jobs(jobs::Jobs),
    /// Invoices of all tenants: issue, record payments and refunds, check the books.
    Invoice(invoice::Invoice),
    /// Letters that wait or were given up: list them, have one tried again.
    Letters(letters::Letters),
    /// Audit logs of tenants: verify them, print where their chains end, and the key.
    AuditLog(audit_log::AuditLog),
    /// Accounts: operators, deactivating and activating.
    User(user::User),
    /// Plans: list them, add a version of one, retire one.
    Plan(plan::Plan),
    /// What is decided for the whole platform.
    Platform(platform::Platform),
    /// Signing keys.
    Keys(keys::Keys),
    /// Write the first version of something into a checkout.
    New(new::New),
    /// Print the OpenAPI document.
    Openapi,
    /// Print what can go wrong: each code with its status, what happened and what to do.
    Errors,
    /// Ask a running server whether it is ready; exits 1 when it is not.
    Healthcheck(serve::Healthcheck),
}

/// Parses the command line, runs the command, and says in one sentence why it failed if it did.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("rowhouse: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    // The first command speaks to a person; its log starts when they ask for one.
    let filter = if matches!(cli.command, Command::Dev(_)) && cli.log == "info" { "warn" } else { &cli.log };
    let _logging =
        telemetry::start(cli.log_format, filter, matches!(cli.command, Command::Serve(_) | Command::Worker(_)))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let done = |()| ExitCode::SUCCESS;
    match cli.command {
        Command::Dev(command) => runtime.block_on(command.run()).map(done),
        Command::Serve(command) => runtime.block_on(command.run()).map(done),
        Command::Worker(command) => runtime.block_on(command.run()).map(done),
        Command::Bootstrap(command) => runtime.block_on(command.run()).map(done),
        Command::Migrate(command) => runtime.block_on(command.run()),
        Command::Demo(command) => runtime.block_on(command.run()).map(done),
        Command::Tools(command) => runtime.block_on(command.run()),
        Command::Tenant(command) => runtime.block_on(command.run()).map(done),
        Command::Jobs(command) => runtime.block_on(command.run()).map(done),
        Command::Invoice(command) => runtime.block_on(command.run()).map(done),
        Command::Letters(command) => runtime.block_on(command.run()).map(done),
        Command::AuditLog(command) => runtime.block_on(command.run()),
        Command::User(command) => runtime.block_on(command.run()).map(done),
        Command::Plan(command) => runtime.block_on(command.run()).map(done),
        Command::Platform(command) => runtime.block_on(command.run()).map(done),
        Command::Keys(command) => runtime.block_on(command.run()).map(done),
        Command::New(command) => command.run(),
        Command::Openapi => openapi::print().map(done),
        Command::Errors => {
            errors::print();
            Ok(ExitCode::SUCCESS)
        }
        Command::Healthcheck(command) => runtime.block_on(command.run()),
    }
}
