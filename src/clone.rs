//! A copy of a database on the same server, to break and to throw away.
use crate::{
    db::{Session, identifier, set_local},
    error::Failure,
};

/// A copied database. [`discard`](Self::discard) drops it; so does the next clone's maker when this process
/// died before, for copies are named by process.
pub struct Clone {
    url: String,
    name: String,
}

impl Clone {
    /// Copies the database a URL names. PostgreSQL does that only while nobody else is connected to it.
    pub async fn make(url: &str) -> Result<Self, Failure> {
        let source = {
            let session = Session::connect(url, "rowhouse clone").await?;
            let answer = session.run("select current_database() as name").await?;
            answer.value(0, "name").unwrap_or_default().to_owned()
        };
        let name =
            format!("rowhouse_clone_{}_{}", std::process::id(), &uuid::Uuid::now_v7().simple().to_string()[24..]);
        let elsewhere = elsewhere(url, &source).await?;
        let create = format!("create database {} template {}", identifier(&name), identifier(&source));
        // PostgreSQL itself waits five seconds for others to leave, such as the connection that asked for the name.
        match elsewhere.run(&create).await {
            Ok(_) => {
                let clone = Self { url: url.to_owned(), name };
                clone.take_rights(&elsewhere, &source).await?;
                Ok(clone)
            }
            Err(refusal) if refusal.code == "55006" => Err(Failure(format!(
                "{source} cannot be cloned while others are connected to it: stop them, or point this at a copy that nobody uses"
            ))),
            Err(refusal) => Err(Failure(format!("{source} cannot be cloned: {refusal}"))),
        }
    }

    /// Gives the copy what PostgreSQL does not copy: rights on the database itself, and settings in it.
    async fn take_rights(&self, elsewhere: &Session, source: &str) -> Result<(), Failure> {
        let scope = format!("begin; {}; {}", set_local("audit.source", source), set_local("audit.copy", &self.name));
        elsewhere.run(&scope).await?;
        let answer = elsewhere.run(include_str!("../sql/clone/rights.sql")).await?;
        for statement in answer.first_column() {
            elsewhere.run(statement).await?;
        }
        elsewhere.run("commit").await?;
        Ok(())
    }

    /// Connects to the copy.
    pub async fn connect(&self, name: &str) -> Result<Session, Failure> {
        Session::connect_to(&self.url, &self.name, name).await
    }

    /// Drops the copy, with whoever is connected to it.
    pub async fn discard(self) -> Result<(), Failure> {
        let elsewhere = elsewhere(&self.url, &self.name).await?;
        elsewhere.run(&format!("drop database if exists {} with (force)", identifier(&self.name))).await?;
        Ok(())
    }
}

/// A connection to some other database of the server.
async fn elsewhere(url: &str, not: &str) -> Result<Session, Failure> {
    let maintenance = if not == "postgres" { "template1" } else { "postgres" };
    Session::connect_to(url, maintenance, "rowhouse clone").await
}
