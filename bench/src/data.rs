//! The data set: a private PostgreSQL with so many tenants of so many projects, loaded once and kept.
use std::{
    fs,
    path::{Path, PathBuf},
};

use rowhouse::{
    auth::hash_password,
    cluster::{Cluster, Durability},
    config::API_ROLE,
    db::{self, Admin, FromRow},
    error::Failure,
    sql,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Options, say};

/// Room for the whole data set, as an administrator would give it; and no disk and no housekeeping in the
/// figures, since neither says anything about the contenders.
const SETTINGS: [&str; 5] =
    ["shared_buffers = '1GB'", "autovacuum = off", "fsync = off", "synchronous_commit = off", "full_page_writes = off"];

/// Everybody's password.
pub(crate) const PASSWORD: &str = "the bench's own password";

/// A tenant and its only member.
pub(crate) struct Caller {
    pub(crate) tenant: Uuid,
    pub(crate) user: Uuid,
}

impl FromRow for Caller {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { tenant: row.try_get("tenant_id")?, user: row.try_get("user_id")? })
    }
}

/// A project, and whose it is.
pub(crate) struct Project {
    pub(crate) tenant: Uuid,
    pub(crate) id: Uuid,
}

impl FromRow for Project {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { tenant: row.try_get("tenant_id")?, id: row.try_get("id")? })
    }
}

/// A running PostgreSQL that holds the data set. Dropping it stops the server.
pub(crate) struct Data {
    cluster: Cluster,
    home: PathBuf,
    database: String,
    _lock: fs::File,
}

impl Data {
    /// Starts the server and loads the data set, unless an earlier run left it complete.
    pub(crate) async fn open(options: &Options) -> Result<Self, Failure> {
        let lock = lock(&options.dir)?;
        let dir = options.dir.join("postgresql");
        let start = || Cluster::start(&dir, Durability::Safe);
        let mut data = Self {
            cluster: start()?,
            home: Cluster::home(&dir)?,
            database: format!("bench_{}x{}", options.tenants, options.projects),
            _lock: lock,
        };
        if options.fresh || !data.is_usable().await? {
            data.load(options).await?;
            // With its new settings, and with nothing left to write from loading.
            drop(data.cluster);
            data.cluster = start()?;
        }
        data.tidy().await?;
        Ok(data)
    }

    /// Where the serving role connects.
    pub(crate) fn api_url(&self) -> String {
        self.cluster.url(API_ROLE, &self.database)
    }

    /// The server's major version.
    pub(crate) fn version(&self) -> u32 {
        self.cluster.version()
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

    /// Some projects of all over the table.
    pub(crate) async fn projects(&self) -> Result<Vec<Project>, Failure> {
        self.superuser().await?.all(sql!("projects"), &[]).await
    }

    /// Complete, and with the schema and the policies that this build carries.
    async fn is_usable(&self) -> Result<bool, Failure> {
        let postgres = Admin::connect(&self.cluster.url("postgres", "postgres")).await?;
        if postgres.all::<()>(sql!("complete"), &[&self.database]).await?.is_empty() {
            return Ok(false);
        }
        let migrated = self.migrate().await;
        if let Err(failure) = &migrated {
            say(&format!("the data set of an earlier run does not fit this build: {failure}"));
        }
        Ok(migrated.is_ok())
    }

    async fn load(&self, options: &Options) -> Result<(), Failure> {
        let (tenants, projects, database) = (options.tenants, options.projects, &self.database);
        say(&format!("loading {tenants} tenants of {projects} projects; it is done once and takes a while"));
        let postgres = Admin::connect(&self.cluster.url("postgres", "postgres")).await?;
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
        superuser.script("bench/sql/load.sql", include_str!("../sql/load.sql")).await?;
        superuser.script("vacuum", "vacuum (freeze, analyze)").await?;
        postgres.script("complete", &format!("comment on database {database} is 'complete'")).await
    }

    async fn migrate(&self) -> Result<(), Failure> {
        let mut migrator = Admin::connect(&self.cluster.url("rowhouse_migrator", &self.database)).await?;
        db::migrate(&mut migrator, false).await.map(drop)
    }

    async fn tidy(&self) -> Result<(), Failure> {
        let superuser = self.superuser().await?;
        superuser.script("bench/sql/tidy.sql", include_str!("../sql/tidy.sql")).await?;
        superuser.script("vacuum", "vacuum tenant.projects").await?;
        superuser.script("checkpoint", "checkpoint").await
    }

    async fn superuser(&self) -> Result<Admin, Failure> {
        Admin::connect(&self.cluster.url("postgres", &self.database)).await
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
