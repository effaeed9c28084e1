//! Bringing a database to what sql/ says, and telling whether it is there.
use std::{fmt, fmt::Write as _};

use include_dir::{Dir, include_dir};
use refinery::{Migration, Runner};
use rowhouse_pg::{describe, parse};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Row;

use super::{AdminConn, FromRow};
use crate::{error::Failure, sql};

/// Everything under sql/, so that a binary carries the schema it was written for.
pub(super) static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql");

/// Where refinery keeps what it has applied.
const HISTORY: &str = "audit.schema_history";

/// Held while migrating, so that two instances deployed at once do it one after the other. Advisory locks
/// are per database; the number is "rowhouse" read as eight bytes.
const LOCK: i64 = i64::from_be_bytes(*b"rowhouse");

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

impl FromRow for Difference {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { kind: row.try_get("kind")?, object: row.try_get("object")?, difference: row.try_get("difference")? })
    }
}

/// What a run of [`migrate`] did.
#[derive(Debug, Default)]
pub struct MigrateReport {
    /// Migrations applied, in order.
    pub migrations: Vec<String>,
    /// Whether functions, policies and views were applied again.
    pub reapplied: bool,
    /// What that changed.
    pub changes: Vec<Difference>,
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
    if !migrator.all::<Schema>(sql!("db/schemas"), &[]).await?.iter().any(|schema| schema.0 == "audit") {
        return Err(Failure(
            "the schemas are missing: run `rowhouse bootstrap` as a superuser once, then migrate".to_owned(),
        ));
    }
    let lock = format!("set lock_timeout = '60s'; select pg_advisory_lock({LOCK}); reset lock_timeout");
    migrator.script("waiting for another migration to end", &lock).await?;
    let outcome = migrate_locked(migrator, accept).await;
    let unlocked = migrator.script("unlock", &format!("select pg_advisory_unlock({LOCK})")).await;
    let report = outcome?;
    unlocked.map(|()| report)
}

async fn migrate_locked(migrator: &mut AdminConn, accept: bool) -> Result<MigrateReport, Failure> {
    if !accept && !never_migrated(migrator).await? {
        let by_hand: Vec<Difference> = migrator.all(sql!("db/drift_by_hand"), &[]).await?;
        if !by_hand.is_empty() {
            let list: Vec<String> = by_hand.iter().map(|fact| format!("\n  {fact}")).collect();
            return Err(Failure(format!(
                "the database was changed by hand in ways that no file in sql/ mends:{}\nundo it, or make it a migration, or say --accept if it is right as it is",
                list.concat()
            )));
        }
    }
    // What a migration makes belongs to the owner; a backfill says `set local role rowhouse_migrator`.
    migrator.script("role", "set role rowhouse_owner").await?;
    let mut runner = Runner::new(&migrations()?);
    runner.set_migration_table_name(HISTORY);
    let applied = runner.run_async(migrator.client()).await;
    migrator.script("role", "reset role").await?;
    let applied = applied.map_err(|error| Failure(readable(&error)))?;
    let migrations: Vec<String> = applied.applied_migrations().iter().map(ToString::to_string).collect();
    if migrations.is_empty() && check(migrator).await?.is_empty() {
        return Ok(MigrateReport::default());
    }
    let changes = reapply(migrator).await?;
    Ok(MigrateReport { migrations, reapplied: true, changes })
}

/// Functions, policies and views from a clean slate, in one transaction: readers see the walls as they
/// were or as they will be. Gives up after five seconds behind somebody's long transaction rather than
/// let every request queue up behind itself.
async fn reapply(migrator: &AdminConn) -> Result<Vec<Difference>, Failure> {
    let before = if never_migrated(migrator).await? { Vec::new() } else { catalog(migrator).await? };
    let mut script = String::from("begin; set local lock_timeout = '5s';\n");
    script.push_str(text("apply/before.sql")?);
    for folder in ["functions", "policies", "views"] {
        for (_, contents) in folder_files(folder)? {
            script.push_str(contents);
        }
    }
    script.push_str(text("apply/after.sql")?);
    script.push_str("\ndelete from audit.files;\n");
    for (path, digest) in digests()? {
        let _ = writeln!(script, "insert into audit.files (path, sha256) values ('{path}', '{digest}');");
    }
    script.push_str("commit;");
    if let Err(failure) = migrator.script("sql/functions, sql/policies, sql/views", &script).await {
        let _ = migrator.script("rollback", "rollback").await;
        return Err(failure);
    }
    let after = catalog(migrator).await?;
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
    Ok(changes)
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
    let differing = carried.iter().filter_map(|migration| difference(migration).map(|how| (migration, how)));
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

/// The migrations this binary carries, in order.
fn migrations() -> Result<Vec<Migration>, Failure> {
    let mut all = Vec::new();
    for (path, contents) in folder_files("migrations")? {
        let name = path.trim_start_matches("migrations/").trim_end_matches(".sql");
        all.push(Migration::unapplied(name, contents).map_err(|error| Failure(format!("sql/{path}: {error}")))?);
    }
    all.sort();
    Ok(all)
}

/// SHA-256 of each file whose effect [`reapply`] produces.
fn digests() -> Result<Vec<(String, String)>, Failure> {
    let mut all = Vec::new();
    for folder in ["apply", "functions", "policies", "views"] {
        for (path, contents) in folder_files(folder)? {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, contents.as_bytes());
            let hex = digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            all.push((path, hex));
        }
    }
    Ok(all)
}

fn text(path: &str) -> Result<&'static str, Failure> {
    FILES
        .get_file(path)
        .and_then(include_dir::File::contents_utf8)
        .ok_or_else(|| Failure(format!("sql/{path} is not in this binary")))
}

/// A folder's files in order of name.
fn folder_files(folder: &str) -> Result<Vec<(String, &'static str)>, Failure> {
    let dir = FILES.get_dir(folder).ok_or_else(|| Failure(format!("sql/{folder} is not in this binary")))?;
    let mut files = Vec::new();
    for file in dir.files() {
        let path = file.path().to_string_lossy().into_owned();
        let contents = file.contents_utf8().ok_or_else(|| Failure(format!("sql/{path} is not UTF-8")))?;
        files.push((path, contents));
    }
    files.sort();
    Ok(files)
}

/// refinery wraps the driver's error, and the driver's says only "db error".
fn readable(error: &refinery::Error) -> String {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<tokio_postgres::Error>() {
            return format!("{error}: {}", describe(cause));
        }
        source = cause.source();
    }
    error.to_string()
}

struct Schema(String);
impl FromRow for Schema {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(row.try_get("name")?))
    }
}

/// A row of audit.catalog.
struct Fact {
    kind: String,
    object: String,
    definition: Option<String>,
}
impl FromRow for Fact {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { kind: row.try_get("kind")?, object: row.try_get("object")?, definition: row.try_get("definition")? })
    }
}

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
impl FromRow for Digest {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { path: row.try_get("path")?, sha256: row.try_get("sha256")? })
    }
}
