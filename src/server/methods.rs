//! What an address takes.
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use utoipa::openapi::PathItem;

use crate::http::{extract::MERGE_PATCH, problem::ACCEPT_PATCH};

/// `Allow` of a route, and whether it is patched.
pub(super) struct Methods {
    allow: HeaderValue,
    patched: bool,
}

impl Methods {
    /// As the document has them.
    pub(super) fn of(item: &PathItem) -> Self {
        let taken = [
            ("GET,HEAD", item.get.is_some()),
            ("POST", item.post.is_some()),
            ("PUT", item.put.is_some()),
            ("PATCH", item.patch.is_some()),
            ("DELETE", item.delete.is_some()),
            ("OPTIONS", true),
        ];
        let names: Vec<&str> = taken.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
        let allow = HeaderValue::from_str(&names.join(",")).unwrap_or(HeaderValue::from_static("OPTIONS"));
        Self { allow, patched: item.patch.is_some() }
    }

    /// What `OPTIONS` is answered, at every address (RFC 9110 §9.3.7); it says which patches it takes (RFC 5789 §3.1).
    pub(super) fn options(&self) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        response.headers_mut().insert(header::ALLOW, self.allow.clone());
        if self.patched {
            response.headers_mut().insert(ACCEPT_PATCH, HeaderValue::from_static(MERGE_PATCH));
        }
        response
    }
}
