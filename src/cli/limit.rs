//! `rowhouse tenant limit`: how many requests a tenant may make, for whoever runs the platform.
use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;

use super::admin::print_lines;
use crate::{
    db::AdminConn,
    error::Failure,
    from_row,
    platform_settings::{A_MINUTE, A_MONTH, InForce, PRINCIPAL_PER_MINUTE, TENANT_PER_MINUTE, TENANT_PER_MONTH, limit},
    sql,
};

#[derive(Args)]
pub(super) struct Limit {
    /// Its slug or id.
    tenant: String,
    /// Requests a minute of the whole tenant: a number or none.
    #[arg(long, value_name = "N", value_parser = a_minute)]
    per_minute: Option<Most>,
    /// Requests a minute of each of its members and API keys: a number or none.
    #[arg(long, value_name = "N", value_parser = a_minute)]
    principal_per_minute: Option<Most>,
    /// Requests a month, by the calendar of UTC: a number or none.
    #[arg(long, value_name = "N", value_parser = a_month)]
    per_month: Option<Most>,
    /// As everybody: no limits of its own any more.
    #[arg(long, conflicts_with_all = ["per_minute", "principal_per_minute", "per_month"])]
    reset: bool,
}

/// So many at most, or as many as they like.
#[derive(Clone, Copy)]
struct Most(Option<i64>);

fn a_minute(text: &str) -> Result<Most, &'static str> {
    limit(text, A_MINUTE).map(Most)
}

fn a_month(text: &str) -> Result<Most, &'static str> {
    limit(text, A_MONTH).map(Most)
}

/// What goes for a tenant; null is as many as it likes.
#[derive(Clone, Serialize)]
struct InForceHere {
    tenant: String,
    /// Whether it has limits of its own.
    own: bool,
    per_minute: Option<i64>,
    principal_per_minute: Option<i64>,
    per_month: Option<i64>,
    /// Requests of this month, as far as they have been written down.
    used: i64,
}

impl Limit {
    pub(super) async fn run(self, admin: &AdminConn, json: bool) -> Result<(), Failure> {
        let now = read(admin, &self.tenant).await?;
        let said = [self.per_minute, self.principal_per_minute, self.per_month];
        if self.reset {
            admin.all::<()>(sql!("operate/unset_tenant_limits"), &[&self.tenant]).await?;
        } else if said.iter().any(Option::is_some) {
            let then = |said: Option<Most>, now| said.map_or(now, |Most(most)| most);
            let per_minute = then(self.per_minute, now.per_minute);
            let principal_per_minute = then(self.principal_per_minute, now.principal_per_minute);
            let per_month = then(self.per_month, now.per_month);
            let params: crate::db::Params<'_> = &[&self.tenant, &per_minute, &principal_per_minute, &per_month];
            admin.all::<()>(sql!("operate/set_tenant_limits"), params).await?;
        }
        show(&read(admin, &self.tenant).await?, json)
    }
}

async fn read(admin: &AdminConn, tenant: &str) -> Result<InForceHere, Failure> {
    let found: Vec<InForceHere> = admin.all(sql!("operate/tenant_limits"), &[&tenant]).await?;
    let here = found.into_iter().next().ok_or_else(|| Failure(format!("there is no tenant {tenant}")))?;
    if here.own {
        return Ok(here);
    }
    let platform = InForce::new(admin.all(sql!("operate/platform_settings"), &[]).await?);
    Ok(InForceHere {
        per_minute: platform.value(TENANT_PER_MINUTE).as_i64(),
        principal_per_minute: platform.value(PRINCIPAL_PER_MINUTE).as_i64(),
        per_month: platform.value(TENANT_PER_MONTH).as_i64(),
        ..here
    })
}

fn show(here: &InForceHere, json: bool) -> Result<(), Failure> {
    if json {
        return print_lines(std::slice::from_ref(here));
    }
    let most = |most: Option<i64>| most.map_or_else(|| "none".to_owned(), |most| most.to_string());
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "tenant",
        "limits",
        "a minute",
        "each principal",
        "a month",
        "of which made",
    ]);
    table.add_row([
        here.tenant.clone(),
        if here.own { "its own" } else { "everybody's" }.to_owned(),
        most(here.per_minute),
        most(here.principal_per_minute),
        most(here.per_month),
        here.used.to_string(),
    ]);
    println!("{table}");
    Ok(())
}

from_row! {
    InForceHere:
        tenant = "slug", own, per_minute = "tenant_per_minute", principal_per_minute, per_month = "tenant_per_month",
        used,
}
