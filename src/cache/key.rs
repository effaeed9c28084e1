//! Names of what is kept. There is one way to make one, and it takes a tenant.
use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use super::Rule;
use crate::auth::TenantId;

/// Where an answer to a tenant is kept.
///
/// A key without a tenant does not compile:
/// ```compile_fail,E0308
/// use rowhouse::cache::{Key, Rule};
/// let key = Key::tenant("products", Rule::PRODUCTS, &[]);
/// ```
/// nor one that is a text:
/// ```compile_fail,E0423
/// let key = rowhouse::cache::Key(String::from("products"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// Of a tenant, a kind of answer, and all that was asked.
    #[must_use]
    pub fn tenant(tenant: TenantId, rule: Rule, what: &[&str]) -> Self {
        let mut digest = Context::new(&SHA256);
        for part in what {
            // Lengths, so that two parts are not one that looks like them.
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        let digest = digest.finish();
        let hex =
            digest.as_ref()[..16].iter().fold(String::with_capacity(32), |hex, byte| hex + &format!("{byte:02x}"));
        // Braces: a cluster keeps all that is a tenant's in one place (Redis cluster specification, hash tags).
        Self(format!("rowhouse:{{{}}}:{}:{}:{hex}", tenant.as_uuid(), rule.name, rule.form))
    }

    #[cfg(test)]
    pub(super) fn test(rule: Rule) -> Self {
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
