//! Tokens that travel in links by e-mail: 256 random bits. Those of invitations say beside it where they are
//! found, since an invitation is a tenant's row and no key crosses tenants.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::{TenantId, secrets::random, sha256};
use crate::{Error, Result};

/// A token for a link, and what the database keeps of it.
pub struct NewLink {
    /// What is sent.
    pub token: String,
    /// What is kept.
    pub hash: [u8; 32],
}

/// A token for one of the caller's own links.
pub fn new_link() -> Result<NewLink> {
    let secret = random::<32>()?;
    Ok(NewLink { token: BASE64.encode(secret), hash: sha256(&secret) })
}

/// What the database keeps of a token; one that cannot be read is as good as one that was used.
pub fn link_hash(token: &SecretString) -> Result<[u8; 32]> {
    let secret: Option<[u8; 32]> = BASE64.decode(token.expose_secret()).ok().and_then(|bytes| bytes.try_into().ok());
    secret.map(|secret| sha256(&secret)).ok_or(Error::LinkSpent)
}

/// A token for an invitation.
pub fn new_invitation(tenant: TenantId, id: Uuid) -> Result<NewLink> {
    let secret = random::<32>()?;
    let bytes = [tenant.as_uuid().as_bytes().as_slice(), id.as_bytes(), &secret].concat();
    Ok(NewLink { token: BASE64.encode(bytes), hash: sha256(&secret) })
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
