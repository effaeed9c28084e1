//! The edge: what every request passes on its way in and every answer on its way out. One layer, so that
//! the order of things is the order of lines.
use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use rowhouse_pg::new_id;

use super::{
    body,
    facts::{Charged, Routes},
    rate_limit,
};
use crate::{
    Error,
    app::{App, EdgeLimits},
    auth::host_name,
    error::Violation,
    http::{
        idempotency,
        problem::{self, Failed},
    },
    telemetry::Trace,
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the answer does without, for now.
const DEGRADED: HeaderName = HeaderName::from_static("rowhouse-degraded");

pub(super) async fn edge(State((app, routes)): State<(App, Arc<Routes>)>, request: Request, next: Next) -> Response {
    let limits = app.settings.edge;
    let started = Instant::now();
    let trace_id = trace_id(request.headers());
    let request_id = request_id(request.headers()).unwrap_or_else(|| trace_id.clone());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    // The route, not the path: ids in log lines cannot be grouped.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("-", MatchedPath::as_str);
    let facts = routes.get(route);
    let private = facts.is_none_or(|facts| facts.charged != Charged::Nobody);
    // A file may be large, and may take as long as it keeps coming (http::upload); nothing is held meanwhile.
    let files = facts.is_some_and(|facts| facts.upload);
    let misplaced = match host_name(request.uri(), request.headers()) {
        // RFC 9112 §3.2.
        Ok(None) if request.version() == Version::HTTP_11 => {
            Some(Error::BadRequest(vec![Violation::parameter("Host", "required", "is required in HTTP/1.1")]))
        }
        Ok(_) => idempotency::check(request.method(), request.headers()).or_else(|| {
            let most = if files { app.settings.import_bytes } else { limits.body_bytes as u64 };
            body::refuse(request.headers(), most)
        }),
        Err(error) => Some(error),
    };
    let too_long = request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > limits.uri_bytes);

    let time = if files { limits.upload_time } else { limits.time };

    let trace = Trace::new(trace_id.clone());
    let answered = trace.clone().scope(async {
        if too_long {
            Error::UriTooLong(limits.uri_bytes).into_response()
        } else if let Some(error) = misplaced {
            error.into_response()
        } else {
            let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
            match tokio::time::timeout(time, answer).await {
                Ok(Ok(response)) => response,
                Ok(Err(_)) => {
                    Error::internal("a handler panicked; the panic itself is on standard error").into_response()
                }
                Err(_) => Error::RequestTimeout.into_response(),
            }
        }
    });
    let mut response = as_problem(answered.await, &path, &trace_id, limits);
    if let Some(tenant) = trace.tenant() {
        // What a change answers is told whatever it takes: it was made.
        let may_refuse = matches!(method, Method::GET | Method::HEAD);
        response = match app.untaken.count(tenant, may_refuse, response) {
            Ok(response) => response,
            Err(error) => problem::write(&error, &path, &trace_id),
        };
    }
    let status = response.status().as_u16();
    let elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let tenant = trace.tenant().map(tracing::field::display);
    tracing::info!(trace_id, tenant, %method, route, status, elapsed_us, "answered");

    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, HeaderValue::from_str(&request_id).unwrap_or(HeaderValue::from_static("-")));
    if !app.cache.available() {
        headers.insert(DEGRADED, HeaderValue::from_static("redis"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if private && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        // Beside what a handler says its answer varies with.
        headers.append(header::VARY, HeaderValue::from_static("Authorization, Cookie, X-Tenant-ID, Host, Prefer"));
    }
    response
}

/// Gives every failed answer its problem document, those of the framework included.
fn as_problem(mut response: Response, path: &str, trace_id: &str, limits: EdgeLimits) -> Response {
    let error = match response.extensions_mut().remove::<Failed>() {
        Some(Failed(error)) => error,
        // Bodies the framework refuses before an extractor of ours sees them.
        None if response.status() == StatusCode::PAYLOAD_TOO_LARGE => Error::PayloadTooLarge(limits.body_bytes),
        None => return response,
    };
    if let Error::Internal(what) = &error {
        tracing::error!(trace_id, what, "a request failed");
    }
    let mut problem = problem::write(&error, path, trace_id);
    rate_limit::carry(&response, &mut problem);
    if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow);
    }
    problem
}

/// The caller's trace id (W3C Trace Context, `traceparent`: version, trace id, parent id, flags), or a new one.
fn trace_id(headers: &HeaderMap) -> String {
    headers
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split('-').nth(1))
        .filter(|id| {
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && id.bytes().any(|byte| byte != b'0')
        })
        .map_or_else(|| new_id().simple().to_string(), str::to_ascii_lowercase)
}

/// The caller's request id, if it is one that can stand in a header and a log line.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let fits = (1..=128).contains(&given.len())
        && given.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'));
    fits.then(|| given.to_owned())
}
