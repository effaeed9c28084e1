//! The OpenAPI document: what the handlers say of themselves, and what is true of all of them.
use axum::{Router, http::header, response::IntoResponse as _, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, PathItem, Ref, RefOr, Required, ResponseBuilder,
        header::HeaderBuilder,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::problem::Problem;
use crate::{App, error::Violation};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rowhouse",
        description = "Many tenants under one roof, a wall between every row. Every request acts inside one tenant, named by the token, the `X-Tenant-ID` header or the host; all that are present must agree.",
    ),
    components(schemas(Problem, Violation)),
    modifiers(&Bearer),
)]
struct Base;

struct Bearer;
impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.bearer_format = Some("JWT".to_owned());
        openapi
            .components
            .get_or_insert_with(Default::default)
            .add_security_scheme("bearer", SecurityScheme::Http(http));
    }
}

pub(super) fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// POSTs that are refused without an `Idempotency-Key`.
const KEY_REQUIRED: [&str; 1] = ["/api/v1/tenant/invitations"];

/// POSTs inside a tenant that take a key and keep no answer: whoever has left is nobody there, and is told so.
const NOT_KEPT: [&str; 1] = ["/api/v1/tenant/leave"];

/// POSTs outside any tenant of which the answer is kept. The others answer secrets, or are good once by what they carry.
const KEPT_OUTSIDE: [&str; 1] = ["/api/v1/tenants"];

/// Lists that are counted when that is preferred.
const COUNTED: [&str; 2] = ["/api/v1/projects", "/api/v1/projects/{project_id}/tasks"];

/// POSTs that answer what is never shown again, whatever is preferred.
const SHOWN_ONCE: [&str; 1] = ["/api/v1/tenant/api-keys"];

/// The finished document, for the snapshot in openapi.json.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    finish(super::api().into_openapi())
}

/// Adds to each operation what is true of all: problems as `default` response; and, unless it is tagged
/// as public, the bearer token and the tenant header.
pub(super) fn finish(mut openapi: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for (path, item) in &mut openapi.paths.paths {
        add_headers(path, item);
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            let tags = operation.tags.clone().unwrap_or_default();
            add_problem(operation);
            let public = tags.iter().any(|tag| tag == "public");
            if !public {
                operation.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
            }
            if !public && !tags.iter().any(|tag| tag == "me") {
                add_tenant_header(operation);
            }
        }
    }
    openapi
}

/// Adds what is true of a method: the key of a POST, and what can be preferred.
fn add_headers(path: &str, item: &mut PathItem) {
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

fn add_problem(operation: &mut Operation) {
    let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
    let response = ResponseBuilder::new()
        .description("A problem (RFC 9457); `code` says which, and the documentation of errors lists them")
        .content("application/problem+json", Content::new(Some(schema)))
        .build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
}

fn add_tenant_header(operation: &mut Operation) {
    let uuid =
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    let what = "The tenant to act in; needed when the token was issued for none";
    add_header(operation, "X-Tenant-ID", Required::False, what, uuid);
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

/// `GET /api/v1/openapi.json`.
pub(super) fn served(openapi: &utoipa::openapi::OpenApi) -> Router<App> {
    let body = openapi.to_json().unwrap_or_default();
    Router::new().route(
        "/api/v1/openapi.json",
        get(move || {
            let body = body.clone();
            async move {
                let headers =
                    [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
                (headers, body).into_response()
            }
        }),
    )
}

/// Interactive documentation, in development only; every asset comes from the binary.
pub(super) fn docs(openapi: utoipa::openapi::OpenApi) -> Router<App> {
    utoipa_swagger_ui::SwaggerUi::new("/docs").url("/docs/openapi.json", openapi).into()
}
