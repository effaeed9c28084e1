//! The two ids that open something. A leaf: it imports nothing of the house.
use std::fmt;

use uuid::Uuid;

/// A tenant a verified request named. It opens nothing by itself: PostgreSQL asks for the membership in
/// the same transaction. There is no `From<Uuid>` and no public constructor.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantId(Uuid);

/// A user a verified token named.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId(Uuid);

macro_rules! id {
    ($name:ident) => {
        impl $name {
            pub(super) fn verified(id: Uuid) -> Self {
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
id!(TenantId);
id!(UserId);
