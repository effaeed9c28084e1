//! What is done to rows, and as whom.
use super::{
    super::script::{Kind, Statement, Word, statements},
    File,
};

/// What begins a statement that works through rows.
const WORKS: [&str; 8] = ["insert", "update", "delete", "merge", "with", "do", "copy", "truncate"];

/// Words that stand before the name of a table whose rows are meant.
const BEFORE: [&str; 6] = ["update", "into", "from", "join", "using", "truncate"];

impl File<'_> {
    /// Looks whose rows a statement works through.
    pub(super) fn rows(&mut self, statement: &Statement<'_>) {
        let filled = statement.begins(&["create"])
            && statement.words.iter().take(3).any(|word| word.is("table"))
            && statement.words.iter().any(|word| word.depth == 0 && word.is("as"));
        if !filled && !WORKS.iter().any(|word| statement.begins(&[word])) {
            return;
        }
        let mut tables = Vec::new();
        tables_in(statement, 0, &mut tables);
        tables.retain(|(table, ..)| !self.made.contains(table));
        for (table, line, written) in &tables {
            let by_hand = table == "registry.permissions" || table == "registry.built_in_roles";
            if by_hand && *written {
                self.say(*line, "permission-by-hand", &format!("writing {table}"));
            }
            if !self.unwalled {
                self.say(*line, "behind-the-wall", &format!("what is done with {table}"));
            }
            if self.altered {
                self.say(*line, "filled-under-lock", &format!("what is done with {table}"));
            }
        }
    }
}

/// The walled tables whose rows a statement reads or writes, with the line, and whether it writes.
fn tables_in(statement: &Statement<'_>, lines_before: usize, tables: &mut Vec<(String, usize, bool)>) {
    for (at, word) in statement.words.iter().enumerate() {
        if word.kind == Kind::Body {
            // The body of a `do`: its statements begin with whatever its language wraps around them.
            for inner in statements(word.text) {
                tables_in(&inner, lines_before + word.line - 1, tables);
            }
        }
        if !BEFORE.iter().any(|before| word.is(before)) {
            continue;
        }
        let before = |back: usize| at.checked_sub(back).map(|at| &statement.words[at]);
        let is = |word: Option<&Word<'_>>, text: &str| word.is_some_and(|word| word.is(text));
        // `for update`, `do update`, `on update` name no table, and `is distinct from` asks for a value.
        if word.is("update") && ["for", "do", "on", "before", "after"].iter().any(|text| is(before(1), text))
            || word.is("from") && is(before(1), "distinct")
        {
            continue;
        }
        let skip = statement.words.get(at + 1).is_some_and(|word| word.is("only") || word.is("table"));
        let Some((table, next)) = statement.name(at + 1 + usize::from(skip)) else { continue };
        let called = word.is("from") && statement.words.get(next).is_some_and(|word| word.is("("));
        if called || !(table.starts_with("tenant.") || table.starts_with("registry.")) {
            continue;
        }
        let written = ["update", "into", "truncate"].iter().any(|text| word.is(text))
            || word.is("from") && is(before(1), "delete");
        tables.push((table, lines_before + word.line, written));
    }
}
