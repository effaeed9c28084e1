//! Versions as strong entity tags, and the preconditions that go with them (RFC 9110 §8.8, §13.1).
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::extract::Json;
use crate::{Error, Result, error::Violation};

/// Something that has a version; every change of its row gives it the next one.
pub trait Versioned {
    /// The row's version, from 1.
    fn version(&self) -> i64;
}

/// For a row whose version is its column `version`.
macro_rules! versioned {
    ($of:ty) => {
        impl $crate::http::etag::Versioned for $of {
            fn version(&self) -> i64 {
                self.version
            }
        }
    };
}
pub(crate) use versioned;

/// A resource in an answer, with its `ETag`.
#[derive(Debug)]
pub struct Tagged<T>(pub T);

impl<T: Versioned + Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = tag(self.0.version());
        let mut response = Json(self.0).into_response();
        response.headers_mut().insert(header::ETAG, tag);
        response
    }
}

/// A version as an entity tag.
pub(super) fn tag(version: i64) -> HeaderValue {
    super::header::value(format_args!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// `If-Match`, required: `428` without. `None` inside stands for `*`, any version.
///
/// Goes into the statement as `$n::bigint[] is null or version = any ($n)`, so that reading the version
/// and writing the row are one step.
#[derive(Debug)]
pub struct IfMatch(pub Option<Vec<i64>>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        match tags(&parts.headers, &header::IF_MATCH)? {
            None => Err(Error::PreconditionRequired),
            Some(Tags::Any) => Ok(Self(None)),
            // Strong comparison: a weak tag equals nothing (RFC 9110 §8.8.3.2).
            Some(Tags::Listed(tags)) => {
                Ok(Self(Some(tags.iter().filter(|tag| !tag.weak).filter_map(Tag::version).collect())))
            }
        }
    }
}

/// What an update or delete that touched no row means: the row is not there, or not at that version.
#[must_use]
pub fn missed(resource: &'static str, exists: bool) -> Error {
    if exists { Error::PreconditionFailed } else { Error::NotFound(resource) }
}

/// `If-None-Match`, for reads: `304` when the caller has this version already.
#[derive(Debug)]
pub struct IfNoneMatch(Option<Tags>);

impl IfNoneMatch {
    /// The resource, or `304` with its tag.
    pub fn answer<T: Versioned + Serialize>(&self, resource: T) -> Response {
        let version = resource.version();
        let known = match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Listed(tags)) => tags.iter().any(|tag| tag.version() == Some(version)),
        };
        if known {
            (StatusCode::NOT_MODIFIED, [(header::ETAG, tag(version))]).into_response()
        } else {
            Tagged(resource).into_response()
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        tags(&parts.headers, &header::IF_NONE_MATCH).map(Self)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Tags {
    Any,
    Listed(Vec<Tag>),
}

#[derive(Debug, PartialEq, Eq)]
struct Tag {
    weak: bool,
    opaque: String,
}

impl Tag {
    /// The version it stands for. Tags are compared as text: `"01"` is not `"1"`.
    fn version(&self) -> Option<i64> {
        self.opaque.parse().ok().filter(|version: &i64| version.to_string() == self.opaque)
    }
}

/// `*` or a list of entity tags, over one or several header lines. Tags may hold commas, and lists may
/// have empty places (RFC 9110 §5.6.1, §8.8.3).
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>> {
    let wrong = || {
        let detail = "is not * or a list of entity tags such as \"3\"";
        Error::BadRequest(vec![Violation::parameter(name.as_str(), "invalid", detail)])
    };
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let lines: Result<Vec<&str>> =
        headers.get_all(name).iter().map(|line| line.to_str().map_err(|_| wrong())).collect();
    let all = lines?.join(",");
    if all.trim() == "*" {
        return Ok(Some(Tags::Any));
    }
    let mut tags = Vec::new();
    let mut rest = all.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (opaque, after) = quoted.strip_prefix('"').and_then(|tag| tag.split_once('"')).ok_or_else(wrong)?;
        tags.push(Tag { weak, opaque: opaque.to_owned() });
        let after = after.trim_start_matches([' ', '\t']);
        if !after.is_empty() && !after.starts_with(',') {
            return Err(wrong());
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    if tags.is_empty() { Err(wrong()) } else { Ok(Some(Tags::Listed(tags))) }
}
