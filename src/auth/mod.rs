//! From a bearer token to a [`Tenant`]. This module alone makes [`TenantId`] and [`UserId`].
mod host;
mod id;
mod keys;
mod login;
mod password;
mod tenant;
mod token;

pub use host::{Hosts, host_name};
pub use id::{TenantId, UserId};
pub use keys::{Keys, generate_keys, random_secret};
pub use login::sign_in;
pub use password::{Passwords, hash_password};
pub use tenant::{SignedIn, Tenant, choose_tenant};
pub use token::{Clock, IssuedToken, Tokens};
