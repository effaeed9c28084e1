//! Reading requests and writing JSON. The only place that uses the framework's own extractors, so that
//! every refusal is one of ours, with a pointer to what is wrong.
#![expect(clippy::disallowed_types, reason = "this module is what the rest of the house uses instead")]

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRef, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use super::{
    header, json, schema_check,
    validate::{PILE, piles_marks},
};
use crate::{Error, Result, error::Violation};

const JSON: &str = "application/json";
/// Bytes that most answers have room in.
const BODY: usize = 512;
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";

/// How much of a body is read, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Bytes.
    pub bytes: usize,
    /// Half of what the whole request may take: a body that does not come is the sender's doing.
    pub time: Duration,
}

/// A JSON body in, a JSON body out.
///
/// In: `400` when it is not JSON, `415` for another content type, `422` with a pointer to each field that is
/// unknown, missing or of the wrong type.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A partial update as JSON Merge Patch (RFC 7396); plain `application/json` is read the same way.
#[derive(Debug)]
pub struct MergePatch<T>(pub T);

/// Path parameters; `400` naming the one that cannot be read.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// Query parameters; `400` naming each that is unknown or cannot be read.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S, T> FromRequest<S> for Json<T>
where
    BodyLimits: FromRef<S>,
    S: Send + Sync,
    T: DeserializeOwned + ToSchema,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        refuse_unless_json(request.headers())?;
        read_json(request, BodyLimits::from_ref(state)).await.map(Self)
    }
}

impl<S, T> FromRequest<S> for MergePatch<T>
where
    BodyLimits: FromRef<S>,
    S: Send + Sync,
    T: DeserializeOwned + ToSchema,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        match content_type(request.headers()).as_deref() {
            Some(MERGE_PATCH | JSON) => read_json(request, BodyLimits::from_ref(state)).await.map(Self),
            _ => Err(Error::UnsupportedMediaType(MERGE_PATCH)),
        }
    }
}

/// `415` unless the body is said to be JSON.
pub(super) fn refuse_unless_json(headers: &HeaderMap) -> Result<()> {
    if content_type(headers).as_deref() == Some(JSON) { Ok(()) } else { Err(Error::UnsupportedMediaType(JSON)) }
}

/// The media type without parameters, in lower case (RFC 9110 §8.3.1).
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

async fn read_json<T: DeserializeOwned + ToSchema>(request: Request, limits: BodyLimits) -> Result<T> {
    from_json(&read_body(request, limits).await?)
}

pub(super) async fn read_body(request: Request, limits: BodyLimits) -> Result<Bytes> {
    let read = tokio::time::timeout(limits.time, Limited::new(request.into_body(), limits.bytes).collect());
    match read.await.map_err(|_| Error::BodyTimeout)? {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::PayloadTooLarge(limits.bytes)),
        Err(_) => Err(Error::MalformedJson("the body ended early".to_owned())),
    }
}

/// Reads JSON, telling bad syntax from bad content.
pub fn from_json<T: DeserializeOwned + ToSchema>(bytes: &[u8]) -> Result<T> {
    // serde reads a struct from an array as well; every body of ours is an object.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(match serde_json::from_slice::<serde_json::Value>(bytes) {
            Err(syntax) => malformed(&syntax),
            Ok(_) => Error::Invalid(vec![Violation::at("", "wrong_type", "expected an object")]),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut deserializer);
    match read.map(|value| deserializer.end().map(|()| value)) {
        Ok(Ok(value)) => match piles(bytes) {
            piles if piles.is_empty() => Ok(value),
            piles => Err(Error::Invalid(piles)),
        },
        Ok(Err(trailing)) => Err(malformed(&trailing)),
        Err(error) => {
            let first = violation(&error.path().clone(), &error.into_inner().to_string());
            look_again(bytes, first)
        }
    }
}

/// Each text of a body that piles marks upon a letter. It is looked for here and not field by field, so that no field is
/// forgotten.
fn piles(bytes: &[u8]) -> Vec<Violation> {
    // A mark is two bytes and more that are not ASCII, or an escape.
    if !bytes.split(u8::is_ascii_alphanumeric).any(|run| run.len() > 60) && !bytes.windows(2).any(|two| two == b"\\u") {
        return Vec::new();
    }
    json::read(bytes).map_or_else(|_| Vec::new(), |(value, _)| json::texts(&value, piles_marks, PILE))
}

/// `serde_json` calls some misfits (null where an enum should be) bad syntax, and stops at a misfit before it has seen
/// what comes after. Whether it is JSON at all, and everything that is wrong with it, a second look tells.
fn look_again<T: DeserializeOwned + ToSchema>(bytes: &[u8], first: Violation) -> Result<T> {
    let (mut value, twice) = json::read(bytes).map_err(|syntax| malformed(&syntax))?;
    if json::make_whole(&mut value)
        && twice.0.is_empty()
        && let Ok(read) = serde_json::from_value(value.clone())
    {
        return Ok(read);
    }
    let mut violations = schema_check::misfits::<T>(&value, &twice);
    // What reading stumbled over is always told, whatever the schema says of it.
    if !violations.iter().any(|violation| violation.pointer == first.pointer) {
        violations.insert(0, first);
    }
    Err(Error::Invalid(violations))
}

fn malformed(error: &serde_json::Error) -> Error {
    // serde_json names line and column and quotes nothing of the body.
    Error::MalformedJson(format!("the body is not JSON: {error}"))
}

fn violation(path: &serde_path_to_error::Path, message: &str) -> Violation {
    let message = message.split(" at line ").next().unwrap_or(message);
    let mut pointer = pointer(path);
    let code = if message.starts_with("unknown field") {
        "unknown_field"
    } else if let Some(field) = message.strip_prefix("missing field `") {
        // The path ends at the object; the pointer names the member that should be there.
        pointer = format!("{pointer}/{}", json::escaped(field.trim_end_matches('`')));
        "required"
    } else if let Some(field) = message.strip_prefix("duplicate field `") {
        pointer = format!("{pointer}/{}", json::escaped(field.trim_end_matches('`')));
        "duplicate_field"
    } else if message.starts_with("unknown variant") {
        "not_allowed"
    } else {
        "wrong_type"
    };
    // What was sent is not repeated: it can be a password.
    let detail = match (code, message.find("expected ")) {
        ("wrong_type" | "not_allowed", Some(at)) => &message[at..],
        _ => message,
    };
    Violation::at(pointer, code, detail)
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&json::escaped(key)),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => pointer.push('?'),
        }
    }
    pointer
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        use axum::extract::{Path, path::ErrorKind, rejection::PathRejection};
        let wrong = |name: &str, detail: &str| Error::BadRequest(vec![Violation::parameter(name, "invalid", detail)]);
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(failed)) => Err(match failed.kind() {
                ErrorKind::DeserializeError { key, message, .. } => wrong(key, &format!("cannot be read: {message}")),
                ErrorKind::ParseErrorAtKey { key, expected_type, .. } => {
                    wrong(key, &format!("is not a {expected_type}"))
                }
                ErrorKind::InvalidUtf8InPathParam { key } => wrong(key, "is not UTF-8"),
                // Routes with one parameter: it is called id.
                ErrorKind::Message(_) | ErrorKind::ParseError { .. } => wrong("id", "is not a UUID"),
                other => Error::internal(format!("path parameters: {other}")),
            }),
            Err(other) => Err(Error::internal(format!("path parameters: {other}"))),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + IntoParams> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        let unfit = |value: &str| match value {
            // The one character PostgreSQL's text cannot hold.
            nul if nul.contains('\0') => Some(("control_character", "must not contain NUL")),
            piled if piles_marks(piled) => Some(PILE),
            _ => None,
        };
        let mut parameters = form_urlencoded::parse(query.as_bytes());
        if let Some((name, (code, detail))) = parameters.find_map(|(name, value)| Some((name, unfit(&value)?))) {
            return Err(Error::BadRequest(vec![Violation::parameter(name, code, detail)]));
        }
        let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(deserializer).map(Self).map_err(|error| {
            let path = error.path().to_string();
            let message = error.into_inner().to_string();
            let named = |prefix| message.strip_prefix(prefix).and_then(|rest: &str| rest.split('`').next());
            let (name, code) = match (named("unknown field `"), named("duplicate field `")) {
                (Some(name), _) => (name.to_owned(), "unknown_parameter"),
                (_, Some(name)) => (name.to_owned(), "duplicate_parameter"),
                _ => (path, "invalid"),
            };
            let first = Violation::parameter(name, code, message);
            let mut violations = schema_check::misfitting_parameters::<T>(query.as_bytes());
            if !violations.iter().any(|violation| violation.parameter == first.parameter) {
                violations.insert(0, first);
            }
            Error::BadRequest(violations)
        })
    }
}

/// An answer that is JSON already.
pub(super) fn json_answer(body: Vec<u8>) -> Response {
    let mut response = Response::new(body.into());
    *response.headers_mut() = header::room();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(BODY);
        match serde_json::to_writer(&mut body, &self.0) {
            Ok(()) => json_answer(body),
            Err(error) => Error::internal(format!("an answer cannot be written: {error}")).into_response(),
        }
    }
}
