//! Answers that go on.

/// Marks an answer that goes on for as long as somebody follows it: its connection is in use, though nothing may come for a while.
#[derive(Clone, Copy, Debug)]
pub struct Streaming;
