//! The handlers of a resource, in a file of their own: templates/api.rs.txt, with what differs by field.
use std::fmt::Write as _;

use super::{
    fields::{Field, Kind, Resource, TEXT, camel},
    rust::{article, constraints, spoken},
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
    fn schema(&self, indent: &str) -> String {
        match self.kind {
            Kind::Line(most) => format!("{indent}#[schema(min_length = 1, max_length = {most})]\n"),
            Kind::Text => format!("{indent}#[schema(max_length = {TEXT})]\n"),
            Kind::Email => format!("{indent}#[schema(format = Email, max_length = 254)]\n"),
            _ => String::new(),
        }
    }

    /// What one that makes a row need not say.
    fn default(&self, resource: &Resource) -> Option<String> {
        match &self.kind {
            Kind::Words(words) => Some(format!("unwrap_or({}::{})", self.rust_type(resource), camel(&words[0]))),
            Kind::Flag => Some("unwrap_or_default()".to_owned()),
            _ => None,
        }
    }

    /// What is looked at before anything is written; what is kept of an e-mail address is its own form.
    fn check(&self, patched: bool) -> String {
        let name = &self.name;
        match self.kind {
            Kind::Line(most) => format!("    violations.line(\"/{name}\", {name}, 1..={most});\n"),
            Kind::Text => format!("    violations.text(\"/{name}\", {name}, 0..={TEXT});\n"),
            Kind::Email if patched || self.optional => {
                let given = if patched && self.optional { "value()" } else { "as_ref()" };
                format!("    let {name} = {name}.{given}.map(|{name}| violations.email(\"/{name}\", {name}));\n")
            }
            Kind::Email => format!("    let {name} = violations.email(\"/{name}\", {name});\n"),
            Kind::Int | Kind::Flag | Kind::Words(_) => String::new(),
        }
    }

    /// What an update binds: those that can be cleared have a flag beside their value.
    fn updated(&self) -> String {
        let name = &self.name;
        match (self.optional, self.kind == Kind::Email) {
            (true, true) => format!("&patch.{name}.is_given(), &{name}"),
            (true, false) => format!("&{name}.is_given(), &{name}.value()"),
            (false, true) => format!("&{name}"),
            (false, false) => name.clone(),
        }
    }
}

pub(super) fn api(resource: &Resource) -> String {
    let (mut shown, mut made, mut patched, mut enums) = (String::new(), String::new(), String::new(), String::new());
    let (mut defaults, mut inserted, mut updated) = (String::new(), Vec::new(), Vec::new());
    for field in &resource.fields {
        let (name, kind, default) = (&field.name, field.rust_type(resource), field.default(resource));
        let optional = format!("Option<{kind}>");
        let _ =
            writeln!(shown, "{}    {name}: {},", field.schema("    "), if field.optional { &optional } else { &kind });
        match &field.kind {
            Kind::Words(words) => {
                let _ = writeln!(made, "    /// `{}` unless said.", words[0]);
                enums.push_str(&vocabulary(name, &kind, words));
            }
            Kind::Flag => made.push_str("    /// False unless said.\n"),
            _ => {}
        }
        let may_lack = field.optional || default.is_some();
        let _ = writeln!(made, "{}    {name}: {},", field.schema("    "), if may_lack { &optional } else { &kind });
        let change = if field.optional { format!("Field<{kind}>") } else { optional };
        let _ = writeln!(patched, "{}        {name}: {change},", field.schema("        "));
        if let Some(default) = &default {
            let _ = writeln!(defaults, "    let {name} = {name}.{default};");
        }
        let own = field.kind == Kind::Email || default.is_some();
        inserted.push(if own { format!("&{name}") } else { name.clone() });
        updated.push(field.updated());
    }
    let names: Vec<&str> = resource.fields.iter().map(|field| field.name.as_str()).collect();
    let list = if resource.sorted {
        include_str!("templates/list_sorted.rs.txt")
    } else {
        include_str!("templates/list.rs.txt")
    };
    let rules: Vec<String> = constraints(resource).iter().map(|rule| format!("    {rule},\n")).collect();
    let marks = [
        // First what is made of marks itself.
        ("@LIST@", list.to_owned()),
        ("@ENUMS@", enums),
        ("@HTTP@", toolkit(resource)),
        ("@DB@", "Constraint, Params".to_owned()),
        ("@TEXT_ENUM@", if resource.words() { ", text_enum".to_owned() } else { String::new() }),
        ("@CONSTRAINTS@", rules.concat()),
        ("@COLUMNS@", resource.columns()),
        ("@SHOWN@", shown),
        ("@MADE@", made),
        ("@PATCHED@", patched),
        ("@FIELDS@", names.join(", ")),
        ("@CHECKS@", checks(resource, false)),
        ("@PATCH_CHECKS@", checks(resource, true)),
        ("@DEFAULTS@", defaults),
        ("@INSERTED@", inserted.join(", ")),
        ("@UPDATED@", updated.join(", ")),
        ("@BYTES@", if resource.long().is_empty() { String::new() } else { ", &page.bytes()".to_owned() }),
        ("@CONST@", resource.one.to_uppercase()),
        ("@NAME@", resource.name.clone()),
        ("@PATH@", resource.path()),
        ("@TYPE@", resource.type_name()),
        ("@ONE@", resource.one.clone()),
        ("@A@", format!("{} {}", article(&resource.one), spoken(&resource.one))),
        ("@SPOKEN@", spoken(&resource.one)),
        ("@MANY@", spoken(&resource.name)),
    ];
    marks.iter().fold(include_str!("templates/api.rs.txt").to_owned(), |text, (mark, put)| text.replace(mark, put))
}

/// What is taken from `http`; in which order and in how many lines, cargo fmt says.
fn toolkit(resource: &Resource) -> String {
    let mut names =
        vec!["Early", "IfMatch", "IfNoneMatch", "Listing", "MergePatch", "One", "Page", "Path", "Post", "Prefer"];
    names.extend(if resource.sorted { &["ListQuery", "Sort"][..] } else { &["PlainQuery"] });
    if !checks(resource, false).is_empty() {
        names.push("Violations");
    }
    names.extend(["merge_patch", "versioned"]);
    names.join(", ")
}

fn vocabulary(field: &str, kind: &str, words: &[String]) -> String {
    let variants: Vec<String> =
        words.iter().map(|word| format!("        /// {0}.\n        {0} = \"{word}\",\n", camel(word))).collect();
    let variants = variants.concat();
    format!("\ntext_enum! {{\n    /// The {field} of @A@.\n    pub enum {kind} {{\n{variants}    }}\n}}\n")
}

fn checks(resource: &Resource, patched: bool) -> String {
    let all: String = resource.fields.iter().map(|field| field.check(patched)).collect();
    if all.is_empty() {
        return all;
    }
    format!("    let mut violations = Violations::default();\n{all}    violations.finish()?;\n\n")
}
