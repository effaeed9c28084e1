//! Second factor: time-based one-time passwords (RFC 6238) and the recovery codes that stand in for them.
use secrecy::{ExposeSecret as _, SecretString};
use totp_rs::{Builder, Secret, Totp};

use super::{Secrets, UserId, secrets::random, sha256};
use crate::{Error, Result};

/// Recovery codes at a time.
pub const RECOVERY_CODES: usize = 10;
/// Characters of a recovery code, five bits each, and of each of the groups that it is written in.
const RECOVERY_CODE: usize = 20;
const GROUP: usize = 5;
/// Crockford's Base32: no I, L, O or U, so that nobody who copies by hand has to tell them from 1 and 0
/// (<https://www.crockford.com/base32.html>).
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A secret to be enrolled, as it is shown once.
pub struct Enrolment {
    /// In Base32, to be typed.
    pub secret: String,
    /// The same as an `otpauth:` URI, to be shown as a QR code.
    pub uri: String,
    /// What the database keeps.
    pub sealed: Vec<u8>,
}

/// What was sent as second factor: the time step its code belongs to, or the hash of a recovery code.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecondFactor {
    /// The time step; it has yet to be spent.
    pub step: Option<i64>,
    /// SHA-256 of the recovery code; whether there is such a one, the database says.
    pub recovery_hash: Option<[u8; 32]>,
}

fn totp(secret: &[u8], account: &str) -> Result<Totp> {
    // RFC 6238's own: SHA-1, six digits, 30 seconds, one step of skew: what every authenticator understands.
    Builder::new()
        .with_secret(Secret::from(secret.to_vec()))
        .with_issuer(Some("Rowhouse"))
        .with_account_name(account.replace(':', " "))
        .build()
        .map_err(|error| Error::internal(format!("a second factor cannot be computed: {error}")))
}

/// A new secret for a user.
pub fn enrol(secrets: &Secrets, user: UserId, email: &str) -> Result<Enrolment> {
    let secret = random::<20>()?;
    let totp = totp(&secret, email)?;
    Ok(Enrolment {
        secret: totp.secret().to_base32(),
        uri: totp.to_url().map_err(|error| Error::internal(format!("an otpauth URI cannot be made: {error}")))?,
        sealed: secrets.boxes().lock(user.as_uuid().as_bytes(), &secret)?,
    })
}

/// Reads what was sent as second factor against a sealed secret. Time is in seconds since 1970.
pub fn read(
    secrets: &Secrets,
    user: UserId,
    sealed: &[u8],
    sent: Option<&SecretString>,
    now: i64,
) -> Result<SecondFactor> {
    let Some(sent) = sent else { return Ok(SecondFactor::default()) };
    let sent: String = sent.expose_secret().chars().filter(|c| !c.is_whitespace()).collect();
    if sent.len() == 6 && sent.bytes().all(|byte| byte.is_ascii_digit()) {
        let secret = secrets.boxes().open(user.as_uuid().as_bytes(), sealed)?;
        let now = u64::try_from(now).unwrap_or_default();
        let step = totp(&secret, "-")?.check(&sent, now).and_then(|step| i64::try_from(step).ok());
        return Ok(SecondFactor { step, recovery_hash: None });
    }
    // Codes that were given out before were Base64, 16 characters of it, and are good as they were written.
    let code = recovery_code(&sent).unwrap_or(sent);
    Ok(SecondFactor { step: None, recovery_hash: Some(sha256(code.as_bytes())) })
}

/// What a recovery code says, however it was typed: in whichever case, with or without hyphens, with O for 0 and I or L for 1.
/// None when it is no such code.
fn recovery_code(typed: &str) -> Option<String> {
    let characters = typed.chars().filter(|c| *c != '-').map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    });
    let code: String = characters.collect();
    (code.len() == RECOVERY_CODE && code.bytes().all(|byte| BASE32.contains(&byte))).then_some(code)
}

/// Fresh recovery codes, 100 bits each, in groups, and the hashes of what they say: with so many bits nobody tries them out,
/// so no slow hash is needed.
pub fn recovery_codes() -> Result<(Vec<String>, Vec<[u8; 32]>)> {
    let mut codes = Vec::new();
    let mut hashes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let code = random::<RECOVERY_CODE>()?.map(|byte| BASE32[usize::from(byte % 32)]);
        hashes.push(sha256(&code));
        let groups = code.chunks(GROUP).map(String::from_utf8_lossy);
        codes.push(groups.collect::<Vec<_>>().join("-"));
    }
    Ok((codes, hashes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recovery_codes_are_groups_of_crockfords_base32_and_all_differ() {
        let (codes, hashes) = recovery_codes().unwrap();
        assert_eq!((codes.len(), hashes.len()), (RECOVERY_CODES, RECOVERY_CODES));
        for (n, code) in codes.iter().enumerate() {
            assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [5; 4], "{code}");
            assert!(!code.contains(['I', 'L', 'O', 'U']) && !codes[..n].contains(code), "{code}");
            assert_eq!(sha256(recovery_code(code).unwrap().as_bytes()), hashes[n]);
        }
    }

    proptest! {
        #[test]
        fn a_code_is_the_same_however_it_is_typed(lower: u32, hyphens: u32, alike: u32) {
            let (codes, hashes) = recovery_codes().unwrap();
            for (code, hash) in codes.iter().zip(&hashes) {
                let mut typed = String::new();
                for (n, c) in code.chars().filter(|c| *c != '-').enumerate() {
                    let bit = |bits: u32| bits >> n & 1 == 1;
                    let c = match c {
                        '0' if bit(alike) => 'O',
                        '1' if bit(alike) => 'I',
                        '1' if bit(hyphens) => 'l',
                        c => c,
                    };
                    typed.push(if bit(lower) { c.to_ascii_lowercase() } else { c });
                    typed.push_str(if bit(hyphens) { "-" } else { "" });
                }
                prop_assert_eq!(sha256(recovery_code(&typed).unwrap().as_bytes()), *hash, "{}", typed);
            }
        }

        /// Those of before are 16 characters of Base64.
        #[test]
        fn no_code_of_before_is_read_as_one_of_these(code in "[A-Za-z0-9_-]{16}") {
            prop_assert_eq!(recovery_code(&code), None);
        }
    }
}
