//! What sending to addresses that tenants name takes: signatures that a receiver can verify, and connections that lead to no
//! address inside. Nothing is sent yet: endpoints and deliveries are to come.
pub mod dial;
pub mod sign;
