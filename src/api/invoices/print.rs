//! An invoice as a page of HTML that is printed, or kept as PDF: it loads nothing, runs nothing, and whatever somebody wrote stands in it as text.
use std::fmt::{self, Display, Write as _};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use jiff::Timestamp;

use super::{InvoiceKind, InvoiceLineKind, InvoiceStatus, WholeInvoice};

/// The page's one style sheet; the policy of the answer names its digest.
const STYLE: &str = "body{font:11pt/1.45 system-ui,sans-serif;color:#111;max-width:46rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin:0 0 1.5rem}header,dl{display:flex;gap:3rem;flex-wrap:wrap}address{font-style:normal;white-space:pre-line}\
dt{font-size:.8rem;color:#555}dd{margin:0}table{width:100%;border-collapse:collapse;margin:2rem 0}\
th,td{text-align:left;padding:.4rem .3rem;border-bottom:1px solid #ccc;vertical-align:top}\
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}tfoot td{border-bottom:0}tr.total td{font-weight:700;border-top:2px solid #111}\
@page{size:A4;margin:20mm}@media print{body{margin:0;max-width:none;padding:0}tr{break-inside:avoid}thead{display:table-header-group}}";

/// Text as HTML shows it.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// An amount as people write it: the currency says how many digits are behind the point (ISO 4217).
struct Amount<'a>(i64, &'a str);

impl Display for Amount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(minor, currency) = *self;
        let digits =
            iso_currency::Currency::from_code(currency).and_then(iso_currency::Currency::exponent).unwrap_or(2);
        let unit = 10_u64.pow(u32::from(digits));
        let sign = if minor < 0 { "-" } else { "" };
        let (whole, rest) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
        write!(f, "{sign}{whole}")?;
        if digits > 0 {
            write!(f, ".{rest:0width$}", width = usize::from(digits))?;
        }
        write!(f, " {}", Text(currency))
    }
}

struct Day(Option<Timestamp>);

impl Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(at) => write!(f, "{}", at.strftime("%Y-%m-%d")),
            None => f.write_str("–"),
        }
    }
}

/// What of the address may be done by the page: nothing but its own style.
fn policy() -> String {
    let style = BASE64.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
    )
}

pub(super) fn page(whole: &WholeInvoice) -> Response {
    let body = html(whole);
    let Ok(policy) = HeaderValue::from_str(&policy()) else {
        return crate::Error::internal("the policy of a page is no header").into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, body).into_response()
}

fn html(whole: &WholeInvoice) -> String {
    let WholeInvoice { invoice, parties, lines, .. } = whole;
    let money = |minor| Amount(minor, &invoice.currency);
    let called = match invoice.kind {
        InvoiceKind::Invoice => "Invoice",
        InvoiceKind::CreditNote => "Credit note",
    };
    let number = Text(invoice.number.as_deref().unwrap_or("draft"));
    let status = match invoice.status {
        InvoiceStatus::Draft => "draft, not issued",
        InvoiceStatus::Open => "open",
        InvoiceStatus::Paid if matches!(invoice.kind, InvoiceKind::CreditNote) => "credited",
        InvoiceStatus::Paid => "paid",
        InvoiceStatus::Void => "void",
        InvoiceStatus::Uncollectible => "not collected",
    };
    let mut rows = String::new();
    for line in lines {
        let (quantity, unit) = match line.kind {
            InvoiceLineKind::Item => (line.quantity.to_string(), money(line.unit_minor).to_string()),
            InvoiceLineKind::Tax => (String::new(), format!("on {}", money(line.unit_minor))),
        };
        let _ = write!(
            rows,
            "<tr><td>{}</td><td class=\"n\">{quantity}</td><td class=\"n\">{unit}</td><td class=\"n\">{}</td></tr>",
            Text(&line.description),
            money(line.amount_minor)
        );
    }
    let due = match invoice.status {
        InvoiceStatus::Open => invoice.total_minor - invoice.settled_minor,
        _ => 0,
    };
    let tax_number = match parties.seller_tax_number.as_str() {
        "" => String::new(),
        tax_number => format!("<br>Tax number {}", Text(tax_number)),
    };
    let period = match (invoice.period_from, invoice.period_to) {
        (None, None) => String::new(),
        (from, to) => format!("<div><dt>Period</dt><dd>{} to {}</dd></div>", Day(from), Day(to)),
    };
    let note = if parties.note.is_empty() { String::new() } else { format!("<p>{}</p>", Text(&parties.note)) };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{called} {number}</title><style>{STYLE}</style></head><body>\
         <h1>{called} {number}</h1><header><div><dt>From</dt><address>{seller}\n{address}{tax_number}</address></div>\
         <div><dt>To</dt><address>{customer}</address></div></header>\
         <dl><div><dt>Issued</dt><dd>{issued}</dd></div><div><dt>Due</dt><dd>{due_at}</dd></div>{period}<div><dt>Status</dt><dd>{status}</dd></div></dl>\
         <table><thead><tr><th>Description</th><th class=\"n\">Quantity</th><th class=\"n\">Each</th><th class=\"n\">Amount</th></tr></thead><tbody>{rows}</tbody>\
         <tfoot><tr><td colspan=\"3\">Without tax</td><td class=\"n\">{subtotal}</td></tr><tr><td colspan=\"3\">Tax</td><td class=\"n\">{tax}</td></tr>\
         <tr class=\"total\"><td colspan=\"3\">Total</td><td class=\"n\">{total}</td></tr><tr><td colspan=\"3\">To be paid</td><td class=\"n\">{left}</td></tr></tfoot></table>{note}</body></html>\n",
        seller = Text(&parties.seller_name),
        address = Text(&parties.seller_address),
        customer = Text(&parties.customer_name),
        issued = Day(invoice.issued_at),
        due_at = Day(invoice.due_at),
        subtotal = money(invoice.subtotal_minor),
        tax = money(invoice.tax_minor),
        total = money(invoice.total_minor),
        left = money(due),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        let written = [(123_456, "EUR"), (-5, "EUR"), (500, "JPY"), (1_234, "KWD"), (i64::MIN, "EUR")]
            .map(|(minor, currency)| Amount(minor, currency).to_string());
        assert_eq!(written, ["1234.56 EUR", "-0.05 EUR", "500 JPY", "1.234 KWD", "-92233720368547758.08 EUR"]);
    }

    #[test]
    fn what_somebody_wrote_is_text() {
        let text = Text("<script>alert('x' & \"y\")</script>").to_string();
        assert_eq!(text, "&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)&lt;/script&gt;");
    }
}
