//! Second factor: time-based one-time passwords (RFC 6238) and the recovery codes that stand in for them.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use secrecy::{ExposeSecret as _, SecretString};
use totp_rs::{Builder, Secret, Totp};

use super::{
    Secrets, UserId,
    secrets::{random, sha256},
};
use crate::{Error, Result};

/// Recovery codes at a time.
pub const RECOVERY_CODES: usize = 10;

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
    Ok(SecondFactor { step: None, recovery_hash: Some(sha256(sent.as_bytes())) })
}

/// Fresh recovery codes, 96 bits each, and their hashes: with so many bits nobody tries them out, so no slow hash
/// is needed.
pub fn recovery_codes() -> Result<(Vec<String>, Vec<[u8; 32]>)> {
    let codes = (0..RECOVERY_CODES).map(|_| Ok(BASE64.encode(random::<12>()?))).collect::<Result<Vec<_>>>()?;
    let hashes = codes.iter().map(|code| sha256(code.as_bytes())).collect();
    Ok((codes, hashes))
}
