//! Errors as `application/problem+json` (RFC 9457).
use axum::{
    Extension,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Error, error::Violation};

/// Which patches an address takes (RFC 5789 §3.1).
pub(crate) const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// What a failed request answers (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem<'a> {
    /// Identifies the kind of problem: `urn:rowhouse:problem:` and the code, documented in docs/errors.md.
    #[serde(rename = "type")]
    #[schema(example = "urn:rowhouse:problem:not_found")]
    kind: String,
    /// The same for every problem of this kind.
    #[schema(example = "Not found")]
    title: &'static str,
    /// The status code, once more.
    #[schema(example = 404)]
    status: u16,
    /// What happened this time, and what to do.
    detail: String,
    /// The path that was asked.
    instance: &'a str,
    /// Stable word for programs.
    #[schema(example = "not_found")]
    code: &'static str,
    /// Each thing that is wrong with the request.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [Violation],
    /// Quote it when you report a problem; the log has the same.
    trace_id: &'a str,
}

/// Marks a response that the edge is to write as a problem: it alone knows path and trace id.
#[derive(Clone)]
pub(crate) struct Failed(pub(crate) Error);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.kind().0;
        (status, Extension(Failed(self))).into_response()
    }
}

/// Writes the problem.
pub(crate) fn write(error: &Error, instance: &str, trace_id: &str) -> Response {
    let (status, code) = error.kind();
    let problem = Problem {
        kind: format!("urn:rowhouse:problem:{code}"),
        title: error.title(),
        status: status.as_u16(),
        detail: error.detail(),
        instance,
        code,
        errors: error.violations(),
        trace_id,
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        // RFC 6750 §3: an error attribute when a token was there and did not hold.
        let challenge = match error {
            Error::Unauthenticated(reason) if *reason == Error::NO_TOKEN => "Bearer realm=\"rowhouse\"",
            Error::Unauthenticated(_) | Error::AccountDeactivated | Error::SessionEnded => {
                "Bearer realm=\"rowhouse\", error=\"invalid_token\""
            }
            // RFC 9470 §3.
            Error::AuthenticateAgain(seconds) => {
                &format!("Bearer realm=\"rowhouse\", error=\"insufficient_user_authentication\", max_age=\"{seconds}\"")
            }
            _ => "Bearer realm=\"rowhouse\"",
        };
        if let Ok(challenge) = HeaderValue::from_str(challenge) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
    }
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE
        && let Error::UnsupportedMediaType(accepted) = error
    {
        // RFC 5789 §3.1 for PATCH, RFC 9110 §15.5.16 for the rest.
        let name = if accepted.contains("merge-patch") { ACCEPT_PATCH } else { header::ACCEPT };
        headers.insert(name, HeaderValue::from_static(accepted));
    }
    if matches!(error, Error::UpgradeRequired) {
        // RFC 9110 §15.5.22.
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    if matches!(error, Error::UnsupportedCoding) {
        // RFC 9110 §12.5.3.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    response
}
