//! `rowhouse invoice`: invoices of all tenants, and what operators book of them: payments, refunds, credit notes. Functions of the database
//! do it, each in one transaction (docs/payments.md).
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::admin::{Database, print_lines};
use crate::{
    currency,
    db::{AdminConn, Params, Sql},
    error::{Error, Failure},
    from_row, sql,
};

#[derive(Args)]
pub(super) struct Invoice {
    #[command(flatten)]
    database: Database,
    /// Print JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
    /// Whose doing it is, as the journal has it.
    #[arg(long, global = true, env = "ROWHOUSE_OPERATOR", default_value = "operator", value_name = "NAME")]
    by: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List invoices and credit notes, newest first.
    List {
        /// Only those of this tenant, by slug or id.
        #[arg(long)]
        tenant: Option<String>,
        /// Only those of this status: draft, open, paid, void or uncollectible.
        #[arg(long)]
        status: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000), value_name = "N")]
        limit: i64,
    },
    /// Write an invoice that is not issued yet.
    #[command(
        after_help = "rowhouse invoice draft acme --currency EUR --line 'Set-up=50000' --line 'Training day=3*80000'"
    )]
    Draft {
        /// The tenant's slug or id.
        tenant: String,
        /// In which currency (ISO 4217).
        #[arg(long)]
        currency: String,
        /// A line: what it is for, and the amount without tax in minor units, such as `Training day=3*80000`.
        #[arg(long = "line", required = true, value_parser = line)]
        lines: Vec<Value>,
        /// A text below the lines.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Issue a draft: it gets the next number and stays as it is from then on.
    Issue {
        /// Its id.
        invoice: String,
    },
    /// Record that money came in for an invoice.
    Pay {
        /// Its number or id.
        invoice: String,
        /// How much, in minor units.
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        amount: i64,
        /// What stands on the bank's statement. The same one twice is one payment.
        #[arg(long)]
        reference: String,
        /// When it came in; now unless said.
        #[arg(long)]
        at: Option<Timestamp>,
    },
    /// Record that money was given back. It is credited on the invoice, by a credit note.
    Refund {
        /// The invoice that was paid, by number or id.
        invoice: String,
        /// How much, in minor units.
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        amount: i64,
        /// The reference of the payment.
        #[arg(long)]
        reference: String,
        /// Why.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Issue a credit note over a part of an invoice, or all that is left of it.
    Credit {
        /// Its number or id.
        invoice: String,
        /// How much, tax included, in minor units.
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        amount: i64,
        /// Why.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Make an invoice void that should not have been issued and of which nothing was paid; or throw a draft away.
    Void {
        /// Its number or id.
        invoice: String,
        /// Why.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Give an invoice up: what is owed of it is a loss.
    WriteOff {
        /// Its number or id.
        invoice: String,
        /// Why.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Show whose name stands on invoices, or change it. Those that were issued keep what they say.
    Seller {
        #[arg(long)]
        name: Option<String>,
        /// Lines of it are parted by line feeds.
        #[arg(long)]
        address: Option<String>,
        /// Such as a VAT identification number.
        #[arg(long)]
        tax_number: Option<String>,
        /// Of lines that say no other, in basis points: 1900 is 19 %.
        #[arg(long, value_parser = clap::value_parser!(i32).range(0..=10_000), value_name = "BASIS POINTS")]
        tax_rate: Option<i32>,
        #[arg(long, value_parser = clap::value_parser!(i16).range(0..=365))]
        days_to_pay: Option<i16>,
    },
    /// Check the books: entries that balance, balances that are the sums of entries, numbers without gaps.
    Check,
}

#[derive(Serialize)]
struct Shown {
    tenant: String,
    id: Uuid,
    kind: String,
    status: String,
    number: Option<String>,
    currency: String,
    total_minor: i64,
    settled_minor: i64,
    credited_minor: i64,
    issued_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
}
from_row! { Shown: tenant, id, kind, status, number, currency, total_minor, settled_minor, credited_minor, issued_at, due_at }

#[derive(Serialize)]
struct Seller {
    code: String,
    name: String,
    address: String,
    tax_number: String,
    tax_rate_bp: i32,
    days_to_pay: i16,
}
from_row! { Seller: code, name, address, tax_number, tax_rate_bp, days_to_pay }

#[derive(Serialize)]
struct Wrong {
    what: String,
    which: String,
}
from_row! { Wrong: what, which }

struct Done(Uuid);
from_row! { Done: "id" }

impl Invoice {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { database, json, by, command } = self;
        let admin = database.connect().await?;
        let changed = match &command {
            Command::List { tenant, status, limit } => {
                let none: Option<String> = None;
                return show(&admin.all(sql!("operate/invoices"), &[tenant, status, &none, limit]).await?, json);
            }
            Command::Seller { name, address, tax_number, tax_rate, days_to_pay } => {
                let sellers: Vec<Seller> = if [name, address, tax_number].iter().any(|said| said.is_some())
                    || tax_rate.is_some()
                    || days_to_pay.is_some()
                {
                    let params: Params<'_> = &[name, address, tax_number, tax_rate, days_to_pay];
                    admin.all(sql!("operate/set_seller"), params).await?
                } else {
                    admin.all(sql!("operate/seller"), &[]).await?
                };
                return print_lines(&sellers);
            }
            Command::Check => return check(&admin, json).await,
            Command::Draft { tenant, currency, lines, note } => {
                let Some(code) = currency::known(currency) else {
                    return Err(Failure(format!("{currency} {}", currency::UNKNOWN)));
                };
                let lines = Value::Array(lines.clone());
                act(&admin, sql!("operate/draft_invoice"), &[tenant, &code, &lines, note], || {
                    format!("there is no tenant {tenant}")
                })
                .await?
            }
            Command::Issue { invoice } => {
                act(&admin, sql!("operate/issue_invoice"), &[invoice, &by], || missing(invoice)).await?
            }
            Command::Pay { invoice, amount, reference, at } => {
                let params: Params<'_> = &[invoice, &by, amount, reference, at];
                act(&admin, sql!("operate/pay_invoice"), params, || missing(invoice)).await?
            }
            Command::Refund { invoice, amount, reference, note } => {
                let params: Params<'_> = &[invoice, &by, reference, amount, note];
                act(&admin, sql!("operate/refund_payment"), params, || {
                    format!("there is no payment {reference} for an invoice {invoice}")
                })
                .await?
            }
            Command::Credit { invoice, amount, note } => {
                let params: Params<'_> = &[invoice, &by, amount, note];
                act(&admin, sql!("operate/credit_invoice"), params, || missing(invoice)).await?
            }
            Command::Void { invoice, note } => {
                act(&admin, sql!("operate/void_invoice"), &[invoice, &by, note], || missing(invoice)).await?
            }
            Command::WriteOff { invoice, note } => {
                act(&admin, sql!("operate/write_off_invoice"), &[invoice, &by, note], || missing(invoice)).await?
            }
        };
        let (none, which, one): (Option<String>, _, i64) = (None, changed.to_string(), 1);
        show(&admin.all(sql!("operate/invoices"), &[&none, &none, &which, &one]).await?, json)
    }
}

fn missing(invoice: &str) -> String {
    format!("there is no invoice {invoice}")
}

/// Has a function of the database do something, and answers the invoice it was done to.
async fn act(
    admin: &AdminConn,
    statement: Sql,
    params: Params<'_>,
    none: impl Fn() -> String,
) -> Result<Uuid, Failure> {
    let done: Vec<Done> = admin.all(statement, params).await.map_err(explained)?;
    done.first().map(|Done(id)| *id).ok_or_else(|| Failure(none()))
}

/// What a function of the database refuses, in words: as callers of the API are told.
fn explained(failure: Failure) -> Failure {
    let told = failure.0.split_once("(SQLSTATE ").and_then(|(before, after)| {
        let (_, said) = before.split_once(": ")?;
        Error::raised(after.get(..5)?, said.trim_end())
    });
    told.map_or(failure, |error| Failure(error.to_string()))
}

/// A line of an invoice: `Training day=3*80000`.
fn line(text: &str) -> Result<Value, String> {
    let wanted = || {
        "is not such as 'Training day=3*80000': what it is for, how many, and what each costs in minor units".to_owned()
    };
    let (description, amount) = text.rsplit_once('=').ok_or_else(wanted)?;
    let (quantity, each) = amount.split_once('*').unwrap_or(("1", amount));
    let quantity: i64 = quantity.trim().parse().map_err(|_| wanted())?;
    let each: i64 = each.trim().parse().map_err(|_| wanted())?;
    let whole = each.checked_mul(quantity).filter(|_| quantity > 0).ok_or_else(wanted)?;
    if description.trim().is_empty() || description.chars().count() > 500 {
        return Err(wanted());
    }
    Ok(json!({ "kind": "item", "description": description.trim(), "quantity": quantity, "amount_minor": whole }))
}

async fn check(admin: &AdminConn, json: bool) -> Result<(), Failure> {
    let wrong: Vec<Wrong> = admin.all(sql!("operate/check_ledger"), &[]).await?;
    if json {
        print_lines(&wrong)?;
    } else {
        for Wrong { what, which } in &wrong {
            println!("{what}: {which}");
        }
    }
    match wrong.len() {
        0 if json => Ok(()),
        0 => {
            println!("the books balance, and numbers have no gaps");
            Ok(())
        }
        several => Err(Failure(format!("{several} things are wrong with the books"))),
    }
}

fn show(invoices: &[Shown], json: bool) -> Result<(), Failure> {
    if json {
        return print_lines(invoices);
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["number", "kind", "status", "tenant", "total", "settled", "credited", "currency", "due", "id"]);
    for invoice in invoices {
        table.add_row([
            invoice.number.clone().unwrap_or_default(),
            invoice.kind.clone(),
            invoice.status.clone(),
            invoice.tenant.clone(),
            invoice.total_minor.to_string(),
            invoice.settled_minor.to_string(),
            invoice.credited_minor.to_string(),
            invoice.currency.clone(),
            invoice.due_at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default(),
            invoice.id.to_string(),
        ]);
    }
    println!("{table}");
    Ok(())
}
