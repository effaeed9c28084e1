//! Writing what others may be writing. Whoever writes the same for a moment is waited for; an operation of the tenant's own
//! (an import, indexing anew) may hold it for minutes, and to wait for that would only take connections from others.
use std::time::Duration;

use crate::{Error, Result, auth::Tenant, db::TenantWrites, sql};

/// How long to wait before asking who holds it.
const MOMENT: Duration = Duration::from_millis(10);

/// How long a write waits: at first a moment, and then, if that was no operation, as long as any statement may.
///
/// ```text
/// let mut waits = Waits::of(&tenant);
/// let changed = loop {
///     let mut conn = waits.writes().await?;
///     match conn.write().last().optional(sql, params).await.map_err(Error::from) {
///         Err(Error::Locked) => waits.ask(conn).await?,
///         done => break done?,
///     }
/// };
/// ```
#[derive(Debug)]
pub struct Waits<'t> {
    tenant: &'t Tenant,
    asked: bool,
}

impl<'t> Waits<'t> {
    /// Of somebody who has not tried yet.
    #[must_use]
    pub fn of(tenant: &'t Tenant) -> Self {
        Self { tenant, asked: false }
    }

    /// A connection to try with.
    pub async fn writes(&self) -> Result<TenantWrites> {
        let mut conn = self.tenant.writes().await?;
        conn.wait_for_locks((!self.asked).then_some(MOMENT));
        Ok(conn)
    }

    /// What it would write is locked: `409` while an operation of the tenant is running, else it may try once more.
    pub async fn ask(&mut self, mut conn: TenantWrites) -> Result<()> {
        if std::mem::replace(&mut self.asked, true) {
            return Err(Error::Locked);
        }
        match conn.read().last().optional::<()>(sql!("operations/under_way"), &[]).await.map_err(Error::from) {
            Ok(None) => Ok(()),
            // Whoever may not know of operations is not told, and is not kept waiting either.
            Ok(Some(())) | Err(Error::PermissionDenied(_)) => Err(Error::OperationInProgress),
            Err(error) => Err(error),
        }
    }
}
