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
    /// This and `PREPARE` around a statement of our own (`statements`) are the only SQL a request has put
    /// together at run time. What goes in here are UUIDs that have been parsed: 36 characters of hex and
    /// hyphens.
    pub(super) fn preamble(self, read_only: bool) -> String {
        let mut text = String::with_capacity(160);
        text.push_str(if read_only { "begin read only" } else { "begin" });
        let (tenant, user) = match self {
            Self::Tenant(tenant, user) => (Some(tenant.as_uuid()), Some(user.as_uuid())),
            Self::User(user) => (None, Some(user.as_uuid())),
            Self::Public => (None, None),
        };
        // Both, always: what somebody else left on a connection that a pooler shares does not count.
        for (setting, id) in [("tenant_id", tenant), ("user_id", user)] {
            let _ = match id {
                Some(id) => write!(text, "; set local app.{setting} = '{id}'"),
                None => write!(text, "; set local app.{setting} = ''"),
            };
        }
        text
    }
}
