//! `/tenant/invoices`: what a tenant was billed, and what was paid and credited of it. Functions of the database issue and settle
//! (docs/payments.md); here they are read.
mod print;

use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Result,
    app::Endpoints,
    auth::Tenant,
    db::Params,
    from_row,
    http::{Json, Listing, One, Page, Path, PlainQuery},
    sql, text_enum,
};

const INVOICE: One = One::new("invoice", sql!("invoices/get"));

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(print_view))
}

text_enum! {
    /// What a document is.
    pub enum InvoiceKind {
        /// A tenant is to pay it.
        Invoice = "invoice",
        /// It takes back an invoice, or a part of one.
        CreditNote = "credit_note",
    }
}

text_enum! {
    /// How far an invoice is.
    pub enum InvoiceStatus {
        /// Not issued yet: it has no number, and nothing is owed for it.
        Draft = "draft",
        /// Issued, and something of it is owed.
        Open = "open",
        /// Nothing of it is owed: it was paid, taken from what the tenant had in credit, or credited.
        Paid = "paid",
        /// It should not have been issued; nothing is owed.
        Void = "void",
        /// Nobody expects it to be paid any more.
        Uncollectible = "uncollectible",
    }
}

text_enum! {
    /// What a line says.
    pub enum InvoiceLineKind {
        /// What is billed.
        Item = "item",
        /// A tax on it.
        Tax = "tax",
    }
}

text_enum! {
    /// Who took a payment.
    pub enum PaymentProvider {
        /// An operator saw it come in.
        Manual = "manual",
        /// Stripe.
        Stripe = "stripe",
    }
}

/// An invoice, or a credit note. Amounts are in the minor unit of its currency (ISO 4217).
#[derive(Debug, Serialize, ToSchema)]
struct Invoice {
    id: Uuid,
    kind: InvoiceKind,
    status: InvoiceStatus,
    /// Of one series a seller, without gaps; null of a draft.
    number: Option<String>,
    /// Of a credit note, the invoice that it takes back.
    credits_id: Option<Uuid>,
    subscription_id: Option<Uuid>,
    /// Why it was made: `period`, `change`, `credit`, `manual`.
    reason: String,
    currency: String,
    /// Without tax.
    subtotal_minor: i64,
    tax_minor: i64,
    total_minor: i64,
    /// What of the total is owed no more: paid, taken from a credit balance, or credited.
    settled_minor: i64,
    /// What credit notes have taken back of it.
    credited_minor: i64,
    /// What it is for: from then on.
    period_from: Option<Timestamp>,
    /// Until then.
    period_to: Option<Timestamp>,
    issued_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    /// When it was paid, made void or given up.
    settled_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: i64,
}
from_row! {
    Invoice:
        id, kind, status, number, credits_id, subscription_id, reason, currency, subtotal_minor, tax_minor, total_minor,
        settled_minor, credited_minor, period_from, period_to, issued_at, due_at, settled_at, created_at, updated_at,
        version,
}

/// Who sold what to whom, as it was when the invoice was issued.
#[derive(Debug, Serialize, ToSchema)]
struct InvoiceParties {
    seller_name: String,
    seller_address: String,
    /// Such as a VAT identification number.
    seller_tax_number: String,
    customer_name: String,
    note: String,
}
from_row! { InvoiceParties: seller_name, seller_address, seller_tax_number, customer_name, note }

/// A line of an invoice.
#[derive(Debug, Serialize, ToSchema)]
struct InvoiceLine {
    kind: InvoiceLineKind,
    description: String,
    quantity: i64,
    /// Of a tax, the sum that it is on.
    unit_minor: i64,
    /// In basis points: 1900 is 19 %.
    tax_rate_bp: i32,
    amount_minor: i64,
}
from_row! { InvoiceLine: kind, description, quantity, unit_minor, tax_rate_bp, amount_minor }

/// Money that came in for an invoice.
#[derive(Debug, Serialize, ToSchema)]
struct Payment {
    id: Uuid,
    provider: PaymentProvider,
    /// What the provider calls it, or what stands on the bank's statement.
    reference: String,
    currency: String,
    amount_minor: i64,
    /// How much of it was given back.
    refunded_minor: i64,
    created_at: Timestamp,
}
from_row! { Payment: id, provider, reference, currency, amount_minor, refunded_minor, created_at }

/// An invoice with its lines, and the last hundred payments for it.
#[derive(Debug, Serialize, ToSchema)]
struct WholeInvoice {
    #[serde(flatten)]
    invoice: Invoice,
    #[serde(flatten)]
    parties: InvoiceParties,
    lines: Vec<InvoiceLine>,
    payments: Vec<Payment>,
}

/// List invoices and credit notes, newest first.
///
/// Needs `billing:read`.
#[utoipa::path(get, path = "/tenant/invoices", tag = "billing", params(PlainQuery),
    responses((status = OK, body = Page<Invoice>)))]
async fn list(tenant: Tenant, listing: Listing<PlainQuery>) -> Result<Page<Invoice>> {
    let page = listing.page::<Uuid>(&tenant)?;
    let before = page.after.unwrap_or(Uuid::max());
    let mut conn = tenant.reads().await?;
    let rows = conn.read().last().all(sql!("invoices/list"), &[&before, &page.fetch()]).await?;
    page.page(rows, |invoice: &Invoice| invoice.id)
}

/// Read an invoice, its lines and the payments for it.
///
/// Needs `billing:read`.
#[utoipa::path(get, path = "/tenant/invoices/{id}", tag = "billing", params(("id" = Uuid, Path)),
    responses((status = OK, body = WholeInvoice)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>) -> Result<Json<WholeInvoice>> {
    read(&tenant, id).await.map(Json)
}

/// An invoice as a page to be printed, or kept as PDF.
///
/// Needs `billing:read`. It loads nothing and runs no script.
#[utoipa::path(get, path = "/tenant/invoices/{id}/print", tag = "billing", params(("id" = Uuid, Path)),
    responses((status = OK, content((String = "text/html")))))]
async fn print_view(tenant: Tenant, Path(id): Path<Uuid>) -> Result<Response> {
    Ok(print::page(&read(&tenant, id).await?))
}

async fn read(tenant: &Tenant, id: Uuid) -> Result<WholeInvoice> {
    let which: Params<'_> = &[&id];
    let mut conn = tenant.reads().await?;
    let before = [(sql!("invoices/get"), which), (sql!("invoices/lines"), which)];
    let ([invoice, lines], payments) = conn.read().last().after(before, sql!("invoices/payments"), which).await?;
    let head = invoice.optional()?.ok_or_else(|| INVOICE.missing())?;
    Ok(WholeInvoice { invoice: head, parties: invoice.one()?, lines: lines.all()?, payments: payments.all()? })
}
