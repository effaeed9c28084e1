//! Connections, each promised to somebody: the one thing to do on one is to begin a transaction.
use std::time::Duration;

use crate::{
    lease::Lease,
    preamble::Scope,
    tx::{Read, Snapshot, Tx, Write},
};

macro_rules! connection {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            lease: Lease,
            scope: Scope,
        }

        impl $name {
            pub(crate) fn new(lease: Lease, scope: Scope) -> Self {
                Self { lease, scope }
            }

            /// The tenant and the principal whose connection it is, nil where there is none. They open nothing.
            #[must_use]
            pub fn whose(&self) -> [uuid::Uuid; 2] {
                self.scope.whose()
            }

            /// From now on a statement waits so long for what others have locked: [`Error::Locked`](crate::Error::Locked) after that. None is as
            /// long as the role may.
            pub fn wait_for_locks(&mut self, limit: Option<Duration>) {
                self.lease.locks = limit;
            }

            /// A read-only transaction: PostgreSQL refuses any write in it.
            pub fn read(&mut self) -> Tx<'_, Read> {
                Tx::new(&mut self.lease, self.scope)
            }

            /// A read-only transaction whose statements all see the database as it was at the first of them.
            pub fn snapshot(&mut self) -> Tx<'_, Snapshot> {
                Tx::new(&mut self.lease, self.scope)
            }
        }
    };
}

macro_rules! writes {
    ($($name:ident),+) => {$(
        impl $name {
            /// A transaction that may write.
            pub fn write(&mut self) -> Tx<'_, Write> {
                Tx::new(&mut self.lease, self.scope)
            }
        }
    )+};
}

connection! {
    /// A connection promised to one member or API key inside one tenant, for what only reads: it may lead where nothing can be
    /// written. It has no query method: begin first.
    TenantReads
}
connection! {
    /// A connection promised to one member or API key inside one tenant, for what writes, and reads on the way.
    TenantWrites
}
connection! {
    /// A connection promised to a signed-in user outside any tenant: their own record, their own tenants.
    /// A statement that touches a tenant's table fails on it.
    UserConn
}
connection! {
    /// A connection for callers nobody knows yet. Only what is made for them answers.
    PublicConn
}
writes!(TenantWrites, UserConn, PublicConn);
