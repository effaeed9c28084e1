//! Requests that may be sent again and are done once: `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07).
//!
//! The key is claimed in the transaction that acts, and the answer is stored in it before it commits. So there is either
//! an effect and its answer, or neither. Only successes are kept: a refused request did nothing and can be mended and
//! sent again with the same key. docs/adr/0012-idempotency.md says why it is so.
use aws_lc_rs::digest;
use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, OriginalUri, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    etag::{Tagged, Versioned, tag},
    extract::{content_type, from_json, read_body, refuse_unless_json},
    prefer::{PREFERENCE_APPLIED, Prefer},
};
use crate::{
    App, Error, Result,
    auth::Tenant,
    db::{FromRow, Params, Sql, TenantConn, Tx, Write},
    error::Violation,
    sql,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const LONGEST: usize = 255;
/// The headers of an answer that are given again with it. The others are about one request, or everybody's.
const KEPT: [HeaderName; 5] =
    [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::CACHE_CONTROL, PREFERENCE_APPLIED];

/// The JSON body of a POST, read and refused as [`Json`](super::extract::Json) does, and how often it may act.
#[derive(Debug)]
pub struct Post<T>(pub T, pub Once);

/// How often a request may act: once for each `Idempotency-Key`, or, without one, as often as it is sent. Alone it is
/// the extractor of a POST without a body.
#[derive(Debug)]
pub struct Once {
    claim: Option<Claim>,
    prefer: Prefer,
}

/// A key, and SHA-256 of the request that came with it.
struct Claim {
    key: String,
    fingerprint: [u8; 32],
    app: App,
}

/// Where a request stands when it has begun.
#[must_use]
#[derive(Debug)]
pub enum Begun<'c> {
    /// It is to act now.
    First(Attempt<'c>),
    /// It has acted: this is what it answered.
    Again(Response),
}

/// A transaction that acts once.
#[must_use = "a transaction that is not committed is rolled back"]
#[derive(Debug)]
pub struct Attempt<'c> {
    tx: Tx<'c, Write>,
    keep: Option<Keep>,
    prefer: Prefer,
}

/// A transaction that has acted. It is committed already where there is no key, and with its answer where there is one.
#[must_use = "what was done with a key is committed with its answer"]
#[derive(Debug)]
pub struct Done<'c> {
    open: Option<(Tx<'c, Write>, Keep)>,
    prefer: Prefer,
}

/// Where an answer goes.
#[derive(Debug)]
struct Keep {
    claim: Claim,
    whose: [Uuid; 2],
}

impl Once {
    fn new(app: &App, asked: Option<Asked>, headers: &HeaderMap, body: &[u8]) -> Self {
        let claim = asked.map(|asked| Claim { fingerprint: asked.fingerprint(body), key: asked.key, app: app.clone() });
        Self { claim, prefer: Prefer::of(headers) }
    }

    /// For a body that is not held in memory: `digest` is SHA-256 of it.
    pub fn of_upload(app: &App, parts: &Parts, digest: &[u8; 32]) -> Result<Self> {
        Ok(Self::new(app, Asked::of(parts)?, &parts.headers, digest))
    }

    /// For what must not be done twice by accident: `400` without a key.
    pub fn required(&self) -> Result<()> {
        if self.claim.is_some() { Ok(()) } else { Err(Error::IdempotencyKeyRequired) }
    }

    /// What it answered before, if it did. For requests that have to do something outside the transaction before they
    /// begin, and should not do it for nothing; [`begin`](Self::begin) decides.
    pub async fn answered(&self, tenant: &Tenant) -> Result<Option<Response>> {
        let Some(claim) = &self.claim else { return Ok(None) };
        let mut conn = tenant.connect().await?;
        let whose = conn.whose();
        let params: Params<'_> = &[&whose[1], &claim.key, &claim.fingerprint.as_slice()];
        let found: Option<Found> = conn.read().last().maybe(sql!("idempotency/find"), params).await?;
        found.map(|found| claim.again(whose, &found)).transpose()
    }

    /// Begins, and with a key claims it, in one flush. Without a key nothing is sent before the first statement.
    ///
    /// `409` when a request with this key is running, `422` when the key was used for another one.
    pub async fn begin(self, conn: &mut TenantConn) -> Result<Begun<'_>> {
        let whose = conn.whose();
        let mut tx = conn.write();
        let Some(claim) = self.claim else {
            return Ok(Begun::First(Attempt { tx, keep: None, prefer: self.prefer }));
        };
        let params: Params<'_> = &[&claim.key, &claim.fingerprint.as_slice()];
        let found: Found = tx.one(sql!("idempotency/claim"), params).await?;
        if found.outcome == "first" {
            return Ok(Begun::First(Attempt { tx, keep: Some(Keep { claim, whose }), prefer: self.prefer }));
        }
        tx.commit().await?;
        claim.again(whose, &found).map(Begun::Again)
    }
}

impl<'c> Attempt<'c> {
    /// For statements before the last.
    pub fn tx(&mut self) -> &mut Tx<'c, Write> {
        &mut self.tx
    }

    /// The last statement's first row; a statement that answers none is a bug and becomes an internal error.
    pub async fn one<T: FromRow>(self, sql: Sql, params: Params<'_>) -> Result<(T, Done<'c>)> {
        let missing = Error::internal(format!("{} answered no row", sql.name()));
        self.one_or(sql, params, missing).await
    }

    /// The last statement's first row. Without one nothing has happened, and this is the error.
    pub async fn one_or<T: FromRow>(mut self, sql: Sql, params: Params<'_>, missing: Error) -> Result<(T, Done<'c>)> {
        let Self { prefer, .. } = self;
        match self.keep.take() {
            None => {
                let row = self.tx.last().maybe(sql, params).await?.ok_or(missing)?;
                Ok((row, Done { open: None, prefer }))
            }
            Some(keep) => match self.tx.maybe(sql, params).await? {
                Some(row) => Ok((row, Done { open: Some((self.tx, keep)), prefer })),
                None => self.refuse(missing).await,
            },
        }
    }

    /// Undoes everything, the claim included. Always fails, with this error or with that of the undoing.
    pub async fn refuse<T>(self, error: Error) -> Result<T> {
        self.tx.rollback().await?;
        Err(error)
    }
}

impl Done<'_> {
    /// `201` with the resource, its `Location` and `ETag`, as the caller prefers it; stored, if there is a key.
    pub async fn created<T: Versioned + Serialize>(self, location: &str, resource: T) -> Result<Response> {
        let response = self.prefer.created(location, Some(tag(resource.version())), Tagged(resource));
        self.answer(response).await
    }

    /// The same for a resource that has no version.
    pub async fn created_once<T: IntoResponse>(self, location: &str, resource: T) -> Result<Response> {
        let response = self.prefer.created(location, None, resource);
        self.answer(response).await
    }

    /// Any answer of success; stored, if there is a key, and then committed.
    pub async fn answer(self, response: impl IntoResponse) -> Result<Response> {
        let response = response.into_response();
        let Some((tx, keep)) = self.open else { return Ok(response) };
        if !response.status().is_success() {
            return Err(Error::internal("an answer that is no success was to be kept"));
        }
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX)
            .await
            .map_err(|error| Error::internal(format!("an answer cannot be kept: {error}")))?;
        let locked = keep.claim.lock(keep.whose, &head.headers, &body)?;
        let status = i16::try_from(head.status.as_u16()).unwrap_or_default();
        let params: Params<'_> = &[&keep.whose[1], &keep.claim.key, &status, &locked];
        tx.last().one::<()>(sql!("idempotency/store"), params).await?;
        Ok(Response::from_parts(head, body.into()))
    }

    /// Commits what was done and gives the key up: for a refusal that leaves something behind and may be repeated.
    pub async fn forget(self) -> Result<()> {
        let Some((tx, keep)) = self.open else { return Ok(()) };
        let params: Params<'_> = &[&keep.whose[1], &keep.claim.key];
        tx.last().one::<()>(sql!("idempotency/forget"), params).await
    }
}

impl Claim {
    /// What is stored under the key, given once more.
    fn again(&self, whose: [Uuid; 2], found: &Found) -> Result<Response> {
        if found.outcome == "reused" {
            return Err(Error::IdempotencyKeyReused);
        }
        let (Some(status), Some(locked)) = (found.status, &found.answer) else {
            return Err(Error::internal("an idempotency key was committed without its answer"));
        };
        let kept = self.app.secrets().open(&self.bound_to(whose), locked)?;
        let mut response = parse(&kept).ok_or_else(|| Error::internal("a kept answer cannot be read"))?;
        *response.status_mut() = u16::try_from(status)
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .ok_or_else(|| Error::internal("a kept answer has no status"))?;
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }

    /// Headers, an empty line and the body, locked for this caller and this key.
    fn lock(&self, whose: [Uuid; 2], headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>> {
        let mut plain = Vec::with_capacity(body.len() + 128);
        for name in &KEPT {
            if let Some(value) = headers.get(name) {
                plain.extend_from_slice(&[name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"].concat());
            }
        }
        plain.push(b'\n');
        plain.extend_from_slice(body);
        self.app.secrets().lock(&self.bound_to(whose), &plain)
    }

    fn bound_to(&self, [tenant, principal]: [Uuid; 2]) -> Vec<u8> {
        [b"idempotency key".as_slice(), tenant.as_bytes(), principal.as_bytes(), self.key.as_bytes()].concat()
    }
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Claim").field(&self.key).finish()
    }
}

/// The inverse of [`Claim::lock`]. A header's value holds no line break.
fn parse(mut rest: &[u8]) -> Option<Response> {
    let mut headers = HeaderMap::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let value = HeaderValue::from_bytes(&line[colon + 1..]).ok()?;
        headers.insert(HeaderName::from_bytes(&line[..colon]).ok()?, value);
    }
    let mut response = Response::new(rest.to_vec().into());
    *response.headers_mut() = headers;
    Some(response)
}

/// A key, and what the fingerprint is made of besides the body.
struct Asked {
    key: String,
    method: Method,
    uri: Uri,
    content_type: String,
}

impl Asked {
    fn of(parts: &Parts) -> Result<Option<Self>> {
        let Some(key) = key(&parts.headers)? else { return Ok(None) };
        // Routes below a prefix see the rest of the path only.
        let whole = parts.extensions.get::<OriginalUri>();
        let uri = whole.map_or_else(|| parts.uri.clone(), |OriginalUri(uri)| uri.clone());
        let content_type = content_type(&parts.headers).unwrap_or_default();
        Ok(Some(Self { key, method: parts.method.clone(), uri, content_type }))
    }

    /// SHA-256 of method, path, query, content type and body, each after its length.
    fn fingerprint(&self, body: &[u8]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        let query = self.uri.query().unwrap_or_default();
        for part in [self.method.as_str(), self.uri.path(), query, &self.content_type].map(str::as_bytes) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.update(body);
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        fingerprint
    }
}

/// Refuses a POST whose key is malformed, whether or not the route keeps answers: a client that sends one relies on it.
pub(super) fn check(method: &Method, headers: &HeaderMap) -> Option<Error> {
    if method == Method::POST { key(headers).err() } else { None }
}

/// The key: a string (RFC 8941 §3.3.3) as the draft has it, or the same characters without quotes, as many clients send
/// it. Both name the same key.
fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let wrong = |detail: &str| Err(Error::BadRequest(vec![Violation::parameter("Idempotency-Key", "invalid", detail)]));
    let (value, more) = match (given.next(), given.next()) {
        (None, _) => return Ok(None),
        (Some(value), more) => (value.as_bytes().trim_ascii(), more),
    };
    if more.is_some() {
        return wrong("is given more than once");
    }
    let key = match value {
        [b'"', quoted @ ..] => unquote(quoted),
        bare if bare.iter().all(|byte| byte.is_ascii_graphic() && !b"\"\\,;".contains(byte)) => Some(bare.to_vec()),
        _ => None,
    };
    match key.and_then(|key| String::from_utf8(key).ok()) {
        Some(key) if (1..=LONGEST).contains(&key.len()) => Ok(Some(key)),
        _ => wrong(
            "is not a string of 1 to 255 printable ASCII characters, such as \"8e03978e-40d5-43dd-bc93-6894a57f9324\"",
        ),
    }
}

/// The rest of a string (RFC 8941 §4.2.5), with nothing after it.
fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    loop {
        match bytes.next()? {
            b'"' => return bytes.as_slice().is_empty().then_some(key),
            b'\\' => key.push(*bytes.next().filter(|byte| b"\"\\".contains(byte))?),
            byte @ b' '..=b'~' => key.push(*byte),
            _ => return None,
        }
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Post<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        refuse_unless_json(request.headers())?;
        let (parts, body) = request.into_parts();
        let asked = Asked::of(&parts)?;
        let headers = parts.headers.clone();
        let bytes = read_body(Request::from_parts(parts, body), app).await?;
        let once = Once::new(app, asked, &headers, &bytes);
        Ok(Self(from_json(&bytes)?, once))
    }
}

impl FromRequestParts<App> for Once {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        Ok(Self::new(app, Asked::of(parts)?, &parts.headers, &[]))
    }
}

struct Found {
    outcome: String,
    status: Option<i16>,
    answer: Option<Vec<u8>>,
}

impl FromRow for Found {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { outcome: row.try_get("outcome")?, status: row.try_get("status")?, answer: row.try_get("answer")? })
    }
}
