//! Access tokens like the server's own (RFC 9068), signed with its key: a thousand logins would take
//! longer to hash than all else takes to measure.
use std::{fs, path::Path};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rowhouse::{auth::Keys, error::Failure};
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) const ISSUER: &str = "https://bench.rowhouse.localhost";
pub(crate) const AUDIENCE: &str = "rowhouse";
/// In seconds; longer than any run.
const LIFETIME: i64 = 86_400;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    pub(crate) sub: Uuid,
    pub(crate) exp: i64,
    iat: i64,
    nbf: i64,
    jti: Uuid,
    pub(crate) sid: Uuid,
    pub(crate) tid: Uuid,
}

/// Signs tokens.
pub(crate) struct Signer {
    header: Header,
    key: EncodingKey,
}

impl Signer {
    /// Puts one new key into an empty directory, for us to sign with and for the servers to read.
    pub(crate) fn generate(dir: &Path) -> Result<Self, Failure> {
        let _ = fs::remove_dir_all(dir);
        let pem = rowhouse::auth::generate_keys(dir, 0)?;
        let key = EncodingKey::from_ed_pem(&fs::read(pem)?).map_err(|error| unusable(&error))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Keys::read(dir)?.jwks().keys.first().and_then(|jwk| jwk.common.key_id.clone());
        Ok(Self { header, key })
    }

    pub(crate) fn token(&self, tenant: Uuid, user: Uuid) -> Result<String, Failure> {
        let now = rowhouse::clock::now().as_second();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            exp: now + LIFETIME,
            iat: now,
            nbf: now,
            jti: new_id(),
            // In the data set a person's session has the person's id.
            sid: user,
            tid: tenant,
        };
        encode(&self.header, &claims, &self.key).map_err(|error| unusable(&error))
    }
}

fn unusable(error: &jsonwebtoken::errors::Error) -> Failure {
    Failure(format!("the new signing key cannot be used: {error}"))
}
