//! What things are called: operations, groups of operations and pages, as a person would call them in a program. Generated
//! clients have these names for functions, files and types.
use utoipa::openapi::{
    Components, OpenApi, Ref, RefOr,
    path::Operation,
    schema::{Array, ArrayItems, Object, Schema},
};

/// How utoipa begins the name of a page of something.
const PAGE: &str = "Page_";

/// The path's words, and those of the handler's name that the path has not said: `projects_tasks_list`, `auth_verify_email`.
/// The handler's name alone is not the operation's own.
pub(super) fn operation_id(path: &str, operation: &Operation) -> String {
    let path = path.trim_start_matches("/api/v1").trim_end_matches(".json").replace('-', "_");
    let segments = path.split('/').filter(|segment| !segment.is_empty() && !segment.starts_with(['{', '.']));
    let mut words: Vec<&str> = segments.flat_map(|segment| segment.split('_')).collect();
    let said = words.clone();
    let handler = operation.operation_id.as_deref().unwrap_or_default().split('_');
    words.extend(handler.filter(|word| !said.contains(word)));
    words.join("_")
}

/// What an operation is about, which clients keep together: what its handler is tagged with, unless that says who may ask.
pub(super) fn group(path: &str, tag: &str) -> String {
    match (tag, path.trim_start_matches("/api/v1/").split('/').next()) {
        ("public" | "me", Some(area @ ("auth" | "platform" | "tenants"))) => area.to_owned(),
        ("public", _) if path.starts_with("/.well-known/") => "auth".to_owned(),
        ("public", _) => "health".to_owned(),
        _ => tag.to_owned(),
    }
}

/// A page of projects is a `ProjectPage` of `Project`s, and not a `Page_Project` of something that looks like them.
pub(super) fn name_pages(openapi: &mut OpenApi) {
    let components = openapi.components.get_or_insert_default();
    let pages: Vec<String> = components.schemas.keys().filter(|name| name.starts_with(PAGE)).cloned().collect();
    for name in pages {
        name_page(components, &name);
    }
    let operations = openapi.paths.paths.values_mut().filter_map(|item| item.get.as_mut());
    for response in operations.flat_map(|operation| operation.responses.responses.values_mut()) {
        let RefOr::T(response) = response else { continue };
        for content in response.content.values_mut() {
            if let RefOr::T(content) = content
                && let Some(RefOr::Ref(page)) = &mut content.schema
                && let Some((before, item)) = page.ref_location.split_once(PAGE)
            {
                page.ref_location = format!("{before}{item}Page");
            }
        }
    }
}

/// A parameter that is a word of a vocabulary is that vocabulary, and not one that has the same words.
pub(super) fn name_vocabularies(openapi: &mut OpenApi) {
    let schemas = openapi.components.as_ref().map(|components| components.schemas.clone()).unwrap_or_default();
    let operations = openapi.paths.paths.values_mut().filter_map(|item| item.get.as_mut());
    for parameter in operations.flat_map(|operation| operation.parameters.iter_mut().flatten()) {
        if let RefOr::T(parameter) = parameter
            && let Some(RefOr::T(Schema::Object(Object { enum_values: Some(_), .. }))) = &parameter.schema
            && let Some((name, _)) = schemas.iter().find(|(_, schema)| Some(*schema) == parameter.schema.as_ref())
        {
            parameter.schema = Some(RefOr::Ref(Ref::from_schema_name(name)));
        }
    }
}

fn name_page(components: &mut Components, name: &str) {
    let item = name.trim_start_matches(PAGE);
    let Some(mut page) = components.schemas.remove(name) else { return };
    if let RefOr::T(Schema::Object(object)) = &mut page
        && let Some(RefOr::T(Schema::Array(Array { items: ArrayItems::RefOrSchema(items), .. }))) =
            object.properties.get_mut("items")
    {
        let written_out = std::mem::replace(&mut **items, RefOr::Ref(Ref::from_schema_name(item)));
        components.schemas.entry(item.to_owned()).or_insert(written_out);
    }
    components.schemas.insert(format!("{item}Page"), page);
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::path::OperationBuilder;

    use super::*;

    #[test]
    fn an_operation_is_called_by_its_path_and_what_its_handler_adds() {
        for (path, handler, expected) in [
            ("/api/v1/projects", "list", "projects_list"),
            ("/api/v1/projects/{project_id}/tasks/{id}", "get", "projects_tasks_get"),
            ("/api/v1/tenant/api-keys/{id}/rotate", "rotate", "tenant_api_keys_rotate"),
            ("/api/v1/auth/login", "login", "auth_login"),
            ("/api/v1/auth/verify-email", "verify", "auth_verify_email"),
            ("/api/v1/auth/verify-email/resend", "resend", "auth_verify_email_resend"),
            ("/api/v1/auth/invitations/accept", "accept_as_new", "auth_invitations_accept_as_new"),
            ("/api/v1/me/email", "change_email", "me_email_change"),
            ("/.well-known/jwks.json", "jwks", "jwks"),
            ("/livez", "livez", "livez"),
        ] {
            let operation = OperationBuilder::new().operation_id(Some(handler)).build();
            assert_eq!(operation_id(path, &operation), expected, "{path}");
        }
    }

    #[test]
    fn an_operation_is_kept_with_those_that_are_about_the_same() {
        for (path, tag, expected) in [
            ("/api/v1/auth/login", "public", "auth"),
            ("/api/v1/auth/logout", "me", "auth"),
            ("/api/v1/me/sessions", "me", "me"),
            ("/api/v1/tenants", "me", "tenants"),
            ("/api/v1/tenant/roles", "roles", "roles"),
            ("/api/v1/platform/settings", "public", "platform"),
            ("/.well-known/jwks.json", "public", "auth"),
            ("/readyz", "public", "health"),
        ] {
            assert_eq!(group(path, tag), expected, "{path}");
        }
    }
}
