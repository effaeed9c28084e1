//! What can be followed: one's own notifications, and what happens in the tenant.
use std::sync::Arc;

use crate::{
    Error, Result,
    error::Violation,
    events::{EventType, TYPES},
};

/// What is followed.
#[derive(Clone, Debug)]
pub enum Topic {
    /// The member's own notifications.
    Notifications,
    /// What happens in the tenant: all that its reader may read.
    Events,
    /// Of what happens some types, each of which its reader has to be allowed to read.
    Some(Vec<&'static EventType>),
}

impl Topic {
    /// Events of the types that are named, separated by commas; of all where none are.
    pub fn events(types: Option<&str>) -> Result<Self> {
        let Some(names) = types else { return Ok(Self::Events) };
        let known = |name: &str| {
            let unknown = || {
                let detail = format!("there is no type of event called {name:?}; GET /api/v1/event-types lists them");
                Error::BadRequest(vec![Violation::parameter("type", "unknown_event_type", detail)])
            };
            TYPES.iter().find(|kind| kind.name == name).ok_or_else(unknown)
        };
        let mut kinds = names.split(',').map(known).collect::<Result<Vec<_>>>()?;
        kinds.sort_by_key(|kind| kind.name);
        kinds.dedup_by_key(|kind| kind.name);
        Ok(Self::Some(kinds))
    }

    /// A topic as it is named on a WebSocket: `notifications`, `events`, or `events:` and one type.
    pub(super) fn named(name: &str) -> Result<Self> {
        let unknown = || {
            let detail = format!(
                "there is no topic {name:?}: notifications, events, or events: and a type such as project.created"
            );
            Error::BadRequest(vec![Violation::parameter("topic", "unknown_topic", detail)])
        };
        match name.split_once(':') {
            None if name == "notifications" => Ok(Self::Notifications),
            None if name == "events" => Ok(Self::Events),
            Some(("events", kind)) if !kind.contains(',') => Self::events(Some(kind)),
            _ => Err(unknown()),
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Self::Notifications => "notifications".into(),
            Self::Events => "events".into(),
            Self::Some(kinds) => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
                format!("events:{}", kinds.join(",")).into()
            }
        }
    }

    /// What its reader must hold, all of it, at each look; none is membership.
    pub(super) fn permissions(&self) -> Vec<Option<&'static str>> {
        match self {
            Self::Notifications => vec![None],
            Self::Events => vec![Some("events:read")],
            Self::Some(kinds) => {
                let mut needed: Vec<_> = kinds.iter().map(|kind| Some(kind.permission)).collect();
                needed.sort_unstable();
                needed.dedup();
                needed.insert(0, Some("events:read"));
                needed
            }
        }
    }

    /// The types that are read, each with the permission that reads it.
    pub(super) fn types(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let pair = |kind: &EventType| (kind.name, kind.permission);
        match self {
            Self::Notifications => (Vec::new(), Vec::new()),
            Self::Events => TYPES.iter().map(pair).unzip(),
            Self::Some(kinds) => kinds.iter().map(|kind| pair(kind)).unzip(),
        }
    }
}
