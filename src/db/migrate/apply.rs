//! The steps that are not of one table: migrations, schemas, functions, views, generations, and what no file makes any more.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    Applied, Difference, HISTORY, Schema,
    files::{IndexFile, folder, function_parts, migrations, text},
    literal,
    script::statements,
    steps::{GENERATIONS_DUE, Run, applied, made},
};
use crate::{error::Failure, from_row, sql};

/// What migrations call, or triggers that they make: made before them.
const FOR_MIGRATIONS: [&str; 6] = [
    "functions/registry.give.sql",
    "functions/registry.open_sessions.sql",
    "functions/registry.say_rights.sql",
    "functions/registry.seat_members.sql",
    "functions/registry.seat_rights.sql",
    "functions/registry.seat_sessions.sql",
];

impl Run<'_> {
    /// Applies the migrations that were not yet, each in a transaction of its own.
    pub(super) async fn migrations(&mut self) -> Result<(), Failure> {
        let history = format!(
            "set local role rowhouse_owner;
             create table if not exists {HISTORY} (version int4 primary key, name varchar(255), applied_on varchar(255), checksum varchar(255));
             reset role"
        );
        if self.admin.all::<Schema>(sql!("db/history_exists"), &[]).await?.is_empty() {
            self.step("the list of migrations", &[], &history).await?;
        }
        let recorded: Vec<Applied> = self.admin.all(sql!("db/applied_migrations"), &[]).await?;
        let carried = migrations()?;
        let newest = recorded.iter().map(|applied| applied.version).max().unwrap_or_default();
        if let Some((last, _)) = carried.last()
            && newest > i64::from(last.version())
        {
            return Err(Failure(format!(
                "the database was migrated by a newer version, to V{newest}, and this one knows {last} as the last: migrate with the newer one"
            )));
        }
        let mut pending = Vec::new();
        for (migration, path) in carried {
            match recorded.iter().find(|applied| applied.version == i64::from(migration.version())) {
                Some(applied) if applied.checksum != migration.checksum().to_string() => {
                    return Err(Failure(format!(
                        "{migration} was changed after it was applied here: an applied migration never changes, write another one"
                    )));
                }
                Some(_) => {}
                None if i64::from(migration.version()) < newest => {
                    return Err(Failure(format!(
                        "{migration} comes before V{newest}, which was applied already: give it a number that is higher"
                    )));
                }
                None => pending.push((migration, path)),
            }
        }
        if pending.is_empty() {
            return Ok(());
        }
        let (mut creates, mut rest) = (String::new(), String::new());
        for path in FOR_MIGRATIONS {
            let (create, after) = function_parts(path, text(path)?)?;
            creates.push_str(&create);
            rest.push_str(&after);
        }
        let mut script = functions_script(&creates, &rest)?;
        script.push_str(&self.record_all(|_| false).await?);
        self.step("what migrations call", &[], &script).await?;
        for (migration, path) in pending {
            let file = text(&path)?;
            // What a migration makes belongs to the owner; a backfill says `set local role rowhouse_migrator`.
            let mut script = format!("set local role rowhouse_owner;\n{file};\nreset role;\n");
            script.push_str(text("apply/permissions.sql")?);
            script.push_str(&format!(
                "insert into {HISTORY} (version, name, applied_on, checksum) values ({}, {}, to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '{}');\n",
                migration.version(),
                literal(migration.name()),
                migration.checksum(),
            ));
            if !self.admin.all::<Schema>(sql!("db/made_exists"), &[]).await?.is_empty() {
                script.push_str(GENERATIONS_DUE);
            }
            script.push_str(&self.record_all(|_| false).await?);
            self.step(&format!("sql/{path}"), &locked_by(file), &script).await?;
            self.report.migrations.push(migration.to_string());
        }
        Ok(())
    }

    /// Migrations and indexes that the binary does not carry.
    pub(super) async fn beside(&mut self, files: &[(&str, &'static str)]) -> Result<(), Failure> {
        for (path, contents) in files {
            if path.starts_with("indexes/") {
                let known = self.made().await?;
                self.index(&IndexFile::read(path, contents)?, &known, &BTreeMap::new()).await?;
            } else {
                let mut script = format!("set local role rowhouse_owner;\n{contents};\nreset role;\n");
                script.push_str(&self.record_all(|_| false).await?);
                self.step(&format!("sql/{path}"), &locked_by(contents), &script).await?;
            }
        }
        Ok(())
    }

    /// Who may look into which schema.
    pub(super) async fn schemas(&mut self, digests: &BTreeMap<String, String>) -> Result<(), Failure> {
        let known = self.made().await?;
        let same = |(path, digest): (&String, &String)| known.files.get(path) == Some(digest);
        let all_same = digests.iter().filter(|(path, _)| path.starts_with("apply/")).all(same);
        let by_hand = self.drift().await?.iter().any(|fact| fact.kind == "schema grant");
        if all_same && !by_hand && !self.options.reapply {
            return Ok(());
        }
        let mut script = text("apply/schemas.sql")?.to_owned();
        for (path, digest) in digests.iter().filter(|(path, _)| path.starts_with("apply/")) {
            script.push_str(&applied(path, Some(digest)));
        }
        script.push_str(&self.record_all(|fact| fact.kind == "schema grant").await?);
        self.step("sql/apply/schemas.sql", &[], &script).await
    }

    /// Functions whose files changed, all in one transaction: no table is locked.
    pub(super) async fn functions(&mut self, digests: &BTreeMap<String, String>) -> Result<(), Failure> {
        let known = self.made().await?;
        let drift = self.drift().await?;
        let by_hand: BTreeSet<String> = drift.iter().filter_map(function_of).collect();
        let changed: Vec<(String, &'static str)> = folder("functions")?
            .into_iter()
            .filter(|(path, _)| {
                self.options.reapply
                    || known.files.get(path) != digests.get(path)
                    || known.objects_of(path) == 0
                    || by_hand.contains(path)
            })
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let (mut creates, mut rest, mut names) = (String::new(), String::new(), Vec::new());
        for (path, contents) in &changed {
            let (create, after) = function_parts(path, contents)?;
            creates.push_str(&create);
            rest.push_str(&after);
            names.push(path.trim_start_matches("functions/").trim_end_matches(".sql").to_owned());
        }
        let list: Vec<String> = names.iter().map(|name| literal(name)).collect();
        let list = list.join(", ");
        // A row of pg_proc that this transaction wrote is a function that these files make.
        creates.push_str(&format!(
            "delete from audit.made where path in (select 'functions/' || name || '.sql' from unnest(array[{list}]) name);
             insert into audit.made (path, object, sha256)
             select 'functions/' || n.nspname || '.' || p.proname || '.sql', p.oid::regprocedure::text, ''
             from pg_proc p join pg_namespace n on n.oid = p.pronamespace
             where n.nspname || '.' || p.proname in ({list}) and p.xmin = pg_current_xact_id()::xid;\n"
        ));
        let mut script = functions_script(&creates, &rest)?;
        for (path, _) in &changed {
            script.push_str(&applied(path, digests.get(path)));
        }
        let names: Vec<String> = names.iter().map(|name| name.replace('.', r"\.")).collect();
        let matching = format!(r"^(function )?({})\(", names.join("|"));
        script.push_str(&self.record(&["function", "function grant", "owner", "comment"], &matching));
        script.push_str(GENERATIONS_DUE);
        self.step("sql/functions", &[], &script).await
    }

    /// The views of schema audit, all anew where one changed.
    pub(super) async fn views(&mut self, digests: &BTreeMap<String, String>) -> Result<(), Failure> {
        let known = self.made().await?;
        let ours = |fact: &Difference| {
            fact.kind == "view" && fact.object.starts_with("audit.")
                || fact.object.starts_with("view audit.")
                || fact.kind == "comment" && fact.object.starts_with("table audit.")
                || fact.kind.ends_with(" grant") && fact.object.starts_with("audit.")
        };
        let files: Vec<_> = digests.iter().filter(|(path, _)| path.starts_with("views/")).collect();
        let same = files.iter().all(|(path, digest)| known.files.get(*path) == Some(*digest));
        if same && self.recorded && !self.options.reapply && !self.drift().await?.iter().any(ours) {
            return Ok(());
        }
        let mut script = text("apply/views.sql")?.to_owned();
        for (_, contents) in folder("views")? {
            script.push_str(contents);
        }
        for (path, digest) in files {
            script.push_str(&applied(path, Some(digest)));
        }
        script.push_str(&if self.recorded { self.record_all(ours).await? } else { ALL_OF_IT.to_owned() });
        self.step("sql/views", &[], &script).await?;
        self.recorded = true;
        Ok(())
    }

    /// Takes the database as it is for what the files made of it.
    pub(super) async fn accept(&mut self) -> Result<(), Failure> {
        if self.drift().await?.is_empty() {
            return Ok(());
        }
        self.step("what was done by hand is right from now on", &[], ALL_OF_IT).await
    }

    /// Drops functions that no file makes any more, and forgets files that are there no more.
    pub(super) async fn what_is_left(&mut self, digests: &BTreeMap<String, String>) -> Result<(), Failure> {
        let functions: Vec<Schema> = self.admin.all(sql!("db/no_files_functions"), &[]).await?;
        let known = self.made().await?;
        let mut script = String::new();
        for Schema(signature) in &functions {
            script.push_str(&format!("drop function {signature};\n"));
        }
        for path in known.files.keys().chain(known.objects.keys()) {
            if !digests.contains_key(path) && path != "generations" && !path.starts_with("indexes/") {
                script.push_str(&made(path, None, std::iter::empty()));
            }
        }
        if script.is_empty() {
            return Ok(());
        }
        script.push_str(&self.record_all(|_| false).await?);
        self.step("what no file makes any more", &[], &script).await
    }

    /// Says that what was kept counts no more, if something has changed since it was said last.
    pub(super) async fn renew_generations(&mut self) -> Result<(), Failure> {
        if self.made().await?.objects.contains_key("generations") {
            let mut script = text("apply/generations.sql")?.to_owned();
            script.push_str("\ndelete from audit.made where path = 'generations';\n");
            self.step("sql/apply/generations.sql", &[], &script).await?;
        }
        Ok(())
    }
}

/// Makes functions, takes every right on them, gives those that the files say.
fn functions_script(creates: &str, rest: &str) -> Result<String, Failure> {
    let revoke = "do $revoke$
        declare
            item record;
        begin
            for item in
                select distinct p.oid::regprocedure as signature, a.grantee
                from pg_proc p, aclexplode(p.proacl) a
                where p.pronamespace in ('tenant'::regnamespace, 'registry'::regnamespace, 'audit'::regnamespace)
                  and p.xmin = pg_current_xact_id()::xid and a.grantee <> p.proowner
            loop
                execute format('revoke all on function %s from %s cascade', item.signature,
                               case when item.grantee = 0 then 'public' else item.grantee::regrole::text end);
            end loop;
        end
        $revoke$;\n";
    Ok([text("apply/lend.sql")?, creates, revoke, rest, text("apply/take_back.sql")?].join("\n"))
}

const ALL_OF_IT: &str = "delete from audit.applied;
    insert into audit.applied (kind, object, definition) select kind, object, definition from audit.catalog;\n";

/// The file of the function that a fact is about.
fn function_of(fact: &Difference) -> Option<String> {
    let object = match fact.kind.as_str() {
        "function" | "function grant" => fact.object.as_str(),
        "owner" | "comment" => fact.object.strip_prefix("function ")?,
        _ => return None,
    };
    Some(format!("functions/{}.sql", object.split('(').next().unwrap_or_default()))
}

/// The tables on which a migration takes locks that others would wait for, as far as its text says.
fn locked_by(file: &str) -> Vec<String> {
    let mut tables = BTreeSet::new();
    for statement in statements(file) {
        for (at, word) in statement.words.iter().enumerate() {
            let named = word.is("references")
                || word.is("on") && statement.begins(&["create"])
                || word.is("table") && (statement.begins(&["alter"]) || statement.begins(&["drop"]));
            if named {
                let mut next = at + 1;
                while statement
                    .words
                    .get(next)
                    .is_some_and(|word| ["if", "exists", "only"].iter().any(|skip| word.is(skip)))
                {
                    next += 1;
                }
                tables.extend(statement.name(next).map(|(name, _)| name).filter(|name| name.contains('.')));
            }
        }
    }
    tables.into_iter().collect()
}

from_row! { Schema: "name" }
