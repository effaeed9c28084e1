//! A checkout into which files are written, all of them or none.
use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::error::Failure;

/// What is about to be written.
pub(super) struct Tree {
    root: PathBuf,
    /// Paths and contents of files that are new, and of those that change.
    new: Vec<(String, String)>,
    changed: Vec<(String, String)>,
}

impl Tree {
    pub(super) fn at(root: &Path) -> Result<Self, Failure> {
        let there = ["Cargo.toml", "sql/policies/tenant.projects.sql", "src/api/projects.rs"];
        if there.iter().any(|path| !root.join(path).is_file()) {
            return Err(Failure(format!(
                "{} is no checkout of Rowhouse: run it at the root of one, or say --dir",
                root.display()
            )));
        }
        Ok(Self { root: root.to_owned(), new: Vec::new(), changed: Vec::new() })
    }

    /// The number of the next migration.
    pub(super) fn next_migration(&self) -> Result<u32, Failure> {
        let mut newest = 0;
        for file in fs::read_dir(self.root.join("sql/migrations"))? {
            let name = file?.file_name();
            let number = name.to_string_lossy().trim_start_matches('V').split("__").next().and_then(|n| n.parse().ok());
            newest = newest.max(number.unwrap_or_default());
        }
        Ok(newest + 1)
    }

    /// A file that is not there yet.
    pub(super) fn create(&mut self, path: &str, contents: String) {
        self.new.push((path.to_owned(), contents));
    }

    /// A line in a file that is there, before the first line for which `here` says so, from the line on that begins with `from`.
    pub(super) fn insert(
        &mut self,
        path: &str,
        from: &str,
        line: &str,
        here: impl Fn(&str) -> bool,
    ) -> Result<(), Failure> {
        let text = match self.changed.iter().position(|(known, _)| known == path) {
            Some(at) => self.changed.remove(at).1,
            None => fs::read_to_string(self.root.join(path)).map_err(|error| Failure(format!("{path}: {error}")))?,
        };
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.iter().position(|each| each.trim_start().starts_with(from));
        let place =
            first.and_then(|first| lines[first + 1..].iter().position(|each| here(each)).map(|at| first + 1 + at));
        let Some(place) = place else {
            return Err(Failure(format!(
                "{path} is not as it was: there is no place for `{}`; put it in by hand",
                line.trim()
            )));
        };
        if lines.contains(&line) {
            return Err(Failure(format!("{path} has `{}` already", line.trim())));
        }
        let (before, after) = lines.split_at(place);
        let all: Vec<&str> = before.iter().copied().chain(line.lines()).chain(after.iter().copied()).collect();
        self.changed.push((path.to_owned(), all.join("\n") + "\n"));
        Ok(())
    }

    /// Writes everything; nothing where a file is there already. Answers what was written.
    pub(super) fn finish(self) -> Result<Vec<String>, Failure> {
        for (path, _) in &self.new {
            if self.root.join(path).exists() {
                return Err(Failure(format!("{path} is there already, and nothing was written")));
            }
        }
        let mut written = Vec::new();
        for (path, contents) in self.new.iter().chain(&self.changed) {
            let whole = self.root.join(path);
            if let Some(folder) = whole.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&whole, contents).map_err(|error| Failure(format!("{path}: {error}")))?;
            written.push(path.clone());
        }
        Ok(written)
    }
}
