//! Seals: what the server has verified, in a form in which a door of the database believes it (docs/adr/0019).
use std::{fmt::Write as _, fs, path::Path};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rowhouse_pg::new_id;
use uuid::Uuid;

use super::{keys::write_private, random_secret, sha256};
use crate::{clock, db::AdminConn, error::Failure, sql};

/// The name of the file with the key, beside the signing keys.
const FILE: &str = "seal";
/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// The key with which one server's seals are made. The database keeps what it needs to make the same
/// (`registry.seal_keys`).
#[doc(alias = "HMAC")]
pub struct SealKey {
    key: [u8; 32],
    mac: hmac::Key,
}

impl SealKey {
    /// Reads the file `seal` in a directory of keys.
    pub fn read(dir: &Path) -> Result<Self, Failure> {
        let (path, shown) = (dir.join(FILE), dir.display());
        let text = fs::read_to_string(path).map_err(|error| {
            Failure(format!(
                "cannot read {shown}/{FILE}: {error}; `rowhouse keys generate --if-missing --dir {shown}` makes it"
            ))
        })?;
        Self::of(&text).ok_or_else(|| Failure(format!("{shown}/{FILE} is not 32 bytes in Base64")))
    }

    /// A fresh one, as the text of its file.
    pub(super) fn fresh() -> Result<String, Failure> {
        Ok(random_secret()? + "\n")
    }

    /// Writes a fresh one where there is none. Answers whether it did.
    pub(super) fn complete(dir: &Path) -> Result<bool, Failure> {
        let path = dir.join(FILE);
        if path.exists() {
            return Ok(false);
        }
        write_private(&path, &Self::fresh()?)?;
        Ok(true)
    }

    /// Lets the database accept what is sealed with this key from now on, and for another hour what was sealed with the one before
    /// (`registry.seal_keys`). Run as `rowhouse_migrator`.
    pub async fn keep(&self, migrator: &AdminConn) -> Result<(), Failure> {
        let [inner, outer] = self.blocks();
        migrator
            .all::<()>(sql!("operate/keep_seal_key"), &[&self.id(), &inner.as_slice(), &outer.as_slice()])
            .await
            .map(drop)
    }

    /// Makes a fresh one, lets `first` do what has to be done before any server uses it, and puts it in the place of the one
    /// in a directory, which running servers notice.
    pub async fn rotate(dir: &Path, first: impl AsyncFnOnce(&Self) -> Result<(), Failure>) -> Result<(), Failure> {
        let text = Self::fresh()?;
        let next = Self::of(&text).ok_or_else(|| Failure("a fresh key is none".to_owned()))?;
        first(&next).await?;
        let waiting = dir.join(format!("{FILE}.{}", next.id().simple()));
        write_private(&waiting, &text)?;
        Ok(fs::rename(&waiting, dir.join(FILE))?)
    }

    fn of(text: &str) -> Option<Self> {
        let key: [u8; 32] = STANDARD.decode(text.trim()).ok()?.try_into().ok()?;
        Some(Self { key, mac: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// Its name, which tells nothing of it.
    #[must_use]
    pub fn id(&self) -> Uuid {
        let hash = sha256(&[b"rowhouse seal key ".as_slice(), &self.key].concat());
        Uuid::from_slice(&hash[..16]).unwrap_or_default()
    }

    /// The key with the inner and the outer padding of HMAC (RFC 2104 §2).
    #[must_use]
    pub fn blocks(&self) -> [[u8; BLOCK]; 2] {
        [0x36, 0x5c].map(|padding| {
            let mut block = [padding; BLOCK];
            block.iter_mut().zip(self.key).for_each(|(byte, key)| *byte ^= key);
            block
        })
    }

    /// Seals fields for a door, now. Good once, and for a minute.
    #[must_use]
    pub fn seal(&self, door: &str, fields: &[Option<&str>]) -> String {
        // The machine's own clock and not a test's: the database looks at its own, too.
        let now = u64::try_from(clock::now().as_second()).unwrap_or_default();
        self.seal_at(door, fields, now, new_id())
    }

    /// `number` is this seal's own: by it a door knows one that was shown before.
    fn seal_at(&self, door: &str, fields: &[Option<&str>], at: u64, number: Uuid) -> String {
        let number = number.simple();
        let mut message = format!("{door} {at} {number}");
        for field in fields {
            message.push(' ');
            match field {
                Some(field) => hex(&mut message, field.as_bytes()),
                None => message.push('-'),
            }
        }
        let mut seal = format!("{at}.{number}.");
        hex(&mut seal, hmac::sign(&self.mac, message.as_bytes()).as_ref());
        seal
    }
}

fn hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
}

/// Bytes as a field of a seal.
#[must_use]
pub fn in_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    hex(&mut text, bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_hmac_over_door_time_number_and_fields_and_its_blocks_make_the_same() {
        let key = SealKey::of(&STANDARD.encode([7; 32])).unwrap();
        let seal = key.seal_at("door", &[Some("a b"), None, Some("")], 1_700_000_000, Uuid::from_u128(5));
        let message = b"door 1700000000 00000000000000000000000000000005 612062 - ";
        let [inner, outer] = key.blocks();
        let by_blocks = sha256(&[&outer[..], &sha256(&[&inner[..], message].concat())].concat());
        assert_eq!(seal, format!("1700000000.00000000000000000000000000000005.{}", in_hex(&by_blocks)));
        for other in [&[Some("a b"), Some("-"), Some("")], &[Some("a"), Some("b"), Some("")]] {
            assert_ne!(key.seal_at("door", other, 1_700_000_000, Uuid::from_u128(5)), seal);
        }
    }
}
