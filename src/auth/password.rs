//! Passwords: Argon2id (RFC 9106), on threads of their own that yield to everything else, a few at a time.
use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;
use unicode_normalization::UnicodeNormalization as _;

use super::turns::Turns;
use crate::{Error, Result, error::Failure};

/// OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

fn argon2() -> Result<Argon2<'static>, argon2::Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None)?))
}

/// The bytes that are hashed. The same text is typed in different code points on different devices, so it is
/// brought to one form first (NIST SP 800-63B-4 §3.1.1.2).
fn bytes(password: &SecretString) -> SecretString {
    password.expose_secret().nfkc().collect::<String>().into()
}

/// Hashes a password into a PHC string with a fresh salt. Takes tens of milliseconds of one core.
pub fn hash_password(password: &SecretString) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure(format!("the password could not be hashed: {error}"));
    let argon2 = argon2().map_err(|error| failed(&error))?;
    let hash = argon2.hash_password(bytes(password).expose_secret().as_bytes()).map_err(|error| failed(&error))?;
    Ok(hash.to_string())
}

/// Whether a stored hash was made with less than what new ones are made with.
#[must_use]
pub fn needs_rehash(hash: &str) -> bool {
    let Some(found) = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok()) else { return true };
    (found.m_cost(), found.t_cost(), found.p_cost()) != (MEMORY_KIB, PASSES, LANES)
}

type Job = Box<dyn FnOnce() + Send>;

/// Who wants a password hashed. Those of one network or one person wait for each other, and for nobody else's crowd.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Somebody who signs in, from this network: they come first.
    SignIn(&'a str),
    /// Somebody who is not signed in and wants something else, from this network.
    Network(&'a str),
    /// Somebody who is signed in.
    Person(super::UserId),
}

/// Checks and hashes passwords, so many at a time and no more: hashing must never starve the requests.
pub struct Passwords {
    turns: Arc<Turns>,
    jobs: mpsc::Sender<Job>,
    /// Checked when there is no account, so that knowing and not knowing one take the same work.
    decoy: String,
}

impl Passwords {
    /// `at_once` hashes run in parallel; a login waits for its turn this long at most.
    pub fn new(at_once: usize, wait: Duration) -> Result<Self, Failure> {
        let decoy = hash_password(&SecretString::from(super::random_secret()?))?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..at_once {
            let queue = queue.clone();
            std::thread::Builder::new().name("passwords".to_owned()).spawn(move || {
                crate::polite::yield_to_others();
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match job {
                        Ok(job) => job(),
                        Err(mpsc::RecvError) => return, // the application is gone
                    }
                }
            })?;
        }
        Ok(Self { turns: Turns::new(at_once, wait), jobs, decoy })
    }

    /// Whether the password belongs to the hash. `None` does the same work and answers no.
    pub async fn verify(&self, asker: Asker<'_>, password: SecretString, hash: Option<String>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let matches = self.run(asker, move || {
            let hash = PasswordHash::new(&hash)
                .map_err(|error| Error::internal(format!("a stored password hash cannot be read: {error}")))?;
            let password = bytes(&password);
            Ok(Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
        });
        Ok(matches.await? && known)
    }

    /// A hash of a password that nobody knows.
    #[must_use]
    pub fn nobodys(&self) -> &str {
        &self.decoy
    }

    /// A hash of a new password.
    pub async fn hash(&self, asker: Asker<'_>, password: SecretString) -> Result<String> {
        self.run(asker, move || hash_password(&password).map_err(|failure| Error::internal(failure.0))).await
    }

    async fn run<T: Send + 'static>(
        &self,
        asker: Asker<'_>,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = match asker {
            Asker::SignIn(network) => self.turns.turn(true, network).await?,
            Asker::Network(network) => self.turns.turn(false, network).await?,
            Asker::Person(user) => self.turns.turn(false, &user.as_uuid().to_string()).await?,
        };
        let (done, result) = oneshot::channel();
        let job = move || {
            // The turn goes with the work: a caller who hangs up does not end it, and must not make room.
            let _turn = turn;
            let _ = done.send(work());
        };
        let gone = || Error::internal("the hashing threads have ended");
        self.jobs.send(Box::new(job)).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}
