//! The product as its callers see it.
mod projects;
