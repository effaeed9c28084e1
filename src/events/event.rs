//! An event as it is told: by the feed, on a stream.
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Position;
use crate::{db::FromRow, text_enum};

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    /// Which event it is.
    pub id: Uuid,
    /// What happened to what. `GET /event-types` lists them.
    #[serde(rename = "type")]
    #[schema(example = "project.created")]
    pub kind: String,
    /// Of what `data` look like.
    pub type_version: i16,
    /// Whose doing it was.
    pub actor: Actor,
    /// Ids, versions, and the names of the fields that changed; what they hold is read where it is.
    #[schema(value_type = Object)]
    pub data: Value,
    /// When the transaction that told it began.
    pub created_at: Timestamp,
    /// Where it stands.
    #[serde(skip)]
    pub position: Position,
}

/// Whose doing it was.
#[derive(Debug, Serialize, ToSchema)]
pub struct Actor {
    /// What they are.
    pub kind: ActorKind,
    /// The person's, or the API key's.
    pub id: Option<Uuid>,
}

text_enum! {
    /// A person, an API key, or nobody who had signed in.
    pub enum ActorKind {
        /// A person.
        User = "user",
        /// An API key.
        ApiKey = "api_key",
        /// Nobody who had signed in.
        None = "none",
    }
}

impl FromRow for Event {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let id = row.try_get("id")?;
        Ok(Self {
            id,
            kind: row.try_get("type")?,
            type_version: row.try_get("type_version")?,
            actor: Actor { kind: row.try_get("actor_kind")?, id: row.try_get("actor_id")? },
            data: row.try_get("data")?,
            created_at: row.try_get("created_at")?,
            position: Position { epoch: row.try_get("epoch")?, xid: row.try_get("xid")?, id },
        })
    }
}
