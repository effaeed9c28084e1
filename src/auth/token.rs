//! Access tokens: JWTs per RFC 9068, signed with Ed25519, checked as RFC 8725 asks, remembered once verified.
use std::sync::Arc;

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Keys, Person, SessionId, TenantId, UserId, keys::Ring, sha256};
use crate::{Error, Result, clock::Clock};
use rowhouse_pg::new_id;

/// Longest token looked at, in bytes. Ours have about 500.
const LONGEST: usize = 4096;
/// Verified tokens remembered. Measured: verifying EdDSA on every request serves 0.62 of remembering.
const REMEMBERED: usize = 10_000;
/// How far a neighbour's clock may be ahead of ours, in seconds.
const SKEW: i64 = 5;
const TYPE: &str = "at+jwt";

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
    /// The session it belongs to; whether that is still open, PostgreSQL says.
    sid: Uuid,
    /// The tenant the token was issued for; without one the request names it by header or host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tid: Option<Uuid>,
    /// The key it was verified with: when that is taken away, what it signed goes with it, remembered or not.
    #[serde(skip)]
    kid: String,
}

impl Claims {
    pub(super) fn person(&self) -> Person {
        Person { user: UserId::assume_verified(self.sub), session: SessionId::assume_verified(self.sid) }
    }

    pub(super) fn tenant(&self) -> Option<TenantId> {
        self.tid.map(TenantId::assume_verified)
    }

    /// When it expires, in seconds since 1970.
    pub(super) fn until(&self) -> i64 {
        self.exp
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

    /// The time.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Signs a token for a session, bound to a tenant or to none.
    pub fn issue(&self, person: Person, tenant: Option<TenantId>) -> Result<IssuedToken> {
        let now = self.clock.now();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: person.user.as_uuid(),
            exp: now + self.lifetime,
            iat: now,
            nbf: now,
            jti: new_id(),
            sid: person.session.as_uuid(),
            tid: tenant.map(TenantId::as_uuid),
            kid: String::new(),
        };
        let ring = self.keys.ring();
        let (kid, key) = ring.signing(now).ok_or_else(|| Error::internal("no signing key"))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(kid.to_owned());
        let token =
            encode(&header, &claims, key).map_err(|error| Error::internal(format!("signing a token: {error}")))?;
        Ok(IssuedToken { token, expires_in: self.lifetime })
    }

    /// Accepts a token or says why not. The times are looked at on every request, the signature once.
    pub(super) fn verify(&self, token: &str) -> Result<Arc<Claims>> {
        if token.len() > LONGEST {
            return Err(Error::Unauthenticated("the token is longer than any of ours"));
        }
        let key = sha256(token.as_bytes());
        let ring = self.keys.ring();
        if let Some(claims) = self.remembered.get(&key)
            && ring.verifying(&claims.kid).is_some()
        {
            return self.in_time(&claims).map(|()| claims);
        }
        let claims = Arc::new(self.verify_signature(token, &ring)?);
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

    fn verify_signature(&self, token: &str, ring: &Ring) -> Result<Claims> {
        const BAD: Error = Error::Unauthenticated("the token does not verify");
        let header = decode_header(token).map_err(|_| BAD)?;
        // RFC 8725 §3.1, §3.11: one algorithm and one type, ours; §3.10: no key from the token itself.
        let foreign_key = header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.x5c.is_some();
        let our_type = header
            .typ
            .as_deref()
            .is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE) || typ.eq_ignore_ascii_case("application/at+jwt"));
        // RFC 7515 §4.1.11: what is critical and not understood is refused, and we understand no extension.
        if header.alg != Algorithm::EdDSA || !our_type || foreign_key || header.crit.is_some() {
            return Err(BAD);
        }
        let kid = header.kid.ok_or(BAD)?;
        let newest;
        let key = if let Some(key) = ring.verifying(&kid) {
            key
        } else {
            // Another instance may sign with a key that was added a moment ago.
            newest = self.keys.newest_ring();
            newest.verifying(&kid).ok_or(BAD)?
        };
        let claims = decode::<Claims>(token, key, &self.validation).map_err(|_| BAD)?.claims;
        Ok(Claims { kid, ..claims })
    }
}
