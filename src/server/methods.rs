//! What each address takes.
use std::collections::HashMap;

use axum::{
    extract::MatchedPath,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use utoipa::openapi::OpenApi;

use crate::{
    Error,
    http::{extract::MERGE_PATCH, problem::ACCEPT_PATCH},
};

/// `Allow` of each route, and whether it is patched.
pub(super) struct Methods(HashMap<String, (HeaderValue, bool)>);

impl Methods {
    /// As the document has them.
    pub(super) fn of(openapi: &OpenApi) -> Self {
        let routes = openapi.paths.paths.iter().filter_map(|(path, item)| {
            let taken = [
                ("GET,HEAD", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
                ("OPTIONS", true),
            ];
            let names: Vec<&str> = taken.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
            Some((path.clone(), (HeaderValue::from_str(&names.join(",")).ok()?, item.patch.is_some())))
        });
        Self(routes.collect())
    }

    /// What a method is answered that no handler takes. `OPTIONS` is answered for every address (RFC 9110 §9.3.7), and says
    /// which patches it takes (RFC 5789 §3.1); any other is `405`, to which the framework adds `Allow`.
    pub(super) fn answer(&self, method: &Method, route: Option<&MatchedPath>) -> Response {
        if method != Method::OPTIONS {
            return Error::MethodNotAllowed.into_response();
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        if let Some((allow, patched)) = route.and_then(|route| self.0.get(route.as_str())) {
            response.headers_mut().insert(header::ALLOW, allow.clone());
            if *patched {
                response.headers_mut().insert(ACCEPT_PATCH, HeaderValue::from_static(MERGE_PATCH));
            }
        }
        response
    }
}
