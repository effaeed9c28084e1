//! The OpenAPI document: what the handlers say of themselves, and what is true of all of them.
use axum::{Router, http::header, response::IntoResponse as _, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, Ref, RefOr, ResponseBuilder,
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

/// The finished document, for the snapshot in openapi.json.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    finish(super::api().into_openapi())
}

/// Adds to each operation what is true of all: problems as `default` response; and, unless it is tagged
/// as public, the bearer token and the tenant header.
pub(super) fn finish(mut openapi: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for item in openapi.paths.paths.values_mut() {
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
    let header = ParameterBuilder::new()
        .name("X-Tenant-ID")
        .parameter_in(ParameterIn::Header)
        .required(utoipa::openapi::Required::False)
        .description(Some("The tenant to act in; needed when the token was issued for none"))
        .schema(Some(uuid))
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
