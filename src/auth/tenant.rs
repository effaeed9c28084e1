//! The caller, as extractors: a handler that asks for a [`Tenant`] is a tenant's endpoint, and no handler
//! can forget to ask who calls.
use std::fmt;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use uuid::Uuid;

use super::{TenantId, UserId};
use crate::{
    App, Error, Result,
    db::{Db, TenantConn, UserConn},
    error::Violation,
    telemetry,
};

/// Names the tenant when neither token nor host does.
const TENANT_HEADER: &str = "x-tenant-id";

/// Someone who is signed in, in whichever tenant or none.
pub struct SignedIn {
    pub(super) user: UserId,
    pub(super) db: Db,
}

impl SignedIn {
    /// A connection for what is the user's own, outside any tenant.
    pub async fn connect(&self) -> Result<UserConn> {
        self.db.user(self.user).await
    }

    /// Who it is.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }
}

/// Someone who is signed in and says which tenant they act in. Whether they belong to it, and what they
/// may do there, PostgreSQL answers in the transaction itself.
pub struct Tenant {
    id: TenantId,
    user: UserId,
    db: Db,
}

impl Tenant {
    /// A connection promised to this user in this tenant. Take it when the request is understood, not
    /// before: every moment it is held, another request waits.
    pub async fn connect(&self) -> Result<TenantConn> {
        self.db.tenant(self.id, self.user).await
    }

    /// Which tenant.
    #[must_use]
    pub fn id(&self) -> TenantId {
        self.id
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let claims = app.tokens.verify(bearer(&parts.headers)?)?;
        Ok(Self { user: claims.user(), db: app.db.clone() })
    }
}

impl FromRequestParts<App> for Tenant {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        // The token first: a caller nobody knows causes no look-up.
        let claims = app.tokens.verify(bearer(&parts.headers)?)?;
        let named = named_tenants(parts, app).await?;
        let id = agree(claims.tenant(), named)?.ok_or(Error::TenantRequired)?;
        telemetry::note_tenant(id.as_uuid());
        Ok(Self { id, user: claims.user(), db: app.db.clone() })
    }
}

/// The tenant a login is for: the one that header or host name, if they name one and the user is in it;
/// otherwise the only one, if there is only one; otherwise none, and the requests name it.
pub async fn choose_tenant(parts: &Parts, app: &App, memberships: &[Uuid]) -> Result<Option<TenantId>> {
    let named = named_tenants(parts, app).await?;
    match (agree(None, named)?, memberships) {
        (Some(tenant), mine) if mine.contains(&tenant.as_uuid()) => Ok(Some(tenant)),
        (Some(_), _) => Err(Error::NotAMember),
        (None, [only]) => Ok(Some(TenantId::verified(*only))),
        (None, _) => Ok(None),
    }
}

/// What header and host say.
async fn named_tenants(parts: &Parts, app: &App) -> Result<[Option<TenantId>; 2]> {
    let header = tenant_header(&parts.headers)?;
    let host = app.hosts.tenant(&app.db, &parts.uri, &parts.headers).await?;
    Ok([header, host])
}

/// All that are present must be the same; which one is wrong is nobody's guess.
fn agree(token: Option<TenantId>, [header, host]: [Option<TenantId>; 2]) -> Result<Option<TenantId>> {
    let sources = [("token", token), ("X-Tenant-ID", header), ("host", host)];
    let mut named = sources.iter().filter_map(|(source, tenant)| tenant.map(|tenant| (source, tenant)));
    let Some((first, tenant)) = named.next() else { return Ok(None) };
    match named.find(|(_, other)| *other != tenant) {
        None => Ok(Some(tenant)),
        Some((other, _)) => Err(Error::TenantConflict(format!(
            "{first} and {other} name different tenants; all that are present must name the same"
        ))),
    }
}

fn tenant_header(headers: &HeaderMap) -> Result<Option<TenantId>> {
    let wrong = |detail| Error::BadRequest(vec![Violation::parameter("X-Tenant-ID", "invalid", detail)]);
    let mut given = headers.get_all(TENANT_HEADER).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(wrong("is given more than once")),
        (Some(value), None) => {
            let id = value.to_str().ok().and_then(|text| Uuid::try_parse(text).ok());
            id.map(|id| Some(TenantId::verified(id))).ok_or_else(|| wrong("is not a UUID"))
        }
    }
}

/// RFC 6750 §2.1, and only there: a token in a query string would end up in logs.
fn bearer(headers: &HeaderMap) -> Result<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    match (given.next(), given.next()) {
        (None, _) => Err(Error::Unauthenticated(Error::NO_TOKEN)),
        (Some(_), Some(_)) => Err(Error::Unauthenticated("Authorization is given more than once")),
        (Some(value), None) => value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or(Error::Unauthenticated("Authorization is not of the form: Bearer <token>")),
    }
}
