//! Tokens that travel in links by e-mail: 256 bits that nobody can guess. Those of letters follow from the letter and the servers' secret, so
//! that they stand nowhere before the letter is sent, and are the same however often that is tried. Those of invitations say beside it where they are
//! found, since an invitation is a tenant's row and no key crosses tenants.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::{Secrets, TenantId, secrets::random, sha256};
use crate::{Error, Result};

/// A token for a link, and what the database keeps of it.
pub struct NewLink {
    /// What is sent.
    pub token: String,
    /// What is kept.
    pub hash: [u8; 32],
}

/// A token for a link that whoever asks for it is shown.
pub fn new_link() -> Result<NewLink> {
    let secret = random::<32>()?;
    Ok(NewLink { token: BASE64.encode(secret), hash: sha256(&secret) })
}

/// What the database keeps of a token; one that cannot be read is as good as one that was used.
pub fn link_hash(token: &SecretString) -> Result<[u8; 32]> {
    let secret: Option<[u8; 32]> = BASE64.decode(token.expose_secret()).ok().and_then(|bytes| bytes.try_into().ok());
    secret.map(|secret| sha256(&secret)).ok_or(Error::LinkSpent)
}

/// The token of a letter's link.
#[must_use]
pub fn link_of(secrets: &Secrets, letter: Uuid) -> NewLink {
    let secret = secrets.seal("rowhouse link", &[letter.as_bytes()]);
    NewLink { token: BASE64.encode(secret), hash: sha256(&secret) }
}

/// The token of an invitation's link, as the job `letter` sends it.
#[must_use]
pub fn invitation_of(secrets: &Secrets, tenant: TenantId, id: Uuid, letter: Uuid) -> NewLink {
    let secret = secrets.seal("rowhouse invitation", &[tenant.as_uuid().as_bytes(), id.as_bytes(), letter.as_bytes()]);
    let bytes = [tenant.as_uuid().as_bytes().as_slice(), id.as_bytes(), &secret].concat();
    NewLink { token: BASE64.encode(bytes), hash: sha256(&secret) }
}

/// Where an invitation is found, and what has to be kept there. The tenant it names opens nothing.
#[derive(Debug)]
pub struct Invited {
    /// The tenant's bare id.
    pub tenant: Uuid,
    /// The invitation's id.
    pub id: Uuid,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
}

/// Reads an invitation's token.
pub fn read_invitation(token: &SecretString) -> Result<Invited> {
    let bytes: [u8; 64] =
        BASE64.decode(token.expose_secret()).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(Error::LinkSpent)?;
    let uuid = |at: usize| Uuid::from_slice(&bytes[at..at + 16]).map_err(|_| Error::LinkSpent);
    Ok(Invited { tenant: uuid(0)?, id: uuid(16)?, hash: sha256(&bytes[32..]) })
}
