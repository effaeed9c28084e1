//! `rowhouse plan`: what plans there are, for whoever runs the platform. What a version of a plan says is never rewritten.
use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::Value;

use super::admin::{Database, print_lines};
use crate::{
    currency,
    db::{AdminConn, Params},
    error::Failure,
    from_row, sql,
};

/// What plans may have beside what each has; as the checks of `registry.plans`.
const FEATURES: [&str; 4] = ["custom_roles", "domains", "exports", "webhooks"];

/// Of what a plan may say how many.
const LIMITS: [&str; 9] = [
    "api_keys",
    "members",
    "principal_per_minute",
    "products",
    "projects",
    "storage_bytes",
    "tenant_per_minute",
    "tenant_per_month",
    "webhook_endpoints",
];

/// The most that a limit or a price can be.
const MOST: i64 = 1_000_000_000_000;

#[derive(Args)]
pub(super) struct Plan {
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
    /// List all versions of all plans, and how many tenants are on each.
    List,
    /// Add a plan, or another version of one; tenants that are on another stay on it.
    #[command(
        after_help = "rowhouse plan add team --name Team --price month:EUR:4900 --price year:EUR:49000 --feature exports --limit members=25\nA price is in minor units of its currency: 4900 is 49.00 EUR."
    )]
    Add(Box<Add>),
    /// Put nobody on a plan any more; tenants that are on it stay.
    Retire {
        /// The plan's code; all its versions.
        code: String,
    },
}

#[derive(Args)]
struct Add {
    /// How it is chosen, such as `team`.
    code: String,
    /// How people call it.
    #[arg(long)]
    name: String,
    /// What a period costs: month or year, currency, minor units. Once for each.
    #[arg(long = "price", value_name = "PERIOD:CURRENCY:AMOUNT", required = true, value_parser = price)]
    prices: Vec<Price>,
    /// What it has: `custom_roles`, `domains`, `exports`, `webhooks`. Once for each.
    #[arg(long = "feature", value_name = "FEATURE", value_parser = feature)]
    features: Vec<String>,
    /// Of what how many at most; what is not said is as many as they like. Once for each.
    #[arg(long = "limit", value_name = "WHAT=N", value_parser = limit)]
    limits: Vec<(String, Option<i64>)>,
    /// How long a tenant that begins with it pays nothing.
    #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(i16).range(0..=365))]
    trial_days: i16,
    /// Not for tenants to choose: only whoever runs the platform puts one on it.
    #[arg(long)]
    unlisted: bool,
    /// What tenants begin with from now on.
    #[arg(long)]
    default: bool,
}

#[derive(Clone)]
struct Price {
    period: String,
    currency: String,
    amount_minor: i64,
}

fn price(text: &str) -> Result<Price, String> {
    let why = || format!("{text} is no price: month or year, a currency and minor units, as month:EUR:4900");
    let [period, code, amount] = text.split(':').collect::<Vec<_>>().try_into().map_err(|_| why())?;
    let amount_minor = amount.parse().ok().filter(|amount| (0..=MOST).contains(amount)).ok_or_else(why)?;
    let currency = currency::known(code).ok_or_else(|| format!("{code} is not a currency that is known"))?;
    if !["month", "year"].contains(&period) {
        return Err(why());
    }
    Ok(Price { period: period.to_owned(), currency: currency.to_owned(), amount_minor })
}

/// A feature there is.
pub(super) fn feature(text: &str) -> Result<String, String> {
    let known = FEATURES.contains(&text);
    known.then(|| text.to_owned()).ok_or_else(|| format!("there is no feature {text}: {}", FEATURES.join(", ")))
}

/// Of what how many; none is as many as they like.
pub(super) fn limit(text: &str) -> Result<(String, Option<i64>), String> {
    let why = || format!("{text} is no limit: a name, = and a number or none; names are {}", LIMITS.join(", "));
    let (what, most) = text.split_once('=').filter(|(what, _)| LIMITS.contains(what)).ok_or_else(why)?;
    let most = match most {
        "none" => None,
        number => Some(number.parse().ok().filter(|number| (0..=MOST).contains(number)).ok_or_else(why)?),
    };
    Ok((what.to_owned(), most))
}

/// As the database keeps them.
pub(super) fn limits_json(limits: &[(String, Option<i64>)]) -> Value {
    limits.iter().map(|(what, most)| (what.clone(), Value::from(*most))).collect::<serde_json::Map<_, _>>().into()
}

#[derive(Serialize)]
struct Shown {
    code: String,
    version: i16,
    name: String,
    prices: Vec<String>,
    features: Vec<String>,
    limits: Value,
    trial_days: i16,
    listed: bool,
    is_default: bool,
    retired: bool,
    /// How many tenants are on it.
    tenants: i64,
}

from_row! {
    Shown: code, version, name, prices, features, limits, trial_days, listed, is_default, retired, tenants
}

impl Plan {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let admin = self.database.connect().await?;
        match self.command {
            Command::List => {}
            Command::Add(add) => add.run(&admin).await?,
            Command::Retire { code } => retire(&admin, &code).await?,
        }
        show(&admin.all(sql!("operate/plans"), &[]).await?, self.json)
    }
}

impl Add {
    async fn run(self, admin: &AdminConn) -> Result<(), Failure> {
        let well_named = self.code.starts_with(|c: char| c.is_ascii_lowercase())
            && self.code.len() <= 40
            && self.code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !well_named {
            let why = "a plan's code has 1 to 40 lower-case letters, digits and hyphens, and begins with a letter";
            return Err(Failure(why.into()));
        }
        if !(1..=100).contains(&self.name.trim().chars().count()) {
            return Err(Failure("a plan's name has 1 to 100 characters".into()));
        }
        let prices: BTreeMap<(&str, &str), i64> = self
            .prices
            .iter()
            .map(|price| ((price.period.as_str(), price.currency.as_str()), price.amount_minor))
            .collect();
        if prices.len() < self.prices.len() {
            return Err(Failure("a period has one price in a currency".into()));
        }
        let (periods, currencies): (Vec<&str>, Vec<&str>) = prices.keys().copied().unzip();
        let amounts: Vec<i64> = prices.values().copied().collect();
        // Whatever of it was said twice counts once.
        let features: Vec<String> = self.features.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let said: Vec<_> = self.limits.into_iter().filter(|(_, most)| most.is_some()).collect();
        let limits = limits_json(&said);
        let (name, listed) = (self.name.trim(), !self.unlisted);
        let params: Params<'_> = &[
            &self.code,
            &name,
            &features,
            &limits,
            &self.trial_days,
            &listed,
            &self.default,
            &periods,
            &currencies,
            &amounts,
        ];
        admin.all::<()>(sql!("operate/add_plan"), params).await?;
        Ok(())
    }
}

async fn retire(admin: &AdminConn, code: &str) -> Result<(), Failure> {
    let versions: Vec<Shown> = admin.all(sql!("operate/plans"), &[]).await?;
    let mut those = versions.iter().filter(|plan| plan.code == code).peekable();
    if those.peek().is_none() {
        return Err(Failure(format!("there is no plan {code}")));
    }
    if those.any(|plan| plan.is_default) {
        return Err(Failure(format!(
            "tenants begin with {code}; have them begin with another first: rowhouse plan add … --default"
        )));
    }
    admin.all::<()>(sql!("operate/retire_plan"), &[&code]).await?;
    Ok(())
}

fn show(plans: &[Shown], json: bool) -> Result<(), Failure> {
    if json {
        return print_lines(plans);
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["plan", "version", "name", "prices", "features", "limits", "trial", "tenants", ""]);
    for plan in plans {
        let limits = plan.limits.as_object().into_iter().flatten().map(|(what, most)| format!("{what}={most}"));
        let notes = [(plan.is_default, "tenants begin with it"), (!plan.listed, "unlisted"), (plan.retired, "retired")];
        table.add_row([
            plan.code.clone(),
            plan.version.to_string(),
            plan.name.clone(),
            plan.prices.join(" "),
            plan.features.join(" "),
            limits.collect::<Vec<_>>().join(" "),
            format!("{} days", plan.trial_days),
            plan.tenants.to_string(),
            notes.iter().filter(|(is, _)| *is).map(|(_, note)| *note).collect::<Vec<_>>().join(", "),
        ]);
    }
    println!("{table}");
    Ok(())
}
