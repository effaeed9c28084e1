//! `rowhouse new resource`: what it writes is whole, it overwrites nothing, and bad questions get a sentence.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{rowhouse, run};
use crate::support::TestDb;

const CUSTOMERS: [&str; 9] = [
    "customers",
    "name:line(200)",
    "email:email!",
    "notes:text?",
    "status:active|archived",
    "--list",
    "newest,name",
    "--filter",
    "status",
];

/// As much of a checkout as is asked for.
fn checkout(name: &str) -> PathBuf {
    let (here, there) = (Path::new(env!("CARGO_MANIFEST_DIR")), std::env::temp_dir());
    let root = there.join(format!("rowhouse-test-new-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    let files = [
        "Cargo.toml",
        "sql/policies/tenant.projects.sql",
        "src/api/projects.rs",
        "src/api/mod.rs",
        "src/db/constraints.rs",
        "src/server/router.rs",
        "tests/api/mod.rs",
    ];
    for file in files {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::copy(here.join(file), root.join(file)).unwrap();
    }
    fs::create_dir_all(root.join("sql/migrations")).unwrap();
    fs::write(root.join("sql/migrations/V41__before.sql"), "").unwrap();
    root
}

fn new(root: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = rowhouse();
    run(command.args(["new", "resource", "--dir"]).arg(root).args(arguments))
}

fn contents(root: &Path, all: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contents(&path, all);
        } else {
            all.insert(path.clone(), fs::read_to_string(&path).unwrap());
        }
    }
}

fn everything(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    contents(root, &mut all);
    all
}

#[tokio::test]
async fn the_table_that_is_written_is_walled_and_the_audit_finds_nothing() {
    let root = checkout("walled");
    let (code, said, err) = new(&root, &CUSTOMERS);
    assert_eq!(code, Some(0), "{err}");
    assert!(said.contains("wrote  sql/migrations/V42__customers.sql") && said.contains("openapi.json"), "{said}");
    let written = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let db = TestDb::new().await;
    let migrator = db.migrator().await;
    let migration =
        format!("begin; set local role rowhouse_owner; {}; commit", written("sql/migrations/V42__customers.sql"));
    migrator.script("migration", &migration).await.unwrap();
    migrator
        .script(
            "policies",
            &format!("begin; set local role rowhouse_owner; {}; commit", written("sql/policies/tenant.customers.sql")),
        )
        .await
        .unwrap();
    for query in fs::read_dir(root.join("sql/queries/customers")).unwrap() {
        let text = fs::read_to_string(query.unwrap().path()).unwrap();
        migrator.script("query", &format!("prepare looked_at as {text}; deallocate looked_at")).await.unwrap();
    }
    let url = db.url("postgres");
    let mut audit = rowhouse();
    audit
        .args(["audit", "--database-url", &url, "--config"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/rowhouse-audit.toml"));
    let (code, said, err) = tokio::task::spawn_blocking(move || run(&mut audit)).await.unwrap();
    assert_eq!(code, Some(0), "{said}{err}");
    fs::remove_dir_all(&root).unwrap();
}

#[test]
fn what_is_there_is_never_overwritten() {
    let root = checkout("twice");
    assert_eq!(new(&root, &CUSTOMERS).0, Some(0));
    let before = everything(&root);
    let (code, _, err) = new(&root, &CUSTOMERS);
    assert!(code == Some(2) && err.contains("already"), "{err}");
    assert_eq!(everything(&root), before);
    // A second resource finds its places as well.
    let (code, _, err) = new(&root, &["assets", "serial:line(40)!", "floor:int?", "leased:flag", "kind:desk|chair"]);
    assert_eq!(code, Some(0), "{err}");
    let router = fs::read_to_string(root.join("src/server/router.rs")).unwrap();
    assert!(router.contains("api::customers::routes()") && router.contains("api::assets::routes()"));
    fs::remove_dir_all(&root).unwrap();
}

#[test]
fn bad_questions_get_a_sentence_and_leave_the_checkout_as_it_was() {
    let root = checkout("bad");
    let before = everything(&root);
    for (arguments, told) in [
        (&["Customers", "name:line(5)"][..], "lower-case letters"),
        (&["table", "name:line(5)"], "means something else already"),
        (&["sheep", "name:line(5)"], "say --one NAME"),
        (&["customers", "name"], "there is no colon"),
        (&["customers", "name:varchar"], "kinds are"),
        (&["customers", "name:line(0)"], "1 to 10000"),
        (&["customers", "version:int"], "means something else already"),
        (&["customers", "a:int", "a:int"], "there twice"),
        (&["customers", "a:x|x"], "a word is there twice"),
        (&["customers", "notes:text!"], "only line, email and int"),
        (&["customers", "a:x|y?"], "never left out"),
        (&["customers", "name:line(5)", "--list", "name"], "newest first"),
        (
            &["customers", "title:line(5)", "status:a|b", "--list", "newest,name", "--filter", "status"],
            "name:line(MAX)",
        ),
        (&["customers", "name:line(5)", "--list", "newest,name", "--filter", "status"], "status:active|archived"),
    ] {
        let (code, _, err) = new(&root, arguments);
        assert!(code == Some(2) && err.contains(told), "{arguments:?}: {err}");
        assert_eq!(everything(&root), before, "{arguments:?}");
    }
    let (code, _, err) = new(&std::env::temp_dir(), &CUSTOMERS);
    assert!(code == Some(2) && err.contains("no checkout"), "{err}");
    fs::remove_dir_all(&root).unwrap();
}
