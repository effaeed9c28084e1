//! A copy of a database on the same server, to break and to throw away.
use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use secrecy::ExposeSecret as _;

use rowhouse_pg::{AdminConn, Failure, for_programs, identifier, literal, set_local};

/// A copied database. [`discard`](Self::discard) drops it; its name says what it was, should nobody come to that.
pub struct DatabaseCopy {
    url: String,
    name: String,
}

impl DatabaseCopy {
    /// Copies the database a URL names: as PostgreSQL copies templates, if nobody else is connected to it, and
    /// otherwise with `pg_dump`, leaving out the rows of `without_rows`.
    pub async fn make(url: &str, without_rows: &[String]) -> Result<Self, Failure> {
        let source = {
            let session = AdminConn::connect_as(url, "rowhouse clone").await?;
            session.run("select current_database()").await?.first_column().next().unwrap_or_default().to_owned()
        };
        let elsewhere = elsewhere(url, &source).await?;
        let copy = Self { url: url.to_owned(), name: name() };
        let others = format!(
            "select count(*) > 0 from pg_stat_activity where datname = {} and application_name <> 'rowhouse clone'",
            literal(&source)
        );
        let busy = elsewhere.run(&others).await?.first_column().next() == Some("t");
        // PostgreSQL itself waits five seconds for those to leave who are about to.
        let copied = if busy { None } else { Some(copy.create(&elsewhere, &source).await) };
        match copied {
            Some(Ok(())) => {}
            Some(Err(refusal)) if refusal.code != "55006" => {
                return Err(Failure(format!("{source} cannot be cloned: {refusal}")));
            }
            _ => {
                copy.create(&elsewhere, "template0").await?;
                if let Err(failure) = dump(url, &source, &copy.name, without_rows).await {
                    copy.discard().await?;
                    return Err(Failure(format!("{source} is in use, and {failure}")));
                }
            }
        }
        match copy.take_rights(&elsewhere, &source).await {
            Ok(()) => Ok(copy),
            Err(failure) => {
                copy.discard().await?;
                Err(failure)
            }
        }
    }

    /// A copy of this copy, to which nobody is connected yet.
    pub async fn again(&self) -> Result<Self, Failure> {
        let elsewhere = elsewhere(&self.url, &self.name).await?;
        let copy = Self { url: self.url.clone(), name: name() };
        copy.create(&elsewhere, &self.name).await?;
        copy.take_rights(&elsewhere, &self.name).await?;
        Ok(copy)
    }

    async fn create(&self, elsewhere: &AdminConn, template: &str) -> Result<(), rowhouse_pg::Refusal> {
        let create = format!("create database {} template {}", identifier(&self.name), identifier(template));
        elsewhere.run(&create).await.map(drop)
    }

    /// Gives the copy what PostgreSQL does not copy: rights on the database itself, and settings in it.
    async fn take_rights(&self, elsewhere: &AdminConn, source: &str) -> Result<(), Failure> {
        let scope = format!("begin; {}; {}", set_local("audit.source", source), set_local("audit.copy", &self.name));
        elsewhere.run(&scope).await?;
        let answer = elsewhere.run(include_str!("../sql/copy/rights.sql")).await?;
        for statement in answer.first_column() {
            elsewhere.run(statement).await?;
        }
        elsewhere.run("commit").await?;
        Ok(())
    }

    /// Connects to the copy.
    pub async fn connect(&self, name: &str) -> Result<AdminConn, Failure> {
        AdminConn::connect_to(&self.url, &self.name, name).await
    }

    /// Drops the copy, with whoever is connected to it.
    pub async fn discard(self) -> Result<(), Failure> {
        let elsewhere = elsewhere(&self.url, &self.name).await?;
        elsewhere.run(&format!("drop database if exists {} with (force)", identifier(&self.name))).await?;
        Ok(())
    }
}

fn name() -> String {
    format!("rowhouse_clone_{}_{}", std::process::id(), &rowhouse_pg::new_id().simple().to_string()[24..])
}

/// A connection to some other database of the server.
async fn elsewhere(url: &str, not: &str) -> Result<AdminConn, Failure> {
    let maintenance = if not == "postgres" { "template1" } else { "postgres" };
    AdminConn::connect_to(url, maintenance, "rowhouse clone").await
}

/// Copies by `pg_dump` and `pg_restore`, while others go on working.
async fn dump(url: &str, source: &str, copy: &str, without_rows: &[String]) -> Result<(), Failure> {
    let mut from = program("pg_dump", url, source)?;
    from.args(["--format=custom", "--no-subscriptions"]);
    from.args(without_rows.iter().map(|table| format!("--exclude-table-data={}", pattern(table))));
    let mut into = program("pg_restore", url, copy)?;
    into.arg("--exit-on-error");
    let copying = tokio::task::spawn_blocking(move || -> Result<(Output, Output), std::io::Error> {
        let mut writer = from.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pipe = writer.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let reader = into.stdin(pipe).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let read = reader.wait_with_output()?;
        Ok((writer.wait_with_output()?, read))
    });
    let (written, read) = copying.await.map_err(|error| Failure(error.to_string()))??;
    for (name, output) in [("pg_dump", written), ("pg_restore", read)] {
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let line = said.lines().find(|line| line.contains("error")).unwrap_or("it did not say why");
            return Err(Failure(format!("{name} could not copy it: {line}")));
        }
    }
    Ok(())
}

/// One of PostgreSQL's own programs, pointed at a database.
fn program(name: &str, url: &str, database: &str) -> Result<Command, Failure> {
    let mut places: Vec<PathBuf> = std::env::var_os("ROWHOUSE_PG_BIN").map(PathBuf::from).into_iter().collect();
    let mut installed: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    // The newest: it copies from every older server.
    installed.sort_by_key(|dir| {
        let major = dir.parent().and_then(|dir| dir.file_name()?.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(major)
    });
    places.extend(installed);
    places.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let found = places.into_iter().map(|dir| dir.join(name)).find(|file| file.exists());
    let found = found.ok_or_else(|| {
        Failure(format!(
            "there is no {name} to copy it with: install PostgreSQL's client programs, stop who uses it, or point this at a copy"
        ))
    })?;
    let (target, password) = for_programs(url, database)?;
    let mut command = Command::new(found);
    command.arg("--dbname").arg(target).env("PGOPTIONS", "-c statement_timeout=0");
    if let Some(password) = password {
        command.env("PGPASSWORD", password.expose_secret());
    }
    Ok(command)
}

/// A name that is already quoted where it must be, as `pg_dump`'s patterns want it: all of it quoted.
fn pattern(table: &str) -> String {
    match table.split_once('.') {
        Some((schema, name)) if !table.contains('"') => format!("\"{schema}\".\"{name}\""),
        _ => table.to_owned(),
    }
}
