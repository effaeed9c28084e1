//! What callers may send with a method: the key of a POST, and what they would rather have.
use utoipa::openapi::{
    PathItem, RefOr, Required, ResponseBuilder,
    header::HeaderBuilder,
    path::{Operation, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
};

use crate::server::facts::{Facts, Key};

/// Adds what is true of a method: the key of a POST, and what can be preferred.
pub(super) fn add_headers(item: &mut PathItem) {
    if let Some(post) = &mut item.post {
        let facts = Facts::of(post);
        let required = if facts.key == Key::Required { Required::True } else { Required::False };
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
        let what = "Made for this request: sent again with it, the request is done once. Kept for 24 hours";
        add_header(post, "Idempotency-Key", required, what, text);
        if facts.key != Key::NotKept {
            let what = "true when this was answered before, and nothing was done";
            add_response_header(post, "Idempotency-Replayed", what);
        }
        if makes_a_resource(post) && !facts.shown_once {
            add_preference(post, "return=minimal: answer without the resource");
        }
    }
    if let Some(patch) = &mut item.patch {
        let minimal = ResponseBuilder::new().description("With Prefer: return=minimal").build();
        patch.responses.responses.insert("204".to_owned(), RefOr::T(minimal));
        add_response_header(patch, "ETag", "The new version");
        add_preference(patch, "return=minimal: answer without the resource");
    }
    if let Some(get) = item.get.as_mut().filter(|get| Facts::of(get).counted) {
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
