//! Who hears that something was written in a tenant.
use std::{fmt, sync::Arc};

use crate::identity::TenantId;

/// What is told of which tenant's data may have changed just now. It must not wait.
#[derive(Clone)]
pub struct Committed(Arc<dyn Fn(TenantId) + Send + Sync>);

impl Committed {
    /// Tells this one.
    pub fn new(hears: impl Fn(TenantId) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hears))
    }

    pub(crate) fn tell(&self, tenant: TenantId) {
        (self.0)(tenant);
    }
}

impl fmt::Debug for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Committed")
    }
}
