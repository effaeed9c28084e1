//! A connection while somebody has it, and what becomes of it afterwards.
use std::time::{Duration, Instant};

use crate::{
    Error, Result,
    committed::Committed,
    queue::Place,
    settings::Settings,
    statements::StatementCache,
    wire::{Object, Wire},
};

/// A pooled connection on loan. It goes back only when no transaction is open on it.
#[derive(Debug)]
pub(crate) struct Lease {
    object: Option<Object>,
    statements: StatementCache,
    pub(crate) settings: Settings,
    pub(crate) committed: Option<Committed>,
    /// Set before the first byte of a transaction is sent, cleared when the server has said it ended.
    pub(crate) in_transaction: bool,
    /// How long a statement waits for a lock; none is as long as the role may.
    pub(crate) locks: Option<Duration>,
    since: Instant,
    /// Given back after the connection.
    _place: Place,
}

impl Lease {
    pub(crate) fn new(
        object: Object,
        statements: StatementCache,
        settings: Settings,
        committed: Option<Committed>,
        place: Place,
    ) -> Self {
        Self {
            object: Some(object),
            statements,
            settings,
            committed,
            in_transaction: false,
            locks: None,
            since: Instant::now(),
            _place: place,
        }
    }

    /// The connection, and what is known of the statements sent on it.
    pub(crate) fn wire(&mut self) -> Result<(&mut Wire, &StatementCache)> {
        let object = self.object.as_mut().ok_or_else(|| Error::internal("the connection was already thrown away"))?;
        Ok((object, &self.statements))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        (self.settings.held)(self.since.elapsed());
        if self.in_transaction
            && let Some(object) = self.object.take()
        {
            // A panic, a cancelled request, a lost answer: what state the session is in is unknown, so
            // the next tenant does not get it. Dropping it closes the socket.
            tracing::debug!("a connection with an unfinished transaction was thrown away");
            drop(Object::take(object));
        }
    }
}
