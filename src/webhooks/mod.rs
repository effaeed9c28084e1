//! What sending to addresses that tenants name takes: which addresses those may be, secrets as they are kept, signatures that a receiver can
//! verify, and connections that lead to no address inside.
pub mod address;
pub mod dial;
pub mod keep;
pub mod send;
pub mod sign;

pub use address::Rules;
