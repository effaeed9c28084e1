//! `rowhouse user`: accounts, for whoever runs the platform.
use clap::{Args, Subcommand};
use rowhouse_pg::new_id;

use super::admin::Database;
use crate::{
    auth::{hash_password, new_link, normal_email, random_secret},
    db::AdminConn,
    error::Failure,
    from_row, sql,
};

#[derive(Args)]
pub(super) struct User {
    #[command(flatten)]
    database: Database,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make somebody an operator of the platform; with an account of their own, if they have none yet.
    ///
    /// A new account has no password that anybody knows: the token that is printed sets one, within a day, with
    /// `POST /api/v1/auth/password-reset/confirm`. An operator holds nothing inside a tenant.
    CreateOperator {
        /// The e-mail address.
        email: String,
        /// The full name, for a new account.
        #[arg(long, default_value = "Operator", value_name = "NAME")]
        name: String,
    },
    /// Deactivate an account: every session ends, and nobody is let in with it anywhere.
    Disable {
        /// The e-mail address.
        email: String,
    },
    /// Activate an account again.
    Enable {
        /// The e-mail address.
        email: String,
    },
}

struct Made {
    new: bool,
}

struct Ended(i64);

impl User {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let admin = self.database.connect().await?;
        match self.command {
            Command::CreateOperator { email, name } => create_operator(&admin, &address(&email)?, &name).await,
            Command::Disable { email } => {
                let email = address(&email)?;
                let ended: Vec<Ended> = admin.all(sql!("operate/disable_user"), &[&email]).await?;
                let Some(Ended(sessions)) = ended.first() else { return Err(unknown(&email)) };
                println!("{email} is deactivated; {sessions} sessions ended");
                Ok(())
            }
            Command::Enable { email } => {
                let email = address(&email)?;
                if admin.all::<()>(sql!("operate/enable_user"), &[&email]).await?.is_empty() {
                    return Err(unknown(&email));
                }
                println!("{email} is active");
                Ok(())
            }
        }
    }
}

async fn create_operator(admin: &AdminConn, email: &str, name: &str) -> Result<(), Failure> {
    let nobody_knows = hash_password(&random_secret()?.into())?;
    let link = new_link()?;
    let params: crate::db::Params<'_> = &[&new_id(), &email, &name, &nobody_knows, &link.hash.as_slice()];
    let made: Vec<Made> = admin.all(sql!("operate/create_operator"), params).await?;
    match made.first() {
        Some(Made { new: true }) => {
            println!("{email} is an operator, with a new account; this token sets its password within a day:");
            println!("{}", link.token);
        }
        Some(Made { new: false }) => println!("{email} is an operator, with the account that was there"),
        None => return Err(Failure(format!("{email} is deactivated; `rowhouse user enable {email}` first"))),
    }
    Ok(())
}

fn address(email: &str) -> Result<String, Failure> {
    normal_email(email).ok_or_else(|| Failure(format!("{email:?} is not an e-mail address")))
}

fn unknown(email: &str) -> Failure {
    Failure(format!("there is no account with the address {email}"))
}

from_row! { Made: new }

from_row! { Ended: "sessions" }
