//! `rowhouse platform`: what is decided for the whole platform, for whoever runs it.
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::admin::Database;
use crate::{
    db::AdminConn,
    error::Failure,
    platform_settings::{InForce, SETTINGS, Setting},
    sql,
};

#[derive(Args)]
pub(super) struct Platform {
    #[command(flatten)]
    database: Database,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Settings of the platform. Servers go by a change at once, by one of limits within seconds, callers' caches within a minute.
    #[command(subcommand)]
    Settings(SettingsCommand),
}

#[derive(Subcommand)]
enum SettingsCommand {
    /// List all keys with what they hold.
    List {
        /// Print JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Print what a key holds.
    Get {
        /// The key, such as `signup.open`.
        key: String,
    },
    /// Have a key hold something else.
    Set {
        /// The key, such as `signup.open`.
        key: String,
        /// What it is to hold, such as `false`.
        value: String,
    },
    /// Set a key back to its default.
    Unset {
        /// The key, such as `signup.open`.
        key: String,
    },
}

impl Platform {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Command::Settings(command) = self.command;
        // What is wrong with a word is told without a database.
        let change = match &command {
            SettingsCommand::Set { key, value } => {
                let setting = known(key)?;
                let value = (setting.read)(value).map_err(|why| Failure(format!("{key} {why}")))?;
                Some((setting, value))
            }
            SettingsCommand::Get { key } | SettingsCommand::Unset { key } => known(key).map(|_| None)?,
            SettingsCommand::List { .. } => None,
        };
        let admin = self.database.connect().await?;
        match command {
            SettingsCommand::List { json } => list(&in_force(&admin).await?, json),
            SettingsCommand::Get { key } => println!("{}", plain(&in_force(&admin).await?.value(&key))),
            SettingsCommand::Set { key, .. } => {
                if let Some((Setting { public, description, .. }, value)) = change {
                    let params: crate::db::Params<'_> = &[&key, &value, public, description];
                    admin.all::<()>(sql!("operate/set_platform_setting"), params).await?;
                    println!("{key} is {}", plain(&value));
                }
            }
            SettingsCommand::Unset { key } => {
                admin.all::<()>(sql!("operate/unset_platform_setting"), &[&key]).await?;
                println!("{key} is {}, its default", plain(&InForce::new(Vec::new()).value(&key)));
            }
        }
        Ok(())
    }
}

fn known(key: &str) -> Result<&'static Setting, Failure> {
    let keys = || SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
    let found = SETTINGS.iter().find(|setting| setting.key == key);
    found.ok_or_else(|| Failure(format!("{key} is no setting of the platform: {}", keys())))
}

async fn in_force(admin: &AdminConn) -> Result<InForce, Failure> {
    Ok(InForce::new(admin.all(sql!("operate/platform_settings"), &[]).await?))
}

/// As a person reads it: text without quotes, and none where there is nothing.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn list(settings: &InForce, json: bool) {
    if json {
        for Setting { key, public, description, .. } in SETTINGS {
            let (value, set) = (settings.value(key), settings.is_set(key));
            let line = json!({ "key": key, "value": value, "set": set, "public": public, "description": description });
            println!("{line}");
        }
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["key", "value", "", "description"]);
    for Setting { key, description, .. } in SETTINGS {
        let default = if settings.is_set(key) { "" } else { "default" };
        table.add_row([*key, &plain(&settings.value(key)), default, description]);
    }
    println!("{table}");
}
