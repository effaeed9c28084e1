//! What is said on a WebSocket, by its reader and to its reader.
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// How many messages its reader may send at once.
const AT_ONCE: u32 = 128;
/// After how long one more is free.
const EACH: Duration = Duration::from_millis(125);

/// What a reader asks for.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Asked {
    /// To follow a topic as well, after a position or from now on.
    Subscribe { topic: String, after: Option<String> },
    /// To follow it no more.
    Unsubscribe { topic: String },
    /// Whether anybody is there: a page cannot send a ping of the protocol.
    Ping {},
}

/// Reads a message, or says what is wrong with it.
pub(super) fn read(text: &str) -> Result<Asked, String> {
    serde_json::from_str(text).map_err(|error| format!("{error}; see docs/live.md for what may be said"))
}

/// What a reader is told.
pub(super) struct Said(pub(super) Value);

impl Said {
    /// Something that was asked for is not done.
    pub(super) fn error(topic: Option<&str>, code: &str, detail: &str) -> Self {
        Self(json!({ "type": "error", "topic": topic, "code": code, "detail": detail }))
    }

    /// A topic is followed no more.
    pub(super) fn ended(topic: &str, code: &str, detail: &str) -> Self {
        Self(json!({ "type": "ended", "topic": topic, "code": code, "detail": detail }))
    }
}

impl From<Said> for Message {
    fn from(Said(what): Said) -> Self {
        Self::text(what.to_string())
    }
}

/// How many messages a reader may still send: what each of them may cost is not counted as a request.
pub(super) struct Budget {
    left: u32,
    since: Instant,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { left: AT_ONCE, since: Instant::now() }
    }

    /// Whether there is one left.
    pub(super) fn spend(&mut self) -> bool {
        let earned = u32::try_from(self.since.elapsed().as_millis() / EACH.as_millis()).unwrap_or(AT_ONCE);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(AT_ONCE);
            self.since = Instant::now();
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_strictly() {
        for right in [
            r#"{"type":"subscribe","topic":"events"}"#,
            r#"{"type":"subscribe","topic":"events","after":"AbC"}"#,
            r#"{"type":"unsubscribe","topic":"events"}"#,
            r#"{"type":"ping"}"#,
        ] {
            assert!(read(right).is_ok(), "{right}");
        }
        for wrong in
            ["", "[]", "{}", "null", r#"{"type":"publish"}"#, r#"{"type":"subscribe"}"#, r#"{"type":"ping","x":1}"#]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn so_many_at_once_and_then_one_after_the_other() {
        let mut budget = Budget::new();
        assert!((0..AT_ONCE).all(|_| budget.spend()));
        assert!(!budget.spend());
        std::thread::sleep(EACH * 2);
        assert!(budget.spend() && budget.spend() && !budget.spend());
    }
}
