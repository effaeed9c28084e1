//! The caller, as extractors: a handler that asks for a [`Tenant`] is a tenant's endpoint, and no handler
//! can forget to ask who calls.
use std::{fmt, time::Duration};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use uuid::Uuid;

use super::{Authn, Kind, Person, Principal, TenantId, UserId, api_key, client::note_address, cookie};
use crate::{
    Error, Result,
    db::{Db, Share, TenantReads, TenantWrites, UserConn},
    error::Violation,
    polite::pause_after,
    telemetry,
};

/// Names the tenant when neither token nor host does.
const TENANT_HEADER: &str = "x-tenant-id";

/// Someone who is signed in, in whichever tenant or none. An API key is nobody: `403`.
pub struct SignedIn {
    person: Person,
    kind: Kind,
    db: Db,
}

impl SignedIn {
    /// A connection for what is the user's own, outside any tenant.
    pub async fn connect(&self) -> Result<UserConn> {
        self.db.user(self.person).await
    }

    /// Who it is.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.person.user
    }

    /// Who it is, on which device.
    #[must_use]
    pub fn person(&self) -> Person {
        self.person
    }

    /// Whether tokens or a cookie said so.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// A member or an API key that says which tenant it acts in. Whether it belongs there, and what it may do
/// there, PostgreSQL answers in the transaction itself.
#[derive(Clone)]
pub struct Tenant {
    id: TenantId,
    principal: Principal,
    /// When what said so expires, in seconds since 1970.
    until: Option<i64>,
    share: Share,
    db: Db,
}

impl Tenant {
    /// A connection promised to this principal in this tenant, for what only reads. Take it when the request is understood,
    /// not before: every moment it is held, another request waits.
    pub async fn reads(&self) -> Result<TenantReads> {
        self.db.tenant_reads(self.id, self.principal, self.share).await
    }

    /// The same for what writes.
    pub async fn writes(&self) -> Result<TenantWrites> {
        self.db.tenant_writes(self.id, self.principal, self.share).await
    }

    /// The same for what goes on after the request was answered, and holds a connection for long: beside what the tenant's
    /// requests may have. PostgreSQL has accepted them.
    #[must_use]
    pub fn at_work(&self) -> Self {
        Self { share: Share::Work(self.id), ..self.clone() }
    }

    /// Gives way after so much work, where others are about: for as long, but never for long.
    pub async fn give_way(&self, worked: Duration) {
        if self.db.others_than(self.share) {
            pause_after(worked).await;
        }
    }

    /// Which tenant.
    #[must_use]
    pub fn id(&self) -> TenantId {
        self.id
    }

    /// The tenant and who acts in it, for what is counted on their account. They open nothing.
    #[must_use]
    pub fn whose(&self) -> [Uuid; 2] {
        [self.id.as_uuid(), self.principal.id()]
    }

    /// When the token or the cookie that said so expires, in seconds since 1970; an API key does when PostgreSQL says so.
    #[must_use]
    pub fn until(&self) -> Option<i64> {
        self.until
    }

    pub(super) fn principal(&self) -> Principal {
        self.principal
    }

    /// The member who acts; none when it is an API key.
    #[must_use]
    pub fn user(&self) -> Option<Uuid> {
        self.principal.user().map(UserId::as_uuid)
    }

    /// The member who acts; `403` when it is an API key.
    pub fn person(&self) -> Result<UserId> {
        self.principal.user().ok_or(Error::PersonRequired)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("id", &self.id).field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// Who a request says it comes from: one of three, and where there are several the first counts.
#[derive(Clone, Copy, Debug)]
struct Caller {
    principal: Principal,
    /// The tenant that token, cookie or key is for.
    tenant: Option<TenantId>,
    kind: Kind,
    until: Option<i64>,
}

/// What a request said of its caller, once that was read.
#[derive(Clone)]
struct Read(Result<Caller>);

/// The principal who sends a request, and the tenant it is about, as far as can be told without asking anybody; none where
/// nobody is signed in. Neither the membership nor the session is known to be good.
pub fn claimed(parts: &mut Parts, auth: &Authn) -> Option<(Principal, Option<TenantId>)> {
    let read = caller(parts, auth);
    parts.extensions.insert(Read(read.clone()));
    let Caller { principal, tenant, .. } = read.ok()?;
    let named = || tenant_header(&parts.headers).ok().flatten();
    let tenant = tenant.or_else(named).or_else(|| auth.hosts.remembered(&parts.uri, &parts.headers));
    Some((principal, tenant))
}

fn caller(parts: &Parts, auth: &Authn) -> Result<Caller> {
    match parts.extensions.get::<Read>() {
        Some(Read(read)) => read.clone(),
        None => read(parts, auth),
    }
}

fn read(parts: &Parts, auth: &Authn) -> Result<Caller> {
    let caller = verify(parts, auth)?;
    if let Some(refusal) = auth.ended.refusal(caller.principal, caller.tenant) {
        return Err(refusal);
    }
    if let (Kind::Browser, Principal::Person(person)) = (caller.kind, caller.principal) {
        auth.uses.of_session(&auth.db, person, auth.settings.lifetimes);
    }
    Ok(caller)
}

fn verify(parts: &Parts, auth: &Authn) -> Result<Caller> {
    // A key in an address is in every log on its way by now: it must not work, or nobody would notice.
    if parts.uri.query().is_some_and(|query| query.contains(api_key::PREFIX)) {
        let detail =
            "holds an API key, which has to be sent as Authorization: Bearer …; this one is in logs now, so rotate it";
        return Err(Error::BadRequest(vec![Violation::parameter("query", "secret_in_address", detail)]));
    }
    if !parts.headers.contains_key(AUTHORIZATION)
        && let Some(cookie) = cookie::read(auth.secrets(), &parts.headers, auth.tokens.now())?
    {
        cookie::refuse_cross_site(auth.secrets(), &auth.settings.origins, parts, cookie.person.session)?;
        return Ok(Caller {
            principal: Principal::Person(cookie.person),
            tenant: cookie.tenant,
            kind: Kind::Browser,
            until: Some(cookie.expires_at),
        });
    }
    let token = bearer(&parts.headers)?;
    if token.starts_with(api_key::PREFIX) {
        let (tenant, key) = api_key::read_key(token)?;
        return Ok(Caller { principal: Principal::Key(key), tenant: Some(tenant), kind: Kind::Bearer, until: None });
    }
    let claims = auth.tokens.verify(token)?;
    Ok(Caller {
        principal: Principal::Person(claims.person()),
        tenant: claims.tenant(),
        kind: Kind::Bearer,
        until: Some(claims.until()),
    })
}

impl<S> FromRequestParts<S> for SignedIn
where
    Authn: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let auth = &Authn::from_ref(state);
        let caller = caller(parts, auth)?;
        note_address(parts, auth.settings.trusted_proxies);
        match caller.principal {
            Principal::Person(person) => Ok(Self { person, kind: caller.kind, db: auth.db.clone() }),
            Principal::Key(_) => Err(Error::PersonRequired),
        }
    }
}

impl<S> FromRequestParts<S> for Tenant
where
    Authn: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let auth = &Authn::from_ref(state);
        // Who calls comes first: a caller nobody knows causes no look-up.
        let Caller { principal, tenant, until, .. } = caller(parts, auth)?;
        note_address(parts, auth.settings.trusted_proxies);
        acting_in(auth, parts, principal, tenant, until).await
    }
}

/// That a request which comes with a session's cookie was made by a page of our own, or of an origin that is listed: for what is safe to ask,
/// and costs something for as long as it is asked.
#[derive(Debug)]
pub struct OwnPage;

impl<S> FromRequestParts<S> for OwnPage
where
    S: Send + Sync,
    Authn: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            cookie::refuse_other_origin(parts, &Authn::from_ref(state).settings.origins)?;
        }
        Ok(Self)
    }
}

/// Whoever has been verified, in the tenant that this was for and that the request names.
pub(super) async fn acting_in(
    auth: &Authn,
    parts: &Parts,
    principal: Principal,
    tenant: impl Into<Option<TenantId>>,
    until: Option<i64>,
) -> Result<Tenant> {
    let named = named_tenants(parts, auth).await?;
    let id = agree(tenant.into(), named)?.ok_or(Error::TenantRequired)?;
    telemetry::note_tenant(id.as_uuid());
    auth.uses.of_key(&auth.db, id, principal);
    let share = auth.shares.share(id, principal);
    Ok(Tenant { id, principal, until, share, db: auth.db.clone() })
}

/// The tenant that header or host name, for a request that comes without a token.
pub async fn tenant_named_by(parts: &Parts, auth: &Authn) -> Result<Option<TenantId>> {
    agree(None, named_tenants(parts, auth).await?)
}

/// What header and host say.
async fn named_tenants(parts: &Parts, auth: &Authn) -> Result<[Option<TenantId>; 2]> {
    let header = tenant_header(&parts.headers)?;
    let host = auth.hosts.tenant(&auth.db, &parts.uri, &parts.headers).await?;
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
            "{first} and {other} name different tenants; all that are present must name the same: a token for another \
             tenant is to be had at /auth/switch-tenant, or by signing in with X-Tenant-ID"
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
            id.map(|id| Some(TenantId::assume_verified(id))).ok_or_else(|| wrong("is not a UUID"))
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
