//! A private PostgreSQL with one database of ours, and tenants in it.
use std::{
    fs,
    path::{Path, PathBuf},
};

use rowhouse::{
    auth::hash_password,
    db::{self, API_ROLE, AdminConn},
    error::Failure,
    from_row, sql,
};
use rowhouse_dev::{Durability, PrivatePostgres};
use serde::Serialize;
use uuid::Uuid;

use crate::say;

/// Room for the whole data set, as an administrator would give it; and no disk and no housekeeping in the
/// figures, since neither says anything about the contenders.
const SETTINGS: [&str; 5] =
    ["shared_buffers = '1GB'", "autovacuum = off", "fsync = off", "synchronous_commit = off", "full_page_writes = off"];

/// Everybody's password.
pub(crate) const PASSWORD: &str = "the bench's own password";

/// A tenant and its only member.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) tenant: Uuid,
    pub(crate) user: Uuid,
}

from_row! { Caller: tenant = "tenant_id", user = "user_id" }

/// What a table or an index takes.
#[derive(Serialize)]
pub(crate) struct Size {
    pub(crate) name: String,
    pub(crate) bytes: i64,
}

from_row! { Size: name, bytes }

/// A running PostgreSQL. Dropping it stops the server.
pub(crate) struct Store {
    cluster: Option<PrivatePostgres>,
    dir: PathBuf,
    home: PathBuf,
    database: String,
    durability: Durability,
    _lock: fs::File,
}

impl Store {
    /// Starts the server in `dir`, which one run at a time may use.
    pub(crate) fn start(dir: &Path, database: String, durability: Durability) -> Result<Self, Failure> {
        let lock = lock(dir)?;
        let dir = dir.join("postgresql");
        let home = PrivatePostgres::home(&dir)?;
        let cluster = Some(PrivatePostgres::start(&dir, durability)?);
        Ok(Self { cluster, dir, home, database, durability, _lock: lock })
    }

    /// Stops the server and starts it again: with its new settings, and with nothing left to write from loading.
    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        drop(self.cluster.take());
        self.cluster = Some(PrivatePostgres::start(&self.dir, self.durability)?);
        Ok(())
    }

    /// Where a role connects to our database.
    pub(crate) fn url(&self, role: &str) -> String {
        self.cluster.as_ref().map(|cluster| cluster.url(role, &self.database)).unwrap_or_default()
    }

    /// Where the serving role connects.
    pub(crate) fn api_url(&self) -> String {
        self.url(API_ROLE)
    }

    /// Goes on with another database of the same server.
    pub(crate) fn turn_to(&mut self, database: String) {
        self.database = database;
    }

    /// Our database's name.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// The server's major version.
    pub(crate) fn version(&self) -> u32 {
        self.cluster.as_ref().map(PrivatePostgres::version).unwrap_or_default()
    }

    /// The server's first process, whose children serve the connections.
    pub(crate) fn postmaster(&self) -> Result<u32, Failure> {
        let path = self.home.join("data/postmaster.pid");
        let text = fs::read_to_string(&path)?;
        let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
        pid.ok_or_else(|| Failure(format!("{} does not begin with a number", path.display())))
    }

    /// Every tenant with its member.
    pub(crate) async fn callers(&self) -> Result<Vec<Caller>, Failure> {
        self.superuser().await?.all(sql!("callers"), &[]).await
    }

    /// What the catalogue takes.
    pub(crate) async fn sizes(&self) -> Result<Vec<Size>, Failure> {
        self.superuser().await?.all(sql!("sizes"), &[]).await
    }

    /// Complete, and with the schema and the policies that this build carries.
    pub(crate) async fn is_usable(&self) -> Result<bool, Failure> {
        let postgres = self.postgres().await?;
        if postgres.all::<()>(sql!("complete"), &[&self.database]).await?.is_empty() {
            return Ok(false);
        }
        let migrated = self.migrate().await;
        if let Err(failure) = &migrated {
            say(&format!("the data set of an earlier run does not fit this build: {failure}"));
        }
        Ok(migrated.is_ok())
    }

    /// Makes the database anew, with the product's schema and this many tenants of so many projects.
    pub(crate) async fn make(&self, tenants: u32, projects: u32) -> Result<(), Failure> {
        let (postgres, database) = (self.postgres().await?, &self.database);
        for setting in SETTINGS {
            postgres.script("settings", &format!("alter system set {setting}")).await?;
        }
        postgres.script("settings", "select pg_reload_conf()").await?;
        postgres.script("old data", &format!("drop database if exists {database} with (force)")).await?;
        postgres.script("new database", &format!("create database {database}")).await?;
        let superuser = self.superuser().await?;
        db::bootstrap(&superuser).await?;
        self.migrate().await?;
        let hash = hash_password(&PASSWORD.into())?;
        let size = format!(
            "set bench.tenants = {tenants}; set bench.projects = {projects}; set bench.password_hash = '{hash}'"
        );
        superuser.script("size", &size).await?;
        superuser.script("bench/sql/load.sql", include_str!("../sql/load.sql")).await
    }

    /// Notes that everything is loaded, so that a later run takes it as it is.
    pub(crate) async fn complete(&self) -> Result<(), Failure> {
        self.superuser().await?.script("vacuum", "vacuum (freeze, analyze)").await?;
        let complete = format!("comment on database {} is 'complete'", self.database);
        self.postgres().await?.script("complete", &complete).await
    }

    /// A connection that no wall stops.
    pub(crate) async fn superuser(&self) -> Result<AdminConn, Failure> {
        AdminConn::connect(&self.url("postgres")).await
    }

    /// A connection that no wall stops, to the server's own database.
    pub(crate) async fn postgres(&self) -> Result<AdminConn, Failure> {
        let url = self.cluster.as_ref().map(|cluster| cluster.url("postgres", "postgres")).unwrap_or_default();
        AdminConn::connect(&url).await
    }

    async fn migrate(&self) -> Result<(), Failure> {
        let mut migrator = AdminConn::connect(&self.url("rowhouse_migrator")).await?;
        db::migrate(&mut migrator, false).await?;
        self.superuser().await?.script("bench/sql/limits.sql", include_str!("../sql/limits.sql")).await
    }
}

/// One run at a time: two would measure each other.
fn lock(dir: &Path) -> Result<fs::File, Failure> {
    let failed = |error| Failure(format!("cannot use {}: {error}", dir.display()));
    fs::create_dir_all(dir).map_err(failed)?;
    let file = fs::File::create(dir.join("lock")).map_err(failed)?;
    file.try_lock().map_err(|_| Failure(format!("another benchmark is running on {}", dir.display())))?;
    Ok(file)
}
