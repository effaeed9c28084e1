//! API keys: `rh_live_`, tenant, id and a secret of 256 bits in Base64url, and a checksum, so that a scanner can
//! tell a key from its look-alikes without asking us, and a mistyped one costs no question to the database.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    PresentedKey, TenantId,
    secrets::{equal, random},
    sha256,
};
use crate::{Error, Result};

/// How every key begins.
pub(super) const PREFIX: &str = "rh_live_";
/// Tenant, id, secret.
const BODY: usize = 16 + 16 + 32;
/// Bytes of SHA-256 over all that stands before it.
const CHECKSUM: usize = 4;
/// The key's last characters are shown, to tell one from another.
const HINT: usize = 4;

/// A key at the one moment when its secret is there.
pub struct NewKey {
    /// The whole key.
    pub key: SecretString,
    /// What the database keeps of the secret.
    pub secret_hash: [u8; 32],
    /// Its last characters.
    pub hint: String,
}

/// Makes a key, or a new secret for one.
pub fn new_key(tenant: TenantId, id: Uuid) -> Result<NewKey> {
    let secret = random::<32>()?;
    let body = [tenant.as_uuid().as_bytes().as_slice(), id.as_bytes(), &secret].concat();
    let mut key = format!("{PREFIX}{}", BASE64.encode(body));
    let checksum = sha256(key.as_bytes());
    key.push_str(&BASE64.encode(&checksum[..CHECKSUM]));
    let hint = key[key.len() - HINT..].to_owned();
    Ok(NewKey { key: key.into(), secret_hash: sha256(&secret), hint })
}

/// Reads a key. What it says of tenant and id opens nothing: PostgreSQL compares the secret's hash.
pub(super) fn read_key(key: &str) -> Result<(TenantId, PresentedKey)> {
    const BAD: Error = Error::Unauthenticated("the API key is mistyped or cut short");
    let at = key.len().checked_sub(BASE64_CHECKSUM).filter(|at| key.is_char_boundary(*at)).ok_or(BAD)?;
    let (front, checksum) = key.split_at(at);
    let checksum = BASE64.decode(checksum).map_err(|_| BAD)?;
    if !equal(&checksum, &sha256(front.as_bytes())[..CHECKSUM]) {
        return Err(BAD);
    }
    let body = front.strip_prefix(PREFIX).and_then(|body| BASE64.decode(body).ok()).ok_or(BAD)?;
    let body: [u8; BODY] = body.try_into().map_err(|_| BAD)?;
    let uuid = |at: usize| Uuid::from_slice(&body[at..at + 16]).map_err(|_| BAD);
    Ok((TenantId::assume_verified(uuid(0)?), PresentedKey::assume_verified(uuid(16)?, sha256(&body[32..]))))
}

/// Four bytes take six characters.
const BASE64_CHECKSUM: usize = 6;

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use rowhouse_pg::new_id;

    #[test]
    fn a_key_is_read_back_and_one_altered_anywhere_is_not() {
        let (tenant, id) = (TenantId::assume_verified(new_id()), new_id());
        let new = new_key(tenant, id).unwrap();
        let key = new.key.expose_secret();
        let (of, read) = read_key(key).unwrap();
        assert_eq!((of, read.id(), *read.secret_hash()), (tenant, id, new.secret_hash));
        assert!(key.ends_with(&new.hint));
        for at in 0..key.len() {
            let mut altered = key.to_owned().into_bytes();
            altered[at] = if altered[at] == b'x' { b'y' } else { b'x' };
            let altered = String::from_utf8(altered).unwrap();
            // The last character of each part carries bits that Base64 ignores or refuses.
            assert!(altered == *key || read_key(&altered).is_err(), "{at}");
            assert!(read_key(&key[..at]).is_err(), "cut at {at}");
        }
        assert!(read_key("rh_live_ä").is_err());
    }
}
