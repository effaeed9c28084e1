//! What is true of all operations, so that no handler has to say it.
use axum::http::StatusCode;
use utoipa::openapi::{
    Content, OpenApi, Ref, RefOr, Response, ResponseBuilder,
    extensions::Extensions,
    header::{Header, HeaderBuilder},
    path::{Operation, Parameter, ParameterBuilder, ParameterIn},
    schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type},
    security::SecurityRequirement,
};

use super::{names, requests, standard};
use crate::server::facts;

/// `*` or entity tags (RFC 9110 §8.8.3).
const TAGS: &str = r#"^(\*|(W/)?"[^"]*"( *, *(W/)?"[^"]*")*)$"#;
/// As RFC 9562 §4 writes it.
const UUID: &str = "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$";
/// URL-safe Base64; empty for the first page, as if it were absent.
const CURSOR: &str = "^[A-Za-z0-9_-]*$";

/// Headers that answers have when there is reason to: an age, a next page, a key that was used before, a preference, an
/// operation that is under way, a file.
const SOMETIMES: [&str; 9] = [
    "Age",
    "Link",
    "Idempotency-Replayed",
    "Preference-Applied",
    "Retry-After",
    "Trailer",
    "Content-Disposition",
    "Row-Count",
    "Repr-Digest",
];

/// Adds to each operation what is true of all: its own id and group; problems as `default` response, those that come with a header
/// by themselves; which headers answers always have; what preconditions and cursors look like; and, unless it is tagged
/// as public, the bearer token and the tenant header.
pub(in crate::server) fn finish(mut openapi: OpenApi) -> OpenApi {
    standard::describe(&mut openapi);
    for (path, item) in &mut openapi.paths.paths {
        requests::add_headers(item);
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            let needs_plan = facts::Facts::of(operation).needs_plan;
            facts::strip(operation);
            operation.operation_id = Some(names::operation_id(path, operation));
            let tagged = |tag: &str| operation.tags.iter().flatten().any(|name| name == tag);
            let (public, mine) = (tagged("public"), tagged("me"));
            describe_answers(operation);
            describe_parameters(operation);
            leave_files_open(operation);
            add_problems(operation, public);
            if let Some(feature) = needs_plan {
                let extensions = operation.extensions.get_or_insert_default();
                extensions.insert("x-needs-plan".to_owned(), feature.as_str().into());
                let refused = problem("The tenant's plan has not got it: `plan_required`", None);
                operation.responses.responses.insert("402".to_owned(), RefOr::T(refused));
            }
            if !public {
                operation.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
            }
            if !public && !mine {
                add_parameter(operation, tenant_header());
            }
            for tag in operation.tags.iter_mut().flatten() {
                *tag = names::group(path, tag);
            }
        }
    }
    names::name_pages(&mut openapi);
    names::name_vocabularies(&mut openapi);
    let components = openapi.components.get_or_insert_default();
    components.responses.extend(shared_problems().map(|(name, response)| (name.to_owned(), RefOr::T(response))));
    openapi
}

/// Every answer has a description (OpenAPI 3.1 §4.8.17) and the headers it says it has, but for those that come
/// sometimes; and 304 has the tag.
fn describe_answers(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            let reason = status.parse().ok().and_then(|status: StatusCode| status.canonical_reason());
            reason.unwrap_or("As asked").clone_into(&mut response.description);
        }
        if let Some(RefOr::T(status)) = response.headers.get_mut("Cache-Status") {
            status.description = Some("What the cache had to do with it (RFC 9211)".to_owned());
            let age = HeaderBuilder::new().schema(Some(seconds()));
            let age = age.description(Some("Seconds since it was worked out, where it was kept")).build();
            response.headers.insert("Age".to_owned(), RefOr::T(age));
        }
        if status == "304" {
            response.headers.entry("ETag".to_owned()).or_insert_with(|| RefOr::T(Header::default()));
        }
        for (name, header) in &mut response.headers {
            let RefOr::T(header) = header else { continue };
            if !SOMETIMES.contains(&name.as_str()) {
                header.extensions = Some(always());
            }
        }
    }
}

fn describe_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        match (&parameter.parameter_in, parameter.name.as_str()) {
            (ParameterIn::Header, "If-Match") => {
                parameter.schema = Some(pattern(TAGS).into());
                parameter.description = Some("The ETag that was read, or `*` for whatever there is".to_owned());
            }
            (ParameterIn::Query, "cursor" | "after") => parameter.schema = Some(pattern(CURSOR).into()),
            _ => {}
        }
    }
    if operation.responses.responses.contains_key("304") {
        let header = ParameterBuilder::new()
            .name("If-None-Match")
            .parameter_in(ParameterIn::Header)
            .required(utoipa::openapi::Required::False)
            .description(Some("The ETag one has: the answer is 304 as long as it is the same"))
            .schema(Some(pattern(TAGS)))
            .build();
        add_parameter(operation, header);
    }
}

/// A file is bytes to the document; what is wrong with what is in it, its operation says.
fn leave_files_open(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for (kind, content) in &mut body.content {
        if let RefOr::T(content) = content
            && (!kind.contains("json") || kind.contains("ndjson"))
        {
            let bytes = SchemaFormat::KnownFormat(KnownFormat::Binary);
            let file = ObjectBuilder::new().schema_type(Type::String).format(Some(bytes));
            content.schema = Some(file.into());
        }
    }
}

fn add_parameter(operation: &mut Operation, parameter: Parameter) {
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}

fn seconds() -> Object {
    let int64 = SchemaFormat::KnownFormat(KnownFormat::Int64);
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(int64)).build()
}

fn pattern(pattern: &str) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).into()
}

/// Its pattern and no `format`: clients make an object of their own of a format, and some then put that into the header as
/// it is.
fn tenant_header() -> Parameter {
    ParameterBuilder::new()
        .name("X-Tenant-ID")
        .parameter_in(ParameterIn::Header)
        .required(utoipa::openapi::Required::False)
        .description(Some("The tenant to act in: when signing in, and with a token that was issued for none"))
        .schema(Some(pattern(UUID)))
        .build()
}

fn add_problems(operation: &mut Operation, public: bool) {
    let merge_patch = |content: &String| content.contains("merge-patch");
    let body = match &operation.request_body {
        Some(RefOr::T(body)) if body.content.keys().any(merge_patch) => Some("UnsupportedPatch"),
        Some(_) => Some("UnsupportedMediaType"),
        None => None,
    };
    let shared = [
        ("401", (!public).then_some("Unauthenticated")),
        ("415", body),
        ("429", Some("TooMany")),
        ("503", Some("Unavailable")),
    ];
    let responses = &mut operation.responses.responses;
    for (status, name) in shared {
        if let Some(name) = name {
            responses.entry(status.to_owned()).or_insert_with(|| RefOr::Ref(Ref::from_response_name(name)));
        }
    }
    let any = problem("A problem (RFC 9457); `code` says which, and the documentation of errors lists them", None);
    responses.insert("default".to_owned(), RefOr::T(any));
}

/// Problems that come with a header of their own.
fn shared_problems() -> impl Iterator<Item = (&'static str, Response)> {
    let text = || Object::with_type(Type::String);
    [
        ("Unauthenticated", "Not signed in, or no longer", "WWW-Authenticate", text(), "RFC 6750 §3"),
        ("UnsupportedPatch", "The body is of another type", "Accept-Patch", text(), "What it has to be, RFC 5789 §3.1"),
        (
            "UnsupportedMediaType",
            "The body is of another type",
            "Accept",
            text(),
            "What it has to be, RFC 9110 §15.5.16",
        ),
        ("TooMany", "Too many requests or tries", "Retry-After", seconds(), "Seconds to wait, RFC 9110 §10.2.3"),
        ("Unavailable", "Not able to answer just now", "Retry-After", seconds(), "Seconds to wait, RFC 9110 §10.2.3"),
    ]
    .into_iter()
    .map(move |(name, description, header, schema, about)| {
        // A body that is refused for its coding is told of codings instead.
        let is_always = !name.starts_with("Unsupported");
        let described = HeaderBuilder::new().schema(Some(schema)).description(Some(about));
        let described = described.extensions(is_always.then(always));
        let mut response = problem(description, Some((header, described.build())));
        if !is_always {
            let about = "Which codings a body may have, RFC 9110 §12.5.3";
            let described = HeaderBuilder::new().schema(Some(text())).description(Some(about));
            response.headers.insert("Accept-Encoding".to_owned(), RefOr::T(described.build()));
        }
        if name == "TooMany" {
            for (header, about) in [
                ("RateLimit-Policy", "How many requests there may be within how many seconds"),
                ("RateLimit", "How many are left, and in how many seconds there are as many as ever"),
            ] {
                let described = HeaderBuilder::new().schema(Some(text())).description(Some(about));
                response.headers.insert(header.to_owned(), RefOr::T(described.build()));
            }
        }
        (name, response)
    })
}

fn problem(description: &str, header: Option<(&str, Header)>) -> Response {
    let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
    let mut response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", Content::new(Some(schema)))
        .build();
    response.headers.extend(header.map(|(name, header)| (name.to_owned(), RefOr::T(header))));
    response
}

/// `required` of a header, which utoipa has no word for.
fn always() -> Extensions {
    [("required", true)].into_iter().collect()
}
