//! audit, attack and prove: each hole is named, a well made database is left in peace, and bad questions get a
//! sentence. Run as the commands a DBA runs.
mod attack;
mod lints;
mod prove;
mod questions;
mod takeover;

use serde_json::Value;

use crate::{
    cli::{rowhouse, run},
    support::TestDb,
};

/// A database with a hole of each kind, and one with none.
const HOLES: &str = include_str!("holes.sql");
const WELL_MADE: &str = include_str!("well_made.sql");

/// The value of a `-- name: value` line at the top of a fixture.
fn header<'a>(fixture: &'a str, name: &str) -> &'a str {
    let start = format!("-- {name}: ");
    fixture.lines().find_map(|line| line.strip_prefix(&start)).unwrap()
}

/// What the command line says about a fixture.
fn target(fixture: &str) -> [&str; 6] {
    [
        "--tenant-column",
        header(fixture, "columns"),
        "--setting",
        header(fixture, "setting"),
        "--role",
        header(fixture, "roles"),
    ]
}

/// Fresh, with a fixture in it.
async fn made_of(fixture: &str) -> TestDb {
    let db = TestDb::empty().await;
    db.superuser().await.batch_execute(fixture).await.unwrap();
    db
}

/// Runs a command against a database, in a directory without a configuration file. Meanwhile this test's
/// own connections end in peace: a database in use cannot be cloned.
async fn ask(command: &str, url: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let mut asked = rowhouse();
    asked.args([command, "--database-url", url]).args(more).current_dir(std::env::temp_dir());
    tokio::task::spawn_blocking(move || run(&mut asked)).await.unwrap()
}

/// The same, as JSON, whatever the exit code.
async fn report(command: &str, url: &str, more: &[&str]) -> (Option<i32>, Value) {
    let (code, out, err) = ask(command, url, &[more, &["--format", "json"]].concat()).await;
    (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{command} {more:?}: {code:?}\n{out}{err}")))
}

/// The project's own settings for these commands.
fn ours() -> [&'static str; 2] {
    ["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/rowhouse-audit.toml")]
}

/// Findings as `lint object`, without the server's version: that is the machine's.
fn findings(report: &Value) -> Vec<String> {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let all = report["findings"].as_array().unwrap().iter();
    all.filter(|finding| finding["lint"] != "server-version")
        .map(|finding| format!("{} {}", text(finding, "lint"), text(finding, "object")))
        .collect()
}
