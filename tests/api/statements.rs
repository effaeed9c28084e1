//! Headers of statements, held against the server: each parameter of a statement on tables has a name, and the type that it is.
use std::{fs, path::Path};

use crate::support::{TestDb, statements};

#[tokio::test]
async fn every_statement_names_its_parameters_and_their_types() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let mut wrong = Vec::new();
    let mut named = 0;
    for statement in statements() {
        let prepared =
            superuser.prepare(&statement.text).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name));
        let types: Vec<String> = prepared.params().iter().map(|kind| sql_name(kind.name())).collect();
        let said = statement.types();
        let numbers = statement.parameters.iter().map(|parameter| parameter.number);
        let in_order = numbers.eq((types.len() + 1 - statement.parameters.len().min(types.len()))..=types.len());
        if statement.parameters.is_empty() && !statement.names_tables() {
            continue; // What a function is called with, sql/functions says.
        }
        if types == said && in_order {
            named += statement.parameters.len();
            continue;
        }
        let lines: Vec<String> = types
            .iter()
            .enumerate()
            .skip(usize::from(statement.binds_tenant()))
            .map(|(at, kind)| {
                let known = statement.parameters.iter().find(|parameter| parameter.number == at + 1);
                format!("    -- ${} {} {kind}", at + 1, known.map_or("NAME", |parameter| &parameter.name))
            })
            .collect();
        wrong.push(format!("  sql/queries/{}.sql: its header should have\n{}", statement.name, lines.join("\n")));
    }
    assert!(
        wrong.is_empty(),
        "say at the head of each statement what its parameters are called and of which type they are, and ` = VALUE` behind it \
         where a test calls it (tests/support/statements.rs); $1, where it is the tenant, goes without saying:\n{}",
        wrong.join("\n")
    );
    assert!(named > 200, "{named} parameters have a name");
}

fn sources(folder: &Path, all: &mut String) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            all.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_statement_is_sent_by_somebody() {
    let mut all = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let idle: Vec<String> = statements()
        .iter()
        .filter(|statement| !all.contains(&format!("\"{}\"", statement.name)))
        .map(|statement| format!("sql/queries/{}.sql", statement.name))
        .collect();
    assert!(idle.is_empty(), "no `sql!(…)` below src names these: send them, or delete the files: {idle:#?}");
}

/// As headers write types: `_text` is what PostgreSQL calls `text[]` inside.
fn sql_name(name: &str) -> String {
    let (name, array) = name.strip_prefix('_').map_or((name, ""), |of| (of, "[]"));
    let name = match name {
        "int8" => "bigint",
        "int4" => "integer",
        "int2" => "smallint",
        "bool" => "boolean",
        "float4" => "real",
        other => other,
    };
    format!("{name}{array}")
}
