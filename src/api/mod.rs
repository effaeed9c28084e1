//! One file a resource: its routes, types, handlers, row mapping, and what its constraints mean to a caller. Resources never import
//! each other; what two of them share is a view or a function in sql/.
pub mod account_events;
pub mod api_keys;
pub mod audit_log;
pub mod billing;
pub mod dashboard;
pub mod domains;
pub mod events;
pub mod health;
pub mod invitation_acceptance;
pub mod invitations;
pub mod invoices;
pub mod jobs;
pub mod jwks;
pub mod live;
pub mod login;
pub mod me;
pub mod members;
pub mod notifications;
pub mod operations;
pub mod password;
pub mod platform_settings;
pub mod products;
pub mod project_tasks;
pub mod projects;
pub mod roles;
pub mod sessions;
pub mod settings;
pub mod signup;
pub mod tenant;
pub mod tenants;
pub mod totp;
pub mod webhooks;

use crate::{db::Constraint, jobs::kind::KindsBuilder};

/// What breaking the constraints means, by the resource whose table has them.
pub const CONSTRAINTS: &[&[Constraint]] = &[
    api_keys::CONSTRAINTS,
    billing::CONSTRAINTS,
    domains::CONSTRAINTS,
    invitations::CONSTRAINTS,
    jobs::CONSTRAINTS,
    me::CONSTRAINTS,
    operations::CONSTRAINTS,
    products::CONSTRAINTS,
    project_tasks::CONSTRAINTS,
    projects::CONSTRAINTS,
    roles::CONSTRAINTS,
    settings::CONSTRAINTS,
    tenants::CONSTRAINTS,
    webhooks::CONSTRAINTS,
];

/// The kinds of job that resources do themselves.
pub(crate) fn kinds(kinds: KindsBuilder) -> KindsBuilder {
    kinds.with(products::do_import)
}
