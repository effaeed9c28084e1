//! `rowhouse-audit`: the commands for any database, without the server.
use std::process::ExitCode;

use clap::Parser;
use rowhouse_audit::Command;
use rowhouse_pg::Failure;

/// Can one tenant reach another's rows?
#[derive(Parser)]
#[command(name = "rowhouse-audit", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let run = || tokio::runtime::Runtime::new()?.block_on(command.run());
    run().unwrap_or_else(|failure: Failure| {
        eprintln!("rowhouse-audit: {failure}");
        ExitCode::from(2)
    })
}
