//! `rowhouse demo`: two tenants to try things with, acme and globex, with people and projects.
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    auth::hash_password,
    db::{AdminConn, seed},
    error::Failure,
};

/// The same for every demo user, and for no other.
pub(super) const PASSWORD: &str = "rowhouse-demo-password";
const PROJECTS: usize = 300;

/// E-mail, full name, role.
type Member = (&'static str, &'static str, &'static str);

/// Tenant, its name, and its people. One person is in both, in different roles.
const DEMO: [(&str, &str, &[Member]); 2] = [
    (
        "acme",
        "Acme Rockets",
        &[
            ("ada@acme.example", "Ada Owner", "owner"),
            ("max@acme.example", "Max Member", "member"),
            ("vera@acme.example", "Vera Viewer", "viewer"),
            ("sam@both.example", "Sam Both", "member"),
        ],
    ),
    (
        "globex",
        "Globex",
        &[
            ("grace@globex.example", "Grace Owner", "owner"),
            ("mia@globex.example", "Mia Member", "member"),
            ("sam@both.example", "Sam Both", "viewer"),
        ],
    ),
];

/// A demo tenant and who can sign in to it.
#[derive(Serialize)]
pub(super) struct DemoTenant {
    pub(super) id: Uuid,
    pub(super) slug: String,
    pub(super) users: Vec<DemoUser>,
}

/// Who can sign in.
#[derive(Serialize)]
pub(super) struct DemoUser {
    pub(super) email: String,
    pub(super) password: &'static str,
    pub(super) role: String,
}

#[derive(Args)]
pub(super) struct Demo {
    /// Where the database is, as `rowhouse_migrator`.
    #[arg(long, env = "MIGRATE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: SecretString,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let migrator = AdminConn::connect(self.database_url.expose_secret()).await?;
        let (tenants, _) = make(&migrator).await?;
        print!("{}", table(&tenants));
        Ok(())
    }
}

/// Makes the demo tenants unless they are there; refuses a database that has tenants of its own. Answers
/// them, and whether they are new.
pub(super) async fn make(migrator: &AdminConn) -> Result<(Vec<DemoTenant>, bool), Failure> {
    let there = seed::tenants(migrator).await?;
    refuse_real_tenants(&there)?;
    if there.is_empty() {
        let mut known: Vec<(&str, Uuid)> = Vec::new();
        for (slug, name, people) in DEMO {
            let tenant = seed::add_tenant(migrator, slug, name).await?;
            let mut owner = None;
            for (email, full_name, role) in people {
                let user = match known.iter().find(|(other, _)| other == email) {
                    Some((_, user)) => *user,
                    None => seed::add_user(migrator, email, full_name, &hash_password(&PASSWORD.into())?).await?,
                };
                known.push((email, user));
                seed::add_member(migrator, tenant, user, role).await?;
                owner = owner.or(Some(user));
            }
            seed::add_projects(migrator, tenant, owner, PROJECTS).await?;
        }
    }
    let mut tenants = Vec::new();
    for (slug, _, people) in DEMO {
        let user = |(email, _, role): &Member| DemoUser {
            email: (*email).to_owned(),
            password: PASSWORD,
            role: (*role).to_owned(),
        };
        let id = seed::tenant_id(migrator, slug).await?;
        tenants.push(DemoTenant { id, slug: slug.to_owned(), users: people.iter().map(user).collect() });
    }
    Ok((tenants, there.is_empty()))
}

/// Fails when one of these tenants is no demo tenant.
pub(super) fn refuse_real_tenants(there: &[String]) -> Result<(), Failure> {
    match there.iter().find(|slug| !DEMO.iter().any(|(demo, ..)| demo == slug)) {
        None => Ok(()),
        Some(other) => Err(Failure(format!(
            "the database has a tenant {other}, which is no demo tenant; a database with real tenants is left alone"
        ))),
    }
}

/// Who can sign in where, for people.
pub(super) fn table(tenants: &[DemoTenant]) -> String {
    let mut text = "  tenant   role     e-mail                  password\n".to_owned();
    for tenant in tenants {
        for user in &tenant.users {
            text.push_str(&format!("  {:<8} {:<8} {:<23} {}\n", tenant.slug, user.role, user.email, user.password));
        }
    }
    text
}
