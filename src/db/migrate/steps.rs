//! One transaction of a migration at a time, in which nobody waits long for it.
//!
//! Whoever waits for a lock makes everybody wait who comes after, whatever they want. So a step looks first whether somebody
//! holds its tables for long, and does not ask while they do; then it asks for a few milliseconds, and for more each time, 200
//! at most. What it got it gives back when it does not get the rest.
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use tokio_postgres::error::SqlState;

use super::{AdminConn, Difference, MigrateReport, Options, literal};
use crate::{error::Failure, from_row, sql};
use rowhouse_pg::describe;

/// How long a step waits for a lock the first time, and each time after that.
const WAITS: [u64; 6] = [10, 20, 50, 100, 150, 200];
/// Who holds a table for longer than this is waited for without asking.
const LONG: Duration = Duration::from_millis(30);

/// What a run of `migrate` has to do with: the connection, what was asked for, and what it has done so far.
pub(super) struct Run<'a> {
    pub(super) admin: &'a mut AdminConn,
    pub(super) options: &'a Options,
    pub(super) report: MigrateReport,
    /// Whether there are `audit.drift` and `audit.applied`, so that each step writes down what it changes: whoever serves
    /// meanwhile asks them whether the walls still stand.
    pub(super) recorded: bool,
}

/// One transaction of a run.
#[derive(Clone, Debug)]
pub struct Step {
    /// The file, or what it is about.
    pub name: String,
    /// How often it began, since somebody held what it needed.
    pub attempts: u32,
    /// How long it waited for its turn.
    pub waited: Duration,
    /// How long it held what it locked.
    pub held: Duration,
    /// What it locked, by relation and mode, where [`Options::observe`] asks for it.
    pub locks: Vec<String>,
}

struct Holder {
    transaction: String,
    pid: i32,
    relation: String,
}
from_row! { Holder: transaction, pid, relation }

struct Held(String);
from_row! { Held: "lock" }

impl Run<'_> {
    /// Runs a script as one transaction. `tables` are those that it takes locks on which others would wait for.
    pub(super) async fn step(&mut self, name: &str, tables: &[String], script: &str) -> Result<(), Failure> {
        let begun = Instant::now();
        let until = begun + self.options.patience;
        let mut waits = WAITS.into_iter().chain(std::iter::repeat(200));
        let mut attempts = 0;
        loop {
            self.until_free(name, tables, until).await?;
            attempts += 1;
            let wait = waits.next().unwrap_or(200);
            let waited = begun.elapsed();
            let asked = Instant::now();
            // A file's own texts never say begin or commit: all of it stands or none does.
            let text =
                format!("begin; set local lock_timeout = '{wait}ms'; set local statement_timeout = 0;\n{script}");
            let done = match self.admin.client().batch_execute(&text).await {
                Ok(()) => {
                    let locks = self.locks().await?;
                    self.admin.client().batch_execute("commit").await.map(|()| locks)
                }
                Err(error) => Err(error),
            };
            let error = match done {
                Ok(locks) => {
                    let step = Step { name: name.to_owned(), attempts, waited, held: asked.elapsed(), locks };
                    self.report.steps.push(step);
                    return Ok(());
                }
                Err(error) => error,
            };
            self.admin.script("rollback", "rollback").await?;
            if !in_the_way(&error) {
                return Err(Failure(format!("{name}: {}{}", describe(&error), remedy(&error))));
            }
            if Instant::now() > until {
                return Err(self.gave_up(name, tables).await);
            }
            // Those who queued up behind us go first.
            tokio::time::sleep(Duration::from_millis(wait * 3)).await;
        }
    }

    /// Waits as long as somebody holds one of the tables for longer than a moment.
    async fn until_free(&self, name: &str, tables: &[String], until: Instant) -> Result<(), Failure> {
        if tables.is_empty() {
            return Ok(());
        }
        let mut before: Option<HashSet<String>> = None;
        loop {
            let now: Vec<Holder> = self.admin.all(sql!("db/holders"), &[&tables]).await?;
            if now.is_empty() {
                return Ok(());
            }
            let now: HashSet<String> = now.into_iter().map(|holder| holder.transaction).collect();
            if before.as_ref().is_some_and(|before| before.is_disjoint(&now)) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(self.gave_up(name, tables).await);
            }
            before = Some(now);
            tokio::time::sleep(LONG).await;
        }
    }

    async fn gave_up(&self, name: &str, tables: &[String]) -> Failure {
        let holders: Vec<Holder> = self.admin.all(sql!("db/holders"), &[&tables]).await.unwrap_or_default();
        let holders: Vec<String> =
            holders.iter().map(|holder| format!("process {} holds {}", holder.pid, holder.relation)).collect();
        let holders = if holders.is_empty() { "nobody does now".to_owned() } else { holders.join(", ") };
        Failure(format!(
            "{name}: others held {} for {} seconds ({holders}; `select * from pg_stat_activity` as a superuser says who): nothing of this step was done, what came before stands; end them or wait, and migrate again, or say --patience",
            if tables.is_empty() { "what it needs".to_owned() } else { tables.join(", ") },
            self.options.patience.as_secs(),
        ))
    }

    async fn locks(&self) -> Result<Vec<String>, Failure> {
        if !self.options.observe {
            return Ok(Vec::new());
        }
        let held: Vec<Held> = self.admin.all(sql!("db/locks_held"), &[]).await?;
        Ok(held.into_iter().map(|held| held.0).collect())
    }

    /// What differs now from what was written down.
    pub(super) async fn drift(&self) -> Result<Vec<Difference>, Failure> {
        if self.recorded { self.admin.all(sql!("db/drift"), &[]).await } else { Ok(Vec::new()) }
    }

    /// The end of a script that may have changed anything: writes down all that differs now and did not before.
    pub(super) async fn record_all(&self, made_anew: impl Fn(&Difference) -> bool) -> Result<String, Failure> {
        if !self.recorded {
            return Ok(String::new());
        }
        let before = self.drift().await?;
        let known: Vec<String> = before
            .iter()
            .filter(|fact| !made_anew(fact))
            .map(|fact| format!("({}, {})", literal(&fact.kind), literal(&fact.object)))
            .collect();
        let but = if known.is_empty() {
            String::new()
        } else {
            format!("where (d.kind, d.object) not in ({})", known.join(", "))
        };
        Ok(format!(
            "with d as materialized (select d.kind, d.object, d.in_database from audit.drift d {but}),
                 gone as (delete from audit.applied a using d
                          where d.in_database is null and a.kind = d.kind and a.object = d.object)
             insert into audit.applied (kind, object, definition)
             select kind, object, in_database from d where in_database is not null
             on conflict (kind, object) do update set definition = excluded.definition;\n"
        ))
    }

    /// The end of a script that has made all facts of these kinds whose object matches: writes them down.
    pub(super) fn record(&self, kinds: &[&str], matching: &str) -> String {
        if !self.recorded {
            return String::new();
        }
        let kinds: Vec<String> = kinds.iter().map(|kind| literal(kind)).collect();
        let which = format!("kind in ({}) and object ~ {}", kinds.join(", "), literal(matching));
        format!(
            "delete from audit.applied where {which};
             insert into audit.applied (kind, object, definition) select kind, object, definition from audit.catalog where {which};\n"
        )
    }
}

/// Writes down which objects a file has made, so that the next run leaves them alone.
pub(super) fn made<'o>(
    path: &str,
    digest: Option<&String>,
    objects: impl Iterator<Item = (&'o str, &'o str)>,
) -> String {
    let rows: Vec<String> =
        objects.map(|(object, sha256)| format!("({}, {}, '{sha256}')", literal(path), literal(object))).collect();
    let mut script = format!("delete from audit.made where path = {};\n", literal(path));
    if !rows.is_empty() {
        script.push_str(&format!("insert into audit.made (path, object, sha256) values {};\n", rows.join(", ")));
    }
    script.push_str(&applied(path, digest));
    script
}

/// Writes down that a file was applied, or that it is there no more.
pub(super) fn applied(path: &str, digest: Option<&String>) -> String {
    let path = literal(path);
    match digest {
        None => format!("delete from audit.files where path = {path};\n"),
        Some(digest) => format!(
            "insert into audit.files (path, sha256) values ({path}, '{digest}')
             on conflict (path) do update set sha256 = excluded.sha256, applied_at = now();\n"
        ),
    }
}

/// What was kept of rows may have been worked out otherwise than it is from here on: see `Run::renew_generations`.
pub(super) const GENERATIONS_DUE: &str =
    "insert into audit.made (path, object, sha256) values ('generations', 'due', '') on conflict do nothing;\n";

/// Whether somebody was in the way who is not for ever.
fn in_the_way(error: &tokio_postgres::Error) -> bool {
    let Some(db) = error.as_db_error() else { return false };
    let code = db.code();
    [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE].contains(code)
        // Two changes of one row of the catalog: of rights, while ANALYZE writes down how large a table is.
        || *code == SqlState::INTERNAL_ERROR && db.message().starts_with("tuple concurrently ")
}

/// What to do about what PostgreSQL refused.
fn remedy(error: &tokio_postgres::Error) -> &'static str {
    match error.code() {
        Some(&SqlState::INVALID_FUNCTION_DEFINITION) => {
            "\na function is replaced only where its result and its parameters' names stay: give the new one another name, and let the old file go in a later release; or drop the function in a migration, if no running version calls it"
        }
        Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) => {
            "\nwhat stands on it goes first: in a migration, or by keeping its file for one release more"
        }
        Some(&SqlState::UNDEFINED_OBJECT) => {
            "\nif it is a role: `rowhouse bootstrap`, as a superuser, makes those that a version brings, and comes before `rowhouse migrate`"
        }
        _ => "",
    }
}
