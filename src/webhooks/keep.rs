//! Secrets as they are kept: locked with the servers' key, so that whoever reads the database signs nothing.
use uuid::Uuid;

use super::sign::Secret;
use crate::{Result, auth::Secrets};

/// A secret to be kept.
pub struct Kept {
    /// Locked; it opens for this tenant, endpoint and id alone.
    pub sealed: Vec<u8>,
    /// The same for the same secret in one tenant, and nothing else to whoever does not have the servers' key.
    pub fingerprint: [u8; 32],
}

fn bound(tenant: Uuid, endpoint: Uuid, id: Uuid) -> Vec<u8> {
    [b"webhook secret".as_slice(), tenant.as_bytes(), endpoint.as_bytes(), id.as_bytes()].concat()
}

/// Locks a secret of an endpoint.
pub fn lock(secrets: &Secrets, tenant: Uuid, endpoint: Uuid, id: Uuid, secret: &Secret) -> Result<Kept> {
    let sealed = secrets.boxes().lock(&bound(tenant, endpoint, id), secret.as_bytes())?;
    let fingerprint = secrets.seal("webhook secret", &[tenant.as_bytes(), secret.as_bytes()]);
    Ok(Kept { sealed, fingerprint })
}

/// Opens one. Fails where it was altered, or is another's.
pub fn open(secrets: &Secrets, tenant: Uuid, endpoint: Uuid, id: Uuid, sealed: &[u8]) -> Result<Secret> {
    secrets.boxes().open(&bound(tenant, endpoint, id), sealed).map(Secret::from_bytes)
}

#[cfg(test)]
mod tests {
    use rowhouse_pg::new_id;

    use super::*;

    #[test]
    fn a_secret_opens_where_it_was_locked_and_nowhere_else() {
        let secrets = Secrets::new(&[7; 32]).unwrap();
        let (tenant, endpoint, id) = (new_id(), new_id(), new_id());
        let secret = Secret::generate().unwrap();
        let kept = lock(&secrets, tenant, endpoint, id, &secret).unwrap();
        let opened = open(&secrets, tenant, endpoint, id, &kept.sealed).unwrap();
        assert_eq!(opened.as_bytes(), secret.as_bytes());
        assert!(!kept.sealed.windows(8).any(|part| part == &secret.as_bytes()[..8]));
        let other = new_id();
        assert!(open(&secrets, other, endpoint, id, &kept.sealed).is_err());
        assert!(open(&secrets, tenant, new_id(), id, &kept.sealed).is_err());
        assert!(open(&secrets, tenant, endpoint, new_id(), &kept.sealed).is_err());
        assert!(open(&Secrets::new(&[8; 32]).unwrap(), tenant, endpoint, id, &kept.sealed).is_err());
        let again = lock(&secrets, tenant, new_id(), new_id(), &secret).unwrap();
        assert_eq!(again.fingerprint, kept.fingerprint, "the same secret is known again");
        assert_ne!(lock(&secrets, other, endpoint, id, &secret).unwrap().fingerprint, kept.fingerprint);
    }
}
