//! Passwords: Argon2id (RFC 9106), on threads of their own, a few at a time.
use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{Error, Result, error::Failure};

/// OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
fn argon2() -> Result<Argon2<'static>, argon2::Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19_456, 2, 1, None)?))
}

/// Hashes a password into a PHC string with a fresh salt. Takes tens of milliseconds of one core.
pub fn hash_password(password: &SecretString) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure(format!("the password could not be hashed: {error}"));
    let argon2 = argon2().map_err(|error| failed(&error))?;
    let hash = argon2.hash_password(password.expose_secret().as_bytes()).map_err(|error| failed(&error))?;
    Ok(hash.to_string())
}

/// Checks passwords, so many at a time and no more: hashing must never starve the requests.
pub struct Passwords {
    permits: Arc<Semaphore>,
    wait: Duration,
    /// Checked when there is no account, so that knowing and not knowing one take the same work.
    decoy: String,
}

impl Passwords {
    /// `at_once` hashes run in parallel; a login waits for its turn this long at most.
    pub fn new(at_once: usize, wait: Duration) -> Result<Self, Failure> {
        let decoy = hash_password(&SecretString::from(super::random_secret()?))?;
        Ok(Self { permits: Arc::new(Semaphore::new(at_once)), wait, decoy })
    }

    /// Whether the password belongs to the hash. `None` does the same work and answers no.
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<bool> {
        let permit = tokio::time::timeout(self.wait, self.permits.clone().acquire_owned())
            .await
            .map_err(|_| Error::Busy)?
            .map_err(|_| Error::Busy)?;
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let matches = tokio::task::spawn_blocking(move || {
            // The permit goes with the work: a caller who hangs up does not end it, and must not make room.
            let _permit = permit;
            let hash = PasswordHash::new(&hash)
                .map_err(|error| Error::internal(format!("a stored password hash cannot be read: {error}")))?;
            Ok::<_, Error>(Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
        })
        .await
        .map_err(|error| Error::internal(format!("the hashing thread ended: {error}")))??;
        Ok(known && matches)
    }
}
