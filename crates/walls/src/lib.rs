#![doc = include_str!("../README.md")]
#![expect(
    clippy::disallowed_types,
    reason = "nothing here lends a client: what others get is a connection promised to someone"
)]

mod committed;
mod conn;
mod error;
mod identity;
mod lease;
mod load;
mod pool;
mod pooler;
mod preamble;
mod queue;
mod rows;
mod settings;
mod statements;
mod tx;
mod wire;

pub use committed::Committed;
pub use conn::{PublicConn, TenantReads, TenantWrites, UserConn};
pub use error::{Error, Result, Said};
pub use identity::{HeldJob, Person, PresentedKey, Principal, SessionId, TenantId, UserId};
pub use pool::{Pool, PoolOptions};
pub use pooler::Unfit;
pub use queue::Share;
pub use rowhouse_pg::{Failure, FromRow, Params, Sql, sql};
pub use rows::Rows;
pub use settings::Settings;
pub use statements::Statements;
pub use tx::{Call, Last, Mode, Read, Snapshot, Tx, Write};
