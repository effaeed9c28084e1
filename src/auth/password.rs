//! Passwords: Argon2id (RFC 9106), on threads of their own that yield to everything else, a few at a time.
use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        PasswordHasher as _,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
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

/// What a thread hashes in, kept from one password to the next: given back each time, 19 MiB lie about in pieces that the next one
/// does not fit into.
#[derive(Default)]
struct Slab(Vec<Block>);

impl Slab {
    /// Argon2 of a password and a salt, as long as the parameters say.
    fn work(&mut self, argon2: &Argon2<'_>, password: &SecretString, salt: &[u8]) -> Result<Output, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure(format!("a password could not be hashed: {error}"));
        let blocks = argon2.params().block_count();
        if self.0.len() < blocks {
            self.0 = vec![Block::default(); blocks];
        }
        let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..length).ok_or_else(|| failed(&"the hash is too long"))?;
        let worked = argon2.hash_password_into_with_memory(
            bytes(password).expose_secret().as_bytes(),
            salt,
            output,
            &mut self.0[..blocks],
        );
        worked.map_err(|error| failed(&error))?;
        Output::new(output).map_err(|error| failed(&error))
    }

    /// A PHC string with a fresh salt, as [`hash_password`] makes it.
    fn hash(&mut self, password: &SecretString) -> Result<String, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure(format!("the password could not be hashed: {error}"));
        let argon2 = argon2().map_err(|error| failed(&error))?;
        let salt = Salt::generate();
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(argon2.params()).map_err(|error| failed(&error))?,
            hash: Some(self.work(&argon2, password, &salt)?),
            salt: Some(salt),
        };
        Ok(hash.to_string())
    }

    /// Whether the password belongs to a PHC string, with the parameters that it says. To one that is of something else it does
    /// not.
    fn verify(&mut self, password: &SecretString, hash: &str) -> Result<bool, Failure> {
        let hash = PasswordHash::new(hash)
            .map_err(|error| Failure(format!("a stored password hash cannot be read: {error}")))?;
        Ok(self.is_of(password, &hash).unwrap_or(false))
    }

    fn is_of(&mut self, password: &SecretString, hash: &PasswordHash) -> Option<bool> {
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = hash.version.map(Version::try_from).transpose().ok()?.unwrap_or_default();
        let argon2 = Argon2::new(algorithm, version, Params::try_from(hash).ok()?);
        let worked = self.work(&argon2, password, hash.salt.as_ref()?).ok()?;
        // In constant time.
        Some(worked == *hash.hash.as_ref()?)
    }
}

type Job = Box<dyn FnOnce(&mut Slab) + Send>;

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
                let mut slab = Slab::default();
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match job {
                        Ok(job) => job(&mut slab),
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
        let matches = self.run(asker, move |slab| slab.verify(&password, &hash));
        Ok(matches.await? && known)
    }

    /// A hash of a password that nobody knows.
    #[must_use]
    pub fn nobodys(&self) -> &str {
        &self.decoy
    }

    /// A hash of a new password.
    pub async fn hash(&self, asker: Asker<'_>, password: SecretString) -> Result<String> {
        self.run(asker, move |slab| slab.hash(&password)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        asker: Asker<'_>,
        work: impl FnOnce(&mut Slab) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let turn = match asker {
            Asker::SignIn(network) => self.turns.turn(true, network).await?,
            Asker::Network(network) => self.turns.turn(false, network).await?,
            Asker::Person(user) => self.turns.turn(false, &user.as_uuid().to_string()).await?,
        };
        let (done, result) = oneshot::channel();
        let job = move |slab: &mut Slab| {
            // The turn goes with the work: a caller who hangs up does not end it, and must not make room.
            let _turn = turn;
            let _ = done.send(work(slab).map_err(|failure| Error::internal(failure.0)));
        };
        let gone = || Error::internal("the hashing threads have ended");
        self.jobs.send(Box::new(job)).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier as _;

    use super::*;

    #[test]
    fn a_slab_that_is_used_again_hashes_as_a_new_one_does() {
        let mut slab = Slab::default();
        let [right, wrong] = ["Zürich ½", "Zurich ½"].map(SecretString::from);
        let small =
            |passes| Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, passes, 2, Some(24)).unwrap());
        let mut hashes = vec![slab.hash(&right).unwrap(), hash_password(&right).unwrap()];
        for passes in [1, 3] {
            let hash = small(passes).hash_password(bytes(&right).expose_secret().as_bytes()).unwrap();
            hashes.push(hash.to_string());
        }
        assert_ne!(hashes[0], slab.hash(&right).unwrap(), "the salt is another one");
        for hash in hashes.iter().chain(hashes.iter().rev()) {
            assert!(slab.verify(&right, hash).unwrap() && !slab.verify(&wrong, hash).unwrap(), "{hash}");
            let library = |password: &SecretString| {
                let hash = PasswordHash::new(hash).unwrap();
                Argon2::default().verify_password(bytes(password).expose_secret().as_bytes(), &hash).is_ok()
            };
            assert!(library(&right) && !library(&wrong), "{hash}");
        }
        assert!(!needs_rehash(&hashes[0]));
    }

    #[test]
    fn a_hash_of_something_else_is_nobodys_and_one_that_is_none_is_said() {
        let mut slab = Slab::default();
        for of_another in
            ["$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA", "$argon2id$v=19$m=64,t=1,p=1"]
        {
            assert!(!slab.verify(&"any".into(), of_another).unwrap(), "{of_another}");
        }
        assert!(slab.verify(&"any".into(), "no hash at all").is_err());
    }
}
