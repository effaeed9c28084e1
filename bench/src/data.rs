//! The data set: a private PostgreSQL with so many tenants of so many projects, loaded once and kept.
use std::ops::Deref;

use rowhouse::{error::Failure, from_row, sql};
use rowhouse_dev::Durability;
use uuid::Uuid;

use crate::{Options, say, store::Store};

/// A project, and whose it is.
pub(crate) struct Project {
    pub(crate) tenant: Uuid,
    pub(crate) id: Uuid,
}

from_row! { Project: tenant = "tenant_id", id }

/// A running PostgreSQL that holds the data set. Dropping it stops the server.
pub(crate) struct Data(Store);

impl Deref for Data {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.0
    }
}

impl Data {
    /// Starts the server and loads the data set, unless an earlier run left it complete.
    pub(crate) async fn open(options: &Options) -> Result<Self, Failure> {
        let Options { tenants, projects, dir, .. } = options;
        let mut store = Store::start(dir, format!("bench_{tenants}x{projects}"), Durability::Safe)?;
        if options.fresh || !store.is_usable().await? {
            say(&format!("loading {tenants} tenants of {projects} projects; it is done once and takes a while"));
            store.make(*tenants, *projects).await?;
            store.complete().await?;
            store.restart()?;
        }
        let data = Self(store);
        data.tidy().await?;
        Ok(data)
    }

    /// Some projects of all over the table.
    pub(crate) async fn projects(&self) -> Result<Vec<Project>, Failure> {
        self.superuser().await?.all(sql!("projects"), &[]).await
    }

    async fn tidy(&self) -> Result<(), Failure> {
        let superuser = self.superuser().await?;
        superuser.script("bench/sql/tidy.sql", include_str!("../sql/tidy.sql")).await?;
        superuser.script("vacuum", "vacuum tenant.projects").await?;
        superuser.script("checkpoint", "checkpoint").await
    }
}
