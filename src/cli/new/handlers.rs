//! The handlers of a resource, in a file of their own.
use std::fmt::Write as _;

use super::{
    fields::{Field, Kind, Resource, TEXT, camel},
    rust::{article, spoken},
};

impl Field {
    fn rust_type(&self, resource: &Resource) -> String {
        match &self.kind {
            Kind::Line(_) | Kind::Text | Kind::Email => "String".to_owned(),
            Kind::Int => "i32".to_owned(),
            Kind::Flag => "bool".to_owned(),
            Kind::Words(_) => format!("{}{}", resource.type_name(), camel(&self.name)),
        }
    }

    /// What the document says of its values.
    fn schema(&self) -> String {
        match self.kind {
            Kind::Line(most) => format!("min_length = 1, max_length = {most}"),
            Kind::Text => format!("max_length = {TEXT}"),
            Kind::Email => "format = Email, max_length = 254".to_owned(),
            _ => String::new(),
        }
    }

    fn has_default(&self) -> bool {
        matches!(self.kind, Kind::Words(_) | Kind::Flag)
    }
}

fn attribute(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { String::new() } else { format!("    #[schema({})]\n", parts.join(", ")) }
}

pub(super) fn api(resource: &Resource) -> String {
    let parts = [head(resource), types(resource), lists(resource), changes(resource), row(resource)];
    let names = [
        // A line of its own that begins with `use` would be one of this file's, to whoever reads imports.
        ("@USE@", "use".to_owned()),
        ("@NAME@", resource.name.clone()),
        ("@PATH@", resource.path()),
        ("@TYPE@", resource.type_name()),
        ("@ONE@", resource.one.clone()),
        ("@A@", format!("{} {}", article(&resource.one), spoken(&resource.one))),
        ("@SPOKEN@", spoken(&resource.one)),
        ("@MANY@", spoken(&resource.name)),
    ];
    names.iter().fold(parts.join("\n"), |text, (mark, name)| text.replace(mark, name))
}

fn head(resource: &Resource) -> String {
    let sorted = resource.sorted;
    let (any_optional, any_required) =
        (resource.fields.iter().any(|field| field.optional), resource.fields.iter().any(|field| !field.optional));
    let patch = match (any_required, any_optional) {
        (true, true) => "        patch::{self, Field},\n",
        (true, false) => "        patch,\n",
        (false, _) => "        patch::Field,\n",
    };
    let words = resource.fields.iter().any(|field| matches!(field.kind, Kind::Words(_)));
    format!(
        "//! `/@PATH@`.
{}use axum::{{
    extract::{{OriginalUri, State}},
    http::{},
    response::Response,
}};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{{Deserialize, Serialize}};
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::{{router::OpenApiRouter, routes}};
use uuid::Uuid;

@USE@ crate::{{
    Result,
    app::App,
    auth::Tenant,
    db::{},
    http::{{
        etag::{{IfMatch, IfNoneMatch, Versioned, missed}},
        extract::{{MergePatch, Path, Query}},
        idempotency::{{Begun, Post}},
        page::{},
{patch}        {},
        validate::Violations,
    }},
    sql{},
}};

pub(crate) fn routes() -> OpenApiRouter<App> {{
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}}
",
        if sorted { "use aws_lc_rs::hmac;\n" } else { "" },
        if sorted { "{StatusCode, Uri}" } else { "StatusCode" },
        if sorted { "{FromRow, Params, Read, Tx}" } else { "{FromRow, Params}" },
        if sorted { "{ListQuery, Page, Sort}" } else { "{Page, PlainQuery}" },
        if sorted { "prefer::{Prefer, Total}" } else { "prefer::Prefer" },
        if words { ", text_enum" } else { "" },
    )
}

fn types(resource: &Resource) -> String {
    let (mut shown, mut made, mut patched, mut enums) = (String::new(), String::new(), String::new(), String::new());
    for field in &resource.fields {
        let (name, kind, schema) = (&field.name, field.rust_type(resource), field.schema());
        let optional = format!("Option<{kind}>");
        shown.push_str(&attribute(&[&schema]));
        let _ = writeln!(shown, "    {name}: {},", if field.optional { &optional } else { &kind });
        if let Kind::Words(words) = &field.kind {
            let _ = writeln!(made, "    /// `{}` unless said.", words[0]);
        } else if field.kind == Kind::Flag {
            made.push_str("    /// False unless said.\n");
        }
        made.push_str(&attribute(&[&schema]));
        let _ =
            writeln!(made, "    {name}: {},", if field.optional || field.has_default() { &optional } else { &kind });
        if field.optional {
            patched.push_str("    #[serde(default)]\n");
            patched.push_str(&attribute(&[&schema, &format!("value_type = {optional}")]));
            let _ = writeln!(patched, "    {name}: Field<{kind}>,");
        } else {
            patched.push_str("    #[serde(default, deserialize_with = \"patch::required\")]\n");
            patched.push_str(&attribute(&[&schema, "nullable = false"]));
            let _ = writeln!(patched, "    {name}: {optional},");
        }
        if let Kind::Words(words) = &field.kind {
            let variants: Vec<String> = words
                .iter()
                .map(|word| format!("        /// {}.\n        {} = \"{word}\",\n", camel(word), camel(word)))
                .collect();
            let variants = variants.concat();
            let _ = write!(
                enums,
                "\ntext_enum! {{\n    /// The {name} of @A@.\n    pub enum {kind} {{\n{variants}    }}\n}}\n"
            );
        }
    }
    format!(
        "/// What is kept of @A@.
#[derive(Debug, Serialize, ToSchema)]
pub struct @TYPE@ {{
    id: Uuid,
{shown}    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}}
{enums}
/// What makes @A@.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = @TYPE@Create)]
struct New@TYPE@ {{
{made}}}

/// What changes; members left out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct @TYPE@Patch {{
{patched}}}
"
    )
}

fn lists(resource: &Resource) -> String {
    let bytes = if resource.long().is_empty() { "" } else { ", &page.bytes()" };
    let answer = "responses((status = OK, body = Page<@TYPE@>, headers((\"Link\" = String, description = \"The next page, RFC 8288\")))))]";
    if !resource.sorted {
        return format!(
            "/// List @MANY@, newest first.
///
/// Needs `@PATH@:read`.
#[utoipa::path(get, path = \"/@PATH@\", tag = \"@PATH@\", params(PlainQuery),
    {answer}
async fn list(
    tenant: Tenant,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<PlainQuery>,
) -> Result<Page<@TYPE@>> {{
    let page = query.page::<Uuid>(app.secrets().mac(), tenant.id().as_uuid(), &uri)?;
    let after = page.after.unwrap_or(Uuid::max());
    let mut conn = tenant.reads().await?;
    let rows = conn.read().last().all(sql!(\"@NAME@/list_newest\"), &[&after, &page.fetch(){bytes}]).await?;
    page.page(rows, |@ONE@: &@TYPE@| @ONE@.id)
}}
"
        );
    }
    let order = |function: &str, key: &str, after: &str, file: &str, binds: &str, of: &str| {
        format!(
            "async fn {function}(
    tenant: &Tenant,
    secret: &hmac::Key,
    uri: &Uri,
    prefer: Prefer,
    query: &ListQuery<@TYPE@Status>,
) -> Result<Page<@TYPE@>> {{
    let page = query.page::<{key}>(secret, tenant.id(), uri)?;
    {after}
    let mut conn = tenant.reads().await?;
    let mut tx = conn.read();
    let total = count(&mut tx, prefer, query.status).await?;
    let last = tx.last();
    let rows = match query.status {{
        None => last.all(sql!(\"@NAME@/{file}\"), &[{binds}, &page.fetch(){bytes}]).await,
        Some(status) => {{
            let params: Params<'_> = &[&status, {binds}, &page.fetch(){bytes}];
            last.all(sql!(\"@NAME@/{file}_by_status\"), params).await
        }}
    }}?;
    page.page(rows, |@ONE@: &@TYPE@| {of}).map(|page| page.of(total))
}}
"
        )
    };
    let newest = order(
        "newest_first",
        "Uuid",
        "let after = page.after.unwrap_or(Uuid::max());",
        "list_newest",
        "&after",
        "@ONE@.id",
    );
    let by_name = order(
        "by_name",
        "(String, Uuid)",
        "// Before every other: no name is empty.\n    let (name, id) = page.after.clone().unwrap_or_default();",
        "list_name",
        "&name, &id",
        "(@ONE@.name.clone(), @ONE@.id)",
    );
    format!(
        "/// List @MANY@.
///
/// Needs `@PATH@:read`.
#[utoipa::path(get, path = \"/@PATH@\", tag = \"@PATH@\",
    extensions((\"x-route\" = json!({{ \"counted\": true }}))), params(ListQuery<@TYPE@Status>),
    {answer}
async fn list(
    tenant: Tenant,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    prefer: Prefer,
    Query(query): Query<ListQuery<@TYPE@Status>>,
) -> Result<Page<@TYPE@>> {{
    let secret = app.secrets().mac();
    match query.sort {{
        Sort::Newest => newest_first(&tenant, secret, &uri, prefer, &query).await,
        Sort::Name => by_name(&tenant, secret, &uri, prefer, &query).await,
    }}
}}

{newest}
{by_name}
/// How long the whole list is, for whoever prefers to know.
async fn count(tx: &mut Tx<'_, Read>, prefer: Prefer, status: Option<@TYPE@Status>) -> Result<Option<Total>> {{
    let Some(how) = prefer.count() else {{ return Ok(None) }};
    let counted = match status {{
        None => tx.one(sql!(\"@NAME@/count\"), &[&how.limit()]).await,
        Some(status) => tx.one(sql!(\"@NAME@/count_by_status\"), &[&status, &how.limit()]).await,
    }}?;
    Ok(Some(how.of(counted)))
}}
"
    )
}

/// What is looked at before anything is written, of what came in as `from`; what is kept of an e-mail address is its own form.
fn checks(resource: &Resource, patch: bool) -> String {
    let mut text = String::new();
    for field in &resource.fields {
        let name = &field.name;
        let may_lack = patch || field.optional || field.has_default();
        let from = if patch { "patch" } else { "new" };
        // As an optional reference, where it need not be there.
        let given = match (patch && field.optional, field.kind == Kind::Email) {
            (true, _) => format!("{from}.{name}.value()"),
            (false, true) => format!("{from}.{name}.as_ref()"),
            (false, false) => format!("&{from}.{name}"),
        };
        let check = match field.kind {
            Kind::Line(most) => format!("violations.line(\"/{name}\", @, 1..={most})"),
            Kind::Text => format!("violations.text(\"/{name}\", @, 0..={TEXT})"),
            Kind::Email => format!("violations.email(\"/{name}\", @)"),
            Kind::Int | Kind::Flag | Kind::Words(_) => continue,
        };
        let whole = check.replace('@', &format!("&{from}.{name}"));
        let inner = check.replace('@', name);
        let _ = match (field.kind == Kind::Email, may_lack) {
            (true, true) => writeln!(text, "    let {name} = {given}.map(|{name}| {inner});"),
            (true, false) => writeln!(text, "    let {name} = {whole};"),
            (false, true) => writeln!(text, "    if let Some({name}) = {given} {{\n        {inner};\n    }}"),
            (false, false) => writeln!(text, "    {whole};"),
        };
    }
    text
}

fn changes(resource: &Resource) -> String {
    let mut inserted = vec!["&id".to_owned()];
    let mut defaults = String::new();
    let mut updated = vec!["&id".to_owned(), "&versions".to_owned()];
    for field in &resource.fields {
        let name = &field.name;
        if let Kind::Words(words) = &field.kind {
            let _ = writeln!(
                defaults,
                "    let {name} = new.{name}.unwrap_or({}::{});",
                field.rust_type(resource),
                camel(&words[0])
            );
        } else if field.kind == Kind::Flag {
            let _ = writeln!(defaults, "    let {name} = new.{name}.unwrap_or_default();");
        }
        let own = field.kind == Kind::Email;
        inserted.push(if own || field.has_default() { format!("&{name}") } else { format!("&new.{name}") });
        if field.optional {
            updated.push(format!("&patch.{name}.is_given()"));
            updated.push(if own { format!("&{name}") } else { format!("&patch.{name}.value()") });
        } else {
            updated.push(if own { format!("&{name}") } else { format!("&patch.{name}") });
        }
    }
    let (new_checks, patch_checks) = (checks(resource, false), checks(resource, true));
    let violations = |checks: &str| {
        if checks.is_empty() {
            String::new()
        } else {
            format!("    let mut violations = Violations::default();\n{checks}    violations.finish()?;\n\n")
        }
    };
    format!(
        "/// Create @A@.
///
/// Needs `@PATH@:write` and `@PATH@:read`.
#[utoipa::path(post, path = \"/@PATH@\", tag = \"@PATH@\", request_body = New@TYPE@,
    responses((status = CREATED, body = @TYPE@, headers((\"ETag\" = String), (\"Location\" = String)))))]
async fn create(tenant: Tenant, Post(new, once): Post<New@TYPE@>) -> Result<Response> {{
{}    let id = new_id();
{defaults}    let mut conn = tenant.writes().await?;
    let attempt = match once.begin(&mut conn).await? {{
        Begun::First(attempt) => attempt,
        Begun::Again(answer) => return Ok(answer),
    }};
    let params: Params<'_> = &[{}];
    let (@ONE@, done) = attempt.one::<@TYPE@>(sql!(\"@NAME@/insert\"), params).await?;
    done.created(&format!(\"/api/v1/@PATH@/{{id}}\"), @ONE@).await
}}

/// Read @A@.
///
/// Needs `@PATH@:read`.
#[utoipa::path(get, path = \"/@PATH@/{{id}}\", tag = \"@PATH@\", params((\"id\" = Uuid, Path)),
    responses((status = OK, body = @TYPE@, headers((\"ETag\" = String))), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {{
    let mut conn = tenant.reads().await?;
    let found: Option<@TYPE@> = conn.read().last().optional(sql!(\"@NAME@/get\"), &[&id]).await?;
    found.map(|@ONE@| known.answer(@ONE@)).ok_or(missed(\"@SPOKEN@\", false))
}}

/// Change @A@.
///
/// Needs `@PATH@:write` and `@PATH@:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(patch, path = \"/@PATH@/{{id}}\", tag = \"@PATH@\",
    params((\"id\" = Uuid, Path), (\"If-Match\" = String, Header)),
    request_body(content = @TYPE@Patch, content_type = \"application/merge-patch+json\"),
    responses((status = OK, body = @TYPE@, headers((\"ETag\" = String)))))]
async fn update(
    tenant: Tenant,
    Path(id): Path<Uuid>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<@TYPE@Patch>,
) -> Result<Response> {{
{}    let params: Params<'_> = &[{}];
    let mut conn = tenant.writes().await?;
    let changed: Option<@TYPE@> = conn.write().last().optional(sql!(\"@NAME@/update\"), params).await?;
    if let Some(@ONE@) = changed {{
        return Ok(prefer.changed(@ONE@));
    }}
    let there: Option<@TYPE@> = conn.read().last().optional(sql!(\"@NAME@/get\"), &[&id]).await?;
    Err(missed(\"@SPOKEN@\", there.is_some()))
}}

/// Delete @A@.
///
/// Needs `@PATH@:delete` and `@PATH@:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(delete, path = \"/@PATH@/{{id}}\", tag = \"@PATH@\",
    params((\"id\" = Uuid, Path), (\"If-Match\" = String, Header)), responses((status = NO_CONTENT)))]
async fn delete(tenant: Tenant, Path(id): Path<Uuid>, IfMatch(versions): IfMatch) -> Result<StatusCode> {{
    let mut conn = tenant.writes().await?;
    let deleted: Option<()> = conn.write().last().optional(sql!(\"@NAME@/delete\"), &[&id, &versions]).await?;
    if deleted.is_some() {{
        return Ok(StatusCode::NO_CONTENT);
    }}
    let there: Option<@TYPE@> = conn.read().last().optional(sql!(\"@NAME@/get\"), &[&id]).await?;
    Err(missed(\"@SPOKEN@\", there.is_some()))
}}
",
        violations(&new_checks),
        inserted.join(", "),
        violations(&patch_checks),
        updated.join(", "),
    )
}

fn row(resource: &Resource) -> String {
    let own = resource.fields.iter().map(|field| field.name.as_str());
    let columns = std::iter::once("id").chain(own).chain(["created_at", "updated_at", "version"]);
    let read: Vec<String> =
        columns.map(|column| format!("            {column}: row.try_get(\"{column}\")?,\n")).collect();
    let read = read.concat();
    format!(
        "impl Versioned for @TYPE@ {{
    fn version(&self) -> i64 {{
        self.version
    }}
}}

impl FromRow for @TYPE@ {{
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {{
        Ok(Self {{
{read}        }})
    }}
}}
"
    )
}
