//! The header, and what makes two requests the same.
use aws_lc_rs::digest;
use axum::http::{HeaderMap, HeaderName, Method, Uri, request::Parts};

use crate::{Error, Result, error::Violation, http::extract::content_type};

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST: usize = 255;

/// A key, and what the fingerprint is made of besides the body.
pub(super) struct Asked {
    pub(super) key: String,
    method: Method,
    uri: Uri,
    content_type: String,
}

impl Asked {
    pub(super) fn of(parts: &Parts) -> Result<Option<Self>> {
        let Some(key) = key(&parts.headers)? else { return Ok(None) };
        let uri = parts.uri.clone();
        let content_type = content_type(&parts.headers).unwrap_or_default();
        Ok(Some(Self { key, method: parts.method.clone(), uri, content_type }))
    }

    /// SHA-256 of method, path, query, content type and body, each after its length.
    pub(super) fn fingerprint(&self, body: &[u8]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        let query = self.uri.query().unwrap_or_default();
        for part in [self.method.as_str(), self.uri.path(), query, &self.content_type].map(str::as_bytes) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.update(body);
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        fingerprint
    }
}

/// Refuses a POST whose key is malformed, whether or not the route keeps answers: a client that sends one relies on it.
pub(crate) fn check(method: &Method, headers: &HeaderMap) -> Option<Error> {
    if method == Method::POST { key(headers).err() } else { None }
}

/// The key: a string (RFC 8941 §3.3.3) as the draft has it, or the same characters without quotes, as many clients send
/// it. Both name the same key.
fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let wrong = |detail: &str| Err(Error::BadRequest(vec![Violation::parameter("Idempotency-Key", "invalid", detail)]));
    let (value, more) = match (given.next(), given.next()) {
        (None, _) => return Ok(None),
        (Some(value), more) => (value.as_bytes().trim_ascii(), more),
    };
    if more.is_some() {
        return wrong("is given more than once");
    }
    let key = match value {
        [b'"', quoted @ ..] => unquote(quoted),
        bare if bare.iter().all(|byte| byte.is_ascii_graphic() && !b"\"\\,;".contains(byte)) => Some(bare.to_vec()),
        _ => None,
    };
    match key.and_then(|key| String::from_utf8(key).ok()) {
        Some(key) if (1..=LONGEST).contains(&key.len()) => Ok(Some(key)),
        _ => wrong(
            "is not a string of 1 to 255 printable ASCII characters, such as \"8e03978e-40d5-43dd-bc93-6894a57f9324\"",
        ),
    }
}

/// The rest of a string (RFC 8941 §4.2.5), with nothing after it.
fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    loop {
        match bytes.next()? {
            b'"' => return bytes.as_slice().is_empty().then_some(key),
            b'\\' => key.push(*bytes.next().filter(|byte| b"\"\\".contains(byte))?),
            byte @ b' '..=b'~' => key.push(*byte),
            _ => return None,
        }
    }
}
