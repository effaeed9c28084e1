//! From PostgreSQL's errors to the house's. Database text stays here: a message can quote a hidden row.
use tokio_postgres::error::SqlState;

use super::constraints;
use crate::{Error, telemetry::trace_id};

/// The database cannot be reached, or said that it is going away.
pub(super) fn unavailable() -> Error {
    Error::DatabaseUnavailable
}

/// Whether a transaction was ended because another was in its way, and could do what it was to do now.
pub(super) fn lost_a_race(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE))
}

/// What a failed statement means to the caller.
///
/// Logged are the SQLSTATE and the names of statement, table and constraint, never the message or its
/// detail: those quote values.
pub(super) fn classify(statement: &'static str, error: &tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else {
        if error.is_closed()
            || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
        {
            tracing::warn!(trace_id = trace_id(), statement, "the connection to PostgreSQL was lost");
            return unavailable();
        }
        return Error::internal(format!("{statement}: {error}"));
    };
    let code = db.code();
    match Error::raised(code.code(), db.message()) {
        Some(Error::NotReady(reasons)) => {
            tracing::error!(
                trace_id = trace_id(),
                statement,
                "a door of the database refused this server's seal: `rowhouse keys seal`, and both clocks set by the same"
            );
            return Error::NotReady(reasons);
        }
        Some(Error::Internal(said)) => {
            return Error::internal(format!("{statement}: SQLSTATE {}: {said}", code.code()));
        }
        Some(error) => return error,
        None => {}
    }
    if let Some(constraint) = db.constraint()
        && let Some(error) = constraints::meaning(constraint)
    {
        return error;
    }
    let (table, constraint) = (db.table().unwrap_or("-"), db.constraint().unwrap_or("-"));
    match *code {
        SqlState::LOCK_NOT_AVAILABLE => Error::Locked,
        SqlState::QUERY_CANCELED => {
            tracing::warn!(
                trace_id = trace_id(),
                statement,
                sqlstate = code.code(),
                "a statement ran into its time limit"
            );
            Error::DatabaseTimeout
        }
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            tracing::warn!(trace_id = trace_id(), statement, sqlstate = code.code(), "a transaction lost a race");
            Error::DatabaseTimeout
        }
        SqlState::INVALID_SQL_STATEMENT_NAME | SqlState::DUPLICATE_PSTATEMENT => Error::internal(format!(
            "{statement}: SQLSTATE {}: another connection prepared this statement, so a pooler lies between; set ROWHOUSE_STATEMENTS=unnamed",
            code.code()
        )),
        _ if matches!(&code.code()[..2], "08" | "53" | "57") => {
            tracing::warn!(
                trace_id = trace_id(),
                statement,
                sqlstate = code.code(),
                "PostgreSQL is going away or full"
            );
            unavailable()
        }
        _ => {
            Error::internal(format!("{statement}: SQLSTATE {} on table {table}, constraint {constraint}", code.code()))
        }
    }
}
