//! What is done to tables: constraints, columns, indexes.
use super::{
    super::script::{Kind, Statement, Word},
    File, named,
};

/// Functions of which PostgreSQL knows that they answer the same for every row, or that are none. All others may not.
const SAME_FOR_ALL: [&str; 5] = ["now", "transaction_timestamp", "statement_timestamp", "cast", "coalesce"];

/// What ends the expression of a default.
const CLAUSES: [&str; 9] =
    ["not", "null", "constraint", "check", "references", "unique", "primary", "generated", "collate"];

impl File<'_> {
    pub(super) fn alter_table(&mut self, statement: &Statement<'_>) {
        let Some((table, next)) = named(statement, 2) else { return };
        let here = self.made.contains(&table);
        for action in actions(&statement.words[next..]) {
            let first = |words: &[&str]| begins(action, words);
            let line = action.first().map_or_else(|| statement.line(), |word| word.line);
            if first(&["validate", "constraint"]) {
                let constraint = (table.clone(), action.get(2).map_or("", |word| word.text).to_ascii_lowercase());
                if self.added.contains(&constraint) && !here {
                    self.say(line, "validated-at-once", &format!("validating {} on {table}", constraint.1));
                }
                self.known.validated.insert(constraint);
            } else if first(&["add"]) && (first(&["add", "constraint"]) || kind_of_constraint(&action[1..]).is_some()) {
                self.add_constraint(&table, action, line, here);
            } else if first(&["add"]) && !here {
                self.add_column(&table, action, line);
            } else if first(&["alter"]) && !here {
                self.alter_column(&table, action, line);
            } else if here {
                // Nobody's yet.
            } else if first(&["drop"]) && !first(&["drop", "constraint"])
                || first(&["rename"]) && !first(&["rename", "constraint"])
            {
                self.say(line, "taken-away", &format!("`{}` of {table}", said(action)));
            } else if ["logged", "unlogged", "tablespace", "access"].iter().any(|what| first(&["set", what])) {
                self.say(line, "rewrites", &format!("`{}` of {table}", said(action)));
            }
        }
        self.altered |= !here;
    }

    fn add_constraint(&mut self, table: &str, action: &[Word<'_>], line: usize, here: bool) {
        let named = begins(action, &["add", "constraint"]);
        let name = if named { action.get(2).map_or("", |word| word.text).to_ascii_lowercase() } else { String::new() };
        let rest = action.get(if named { 3 } else { 1 }..).unwrap_or_default();
        let not_valid = outside(rest, &["not", "valid"]).is_some();
        let constraint = (table.to_owned(), name.clone());
        // `check (column is not null)`.
        let inner: Vec<&Word<'_>> = rest.iter().skip(1).filter(|word| word.depth > 0).collect();
        if let [column, is, not, null] = inner[..]
            && is.is("is")
            && not.is("not")
            && null.is("null")
        {
            self.known.not_null.insert(constraint.clone(), column.text.to_ascii_lowercase());
        }
        if not_valid {
            self.added.insert(constraint);
        } else {
            self.known.validated.insert(constraint);
        }
        let what = format!("adding {} to {table}", if name.is_empty() { "a constraint" } else { &name });
        match kind_of_constraint(rest) {
            _ if here => {}
            Some("check" | "foreign") if !not_valid => self.say(line, "constraint-scans", &what),
            Some("unique" | "primary" | "exclude") if outside(rest, &["using", "index"]).is_none() => {
                self.say(line, "index-locks", &what);
            }
            _ => {}
        }
    }

    fn add_column(&mut self, table: &str, action: &[Word<'_>], line: usize) {
        let skipped = ["add", "column", "if", "not", "exists"];
        let Some(at) = action.iter().position(|word| !skipped.iter().any(|skip| word.is(skip))) else { return };
        let (column, rest) = (action[at].text, &action[at + 1..]);
        let what = format!("adding {table}.{column}");
        let has = |words: &[&str]| outside(rest, words).is_some();
        let default = outside(rest, &["default"]);
        let serial = rest.first().is_some_and(|word| word.text.to_ascii_lowercase().ends_with("serial"));
        if serial || has(&["stored"]) || has(&["identity"]) || default.is_some_and(|at| may_differ(&rest[at + 1..])) {
            self.say(line, "rewrites", &what);
        } else if has(&["not", "null"]) && default.is_none() {
            self.say(line, "not-null-without-default", &what);
        }
        // Where all is null, PostgreSQL knows that every key leads somewhere; a check it tries all the same.
        if has(&["check"]) || has(&["references"]) && default.is_some() {
            self.say(line, "constraint-scans", &format!("{what} with its constraint"));
        }
        if has(&["unique"]) || has(&["primary"]) {
            self.say(line, "index-locks", &format!("{what} with its key"));
        }
    }

    fn alter_column(&mut self, table: &str, action: &[Word<'_>], line: usize) {
        let at = if begins(action, &["alter", "column"]) { 2 } else { 1 };
        let (Some(column), Some(rest)) = (action.get(at), action.get(at + 1..)) else { return };
        let column = column.text.to_ascii_lowercase();
        if begins(rest, &["type"]) || begins(rest, &["set", "data"]) || begins(rest, &["set", "expression"]) {
            self.say(line, "rewrites", &format!("another type for {table}.{column}"));
        }
        let shown = self.known.not_null.iter().any(|(constraint, checked)| {
            constraint.0 == table && *checked == column && self.known.validated.contains(constraint)
        });
        if begins(rest, &["set", "not", "null"]) && !shown {
            self.say(line, "not-null-scans", &format!("`set not null` of {table}.{column}"));
        }
    }

    pub(super) fn create_index(&mut self, statement: &Statement<'_>) {
        let Some((table, _)) = statement.find(0, &["on"]).and_then(|at| named(statement, at + 1)) else { return };
        if !self.made.contains(&table) {
            let at = statement.find(0, &["index"]).unwrap_or_default();
            let at =
                if statement.words.get(at + 1).is_some_and(|word| word.is("concurrently")) { at + 2 } else { at + 1 };
            let index = named(statement, at).map_or_else(|| "an index".to_owned(), |(index, _)| index);
            self.say(statement.line(), "index-locks", &format!("making {index} on {table}"));
        }
    }

    pub(super) fn drop_table(&mut self, statement: &Statement<'_>) {
        if let Some((table, _)) = named(statement, 2).filter(|(table, _)| !self.made.contains(table)) {
            self.say(statement.line(), "taken-away", &format!("`drop table` of {table}"));
        }
    }
}

/// What stands between commas.
fn actions<'w, 't>(words: &'w [Word<'t>]) -> impl Iterator<Item = &'w [Word<'t>]> {
    words.split(|word| word.depth == 0 && word.is(",")).filter(|action| !action.is_empty())
}

fn begins(words: &[Word<'_>], wanted: &[&str]) -> bool {
    words.len() >= wanted.len() && words.iter().zip(wanted).all(|(word, wanted)| word.is(wanted))
}

/// Where these words follow each other outside of all parentheses.
fn outside(words: &[Word<'_>], wanted: &[&str]) -> Option<usize> {
    (0..words.len()).find(|at| words[*at].depth == 0 && begins(&words[*at..], wanted))
}

fn kind_of_constraint(words: &[Word<'_>]) -> Option<&'static str> {
    let first = words.first()?;
    ["check", "foreign", "unique", "primary", "exclude"].into_iter().find(|kind| first.is(kind))
}

/// Whether a default calls what may answer otherwise for the next row.
fn may_differ(words: &[Word<'_>]) -> bool {
    let end = words.iter().position(|word| word.depth == 0 && CLAUSES.iter().any(|clause| word.is(clause)));
    let words = &words[..end.unwrap_or(words.len())];
    words.windows(2).enumerate().any(|(at, two)| {
        let of_a_type = at > 0 && words[at - 1].is(":");
        two[0].kind == Kind::Name && two[1].is("(") && !of_a_type && !SAME_FOR_ALL.iter().any(|same| two[0].is(same))
    })
}

fn said(words: &[Word<'_>]) -> String {
    words.iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
}
