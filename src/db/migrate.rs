//! Bringing a database to what sql/ says, and telling whether it is there.
//!
//! Step by step while others go on serving: each step is a transaction that stands for itself, and writes down what it has
//! changed. A run that ends early has done the steps before; the next one does the rest.
mod apply;
mod files;
mod indexes;
mod lint;
mod made;
mod script;
mod steps;
mod tables;

use std::{
    fmt,
    time::{Duration, Instant},
};

use refinery::Migration;
use rowhouse_pg::{literal, parse};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Row;

use self::{
    files::{digests, folder, migrations, text},
    steps::Run,
};
pub use self::{
    lint::{Remark, lint_migrations},
    steps::Step,
};
use super::{AdminConn, FromRow};
use crate::{error::Failure, from_row, sql};

/// What was applied of sql/migrations.
const HISTORY: &str = "audit.schema_history";

/// Held while migrating, so that two instances deployed at once do it one after the other. Advisory locks
/// are per database; the number is "rowhouse" read as eight bytes.
const LOCK: i64 = i64::from_be_bytes(*b"rowhouse");

/// How long another run may take: its patience, and some.
const ANOTHER_RUN: Duration = Duration::from_mins(10);

/// One fact about the database that is not as sql/ would have it, or that a migration changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What sort of thing: policy, grant, function, file …
    pub kind: String,
    /// Which one.
    pub object: String,
    /// missing, added or changed.
    pub difference: String,
}

impl Difference {
    fn new(kind: &str, object: &str, difference: &str) -> Self {
        Self { kind: kind.to_owned(), object: object.to_owned(), difference: difference.to_owned() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {:<15} {}", self.difference, self.kind, self.object)
    }
}

from_row! { Difference: kind, object, difference }

/// What a run of [`migrate`] did.
#[derive(Debug, Default)]
pub struct MigrateReport {
    /// Migrations applied, in order.
    pub migrations: Vec<String>,
    /// Whether anything was done at all.
    pub reapplied: bool,
    /// What that changed.
    pub changes: Vec<Difference>,
    /// The transactions it took, in order.
    pub steps: Vec<Step>,
}

/// How to migrate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What was done by hand, and no file makes again, is right from now on.
    pub accept: bool,
    /// Every file is applied, changed or not.
    pub reapply: bool,
    /// How long a step waits for those who hold what it needs.
    pub patience: Duration,
    /// Whether each step says what it has locked.
    pub observe: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { accept: false, reapply: false, patience: Duration::from_mins(2), observe: false }
    }
}

/// Makes roles and schemas and takes back what PostgreSQL gives to everyone. Needs a superuser.
pub async fn bootstrap(superuser: &AdminConn) -> Result<(), Failure> {
    superuser.script("sql/bootstrap.sql", text("bootstrap.sql")?).await
}

/// Gives the roles named in these URLs the passwords that stand in them. What travels, and what the
/// server's log could show, is the SCRAM verifier (RFC 5803), not the password.
pub async fn set_passwords(superuser: &AdminConn, urls: &[SecretString]) -> Result<Vec<String>, Failure> {
    let mut changed = Vec::new();
    for url in urls {
        let config = parse(url.expose_secret())?;
        let (Some(role), Some(password)) = (config.get_user(), config.get_password()) else { continue };
        if !role.starts_with("rowhouse_") || !role.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err(Failure(format!("{role} is not one of the roles that sql/bootstrap.sql makes")));
        }
        let verifier = postgres_protocol::password::scram_sha_256(password);
        superuser.script("password", &format!("alter role {role} password '{verifier}'")).await?;
        changed.push(role.to_owned());
    }
    Ok(changed)
}

/// Applies what is pending, then functions, policies and views, and says what changed. Run as
/// `rowhouse_migrator`. Does nothing, and takes no lock on any table, when all is as it should be.
///
/// What was done by hand and no file makes again (a view, a constraint, a role's attributes …) is not
/// covered up: it fails, lists them, and leaves everything as it was, unless `accept` says that they are
/// meant to be so from now on.
pub async fn migrate(migrator: &mut AdminConn, accept: bool) -> Result<MigrateReport, Failure> {
    migrate_with(migrator, &Options { accept, ..Options::default() }).await
}

/// [`migrate`], as the options say.
pub async fn migrate_with(migrator: &mut AdminConn, options: &Options) -> Result<MigrateReport, Failure> {
    if !migrator.all::<Schema>(sql!("db/schemas"), &[]).await?.iter().any(|schema| schema.0 == "audit") {
        return Err(Failure(
            "the schemas are missing: run `rowhouse bootstrap` as a superuser once, then migrate".to_owned(),
        ));
    }
    one_at_a_time(migrator).await?;
    let outcome = migrate_locked(migrator, options).await;
    let unlocked = migrator.script("unlock", &format!("select pg_advisory_unlock({LOCK})")).await;
    let report = outcome?;
    unlocked.map(|()| report)
}

/// Runs files that the binary does not carry as it runs its own: `migrations/…` and `indexes/…`, by path and contents. They are not written into
/// the list of migrations, so each call runs them; an index is the next run's to drop. For measuring what a migration does to those who are served.
pub async fn apply_beside(
    migrator: &mut AdminConn,
    options: &Options,
    files: &[(&str, &'static str)],
) -> Result<MigrateReport, Failure> {
    one_at_a_time(migrator).await?;
    let mut run = Run { admin: migrator, options, report: MigrateReport::default(), recorded: true };
    let outcome = run.beside(files).await;
    let report = run.report;
    migrator.script("unlock", &format!("select pg_advisory_unlock({LOCK})")).await?;
    outcome.map(|()| report)
}

/// Waits for another run to end, asking now and then: whoever waited inside PostgreSQL would hold a snapshot meanwhile, for
/// which `create index concurrently` of the run before waits in its turn.
async fn one_at_a_time(migrator: &AdminConn) -> Result<(), Failure> {
    let begun = Instant::now();
    let ask = format!("select pg_try_advisory_lock({LOCK})");
    while migrator.run(&ask).await?.first_column().next() != Some("t") {
        if begun.elapsed() > ANOTHER_RUN {
            return Err(Failure("another migration of this database has not ended for ten minutes".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn migrate_locked(migrator: &mut AdminConn, options: &Options) -> Result<MigrateReport, Failure> {
    let fresh = never_migrated(migrator).await?;
    if !options.accept && !fresh {
        refuse_what_no_file_mends(migrator).await?;
    }
    let before = if fresh { Vec::new() } else { catalog(migrator).await? };
    let mut run = Run { admin: migrator, options, report: MigrateReport::default(), recorded: !fresh };
    let digests = digests()?;
    // Functions before the policies that call them, and what nothing calls any more at the end: at every moment in between
    // the version that serves finds all it knows.
    run.migrations().await?;
    run.schemas(&digests).await?;
    run.functions(&digests).await?;
    run.tables(&digests).await?;
    run.views(&digests).await?;
    run.indexes(&digests).await?;
    run.what_is_left(&digests).await?;
    if options.accept {
        run.accept().await?;
    }
    run.renew_generations().await?;
    let left = run.drift().await?;
    let mut report = run.report;
    if !left.is_empty() {
        return Err(Failure(format!("the files do not mend this:{}", listed(&left))));
    }
    report.reapplied = !report.steps.is_empty();
    if report.reapplied {
        report.changes = changes(&before, &catalog(migrator).await?);
    }
    Ok(report)
}

async fn refuse_what_no_file_mends(migrator: &AdminConn) -> Result<(), Failure> {
    let mut by_hand: Vec<Difference> = migrator.all(sql!("db/drift_by_hand"), &[]).await?;
    let indexes = folder("indexes")?;
    by_hand.retain(|fact| {
        let named = |(path, _): &(String, &str)| {
            let name = path.trim_start_matches("indexes/").trim_end_matches(".sql");
            fact.object.ends_with(&format!(".{name}"))
        };
        fact.kind != "index" || !indexes.iter().any(named)
    });
    if by_hand.is_empty() {
        return Ok(());
    }
    Err(Failure(format!(
        "the database was changed by hand in ways that no file in sql/ mends:{}\nundo it, or make it a migration, or say --accept if it is right as it is",
        listed(&by_hand)
    )))
}

fn listed(facts: &[Difference]) -> String {
    let lines: Vec<String> = facts.iter().map(|fact| format!("\n  {fact}")).collect();
    lines.concat()
}

fn changes(before: &[Fact], after: &[Fact]) -> Vec<Difference> {
    let change = |fact: &Fact, how: &str| Difference::new(&fact.kind, &fact.object, how);
    let same = |a: &Fact, b: &Fact| a.kind == b.kind && a.object == b.object;
    let mut changes: Vec<Difference> = after
        .iter()
        .filter_map(|now| match before.iter().find(|fact| same(fact, now)) {
            None => Some(change(now, "added")),
            Some(fact) if fact.definition != now.definition => Some(change(now, "changed")),
            Some(_) => None,
        })
        .collect();
    let gone = before.iter().filter(|fact| !after.iter().any(|now| same(fact, now)));
    changes.extend(gone.map(|fact| change(fact, "removed")));
    changes
}

async fn catalog(admin: &AdminConn) -> Result<Vec<Fact>, Failure> {
    admin.all(sql!("db/catalog"), &[]).await
}

/// Where the database differs from sql/: migrations not applied, files changed since, and anything done
/// to the database by hand. Empty is right.
pub async fn check(admin: &AdminConn) -> Result<Vec<Difference>, Failure> {
    if never_migrated(admin).await? {
        return Ok(vec![Difference::new("migration", "every one: this database was never migrated", "missing")]);
    }
    let applied: Vec<Applied> = admin.all(sql!("db/applied_migrations"), &[]).await?;
    let mut differences = migration_differences(&applied)?;
    let recorded: Vec<Digest> = admin.all(sql!("db/applied_files"), &[]).await?;
    differences.extend(file_differences(&recorded)?);
    differences.extend(admin.all::<Difference>(sql!("db/drift"), &[]).await?);
    Ok(differences)
}

async fn never_migrated(admin: &AdminConn) -> Result<bool, Failure> {
    Ok(admin.all::<Schema>(sql!("db/catalog_exists"), &[]).await?.is_empty())
}

/// Compares the migrations this binary carries with those applied. One that it does not know is a newer
/// version's, and none of its business.
pub(super) fn migration_differences(applied: &[Applied]) -> Result<Vec<Difference>, Failure> {
    let difference = |migration: &Migration| match applied.iter().find(|a| a.version == i64::from(migration.version()))
    {
        None => Some("missing"),
        Some(applied) if applied.checksum != migration.checksum().to_string() => Some("changed"),
        Some(_) => None,
    };
    let carried = migrations()?;
    let differing = carried.iter().filter_map(|(migration, _)| difference(migration).map(|how| (migration, how)));
    Ok(differing.map(|(migration, how)| Difference::new("migration", &migration.to_string(), how)).collect())
}

/// Compares the files this binary carries with those last applied.
pub(super) fn file_differences(recorded: &[Digest]) -> Result<Vec<Difference>, Failure> {
    let carried = digests()?;
    let file = |path: &str, how: &str| Difference::new("file", &format!("sql/{path}"), how);
    let mut differences: Vec<Difference> = carried
        .iter()
        .filter_map(|(path, digest)| match recorded.iter().find(|known| known.path == *path) {
            None => Some(file(path, "missing")),
            Some(known) if known.sha256 != *digest => Some(file(path, "changed")),
            Some(_) => None,
        })
        .collect();
    let gone = recorded.iter().filter(|known| !carried.iter().any(|(path, _)| *path == known.path));
    differences.extend(gone.map(|known| file(&known.path, "added")));
    Ok(differences)
}

struct Schema(String);
/// A row of audit.catalog.
struct Fact {
    kind: String,
    object: String,
    definition: Option<String>,
}
from_row! { Fact: kind, object, definition }

pub(super) struct Applied {
    version: i64,
    checksum: String,
}
impl FromRow for Applied {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { version: i64::from(row.try_get::<_, i32>("version")?), checksum: row.try_get("checksum")? })
    }
}

pub(super) struct Digest {
    pub(super) path: String,
    pub(super) sha256: String,
}
from_row! { Digest: path, sha256 }
