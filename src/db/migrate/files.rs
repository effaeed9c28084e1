//! What this binary carries under sql/, and what each file says: which table's policies, triggers and grants.
use std::{collections::BTreeMap, fmt::Write as _};

use include_dir::{Dir, include_dir};
use refinery::Migration;

use super::script::{Statement, statements};
use crate::error::Failure;

/// Everything under sql/, so that a binary carries the schema it was written for.
pub(super) static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql");

/// The folders whose files are applied again when they change.
const FOLDERS: [&str; 5] = ["apply", "functions", "policies", "views", "indexes"];

pub(super) fn text(path: &str) -> Result<&'static str, Failure> {
    FILES
        .get_file(path)
        .and_then(include_dir::File::contents_utf8)
        .ok_or_else(|| Failure(format!("sql/{path} is not in this binary")))
}

/// A folder's files in order of name.
pub(super) fn folder(folder: &str) -> Result<Vec<(String, &'static str)>, Failure> {
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

/// The migrations this binary carries, in order, each with its path.
pub(super) fn migrations() -> Result<Vec<(Migration, String)>, Failure> {
    let mut all = Vec::new();
    for (path, contents) in folder("migrations")? {
        let name = path.trim_start_matches("migrations/").trim_end_matches(".sql");
        let migration =
            Migration::unapplied(name, contents).map_err(|error| Failure(format!("sql/{path}: {error}")))?;
        all.push((migration, path));
    }
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    if let Some([(_, one), (_, other)]) = all.windows(2).find_map(|pair| match pair {
        [one, other] if one.0.version() == other.0.version() => Some([one, other]),
        _ => None,
    }) {
        return Err(Failure(format!(
            "sql/{one} and sql/{other} have the same number: rename the one that no database has yet to the next that is free"
        )));
    }
    Ok(all)
}

pub(super) fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// SHA-256 of each file that is applied again when it changes.
pub(super) fn digests() -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for name in FOLDERS {
        all.extend(folder(name)?.into_iter().map(|(path, contents)| {
            let digest = sha256(contents);
            (path, digest)
        }));
    }
    Ok(all)
}

/// What a file of sql/policies says about its table.
pub(super) struct TableFile {
    pub(super) path: String,
    pub(super) table: String,
    pub(super) objects: Vec<Object>,
}

/// One thing that a table has, by the statements that make it.
pub(super) struct Object {
    pub(super) what: What,
    /// `policy wall`, `trigger keep_version`, `grants`, `row security`, `comment policy wall`: as it is written down in `audit.made`.
    pub(super) name: String,
    pub(super) statements: Vec<&'static str>,
    pub(super) sha256: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    RowSecurity,
    Policy(Policy),
    Trigger(String),
    /// One that PostgreSQL replaces by no statement: where it is there and changed, it goes first.
    ConstraintTrigger(String),
    Grants,
    Comment,
}

/// What of a policy decides whether `alter policy` can make it out of the one that is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) permissive: bool,
    /// As `pg_policy.polcmd` has it.
    pub(super) command: char,
    pub(super) using: bool,
    pub(super) check: bool,
    /// The statement that makes it out of one with the same kind, command and clauses.
    pub(super) alter: String,
}

impl TableFile {
    pub(super) fn read(path: &str, contents: &'static str) -> Result<Self, Failure> {
        let table = path.trim_start_matches("policies/").trim_end_matches(".sql").to_owned();
        let mut objects: Vec<(What, String, Vec<&'static str>, String)> = Vec::new();
        for statement in statements(contents) {
            let (what, name) = object(&statement, &table).ok_or_else(|| {
                Failure(format!(
                    "sql/{path}:{}: `{} …`: a file of sql/policies says `alter table … enable` or `force row level security`, `create policy`, `grant`, `create or replace trigger`, `create constraint trigger` and `comment on` of {table}; indexes have their place in sql/indexes, everything else in a migration",
                    statement.line(),
                    statement.words.iter().take(4).map(|word| word.text).collect::<Vec<_>>().join(" ")
                ))
            })?;
            let normal = statement.normal();
            match objects.iter_mut().find(|(_, known, _, _)| *known == name) {
                Some((What::Grants | What::RowSecurity, _, statements, whole)) => {
                    statements.push(statement.text);
                    whole.push_str(&normal);
                }
                Some(_) => {
                    return Err(Failure(format!("sql/{path}:{}: {name} is made twice", statement.line())));
                }
                None => objects.push((what, name, vec![statement.text], normal)),
            }
        }
        let objects = objects
            .into_iter()
            .map(|(what, name, statements, whole)| Object { what, name, statements, sha256: sha256(&whole) })
            .collect();
        Ok(Self { path: path.to_owned(), table, objects })
    }
}

/// What a statement makes for the table, if it is one of those that a file of sql/policies may have.
fn object(statement: &Statement<'_>, table: &str) -> Option<(What, String)> {
    let of = |at: usize| statement.name(at).filter(|(name, _)| name == table);
    if statement.begins(&["alter", "table"]) {
        let (_, next) = of(2)?;
        let words = &statement.words[next..];
        (words.len() == 4 && words[1].is("row") && words[2].is("level") && words[3].is("security"))
            .then(|| (What::RowSecurity, "row security".to_owned()))
    } else if statement.begins(&["create", "policy"]) {
        let (name, next) = statement.name(2)?;
        let (_, next) = of(next + 1)?;
        let policy = policy(statement, &name, table, next)?;
        Some((What::Policy(policy), format!("policy {name}")))
    } else if statement.begins(&["create", "or", "replace", "trigger"]) {
        let (name, next) = statement.name(4)?;
        of(statement.find(next, &["on"])? + 1)?;
        Some((What::Trigger(name.clone()), format!("trigger {name}")))
    } else if statement.begins(&["create", "constraint", "trigger"]) {
        let (name, next) = statement.name(3)?;
        of(statement.find(next, &["on"])? + 1)?;
        Some((What::ConstraintTrigger(name.clone()), format!("trigger {name}")))
    } else if statement.begins(&["grant"]) {
        of(statement.find(1, &["on"])? + 1)?;
        Some((What::Grants, "grants".to_owned()))
    } else if statement.begins(&["comment", "on"]) {
        let kind = statement.words.get(2)?.text.to_ascii_lowercase();
        let (name, next) = statement.name(3)?;
        let name = match kind.as_str() {
            "table" => (name == table).then(|| "comment table".to_owned())?,
            "column" => format!("comment column {}", name.strip_prefix(table)?.strip_prefix('.')?),
            "policy" | "trigger" => {
                of(next + 1)?;
                format!("comment {kind} {name}")
            }
            _ => return None,
        };
        Some((What::Comment, name))
    } else {
        None
    }
}

fn policy(statement: &Statement<'_>, name: &str, table: &str, from: usize) -> Option<Policy> {
    let mut policy = Policy {
        name: name.to_owned(),
        permissive: true,
        command: '*',
        using: false,
        check: false,
        alter: String::new(),
    };
    let outside = |word: &str| {
        (from..statement.words.len()).find(|&at| statement.words[at].depth == 0 && statement.words[at].is(word))
    };
    if let Some(at) = outside("as") {
        policy.permissive = statement.words.get(at + 1)?.is("permissive");
    }
    if let Some(at) = outside("for") {
        policy.command = match statement.words.get(at + 1)?.text.to_ascii_lowercase().as_str() {
            "select" => 'r',
            "insert" => 'a',
            "update" => 'w',
            "delete" => 'd',
            "all" => '*',
            _ => return None,
        };
    }
    let (to, using, check) = (outside("to"), outside("using"), outside("with"));
    (policy.using, policy.check) = (using.is_some(), check.is_some());
    // The clauses that `alter policy` has as well stand last.
    let clauses = [to, using, check].into_iter().flatten().min().map(|at| statement.words[at].at);
    let clauses = clauses.map_or("", |at| &statement.text[at..]);
    let to = if to.is_some() { "" } else { "to public " };
    policy.alter = format!("alter policy {name} on {table} {to}{clauses}");
    Some(policy)
}

/// What a file of sql/indexes says.
#[derive(Debug)]
pub(super) struct IndexFile {
    pub(super) path: String,
    /// `schema.index`.
    pub(super) name: String,
    pub(super) table: String,
    pub(super) sha256: String,
    /// A question to the database, true where the index can be made: `-- where: exists (…)` before the statement.
    pub(super) condition: Option<String>,
    /// The statement before and after the index's own name.
    around: (&'static str, &'static str),
}

impl IndexFile {
    pub(super) fn read(path: &str, contents: &'static str) -> Result<Self, Failure> {
        let wrong = || {
            Failure(format!(
                "sql/{path}: a file of sql/indexes has one statement, `create [unique] index concurrently NAME on SCHEMA.TABLE …`, and is called SCHEMA.NAME.sql"
            ))
        };
        let mut found = statements(contents);
        let (Some(statement), true) = (found.pop(), found.is_empty()) else { return Err(wrong()) };
        let at = statement.find(0, &["index", "concurrently"]).ok_or_else(wrong)?;
        let (index, next) = statement.name(at + 2).ok_or_else(wrong)?;
        let on = statement.words.get(next).filter(|word| word.is("on")).ok_or_else(wrong)?;
        let (table, _) = statement.name(next + 1).ok_or_else(wrong)?;
        let schema = table.split('.').next().unwrap_or_default();
        let name = format!("{schema}.{index}");
        if !statement.begins(&["create"]) || path != format!("indexes/{name}.sql") || !table.contains('.') {
            return Err(wrong());
        }
        let condition: String = statement
            .comments
            .iter()
            .skip_while(|line| !line.starts_with("-- where:"))
            .map(|line| line.trim_start_matches("-- where:").trim_start_matches("--"))
            .collect();
        Ok(Self {
            path: path.to_owned(),
            table,
            sha256: sha256(&statement.normal()),
            condition: (!condition.is_empty()).then_some(condition),
            around: (&statement.text[..statement.words[at + 2].at], &statement.text[on.at..]),
            name,
        })
    }

    /// The statement that makes it under a name.
    pub(super) fn create_as(&self, name: &str) -> String {
        format!("{}{name} {}", self.around.0, self.around.1)
    }
}

/// The statements of a file that make its functions, and those that come after them.
pub(super) fn function_parts(path: &str, contents: &'static str) -> Result<(String, String), Failure> {
    let (mut creates, mut rest) = (String::new(), String::new());
    let wanted = path.trim_start_matches("functions/").trim_end_matches(".sql");
    for statement in statements(contents) {
        let part = if statement.begins(&["create", "or", "replace", "function"]) {
            if statement.name(4).is_none_or(|(name, _)| name != wanted) {
                return Err(Failure(format!(
                    "sql/{path}:{}: a file of sql/functions makes the function it is named after, {wanted}, and no other",
                    statement.line()
                )));
            }
            &mut creates
        } else {
            &mut rest
        };
        part.push_str(statement.text);
        part.push_str(";\n");
    }
    Ok((creates, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_is_carried_is_understood() {
        for (path, contents) in folder("policies").unwrap() {
            let file = TableFile::read(&path, contents).unwrap();
            assert!(file.objects.iter().any(|object| matches!(object.what, What::Policy(_))), "{path}");
        }
        for (path, contents) in folder("indexes").unwrap() {
            IndexFile::read(&path, contents).unwrap();
        }
        for (path, contents) in folder("functions").unwrap() {
            assert!(!function_parts(&path, contents).unwrap().0.is_empty(), "{path}");
        }
    }

    #[test]
    fn a_policy_is_taken_apart_as_far_as_altering_it_asks() {
        let text = "create policy lock on tenant.roles as restrictive for update to a, b using (x = (select 1)) with check (false)";
        let file = TableFile::read("policies/tenant.roles.sql", text).unwrap();
        let What::Policy(policy) = &file.objects[0].what else { panic!("{:?}", file.objects[0].what) };
        assert!(!policy.permissive && policy.command == 'w' && policy.using && policy.check);
        assert_eq!(policy.alter, "alter policy lock on tenant.roles to a, b using (x = (select 1)) with check (false)");
        let Err(failure) =
            TableFile::read("policies/tenant.roles.sql", "\ncreate policy x on tenant.projects using (true)")
        else {
            panic!("another table's policy")
        };
        assert!(failure.to_string().contains("policies/tenant.roles.sql:2"), "{failure}");
    }
}
