//! The rules by which jobs are written, claimed, leased, finished and lost, tried in every order in which they can happen.
//!
//! `state` are the rows and what everybody is about; `protocol` says what may happen next, with the names of the SQL that does the same;
//! `properties` what must always be so. `walk` goes through all that can be reached, for a few jobs, tenants and workers, and asks whether all
//! of it ends well. `holds` says that the rules do, `fails` that each of them is needed: without it, something is found. docs/adr/0028.
mod fails;
mod holds;
mod properties;
mod protocol;
mod state;
mod walk;
