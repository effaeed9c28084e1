//! The questions a server asks before it serves: am I who I should be, and are the walls as the files say?
use std::fmt;

use tokio_postgres::Row;

use super::{Db, Difference, FromRow, migrate};
use crate::{Result, sql};

/// One reason not to serve.
#[derive(Debug)]
pub struct Complaint(pub String);

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromRow for Complaint {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(row.try_get("complaint")?))
    }
}

/// Everything that is wrong with serving on this pool; empty is right.
///
/// Asked as the serving role itself, in one read-only transaction: whether the role could step around a
/// wall (`audit.posture`), whether this binary's files are the ones applied, and whether the database
/// still is what they made (`audit.drift`).
pub async fn refuse_unless_walled(db: &Db, role: &str) -> Result<Vec<Complaint>> {
    let mut conn = db.public().await?;
    let mut tx = conn.read();
    let mut complaints: Vec<Complaint> = tx.all(sql!("db/role_is"), &[&role]).await?;
    if tx.all::<Complaint>(sql!("db/never_migrated"), &[]).await?.len() == 1 {
        complaints.push(Complaint("the database was never migrated: run `rowhouse migrate`".to_owned()));
        tx.commit().await?;
        return Ok(complaints);
    }
    complaints.extend(tx.all::<Complaint>(sql!("db/posture"), &[]).await?);
    let recorded = tx.all::<migrate::Digest>(sql!("db/applied_files"), &[]).await?;
    let drift = tx.last().all::<Difference>(sql!("db/drift"), &[]).await?;

    let recorded: Vec<_> = recorded.into_iter().map(|digest| (digest.path, digest.sha256)).collect();
    let files = migrate::file_differences(&recorded).map_err(|failure| crate::Error::internal(failure.0))?;
    complaints.extend(files.iter().map(|file| Complaint(format!("{file}: run `rowhouse migrate`"))));
    complaints.extend(drift.iter().map(|fact| Complaint(format!("{fact}: see `rowhouse migrate --check`"))));
    Ok(complaints)
}
