//! What happens in a tenant, told by the transaction in which it happens: which types of event there are, and where a reader
//! stands. The rows are written by triggers (`sql/functions/registry.note_changes.sql`); docs/events.md says how they are read.
mod catalogue;
mod event;
mod position;

pub use catalogue::{EventType, TYPES};
pub use event::{Actor, ActorKind, Event};
pub use position::{Floor, Horizon, Position};
