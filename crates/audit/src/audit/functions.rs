//! The database's own functions, which policies call: which of them may be tried, and of which that says all.
use std::collections::{BTreeMap, BTreeSet};

use rowhouse_pg::{AdminConn, Failure};

/// What is known of the database's own functions.
pub(super) struct Functions {
    /// Sources by qualified name, as `pg_get_expr` prints it; several when overloaded.
    known: BTreeMap<String, Vec<Function>>,
    /// Whether calling one lends it more than its owner has.
    lends: bool,
}

struct Function {
    source: String,
    owned_by_superuser: bool,
}

impl Functions {
    pub(super) async fn read(session: &AdminConn) -> Result<Self, Failure> {
        let answer = session.run(include_str!("../../sql/audit/discover/functions.sql")).await?;
        let mut known: BTreeMap<String, Vec<Function>> = BTreeMap::new();
        for row in 0..answer.rows.len() {
            let value = |name: &str| answer.value(row, name).unwrap_or_default().to_owned();
            known.entry(value("name")).or_default().push(Function {
                source: value("source").to_lowercase(),
                owned_by_superuser: value("owned_by_superuser") == "t",
            });
        }
        let rights = session
            .run(
                "select rolsuper or pg_has_role('pg_execute_server_program', 'member') or pg_has_role('pg_write_server_files', 'member')
                 from pg_roles where rolname = current_user",
            )
            .await?;
        Ok(Self { known, lends: rights.first_column().next() == Some("t") })
    }

    /// To try a function is to run it with this session's rights, and a read-only transaction does not stop
    /// `copy … to program`. As a superuser only what superusers wrote is run.
    pub(super) fn can_be_tried(&self, names: &BTreeSet<String>) -> bool {
        !self.lends
            || names.iter().all(|name| {
                self.known.get(name).is_some_and(|all| all.iter().all(|function| function.owned_by_superuser))
            })
    }

    /// Whether trying them says all: they read no table, ask nobody who they are, and call no other.
    pub(super) fn can_be_read(&self, names: &BTreeSet<String>) -> bool {
        let telling = |word: &str| {
            SAYS_MORE.contains(&word) || self.known.keys().any(|name| name.rsplit('.').next() == Some(word))
        };
        names.iter().all(|name| {
            let own = name.rsplit('.').next().unwrap_or_default();
            self.known.get(name).is_some_and(|all| {
                all.iter().all(|function| {
                    let mut words = function.source.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                    !words.any(|word| word != own && telling(word))
                })
            })
        })
    }
}

/// Words in a function's source with which its answer may depend on more than the tenant.
const SAYS_MORE: [&str; 10] = [
    "from",
    "join",
    "table",
    "execute",
    "perform",
    "current_user",
    "session_user",
    "current_role",
    "pg_has_role",
    "values",
];
