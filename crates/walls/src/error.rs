//! From PostgreSQL's errors to what an application needs to know of them. Database text stays here: a message can quote a hidden row.
use std::{fmt, time::Duration};

use tokio_postgres::error::SqlState;

use crate::settings::Settings;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a connection or a statement was not to be had. None of it is for a caller to read: an application says in one place what each means.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A function of the schema has refused, by an SQLSTATE that begins as [`Settings::raised`] says.
    #[error("{statement}: SQLSTATE {sqlstate}")]
    Raised {
        /// Which statement called it.
        statement: &'static str,
        /// What it refused with.
        sqlstate: String,
        /// What it said, for the application.
        said: Said,
    },
    /// A constraint was broken.
    #[error("{statement}: SQLSTATE {sqlstate} on table {table}, constraint {constraint}")]
    Constraint {
        /// By which statement.
        statement: &'static str,
        /// Which kind of constraint it is.
        sqlstate: String,
        /// The table it is of.
        table: String,
        /// Its name: the vocabulary between schema and application.
        constraint: String,
    },
    /// Others hold a lock, for longer than the statement was to wait.
    #[error("others hold a lock for longer than the statement was to wait")]
    Locked,
    /// A statement ran into the role's time limit, or its transaction lost a race with another.
    #[error("a statement ran into its time limit, or its transaction lost a race")]
    Timeout,
    /// A statement ran into the limit that was set for it alone ([`Tx::within`](crate::Tx::within)).
    #[error("a statement took longer than the {} ms it was given", .0.as_millis())]
    TooCostly(Duration),
    /// PostgreSQL cannot be reached, or said that it is going away or full.
    #[error("PostgreSQL cannot be reached")]
    Unavailable,
    /// Somebody has as many connections as are their share, and others of theirs wait.
    #[error("a share of the connections is used up")]
    ShareExhausted,
    /// All connections are lent.
    #[error("every connection is lent")]
    PoolExhausted,
    /// What was prepared under a name is not there, or somebody else's: a pooler lies between.
    #[error("{statement}: SQLSTATE {sqlstate}: another connection prepared this statement, so a pooler lies between")]
    NameLost {
        /// Which statement.
        statement: &'static str,
        /// What PostgreSQL said.
        sqlstate: String,
    },
    /// A bug, here, in a statement or in its caller.
    #[error("{0}")]
    Internal(String),
}

/// What a function of the schema said. It may name somebody, so whoever shows an error for debugging does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Said(String);

impl Said {
    /// In its words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Error {
    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Self::Internal(what.into())
    }
}

/// Whether a transaction was ended because another was in its way, and could do what it was to do now.
pub(crate) fn lost_a_race(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE))
}

impl Settings {
    /// What a failed statement means.
    ///
    /// Logged are the SQLSTATE and the names of statement, table and constraint, never the message or its
    /// detail: those quote values.
    pub(crate) fn classify(&self, statement: &'static str, error: &tokio_postgres::Error) -> Error {
        let Some(db) = error.as_db_error() else {
            if error.is_closed()
                || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
            {
                tracing::warn!(trace_id = (self.trace_id)(), statement, "the connection to PostgreSQL was lost");
                return Error::Unavailable;
            }
            return Error::internal(format!("{statement}: {error}"));
        };
        let sqlstate = db.code().code();
        if sqlstate.starts_with(self.raised) {
            return Error::Raised { statement, sqlstate: sqlstate.to_owned(), said: Said(db.message().to_owned()) };
        }
        if let Some(constraint) = db.constraint() {
            return Error::Constraint {
                statement,
                sqlstate: sqlstate.to_owned(),
                table: db.table().unwrap_or("-").to_owned(),
                constraint: constraint.to_owned(),
            };
        }
        let warn = |what| tracing::warn!(trace_id = (self.trace_id)(), statement, sqlstate, "{what}");
        match *db.code() {
            SqlState::LOCK_NOT_AVAILABLE => Error::Locked,
            SqlState::QUERY_CANCELED => {
                warn("a statement ran into its time limit");
                Error::Timeout
            }
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
                warn("a transaction lost a race");
                Error::Timeout
            }
            SqlState::INVALID_SQL_STATEMENT_NAME | SqlState::DUPLICATE_PSTATEMENT => {
                Error::NameLost { statement, sqlstate: sqlstate.to_owned() }
            }
            _ if matches!(&sqlstate[..2], "08" | "53" | "57") || sqlstate == "25P03" => {
                warn("PostgreSQL is going away or full");
                Error::Unavailable
            }
            _ => {
                let table = db.table().unwrap_or("-");
                Error::internal(format!("{statement}: SQLSTATE {sqlstate} on table {table}, constraint -"))
            }
        }
    }
}
