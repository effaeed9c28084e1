//! From what the walls say went wrong to the house's errors: the one place that knows both.
use rowhouse_walls::Error as Refused;

use super::constraints;
use crate::{Error, telemetry::trace_id};

/// What a failed statement, or a connection that was not to be had, means to the caller.
impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Raised { statement, ref sqlstate, ref said } => match Self::raised(sqlstate, said.as_str()) {
                Some(Self::NotReady(reasons)) => {
                    tracing::error!(
                        trace_id = trace_id(),
                        statement,
                        "a door of the database refused this server's seal: `rowhouse keys seal`, and both clocks set by the same"
                    );
                    Self::NotReady(reasons)
                }
                Some(Self::Internal(said)) => Self::internal(format!("{refused}: {said}")),
                Some(error) => error,
                None => Self::internal(format!("{refused}, which src/error/table.rs does not know")),
            },
            Refused::Constraint { ref constraint, .. } => {
                constraints::meaning(constraint).unwrap_or_else(|| Self::internal(refused.to_string()))
            }
            Refused::Locked => Self::Locked,
            Refused::Timeout => Self::DatabaseTimeout,
            Refused::TooCostly(limit) => Self::TooCostly(limit),
            Refused::Unavailable => Self::DatabaseUnavailable,
            Refused::ShareExhausted => Self::TenantBusy,
            Refused::PoolExhausted => Self::PoolExhausted,
            Refused::NameLost { .. } => Self::internal(format!("{refused}; set ROWHOUSE_STATEMENTS=unnamed")),
            Refused::Internal(what) => Self::Internal(what),
        }
    }
}
