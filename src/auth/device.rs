//! Devices that somebody has signed in with before: tokens that let nobody in, but keep what others guess at an account from
//! making its owner wait. Sealed, so that one that was made up costs no question to the database; kept as SHA-256.
use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Secrets,
    secrets::{equal, random},
    sha256,
};
use crate::{Error, Result};

const PREFIX: &str = "rh_device_";
/// Where a browser keeps its own; see [`super::COOKIE_NAME`].
const COOKIE: &str = "__Host-rowhouse-device";
/// Seconds that a browser keeps it: as long as the database knows it.
const YEAR: u32 = 365 * 24 * 60 * 60;
/// Devices of one person that are known, at most.
pub(super) const MOST: i64 = 20;

/// A device's token.
#[derive(Clone)]
pub struct DeviceToken {
    secret: [u8; 32],
    seal: [u8; 32],
}

impl DeviceToken {
    pub(super) fn new(secrets: &Secrets) -> Result<Self> {
        let secret = random()?;
        Ok(Self { secret, seal: secrets.seal("device", &[&secret]) })
    }

    /// Reads what a client sent; none when it is not one of ours, and then it is nobody's.
    pub(super) fn read(secrets: &Secrets, token: &str) -> Option<Self> {
        let bytes: [u8; 64] = BASE64.decode(token.strip_prefix(PREFIX)?).ok()?.try_into().ok()?;
        let (secret, seal) = (bytes[..32].try_into().ok()?, secrets.seal("device", &[&bytes[..32]]));
        equal(&seal, &bytes[32..]).then_some(Self { secret, seal })
    }

    /// What a client is sent.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode([self.secret, self.seal].concat()))
    }

    /// What the database keeps.
    pub(super) fn hash(&self) -> [u8; 32] {
        sha256(&self.secret)
    }

    /// The `Set-Cookie` that a browser keeps it by.
    pub fn cookie(&self) -> Result<HeaderValue> {
        let value = self.text();
        HeaderValue::from_str(&format!("{COOKIE}={value}; Path=/; Max-Age={YEAR}; Secure; HttpOnly; SameSite=Strict"))
            .map_err(|error| Error::internal(format!("a cookie cannot be written: {error}")))
    }
}

/// What a browser sent in its cookie.
#[must_use]
pub fn device_of_browser(headers: &HeaderMap) -> Option<SecretString> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=').map(SecretString::from))
}

/// The token that was sent with a sign-in, if it is one.
pub(super) fn presented(secrets: &Secrets, sent: Option<&SecretString>) -> Option<DeviceToken> {
    sent.and_then(|token| DeviceToken::read(secrets, token.expose_secret()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_one_that_was_altered_or_made_up_is_not() {
        let secrets = Secrets::new(&[7; 32]).unwrap();
        let token = DeviceToken::new(&secrets).unwrap();
        let text = token.text();
        assert_eq!(DeviceToken::read(&secrets, &text).unwrap().hash(), token.hash());
        let other = Secrets::new(&[8; 32]).unwrap();
        assert!(DeviceToken::read(&other, &text).is_none());
        let made_up = format!("{PREFIX}{}", BASE64.encode([7; 64]));
        for wrong in ["", PREFIX, &text[1..], &text[..text.len() - 2], &made_up] {
            assert!(DeviceToken::read(&secrets, wrong).is_none(), "{wrong}");
        }
    }
}
