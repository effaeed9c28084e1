//! Sessions of browsers: a cookie in place of tokens, and the defence against requests that other sites make with
//! it. The cookie says user, session, tenant and its end under a seal; whether the session is still open,
//! PostgreSQL says at each statement, as for every other caller.
use axum::http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use uuid::Uuid;

use super::{Person, Secrets, SessionId, TenantId, UserId, secrets::equal};
use crate::{Error, Result, error::Violation};

/// `__Host-`: the browser takes it over TLS alone, for this host alone and for every path (RFC 6265bis §4.1.3.2).
pub const NAME: &str = "__Host-rowhouse";
/// Where a page repeats what it was given at sign-in.
pub const CSRF_HEADER: &str = "x-csrf-token";
const BODY: usize = 16 + 16 + 16 + 8;

/// Somebody whose browser sent our cookie.
pub(super) struct Cookie {
    pub(super) person: Person,
    pub(super) tenant: Option<TenantId>,
    pub(super) expires_at: i64,
}

/// The `Set-Cookie` that keeps a session. `expires_at` is in seconds since 1970.
pub fn set(
    secrets: &Secrets,
    person: Person,
    tenant: Option<TenantId>,
    expires_at: i64,
    now: i64,
) -> Result<HeaderValue> {
    let tenant = tenant.map_or(Uuid::nil(), TenantId::as_uuid);
    let body = [
        person.user.as_uuid().as_bytes().as_slice(),
        person.session.as_uuid().as_bytes(),
        tenant.as_bytes(),
        &expires_at.to_be_bytes(),
    ]
    .concat();
    let value = BASE64.encode([body.as_slice(), &secrets.seal("cookie", &[&body])].concat());
    let age = expires_at.saturating_sub(now);
    HeaderValue::from_str(&format!("{NAME}={value}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Lax"))
        .map_err(|error| Error::internal(format!("a cookie cannot be written: {error}")))
}

/// The `Set-Cookie` that takes it away.
#[must_use]
pub fn clear() -> HeaderValue {
    HeaderValue::from_static("__Host-rowhouse=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

/// What a page has to send with whatever is not safe, as `X-CSRF-Token`: bound to the session, so one site's is
/// no use for another's.
#[must_use]
pub fn csrf_token(secrets: &Secrets, session: SessionId) -> String {
    BASE64.encode(secrets.seal("csrf", &[session.as_uuid().as_bytes()]))
}

/// The cookie a request came with, if it came with one.
pub(super) fn read(secrets: &Secrets, headers: &HeaderMap, now: i64) -> Result<Option<Cookie>> {
    const BAD: Error = Error::Unauthenticated("the cookie is not one of ours, or has expired");
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='));
    let value = match (found.next(), found.next()) {
        (None, _) => return Ok(None),
        (Some(_), Some(_)) => return Err(BAD),
        (Some(value), None) => value,
    };
    let bytes = BASE64.decode(value).map_err(|_| BAD)?;
    let (body, seal) = bytes.split_at_checked(BODY).ok_or(BAD)?;
    if !equal(seal, &secrets.seal("cookie", &[body])) {
        return Err(BAD);
    }
    let uuid = |at: usize| Uuid::from_slice(&body[at..at + 16]).map_err(|_| BAD);
    let expires_at = i64::from_be_bytes(body[48..].try_into().map_err(|_| BAD)?);
    if expires_at <= now {
        return Err(BAD);
    }
    let person = Person { user: UserId::assume_verified(uuid(0)?), session: SessionId::assume_verified(uuid(16)?) };
    let tenant = Some(uuid(32)?).filter(|tenant| !tenant.is_nil()).map(TenantId::assume_verified);
    Ok(Some(Cookie { person, tenant, expires_at }))
}

/// Refuses what another site made the browser send. Safe methods change nothing and pass; everything else has to
/// come from our own origin, as the browser says (Fetch Metadata `Sec-Fetch-Site`, or `Origin` where there is
/// none), and to repeat the session's token.
pub(super) fn refuse_cross_site(
    secrets: &Secrets,
    origins: &[HeaderValue],
    parts: &Parts,
    session: SessionId,
) -> Result<()> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method) {
        return Ok(());
    }
    refuse_other_origin(parts, origins)?;
    match one(parts, CSRF_HEADER)? {
        Some(token) if equal(token.as_bytes(), csrf_token(secrets, session).as_bytes()) => Ok(()),
        Some(_) => Err(Error::CrossSite("X-CSRF-Token is not this session's")),
        None => Err(Error::CrossSite("with a cookie, send the csrf_token you were given at sign-in as X-CSRF-Token")),
    }
}

/// Refuses a request that a browser says another site made it send, unless it was a page of these origins, which may.
pub fn refuse_other_origin(parts: &Parts, origins: &[HeaderValue]) -> Result<()> {
    if one(parts, "origin")?.is_some_and(|origin| origins.iter().any(|listed| listed == origin)) {
        return Ok(());
    }
    match (one(parts, "sec-fetch-site")?, one(parts, "origin")?) {
        (Some("same-origin"), _) | (None, None) => Ok(()),
        (Some(_), _) => Err(Error::CrossSite("the browser says that another site made this request")),
        (None, Some(origin)) => {
            // Host and port; which scheme a proxy in front was asked by is not known here.
            let of = origin.split_once("://").map(|(_, authority)| authority.to_ascii_lowercase());
            let ours = match parts.uri.authority() {
                Some(authority) => Some(authority.as_str()),
                None => one(parts, "host")?,
            };
            if of.is_some() && of == ours.map(str::to_ascii_lowercase) {
                Ok(())
            } else {
                Err(Error::CrossSite("Origin names another site"))
            }
        }
    }
}

fn one<'a>(parts: &'a Parts, name: &str) -> Result<Option<&'a str>> {
    let wrong = |why| Error::BadRequest(vec![Violation::parameter(name, "invalid", why)]);
    let mut values = parts.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| wrong("is not readable")),
        _ => Err(wrong("is given more than once")),
    }
}
