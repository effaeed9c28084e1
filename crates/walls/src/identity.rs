//! Who asks, and inside what: the ids that open something. They are made where a token, a cookie, a key or PostgreSQL has said so, which
//! is in `auth` and nowhere else: a test reads all of `src/` for it.
use std::fmt;

use uuid::Uuid;

use crate::digest::sha256;

/// A tenant a verified request named. It opens nothing by itself: PostgreSQL asks for the membership in
/// the same transaction. There is no `From<Uuid>` and no public constructor.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantId(Uuid);

/// A user a verified token named.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId(Uuid);

/// A session a verified token or cookie named. Whether it is still open, PostgreSQL says at each statement.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(Uuid);

macro_rules! id {
    ($name:ident) => {
        impl $name {
            /// For whoever has verified it: `auth` alone.
            pub(crate) fn verified(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare UUID, to show or to bind; it cannot be turned back.
            #[must_use]
            pub fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
impl SessionId {
    /// What the session is spoken of by: SHA-256 of the id, cut to a UUID (RFC 9562, version 8). It is shown, logged and stored
    /// where the id, which opens the session, must not be (`registry.session_handle`).
    #[must_use]
    pub fn handle(self) -> Uuid {
        let hash = sha256(self.0.as_bytes());
        let mut cut = [0; 16];
        cut.copy_from_slice(&hash[..16]);
        uuid::Builder::from_custom_bytes(cut).into_uuid()
    }
}

#[cfg(test)]
impl TenantId {
    /// Of nobody's, to count by.
    pub(crate) fn of_a_test(id: Uuid) -> Self {
        Self(id)
    }
}

id!(TenantId);
id!(UserId);
id!(SessionId);

/// A person on one of their devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// On which device.
    pub session: SessionId,
}

/// An API key that was presented: its id, and SHA-256 of its secret, which PostgreSQL compares. It is no
/// person and opens nothing outside its tenant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PresentedKey {
    id: Uuid,
    secret_hash: [u8; 32],
}

impl PresentedKey {
    /// For whoever has read it out of a request: `auth` alone.
    pub(crate) fn verified(id: Uuid, secret_hash: [u8; 32]) -> Self {
        Self { id, secret_hash }
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// SHA-256 of the secret that was presented.
    #[must_use]
    pub fn secret_hash(&self) -> &[u8; 32] {
        &self.secret_hash
    }
}

impl fmt::Debug for PresentedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PresentedKey").field(&self.id).finish()
    }
}

/// Who acts inside a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A member.
    Person(Person),
    /// One of the tenant's API keys.
    Key(PresentedKey),
}

impl Principal {
    /// The member, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Person(person) => Some(person.user),
            Self::Key(_) => None,
        }
    }

    /// The member's or the key's id. It opens nothing.
    #[must_use]
    pub fn id(&self) -> Uuid {
        match self {
            Self::Person(person) => person.user.as_uuid(),
            Self::Key(key) => key.id(),
        }
    }
}
