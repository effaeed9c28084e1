//! `rowhouse tenant`: tenants and their domains, for whoever runs the platform. It reads the registry and counts, and shows no row of a
//! tenant's own.
use std::net::SocketAddr;

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::Serialize;
use uuid::Uuid;

use super::admin::{Database, print_lines};
use super::{limit, plan_of_tenant};
use crate::{
    auth::normal_email,
    db::AdminConn,
    dns::{NameServers, TxtLookup as _, txt_record},
    error::Failure,
    from_row, slug, sql,
};

/// Tenants read at a time.
const PAGE: i64 = 200;

#[derive(Args)]
pub(super) struct Tenant {
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
    /// Make a tenant, with somebody who has an account as its owner.
    Create {
        /// The tenant's name.
        name: String,
        /// The owner's e-mail address.
        #[arg(long, value_name = "EMAIL")]
        owner: String,
        /// The label of its subdomain; made from the name unless said.
        #[arg(long, value_name = "SLUG")]
        slug: Option<String>,
    },
    /// List tenants, by slug.
    List {
        /// Only those of this status: trial, active, suspended, closing or closed.
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
    },
    /// Look again for the TXT record of every domain that resolves; one that no longer shows it resolves to nobody.
    ///
    /// For once a day. A name server that does not answer changes nothing.
    CheckDomains {
        /// Name servers to ask, as address:port; those of the machine unless said.
        #[arg(long, env = "ROWHOUSE_NAME_SERVERS", value_delimiter = ',', value_name = "ADDRESSES")]
        name_servers: Vec<SocketAddr>,
    },
    /// Show how many requests a tenant may make, and has made this month; or let it make more or fewer than others do.
    ///
    /// Servers go by a change within seconds.
    #[command(
        after_help = "rowhouse tenant limit acme                       what it may, and has made of this month\nrowhouse tenant limit acme --per-month 100000    more, or fewer; what is not said stays as it is\nrowhouse tenant limit acme --reset               as rowhouse platform settings say for everybody"
    )]
    Limit(limit::Limit),
    /// Show what plan a tenant is on; or let it do more or less than its plan says.
    ///
    /// Goes for the tenant's next statement.
    #[command(
        after_help = "rowhouse tenant plan acme                            what it is on, and what it may\nrowhouse tenant plan acme --with exports --limit members=50   more than its plan says, or less: --without, --limit products=none\nrowhouse tenant plan acme --reset                    as its plan says"
    )]
    Plan(plan_of_tenant::PlanOfTenant),
    /// Show a tenant.
    Show {
        /// Its slug or id.
        tenant: String,
    },
}

#[derive(Serialize)]
struct Shown {
    id: Uuid,
    slug: String,
    name: String,
    status: String,
    trial_ends_at: Option<Timestamp>,
    created_at: Timestamp,
    members: i64,
    domains: Vec<String>,
}

impl Tenant {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let admin = self.database.connect().await?;
        match self.command {
            Command::Create { name, owner, slug } => {
                let made = create(&admin, &name, &owner, slug).await?;
                show(&[made], self.json)
            }
            Command::List { status } => {
                let known = ["trial", "active", "suspended", "closing", "closed", "moved"];
                if let Some(other) = status.as_deref().filter(|status| !known.contains(status)) {
                    return Err(Failure(format!("{other} is no status: {}", known.join(", "))));
                }
                let mut after = String::new();
                let mut tenants = Vec::new();
                loop {
                    let page: Vec<Shown> = admin.all(sql!("operate/tenants"), &[&after, &status, &PAGE]).await?;
                    let Some(last) = page.last() else { break };
                    after.clone_from(&last.slug);
                    tenants.extend(page);
                }
                show(&tenants, self.json)
            }
            Command::CheckDomains { name_servers } => check_domains(&admin, &name_servers).await,
            Command::Limit(limit) => limit.run(&admin, self.json).await,
            Command::Plan(plan) => plan.run(&admin, self.json).await,
            Command::Show { tenant } => {
                let found: Vec<Shown> = admin.all(sql!("operate/tenant"), &[&tenant]).await?;
                if found.is_empty() {
                    return Err(Failure(format!("there is no tenant {tenant}")));
                }
                show(&found, self.json)
            }
        }
    }
}

async fn create(admin: &AdminConn, name: &str, owner: &str, wanted: Option<String>) -> Result<Shown, Failure> {
    if name.trim() != name || name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Failure("a name has 1 to 200 characters, with no white space at its ends".into()));
    }
    if let Some(slug) = &wanted
        && let Err(why) = slug::check(slug)
    {
        return Err(Failure(format!("the slug {slug} {why}")));
    }
    if let Some(slug) = &wanted
        && admin.all::<Reserved>(sql!("operate/slug_is_reserved"), &[slug]).await?.iter().any(|reserved| reserved.0)
    {
        return Err(Failure(format!("the slug {slug} is reserved")));
    }
    let owner = normal_email(owner).ok_or_else(|| Failure(format!("{owner:?} is not an e-mail address")))?;
    let id = new_id();
    let given = wanted.clone();
    let slugs = wanted.map_or_else(|| slug::candidates(name, id.as_bytes()), |slug| vec![slug]);
    let role_ids: Vec<Uuid> = (0..8).map(|_| new_id()).collect();
    let params: crate::db::Params<'_> = &[&owner, &id, &name, &slugs, &role_ids];
    if admin.all::<()>(sql!("operate/owner"), &[&owner]).await?.is_empty() {
        return Err(Failure(format!("there is no active account with the address {owner}; it has to sign up first")));
    }
    if admin.all::<()>(sql!("operate/create_tenant"), params).await?.is_empty() {
        return Err(Failure(format!("the slug {} is taken", given.unwrap_or_default())));
    }
    let made: Vec<Shown> = admin.all(sql!("operate/tenant"), &[&id.to_string()]).await?;
    made.into_iter().next().ok_or_else(|| Failure("the tenant is not there".into()))
}

async fn check_domains(admin: &AdminConn, name_servers: &[SocketAddr]) -> Result<(), Failure> {
    let dns = NameServers::new(name_servers)?;
    let (mut after, mut seen, mut gone, mut unanswered) = (String::new(), 0, 0, 0);
    loop {
        let page: Vec<Claim> = admin.all(sql!("operate/resolving_domains"), &[&after, &PAGE]).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.domain);
        for Claim { domain, challenge } in page {
            let (name, value) = txt_record(&domain, &challenge);
            match dns.texts(&name).await {
                Ok(texts) if texts.contains(&value) => seen += 1,
                Ok(_) => {
                    admin.all::<()>(sql!("operate/release_domain"), &[&domain]).await?;
                    println!("{domain} no longer shows its record, and resolves to nobody");
                    gone += 1;
                }
                Err(_) => unanswered += 1,
            }
        }
    }
    println!("{seen} domains show their record, {gone} no longer do, {unanswered} got no answer");
    Ok(())
}

struct Claim {
    domain: String,
    challenge: String,
}

from_row! { Claim: domain, challenge }

fn show(tenants: &[Shown], json: bool) -> Result<(), Failure> {
    if json {
        return print_lines(tenants);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["slug", "status", "members", "since", "domains", "name", "id"]);
    for tenant in tenants {
        table.add_row([
            tenant.slug.clone(),
            tenant.status.clone(),
            tenant.members.to_string(),
            tenant.created_at.strftime("%Y-%m-%d").to_string(),
            tenant.domains.join(" "),
            tenant.name.clone(),
            tenant.id.to_string(),
        ]);
    }
    println!("{table}");
    Ok(())
}

from_row! { Shown: id, slug, name, status, trial_ends_at, created_at, members, domains }

struct Reserved(bool);

from_row! { Reserved: "reserved" }
