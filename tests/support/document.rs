//! The OpenAPI document as tests read it: which operations there are, and bodies made up from their schemas.
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Answer, TenantFixture, TestApp, rows::Named};

/// The document as it is served.
pub struct Document(Value);

/// One operation of it.
#[derive(Clone)]
pub struct Operation {
    pub method: Method,
    /// With the names of its parameters in braces.
    pub path: String,
    pub said: Value,
}

impl Document {
    pub async fn of(app: &TestApp) -> Self {
        Self(Answer::of(app.request(Method::GET, "/api/v1/openapi.json")).await.expect(200).json())
    }

    pub fn operations(&self) -> Vec<Operation> {
        let paths = self.0["paths"].as_object().unwrap();
        let each = |(path, item): (&String, &Value)| -> Vec<Operation> {
            let methods = item.as_object().unwrap().iter().filter(|(_, said)| said["responses"].is_object());
            methods
                .map(|(method, said)| Operation {
                    method: method.to_uppercase().parse().unwrap(),
                    path: path.clone(),
                    said: said.clone(),
                })
                .collect()
        };
        paths.iter().flat_map(each).collect()
    }

    /// A schema, followed to where it stands, without the `null` it may be.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(name) = schema["$ref"].as_str() {
            return self.resolve(self.0.pointer(name.trim_start_matches('#')).unwrap());
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            if let Some(one) = schema[choice].as_array().into_iter().flatten().find(|one| one["type"] != "null") {
                return self.resolve(one);
            }
        }
        schema
    }

    /// The words a schema lists.
    pub fn vocabulary(&self, schema: &Value) -> Vec<String> {
        let words = self.resolve(schema)["enum"].as_array().into_iter().flatten();
        words.map(|word| word.as_str().unwrap().to_owned()).collect()
    }

    /// A JSON body with every member that the operation takes, no two of them alike; none where it takes none.
    pub fn body(&self, operation: &Operation, tenant: &TenantFixture) -> Option<Value> {
        let content = operation.said["requestBody"]["content"].as_object()?;
        let (_, content) = content.iter().find(|(kind, _)| kind.ends_with("json") && !kind.contains("ndjson"))?;
        Some(self.object(&content["schema"], tenant, &operation.path))
    }

    fn object(&self, schema: &Value, tenant: &TenantFixture, place: &str) -> Value {
        let members = self.resolve(schema)["properties"].as_object();
        let members =
            members.into_iter().flatten().map(|(name, schema)| (name.clone(), self.value(name, schema, tenant, place)));
        Value::Object(members.collect::<Map<_, _>>())
    }

    fn value(&self, name: &str, schema: &Value, tenant: &TenantFixture, place: &str) -> Value {
        // Where no schema tells: what it names is there, or it is of a vocabulary that the database keeps.
        match name {
            "owner_id" => return json!(tenant.member.id),
            "role_id" => return json!(tenant.role),
            "permissions" => return json!(["projects:read"]),
            "plan" => return json!("free"),
            "period" => return json!("month"),
            "currency" if place.starts_with("/api/v1/tenant/subscription") => return json!("EUR"),
            "currency" => return json!("USD"),
            "time_zone" => return json!("Europe/Vienna"),
            "url" => return json!(format!("https://{}.example/hook", Uuid::now_v7().simple())),
            "event_types" => return json!(["project.created"]),
            "secret" => {
                return json!(format!(
                    "whsec_{}",
                    BASE64.encode([*Uuid::now_v7().as_bytes(), *Uuid::now_v7().as_bytes()].concat())
                ));
            }
            "from" => return json!("2020-01-02T03:04:05Z"),
            "domain" => return json!(format!("d{}.example", Uuid::now_v7().simple())),
            _ => {}
        }
        if let Some(word) = self.vocabulary(schema).last() {
            return json!(word);
        }
        let schema = self.resolve(schema);
        let kinds = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
        let kind = kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("object");
        let short = &Uuid::now_v7().simple().to_string()[20..];
        match (kind, schema["format"].as_str()) {
            ("string", Some("email")) => json!(format!("{short}@example.com")),
            ("string", Some("date-time")) => json!("2099-01-02T03:04:05Z"),
            ("string", Some("date")) => json!("2099-01-02"),
            ("string", Some("uuid")) => panic!(
                "{place} takes an id as `{name}`, and nothing tells whose: say in `value`, tests/support/document.rs, which row it names"
            ),
            ("string", _) if schema["pattern"].is_string() => {
                panic!("{place} takes `{name}` of a pattern: say in `value`, tests/support/document.rs, what fits it")
            }
            ("string", _) => {
                // The end differs each time, and is what stays where there is little room.
                let whole = format!("{name} {short}");
                let most = schema["maxLength"].as_u64().map_or(whole.len(), |most| usize::try_from(most).unwrap());
                json!(whole[whole.len().saturating_sub(most)..].trim_start())
            }
            // Where there is room, no two are alike: it may be unique.
            ("integer", _) => {
                let least = schema["minimum"].as_i64().unwrap_or(0).max(0);
                let room = schema["maximum"].as_i64().unwrap_or(i64::from(i32::MAX)) - least > 2_000_000;
                let one = i64::from_str_radix(&short[short.len() - 5..], 16).unwrap();
                json!(least + 1 + i64::try_from(name.len()).unwrap() + if room { one } else { 0 })
            }
            ("boolean", _) => json!(true),
            ("array", _) => json!([self.value(name, &schema["items"], tenant, place)]),
            _ => self.object(schema, tenant, place),
        }
    }
}

impl Operation {
    /// What it answers when all is well, the first that its document lists.
    pub fn success(&self) -> u16 {
        let responses = self.said["responses"].as_object().unwrap();
        responses.keys().filter_map(|status| status.parse().ok()).find(|status| (200..300).contains(status)).unwrap()
    }

    /// Whether a header has to be sent.
    pub fn requires(&self, header: &str) -> bool {
        let parameters = self.said["parameters"].as_array();
        parameters.into_iter().flatten().any(|parameter| parameter["name"] == header && parameter["required"] == true)
    }

    /// The path, with these ids in place of its parameters.
    pub fn at(&self, ids: &Named) -> String {
        ids.iter().fold(self.path.clone(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id))
    }

    /// The permission it asks for first, or nothing where its description says that it needs none.
    pub fn permission(&self) -> String {
        let description = self.said["description"].as_str().unwrap_or_default();
        if description.contains("Needs no permission") {
            return String::new();
        }
        let needs = description.split_once("Needs").map_or("", |(_, needs)| needs);
        match needs.split('`').nth(1).filter(|word| word.contains(':')) {
            Some(permission) => permission.to_owned(),
            None => panic!(
                "{} does not say which permission it needs: write \"Needs `things:read`.\" or \"Needs no permission.\" into its doc \
                 comment, or name it in tests/isolation/own_routes.rs if it is about no tenant",
                self.name()
            ),
        }
    }

    /// `GET /api/v1/projects`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}
