//! What callers may send with a method: the key of a POST, and what they would rather have.
use utoipa::openapi::{
    PathItem, RefOr, Required, ResponseBuilder,
    header::HeaderBuilder,
    path::{Operation, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
};

/// POSTs that are refused without an `Idempotency-Key`.
const KEY_REQUIRED: [&str; 1] = ["/api/v1/tenant/invitations"];

/// POSTs inside a tenant that take a key and keep no answer: whoever has left is nobody there, and is told so.
const NOT_KEPT: [&str; 1] = ["/api/v1/tenant/leave"];

/// POSTs outside any tenant of which the answer is kept. The others answer secrets, or are good once by what they carry.
const KEPT_OUTSIDE: [&str; 1] = ["/api/v1/tenants"];

/// Lists that are counted when that is preferred.
const COUNTED: [&str; 3] = ["/api/v1/projects", "/api/v1/projects/{project_id}/tasks", "/api/v1/products"];

/// POSTs that answer what is never shown again, whatever is preferred.
const SHOWN_ONCE: [&str; 1] = ["/api/v1/tenant/api-keys"];

/// Adds what is true of a method: the key of a POST, and what can be preferred.
pub(super) fn add_headers(path: &str, item: &mut PathItem) {
    if let Some(post) = &mut item.post {
        let required = if KEY_REQUIRED.contains(&path) { Required::True } else { Required::False };
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
        let what = "Made for this request: sent again with it, the request is done once. Kept for 24 hours";
        add_header(post, "Idempotency-Key", required, what, text);
        let outside = post.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "public" || tag == "me"));
        let kept = if outside { KEPT_OUTSIDE.contains(&path) } else { !NOT_KEPT.contains(&path) };
        if kept {
            let what = "true when this was answered before, and nothing was done";
            add_response_header(post, "Idempotency-Replayed", what);
        }
        if makes_a_resource(post) && !SHOWN_ONCE.contains(&path) {
            add_preference(post, "return=minimal: answer without the resource");
        }
    }
    if let Some(patch) = &mut item.patch {
        let minimal = ResponseBuilder::new().description("With Prefer: return=minimal").build();
        patch.responses.responses.insert("204".to_owned(), RefOr::T(minimal));
        add_response_header(patch, "ETag", "The new version");
        add_preference(patch, "return=minimal: answer without the resource");
    }
    if let Some(get) = item.get.as_mut().filter(|_| COUNTED.contains(&path)) {
        add_preference(get, "count=exact, or count=estimated, which counts to ten thousand: tell the list's length");
    }
}

/// Whether it answers where the new resource is.
fn makes_a_resource(operation: &Operation) -> bool {
    let created = operation.responses.responses.get("201");
    matches!(created, Some(RefOr::T(response)) if response.headers.contains_key("Location"))
}

fn add_preference(operation: &mut Operation, what: &str) {
    let text = ObjectBuilder::new().schema_type(Type::String);
    add_header(operation, "Prefer", Required::False, what, text);
    add_response_header(operation, "Preference-Applied", "The preference that was followed (RFC 7240)");
}

/// A header of every answer of success, unless the handler has described it.
fn add_response_header(operation: &mut Operation, name: &str, what: &str) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
            && !response.headers.contains_key(name)
        {
            let text = ObjectBuilder::new().schema_type(Type::String);
            let header = HeaderBuilder::new().schema(Some(text)).description(Some(what)).build();
            response.headers.insert(name.to_owned(), RefOr::T(header));
        }
    }
}

fn add_header(operation: &mut Operation, name: &str, required: Required, what: &str, schema: ObjectBuilder) {
    let header = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(what))
        .schema(Some(schema))
        .build();
    operation.parameters.get_or_insert_with(Vec::new).push(RefOr::T(header));
}
