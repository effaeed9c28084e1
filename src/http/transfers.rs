//! Files on their way: exports take turns to read, so that requests keep their connections, and files that wait have their room. Neither
//! can be taken by one tenant or one person alone.
use super::{
    file_quota::{FileQuota, Place, Way},
    turns::{Turn, Turns, Whose},
};
use crate::{Result, auth::Tenant};

/// Files of the largest size that there is room for.
const FILES: u64 = 4;

/// Files on their way to callers and from them.
#[derive(Clone, Debug)]
pub struct Transfers {
    exports: Turns,
    room: FileQuota,
}

impl Transfers {
    /// Beside a pool of so many connections, for files of so many bytes.
    #[must_use]
    pub fn new(connections: usize, file_bytes: u64) -> Self {
        Self { exports: Turns::new((connections / 4).max(1)), room: FileQuota::new(file_bytes.saturating_mul(FILES)) }
    }

    /// A turn for an export to read the database.
    pub async fn export(&self, tenant: &Tenant) -> Turn {
        self.exports.take(whose(tenant)).await
    }

    /// A place for a file: `429` while others of the tenant's or the member's are under way.
    pub fn place(&self, tenant: &Tenant, way: Way) -> Result<Place> {
        self.room.place(whose(tenant), way)
    }
}

fn whose(tenant: &Tenant) -> Whose {
    let [tenant, principal] = tenant.whose();
    Whose { tenant, principal }
}
