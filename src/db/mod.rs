//! The only code of the product that reaches PostgreSQL: the pools of its roles, made of [`rowhouse_walls`], its errors in the house's
//! words, and its migrations. What leaves this module is a connection promised to someone, on which the one thing to do is to begin a
//! transaction.

mod check;
mod constraints;
mod errors;
mod migrate;
mod pool;
pub mod seed;
mod worker;

pub use check::{StartupProblem, refuse_unless_walled, search_is_indexed, still_walled};
pub use constraints::{Constraint, publish as publish_constraints};
pub use migrate::{
    Difference, MigrateReport, Options as MigrateOptions, Remark, Step, apply_beside, bootstrap, check,
    lint_migrations, migrate, migrate_with, set_passwords,
};
pub use pool::{API_ROLE, Db, GATE_ROLE, Limits, Statements, Urls};
pub use rowhouse_pg::{AdminConn, FromRow, Params, Sql, as_role};
pub use rowhouse_walls::{
    Call, Committed, Last, PublicConn, Read, Rows, Share, Snapshot, TenantReads, TenantWrites, Tx, UserConn, Write,
};
pub use worker::{WORKER_ROLE, WorkerDb};
