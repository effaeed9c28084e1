//! `rowhouse tenant plan`: what one tenant is on, and what it has beside its plan, for whoever runs the platform.
use std::collections::BTreeSet;

use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::Value;

use super::{
    admin::print_lines,
    plan::{feature, limit, limits_json},
};
use crate::{db::AdminConn, error::Failure, from_row, sql};

#[derive(Args)]
pub(super) struct PlanOfTenant {
    /// Its slug or id.
    tenant: String,
    /// Features that it has beside its plan's. Once for each.
    #[arg(long = "with", value_name = "FEATURE", value_parser = feature)]
    with: Vec<String>,
    /// Features of its plan that it has not. Once for each.
    #[arg(long = "without", value_name = "FEATURE", value_parser = feature)]
    without: Vec<String>,
    /// Of what how many, in place of its plan's: a number or none. Once for each.
    #[arg(long = "limit", value_name = "WHAT=N", value_parser = limit)]
    limits: Vec<(String, Option<i64>)>,
    /// Why, for whoever asks later.
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// As its plan says: nothing of its own any more.
    #[arg(long, conflicts_with_all = ["with", "without", "limits", "note"])]
    reset: bool,
}

#[derive(Serialize)]
struct Shown {
    tenant: String,
    plan: String,
    plan_version: i16,
    state: String,
    features: Vec<String>,
    limits: Value,
    /// Whether something was decided for it alone, and why.
    own: bool,
    note: String,
}

from_row! { Shown: tenant = "slug", plan, plan_version, state, features, limits, own, note }

impl PlanOfTenant {
    pub(super) async fn run(self, admin: &AdminConn, json: bool) -> Result<(), Failure> {
        read(admin, &self.tenant).await?;
        if self.note.chars().count() > 500 {
            return Err(Failure("a note has 500 characters at most".into()));
        }
        if let Some(both) = self.with.iter().find(|feature| self.without.contains(feature)) {
            return Err(Failure(format!("it cannot be with {both} and without")));
        }
        let once = |said: &[String]| said.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        if self.reset {
            admin.all::<()>(sql!("operate/unset_plan_overrides"), &[&self.tenant]).await?;
        } else if !(self.with.is_empty() && self.without.is_empty() && self.limits.is_empty()) {
            let (with, without, limits) = (once(&self.with), once(&self.without), limits_json(&self.limits));
            let params: crate::db::Params<'_> = &[&self.tenant, &with, &without, &limits, &self.note];
            admin.all::<()>(sql!("operate/set_plan_overrides"), params).await?;
        }
        show(&read(admin, &self.tenant).await?, json)
    }
}

async fn read(admin: &AdminConn, tenant: &str) -> Result<Shown, Failure> {
    let found: Vec<Shown> = admin.all(sql!("operate/plan_of_tenant"), &[&tenant]).await?;
    found.into_iter().next().ok_or_else(|| Failure(format!("there is no tenant {tenant}")))
}

fn show(shown: &Shown, json: bool) -> Result<(), Failure> {
    if json {
        return print_lines(std::slice::from_ref(shown));
    }
    let limits = shown.limits.as_object().into_iter().flatten().map(|(what, most)| format!("{what}={most}"));
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["tenant", "plan", "state", "features", "limits", "", "note"]);
    table.add_row([
        shown.tenant.clone(),
        format!("{} {}", shown.plan, shown.plan_version),
        shown.state.clone(),
        shown.features.join(" "),
        limits.collect::<Vec<_>>().join(" "),
        if shown.own { "its own" } else { "its plan's" }.to_owned(),
        shown.note.clone(),
    ]);
    println!("{table}");
    Ok(())
}
