//! The edge: what every request passes on its way in and every answer on its way out. One function, so that
//! the order of things is the order of lines.
use std::{panic::AssertUnwindSafe, pin::pin, time::Instant};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header},
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;

use super::{
    body,
    deadline::Deadline,
    facts::{Charged, Route},
    rate_limit,
};
use crate::{
    Error, Result,
    app::{App, EdgeLimits},
    auth::host_name,
    error::Violation,
    http::{
        idempotency,
        problem::{self, Failed},
    },
    telemetry::{Trace, TraceId},
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the answer does without, for now.
const DEGRADED: HeaderName = HeaderName::from_static("rowhouse-degraded");

/// Answers a request.
pub(super) async fn answer(
    app: &App,
    route: Option<&Route>,
    router: &Router,
    request: Request,
    deadline: &Deadline,
) -> Response {
    let limits = app.settings.edge;
    let started = Instant::now();
    let trace = Trace::new(trace_id(request.headers()));
    let request_id = request_id(request.headers());
    let method = request.method().clone();
    // A copy that shares its text.
    let uri = request.uri().clone();
    let private = route.is_none_or(|route| route.facts.charged != Charged::Nobody);
    // A file may be large, and may take as long as it keeps coming (http::upload); nothing is held meanwhile.
    let files = route.is_some_and(|route| route.facts.upload);
    let answered = async {
        if let Err(error) = fits(app, &request, files) {
            return error.into_response();
        }
        let time = if files { limits.upload_time } else { limits.time };
        // In its place from the beginning: what is moved is copied.
        let answer = pin!(AssertUnwindSafe(rate_limit::answer(app, route, router, request)).catch_unwind());
        match deadline.within(time, answer).await {
            Some(Ok(response)) => response,
            Some(Err(_)) => {
                Error::internal("a handler panicked; the panic itself is on standard error").into_response()
            }
            None => Error::RequestTimeout.into_response(),
        }
    };
    let mut response = as_problem(trace.scope(answered).await, uri.path(), trace.id());
    if let Some(tenant) = trace.tenant() {
        // What a change answers is told whatever it takes: it was made.
        let may_refuse = matches!(method, Method::GET | Method::HEAD);
        response = match app.untaken.count(tenant, may_refuse, response) {
            Ok(response) => response,
            Err(error) => problem::write(&error, uri.path(), trace.id()),
        };
    }
    let status = response.status().as_u16();
    let elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (tenant, path) = (trace.tenant().map(tracing::field::display), route.map_or("-", |route| &*route.path));
    tracing::info!(trace_id = trace.id(), tenant, %method, route = path, status, elapsed_us, "answered");

    let headers = response.headers_mut();
    let id = request_id.or_else(|| HeaderValue::from_str(trace.id()).ok());
    headers.insert(X_REQUEST_ID, id.unwrap_or(HeaderValue::from_static("-")));
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

/// Refuses what no handler need see.
fn fits(app: &App, request: &Request, file: bool) -> Result<()> {
    let EdgeLimits { uri_bytes, body_bytes, .. } = app.settings.edge;
    if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > uri_bytes) {
        return Err(Error::UriTooLong(uri_bytes));
    }
    // RFC 9112 §3.2.
    if host_name(request.uri(), request.headers())?.is_none() && request.version() == Version::HTTP_11 {
        return Err(Error::BadRequest(vec![Violation::parameter("Host", "required", "is required in HTTP/1.1")]));
    }
    if let Some(error) = idempotency::check(request.method(), request.headers()) {
        return Err(error);
    }
    let most = if file { app.settings.import_bytes } else { body_bytes as u64 };
    body::refuse(request.headers(), most).map_or(Ok(()), Err)
}

/// Gives every failed answer its problem document.
fn as_problem(mut response: Response, path: &str, trace_id: &str) -> Response {
    let Some(Failed(error)) = response.extensions_mut().remove::<Failed>() else { return response };
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
fn trace_id(headers: &HeaderMap) -> TraceId {
    let given = headers.get("traceparent").and_then(|value| value.to_str().ok()?.split('-').nth(1));
    given.and_then(TraceId::read).unwrap_or_else(TraceId::made)
}

/// The caller's request id, if it is one that can stand in a header and a log line.
fn request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let given = headers.get(X_REQUEST_ID)?;
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    ((1..=128).contains(&given.len()) && given.as_bytes().iter().all(fits)).then(|| given.clone())
}
