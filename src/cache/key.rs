//! Names of what is kept. There is one way to make one, and it takes a tenant.
use std::fmt;

use super::CachePolicy;
use crate::auth::{Secrets, TenantId};

/// Where an answer to a tenant is kept.
///
/// A key without a tenant does not compile:
/// ```compile_fail,E0308
/// use rowhouse::cache::{Key, CachePolicy};
/// # fn f(secrets: &rowhouse::auth::Secrets) {
/// let key = Key::tenant(secrets, "products", CachePolicy::PRODUCTS, &[]);
/// # }
/// ```
/// nor one that is a text:
/// ```compile_fail,E0423
/// let key = rowhouse::cache::Key(String::from("products"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// Of a tenant, a kind of answer, and all that was asked: under a seal, so that whoever reads the names cannot check a
    /// guess.
    #[must_use]
    pub fn tenant(secrets: &Secrets, tenant: TenantId, rule: CachePolicy, what: &[&str]) -> Self {
        let hex = secrets.name("cache key", what);
        // Braces: a cluster keeps all that is a tenant's in one place (Redis cluster specification, hash tags).
        Self(format!("rowhouse:{{{}}}:{}:{}:{hex}", tenant.as_uuid(), rule.name, rule.form))
    }

    #[cfg(test)]
    pub(super) fn test(rule: CachePolicy) -> Self {
        Self(format!("test:{}", rule.name))
    }

    /// Its bytes, to which what is kept under it is bound.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
