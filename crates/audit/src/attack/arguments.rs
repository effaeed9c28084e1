//! Arguments for doors: what an attacker knows of the other tenant, fitted to parameters by name and type, and what is stored and none may know.
use std::collections::{BTreeMap, BTreeSet};

use rowhouse_pg::Failure;

use super::{
    Set,
    doors::Door,
    generate,
    model::{Column, Table},
    objects::{plain_values, words},
};

/// Words in names of columns and parameters that say: a secret, or what is kept of one.
const SECRET: [&str; 11] =
    ["token", "secret", "hash", "password", "passwd", "digest", "key", "presented", "code", "otp", "pin"];
/// Values tried at most where no name tells which is meant.
const UNNAMED: usize = 8;

/// One column of the other tenant's rows.
struct Known {
    /// What it is called, in words.
    words: BTreeSet<String>,
    kind: String,
    values: Vec<String>,
    /// The words its checks name.
    checked: Vec<String>,
}

pub(super) struct Arguments {
    known: Vec<Known>,
    /// By column, each value with its type.
    secrets: BTreeMap<String, Vec<(String, String)>>,
    /// The other tenant.
    tenant: String,
    token: String,
    words: Vec<String>,
    /// The time of the transaction, in seconds: a seal has one.
    now: String,
}

impl Arguments {
    /// What is known, and what is stored, of the other tenant's made-up rows.
    pub(super) async fn of(set: &Set<'_>) -> Result<Self, Failure> {
        let now = set.stage.session.run("select floor(extract(epoch from clock_timestamp()))::bigint").await?;
        let mut all = Self {
            known: Vec::new(),
            secrets: BTreeMap::new(),
            tenant: set.stage.theirs.tenant.clone(),
            token: set.stage.mine.token.clone(),
            words: words(set).await?,
            now: now.first_column().next().unwrap_or_default().to_owned(),
        };
        for table in set.tables.iter().filter(|table| !table.partition) {
            for column in &table.columns {
                all.note(set, table, column);
            }
        }
        Ok(all)
    }

    fn note(&mut self, set: &Set<'_>, table: &Table, column: &Column) {
        let rows = set.stage.theirs.rows.get(&table.id);
        let mut values: Vec<String> =
            rows.into_iter().flatten().filter_map(|row| row.get(&column.name).cloned().flatten()).collect();
        values.dedup();
        let name = format!("{}.{}", table.plain, column.name);
        let by_name = ["text", "character varying", "bytea"].contains(&column.base.as_str())
            && in_words(&column.name).iter().any(|word| SECRET[..6].contains(&word.as_str()));
        if by_name || set.config.secrets.contains(&name) {
            if !values.is_empty() {
                self.secrets.insert(name, values.into_iter().map(|value| (column.base.clone(), value)).collect());
            }
            return;
        }
        let checked = generate::words(&column.checks);
        let mut words = in_words(&column.name);
        if column.name == "id" {
            // A parameter for it is called after the table.
            words.extend(in_words(table.plain.rsplit('.').next().unwrap_or_default()));
        }
        self.known.push(Known { words, kind: column.base.clone(), values, checked });
    }

    /// Columns that hold secrets, and what they hold.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (&str, &[(String, String)])> {
        self.secrets.iter().map(|(column, values)| (column.as_str(), values.as_slice()))
    }

    /// Calls of a door, with one value in a fixed place if there is one.
    pub(super) fn calls(&self, door: &Door, most: usize, fixed: Option<(usize, &str)>) -> Vec<Vec<String>> {
        let choices: Vec<Vec<String>> = door
            .takes
            .iter()
            .enumerate()
            .map(|(at, (name, kind))| match fixed {
                Some((place, value)) if place == at => vec![value.to_owned()],
                _ => self.fitting(name, kind),
            })
            .collect();
        if choices.iter().any(Vec::is_empty) {
            return Vec::new();
        }
        // Ids have to fit each other: every combination of the two likeliest of each, as long as there are few.
        let ids: Vec<usize> = (0..choices.len()).filter(|at| door.takes[*at].1 == "uuid").take(3).collect();
        let combined = 1 << ids.len();
        let longest = choices.iter().map(Vec::len).max().unwrap_or(1).min(most).max(combined);
        let pick = |call: usize, at: usize| match ids.iter().position(|id| *id == at) {
            Some(bit) if call < combined => call >> bit & 1,
            _ => call,
        };
        (0..longest)
            .map(|call| {
                let each = choices.iter().enumerate();
                each.map(|(at, options)| options[pick(call, at) % options.len()].clone()).collect()
            })
            .collect()
    }

    /// Values for a parameter, the likeliest first.
    fn fitting(&self, name: &str, kind: &str) -> Vec<String> {
        let wanted = in_words(name);
        let (base, many) = kind.strip_suffix("[]").map_or((kind, false), |base| (base, true));
        let text = ["text", "character varying", "citext", "name"].contains(&base);
        let fits = |known: &&Known| known.kind == base || text && known.kind == "text";
        let mut named: Vec<&Known> =
            self.known.iter().filter(fits).filter(|known| !known.words.is_disjoint(&wanted)).collect();
        named.sort_by_key(|known| std::cmp::Reverse(known.words.intersection(&wanted).count()));
        let mut found: Vec<String> = Vec::new();
        if base == "uuid" && ["new", "next"].iter().any(|word| wanted.contains(*word)) {
            found.push(rowhouse_pg::new_id().to_string());
        }
        for known in &named {
            found.extend(known.values.iter().cloned());
            found.extend(known.checked.iter().cloned());
        }
        if base == "uuid" {
            // Among the two likeliest whatever the name: most doors are told of which tenant they are asked.
            found.insert(found.len().min(1), self.tenant.clone());
        }
        if named.is_empty() || base == "uuid" {
            let rest = self.known.iter().filter(fits).flat_map(|known| &known.values);
            found.extend(
                rest.filter(|_| base == "uuid" || text).cloned().collect::<BTreeSet<_>>().into_iter().take(UNNAMED),
            );
        }
        if text {
            // What looks like a seal, a word of one's own, and those that policies name.
            found.push(format!("{}.{}", self.now, "0".repeat(64)));
            found.push(self.token.clone());
            found.extend(self.words.iter().take(2).cloned());
        } else if let Some(plain) = plain_values(base, &self.token) {
            found.extend(plain);
        }
        let mut once = BTreeSet::new();
        found.retain(|value| once.insert(value.clone()));
        if many {
            let list: Vec<String> = found
                .iter()
                .take(UNNAMED)
                .map(|value| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            return vec![format!("{{{}}}", list.join(",")), "{}".to_owned()];
        }
        found
    }
}

/// Parameters of a door that a stored value of this type could be given to as a secret.
pub(super) fn takes_a_secret(door: &Door, kind: &str) -> Vec<usize> {
    let text = |kind: &str| ["text", "character varying"].contains(&kind);
    let fits = |(_, (name, takes)): &(usize, &(String, String))| {
        let named = in_words(name).iter().any(|word| SECRET.contains(&word.as_str()));
        takes == kind && kind == "bytea" || named && (takes == kind || text(takes) && text(kind))
    };
    door.takes.iter().enumerate().filter(fits).map(|(at, _)| at).collect()
}

/// A name in words: `wanted_email` and `emails` have one in common.
fn in_words(name: &str) -> BTreeSet<String> {
    let small = name.to_lowercase();
    small
        .split('_')
        .filter(|word| word.len() > 1)
        .map(|word| word.strip_suffix('s').unwrap_or(word).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_words_and_without_their_plural() {
        assert!(!in_words("wanted_emails").is_disjoint(&in_words("email")));
        assert!(in_words("session_kind").is_disjoint(&in_words("user_id")));
    }
}
