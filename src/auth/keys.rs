//! The signing keys, read from a directory at start: Ed25519 private keys as PKCS#8 PEM, and one secret.
use std::{
    fs, io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    hmac,
    rand::{SecureRandom as _, SystemRandom},
    signature::Ed25519KeyPair,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};

use crate::error::Failure;

/// The name of the secret from which cursors are sealed.
const SECRET: &str = "secret";

/// What this server signs with, and what it accepts.
pub struct Keys {
    pub(super) signing: (String, EncodingKey),
    pub(super) verifying: Vec<(String, DecodingKey)>,
    jwks: JwkSet,
    secret: hmac::Key,
}

impl Keys {
    /// Reads every `*.pem` in a directory and the file `secret`. The last by name signs, all verify: a
    /// new key is added beside the old one, which stays until its last token has expired.
    pub fn read(dir: &Path) -> Result<Self, Failure> {
        let because = |error: io::Error| {
            Failure(format!(
                "cannot read the signing keys in {}: {error}; `rowhouse keys generate --dir {}` makes some",
                dir.display(),
                dir.display()
            ))
        };
        let mut paths: Vec<_> = fs::read_dir(dir)
            .map_err(because)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "pem"))
            .collect();
        paths.sort();
        let mut all = Vec::new();
        let mut jwks = JwkSet::default();
        for path in paths {
            let pem = fs::read(&path).map_err(because)?;
            let bad = |error: jsonwebtoken::errors::Error| {
                Failure(format!("{} is not an Ed25519 private key in PKCS#8 PEM: {error}", path.display()))
            };
            let key = EncodingKey::from_ed_pem(&pem).map_err(bad)?;
            let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).map_err(bad)?;
            // RFC 7638: the name follows from the key, so nobody has to keep names apart.
            let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(bad)?;
            jwk.common.key_id = Some(kid.clone());
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            let verifying = DecodingKey::from_jwk(&jwk).map_err(bad)?;
            jwks.keys.push(jwk);
            all.push((kid, key, verifying));
        }
        let secret = fs::read_to_string(dir.join(SECRET)).map_err(because)?;
        let secret = STANDARD
            .decode(secret.trim())
            .ok()
            .filter(|secret| secret.len() >= 32)
            .ok_or_else(|| Failure(format!("{}/{SECRET} is not 32 bytes in Base64", dir.display())))?;
        let verifying = all.iter().map(|(kid, _, key)| (kid.clone(), key.clone())).collect();
        let Some((kid, key, _)) = all.pop() else {
            return Err(because(io::Error::new(io::ErrorKind::NotFound, "no *.pem file in it")));
        };
        Ok(Self { signing: (kid, key), verifying, jwks, secret: hmac::Key::new(hmac::HMAC_SHA256, &secret) })
    }

    /// The public halves (RFC 7517), for whoever verifies our tokens elsewhere.
    #[must_use]
    pub fn jwks(&self) -> &JwkSet {
        &self.jwks
    }

    /// The key cursors are sealed with.
    #[must_use]
    pub fn secret(&self) -> &hmac::Key {
        &self.secret
    }
}

/// Adds a new Ed25519 signing key to a directory, and the secret if there is none yet. Readable by the
/// owner alone.
pub fn generate_keys(dir: &Path) -> Result<std::path::PathBuf, Failure> {
    let because = |error: io::Error| Failure(format!("cannot write keys to {}: {error}", dir.display()));
    fs::create_dir_all(dir).map_err(because)?;
    let unspecified = |_| Failure("the system's random numbers cannot be read".to_owned());
    // Version 1 of PKCS#8 (RFC 5208): the form every other tool reads.
    let der = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(unspecified)?;
    let body = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    // Seconds since the epoch, so that the newest is the last by name.
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let path = dir.join(format!("{seconds:012}.pem"));
    write_private(&path, &pem).map_err(because)?;
    let secret = dir.join(SECRET);
    if !secret.exists() {
        write_private(&secret, &(random_secret()? + "\n")).map_err(because)?;
    }
    Ok(path)
}

/// 256 random bits in Base64.
pub fn random_secret() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    let unspecified = |_| Failure("the system's random numbers cannot be read".to_owned());
    SystemRandom::new().fill(&mut bytes).map_err(unspecified)?;
    Ok(STANDARD.encode(bytes))
}

fn write_private(path: &Path, contents: &str) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(contents.as_bytes())
}
