//! All tests that need a database, in one program: one cluster a run, a database a test.
//!
//! `ledger` keeps the books, `isolation` attacks across tenants, `audit` shows that audit, attack and prove see what they should and
//! nothing else, `api` is the product as its callers see it, `cli` the commands, `jobs` what a worker does, `live` streams, `webhooks` what
//! receivers are sent, and `neighbours` is one tenant at its
//! worst and what others notice. Everything runs against a
//! real PostgreSQL as the real role, and over real HTTP.
#![allow(clippy::disallowed_types, unreachable_pub, reason = "tests look at PostgreSQL from all sides")]
#![allow(clippy::disallowed_methods, reason = "what tests send has ids and times of its own")]

mod api;
mod audit;
mod cli;
mod isolation;
mod jobs;
mod ledger;
mod live;
mod neighbours;
mod support;
mod webhooks;
