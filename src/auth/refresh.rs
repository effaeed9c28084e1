//! Refresh tokens: opaque, 256 bits, kept as SHA-256 (RFC 9700 §4.14). The database keeps a used token's successor
//! sealed under the used token itself, so that a client that lost an answer is given it once more, and nobody who
//! reads the database alone learns either.
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use secrecy::{ExposeSecret as _, SecretString};

use super::{secrets::random, sha256};
use crate::{Error, Result};

const PREFIX: &str = "rh_refresh_";

/// A refresh token, whole.
pub struct RefreshToken([u8; 32]);

impl RefreshToken {
    /// A fresh one.
    pub fn new() -> Result<Self> {
        random().map(Self)
    }

    /// Reads what a client sent.
    pub fn read(token: &SecretString) -> Result<Self> {
        let body = token.expose_secret().strip_prefix(PREFIX).and_then(|body| BASE64.decode(body).ok());
        body.and_then(|body| body.try_into().ok()).map(Self).ok_or(Error::RefreshTokenSpent)
    }

    /// What a client is sent.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(self.0))
    }

    /// What the database keeps.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.0)
    }

    /// Seals this one's successor, or opens it again: exclusive or with a key stream that follows from this token
    /// and is used for this once.
    fn veil(&self, successor: [u8; 32]) -> [u8; 32] {
        let stream = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), b"rowhouse refresh successor");
        let mut veiled = successor;
        veiled.iter_mut().zip(stream.as_ref()).for_each(|(byte, stream)| *byte ^= stream);
        veiled
    }

    /// Its successor, sealed.
    #[must_use]
    pub fn seal(&self, successor: &Self) -> [u8; 32] {
        self.veil(successor.0)
    }

    /// Its successor, opened.
    pub fn open(&self, sealed: &[u8]) -> Result<Self> {
        let sealed = sealed.try_into().map_err(|_| Error::internal("a sealed refresh token has another length"))?;
        Ok(Self(self.veil(sealed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_is_opened_by_the_token_it_was_sealed_under_and_no_other() {
        let (token, next) = (RefreshToken::new().unwrap(), RefreshToken::new().unwrap());
        let sealed = token.seal(&next);
        assert_ne!(sealed, next.0);
        assert_eq!(token.open(&sealed).unwrap().text(), next.text());
        assert_ne!(next.open(&sealed).unwrap().text(), next.text());
        assert_eq!(RefreshToken::read(&token.text().into()).unwrap().hash(), token.hash());
        for wrong in ["", "rh_refresh_", "rh_refresh_AAAA", &token.text()[1..]] {
            assert!(RefreshToken::read(&wrong.into()).is_err(), "{wrong}");
        }
    }
}
