//! What a transaction tells PostgreSQL about itself before anything else: who asks, inside which tenant.
use std::fmt::Write as _;

use uuid::Uuid;

use crate::auth::{TenantId, UserId};

/// On whose behalf a transaction runs. There is no default and no way to change it half-way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    /// Nobody is signed in: only the doors made for that answer.
    Public,
    /// A signed-in user outside any tenant.
    User(UserId),
    /// A user inside one tenant.
    Tenant(TenantId, UserId),
}

impl Scope {
    /// The tenant that becomes `$1`, in statements that have one.
    pub(super) fn tenant(self) -> Option<Uuid> {
        match self {
            Self::Tenant(tenant, _) => Some(tenant.as_uuid()),
            Self::Public | Self::User(_) => None,
        }
    }

    /// `BEGIN` and the `SET LOCAL`s, as one message.
    ///
    /// This is the only SQL a request puts together at run time, and the only SQL it sends through the
    /// simple protocol. What goes in are UUIDs that have been parsed: 36 characters of hex and hyphens.
    pub(super) fn preamble(self, read_only: bool) -> String {
        let mut text = String::with_capacity(160);
        text.push_str(if read_only { "begin read only" } else { "begin" });
        if let Self::Tenant(tenant, _) = self {
            let _ = write!(text, "; set local app.tenant_id = '{}'", tenant.as_uuid());
        }
        if let Self::Tenant(_, user) | Self::User(user) = self {
            let _ = write!(text, "; set local app.user_id = '{}'", user.as_uuid());
        }
        text
    }
}
