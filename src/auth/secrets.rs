//! One secret, kept beside the signing keys, and what is derived from it: seals that only our servers can make,
//! and boxes that only they can open. Signing keys come and go; the secret stays.
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};

use crate::{Error, Result, error::Failure};

/// Random bytes from the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("the system's random numbers cannot be read"))?;
    Ok(bytes)
}

/// Whether two byte strings are equal, in a time that does not tell where they differ.
#[must_use]
pub(super) fn equal(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// What only our servers know.
pub struct Secrets {
    mac: hmac::Key,
    boxes: Boxes,
    cache: Boxes,
    tickets: Boxes,
}

impl Secrets {
    /// From the secret file's bytes.
    pub fn new(secret: &[u8]) -> Result<Self, Failure> {
        let prk = Salt::new(HKDF_SHA256, &[]).extract(secret);
        let boxes = |purpose: &[u8]| {
            let key = prk.expand(&[purpose], &AES_256_GCM).map(UnboundKey::from);
            let failed = |_| Failure("a key could not be derived from the secret".to_owned());
            key.map(LessSafeKey::new).map(Boxes).map_err(failed)
        };
        Ok(Self {
            boxes: boxes(b"rowhouse boxes")?,
            cache: boxes(b"rowhouse cache")?,
            tickets: boxes(b"rowhouse tickets")?,
            mac: hmac::Key::new(hmac::HMAC_SHA256, secret),
        })
    }

    /// The key cursors are sealed with.
    #[must_use]
    pub fn mac(&self) -> &hmac::Key {
        &self.mac
    }

    /// HMAC-SHA-256 over parts, for one purpose and no other. Parts have fixed lengths, or are the last.
    #[must_use]
    pub fn seal(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.mac);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        for part in parts {
            context.update(part);
        }
        let mut seal = [0; 32];
        seal.copy_from_slice(context.sign().as_ref());
        seal
    }

    /// A name for something, which tells nobody what: whoever reads it cannot even check a guess. 32 characters of hex.
    #[must_use]
    pub fn name(&self, purpose: &str, what: &[&str]) -> String {
        format!("{:032x}", self.number(purpose, what))
    }

    /// The same as a number.
    #[must_use]
    pub fn number(&self, purpose: &str, what: &[&str]) -> u128 {
        // Lengths, so that two parts are not one that looks like them.
        let lengths: Vec<[u8; 8]> = what.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
        let parts: Vec<&[u8]> =
            lengths.iter().zip(what).flat_map(|(length, part)| [&length[..], part.as_bytes()]).collect();
        let mut half = [0; 16];
        half.copy_from_slice(&self.seal(purpose, &parts)[..16]);
        u128::from_be_bytes(half)
    }

    /// Boxes for what the database keeps and must not be able to read.
    #[must_use]
    pub fn boxes(&self) -> &Boxes {
        &self.boxes
    }

    /// Boxes for what a cache keeps, with a key of their own: there are many of them, and random nonces do for 2³² boxes
    /// (NIST SP 800-38D §8.3).
    #[must_use]
    pub fn cache(&self) -> &Boxes {
        &self.cache
    }

    /// Boxes for tickets, of which there are many as well.
    pub(super) fn tickets(&self) -> &Boxes {
        &self.tickets
    }
}

/// Boxes that only our servers can make and open: AES-256-GCM, a random nonce in front.
pub struct Boxes(LessSafeKey);

impl Boxes {
    /// Encrypts. `bound_to` has to be the same when it is opened.
    pub fn lock(&self, bound_to: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LEN>()?;
        let mut sealed = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound_to), &mut sealed)
            .map_err(|_| Error::internal("a secret could not be locked"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`lock`](Self::lock) locked. Fails when it was altered, or locked under another secret.
    pub fn open(&self, bound_to: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let failed =
            || Error::internal("a locked secret cannot be opened: it was altered, or the secret file is another");
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
        let mut plain = rest.to_vec();
        let opened = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound_to), &mut plain);
        let length = opened.map_err(|_| failed())?.len();
        plain.truncate(length);
        Ok(plain)
    }
}
