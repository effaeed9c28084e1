//! A notification as its member is told: in the list, on a stream.
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::from_row;

/// Something a member was told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notification {
    /// Which notification it is.
    pub id: Uuid,
    /// What happened: `member.role_changed`, `member.joined`, `api_key.created`, `api_key.revoked`,
    /// `operation.succeeded` or `operation.failed`. There will be more.
    pub kind: String,
    /// In English. A client that speaks otherwise goes by `kind` and `data`.
    pub title: String,
    /// More of it.
    pub body: Option<String>,
    /// Where it leads: a path below `/api/v1`. What is there may be gone by now, or not the reader's to see.
    #[schema(example = "/tenant/members/0198c2f4-7e1b-7c3a-9c57-2f3c1a5d9e10")]
    pub link: Option<String>,
    /// What it is about, by kind: ids and names as they were then.
    #[schema(value_type = Option<Object>)]
    pub data: Option<Value>,
    /// When it was read; null when it was not.
    pub read_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}
from_row! { Notification: id, kind, title, body, link, data, read_at, created_at }
