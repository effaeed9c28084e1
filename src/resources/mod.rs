//! One file a resource: its routes, types, handlers and row mapping. Resources never import each other;
//! what two of them share is a view or a function in sql/.
pub mod health;
pub mod jwks;
pub mod login;
pub mod me;
pub mod project_tasks;
pub mod projects;
