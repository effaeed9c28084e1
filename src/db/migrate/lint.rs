//! What a migration would do to those who are served meanwhile, and what it would not do behind the walls: read off its text,
//! before it is ever run.
//!
//! A table that the same migration makes is nobody's yet, and all of this may be done to it. What is meant all the same says so
//! right before its statement, `-- lint: RULE: why`.
mod backfill;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    files::migrations,
    script::{Statement, statements},
    text,
};
use crate::error::Failure;

/// One thing about a migration that somebody will notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The migration's name, without ending.
    pub migration: String,
    /// The line on which the statement begins, or the part of it that is meant.
    pub line: usize,
    /// Which rule it breaks.
    pub rule: &'static str,
    /// What it is about.
    pub what: String,
}

/// Rules by name: what happens, and what to write instead.
const RULES: [(&str, &str, &str); 10] = [
    (
        "constraint-scans",
        "reads the whole table while nobody may use it",
        "add the constraint `not valid`, by itself and not with the column, and say `validate constraint` in the next migration, which locks nobody out",
    ),
    (
        "validated-at-once",
        "reads the whole table while what added the constraint keeps everybody out",
        "`validate constraint` belongs into the next migration: each is a transaction of its own",
    ),
    (
        "index-locks",
        "makes an index while nobody may write",
        "make it `concurrently` in a file of its own, sql/indexes/SCHEMA.INDEX.sql; a key is a constraint `using index` in a later release",
    ),
    (
        "not-null-scans",
        "reads the whole table while nobody may use it",
        "add a constraint `check (COLUMN is not null) not valid`, validate it in the next migration, and say `set not null` in the one after, which then reads nothing",
    ),
    (
        "not-null-without-default",
        "fails where the table has rows, and works where it has none",
        "give the column a default that is the same for all rows, or add it without `not null` and fill it in the next migration",
    ),
    (
        "rewrites",
        "writes the whole table anew while nobody may use it",
        "add another column without a default, fill it in the next migration, and use that one",
    ),
    (
        "taken-away",
        "takes away what the version that serves meanwhile may still ask for",
        "let it go in a release after the one that stopped asking, and say so right before the statement: `-- lint: taken-away: nothing has read it since V…`",
    ),
    (
        "behind-the-wall",
        "reaches no row of a table that has served: its wall binds the owner, too, and nothing says so",
        "say `set local role rowhouse_migrator;` before and `set local role rowhouse_owner;` after",
    ),
    (
        "filled-under-lock",
        "works through rows while what altered a table before keeps everybody out",
        "fill in the next migration: each is a transaction of its own",
    ),
    (
        "permission-by-hand",
        "leaves the permission to tenants that are founded from now on, or to nobody",
        "`set local role rowhouse_migrator; select registry.give('things:read', 'See things', array['owner', 'admin']);`",
    ),
];

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { migration, line, rule, what } = self;
        let (happens, remedy) =
            RULES.iter().find(|(name, ..)| name == rule).map_or(("", ""), |(_, happens, remedy)| (happens, remedy));
        write!(f, "sql/migrations/{migration}.sql:{line}: {rule}: {what} {happens}\n    instead: {remedy}")
    }
}

/// What there is to say about the migrations this binary carries.
pub fn lint_migrations() -> Result<Vec<Remark>, Failure> {
    let mut files = Vec::new();
    for (migration, path) in migrations()? {
        files.push((migration.to_string(), text(&path)?));
    }
    Ok(remarks(files.iter().map(|(name, contents)| (name.as_str(), *contents))))
}

/// The same for files in their order, by name and contents.
fn remarks<'f>(files: impl Iterator<Item = (&'f str, &'f str)>) -> Vec<Remark> {
    let mut known = Known::default();
    let mut all = Vec::new();
    for (name, contents) in files {
        let mut file = File::new(name, &mut known);
        for statement in statements(contents) {
            file.read(&statement);
        }
        all.append(&mut file.found);
    }
    all
}

/// What earlier migrations have said.
#[derive(Default)]
struct Known {
    /// Constraints `check (column is not null)`, by table and name.
    not_null: BTreeMap<(String, String), String>,
    /// Those that are validated, by table and name.
    validated: BTreeSet<(String, String)>,
}

/// A migration that is being read.
struct File<'k> {
    name: String,
    known: &'k mut Known,
    /// Tables that it makes.
    made: BTreeSet<String>,
    /// Constraints that it adds `not valid`, by table and name.
    added: BTreeSet<(String, String)>,
    /// A table that it has altered and did not make.
    altered: bool,
    /// Whether it speaks as the role that no wall stops.
    unwalled: bool,
    /// Rules that the statement at hand says it breaks, with a reason.
    meant: Vec<String>,
    found: Vec<Remark>,
}

impl<'k> File<'k> {
    fn new(name: &str, known: &'k mut Known) -> Self {
        Self {
            name: name.to_owned(),
            known,
            made: BTreeSet::new(),
            added: BTreeSet::new(),
            altered: false,
            unwalled: false,
            meant: Vec::new(),
            found: Vec::new(),
        }
    }

    fn read(&mut self, statement: &Statement<'_>) {
        let reason = |line: &&str| -> Option<String> {
            let (rule, why) = line.trim_start_matches('-').trim().strip_prefix("lint:")?.split_once(':')?;
            (!why.trim().is_empty()).then(|| rule.trim().to_owned())
        };
        self.meant = statement.comments.iter().filter_map(reason).collect();
        if let Some(role) = statement.find(0, &["role"]).filter(|at| *at <= 2)
            && (statement.begins(&["set"]) || statement.begins(&["reset"]))
        {
            // Whoever is reset is the migrator, as whom all is run.
            self.unwalled = statement.begins(&["reset"])
                || statement.words.get(role + 1).is_some_and(|word| word.is("rowhouse_migrator"));
        } else if statement.begins(&["alter", "table"]) {
            self.alter_table(statement);
        } else if statement.begins(&["create"]) && statement.words.iter().take(4).any(|word| word.is("index")) {
            self.create_index(statement);
        } else if statement.begins(&["drop", "table"]) {
            self.drop_table(statement);
        } else if statement.begins(&["create"])
            && statement.words.iter().take(4).any(|word| word.is("policy") || word.is("trigger"))
        {
            // Both keep writers out to the end of the transaction, and a policy readers too.
            let on = statement.words.iter().position(|word| word.is("on"));
            let table = on.and_then(|at| named(statement, at + 1));
            self.altered |= table.is_some_and(|(table, _)| !self.made.contains(&table));
        } else if ["cluster", "reindex"].iter().any(|word| statement.begins(&[word])) {
            self.say(statement.line(), "rewrites", &format!("`{}`", statement.normal()));
        } else {
            self.rows(statement);
        }
        if statement.begins(&["create"])
            && let Some(at) = statement.find(0, &["table"]).filter(|at| *at <= 2)
            && let Some((table, _)) = named(statement, at + 1)
        {
            self.made.insert(table);
        }
    }

    fn say(&mut self, line: usize, rule: &'static str, what: &str) {
        debug_assert!(RULES.iter().any(|(name, ..)| *name == rule), "{rule}");
        let remark = Remark { migration: self.name.clone(), line, rule, what: what.to_owned() };
        if !self.meant.iter().any(|meant| meant == rule) && !self.found.contains(&remark) {
            self.found.push(remark);
        }
    }
}

/// The name of a table that begins with a word, whatever stands before it, and the word after it.
fn named(statement: &Statement<'_>, from: usize) -> Option<(String, usize)> {
    let skipped = |at: &usize| ["if", "not", "exists", "only"].iter().any(|skip| statement.words[*at].is(skip));
    let at = (from..statement.words.len()).find(|at| !skipped(at))?;
    statement.name(at)
}
