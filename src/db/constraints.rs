//! Constraint names are the vocabulary between schema and API: what each one means to a caller.
//! tests/isolation/catalog.rs fails when a constraint a request can break is missing here.
use crate::{Error, error::Violation};

/// What breaking a constraint means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// 409: another row has this value already.
    Taken,
    /// 409: other rows refer to this one.
    InUse,
    /// 422: the value names something that does not exist here.
    Unknown,
    /// 422: the value is outside what the field may hold.
    OutOfRange,
    /// 422: the value is for something else.
    NotAllowed,
    /// 404: the thing the request acts on is not there (any more).
    Gone(&'static str),
}

/// One constraint a request can break.
#[derive(Clone, Copy, Debug)]
pub struct Constraint {
    /// Its name in the database.
    pub name: &'static str,
    /// JSON pointer (RFC 6901) to the field it is about.
    pub pointer: &'static str,
    /// What breaking it means.
    pub meaning: Meaning,
    /// A sentence for the caller.
    pub detail: &'static str,
}

const fn rule(name: &'static str, pointer: &'static str, meaning: Meaning, detail: &'static str) -> Constraint {
    Constraint { name, pointer, meaning, detail }
}

/// Every constraint a request can break, in the order of the migrations.
pub const CONSTRAINTS: &[Constraint] = &[
    rule("tenants_slug_key", "/slug", Meaning::Taken, "another tenant has this slug"),
    rule("tenants_slug_reserved", "/slug", Meaning::NotAllowed, "is reserved"),
    rule("tenants_name_check", "/name", Meaning::OutOfRange, "must have 1 to 200 characters"),
    rule("users_full_name_check", "/full_name", Meaning::OutOfRange, "must have 1 to 200 characters"),
    rule("domains_domain_key", "/domain", Meaning::Taken, "this tenant claims the domain already"),
    rule("domains_domain_check", "/domain", Meaning::OutOfRange, "is not a domain name"),
    rule("roles_name_key", "/name", Meaning::Taken, "another role of this tenant has this name"),
    rule("roles_name_check", "/name", Meaning::OutOfRange, "must have 1 to 60 characters"),
    rule("roles_permissions_fkey", "/permissions", Meaning::Unknown, "names a permission that does not exist"),
    rule("memberships_role_fkey", "/role_id", Meaning::InUse, "members have this role; give them another first"),
    rule("invitations_role_fkey", "/role_id", Meaning::InUse, "somebody is invited to this role; take that back first"),
    rule("invitations_email_key", "/email", Meaning::Taken, "is invited already; have the invitation sent once more"),
    rule("invitations_member_key", "/email", Meaning::Taken, "is a member's of this tenant already"),
    rule("invitations_email_check", "/email", Meaning::OutOfRange, "is not an e-mail address"),
    rule("api_keys_name_key", "/name", Meaning::Taken, "another API key of this tenant has this name"),
    rule("api_keys_name_check", "/name", Meaning::OutOfRange, "must have 1 to 100 characters"),
    rule("projects_name_key", "/name", Meaning::Taken, "another project of this tenant has this name"),
    rule("projects_name_check", "/name", Meaning::OutOfRange, "must have 1 to 200 characters"),
    rule("projects_description_check", "/description", Meaning::OutOfRange, "must have at most 10000 characters"),
    rule("projects_status_check", "/status", Meaning::OutOfRange, "is not a status of a project"),
    rule("projects_owner_fkey", "/owner_id", Meaning::Unknown, "is not a member of this tenant"),
    rule("project_tasks_project_fkey", "", Meaning::Gone("project"), "no such project"),
    rule("project_tasks_name_check", "/name", Meaning::OutOfRange, "must have 1 to 200 characters"),
    rule("project_tasks_status_check", "/status", Meaning::OutOfRange, "is not a status of a task"),
    rule("products_sku_key", "/sku", Meaning::Taken, "another product of this tenant has this SKU"),
    rule("products_name_check", "/name", Meaning::OutOfRange, "must have 1 to 200 characters"),
    rule("products_description_check", "/description", Meaning::OutOfRange, "must have at most 100000 characters"),
    rule("products_sku_check", "/sku", Meaning::OutOfRange, "must have 1 to 64 characters"),
    rule("products_price_check", "/price/amount_minor", Meaning::OutOfRange, "must be from 0 to 1000000000000"),
    rule("products_currency_check", "/price/currency", Meaning::OutOfRange, "is not the code of a currency (ISO 4217)"),
    rule("products_stock_check", "/stock", Meaning::OutOfRange, "must be from 0 to 1000000000"),
    rule("products_status_check", "/status", Meaning::OutOfRange, "is not a status of a product"),
    rule("products_tags_check", "/tags", Meaning::OutOfRange, "holds more than 100 tags"),
    rule(
        "product_tags_tag_check",
        "/tags",
        Meaning::OutOfRange,
        "holds a tag that is empty or longer than 50 characters",
    ),
    rule("settings_language_check", "/language", Meaning::OutOfRange, "is not a language that search knows"),
    rule("settings_time_zone_check", "/time_zone", Meaning::OutOfRange, "is not a time zone that the database knows"),
    rule("settings_currency_check", "/currency", Meaning::OutOfRange, "is not a currency"),
    rule("settings_week_starts_check", "/week_starts", Meaning::OutOfRange, "is not monday or sunday"),
    rule("settings_low_stock_threshold_check", "/low_stock_threshold", Meaning::OutOfRange, "must be 0 to 1000000"),
];

/// The error a broken constraint becomes, if it is one a request can break.
pub(super) fn meaning(name: &str) -> Option<Error> {
    let found = CONSTRAINTS.iter().find(|constraint| constraint.name == name)?;
    let violation = |code| Violation::at(found.pointer, code, found.detail);
    Some(match found.meaning {
        Meaning::Taken => Error::Conflict(violation("taken")),
        Meaning::InUse => Error::Conflict(Violation::at("", "in_use", found.detail)),
        Meaning::Unknown => Error::Invalid(vec![violation("unknown")]),
        Meaning::NotAllowed => Error::Invalid(vec![violation("not_allowed")]),
        Meaning::OutOfRange => Error::Invalid(vec![violation("out_of_range")]),
        Meaning::Gone(resource) => Error::NotFound(resource),
    })
}
