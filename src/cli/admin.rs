//! What commands for whoever runs the platform share: where the database is, and lists as JSON.
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::{db::AdminConn, error::Failure};

/// The database, reached past the walls.
#[derive(Args)]
pub(super) struct Database {
    /// Where the database is, as `rowhouse_migrator`.
    #[arg(long, env = "MIGRATE_DATABASE_URL", hide_env_values = true, value_name = "URL", global = true)]
    database_url: Option<SecretString>,
}

impl Database {
    /// Connects; says what is missing where nobody has said where it is.
    pub(super) async fn connect(&self) -> Result<AdminConn, Failure> {
        let said = self.database_url.as_ref();
        let url = said.ok_or_else(|| Failure("say where the database is: MIGRATE_DATABASE_URL".into()))?;
        AdminConn::connect(url.expose_secret()).await
    }
}

/// Prints JSON, one object a line.
pub(super) fn print_lines<T: Serialize>(rows: &[T]) -> Result<(), Failure> {
    for row in rows {
        println!("{}", serde_json::to_string(row).map_err(|error| Failure(error.to_string()))?);
    }
    Ok(())
}
