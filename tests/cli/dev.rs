//! `rowhouse dev`: what a newcomer and a script get, and what is left when it ends: nothing.
use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command},
};

use serde_json::Value;

use super::{processes_of, rowhouse, run, signal, wait_until_gone};

struct Dev {
    child: Child,
    ready: Value,
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it for a script and waits for its one line.
fn start(dir: &Path, options: &[&str]) -> Dev {
    let mut child = rowhouse().args(["dev", "--json", "--dir"]).arg(dir).args(options).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if line.is_empty() {
        let mut why = String::new();
        child.stderr.take().unwrap().read_to_string(&mut why).unwrap();
        panic!("it did not start: {why}");
    }
    Dev { child, ready: serde_json::from_str(&line).unwrap() }
}

fn temp(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("rowhouse-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl").arg("-s").args(arguments).output().expect("the README's lines need curl");
    String::from_utf8(output.stdout).unwrap()
}

/// Signs in as somebody of the line's, and lists projects.
fn projects(ready: &Value, tenant: usize, user: usize) -> Value {
    let base = ready["base_url"].as_str().unwrap();
    let user = &ready["tenants"][tenant]["users"][user];
    let credentials = serde_json::json!({ "email": user["email"], "password": user["password"] }).to_string();
    let token =
        curl(&[&format!("{base}/api/v1/auth/login"), "-H", "content-type: application/json", "-d", &credentials]);
    let token: Value = serde_json::from_str(&token).unwrap();
    let token = format!("authorization: Bearer {}", token["access_token"].as_str().unwrap());
    serde_json::from_str(&curl(&[&format!("{base}/api/v1/projects?limit=200"), "-H", &token])).unwrap()
}

#[test]
fn it_starts_keeps_its_data_and_leaves_nothing_behind() {
    let dir = temp("dev");
    let mut dev = start(&dir, &[]);
    let ready = dev.ready.clone();
    for url in ["base_url", "docs_url", "database_url", "api_database_url"] {
        assert!(ready[url].as_str().unwrap().contains("://"), "{ready}");
    }
    let slugs: Vec<&str> =
        ready["tenants"].as_array().unwrap().iter().map(|tenant| tenant["slug"].as_str().unwrap()).collect();
    assert_eq!(slugs, ["acme", "globex"]);
    let list = projects(&ready, 0, 0);
    assert_eq!(list["items"].as_array().unwrap().len(), 200);
    assert!(curl(&["-L", ready["docs_url"].as_str().unwrap()]).contains("swagger"));

    // A second one on the same data is told so, and does no harm.
    let (code, out, why) = run(rowhouse().args(["dev", "--dir"]).arg(&dir));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(why.contains("another `rowhouse dev` is running"), "{why}");

    // Ctrl-C.
    assert!(!processes_of(&dir).is_empty());
    signal(dev.child.id(), "-INT");
    assert!(dev.child.wait().unwrap().success());
    wait_until_gone(&dir);

    // What was there is there; dying without a chance to tidy up leaves nothing behind either.
    let mut dev = start(&dir, &[]);
    assert_eq!(dev.ready["tenants"], ready["tenants"]);
    assert_eq!(projects(&dev.ready, 0, 0), list);
    signal(dev.child.id(), "-KILL");
    dev.child.wait().unwrap();
    wait_until_gone(&dir);

    // And --fresh starts over.
    let mut dev = start(&dir, &["--fresh"]);
    assert_ne!(dev.ready["tenants"][0]["id"], ready["tenants"][0]["id"]);
    signal(dev.child.id(), "-TERM");
    assert!(dev.child.wait().unwrap().success());
    wait_until_gone(&dir);
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_lines_it_prints_work_when_pasted() {
    let dir = temp("welcome");
    let mut child = rowhouse().args(["dev", "--dir"]).arg(&dir).spawn().unwrap();
    let mut text = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    while lines.read_line(&mut text).unwrap() > 0 && !text.ends_with("My first project\"}'\n") {}
    let script: Vec<&str> =
        text.lines().filter(|line| line.starts_with("TOKEN=") || line.starts_with("curl ")).collect();
    let script = script.join("\n");
    assert_eq!(script.lines().count(), 3, "{text}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("\"next_cursor\"") && said.contains("201 Created"), "{script}\n{said}");
    assert!(text.contains("/docs") && text.contains("psql '"), "{text}");
    signal(child.id(), "-INT");
    assert!(child.wait().unwrap().success());
    wait_until_gone(&dir);
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn without_a_postgresql_one_sentence_says_what_to_do() {
    let dir = temp("without");
    let (code, out, why) = run(rowhouse().args(["dev", "--dir"]).arg(&dir).env("ROWHOUSE_PG_BIN", "/nowhere"));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(why.contains("ROWHOUSE_PG_BIN is /nowhere") && why.trim().lines().count() == 1, "{why}");
    let (code, _, why) = run(rowhouse().args(["dev"]).env("DATABASE_URL", "postgresql://postgres@127.0.0.1:1/x"));
    assert_eq!(code, Some(2));
    assert!(why.contains("cannot connect to database x as postgres"), "{why}");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[tokio::test]
async fn on_a_server_of_ones_own_it_makes_what_it_needs_and_leaves_real_tenants_alone() {
    use crate::support::TestDb;
    let db = TestDb::empty().await;
    let dir = temp("own");
    let url = db.url("postgres");
    let start_own = || {
        let mut child =
            rowhouse().args(["dev", "--json", "--dir"]).arg(&dir).env("DATABASE_URL", &url).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (child, line)
    };
    let (mut child, line) = start_own();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["database_url"], url);
    assert_eq!(projects(&ready, 1, 0)["items"].as_array().unwrap().len(), 200);
    signal(child.id(), "-INT");
    assert!(child.wait().unwrap().success());

    db.superuser()
        .await
        .batch_execute("insert into registry.tenants (id, slug, name) values (gen_random_uuid(), 'initech', 'Initech')")
        .await
        .unwrap();
    // Before it touches anything: the role keeps its password, or a real server would be locked out.
    let password = "select rolpassword from pg_authid where rolname = 'rowhouse_api'";
    let password = async || db.superuser().await.query_one(password, &[]).await.unwrap().get::<_, Option<String>>(0);
    let before = password().await;
    let (mut child, line) = start_own();
    assert_eq!((line.as_str(), child.wait().unwrap().code()), ("", Some(2)));
    assert_eq!(password().await, before);
    std::fs::remove_dir_all(&dir).unwrap();
}
