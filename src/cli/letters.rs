//! `rowhouse letters`: what waits to be sent and what nobody tries any more, for whoever runs the platform.
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use uuid::Uuid;

use crate::{db::AdminConn, error::Failure, from_row, sql};

#[derive(Args)]
pub(super) struct Letters {
    /// Where the database is, as `rowhouse_migrator`.
    #[arg(long, env = "MIGRATE_DATABASE_URL", hide_env_values = true, value_name = "URL", global = true)]
    database_url: Option<SecretString>,
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
        let url = self.database_url.ok_or_else(|| Failure("say where the database is: MIGRATE_DATABASE_URL".into()))?;
        let admin = AdminConn::connect(url.expose_secret()).await?;
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
        for letter in letters {
            println!("{}", serde_json::to_string(letter).map_err(|error| Failure(error.to_string()))?);
        }
        return Ok(());
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
