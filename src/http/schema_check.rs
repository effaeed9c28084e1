//! How a body or a query is built, against the schema that the OpenAPI document publishes for it: everything that is wrong,
//! at once. Looked at when reading it has failed, because reading stops at the first misfit.
use std::{collections::HashMap, sync::OnceLock};

use serde_json::{Map, Number, Value};
use utoipa::{IntoParams, ToSchema, openapi::path::ParameterIn};
use uuid::Uuid;

use super::{
    json::{DuplicateKeys, escaped},
    validate::{MOST, too_long, too_short},
};
use crate::error::Violation;

/// The schemas that have a name, as the document publishes them: a query's parameters refer to them.
static SCHEMAS: OnceLock<HashMap<String, Value>> = OnceLock::new();

/// Tells what the document publishes, once: whoever puts the document together does.
pub fn publish(schemas: impl FnOnce() -> HashMap<String, Value>) {
    SCHEMAS.get_or_init(schemas);
}

/// What does not fit the schema of `T`; at most [`MOST`].
pub(super) fn misfits<T: ToSchema>(value: &Value, twice: &DuplicateKeys) -> Vec<Violation> {
    let mut named = Vec::new();
    T::schemas(&mut named);
    let named = named.into_iter().map(|(name, schema)| (name, written(&schema))).collect::<HashMap<_, _>>();
    let mut found = Violations { named: &named, violations: Vec::new() };
    for pointer in &twice.0 {
        found.push(pointer, "duplicate_field", "is there twice");
    }
    found.check(&written(&T::schema()), value, "");
    found.violations
}

/// The same for a query; each violation names its parameter.
pub(super) fn misfitting_parameters<T: IntoParams>(query: &[u8]) -> Vec<Violation> {
    let nothing = HashMap::new();
    let declared = T::into_params(|| Some(ParameterIn::Query));
    let mut found = Violations { named: SCHEMAS.get().unwrap_or(&nothing), violations: Vec::new() };
    let mut violations = Vec::new();
    let mut seen = Vec::new();
    for (name, text) in form_urlencoded::parse(query).take(MOST) {
        let Some(parameter) = declared.iter().find(|parameter| parameter.name == name) else {
            let names = list(declared.iter().map(|parameter| parameter.name.as_str()));
            let detail = format!("unknown field `{name}`, expected {names}");
            violations.push(Violation::parameter(name, "unknown_parameter", detail));
            continue;
        };
        if seen.contains(&name) {
            let detail = format!("duplicate field `{name}`");
            violations.push(Violation::parameter(name, "duplicate_parameter", detail));
            continue;
        }
        let schema = parameter.schema.as_ref().map(written).unwrap_or_default();
        let number = types(&schema).any(|kind| matches!(kind, "integer" | "number" | "boolean"));
        let read = if number { serde_json::from_str(&text).ok() } else { None };
        found.check(&schema, &read.unwrap_or_else(|| Value::String(text.clone().into_owned())), "");
        violations.extend(found.violations.drain(..).map(|one| {
            let code = if one.code == "out_of_range" { one.code } else { "invalid" };
            Violation::parameter(name.clone(), code, one.detail)
        }));
        seen.push(name);
    }
    violations
}

struct Violations<'a> {
    /// The schemas that others refer to.
    named: &'a HashMap<String, Value>,
    violations: Vec<Violation>,
}

impl Violations<'_> {
    fn push(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        if self.violations.len() < MOST {
            self.violations.push(Violation::at(pointer, code, detail));
        }
    }

    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.trim_start_matches("#/components/schemas/");
            if let Some(schema) = self.named.get(name) {
                self.check(schema, value, at);
            }
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(part, value, at);
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[choice].as_array() {
                self.check_choice(choices, value, at);
            }
        }
        if types(schema).next().is_some() && !types(schema).any(|kind| is_of(kind, value)) {
            let kinds: Vec<&str> = types(schema).map(in_words).collect();
            return self.push(at, "wrong_type", format!("expected {}", kinds.join(" or ")));
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            return self.push(
                at,
                "not_allowed",
                format!("expected {}", list(allowed.iter().filter_map(Value::as_str))),
            );
        }
        match value {
            Value::Object(members) => self.check_members(schema, members, at),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check(&schema["items"], item, &format!("{at}/{index}"));
                }
            }
            Value::String(text) => self.check_text(schema, text, at),
            Value::Number(number) => self.check_number(schema, number, at),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Fits when one fits. If none does, what is wrong with the first is told that is more than null.
    fn check_choice(&mut self, choices: &[Value], value: &Value, at: &str) {
        let before = self.violations.len();
        let mut first = None;
        for choice in choices {
            self.check(choice, value, at);
            let wrong = self.violations.split_off(before);
            if wrong.is_empty() {
                return;
            }
            if first.is_none() && choice["type"] != "null" {
                first = Some(wrong);
            }
        }
        self.violations.extend(first.unwrap_or_default());
    }

    fn check_members(&mut self, schema: &Value, members: &Map<String, Value>, at: &str) {
        let nothing = Map::new();
        let known = schema["properties"].as_object().unwrap_or(&nothing);
        for (name, value) in members {
            let pointer = format!("{at}/{}", escaped(name));
            match (known.get(name), &schema["additionalProperties"]) {
                (Some(schema), _) => self.check(schema, value, &pointer),
                (None, Value::Bool(false)) => {
                    let names = list(known.keys().map(String::as_str));
                    self.push(&pointer, "unknown_field", format!("unknown field `{name}`, expected {names}"));
                }
                (None, others) => self.check(others, value, &pointer),
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.push(&format!("{at}/{}", escaped(name)), "required", format!("missing field `{name}`"));
            }
        }
    }

    fn check_text(&mut self, schema: &Value, text: &str, at: &str) {
        let reads = match schema["format"].as_str() {
            Some("uuid") => Uuid::parse_str(text).is_ok(),
            Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
            _ => true,
        };
        if !reads {
            let what = if schema["format"] == "uuid" { "a UUID" } else { "a time with its offset (RFC 3339)" };
            return self.push(at, "wrong_type", format!("expected {what}"));
        }
        let length = text.chars().count();
        let limit = |name: &str| schema[name].as_u64().and_then(|limit| usize::try_from(limit).ok());
        match (limit("minLength"), limit("maxLength")) {
            (Some(least), _) if length < least => self.push(at, "too_short", too_short(least)),
            (_, Some(most)) if length > most => self.push(at, "too_long", too_long(most, length)),
            _ => {}
        }
    }

    fn check_number(&mut self, schema: &Value, number: &Number, at: &str) {
        let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        let number = number.as_f64();
        let below = least.is_some_and(|least| number.is_some_and(|number| number < least));
        let above = most.is_some_and(|most| number.is_some_and(|number| number > most));
        if below || above {
            let detail = match (least, most) {
                (Some(least), Some(most)) => format!("must be between {least} and {most}"),
                (Some(least), None) => format!("must be at least {least}"),
                (_, most) => format!("must be at most {}", most.unwrap_or_default()),
            };
            self.push(at, "out_of_range", detail);
        }
    }
}

fn written(schema: &impl serde::Serialize) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let (one, several) = (schema["type"].as_str(), schema["type"].as_array());
    one.into_iter().chain(several.into_iter().flatten().filter_map(Value::as_str))
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn in_words(kind: &str) -> &'static str {
    match kind {
        "null" => "null",
        "boolean" => "true or false",
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "array" => "an array",
        _ => "an object",
    }
}

/// As serde writes it.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        several => format!("one of {}", several.join(", ")),
    }
}
