//! The signing keys in a directory, Ed25519 private keys as PKCS#8 PEM, the sealing key, and one secret. The directory is looked at
//! again while the server runs, so that keys can be rotated under it.
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use aws_lc_rs::{
    rand::{SecureRandom as _, SystemRandom},
    signature::Ed25519KeyPair,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};

use super::{Secrets, audit_key::AuditKey, seal::SealKey};
use crate::error::Failure;

/// The name of the file with the secret.
const SECRET: &str = "secret";
/// How long what was read of the directory stands.
const FRESH: Duration = Duration::from_secs(15);
/// How long a key is shown in the JWK Set before it signs, in seconds: as long as others may keep the set.
pub const SHOWN_BEFORE: i64 = 300;
/// How long a key verifies after another has taken over, in seconds: the longest an access token lives (RFC 9068
/// leaves that to the server; ours is 15 minutes), and a minute for clocks.
const KEPT_AFTER: i64 = 900 + 60;

/// What this server signs with, and what it accepts.
pub struct Keys {
    dir: PathBuf,
    ring: RwLock<Arc<Ring>>,
    looked: Mutex<Instant>,
    secrets: Secrets,
}

/// The keys as they were when the directory was last looked at.
pub(super) struct Ring {
    keys: Vec<Key>,
    jwks: JwkSet,
    seal: SealKey,
}

struct Key {
    kid: String,
    /// Seconds since 1970 from which it signs: the file's name.
    signs_from: i64,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Ring {
    /// The key that signs now: the one that took over last. Where none has yet, the first to do so.
    pub(super) fn signing(&self, now: i64) -> Option<(&str, &EncodingKey)> {
        let key = self.keys.iter().rev().find(|key| key.signs_from <= now).or(self.keys.first())?;
        Some((&key.kid, &key.signing))
    }

    pub(super) fn verifying(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.iter().find(|key| key.kid == kid).map(|key| &key.verifying)
    }

    fn read(dir: &Path) -> Result<Self, Failure> {
        let because = |error: io::Error| unreadable(dir, &error);
        let mut keys = Vec::new();
        for path in pem_files(dir).map_err(because)? {
            let pem = fs::read(&path).map_err(because)?;
            let bad = |error: jsonwebtoken::errors::Error| {
                Failure(format!("{} is not an Ed25519 private key in PKCS#8 PEM: {error}", path.display()))
            };
            let signing = EncodingKey::from_ed_pem(&pem).map_err(bad)?;
            let mut jwk = Jwk::from_encoding_key(&signing, Algorithm::EdDSA).map_err(bad)?;
            // RFC 7638: the name follows from the key, so nobody has to keep names apart.
            let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(bad)?;
            jwk.common.key_id = Some(kid.clone());
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            let verifying = DecodingKey::from_jwk(&jwk).map_err(bad)?;
            keys.push((jwk, Key { kid, signs_from: signs_from(&path), signing, verifying }));
        }
        if keys.is_empty() {
            return Err(because(io::Error::new(io::ErrorKind::NotFound, "no *.pem file in it")));
        }
        let (jwks, keys): (Vec<Jwk>, Vec<Key>) = keys.into_iter().unzip();
        Ok(Self { keys, jwks: JwkSet { keys: jwks }, seal: SealKey::read(dir)? })
    }
}

impl Keys {
    /// Reads every `*.pem` in a directory and the file `secret`. A key's file is named by the second from which
    /// it signs; all verify.
    pub fn read(dir: &Path) -> Result<Self, Failure> {
        let ring = Ring::read(dir)?;
        let secret = fs::read_to_string(dir.join(SECRET)).map_err(|error| unreadable(dir, &error))?;
        let secret = STANDARD
            .decode(secret.trim())
            .ok()
            .filter(|secret| secret.len() >= 32)
            .ok_or_else(|| Failure(format!("{}/{SECRET} is not 32 bytes in Base64", dir.display())))?;
        Ok(Self {
            dir: dir.to_owned(),
            ring: RwLock::new(Arc::new(ring)),
            looked: Mutex::new(Instant::now()),
            secrets: Secrets::new(&secret)?,
        })
    }

    /// The public halves (RFC 7517), for whoever verifies our tokens elsewhere.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        self.ring().jwks.clone()
    }

    /// Seals what was verified, for a door of the database that asks for it.
    #[must_use]
    pub fn seal(&self, door: &str, fields: &[Option<&str>]) -> String {
        self.ring().seal.seal(door, fields)
    }

    /// What the audit log is sealed with, if there is such a key.
    pub fn audit_key(&self) -> Result<Option<AuditKey>, Failure> {
        AuditKey::read(&self.dir)
    }

    /// What is derived from the secret.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The keys, looked at again when that was a while ago.
    pub(super) fn ring(&self) -> Arc<Ring> {
        self.look_again(FRESH)
    }

    /// The keys, looked at again unless that was a moment ago: for a token whose key is not known yet.
    pub(super) fn newest_ring(&self) -> Arc<Ring> {
        self.look_again(Duration::from_secs(1))
    }

    fn look_again(&self, after: Duration) -> Arc<Ring> {
        let current = || self.ring.read().unwrap_or_else(PoisonError::into_inner).clone();
        {
            // Whoever finds somebody else looking goes on with what is known.
            let Ok(mut looked) = self.looked.try_lock() else { return current() };
            if looked.elapsed() < after {
                return current();
            }
            *looked = Instant::now();
        }
        match Ring::read(&self.dir) {
            Ok(ring) => {
                let ring = Arc::new(ring);
                *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring.clone();
                ring
            }
            Err(failure) => {
                tracing::warn!(%failure, "going on with the signing keys read before");
                current()
            }
        }
    }
}

fn unreadable(dir: &Path, error: &io::Error) -> Failure {
    let dir = dir.display();
    Failure(format!("cannot read the signing keys in {dir}: {error}; `rowhouse keys generate --dir {dir}` makes some"))
}

/// In the order in which they sign, which is not that of their names where one is no number.
fn pem_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<_> = fs::read_dir(dir)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "pem"))
        .collect();
    paths.sort_by_key(|path| (signs_from(path), path.clone()));
    Ok(paths)
}

fn signs_from(path: &Path) -> i64 {
    path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok()).unwrap_or_default()
}

/// Adds a new Ed25519 signing key to a directory, and the secret if there is none yet. It signs from `signs_from`
/// on, in seconds since 1970. Readable by the owner alone.
pub fn generate_keys(dir: &Path, signs_from: i64) -> Result<PathBuf, Failure> {
    let because = |error: io::Error| Failure(format!("cannot write keys to {}: {error}", dir.display()));
    fs::create_dir_all(dir).map_err(because)?;
    let unspecified = |_| Failure("the system's random numbers cannot be read".to_owned());
    // Version 1 of PKCS#8 (RFC 5208): the form every other tool reads.
    let der = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(unspecified)?;
    let body = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let path = dir.join(format!("{signs_from:012}.pem"));
    write_private(&path, &pem).map_err(because)?;
    let secret = dir.join(SECRET);
    if !secret.exists() {
        write_private(&secret, &(random_secret()? + "\n")).map_err(because)?;
    }
    SealKey::complete(dir)?;
    AuditKey::complete(dir)?;
    Ok(path)
}

/// Makes what servers need in a directory of keys and is not there: signing keys and secret, or the sealing key alone, which
/// directories of earlier versions do not have. Answers the file that was made, if any.
pub fn complete_keys(dir: &Path, signs_from: i64) -> Result<Option<PathBuf>, Failure> {
    if pem_files(dir).is_ok_and(|keys| !keys.is_empty()) && dir.join(SECRET).exists() {
        let made = SealKey::complete(dir)?.then(|| dir.join("seal"));
        let made = if AuditKey::complete(dir)? { Some(dir.join("audit-log")) } else { made };
        // What is there has to be right.
        return Keys::read(dir).map(|_| made);
    }
    generate_keys(dir, signs_from).map(Some)
}

/// What a rotation did.
#[derive(Debug)]
pub struct Rotation {
    /// The new key's file.
    pub added: PathBuf,
    /// Files of keys that nothing valid was signed with any more.
    pub removed: Vec<PathBuf>,
}

/// Adds a key that signs once everybody has had time to see it in the JWK Set, or at once, and removes those
/// whose last tokens have expired. The key it takes over from verifies until then.
pub fn rotate_keys(dir: &Path, now: i64, at_once: bool) -> Result<Rotation, Failure> {
    let because = |error: io::Error| unreadable(dir, &error);
    let paths = pem_files(dir).map_err(because)?;
    let last = paths.last().map(|path| signs_from(path));
    if last.is_some_and(|last| last > now) && !at_once {
        return Err(Failure(format!(
            "{} has a key already that is waiting to sign; rotate again when it does",
            dir.display()
        )));
    }
    let added = generate_keys(dir, if at_once { now } else { now + SHOWN_BEFORE })?;
    let mut removed = Vec::new();
    // A key is done when its successor has signed for so long that nothing it signed is still valid.
    for pair in paths.windows(2) {
        if signs_from(&pair[1]) + KEPT_AFTER < now {
            fs::remove_file(&pair[0]).map_err(because)?;
            removed.push(pair[0].clone());
        }
    }
    Ok(Rotation { added, removed })
}

/// 256 random bits in Base64.
pub fn random_secret() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    let unspecified = |_| Failure("the system's random numbers cannot be read".to_owned());
    SystemRandom::new().fill(&mut bytes).map_err(unspecified)?;
    Ok(STANDARD.encode(bytes))
}

pub(super) fn write_private(path: &Path, contents: &str) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(contents.as_bytes())
}
