//! What made generators of clients refuse the document, or make clients that fail: found here without them.
//! tests/conformance/clients runs them.
use std::collections::BTreeSet;

use rowhouse::server;
use serde_json::Value;

fn document() -> Value {
    serde_json::to_value(server::document()).unwrap()
}

/// Every value of the document with where it stands.
fn everywhere(value: &Value, at: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(at, value);
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| everywhere(value, &format!("{at}/{name}"), visit));
        }
        Value::Array(items) => items.iter().for_each(|item| everywhere(item, &format!("{at}/-"), visit)),
        _ => {}
    }
}

/// What a `$ref` names; anything else as it is.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    let found = document.pointer(reference.trim_start_matches('#'));
    resolved(document, found.unwrap_or_else(|| panic!("{reference} leads nowhere")))
}

/// Which types a value may have; all, where the schema does not say.
fn types(document: &Value, schema: &Value) -> BTreeSet<String> {
    let all = ["null", "boolean", "integer", "number", "string", "array", "object"];
    let schema = resolved(document, schema);
    let mut allowed: BTreeSet<String> = match &schema["type"] {
        Value::String(one) => [one.clone()].into(),
        Value::Array(several) => several.iter().map(|kind| kind.as_str().unwrap().to_owned()).collect(),
        _ => all.map(str::to_owned).into(),
    };
    for part in schema["allOf"].as_array().into_iter().flatten() {
        allowed = &allowed & &types(document, part);
    }
    allowed
}

#[test]
fn the_license_is_named_as_spdx_does_and_lies_beside() {
    let license = &document()["info"]["license"];
    assert_eq!(license["name"], env!("CARGO_PKG_LICENSE"));
    assert_eq!(license["identifier"], env!("CARGO_PKG_LICENSE"));
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        assert!(path.exists(), "{file} is missing");
    }
}

#[test]
fn every_schema_can_be_satisfied_and_every_reference_leads_somewhere() {
    let document = document();
    everywhere(&document, "", &mut |at, value| {
        assert!(!types(&document, value).is_empty(), "nothing satisfies {at}");
        // The one choice that every generator has a word for: something, or null.
        if let Some(choices) = value["oneOf"].as_array() {
            let null = choices.iter().filter(|choice| choice["type"] == "null").count();
            assert!(choices.len() == 2 && null == 1, "{at} is a choice among types");
        }
        assert!(value["anyOf"].is_null() && value["const"].is_null() && value["not"].is_null(), "{at}");
    });
}

#[test]
fn every_content_header_and_parameter_has_a_schema() {
    let document = document();
    let (mut contents, mut others) = (0, 0);
    everywhere(&document, "", &mut |at, value| {
        let (before, name) = at.rsplit_once('/').unwrap_or_default();
        if name == "content" && value.is_object() {
            for (kind, content) in value.as_object().unwrap() {
                assert!(content["schema"].as_object().is_some_and(|schema| !schema.is_empty()), "{at}: {kind}");
                contents += 1;
            }
        }
        if before.ends_with("/headers") || before.ends_with("/parameters") {
            let schema = value["schema"].as_object();
            assert!(schema.is_some_and(|schema| !schema.is_empty()), "{at}");
            others += 1;
        }
    });
    assert!(contents > 100 && others > 200, "{contents} contents, {others} headers and parameters");
}

#[test]
fn a_header_is_text_and_no_object_that_a_client_makes_of_a_format() {
    everywhere(&document(), "", &mut |at, value| {
        if value["in"] == "header" {
            assert_eq!(
                (&value["schema"]["type"], &value["schema"]["format"]),
                (&"string".into(), &Value::Null),
                "{at}"
            );
        }
    });
}

#[test]
fn a_whole_number_says_how_large_it_gets() {
    everywhere(&document(), "", &mut |at, value| {
        let integer = match &value["type"] {
            Value::Array(several) => several.contains(&"integer".into()),
            one => one == "integer",
        };
        assert!(!integer || value["format"].is_string(), "{at} is an int32 in Go and in Java");
    });
}

#[test]
fn a_list_is_a_page_of_what_is_answered_alone() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut pages = 0;
    for (name, schema) in schemas {
        if schema["properties"]["next_cursor"].is_null() {
            continue;
        }
        let item = schema["properties"]["items"]["items"]["$ref"].as_str();
        let item = item.unwrap_or_else(|| panic!("{name} writes its items out"));
        let item = item.trim_start_matches("#/components/schemas/");
        assert!(schemas.contains_key(item), "{name}");
        assert!(name == "SearchPage" || *name == format!("{item}Page"), "{name} of {item}");
        pages += 1;
    }
    assert!(pages > 10, "{pages}");
    for (list, alone) in [("/api/v1/projects", "/api/v1/projects/{id}"), ("/api/v1/products", "/api/v1/products/{id}")]
    {
        let answer = |path: &str| &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"];
        let page = resolved(&document, &answer(list)["schema"]);
        assert_eq!(page["properties"]["items"]["items"], answer(alone)["schema"], "{list}");
    }
}

/// What has no name, each generator gives one of its own: `ProjectsListStatusParameter`, `PageProjectItemsInner`.
#[test]
fn everything_that_becomes_a_type_has_a_name_and_a_good_one() {
    let document = document();
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        let capital = name.starts_with(|c: char| c.is_ascii_uppercase());
        assert!(capital && name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
        let taken =
            ["Any", "Array", "Date", "Error", "From", "Function", "List", "Map", "Object", "Set", "String", "Switch"];
        assert!(!taken.contains(&name.as_str()), "{name} means something else in some language");
    }
    // In Go these are functions and types that every schema brings along.
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        for brought in [format!("New{name}"), format!("New{name}WithDefaults"), format!("Nullable{name}")] {
            assert!(!schemas.contains_key(&brought), "{brought} beside {name}");
        }
    }
    everywhere(&document, "", &mut |at, value| {
        let (before, _) = at.rsplit_once('/').unwrap_or_default();
        let named = before == "/components/schemas";
        // The two halves of an allOf are one type, with the name of the whole.
        let half = before.ends_with("/allOf");
        assert!(!value["enum"].is_array() || named, "{at} is a vocabulary without a name");
        let members = value["type"] == "object" && value["properties"].is_object();
        assert!(!members || named || half, "{at} is an object without a name");
    });
}

#[test]
fn an_operation_is_called_as_a_function_would_be() {
    for (path, item) in document()["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let words: Vec<&str> = id.split('_').collect();
            let plain = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
            assert!(words.iter().all(plain) && words.len() <= 5, "{id} of {path}");
            assert!(words.windows(2).all(|pair| pair[0] != pair[1]), "{id} of {path} stutters");
            let tags = operation["tags"].as_array().unwrap();
            assert!(tags.len() == 1 && tags[0] != "public", "{id} is kept with {tags:?}");
        }
    }
}
