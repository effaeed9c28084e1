//! Migrations: what their texts say that somebody would notice, and each in turn on a database that serves at the version before it.
use std::collections::BTreeMap;

use rowhouse::{
    db::{self, API_ROLE, AdminConn},
    error::Failure,
};

use crate::{
    cli,
    support::{TestApp, TestDb, furnish},
};

/// What was written before anybody looked, by migration and rule. An applied migration never changes, so this list becomes no longer.
const BEFORE_THE_LINT: [(&str, &[&str]); 12] = [
    (
        "V2",
        &[
            "index-locks",
            "filled-under-lock",
            "not-null-scans",
            "permission-by-hand",
            "behind-the-wall",
            "constraint-scans",
        ],
    ),
    ("V3", &["permission-by-hand", "behind-the-wall"]),
    ("V5", &["constraint-scans"]),
    ("V6", &["permission-by-hand", "filled-under-lock", "index-locks"]),
    ("V7", &["constraint-scans"]),
    ("V9", &["constraint-scans"]),
    ("V10", &["filled-under-lock"]),
    ("V11", &["rewrites", "index-locks", "filled-under-lock"]),
    ("V13", &["index-locks"]),
    ("V14", &["constraint-scans", "index-locks", "filled-under-lock"]),
    ("V15", &["constraint-scans", "filled-under-lock"]),
    ("V17", &["index-locks"]),
];

/// Migrations that fail where the database has served, with what PostgreSQL says. None is added.
const BEFORE_THIS_TEST: [(&str, &str); 2] = [
    ("V2", "new row violates row-level security policy for table \"permissions\""),
    ("V3", "new row violates row-level security policy for table \"permissions\""),
];

/// The files of a folder under sql/, by name without its ending.
fn folder(name: &str) -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(name);
    let read = |path: std::path::PathBuf| {
        (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap())
    };
    let mut all: Vec<_> = std::fs::read_dir(root).unwrap().map(|file| read(file.unwrap().path())).collect();
    all.sort();
    all
}

fn migrations() -> Vec<(String, String)> {
    let mut all = folder("migrations");
    all.sort_by_key(|(name, _)| name[1..].split("__").next().unwrap().parse::<u32>().unwrap());
    all
}

#[test]
fn a_migration_says_nothing_that_those_who_are_served_would_notice() {
    let (mut known, mut new): (BTreeMap<String, Vec<&str>>, Vec<String>) = (BTreeMap::new(), Vec::new());
    for remark in db::lint_migrations().unwrap() {
        let before = BEFORE_THE_LINT.iter().find(|(name, _)| remark.migration.starts_with(&format!("{name}__")));
        match before.filter(|(_, rules)| rules.contains(&remark.rule)) {
            Some((name, _)) => {
                let rules = known.entry((*name).to_owned()).or_default();
                if !rules.contains(&remark.rule) {
                    rules.push(remark.rule);
                }
            }
            None => new.push(remark.to_string()),
        }
    }
    assert!(new.is_empty(), "\n{}\n", new.join("\n"));
    for (name, rules) in BEFORE_THE_LINT {
        let found = known.get(name).map_or(0, Vec::len);
        assert_eq!(found, rules.len(), "{name} breaks {:?} and BEFORE_THE_LINT says {rules:?}", known.get(name));
    }
}

#[tokio::test]
async fn a_rehearsal_says_what_will_be_noticed_and_changes_nothing() {
    let db = TestDb::empty().await;
    db::bootstrap(&AdminConn::connect(&db.url("postgres")).await.unwrap()).await.unwrap();
    let mut command = cli::rowhouse();
    command.args(["migrate", "--rehearse"]).env("MIGRATE_DATABASE_URL", db.url("postgres"));
    let (code, said, failure) = tokio::task::spawn_blocking(move || cli::run(&mut command)).await.unwrap();
    assert_eq!(code, Some(0), "{failure}");
    for part in
        ["V17__operations_that_run.sql:2: index-locks", "instead: make it `concurrently`", "on a copy, which is gone"]
    {
        assert!(said.contains(part), "{said}");
    }
    let left = db::check(&db.migrator().await).await.unwrap();
    assert!(left.len() == 1 && left[0].object.contains("never migrated"), "{left:?}");
}

/// A database that goes through all versions.
struct Growing {
    superuser: AdminConn,
    migrator: AdminConn,
}

impl Growing {
    async fn new(db: &TestDb) -> Self {
        let superuser = AdminConn::connect(&db.url("postgres")).await.unwrap();
        db::bootstrap(&superuser).await.unwrap();
        superuser.script("growing", include_str!("in_turn.sql")).await.unwrap();
        let policies = folder("policies").into_iter().flat_map(|(table, text)| {
            let one = |part: &str| part.lines().any(|line| !line.trim().is_empty() && !line.starts_with("--"));
            let parts: Vec<String> = text.split(";\n").filter(|part| one(part)).map(str::to_owned).collect();
            parts.into_iter().map(move |part| (table.clone(), part))
        });
        let mut insert = String::new();
        for (file, text) in folder("functions").into_iter().chain(policies) {
            insert.push_str(&format!(
                "insert into growing.statements (file, text) values ('{file}', $growing${text}$growing$);"
            ));
        }
        superuser.script("statements", &insert).await.unwrap();
        let mut growing = Self { superuser, migrator: db.migrator().await };
        growing.apply().await;
        growing
    }

    /// Applies what of functions, policies and triggers this version can have.
    async fn apply(&mut self) {
        let lent = folder("apply").into_iter().collect::<BTreeMap<_, _>>();
        let script = format!("{}; {}; select growing.apply(); {}", lent["schemas"], lent["lend"], lent["take_back"]);
        self.migrator.script("apply", &script).await.unwrap();
    }

    /// Rows of both tenants in each table that a version has, written past its triggers.
    async fn furnish(&self, first: bool) {
        let written = include_str!("in_turn_rows.sql");
        let mut parts = written.split("\n-- registry.");
        let tenants = parts.next().unwrap();
        if first {
            self.superuser
                .script("tenants", &format!("set session_replication_role = replica; {tenants}"))
                .await
                .unwrap();
        }
        let there = self.texts("select name from growing.tables").await;
        for part in parts {
            let (table, statement) = part.split_once('\n').unwrap();
            let table = format!("registry.{table}");
            if there.contains(&table) && self.texts(&format!("select count(*)::text from {table}")).await == ["0"] {
                self.superuser.script(&table, statement).await.unwrap();
            }
        }
        let tenants = ["00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000001a"];
        furnish(&self.superuser, &tenants.map(str::to_owned)).await;
        let none: Vec<String> = self
            .texts("select * from growing.rows()")
            .await
            .into_iter()
            .filter(|row| row.contains(": 0 rows"))
            .collect();
        assert_eq!(none, Vec::<String>::new(), "write a row in tests/api/in_turn_rows.sql");
    }

    async fn texts(&self, query: &str) -> Vec<String> {
        self.superuser.run(query).await.unwrap().first_column().map(str::to_owned).collect()
    }

    /// Whether a migration failed by a trigger that asks for what the version does not have; such triggers are gone then.
    async fn is_of_a_later_version(&self, failure: &str) -> bool {
        let missing = ["42P01", "42703", "42883"].iter().any(|code| failure.contains(code));
        let function = failure.split_once("PL/pgSQL function ").and_then(|(_, rest)| rest.split_once('('));
        let Some((function, _)) = function.filter(|_| missing) else { return false };
        let gone = self.migrator.run(&format!("select growing.later('{function}')")).await.unwrap();
        gone.value(0, "later") != Some("0")
    }

    /// Runs a migration as `rowhouse migrate` does, and says what it has written in which table.
    async fn migrate(&self, file: &str, walls: bool, keep: bool) -> Result<Vec<String>, String> {
        let permissions = include_str!("../../sql/apply/permissions.sql");
        let script = format!(
            "begin; set local role rowhouse_owner; select growing.walls({walls});
             {file};
             reset role; {permissions}; set local role rowhouse_owner; select growing.walls(true); reset role"
        );
        let rows: Result<Vec<String>, Failure> = async {
            self.migrator.script("migration", &script).await?;
            Ok(self.migrator.run("select * from growing.rows()").await?.first_column().map(str::to_owned).collect())
        }
        .await;
        let rows = rows.map_err(|failure: Failure| failure.to_string());
        let end = if keep && rows.is_ok() { "commit" } else { "rollback" };
        self.migrator.script("end", end).await.unwrap();
        rows
    }
}

#[tokio::test]
async fn each_migration_in_turn_does_its_work_on_a_database_that_serves_at_the_version_before() {
    let db = TestDb::empty().await;
    let mut growing = Growing::new(&db).await;
    let mut wrong = Vec::new();
    for (number, (name, file)) in migrations().into_iter().enumerate() {
        let fresh = loop {
            match growing.migrate(&file, false, false).await {
                Ok(rows) => break rows,
                Err(failure) if growing.is_of_a_later_version(&failure).await => {}
                Err(failure) => {
                    panic!("sql/migrations/{name}.sql fails where tables have rows, walls or not: {failure}")
                }
            }
        };
        let served = growing.migrate(&file, true, true).await;
        let known = BEFORE_THIS_TEST.iter().find(|(version, _)| name.starts_with(&format!("{version}__")));
        match (served, known) {
            (Err(failure), Some((_, says))) if failure.contains(says) => {
                growing.migrate(&file, false, true).await.unwrap();
            }
            (Err(failure), _) => {
                wrong.push(format!("sql/migrations/{name}.sql fails behind the walls: {failure}"));
                growing.migrate(&file, false, true).await.unwrap();
            }
            (Ok(_), Some(_)) => wrong.push(format!("{name} does not fail: take it out of BEFORE_THIS_TEST")),
            (Ok(rows), None) => {
                let differing = fresh.iter().zip(&rows).filter(|(fresh, served)| fresh != served);
                wrong.extend(differing.map(|(fresh, served)| {
                    format!(
                        "sql/migrations/{name}.sql does not do behind the walls what it does without: {fresh}, and behind them {served}: say `set local role rowhouse_migrator` before"
                    )
                }));
            }
        }
        growing.furnish(number == 0).await;
        growing.apply().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let left = growing.texts("select file || ': ' || refusal from growing.statements where not applied").await;
    assert_eq!(left, Vec::<String>::new(), "at the newest version all files can be applied");

    // And then all the rest as ever: nothing is missing, and it serves.
    growing.superuser.script("gone", "drop schema growing cascade").await.unwrap();
    let mut history = String::from(
        "set role rowhouse_owner;
         create table audit.schema_history (version int4 primary key, name varchar(255), applied_on varchar(255), checksum varchar(255));",
    );
    for (name, file) in migrations() {
        let migration = refinery::Migration::unapplied(&name, &file).unwrap();
        history.push_str(&format!(
            "insert into audit.schema_history values ({}, '{}', '2026-11-01T00:00:00Z', '{}');",
            migration.version(),
            migration.name(),
            migration.checksum()
        ));
    }
    history.push_str("reset role");
    growing.migrator.script("history", &history).await.unwrap();
    let report = db::migrate(&mut growing.migrator, false).await.unwrap();
    assert_eq!(report.migrations, Vec::<String>::new());
    assert!(db::check(&growing.migrator).await.unwrap().is_empty());
    let app = TestApp::with(&db.url(API_ROLE), &crate::support::tuning(&[])).await;
    let startup_problems = app.startup_problems().await;
    assert!(startup_problems.len() == 1 && startup_problems[0].contains("rowhouse keys seal"), "{startup_problems:?}");
}
