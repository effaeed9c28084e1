//! What is in Rust beside the handlers: a test, and the lines that name them elsewhere.
use super::{
    fields::{Field, Kind, Resource, TEXT},
    handlers::api,
    tree::Tree,
};
use crate::error::Failure;

pub(super) fn write(resource: &Resource, tree: &mut Tree) -> Result<(), Failure> {
    let name = &resource.name;
    tree.create(&format!("src/api/{name}.rs"), api(resource));
    tree.create(&format!("tests/api/{name}.rs"), test(resource));
    let module = |prefix: &str| format!("{prefix}mod {name};");
    let (public, private) = (module("pub "), module(""));
    // In which order modules stand, cargo fmt says.
    tree.insert("src/api/mod.rs", "pub mod", &public, |line| !line.starts_with("pub mod"))?;
    tree.insert("tests/api/mod.rs", "mod ", &private, |line| !line.starts_with("mod "))?;
    let endpoints = format!("        api::{name}::routes(),");
    tree.insert("src/server/router.rs", "api::project_tasks::routes()", &endpoints, |_| true)?;
    let rules = format!("    {name}::CONSTRAINTS,");
    tree.insert("src/api/mod.rs", "pub const CONSTRAINTS", &rules, |line| line == "];")?;
    Ok(())
}

/// What breaking each constraint means to a caller.
pub(super) fn constraints(resource: &Resource) -> Vec<String> {
    let Resource { name, one, .. } = resource;
    let mut all = Vec::new();
    for field in &resource.fields {
        let column = &field.name;
        let mut rule = |kind: &str, meaning: &str, detail: &str| {
            all.push(format!("Constraint::{meaning}(\"{name}_{column}_{kind}\", \"/{column}\", \"{detail}\")"));
        };
        if field.unique {
            rule("key", "taken", &format!("another {} of this tenant has this {column}", spoken(one)));
        }
        match &field.kind {
            Kind::Line(most) => rule("check", "out_of_range", &format!("must have 1 to {most} characters")),
            Kind::Text => rule("check", "out_of_range", &format!("must have at most {TEXT} characters")),
            Kind::Email => rule("check", "out_of_range", "is not an e-mail address"),
            Kind::Words(_) => {
                rule("check", "out_of_range", &format!("is not a {column} of {} {}", article(one), spoken(one)));
            }
            Kind::Int | Kind::Flag => {}
        }
    }
    all
}

/// `line_item` as one says it.
pub(super) fn spoken(name: &str) -> String {
    name.replace('_', " ")
}

pub(super) fn article(name: &str) -> &'static str {
    if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

fn test(resource: &Resource) -> String {
    let (one, path) = (&resource.one, resource.path());
    let value = |field: &Field, which: &str| match &field.kind {
        Kind::Int => which.len().to_string(),
        Kind::Flag => "true".to_owned(),
        Kind::Email => format!("\"{which}@example.com\""),
        Kind::Words(words) => format!("\"{}\"", words[if which == "first" { 0 } else { words.len() - 1 }]),
        Kind::Line(most) => format!("\"{}\"", &which[..which.len().min(*most)]),
        Kind::Text => format!("\"{which}\""),
    };
    let body = |which: &str| {
        let members: Vec<String> =
            resource.fields.iter().map(|field| format!("\"{}\": {}", field.name, value(field, which))).collect();
        members.join(", ")
    };
    let taken = resource.fields.iter().filter(|field| field.unique).map(|field| {
        format!(
            "\n    // Within a tenant no two have the same {}.\n    Answer::of(send(Method::POST, \"/api/v1/{path}\").json(&json!({{ {} }}))).await.problem(409, \"conflict\");\n",
            field.name,
            body("second")
        )
    });
    let taken: String = taken.take(1).collect();
    let marks = [
        ("@TAKEN@", taken),
        ("@FIRST@", body("first")),
        ("@SECOND@", body("second")),
        ("@PATH@", path),
        ("@ARTICLE@", article(one).to_owned()),
        ("@ONE@", one.clone()),
    ];
    marks.iter().fold(include_str!("templates/test.rs.txt").to_owned(), |text, (mark, put)| text.replace(mark, put))
}
