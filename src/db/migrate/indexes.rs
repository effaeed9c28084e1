//! Indexes of sql/indexes: made beside what goes on, outside any transaction; one that was left unfinished is made again.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::{
    files::{IndexFile, folder},
    literal,
    made::Made,
    steps::{Run, Step, applied, made},
};
use crate::{error::Failure, from_row, sql};

struct Valid(bool);
from_row! { Valid: "valid" }

impl Run<'_> {
    pub(super) async fn indexes(&mut self, digests: &BTreeMap<String, String>) -> Result<(), Failure> {
        let known = self.made().await?;
        let mut carried = BTreeSet::new();
        for (path, contents) in folder("indexes")? {
            let file = IndexFile::read(&path, contents)?;
            self.index(&file, &known, digests).await?;
            carried.insert(file.path);
        }
        for (path, objects) in known.objects.iter().filter(|(path, _)| path.starts_with("indexes/")) {
            if carried.contains(path) {
                continue;
            }
            for name in objects.keys() {
                self.building(path, name).await?;
                self.concurrently(path, &format!("drop index concurrently if exists {name}")).await?;
            }
            let mut script = made(path, None, std::iter::empty());
            script.push_str(&self.record_index(objects.keys().map(String::as_str).next().unwrap_or_default()));
            self.step(&format!("sql/{path}, which is there no more"), &[], &script).await?;
        }
        Ok(())
    }

    /// Makes one of them, where it is not there as its file says.
    pub(super) async fn index(
        &mut self,
        file: &IndexFile,
        known: &Made,
        digests: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        if let Some(condition) = &file.condition {
            let can = self.admin.run(&format!("select {condition}")).await;
            let can = can.map_err(|refusal| Failure(format!("sql/{}: -- where: {refusal}", file.path)))?;
            if can.first_column().next() != Some("t") {
                return self.step_applied(file, digests, known).await;
            }
        }
        let valid = self.valid(&file.name).await?;
        let was = known.sha256(&file.path, &file.name);
        let (schema, _) = file.name.split_once('.').unwrap_or_default();
        let bare = &file.name[schema.len() + 1..];
        match (valid, was) {
            (Some(true), Some(sha256)) if *sha256 == file.sha256 => {
                return self.step_applied(file, digests, known).await;
            }
            // There before it had a file, or finished just before a run was killed.
            (Some(true), None) => {}
            (Some(true), Some(sha256)) if sha256 == "building" => {}
            (Some(true), Some(_)) => {
                // Another one beside it; then they change places.
                let next = format!("{bare}_next");
                self.building(&file.path, &format!("{schema}.{next}")).await?;
                self.concurrently(&file.path, &format!("drop index concurrently if exists {schema}.{next}")).await?;
                self.concurrently(&file.path, &file.create_as(&next)).await?;
                let mut script = format!("drop index {}; alter index {schema}.{next} rename to {bare};\n", file.name);
                script.push_str(&self.index_is_made(file, digests));
                return self.step(&format!("sql/{}", file.path), std::slice::from_ref(&file.table), &script).await;
            }
            (valid, _) => {
                self.building(&file.path, &file.name).await?;
                if valid.is_some() {
                    self.concurrently(&file.path, &format!("drop index concurrently {}", file.name)).await?;
                }
                self.concurrently(&file.path, &file.create_as(bare)).await?;
                if self.valid(&file.name).await? != Some(true) {
                    return Err(Failure(format!("sql/{}: the index was not finished; migrate again", file.path)));
                }
            }
        }
        let script = self.index_is_made(file, digests);
        self.step(&format!("sql/{}", file.path), &[], &script).await
    }

    fn index_is_made(&self, file: &IndexFile, digests: &BTreeMap<String, String>) -> String {
        let mut script =
            made(&file.path, digests.get(&file.path), std::iter::once((file.name.as_str(), file.sha256.as_str())));
        script.push_str(&self.record_index(&file.name));
        script
    }

    fn record_index(&self, name: &str) -> String {
        self.record(&["index"], &format!(r"\.{}$", name.replace('.', r"\.")))
    }

    /// Nothing but the file's text changed, or the index cannot be made yet.
    async fn step_applied(
        &mut self,
        file: &IndexFile,
        digests: &BTreeMap<String, String>,
        known: &Made,
    ) -> Result<(), Failure> {
        let digest = digests.get(&file.path);
        if known.files.get(&file.path) == digest {
            return Ok(());
        }
        self.step(&format!("sql/{}", file.path), &[], &applied(&file.path, digest)).await
    }

    /// Says that an index is neither there nor missing from now on.
    async fn building(&mut self, path: &str, name: &str) -> Result<(), Failure> {
        let script = format!(
            "insert into audit.made (path, object, sha256) values ({}, {}, 'building')
             on conflict (path, object) do update set sha256 = 'building'",
            literal(path),
            literal(name)
        );
        self.admin.script(path, &script).await
    }

    async fn concurrently(&mut self, path: &str, statement: &str) -> Result<(), Failure> {
        let begun = Instant::now();
        let role = "set role rowhouse_owner; set statement_timeout = 0; set lock_timeout = 0";
        self.admin.script("role", role).await?;
        let done = self.admin.script(&format!("sql/{path}"), statement).await;
        self.admin.script("role", "reset role; reset statement_timeout; reset lock_timeout").await?;
        done?;
        self.report.steps.push(Step {
            name: format!("sql/{path}, concurrently"),
            attempts: 1,
            waited: std::time::Duration::ZERO,
            held: begun.elapsed(),
            locks: Vec::new(),
        });
        Ok(())
    }

    async fn valid(&self, name: &str) -> Result<Option<bool>, Failure> {
        let found: Vec<Valid> = self.admin.all(sql!("db/index_now"), &[&name]).await?;
        Ok(found.first().map(|valid| valid.0))
    }
}
