//! What follows from what a handler says: that one has a version, where a new one is, that a page has a next, what a patch is sent as.
use std::collections::BTreeSet;

use utoipa::openapi::{
    OpenApi, RefOr, Response,
    header::{Header, HeaderBuilder},
    path::Operation,
};

use crate::http::extract::MERGE_PATCH;

/// Adds what follows, unless it is said already.
pub(super) fn describe(openapi: &mut OpenApi) {
    let all = &openapi.paths.paths;
    let read = |is: fn(&Operation) -> bool| -> BTreeSet<String> {
        all.iter().filter(|(_, item)| item.get.as_ref().is_some_and(is)).map(|(path, _)| path.clone()).collect()
    };
    let (readable, versioned) = (read(|_| true), read(|get| get.responses.responses.contains_key("304")));
    for (path, item) in &mut openapi.paths.paths {
        let one = format!("{path}/{{id}}");
        if let Some(get) = &mut item.get {
            describe_list(get);
        }
        // What is answered with 304 has a version, and says which; so does what is made of it or becomes of it.
        if versioned.contains(path) {
            add_header(item.get.as_mut(), "200", "ETag", Header::default());
        }
        if let Some(patch) = &mut item.patch {
            send_as_merge_patch(patch);
            add_header(Some(patch), "200", "ETag", Header::default());
        }
        if readable.contains(&one) {
            add_header(item.post.as_mut(), "201", "Location", Header::default());
        }
        if versioned.contains(&one) {
            add_header(item.post.as_mut(), "201", "ETag", Header::default());
        }
    }
}

/// A page has the next one in a header, too (RFC 8288).
fn describe_list(get: &mut Operation) {
    let is_page = |response: &Response| {
        response.content.values().any(|content| match content {
            RefOr::T(content) => {
                matches!(&content.schema, Some(RefOr::Ref(schema)) if schema.ref_location.contains("/Page_"))
            }
            RefOr::Ref(_) => false,
        })
    };
    if matches!(get.responses.responses.get("200"), Some(RefOr::T(response)) if is_page(response)) {
        let link = HeaderBuilder::new().description(Some("The next page, RFC 8288")).build();
        add_header(Some(get), "200", "Link", link);
    }
}

fn send_as_merge_patch(patch: &mut Operation) {
    if let Some(RefOr::T(body)) = &mut patch.request_body
        && let Some(content) = body.content.remove("application/json")
    {
        body.content.insert(MERGE_PATCH.to_owned(), content);
    }
}

fn add_header(operation: Option<&mut Operation>, status: &str, name: &str, header: Header) {
    if let Some(RefOr::T(response)) = operation.and_then(|operation| operation.responses.responses.get_mut(status)) {
        response.headers.entry(name.to_owned()).or_insert(RefOr::T(header));
    }
}
