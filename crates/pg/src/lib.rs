#![doc = include_str!("../README.md")]
#![expect(clippy::disallowed_types, reason = "what others may use of PostgreSQL's client is made here")]

mod admin;
mod ask;
mod connect;
mod failure;
mod id;
mod listen;
mod quote;
mod sql;

pub use admin::{AdminConn, Answer, Refusal};
pub use connect::{as_role, describe, for_programs, open, parse, tls};
pub use failure::Failure;
pub use id::new_id;
pub use listen::{Listener, Told};
pub use quote::{identifier, literal, set_local};
pub use sql::{FromRow, Sql};
#[doc(hidden)]
pub use tokio_postgres;

/// A statement's parameters.
pub type Params<'a> = &'a [&'a (dyn postgres_types::ToSql + Sync)];
