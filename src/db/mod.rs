//! The only code that can reach PostgreSQL. Nothing here lends a bare client: what leaves this module is
//! a connection promised to someone, on which the one thing to do is to begin a transaction.
#![expect(clippy::disallowed_types, reason = "this is the module that may")]

mod check;
mod constraints;
mod errors;
mod load;
mod migrate;
mod pool;
mod pooler;
mod preamble;
mod queue;
pub mod seed;
mod statements;
mod tx;

pub use check::{StartupProblem, refuse_unless_walled, search_is_indexed, still_walled};
pub use constraints::{CONSTRAINTS, Constraint, Meaning};
pub use migrate::{
    Difference, MigrateReport, Options as MigrateOptions, Remark, Step, apply_beside, bootstrap, check,
    lint_migrations, migrate, migrate_with, set_passwords,
};
pub use pool::{API_ROLE, Db, GATE_ROLE, Limits, Urls};
pub use queue::Share;
pub use rowhouse_pg::{AdminConn, FromRow, Params, Sql, as_role};
pub use statements::Statements;
pub use tx::{Last, PublicConn, Read, Snapshot, TenantReads, TenantWrites, Tx, UserConn, Write};
