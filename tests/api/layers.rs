//! Who may import whom: docs/architecture.md draws it, and every `crate::…` under `src/` is held against the drawing.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Names at the root of the crate, and the modules they are from.
const AT_THE_ROOT: [(&str, &str); 5] =
    [("Error", "error"), ("Result", "error"), ("sql", "db"), ("from_row", "db"), ("DatabaseCopy", "copy")];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Whom each module may import: all that stand to its right in a line of the drawing. Those within one pair of braces stand beside each
/// other and import each other not at all.
fn drawing(of: &str) -> BTreeMap<String, BTreeSet<String>> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let section = page.split("## Who may import whom").nth(1).expect("docs/architecture.md says who may import whom");
    let block = section.split("```text").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mut may: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // A name and a colon say of which crate a line is; without, it is of the product. A gap of two sets chains apart.
    let lines = block.lines().filter_map(|line| match line.split_once(": ") {
        Some((name, chains)) => (name == of).then_some(chains),
        None => (of == "rowhouse").then_some(line),
    });
    for line in lines.flat_map(|line| line.split("  ")).filter(|line| line.contains('→')) {
        let steps: Vec<Vec<&str>> = line
            .split('→')
            .map(|step| step.split(['{', '}', ',', ' ']).filter(|name| !name.is_empty()).collect())
            .collect();
        for (at, step) in steps.iter().enumerate() {
            for name in step {
                let right = steps[at + 1..].iter().flatten().map(|name| (*name).to_owned());
                may.entry((*name).to_owned()).or_default().extend(right);
            }
        }
    }
    // What stands to the right of one's right is to the right as well.
    while let Some((module, further)) = may.iter().find_map(|(module, right)| {
        let further: BTreeSet<String> = right.iter().filter_map(|name| may.get(name)).flatten().cloned().collect();
        (!further.is_subset(right)).then(|| (module.clone(), further))
    }) {
        may.entry(module).or_default().extend(further);
    }
    may
}

fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, all);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            all.push(entry);
        }
    }
}

/// The modules that a text names after `crate::`, each with the number of its line. Comments do not count.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code: String = text.lines().flat_map(|line| [line.split("//").next().unwrap(), "\n"]).collect();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue; // another crate's name ends so
        }
        let rest = &code[at + "crate::".len()..];
        let line = |upto: usize| code[..upto].matches('\n').count() + 1;
        if !rest.starts_with('{') {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push((line(at), name));
            continue;
        }
        let (mut depth, mut name, mut within) = (0, String::new(), false);
        for (offset, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 1 && !within && (c.is_alphanumeric() || c == '_') {
                name.push(c);
            } else if !name.is_empty() {
                found.push((line(at + offset), std::mem::take(&mut name)));
                within = true;
            }
            if depth == 1 && c == ',' {
                within = false;
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// What is imported against the drawing, as sentences.
fn upward(may: &BTreeMap<String, BTreeSet<String>>, module: &str, file: &str, text: &str) -> Vec<String> {
    let nobody = BTreeSet::new();
    let allowed = may.get(module).unwrap_or(&nobody);
    let mut wrong = Vec::new();
    for (line, name) in imports(text) {
        let target = AT_THE_ROOT.iter().find(|(root, _)| *root == name).map_or(name.as_str(), |(_, module)| module);
        if target != module && !allowed.contains(target) {
            wrong.push(format!("{file}:{line}: {module} imports {target}"));
        }
    }
    wrong
}

#[test]
fn no_import_runs_upward() {
    let mut wrong = Vec::new();
    for (name, folder) in
        [("rowhouse", "src/"), ("rowhouse-audit", "crates/audit/src/"), ("rowhouse-walls", "crates/walls/src/")]
    {
        let may = drawing(name);
        let mut all = Vec::new();
        files(&root().join(folder), &mut all);
        for path in all {
            let file = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            let module = file[folder.len()..].split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            if module == "lib" {
                continue;
            }
            if !may.contains_key(&module) {
                wrong.push(format!("{file}: {module} stands nowhere in the drawing"));
            }
            wrong.extend(upward(&may, &module, &file, &fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(
        wrong.is_empty(),
        "docs/architecture.md, \"Who may import whom\", allows none of these. Move what is imported below whoever needs it, or hand it down \
         when that is built (src/compose.rs); the drawing changes last:\n  {}",
        wrong.join("\n  ")
    );
}

#[test]
fn an_import_that_runs_upward_is_seen_in_whatever_form() {
    let may = drawing("rowhouse");
    for text in [
        "use crate::api::projects;",
        "use crate::{\n    Error, Result,\n    api::projects::{self, Project},\n    error::Violation,\n};",
        "fn f() { crate::api::health::ready() }",
        "use crate::{db::Db, api};",
    ] {
        let wrong = upward(&may, "http", "src/http/x.rs", text);
        assert!(wrong.len() == 1 && wrong[0].ends_with("http imports api"), "{text}: {wrong:?}");
    }
    let fine =
        "use crate::{\n    Error,\n    auth::{Tenant, api_key},\n};\n// crate::api is above\nuse rowhouse_crate::api;";
    assert_eq!(upward(&may, "http", "src/http/x.rs", fine), Vec::<String>::new());
}

#[test]
fn the_drawing_has_no_circle() {
    for name in ["rowhouse", "rowhouse-audit", "rowhouse-walls", "crates"] {
        let may = drawing(name);
        assert!(may.len() > 3, "{name}: {may:?}");
        for (module, others) in &may {
            assert!(!others.contains(module), "{module} imports itself, over {others:?}");
        }
    }
}

/// Crates depend on each other as they are drawn, and what lies below the product knows nothing of serving.
#[test]
fn crates_depend_on_what_stands_to_their_right() {
    let may = drawing("crates");
    let mut manifests = vec![root().join("Cargo.toml"), root().join("bench/Cargo.toml")];
    manifests
        .extend(fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path().join("Cargo.toml")));
    for path in manifests {
        let text = fs::read_to_string(&path).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap();
        let allowed = may.get(name).unwrap_or_else(|| {
            panic!("{}: {name} stands nowhere in the drawing of docs/architecture.md", path.display())
        });
        for (dependency, how) in manifest["dependencies"].as_table().unwrap() {
            let ours = dependency == "rowhouse" || dependency.starts_with("rowhouse-");
            assert!(
                !ours || allowed.contains(dependency),
                "{}: {name} may not depend on {dependency}: docs/architecture.md",
                path.display()
            );
            let serves =
                ["axum", "hyper", "tower", "tracing-subscriber", "redis", "utoipa"].contains(&dependency.as_str());
            // Who calls the auditor's functions does without its commands.
            let commands = dependency == "clap" && how.get("optional").and_then(toml::Value::as_bool) != Some(true);
            let below = !["rowhouse", "rowhouse-bench"].contains(&name);
            assert!(
                !((serves || commands) && below),
                "{}: {dependency} is for serving, and {name} lies below what serves",
                path.display()
            );
        }
    }
}

/// The lines on which a text takes it on trust that an id was verified: the word, wherever it stands, since a function can be handed on
/// without being called. Comments do not count.
fn vouches(text: &str) -> Vec<usize> {
    let code = |line: &&str| line.split("//").next().is_some_and(|code| code.contains("assume_verified"));
    text.lines().enumerate().filter(|(_, line)| code(line)).map(|(at, _)| at + 1).collect()
}

/// Ids that open something are made where it was verified who asks, and nowhere else.
#[test]
fn auth_alone_says_that_an_id_is_verified() {
    let mut all = Vec::new();
    for folder in ["src", "bench/src", "crates"] {
        files(&root().join(folder), &mut all);
    }
    // Where the word is made, where a queue is tried, and an example for others, of which nothing is part of the product.
    let may = ["crates/walls/src/identity.rs", "crates/walls/src/queue/tests.rs", "crates/walls/examples/notes.rs"];
    let mut in_auth = 0;
    for path in all {
        let file = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let lines = vouches(&fs::read_to_string(&path).unwrap());
        if file.starts_with("src/auth/") {
            in_auth += lines.len();
        } else if let Some(line) = lines.first().filter(|_| !may.contains(&file.as_str())) {
            panic!(
                "{file}:{line}: take a Tenant or SignedIn (auth::tenant) instead of making an id that opens something"
            );
        }
    }
    assert!(in_auth > 0, "auth makes none any more: is the word another?");
    for text in ["Id::assume_verified(id)", "ids.map(TenantId::assume_verified)", "let make = <Id>::assume_verified;"] {
        assert_eq!(vouches(&format!("fn f() {{\n    {text}\n}}")), [2], "{text}");
    }
    assert!(vouches("// assume_verified is not for this").is_empty());
}
