//! Requests that may be sent again and are done once: `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07).
//!
//! The key is taken in the transaction that acts, with its first statement, and the answer is stored in it before it commits. So there is either
//! an effect and its answer, or neither. Only successes are kept: a refused request did nothing and can be mended and
//! sent again with the same key. docs/adr/0012-idempotency.md says why it is so.
mod kept;
mod key;

use std::sync::Arc;

use axum::{
    body::to_bytes,
    extract::{FromRef, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use self::{
    kept::{Claim, KeptAnswer},
    key::Asked,
};
use super::{
    etag::{Tagged, Versioned, tag},
    extract::{BodyLimits, from_json, read_body, refuse_unless_json},
    prefer::Prefer,
};
use crate::{
    Error, Result,
    auth::{Authn, Tenant},
    db::{Call, FromRow, Params, Rows, Sql, TenantWrites, Tx, UserConn, Write},
    limits::RateLimits,
    sql,
};

pub(crate) use key::{IDEMPOTENCY_KEY, check};

/// What answers are kept with: the keys they are locked by, and how much of them there may be.
#[doc(alias = "idempotency store")]
#[derive(Clone)]
pub struct Keeper {
    /// Has the keys.
    pub auth: Authn,
    /// Counts what is kept.
    pub limits: Arc<RateLimits>,
}

/// The JSON body of a POST, read and refused as [`Json`](super::extract::Json) does, and how often it may act.
#[derive(Debug)]
pub struct Post<T>(pub T, pub Once);

/// How often a request may act: once for each `Idempotency-Key`, or, without one, as often as it is sent. Alone it is
/// the extractor of a POST without a body.
#[derive(Clone, Debug)]
pub struct Once {
    claim: Option<Claim>,
    prefer: Prefer,
}

/// Why a handler is over before it has acted: it refuses, or it has acted before. `?` hands on both.
#[doc(alias = "idempotent replay")]
#[derive(Debug)]
pub enum Early {
    /// This is why.
    Refused(Error),
    /// This is what it answered then.
    Again(Box<Response>),
}

/// A transaction that acts once. Its first statement takes the key along, in the same flush.
#[must_use = "a transaction that is not committed is rolled back"]
#[derive(Debug)]
pub struct Attempt<'c> {
    tx: Tx<'c, Write>,
    keep: Option<Keep>,
    claimed: bool,
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
    by: Statements,
}

/// What takes a key, finds its answer, stores one and gives the key up.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Statements {
    take: Sql,
    find: Sql,
    store: Sql,
    forget: Sql,
}

/// A connection of somebody for whom answers are kept.
pub trait Keeps {
    #[doc(hidden)]
    const BY: Statements;
    #[doc(hidden)]
    fn whose(&self) -> [Uuid; 2];
    #[doc(hidden)]
    fn begin(&mut self) -> Tx<'_, Write>;
}

macro_rules! keeps {
    ($conn:ident, $take:literal, $find:literal, $store:literal, $forget:literal) => {
        impl Keeps for $conn {
            const BY: Statements =
                Statements { take: sql!($take), find: sql!($find), store: sql!($store), forget: sql!($forget) };

            fn whose(&self) -> [Uuid; 2] {
                Self::whose(self)
            }

            fn begin(&mut self) -> Tx<'_, Write> {
                self.write()
            }
        }
    };
}
keeps!(TenantWrites, "idempotency/take", "idempotency/find", "idempotency/store", "idempotency/forget");
keeps!(UserConn, "idempotency/take_own", "idempotency/find_own", "idempotency/store_own", "idempotency/forget_own");

impl Once {
    fn new(keeper: Keeper, asked: Option<Asked>, headers: &HeaderMap, body: &[u8]) -> Self {
        let claim = asked.map(|asked| Claim { fingerprint: asked.fingerprint(body), key: asked.key, keeper });
        Self { claim, prefer: Prefer::of(headers) }
    }

    /// For a body that is not held in memory: `digest` is SHA-256 of it.
    pub fn of_upload(keeper: Keeper, parts: &Parts, digest: &[u8; 32]) -> Result<Self> {
        Ok(Self::new(keeper, Asked::of(parts)?, &parts.headers, digest))
    }

    /// For what must not be done twice by accident: `400` without a key.
    pub fn required(&self) -> Result<()> {
        if self.claim.is_some() { Ok(()) } else { Err(Error::IdempotencyKeyRequired) }
    }

    /// [`Early::Again`] where it has acted before. For requests that have to do something outside the transaction before they
    /// begin, and should not do it for nothing; the key decides when it is taken.
    pub async fn look(&self, tenant: &Tenant) -> Result<(), Early> {
        let Some(claim) = &self.claim else { return Ok(()) };
        let mut conn = tenant.reads().await?;
        let whose = conn.whose();
        let params: Params<'_> = &[&whose[1], &claim.key, &claim.fingerprint.as_slice()];
        let found: Option<KeptAnswer> = conn.read().last().optional(sql!("idempotency/find"), params).await?;
        found.map_or(Ok(()), |found| Err(again(claim, whose, &found)))
    }

    /// What acts once. Nothing is sent before its first statement, which the key is taken with.
    pub fn begin<C: Keeps>(self, conn: &mut C) -> Attempt<'_> {
        let whose = conn.whose();
        let keep = self.claim.map(|claim| Keep { claim, whose, by: C::BY });
        Attempt { tx: conn.begin(), claimed: keep.is_none(), keep, prefer: self.prefer }
    }
}

fn again(claim: &Claim, whose: [Uuid; 2], found: &KeptAnswer) -> Early {
    claim.again(whose, found).map_or_else(Early::Refused, |answer| Early::Again(Box::new(answer)))
}

impl<E: Into<Error>> From<E> for Early {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl IntoResponse for Early {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(error) => error.into_response(),
            Self::Again(answer) => *answer,
        }
    }
}

impl<'c> Attempt<'c> {
    /// A statement before the last. The first one takes the key along: [`Early::Again`] where the request has acted before.
    ///
    /// `409` when a request with this key is running, `422` when the key was used for another one.
    pub async fn then(&mut self, sql: Sql, params: Params<'_>) -> Result<Rows, Early> {
        self.after([], sql, params).await.map(|([], rows)| rows)
    }

    /// The same, after others that leave in the same flush.
    pub async fn after<const N: usize>(
        &mut self,
        before: [Call<'_>; N],
        sql: Sql,
        params: Params<'_>,
    ) -> Result<([Rows; N], Rows), Early> {
        let Some(keep) = self.keep.as_ref().filter(|_| !self.claimed) else {
            return Ok(self.tx.after(before, sql, params).await?);
        };
        self.claimed = true;
        let (key, fingerprint) = (keep.claim.key.clone(), keep.claim.fingerprint);
        let fingerprint = fingerprint.as_slice();
        let mut with_key: Vec<Call<'_>> = Vec::with_capacity(before.len() + 1);
        let take: Params<'_> = &[&key, &fingerprint];
        with_key.push((keep.by.take, take));
        with_key.extend_from_slice(&before);
        match self.tx.after_all(&with_key, sql, params).await.map_err(Error::from) {
            Ok((mut answered, rows)) => {
                let before = answered.split_off(1).try_into();
                Ok((before.map_err(|_| Error::internal("a statement was not answered"))?, rows))
            }
            // There is an answer, to this request or to another: nothing was done.
            Err(Error::IdempotencyKeyReused) => Err(self.found().await),
            Err(error) => Err(error.into()),
        }
    }

    /// What is kept under the key, asked for in a transaction of its own.
    async fn found(&mut self) -> Early {
        let Some(keep) = &self.keep else { return Error::IdempotencyKeyReused.into() };
        let params: Params<'_> = &[&keep.whose[1], &keep.claim.key, &keep.claim.fingerprint.as_slice()];
        match self.tx.anew().last().optional::<KeptAnswer>(keep.by.find, params).await {
            Ok(Some(found)) => again(&keep.claim, keep.whose, &found),
            // It ran out, or was given up, a moment ago.
            Ok(None) => Error::IdempotencyKeyInUse.into(),
            Err(error) => error.into(),
        }
    }

    /// The last statement's first row; a statement that answers none is a bug and becomes an internal error.
    pub async fn one<T: FromRow>(self, sql: Sql, params: Params<'_>) -> Result<(T, Done<'c>), Early> {
        let missing = Error::internal(format!("{} answered no row", sql.name()));
        self.one_or(sql, params, missing).await
    }

    /// The last statement's first row. Without one nothing has happened, and this is the error.
    pub async fn one_or<T: FromRow>(
        self,
        sql: Sql,
        params: Params<'_>,
        missing: Error,
    ) -> Result<(T, Done<'c>), Early> {
        let ([], rows, done) = self.last([], sql, params).await?;
        match rows.optional()? {
            Some(row) => Ok((row, done)),
            None => done.refuse(missing).await,
        }
    }

    /// The last statement after others, in one flush, and what they answered. Without a key they are committed by then: so
    /// where there is something to refuse yet, they must have done nothing.
    pub async fn last<const N: usize>(
        mut self,
        before: [Call<'_>; N],
        sql: Sql,
        params: Params<'_>,
    ) -> Result<([Rows; N], Rows, Done<'c>), Early> {
        let Self { prefer, .. } = self;
        if self.keep.is_none() {
            let (before, rows) = self.tx.last().after(before, sql, params).await?;
            return Ok((before, rows, Done { open: None, prefer }));
        }
        let (before, rows) = self.after(before, sql, params).await?;
        Ok((before, rows, self.done().await?))
    }

    /// Nothing more is to be done.
    pub async fn done(self) -> Result<Done<'c>> {
        let Self { prefer, .. } = self;
        match self.keep {
            None => {
                self.tx.commit().await?;
                Ok(Done { open: None, prefer })
            }
            Some(keep) => Ok(Done { open: Some((self.tx, keep)), prefer }),
        }
    }
}

impl Done<'_> {
    /// Undoes what is not committed, the taking of the key included. Always fails, with this error or with that of the undoing.
    pub async fn refuse<T>(self, error: Error) -> Result<T, Early> {
        if let Some((tx, _)) = self.open {
            tx.rollback().await?;
        }
        Err(error.into())
    }

    /// `201` with the resource, its `Location` and `ETag`, as the caller prefers it; stored, if there is a key.
    pub async fn created<T: Versioned + Serialize>(self, location: &str, resource: T) -> Result<Response, Early> {
        let response = self.prefer.created(location, Some(tag(resource.version())), Tagged(resource));
        self.answer(response).await
    }

    /// The same for a resource that has no version.
    pub async fn created_once<T: IntoResponse>(self, location: &str, resource: T) -> Result<Response, Early> {
        let response = self.prefer.created(location, None, resource);
        self.answer(response).await
    }

    /// Any answer of success; stored, if there is a key, and then committed.
    pub async fn answer(self, response: impl IntoResponse) -> Result<Response, Early> {
        let response = response.into_response();
        let Some((tx, keep)) = self.open else { return Ok(response) };
        if !response.status().is_success() {
            return Err(Error::internal("an answer that is no success was to be kept").into());
        }
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX)
            .await
            .map_err(|error| Error::internal(format!("an answer cannot be kept: {error}")))?;
        let locked = keep.claim.lock(keep.whose, &head.headers, &body)?;
        let [tenant, principal] = keep.whose;
        let whose = if tenant.is_nil() { principal } else { tenant };
        if let Err(full) = keep.claim.keeper.limits.keep(whose, locked.len()) {
            tx.rollback().await?;
            return Err(full.into());
        }
        let status = i16::try_from(head.status.as_u16()).unwrap_or_default();
        let params: Params<'_> = &[&keep.whose[1], &keep.claim.key, &status, &locked];
        tx.last().one::<()>(keep.by.store, params).await?;
        Ok(Response::from_parts(head, body.into()))
    }

    /// Commits what was done and gives the key up: for a refusal that leaves something behind and may be repeated.
    pub async fn forget(self) -> Result<()> {
        let Some((tx, keep)) = self.open else { return Ok(()) };
        let params: Params<'_> = &[&keep.whose[1], &keep.claim.key];
        Ok(tx.last().one(keep.by.forget, params).await?)
    }
}

impl<S, T> FromRequest<S> for Post<T>
where
    BodyLimits: FromRef<S>,
    Keeper: FromRef<S>,
    S: Send + Sync,
    T: DeserializeOwned + utoipa::ToSchema,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        refuse_unless_json(request.headers())?;
        let (parts, body) = request.into_parts();
        let asked = Asked::of(&parts)?;
        let headers = parts.headers.clone();
        let bytes = read_body(Request::from_parts(parts, body), BodyLimits::from_ref(state)).await?;
        let once = Once::new(Keeper::from_ref(state), asked, &headers, &bytes);
        Ok(Self(from_json(&bytes)?, once))
    }
}

impl<S> FromRequestParts<S> for Once
where
    Keeper: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        Ok(Self::new(Keeper::from_ref(state), Asked::of(parts)?, &parts.headers, &[]))
    }
}
