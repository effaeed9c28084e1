//! `rowhouse why`: which policy hides a row from a user, for whoever has to answer the ticket.
use std::{io::IsTerminal as _, process::ExitCode};

use clap::{Args, ValueEnum};
use rowhouse_pg::{AdminConn, Failure};
use secrecy::{ExposeSecret as _, SecretString};

use crate::why::{self, Question, Verb, WhySettings, WhyVerdict};

/// The role that serves, where nothing else is said.
const API_ROLE: &str = "rowhouse_api";

#[derive(Args)]
pub struct Why {
    /// Where the database is, as a role that no wall stops.
    #[arg(long, env = "MIGRATE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: SecretString,
    /// In which tenant: its id or slug.
    #[arg(long, value_name = "ID|SLUG")]
    tenant: String,
    /// For which user: id or e-mail address.
    #[arg(long, value_name = "ID|EMAIL")]
    user: String,
    /// Which table, with its schema.
    #[arg(long, value_name = "SCHEMA.TABLE")]
    table: String,
    /// Which row: the primary key, without the tenant.
    #[arg(long)]
    id: String,
    /// Which column `--id` is about, where the primary key does not say.
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// The role that asks PostgreSQL on the user's behalf.
    #[arg(long, default_value = API_ROLE)]
    role: String,
    /// What is to be done with the row; `insert` judges one such as it.
    #[arg(long, value_enum, default_value_t = Verb::Select)]
    command: Verb,
    /// Name the tenant whose row it is, when it is another's.
    #[arg(long)]
    reveal_tenant: bool,
    /// The setting that holds the tenant.
    #[arg(long, default_value = "app.tenant_id", value_parser = setting, value_name = "NAME")]
    setting: String,
    /// The setting that holds the user.
    #[arg(long, default_value = "app.user_id", value_parser = setting, value_name = "NAME")]
    user_setting: String,
    /// How the answer looks.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For a person.
    #[default]
    Text,
    /// For a program.
    Json,
}

/// A name such as `app.tenant_id`; it becomes part of a statement.
fn setting(name: &str) -> Result<String, String> {
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if name.contains('.') && name.split('.').all(word) {
        Ok(name.to_owned())
    } else {
        Err("a setting is named like app.tenant_id".to_owned())
    }
}

impl Why {
    /// 0 when the row is shown, 1 when it is hidden, 2 when that cannot be told.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let admin = AdminConn::connect(self.database_url.expose_secret()).await?;
        let question = Question {
            tenant: self.tenant,
            user: self.user,
            table: self.table,
            id: self.id,
            key: self.key,
            role: self.role,
            command: self.command,
            reveal_tenant: self.reveal_tenant,
            settings: WhySettings { tenant: self.setting, user: self.user_setting },
        };
        let report = why::ask(&admin, &question).await?;
        match self.format {
            Format::Text => {
                let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                print!("{}", why::text(&report, colour));
            }
            Format::Json => {
                println!("{}", serde_json::to_string(&report).map_err(|error| Failure(error.to_string()))?);
            }
        }
        Ok(match report.verdict {
            WhyVerdict::Shown => ExitCode::SUCCESS,
            WhyVerdict::Hidden => ExitCode::from(1),
            WhyVerdict::Unknown => ExitCode::from(2),
        })
    }
}
