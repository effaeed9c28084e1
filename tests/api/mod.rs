//! The product as its callers see it.
mod bad_input;
mod documents;
mod faults;
mod flush;
mod lists;
mod login;
mod migrate;
mod plans;
mod projects;
mod tasks;
mod tokens;
