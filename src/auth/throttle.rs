//! Guessing is made slow: tries are counted in the database before they are made, by account and by network, and
//! each after the free ones waits twice as long as the one before (`registry.attempt`).
use tokio_postgres::Row;

use super::{Client, TenantId, sha256};
use crate::{
    App, Error, Result,
    db::{FromRow, PublicConn},
    sql,
};

/// What is being tried. Each has counters of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Signing in.
    Login,
    /// Making an account.
    SignUp,
    /// Asking for a letter: a link to reset a password or to confirm an address.
    Letter,
    /// Using a link or an invitation.
    Link,
    /// Inviting: an address by a tenant.
    Invitation,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::SignUp => "sign-up",
            Self::Letter => "letter",
            Self::Link => "link",
            Self::Invitation => "invitation",
        }
    }

    /// Free tries for one account, and for one network or tenant, in a quarter of an hour.
    const fn free(self) -> (i32, i32) {
        match self {
            Self::Login => (5, 50),
            Self::SignUp | Self::Letter => (3, 20),
            Self::Link => (10, 30),
            Self::Invitation => (5, 100),
        }
    }
}

/// The longest an account waits, in seconds: short enough that nobody is locked out by somebody else.
const LONGEST_ACCOUNT: &str = "1 minute";
/// The longest a network waits.
const LONGEST_NETWORK: &str = "15 minutes";

/// A try that was counted.
#[derive(Debug)]
pub struct Attempt {
    /// Whether the account has to wait. The try is then made as if there were no such account, so that nobody
    /// learns from the answer or its time that somebody else is trying.
    pub account_waits: bool,
    /// The counters, account first, to be forgiven when it was no guess.
    pub subjects: Vec<Vec<u8>>,
}

struct Waits(Vec<i32>);
impl FromRow for Waits {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(row.try_get("waits")?))
    }
}

/// Counts a try, in a transaction of its own, so that it counts whatever comes of it; `429` when the network has
/// to wait. `account` is what is tried, such as an e-mail address.
pub async fn attempt(conn: &mut PublicConn, action: Action, account: &str, client: &Client) -> Result<Attempt> {
    count(conn, action, account, ("network", &client.network())).await
}

/// The same for what a tenant does to an address or an invitation of its own: `429` when either has to wait. Counted for
/// this tenant alone: what another has sent to the address neither blocks nor tells.
pub async fn attempt_of_tenant(app: &App, action: Action, account: &str, tenant: TenantId) -> Result<()> {
    let mut conn = app.db.public().await?;
    let tenant = tenant.as_uuid();
    let tried = count(&mut conn, action, &format!("{tenant} {account}"), ("tenant", &tenant.to_string())).await?;
    if tried.account_waits { Err(Error::TooManyAttempts(60)) } else { Ok(()) }
}

async fn count(conn: &mut PublicConn, action: Action, account: &str, (kind, of): (&str, &str)) -> Result<Attempt> {
    let subject = |kind: &str, of: &str| sha256(format!("{} {kind} {of}", action.name()).as_bytes()).to_vec();
    let subjects = vec![subject("account", account), subject(kind, of)];
    let (account_free, network_free) = action.free();
    let longest = [LONGEST_ACCOUNT, LONGEST_NETWORK];
    let free = [account_free, network_free];
    let params: crate::db::Params<'_> = &[&subjects, &free.as_slice(), &longest.as_slice()];
    let Waits(waits) = conn.write().last().one(sql!("auth/attempt"), params).await?;
    match waits.as_slice() {
        [account, 0] => Ok(Attempt { account_waits: *account > 0, subjects }),
        [_, network] => Err(Error::TooManyAttempts(u32::try_from(*network).unwrap_or(1))),
        _ => Err(Error::internal("registry.attempt answered for another number of subjects")),
    }
}
