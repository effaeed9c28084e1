//! `rowhouse letters`: what waits to be sent and what nobody tries any more, for whoever runs the platform.
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::admin::{Database, print_lines};
use crate::{error::Failure, from_row, sql};

#[derive(Args)]
pub(super) struct Letters {
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
    /// List letters that wait or were given up, newest first. What they say and to whom only the servers can read.
    List {
        /// Only those that nobody tries any more.
        #[arg(long)]
        dead: bool,
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000), value_name = "N")]
        limit: i64,
    },
    /// Have a letter tried at once, with all its tries.
    Retry {
        /// Its id.
        id: Uuid,
    },
}

#[derive(Serialize)]
struct Shown {
    id: Uuid,
    about: String,
    attempts: i16,
    due_at: Timestamp,
    under_way: bool,
    error: Option<String>,
    dead_at: Option<Timestamp>,
    created_at: Timestamp,
}
from_row! { Shown: id, about, attempts, due_at, under_way, error, dead_at, created_at }

impl Letters {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let admin = self.database.connect().await?;
        let letters: Vec<Shown> = match self.command {
            Command::List { dead, limit } => admin.all(sql!("operate/letters"), &[&dead, &limit]).await?,
            Command::Retry { id } => {
                let tried: Vec<Shown> = admin.all(sql!("operate/retry_letter"), &[&id]).await?;
                if tried.is_empty() {
                    return Err(Failure(format!(
                        "there is no letter {id} that waits or is dead, or another that says the same waits"
                    )));
                }
                tried
            }
        };
        show(&letters, self.json)
    }
}

fn show(letters: &[Shown], json: bool) -> Result<(), Failure> {
    if json {
        return print_lines(letters);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["id", "about", "state", "tries", "due at", "error"]);
    for Shown { id, about, attempts, due_at, under_way, error, dead_at, .. } in letters {
        let state = match (dead_at, under_way) {
            (Some(_), _) => "dead",
            (None, true) => "under way",
            (None, false) => "waiting",
        };
        let error = error.as_deref().unwrap_or_default();
        table.add_row([&id.to_string(), about, state, &attempts.to_string(), &format!("{due_at:.0}"), error]);
    }
    println!("{table}");
    Ok(())
}
