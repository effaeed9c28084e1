//! Whom a policy counts: in few bytes here, by a name in Redis.
use std::fmt;

use uuid::Uuid;

use super::{LimitScope, Policy};
use crate::auth::{Principal, TenantId};

/// Somebody who is counted, by one kind of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Counted {
    whom: LimitScope,
    /// A tenant, a session's handle, or the seal of a network: whoever reads the names in Redis learns no addresses.
    of: u128,
    /// Who in the tenant, if one of them is counted.
    who: u128,
}

/// A policy that goes for a request, and whom it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// Whom it counts.
    pub(super) whose: Counted,
    /// How many they may ask.
    pub(super) policy: Policy,
}

impl Counted {
    /// All of a tenant together.
    pub(super) fn tenant(tenant: TenantId) -> Self {
        Self { whom: LimitScope::Tenant, of: tenant.as_uuid().as_u128(), who: 0 }
    }

    /// A tenant's people, where they look after who may what.
    pub(super) fn access(tenant: TenantId) -> Self {
        Self { whom: LimitScope::Access, ..Self::tenant(tenant) }
    }

    /// A member or a key of a tenant.
    pub(super) fn principal(tenant: TenantId, principal: Principal) -> Self {
        let who = match principal {
            Principal::Person(person) => person.user.as_uuid(),
            Principal::Key(key) => key.id(),
        };
        Self { whom: LimitScope::Principal, of: tenant.as_uuid().as_u128(), who: who.as_u128() }
    }

    /// A session, by its handle.
    pub(super) fn session(handle: Uuid) -> Self {
        Self { whom: LimitScope::Session, of: handle.as_u128(), who: 0 }
    }

    /// A network, by its seal.
    pub(super) fn network(seal: u128) -> Self {
        Self { whom: LimitScope::Network, of: seal, who: 0 }
    }

    /// All those together whom there is no room to tell apart.
    pub(super) fn crowd(whom: LimitScope) -> Self {
        Self { whom, of: 0, who: 0 }
    }
}

impl fmt::Display for Counted {
    /// Braces: a cluster keeps all that is counted for one request in one place (Redis cluster specification, hash tags).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (of, who) = (Uuid::from_u128(self.of), Uuid::from_u128(self.who));
        match self.whom {
            LimitScope::Tenant | LimitScope::Month => write!(f, "rowhouse:{{{of}}}:rate:tenant"),
            LimitScope::Access => write!(f, "rowhouse:{{{of}}}:rate:tenant:access"),
            LimitScope::Principal => write!(f, "rowhouse:{{{of}}}:rate:principal:{who}"),
            LimitScope::Session => write!(f, "rowhouse:{{{of}}}:rate:session"),
            LimitScope::Network => write!(f, "rowhouse:{{{:032x}}}:rate:network", self.of),
        }
    }
}
