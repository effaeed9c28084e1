//! Pages of other origins that may call the API from a browser (the Fetch standard's CORS protocol): those that were listed,
//! by their exact names, and none unless said.
use std::{convert::Infallible, time::Duration};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, Method, Uri, header},
    response::Response,
};
use tower::{Layer as _, Service as _, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser need not ask again; none of them remembers it for longer.
const MAX_AGE: Duration = Duration::from_hours(2);

/// What pages may send.
const SENT: [HeaderName; 12] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("prefer"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-csrf-token"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-tenant-id"),
];

/// What pages may read of an answer, besides what any page may.
const READ: [HeaderName; 21] = [
    header::ACCEPT,
    HeaderName::from_static("accept-patch"),
    header::ACCEPT_ENCODING,
    header::AGE,
    header::ALLOW,
    HeaderName::from_static("cache-status"),
    header::CONTENT_DISPOSITION,
    header::ETAG,
    HeaderName::from_static("idempotency-replayed"),
    header::LINK,
    header::LOCATION,
    HeaderName::from_static("preference-applied"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("repr-digest"),
    header::RETRY_AFTER,
    HeaderName::from_static("row-count"),
    HeaderName::from_static("rowhouse-degraded"),
    header::TRAILER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("x-request-id"),
];

/// Lets pages of these origins in; none where there is none.
pub(super) fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(SENT)
        .expose_headers(READ)
        .max_age(MAX_AGE);
    Some(layer)
}

/// Answers preflights, before anybody is asked who they are, and says in other answers who may read them.
pub(super) async fn answer<F: Future<Output = Response>>(
    layer: &CorsLayer,
    request: Request,
    within: impl FnMut(Request) -> F,
) -> Response {
    let mut within = within;
    // To the layer every OPTIONS is a preflight. One without this header asks what the address takes.
    if request.method() == Method::OPTIONS && !request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return within(request).await;
    }
    let inner = service_fn(|request| {
        let answer = within(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    layer.layer(inner).call(request).await.unwrap_or_else(|never| match never {})
}

/// Reads an origin as browsers send it (RFC 6454 §6.2): `https://app.example.com`, with a port where it is not the scheme's
/// own.
pub fn origin(text: &str) -> Result<HeaderValue, String> {
    let wrong = || format!("{text:?} is no origin such as https://app.example.com");
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
    let own_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return Err(format!("{text:?}: pages come by https, or http")),
    };
    if authority.port_u16() == Some(own_port) {
        return Err(format!("{text:?}: browsers leave port {own_port} out, so leave it out"));
    }
    let exact = format!("{scheme}://{authority}");
    if exact != text || text != text.to_ascii_lowercase() || text.contains(['*', '@']) || authority.host().is_empty() {
        return Err(format!("{} in lower case, without a path, a name or an asterisk", wrong()));
    }
    HeaderValue::from_str(text).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for fits in
            ["https://app.example.com", "http://localhost:5173", "https://[2001:db8::1]:8443", "http://192.0.2.1"]
        {
            assert_eq!(origin(fits).unwrap(), fits);
        }
        for wrong in [
            "",
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://*.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://App.example.com",
            "https://me@example.com",
            "https://app.example.com:443",
            "http://app.example.com:80",
            "file:///etc/passwd",
            "ftp://example.com",
            "https://a.example,https://b.example",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
