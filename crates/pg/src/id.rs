//! Ids of rows.
use uuid::Uuid;

/// A new id. There is this one maker because ids stand in for times: they begin with milliseconds and never go back within a process
/// (RFC 9562 §6.2), so lists are read newest first off the primary key, and a range of times is a range of ids. An id of another kind
/// among them would stand in the wrong place for good. They are no secret: whoever sees one can guess its neighbours.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}
