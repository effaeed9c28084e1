//! `rowhouse bootstrap`: what only a superuser can do, once per database.
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    db::{self, AdminConn},
    error::Failure,
    settings::{Profile, refuse_placeholders},
};

#[derive(Args)]
pub(super) struct Bootstrap {
    /// Where the database is, as a superuser.
    #[arg(long, env = "BOOTSTRAP_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: SecretString,
    /// URLs of the roles whose passwords are to be set to what stands in them.
    #[arg(long, env = "ROWHOUSE_ROLE_URLS", hide_env_values = true, value_delimiter = ' ', value_name = "URLS")]
    role_urls: Vec<SecretString>,
    /// production, where passwords that stand in .env.example are refused, or development.
    #[arg(long, env = "ROWHOUSE_PROFILE", value_enum, default_value_t = Profile::Production)]
    profile: Profile,
}

impl Bootstrap {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let urls = self.role_urls.iter().map(|url| ("ROWHOUSE_ROLE_URLS", url));
        refuse_placeholders(self.profile, urls.chain([("BOOTSTRAP_DATABASE_URL", &self.database_url)]))?;
        let superuser = AdminConn::connect(self.database_url.expose_secret()).await?;
        db::bootstrap(&superuser).await?;
        println!("roles and schemas are in place");
        for role in db::set_passwords(&superuser, &self.role_urls).await? {
            println!("password set for {role}");
        }
        println!("next: rowhouse migrate");
        Ok(())
    }
}
