//! Who asks, and inside what: the ids that open something. An application makes them in the one place where a token, a cookie, a key or
//! PostgreSQL has said so, by constructors that say what they take on trust.
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use uuid::Uuid;

/// A tenant a verified request named. It opens nothing by itself: PostgreSQL asks for the membership in
/// the same transaction. There is no `From<Uuid>`, and nothing that reads one from a request:
/// ```compile_fail,E0423
/// let tenant = rowhouse_walls::TenantId(uuid::Uuid::nil());
/// ```
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
            /// Takes the caller's word for it that somebody has proven this id: by a signature, a secret, or an answer of PostgreSQL.
            ///
            /// Whatever calls this decides who is who. Keep it in one module, and have a test read the sources for other callers.
            #[must_use]
            pub fn assume_verified(id: Uuid) -> Self {
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
    /// where the id, which opens the session, must not be.
    #[must_use]
    pub fn handle(self) -> Uuid {
        let mut cut = [0; 16];
        cut.copy_from_slice(&digest(&SHA256, self.0.as_bytes()).as_ref()[..16]);
        uuid::Builder::from_custom_bytes(cut).into_uuid()
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
    /// Takes the caller's word for it that a request presented this key, and that the hash is of the secret it held.
    #[must_use]
    pub fn assume_verified(id: Uuid, secret_hash: [u8; 32]) -> Self {
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

/// A job that PostgreSQL has given to a worker, and the lease under which it has. It opens what the job's kind may do in the job's tenant,
/// as long as PostgreSQL says that the lease is the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldJob {
    id: Uuid,
    lease: Uuid,
}

impl HeldJob {
    /// Takes the caller's word for it that PostgreSQL has given this job under this lease.
    #[must_use]
    pub fn assume_verified(id: Uuid, lease: Uuid) -> Self {
        Self { id, lease }
    }

    /// Which job.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Under which lease.
    #[must_use]
    pub fn lease(&self) -> Uuid {
        self.lease
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
