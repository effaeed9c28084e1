//! `rowhouse new resource`: what it writes is whole, it overwrites nothing, and bad questions get a sentence.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{rowhouse, run};
use crate::support::TestDb;

const SPECIMENS: [&str; 11] = [
    "specimens",
    "name:line(200)",
    "email:email!",
    "notes:text?",
    "phone:line(30)?",
    "label:line(3)",
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
    let (code, said, err) = new(&root, &SPECIMENS);
    assert_eq!(code, Some(0), "{err}");
    assert!(said.contains("wrote    sql/migrations/V42__specimens.sql") && said.contains("openapi.json"), "{said}");
    let written = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let db = TestDb::new().await;
    let migrator = db.migrator().await;
    let migration =
        format!("begin; set local role rowhouse_owner; {}; commit", written("sql/migrations/V42__specimens.sql"));
    migrator.script("migration", &migration).await.unwrap();
    migrator
        .script(
            "policies",
            &format!("begin; set local role rowhouse_owner; {}; commit", written("sql/policies/tenant.specimens.sql")),
        )
        .await
        .unwrap();
    for query in fs::read_dir(root.join("sql/queries/specimens")).unwrap() {
        let text = fs::read_to_string(query.unwrap().path()).unwrap();
        migrator.script("query", &format!("prepare looked_at as {text}; deallocate looked_at")).await.unwrap();
    }
    let url = db.url("postgres");
    let mut audit = rowhouse();
    audit
        .args(["audit", "--database-url", &url, "--config"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/rowhouse-audit.toml"))
        .args(["--ignore", "server-version=the suite runs on whichever there is"]);
    let (code, said, err) = tokio::task::spawn_blocking(move || run(&mut audit)).await.unwrap();
    assert_eq!(code, Some(0), "{said}{err}");
    fs::remove_dir_all(&root).unwrap();
}

#[test]
fn what_is_there_is_never_overwritten() {
    let root = checkout("twice");
    assert_eq!(new(&root, &SPECIMENS).0, Some(0));
    let before = everything(&root);
    let (code, _, err) = new(&root, &SPECIMENS);
    assert!(code == Some(2) && err.contains("already"), "{err}");
    assert_eq!(everything(&root), before);
    // A second resource finds its places as well.
    let (code, _, err) =
        new(&root, &["containers", "serial:line(40)!", "floor:int?", "leased:flag", "kind:desk|chair"]);
    assert_eq!(code, Some(0), "{err}");
    let router = fs::read_to_string(root.join("src/server/router.rs")).unwrap();
    assert!(router.contains("api::specimens::routes()") && router.contains("api::containers::routes()"));
    // One that sorts after all others, and choices that are words of SQL.
    let (code, _, err) = new(&root, &["zebras", "stripes:int", "sex:all|user"]);
    assert_eq!(code, Some(0), "{err}");
    // What cannot be written whole is not written at all.
    let before = everything(&root);
    fs::write(root.join("sql/queries/yaks"), "in the way").unwrap();
    let (code, _, err) = new(&root, &["yaks", "name:line(5)"]);
    assert!(code == Some(2) && err.contains("sql/queries/yaks") && err.contains("nothing was left behind"), "{err}");
    fs::remove_file(root.join("sql/queries/yaks")).unwrap();
    assert_eq!(everything(&root), before);
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
        (&["posts", "name:line(5)"], "Post is a type already"),
        (&["specimens", "name"], "there is no colon"),
        (&["specimens", "name:varchar"], "kinds are"),
        (&["specimens", "name:line(0)"], "1 to 10000"),
        (&["specimens", "version:int"], "means something else already"),
        (&["specimens", "to:email"], "means something else already"),
        (&["specimens", "if:int"], "means something else already"),
        (&["specimens", "conn:email"], "means something else already"),
        (&["specimens", "new_id:int"], "means something else already"),
        (&["specimens", "a:x1|x_1"], "a word is there twice"),
        (&["specimens_that_have_a_name_of_forty_chars", "a_field_with_a_name_that_is_long_as_well:int"], "40 at most"),
        (&["specimens_with_rather_long_names", "a_field_with_a_rather_long_name_too:int"], "too long a name"),
        (&["specimens", "a:int", "a:int"], "there twice"),
        (&["specimens", "a:x|x"], "a word is there twice"),
        (&["specimens", "notes:text!"], "only line, email and int"),
        (&["specimens", "a:x|y?"], "never left out"),
        (&["specimens", "name:line(5)", "--list", "name"], "newest first"),
        (
            &["specimens", "title:line(5)", "status:a|b", "--list", "newest,name", "--filter", "status"],
            "name:line(MAX)",
        ),
        (&["specimens", "name:line(5)", "--list", "newest,name", "--filter", "status"], "status:active|archived"),
    ] {
        let (code, _, err) = new(&root, arguments);
        assert!(code == Some(2) && err.contains(told), "{arguments:?}: {err}");
        assert_eq!(everything(&root), before, "{arguments:?}");
    }
    let (code, _, err) = new(&std::env::temp_dir(), &SPECIMENS);
    assert!(code == Some(2) && err.contains("no checkout"), "{err}");
    fs::remove_dir_all(&root).unwrap();
}
