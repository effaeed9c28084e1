//! The key that the audit log is sealed with, and the public halves by which anybody can verify it (docs/audit-log.md).
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{in_hex, keys::write_private, sha256};
use crate::error::Failure;

/// The name of the file with the key, beside the signing keys.
const FILE: &str = "audit-log";
/// The name of the file with the public halves of all keys there have been, a line each: id and Base64.
const PUBLIC: &str = "audit-log.public";

/// An Ed25519 key that no database knows: whoever writes in one cannot make a seal.
pub struct AuditKey {
    pair: Ed25519KeyPair,
    id: String,
    dir: PathBuf,
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl AuditKey {
    /// Reads the file `audit-log` in a directory of keys; none where there is no such file, as in directories of earlier versions.
    pub fn read(dir: &Path) -> Result<Option<Self>, Failure> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))?,
        };
        let pair =
            STANDARD.decode(text.trim()).ok().and_then(|der| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok());
        let pair = pair
            .ok_or_else(|| Failure(format!("{} is not an Ed25519 private key (PKCS#8 in Base64)", path.display())))?;
        let id = id_of(pair.public_key().as_ref());
        Ok(Some(Self { pair, id, dir: dir.to_owned() }))
    }

    /// Makes a fresh one where there is none. Answers whether it did.
    pub(super) fn complete(dir: &Path) -> Result<bool, Failure> {
        if dir.join(FILE).exists() { Ok(false) } else { Self::renew(dir).map(|_| true) }
    }

    /// Puts a fresh one in the place of the one in a directory. What was sealed before is verified by its public half, which stays.
    pub fn renew(dir: &Path) -> Result<Self, Failure> {
        let because =
            |error: io::Error| Failure(format!("cannot write the key of the audit log to {}: {error}", dir.display()));
        let der = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
            .map_err(|_| Failure("the system's random numbers cannot be read".to_owned()))?;
        let waiting = dir.join(format!("{FILE}.{}", rowhouse_pg::new_id().simple()));
        write_private(&waiting, &(STANDARD.encode(der.as_ref()) + "\n")).map_err(because)?;
        fs::rename(&waiting, dir.join(FILE)).map_err(because)?;
        let key = Self::read(dir)?.ok_or_else(|| Failure("a key that was written is not there".to_owned()))?;
        let line = format!("{} {}\n", key.id, STANDARD.encode(key.pair.public_key().as_ref()));
        let known = fs::read_to_string(dir.join(PUBLIC)).unwrap_or_default();
        fs::write(dir.join(PUBLIC), known + &line).map_err(because)?;
        Ok(key)
    }

    /// Its name, which follows from its public half.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// All that its directory knows now, and itself: another worker may have begun to seal with a newer one.
    pub fn known(&self) -> Result<AuditVerifiers, Failure> {
        let mut known =
            if self.dir.join(PUBLIC).exists() { AuditVerifiers::read(&self.dir)? } else { AuditVerifiers::default() };
        known.0.insert(self.id.clone(), self.public().to_vec());
        Ok(known)
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

/// Half of SHA-256 of a public key, in hex.
fn id_of(public: &[u8]) -> String {
    in_hex(&sha256(public)[..16])
}

/// What a signature turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// By the key that it names.
    Well,
    /// Not by the key that it names.
    Badly,
    /// By a key that is not known here.
    Unknown,
}

/// The public halves that seals are verified with.
#[derive(Debug, Default)]
pub struct AuditVerifiers(BTreeMap<String, Vec<u8>>);

impl AuditVerifiers {
    /// Those that a directory of keys knows, in use or not.
    pub fn read(dir: &Path) -> Result<Self, Failure> {
        let mut all = Self::default();
        let path = dir.join(PUBLIC);
        let lines =
            fs::read_to_string(&path).map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))?;
        for line in lines.lines() {
            all.add(line.rsplit(' ').next().unwrap_or_default())?;
        }
        Ok(all)
    }

    /// One more, in Base64, as `rowhouse audit-log key` prints it.
    pub fn add(&mut self, public: &str) -> Result<(), Failure> {
        let key = STANDARD.decode(public).ok().filter(|key| key.len() == 32);
        let key = key.ok_or_else(|| Failure(format!("{public:?} is no Ed25519 public key: 32 bytes in Base64")))?;
        self.0.insert(id_of(&key), key);
        Ok(())
    }

    /// All there are: id and Base64.
    pub fn shown(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(id, key)| (id.as_str(), STANDARD.encode(key)))
    }

    /// Whether a key has signed that.
    #[must_use]
    pub fn verify(&self, key: &str, message: &[u8], signature: &[u8]) -> Signed {
        match self.0.get(key).map(|key| UnparsedPublicKey::new(&ED25519, key).verify(message, signature)) {
            None => Signed::Unknown,
            Some(Ok(())) => Signed::Well,
            Some(Err(_)) => Signed::Badly,
        }
    }
}
