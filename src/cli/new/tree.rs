//! A checkout into which files are written, all of them or none.
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::error::Failure;

/// What is about to be written.
pub(super) struct Tree {
    root: PathBuf,
    /// Paths and contents of files that are new.
    new: Vec<(String, String)>,
    /// Those that change, with what they were.
    changed: Vec<(String, String, String)>,
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

    /// A line in a file that is there, among those that follow the first one that begins with `from`: before the first for which `here`
    /// says so, or at the end where all that follow begin so too.
    pub(super) fn insert(
        &mut self,
        path: &str,
        from: &str,
        line: &str,
        here: impl Fn(&str) -> bool,
    ) -> Result<(), Failure> {
        if !self.changed.iter().any(|(known, _, _)| known == path) {
            let text = fs::read_to_string(self.root.join(path)).map_err(|error| Failure(format!("{path}: {error}")))?;
            self.changed.push((path.to_owned(), text.clone(), text));
        }
        let known = self.changed.iter().find(|(known, _, _)| known == path);
        let text = known.map(|(_, now, _)| now.clone()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        if lines.contains(&line) {
            return Err(Failure(format!("{path} has `{}` already", line.trim())));
        }
        let first = lines.iter().position(|each| each.trim_start().starts_with(from));
        let place = first.and_then(|first| {
            let rest = &lines[first + 1..];
            let end = rest.iter().all(|each| each.starts_with(from)).then_some(rest.len());
            rest.iter().position(|each| here(each)).or(end).map(|at| first + 1 + at)
        });
        let Some(place) = place else {
            return Err(Failure(format!(
                "{path} is not as it was: there is no place for `{}`; put it in by hand",
                line.trim()
            )));
        };
        let (before, after) = lines.split_at(place);
        let all: Vec<&str> = before.iter().copied().chain(line.lines()).chain(after.iter().copied()).collect();
        if let Some((_, now, _)) = self.changed.iter_mut().find(|(known, _, _)| known == path) {
            *now = all.join("\n") + "\n";
        }
        Ok(())
    }

    /// Writes everything, or takes back what it has written. Answers which files are new, and which have changed.
    pub(super) fn finish(self) -> Result<[Vec<String>; 2], Failure> {
        let (mut made, mut changed) = (Vec::new(), Vec::new());
        let outcome = self.write(&mut made, &mut changed);
        if let Err(failure) = outcome {
            let mut left = Vec::new();
            left.extend(made.iter().filter(|path| fs::remove_file(self.root.join(path)).is_err()));
            let was = |path: &&String| self.changed.iter().find(|(known, _, _)| known == *path).map(|(_, _, was)| was);
            left.extend(
                changed.iter().filter(|path| was(path).is_none_or(|was| fs::write(self.root.join(path), was).is_err())),
            );
            return Err(if left.is_empty() {
                Failure(format!("{failure}; nothing was left behind"))
            } else {
                Failure(format!("{failure}; these could not be taken back: {left:?}"))
            });
        }
        Ok([made, changed])
    }

    fn write(&self, made: &mut Vec<String>, changed: &mut Vec<String>) -> Result<(), Failure> {
        let named = |path: &str, error: io::Error| {
            Failure(match error.kind() {
                io::ErrorKind::AlreadyExists => format!("{path} is there already, and is never overwritten"),
                _ => format!("{path}: {error}"),
            })
        };
        for (path, contents) in &self.new {
            let whole = self.root.join(path);
            if let Some(folder) = whole.parent() {
                fs::create_dir_all(folder).map_err(|error| named(path, error))?;
            }
            let mut file = fs::File::create_new(&whole).map_err(|error| named(path, error))?;
            made.push(path.clone());
            file.write_all(contents.as_bytes()).map_err(|error| named(path, error))?;
        }
        for (path, contents, _) in &self.changed {
            changed.push(path.clone());
            fs::write(self.root.join(path), contents).map_err(|error| named(path, error))?;
        }
        Ok(())
    }
}
