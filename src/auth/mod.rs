//! From a token, a cookie or an API key to a [`Tenant`]. This module alone makes [`TenantId`], [`UserId`] and
//! [`SessionId`], which [`rowhouse_walls`] defines.
mod api_key;
mod audit_key;
mod authn;
mod client;
mod cookie;
mod device;
mod email;
mod host;
mod keys;
mod last_used;
mod link;
mod login;
mod password;
mod password_rules;
mod refresh;
mod revocation;
mod seal;
mod secrets;
mod session;
mod step_up;
mod tenant;
mod throttle;
mod ticket;
mod token;
pub mod totp;
mod turns;
mod work;

pub use api_key::{NewKey, new_key};
pub use audit_key::{AuditKey, AuditVerifiers, Signed};
pub use authn::{AuthSettings, Authn, AuthnParts, Shares};
pub use client::{Client, Network, Peer};
pub use cookie::{
    CSRF_HEADER, NAME as COOKIE_NAME, clear as clear_cookie, csrf_token, refuse_other_origin, set as set_cookie,
};
pub use device::{DeviceToken, device_of_browser};
pub use email::normal as normal_email;
pub use host::{Hosts, host_name};
pub use keys::{Keys, SHOWN_BEFORE, complete_keys, generate_keys, random_secret, rotate_keys};
pub use last_used::LastUsed;
pub use link::{Invited, NewLink, invitation_of, link_hash, link_of, new_link, read_invitation};
pub use login::{Credentials, sign_in};
pub use password::{Asker, Passwords, hash_password, needs_rehash};
pub use password_rules::{Fault, password_faults};
pub use refresh::RefreshToken;
pub use revocation::{Ended, hear_of_ended};
pub use seal::{SealKey, in_hex};
pub use secrets::{Boxes, Secrets};
pub use session::{Kind, Lifetimes, Opened, refresh, switch_tenant};
pub use step_up::{Proof, authenticate_again};
pub use tenant::{OwnPage, SignedIn, Tenant, claimed, tenant_named_by};
pub use throttle::{Action, Attempt, attempt, attempt_of_person, attempt_of_tenant, attempt_password};
pub use ticket::{TICKET_SECONDS, use_ticket};
pub use token::{IssuedToken, Tokens};

pub use work::{TakeTerms, Taken, claim_turn, open_tenants, take_jobs, webhooks_behind};

pub use rowhouse_walls::{Person, PresentedKey, Principal, SessionId, TenantId, UserId};

pub use crate::{clock::Clock, digest::sha256};
