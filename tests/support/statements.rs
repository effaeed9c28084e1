//! The statements under `sql/queries`, and what the header of each says of its parameters:
//!
//! ```text
//! -- $3 after text = 'project 1000' or ''
//! ```
//!
//! is the third parameter, its name, its type, a value deep in a list, and the value with which a list begins. In braces stands what
//! depends on who asks: a column of some row (`{projects.id}`; columns of one table are of one row), or a word of [`Values::word`].
//! `-- plan: …` is what the test of plans grants, `-- control: …` why a statement without its predicate shows nothing of one's own.
use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use tokio_postgres::Client;
use uuid::Uuid;

/// Statements that are the migrator's, the operators' and the worker's, which no request sends.
const NOT_SERVED: [&str; 5] = ["seed", "why", "operate", "db", "work"];

/// How many rows a page has.
pub const PAGE: i64 = 20;

/// One file under `sql/queries`.
#[derive(Debug)]
pub struct Statement {
    /// Its path there, without the ending.
    pub name: String,
    pub text: String,
    pub parameters: Vec<Parameter>,
    /// What the test of plans grants, or why it does not ask.
    pub plan: Option<String>,
    /// Why it shows nothing, asked without its predicates by somebody who has rows.
    pub control: Option<String>,
}

/// One line of a header.
#[derive(Debug)]
pub struct Parameter {
    pub number: usize,
    pub name: String,
    pub kind: String,
    /// Deep in a list where there is one.
    value: Option<String>,
    /// Where a list begins.
    first: Option<String>,
}

/// What stands for the words in braces.
pub struct Values {
    rows: BTreeMap<String, String>,
    caller: Uuid,
}

/// All statements that requests send, in order of name.
pub fn statements() -> Vec<Statement> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/queries");
    let mut found = Vec::new();
    for folder in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let folder_name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if NOT_SERVED.contains(&folder_name.as_str()) {
            continue;
        }
        for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = format!("{folder_name}/{}", file.file_stem().unwrap().to_string_lossy());
            found.push(Statement::read(name, fs::read_to_string(file).unwrap()));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

impl Statement {
    fn read(name: String, text: String) -> Self {
        let mut read = Self { name, parameters: Vec::new(), plan: None, control: None, text };
        for line in read.text.lines().map_while(|line| line.strip_prefix("-- ")) {
            if let Some(why) = line.strip_prefix("plan: ") {
                read.plan = Some(why.to_owned());
            } else if let Some(why) = line.strip_prefix("control: ") {
                read.control = Some(why.to_owned());
            } else if let Some(parameter) = Parameter::read(line) {
                read.parameters.push(parameter);
            }
        }
        read
    }

    /// Whether it names tables, and not only functions, whose parameters have their names in `sql/functions`.
    pub fn names_tables(&self) -> bool {
        ["from ", "into ", "update ", "join "].iter().any(|word| {
            self.code().split(word).skip(1).any(|rest| {
                let named: String = rest.chars().take_while(|c| c.is_alphanumeric() || "._".contains(*c)).collect();
                let called = rest[named.len()..].starts_with('(') && *word != "into ";
                !called && (named.starts_with("tenant.") || named.starts_with("registry."))
            })
        })
    }

    /// Whether it is one of a tenant's rows that it names.
    pub fn is_of_a_tenant(&self) -> bool {
        [" tenant.", "tenant_id = $1", " registry.tenants", " registry.domains"]
            .iter()
            .any(|word| self.text.contains(word))
    }

    /// Without comments.
    pub fn code(&self) -> String {
        self.text.lines().filter(|line| !line.starts_with("--")).fold(String::new(), |mut code, line| {
            let _ = writeln!(code, "{line}");
            code
        })
    }

    /// Types of all parameters; the first is the tenant where the header does not speak of it.
    pub fn types(&self) -> Vec<String> {
        let mut types: Vec<String> = self.parameters.iter().map(|parameter| parameter.kind.clone()).collect();
        if self.binds_tenant() {
            types.insert(0, "uuid".to_owned());
        }
        types
    }

    /// Whether `$1` is the tenant, which the header need not say.
    pub fn binds_tenant(&self) -> bool {
        self.text.contains("$1") && self.parameters.first().is_none_or(|parameter| parameter.number != 1)
    }

    /// Whether it is aimed at a row, and not at whatever the caller has.
    pub fn aims_at_a_row(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.row().is_some())
    }

    /// SQL for each value after the tenant. `begin` is for the first page of a list.
    pub fn values(&self, values: &Values, begin: bool) -> Vec<String> {
        let said = |parameter: &Parameter| {
            let Parameter { number, name, kind, .. } = parameter;
            let told = if begin { parameter.first.as_ref() } else { None };
            let told = told.or(parameter.value.as_ref()).unwrap_or_else(|| {
                panic!(
                    "sql/queries/{}.sql: say what ${number} is in a test: -- ${number} {name} {kind} = VALUE, such as \
                     'text', 1, null, {{new}} for a new id, {{middle}} or {{max}} where a list of ids goes on, \
                     {{page}}, {{projects.id}} for a row's",
                    self.name
                )
            });
            values.fill(told, &self.name)
        };
        self.parameters.iter().map(said).collect()
    }
}

impl Parameter {
    fn read(line: &str) -> Option<Self> {
        let (number, rest) = line.strip_prefix('$')?.split_once(' ')?;
        let number = number.parse().ok()?;
        let (name, rest) = rest.split_once(' ')?;
        let (kind, value) = match rest.split_once(" = ") {
            Some((kind, value)) => (kind, Some(value)),
            None => (rest, None),
        };
        let (value, first) = match value.and_then(|value| value.split_once(" or ")) {
            Some((value, first)) => (Some(value), Some(first)),
            None => (value, None),
        };
        let is_a_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let is_a_type = !kind.contains(' ') && kind.chars().all(|c| c.is_ascii_alphanumeric() || "[]_".contains(c));
        (is_a_name && is_a_type).then(|| Self {
            number,
            name: name.to_owned(),
            kind: kind.to_owned(),
            value: value.map(str::to_owned),
            first: first.map(str::to_owned),
        })
    }

    /// The `table.column` it takes of a row.
    fn row(&self) -> Option<&str> {
        let word = self.value.as_ref()?.strip_prefix('{')?.strip_suffix('}')?;
        word.contains('.').then_some(word)
    }
}

impl Values {
    /// Rows of a tenant, the first of each table that a header names, as a superuser finds them; and who asks.
    pub async fn of(superuser: &Client, tenant: Uuid, caller: Uuid) -> Self {
        let mut rows = BTreeMap::new();
        for statement in statements() {
            for word in statement.parameters.iter().filter_map(Parameter::row) {
                let (table, column) = word.rsplit_once('.').unwrap();
                let table = if table.contains('.') { table.to_owned() } else { format!("tenant.{table}") };
                // One row for all columns: the first by its key.
                let select =
                    format!("select {column}::text from {table} where tenant_id = '{tenant}' order by ctid limit 1");
                let found = superuser.query_opt(&select, &[]).await;
                let found =
                    found.unwrap_or_else(|error| panic!("sql/queries/{}.sql: {{{word}}}: {error:?}", statement.name));
                let found = found.unwrap_or_else(|| panic!("{table} has no row of {tenant}: tests/support/fixture.rs"));
                rows.insert(word.to_owned(), found.get(0));
            }
        }
        Self { rows, caller }
    }

    /// What a row of the tenant has in `table.column`.
    pub fn row(&self, word: &str) -> &str {
        &self.rows[word]
    }

    /// SQL for what a header says.
    fn fill(&self, told: &str, statement: &str) -> String {
        let mut filled = String::new();
        let mut rest = told;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((word, after)) = after.split_once('}') else { break };
            filled.push_str(before);
            // Inside quotes it is an array of PostgreSQL's.
            if before.matches('\'').count() % 2 == 1 {
                let _ = write!(filled, "{{{word}}}");
            } else {
                filled.push_str(&self.word(word, statement));
            }
            rest = after;
        }
        filled + rest
    }

    fn word(&self, word: &str, statement: &str) -> String {
        match word {
            "new" => format!("'{}'::uuid", Uuid::now_v7()),
            "max" => format!("'{}'::uuid", Uuid::max()),
            "nil" => format!("'{}'::uuid", Uuid::nil()),
            // Of thousands in order, as tests/api/plans.rs makes them.
            "middle" => "'00000000-0000-7000-8000-000000001000'::uuid".to_owned(),
            "hash" => "sha256('hash')".to_owned(),
            "page" => PAGE.to_string(),
            // More than these rows have.
            "bytes" => (1 << 20).to_string(),
            "caller" => format!("'{}'::uuid", self.caller),
            row => match self.rows.get(row) {
                Some(value) => format!("'{}'", value.replace('\'', "''")),
                None => {
                    panic!("sql/queries/{statement}.sql: nothing is known as {{{row}}}: tests/support/statements.rs")
                }
            },
        }
    }
}
