//! One row of a resource, by its key: read it, or write it where it is at a version that the caller knows.
use super::etag::missed;
use crate::{
    Error, Result,
    auth::Tenant,
    db::{FromRow, Params, Sql, TenantWrites},
};

/// A resource whose rows are asked for one at a time.
#[derive(Clone, Copy, Debug)]
pub struct One {
    called: &'static str,
    get: Sql,
}

/// The row that has a key. It may not be there.
#[derive(Clone, Copy)]
pub struct At<'a> {
    one: &'a One,
    tenant: &'a Tenant,
    key: Params<'a>,
}

impl One {
    /// What one of them is called, and the statement that reads it by its key.
    #[must_use]
    pub const fn new(called: &'static str, get: Sql) -> Self {
        Self { called, get }
    }

    /// The one with this key: what its statements take before anything else.
    #[must_use]
    pub fn at<'a>(&'a self, tenant: &'a Tenant, key: Params<'a>) -> At<'a> {
        At { one: self, tenant, key }
    }

    /// There is none.
    #[must_use]
    pub fn missing(&self) -> Error {
        missed(self.called, false)
    }
}

impl At<'_> {
    /// As it is; `404` where there is none.
    pub async fn read<T: FromRow>(&self) -> Result<T> {
        let mut conn = self.tenant.reads().await?;
        let row = conn.read().last().optional(self.one.get, self.key).await?;
        row.ok_or_else(|| self.one.missing())
    }

    /// What a statement answers that changes or deletes it; it takes the key, and then `more`, of which the first are the versions that
    /// the caller knows ([`IfMatch`](super::etag::IfMatch)). Where it answers nothing: `404` where there is none, `412` where it is at
    /// another version.
    pub async fn write<T: FromRow>(&self, statement: Sql, more: Params<'_>) -> Result<T> {
        let mut conn = self.tenant.writes().await?;
        let row = conn.write().last().optional(statement, &[self.key, more].concat()).await?;
        match row {
            Some(row) => Ok(row),
            None => Err(self.missed(&mut conn).await?),
        }
    }

    /// Why a statement found nothing to write: it is not there, or at another version.
    pub async fn missed(&self, conn: &mut TenantWrites) -> Result<Error> {
        let there: Option<()> = conn.read().last().optional(self.one.get, self.key).await?;
        Ok(missed(self.one.called, there.is_some()))
    }
}
