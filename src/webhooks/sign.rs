//! Signatures as Standard Webhooks 1.0 has them (<https://www.standardwebhooks.com>): HMAC-SHA-256 over id, time and body.
use aws_lc_rs::{hmac, rand};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Error, Result};

/// How a secret begins where somebody sees it.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that we make; others may have 24 to 64.
const BYTES: usize = 32;

/// What a receiver verifies with.
pub struct Secret(Vec<u8>);

impl Secret {
    /// A new one.
    pub fn generate() -> Result<Self> {
        let mut bytes = vec![0; BYTES];
        rand::fill(&mut bytes).map_err(|_| Error::internal("the system's random numbers cannot be read"))?;
        Ok(Self(bytes))
    }

    /// One that was kept.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// To keep, locked.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As its owner is shown it, once.
    #[must_use]
    pub fn shown(&self) -> SecretString {
        format!("{PREFIX}{}", BASE64.encode(&self.0)).into()
    }

    /// As it was shown; none when it is no such secret.
    #[must_use]
    pub fn read(shown: &SecretString) -> Option<Self> {
        let bytes = BASE64.decode(shown.expose_secret().strip_prefix(PREFIX)?).ok()?;
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    fn signature(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64.encode(context.sign()))
    }
}

/// The headers of a message: its id, which stays the same however often it is sent, the time of this attempt, and a signature
/// by each secret that is good, so that a receiver goes over to another whenever it likes. An id holds no full stop.
#[must_use]
pub fn headers(id: &str, now: Timestamp, body: &[u8], secrets: &[Secret]) -> [(&'static str, String); 3] {
    let seconds = now.as_second();
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.signature(id, seconds, body)).collect();
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Secret {
        Secret::read(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned().into()).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_signature_is_the_one_that_the_published_libraries_make() {
        // The example of the specification.
        let headers =
            headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at(1_614_265_330), br#"{"test": 2432232314}"#, &[known()]);
        assert_eq!(headers[0], ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned()));
        assert_eq!(headers[1], ("webhook-timestamp", "1614265330".to_owned()));
        assert_eq!(headers[2], ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned()));
    }

    #[test]
    fn while_secrets_overlap_each_of_them_signs() {
        let (old, new) = (known(), Secret::generate().unwrap());
        let alone = new.signature("a", 1, b"{}");
        let both = headers("a", at(1), b"{}", &[old, new]);
        assert_eq!(both[2].1, format!("{} {alone}", known().signature("a", 1, b"{}")));
    }

    #[test]
    fn id_time_and_body_are_each_signed() {
        let signed = known().signature("a", 1, b"{}");
        for other in [
            known().signature("b", 1, b"{}"),
            known().signature("a", 2, b"{}"),
            known().signature("a", 1, b"{ }"),
            Secret::generate().unwrap().signature("a", 1, b"{}"),
        ] {
            assert_ne!(signed, other);
        }
    }

    #[test]
    fn a_secret_is_read_as_it_was_shown_and_nothing_else_is() {
        let secret = Secret::generate().unwrap();
        assert_eq!(secret.as_bytes().len(), BYTES);
        assert_eq!(Secret::read(&secret.shown()).unwrap().as_bytes(), secret.as_bytes());
        assert_eq!(
            Secret::from_bytes(secret.as_bytes().to_vec()).shown().expose_secret(),
            secret.shown().expose_secret()
        );
        for other in ["", "whsec_", "whsec_????", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(Secret::read(&other.to_owned().into()).is_none(), "{other}");
        }
    }
}
