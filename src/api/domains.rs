//! `/tenant/domains`: domains a tenant claims, and proves by a TXT record. The subdomain of the base domain needs no proof
//! and is not listed.
use axum::{extract::State, http::StatusCode, response::Response};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::{Tenant, new_link},
    db::{Constraint, FromRow, Params},
    dns::txt_record,
    from_row,
    http::{Early, Json, Listing, Once, One, Page, Path, PlainQuery, Post, Violations},
    sql,
};

/// The name of its record has to be a name, too (RFC 1035 §2.3.4): 253 characters, of which `_rowhouse.` takes ten.
const LONGEST: usize = 253 - "_rowhouse.".len();

const DOMAIN: One = One::new("domain", sql!("domains/get"));

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint::taken("domains_domain_key", "/domain", "this tenant claims the domain already"),
    Constraint::out_of_range("domains_domain_check", "/domain", "is not a domain name"),
];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list, create)).routes(routes!(get, delete)).routes(routes!(verify))
}

/// A claim to a domain.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the word callers know")]
struct Domain {
    id: Uuid,
    domain: String,
    /// Where the TXT record has to be.
    record_name: String,
    /// What it has to say.
    record_value: String,
    /// Since when the domain resolves to this tenant; null when it does not.
    verified_at: Option<Timestamp>,
    /// When the record was last looked for.
    checked_at: Option<Timestamp>,
    created_at: Timestamp,
}

/// A domain to be claimed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DomainCreate)]
struct NewDomain {
    /// Such as `shop.example.com`.
    #[schema(min_length = 4, max_length = 243, example = "shop.example.com")]
    domain: String,
}

/// List domains, by name.
///
/// Needs `tenant:read`.
#[utoipa::path(get, path = "/tenant/domains", tag = "domains", params(PlainQuery),
    responses((status = OK, body = Page<Domain>)))]
async fn list(tenant: Tenant, listing: Listing<PlainQuery>) -> Result<Page<Domain>> {
    let page = listing.page::<String>(&tenant)?;
    let after = page.after.as_deref().unwrap_or_default();
    let mut conn = tenant.reads().await?;
    let rows = conn.read().last().all(sql!("domains/list"), &[&after, &page.fetch()]).await?;
    page.page(rows, |domain: &Domain| domain.domain.clone())
}

/// Claim a domain. It resolves to nobody until its TXT record was seen.
///
/// Needs `domains:write` and `tenant:read`. A domain that another tenant claims can be claimed as well.
#[utoipa::path(post, path = "/tenant/domains", tag = "domains",
    extensions(("x-route" = json!({ "needs_plan": "domains" }))), request_body = NewDomain,
    responses((status = CREATED, body = Domain)))]
async fn create(tenant: Tenant, State(app): State<App>, Post(new, once): Post<NewDomain>) -> Result<Response, Early> {
    let domain = new.domain.trim_end_matches('.').to_ascii_lowercase();
    let mut violations = Violations::default();
    if !is_domain(&domain) {
        violations.push("/domain", "invalid", "is not a domain name; write international ones in their xn-- form");
    } else if app.auth.hosts.is_ours(&domain) {
        violations.push("/domain", "not_allowed", "is the platform's own; the subdomain is the tenant's slug");
    }
    violations.finish()?;
    let id = new_id();
    let challenge = new_link()?.token;
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let (claim, done) = attempt.one::<Domain>(sql!("domains/insert"), &[&id, &domain, &challenge]).await?;
    done.created_once(&format!("/api/v1/tenant/domains/{id}"), Json(claim)).await
}

/// Read a claim.
///
/// Needs `tenant:read`.
#[utoipa::path(get, path = "/tenant/domains/{id}", tag = "domains", params(("id" = Uuid, Path)),
    responses((status = OK, body = Domain)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>) -> Result<Json<Domain>> {
    DOMAIN.at(&tenant, &[&id]).read().await.map(Json)
}

/// Look for a claim's TXT record now.
///
/// Needs `domains:write` and `tenant:read`. Seen, the domain resolves to the tenant from now on, unless another
/// tenant's record is seen beside it that it resolves to; not seen, it no longer does.
#[utoipa::path(post, path = "/tenant/domains/{id}/verify", tag = "domains", params(("id" = Uuid, Path)),
    responses((status = OK, body = Domain)))]
async fn verify(tenant: Tenant, State(app): State<App>, Path(id): Path<Uuid>, once: Once) -> Result<Response, Early> {
    once.look(&tenant).await?;
    let mut conn = tenant.writes().await?;
    let claim: Option<Domain> = conn.read().last().optional(sql!("domains/to_verify"), &[&id]).await?;
    // A name server may take its time; no connection waits for it.
    drop(conn);
    let claim = claim.ok_or(DOMAIN.missing())?;
    let texts = app.dns.texts(&claim.record_name).await?;
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let (of, of_claim) = (tenant.id().as_uuid().to_string(), id.to_string());
    let proven: Vec<Option<&str>> =
        [&of, &of_claim].into_iter().chain(&texts).map(|field| Some(field.as_str())).collect();
    let seal = app.seal("note_domain_check", &proven);
    let note: Params<'_> = &[&id, &texts, &seal];
    let ([seen], claim, done) = attempt.last([(sql!("domains/note_check"), note)], sql!("domains/get"), &[&id]).await?;
    let Seen(seen) = seen.one()?;
    let Some(claim) = claim.optional::<Domain>()? else { return done.refuse(DOMAIN.missing()).await };
    let (domain, record) = (claim.domain.clone(), format!("{} TXT {}", claim.record_name, claim.record_value));
    // What was seen is committed either way; a key that saw nothing may look again.
    let answer = match seen {
        Some(true) => done.answer(Json(claim)).await,
        _ => done.forget().await.and(Err(Error::DomainNotProven(record))).map_err(Early::from),
    };
    app.auth.hosts.forget(&domain);
    answer
}

/// Give a domain up. It resolves to nobody from now on.
///
/// Needs `domains:delete` and `tenant:read`.
#[utoipa::path(delete, path = "/tenant/domains/{id}", tag = "domains", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
async fn delete(tenant: Tenant, State(app): State<App>, Path(id): Path<Uuid>) -> Result<StatusCode> {
    let mut conn = tenant.writes().await?;
    let deleted: Option<Name> = conn.write().last().optional(sql!("domains/delete"), &[&id]).await?;
    let Name(domain) = deleted.ok_or(DOMAIN.missing())?;
    app.auth.hosts.forget(&domain);
    Ok(StatusCode::NO_CONTENT)
}

struct Name(String);
from_row! { Name: "domain" }

struct Seen(Option<bool>);
from_row! { Seen: "seen" }

/// RFC 1035 §2.3.1 with digits first allowed (RFC 1123 §2.1): labels of letters, digits and hyphens, at least two, and the
/// last no number, so that no address looks like one.
fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = domain.split('.').collect();
    (4..=LONGEST).contains(&domain.len())
        && labels.len() >= 2
        && labels.iter().all(|part| label(part))
        && labels.last().is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_lowercase()))
}

impl FromRow for Domain {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let domain: String = row.try_get("domain")?;
        let challenge: String = row.try_get("challenge")?;
        let (record_name, record_value) = txt_record(&domain, &challenge);
        Ok(Self {
            id: row.try_get("id")?,
            record_name,
            record_value,
            domain,
            verified_at: row.try_get("verified_at")?,
            checked_at: row.try_get("checked_at")?,
            created_at: row.try_get("created_at")?,
        })
    }
}
