//! All tests that need a database, in one program: one cluster a run, a database a test.
//!
//! `isolation` attacks across tenants, `api` is the product as its callers see
//! it, `cli` the commands. Everything runs against
//! a real PostgreSQL as the real role, and over real HTTP.
#![allow(clippy::disallowed_types, unreachable_pub, reason = "tests look at PostgreSQL from all sides")]

mod api;
mod cli;
mod isolation;
mod support;
