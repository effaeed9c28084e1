//! Access tokens: JWTs per RFC 9068, signed with Ed25519, checked as RFC 8725 asks, remembered once verified.
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Keys, TenantId, UserId};
use crate::{Error, Result};

/// Longest token looked at, in bytes. Ours have about 500.
const LONGEST: usize = 4096;
/// Verified tokens remembered. Measured: verifying EdDSA on every request serves 0.62 of remembering.
const REMEMBERED: usize = 10_000;
/// How far a neighbour's clock may be ahead of ours, in seconds.
const SKEW: i64 = 5;
const TYPE: &str = "at+jwt";

/// Tells the time, in seconds since 1970; handed in so that tests can move it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| jiff::Timestamp::now().as_second())
    }

    /// Any other.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

/// What an access token says (RFC 9068 §2.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: Uuid,
    /// The tenant the token was issued for; without one the request names it by header or host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tid: Option<Uuid>,
}

impl Claims {
    pub(super) fn user(&self) -> UserId {
        UserId::verified(self.sub)
    }

    pub(super) fn tenant(&self) -> Option<TenantId> {
        self.tid.map(TenantId::verified)
    }
}

/// A token on its way to its owner.
#[derive(Debug)]
pub struct IssuedToken {
    /// The compact JWS.
    pub token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
}

/// Issues and verifies access tokens.
pub struct Tokens {
    keys: Keys,
    clock: Clock,
    issuer: String,
    audience: String,
    lifetime: i64,
    validation: Validation,
    /// By SHA-256 of the token, so that memory holds no bearer tokens.
    remembered: Cache<[u8; 32], Arc<Claims>>,
}

impl Tokens {
    /// `lifetime` is in seconds.
    #[must_use]
    pub fn new(keys: Keys, clock: Clock, issuer: &str, audience: &str, lifetime: i64) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // Times are checked below, against the clock that was handed in.
        validation.validate_exp = false;
        Self {
            keys,
            clock,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            lifetime,
            validation,
            remembered: Cache::new(REMEMBERED),
        }
    }

    /// The keys behind the tokens.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Signs a token for a user, bound to a tenant or to none.
    pub fn issue(&self, user: UserId, tenant: Option<TenantId>) -> Result<IssuedToken> {
        let now = self.clock.now();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user.as_uuid(),
            exp: now + self.lifetime,
            iat: now,
            nbf: now,
            jti: Uuid::now_v7(),
            tid: tenant.map(TenantId::as_uuid),
        };
        let (kid, key) = &self.keys.signing;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(kid.clone());
        let token =
            encode(&header, &claims, key).map_err(|error| Error::internal(format!("signing a token: {error}")))?;
        Ok(IssuedToken { token, expires_in: self.lifetime })
    }

    /// Accepts a token or says why not. The times are looked at on every request, the signature once.
    pub(super) fn verify(&self, token: &str) -> Result<Arc<Claims>> {
        if token.len() > LONGEST {
            return Err(Error::Unauthenticated("the token is longer than any of ours"));
        }
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        if let Some(claims) = self.remembered.get(&key) {
            return self.in_time(&claims).map(|()| claims);
        }
        let claims = Arc::new(self.verify_signature(token)?);
        self.in_time(&claims)?;
        self.remembered.insert(key, claims.clone());
        Ok(claims)
    }

    fn in_time(&self, claims: &Claims) -> Result<()> {
        let now = self.clock.now();
        if claims.exp <= now {
            Err(Error::Unauthenticated("the token has expired"))
        } else if claims.nbf > now + SKEW {
            Err(Error::Unauthenticated("the token is not valid yet"))
        } else {
            Ok(())
        }
    }

    fn verify_signature(&self, token: &str) -> Result<Claims> {
        const BAD: Error = Error::Unauthenticated("the token does not verify");
        let header = decode_header(token).map_err(|_| BAD)?;
        // RFC 8725 §3.1, §3.11: one algorithm and one type, ours; §3.10: no key from the token itself.
        let foreign_key = header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.x5c.is_some();
        let our_type = header
            .typ
            .as_deref()
            .is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE) || typ.eq_ignore_ascii_case("application/at+jwt"));
        if header.alg != Algorithm::EdDSA || !our_type || foreign_key {
            return Err(BAD);
        }
        let kid = header.kid.ok_or(BAD)?;
        let (_, key) = self.keys.verifying.iter().find(|(known, _)| *known == kid).ok_or(BAD)?;
        decode::<Claims>(token, key, &self.validation).map(|data| data.claims).map_err(|_| BAD)
    }
}
