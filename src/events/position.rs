//! Where a reader of a tenant's events stands, and how far anybody may read.
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{db::FromRow, from_row};

/// The place of an event in the order in which events are read: that of the transactions that told them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The tenant's epoch: another one where it has moved.
    pub epoch: i64,
    /// The transaction.
    pub xid: i64,
    /// The event.
    pub id: Uuid,
}

impl Position {
    /// Before the first event of all.
    pub const START: Self = Self { epoch: 0, xid: 0, id: Uuid::nil() };
    /// After the last one of all.
    pub const END: Self = Self { epoch: i64::MAX, xid: i64::MAX, id: Uuid::max() };
}

/// How far events can be read: whoever asks later finds no other event before that.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// The tenant's epoch.
    pub epoch: i64,
    /// The oldest transaction that has not ended.
    pub settled: i64,
    /// The transaction that begins next.
    pub next: i64,
}
from_row! { Horizon: epoch, settled, next }

/// How far events are forgotten: the place of the last one that is gone (`sql/queries/events/floor.sql`).
#[derive(Clone, Copy, Debug)]
pub struct Floor(Position);

impl FromRow for Floor {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(Position { epoch: row.try_get("epoch")?, xid: row.try_get("xid")?, id: row.try_get("event_id")? }))
    }
}

impl Floor {
    /// Whether a reader who stands there can go on without having missed any. To be read after the events, or in one snapshot with them: what
    /// is forgotten in between would not be missed.
    #[must_use]
    pub fn is_below(&self, position: Position) -> bool {
        self.0 <= position
    }
}

impl Horizon {
    /// After all that can be read.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, xid: self.settled - 1, id: Uuid::max() }
    }

    /// Whether a reader can stand there. One who stands where this database has not been yet has read from another: one that was
    /// lost, and of which this is a copy from before.
    #[must_use]
    pub fn has_seen(&self, position: Position) -> bool {
        (position.epoch, position.xid) < (self.epoch, self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_who_has_read_all_stands_before_what_is_not_settled() {
        let horizon = Horizon { epoch: 2, settled: 100, next: 110 };
        let event = |epoch, xid| Position { epoch, xid, id: Uuid::from_u128(7) };
        assert!(event(2, 99) < horizon.position() && horizon.position() < event(2, 100));
        assert!(event(1, 1_000_000) < horizon.position(), "what was told before a move is settled");
        assert!(Position::START < event(1, 1) && horizon.position() < Position::END);
    }

    #[test]
    fn whoever_stands_where_the_database_has_not_been_has_read_from_another() {
        let horizon = Horizon { epoch: 2, settled: 100, next: 110 };
        let seen = |epoch, xid| horizon.has_seen(Position { epoch, xid, id: Uuid::nil() });
        assert!(seen(2, 109) && seen(1, i64::MAX) && seen(0, 0) && horizon.has_seen(horizon.position()));
        assert!(!seen(2, 110) && !seen(3, 1) && !horizon.has_seen(Position::END));
    }

    #[test]
    fn whoever_has_read_what_is_forgotten_goes_on_and_whoever_has_not_cannot() {
        let event = |epoch, xid, id| Position { epoch, xid, id: Uuid::from_u128(id) };
        let floor = Floor(event(2, 100, 7));
        assert!(floor.is_below(event(2, 100, 7)) && floor.is_below(event(2, 101, 0)) && floor.is_below(event(3, 1, 0)));
        assert!(
            !floor.is_below(event(2, 100, 6))
                && !floor.is_below(event(1, 1_000, 9))
                && !floor.is_below(Position::START)
        );
    }
}
