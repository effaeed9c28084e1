//! Versions as strong entity tags, and the preconditions that go with them (RFC 9110 §8.8, §13.1).
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::extract::Json;
use crate::{App, Error, Result, error::Violation};

/// Something that has a version; every change of its row gives it the next one.
pub trait Versioned {
    /// The row's version, from 1.
    fn version(&self) -> i64;
}

/// A resource in an answer, with its `ETag`.
#[derive(Debug)]
pub struct Tagged<T>(pub T);

impl<T: Versioned + Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = tag(self.0.version());
        ([(header::ETAG, tag)], Json(self.0)).into_response()
    }
}

fn tag(version: i64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// `If-Match`, required: `428` without. `None` inside stands for `*`, any version.
///
/// Goes into the statement as `$n::bigint[] is null or version = any ($n)`, so that reading the version
/// and writing the row are one step.
#[derive(Debug)]
pub struct IfMatch(pub Option<Vec<i64>>);

impl FromRequestParts<App> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        match tags(&parts.headers, &header::IF_MATCH)? {
            None => Err(Error::PreconditionRequired),
            Some(Tags::Any) => Ok(Self(None)),
            // Strong comparison: a weak tag equals nothing (RFC 9110 §8.8.3.2).
            Some(Tags::Listed(tags)) => {
                Ok(Self(Some(tags.iter().filter(|tag| !tag.weak).filter_map(|tag| tag.opaque.parse().ok()).collect())))
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
            Some(Tags::Listed(tags)) => tags.iter().any(|tag| tag.opaque.parse() == Ok(version)),
        };
        if known {
            (StatusCode::NOT_MODIFIED, [(header::ETAG, tag(version))]).into_response()
        } else {
            Tagged(resource).into_response()
        }
    }
}

impl FromRequestParts<App> for IfNoneMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
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

/// `*` or a list of entity tags, over one or several header lines.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>> {
    let wrong = || {
        Error::BadRequest(vec![Violation::parameter(
            name.as_str(),
            "invalid",
            "is not * or a list of entity tags such as \"3\"",
        )])
    };
    let mut tags = Vec::new();
    let mut any = false;
    let mut present = false;
    for line in headers.get_all(name) {
        present = true;
        for item in line.to_str().map_err(|_| wrong())?.split(',').map(str::trim) {
            if item == "*" {
                any = true;
                continue;
            }
            let (weak, quoted) = item.strip_prefix("W/").map_or((false, item), |rest| (true, rest));
            let opaque = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let opaque = opaque.filter(|opaque| !opaque.contains('"')).ok_or_else(wrong)?;
            tags.push(Tag { weak, opaque: opaque.to_owned() });
        }
    }
    match (present, any, tags.is_empty()) {
        (false, ..) => Ok(None),
        (true, true, true) => Ok(Some(Tags::Any)),
        (true, false, false) => Ok(Some(Tags::Listed(tags))),
        _ => Err(wrong()),
    }
}
