//! The questions a server asks before it serves: am I who I should be, and are the walls as the files say?
use std::{fmt, time::Duration};

use super::{API_ROLE, Db, Difference, GATE_ROLE, migrate};
use crate::{Result, from_row, sql};

/// One reason not to serve.
#[doc(alias = "readiness check")]
#[derive(Debug)]
pub struct StartupProblem(pub String);

impl fmt::Display for StartupProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

from_row! { StartupProblem: "complaint" }

/// Everything that is wrong with serving on these pools; empty is right.
///
/// Asked as each serving role itself: whether it could step around a wall (`audit.posture`), whether the
/// database still is what the files made of it (`audit.drift`), and whether they were this binary's files
/// and migrations.
pub async fn refuse_unless_walled(db: &Db, seal: &str) -> Result<Vec<StartupProblem>> {
    let mut startup_problems = still_walled(db, seal, None).await?;
    let mut conn = db.public().await?;
    let mut tx = conn.read();
    if tx.all::<StartupProblem>(sql!("db/never_migrated"), &[]).await?.is_empty() {
        let applied = tx.all(sql!("db/applied_migrations"), &[]).await?;
        let recorded: Vec<migrate::Digest> = tx.all(sql!("db/applied_files"), &[]).await?;
        let differences = migrate::migration_differences(&applied).and_then(|mut differences| {
            differences.extend(migrate::file_differences(&recorded)?);
            Ok(differences)
        });
        let differences = differences.map_err(|failure| crate::Error::internal(failure.0))?;
        startup_problems
            .extend(differences.iter().map(|fact| StartupProblem(format!("{fact}: run `rowhouse migrate`"))));
    }
    tx.commit().await?;
    Ok(startup_problems)
}

/// The part of it that stays true while a newer version migrates the database under a running server. `seal` is one for
/// `registry.seal_holds`; `locks` is how long to wait where a table is locked against all, as long as the role may unless said.
///
/// # Errors
/// [`Locked`](crate::Error::Locked) where one stays so: of what is said of it nothing can be read then.
pub async fn still_walled(db: &Db, seal: &str, locks: Option<Duration>) -> Result<Vec<StartupProblem>> {
    let mut startup_problems = Vec::new();
    for role in [GATE_ROLE, API_ROLE] {
        let mut conn = db.as_role(role).await?;
        conn.wait_for_locks(locks);
        let mut tx = conn.read();
        startup_problems.extend(tx.all::<StartupProblem>(sql!("db/role_is"), &[&role]).await?);
        if tx.all::<StartupProblem>(sql!("db/never_migrated"), &[]).await?.len() == 1 {
            startup_problems.push(StartupProblem("the database was never migrated: run `rowhouse migrate`".to_owned()));
            tx.commit().await?;
            return Ok(startup_problems);
        }
        startup_problems.extend(tx.all::<StartupProblem>(sql!("db/posture"), &[]).await?);
        // The same whoever asks, so one of them does.
        if role == API_ROLE {
            let drift = tx.all::<Difference>(sql!("db/drift"), &[]).await?;
            startup_problems
                .extend(drift.iter().map(|fact| StartupProblem(format!("{fact}: see `rowhouse migrate --check`"))));
        }
        tx.commit().await?;
        if startup_problems.is_empty()
            && let Err(refused) = conn.read().last().optional::<()>(sql!("db/seal_holds"), &[&seal]).await
            && let crate::Error::NotReady(_) = refused.into()
        {
            startup_problems.push(StartupProblem(
                "the database does not accept this server's seals: run `rowhouse keys seal` with its keys, and set both clocks by the same".to_owned(),
            ));
        }
    }
    Ok(startup_problems)
}

/// Whether searches use their index, or read a tenant's products one by one (docs/adr/0013).
pub async fn search_is_indexed(db: &Db) -> Result<bool> {
    struct Indexed(bool);
    from_row! { Indexed: "indexed" }
    let mut conn = db.as_role(API_ROLE).await?;
    let Indexed(indexed) = conn.read().last().one(sql!("db/search_indexed"), &[]).await?;
    Ok(indexed)
}
