//! Guessing is made slow: tries are counted in the database before they are made, by account and by network, and
//! each after the free ones waits twice as long as the one before (`registry.attempt`). Nobody is kept out by others'
//! guesses: an account that is guessed at from elsewhere makes its owner wait for seconds, and a device they signed in
//! with before for none.
use std::time::Duration;

use uuid::Uuid;

use super::{Authn, Client, SignedIn, TenantId, in_hex};
use crate::{Error, Result, db::PublicConn, from_row, sql};

/// What is being tried. Each has counters of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Making an account.
    SignUp,
    /// Asking for a letter: a link to reset a password or to confirm an address.
    Letter,
    /// Using a link or an invitation.
    Link,
    /// Inviting: an address by a tenant.
    Invitation,
    /// Changing one's own password.
    Password,
    /// Having letters sent to an address that is to be one's own.
    Email,
    /// Adding, confirming or renewing one's own second factor.
    SecondFactor,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::SignUp => "sign-up",
            Self::Letter => "letter",
            Self::Link => "link",
            Self::Invitation => "invitation",
            Self::Password => "password",
            Self::Email => "email",
            Self::SecondFactor => "second factor",
        }
    }
}

/// A try that was counted.
#[derive(Debug)]
pub struct Attempt {
    /// Whether the account has to wait. The try is then made as if there were no such account, so that nobody
    /// learns from the answer or its time that somebody else is trying.
    pub account_waits: bool,
    /// How long the try is put off before it is made.
    pub turn: Duration,
    /// The counters, to be forgiven when it was no guess.
    pub counters: Vec<Vec<u8>>,
}

/// What `registry.attempt` says, in seconds: how long the widest counter keeps whoever tries waiting, how long a narrower one
/// does, and by how much the try is put off.
struct Told {
    wide: i32,
    narrow: i32,
    turn: i32,
    counters: Vec<Vec<u8>>,
}

impl From<Told> for Attempt {
    fn from(told: Told) -> Self {
        let turn = Duration::from_secs(u64::try_from(told.turn).unwrap_or_default());
        Self { account_waits: told.narrow > 0, turn, counters: told.counters }
    }
}

from_row! { Told: wide, narrow, turn, counters }

/// Counts a try, in a transaction of its own, so that it counts whatever comes of it; `429` when the network has
/// to wait. `account` is what is tried, such as an e-mail address.
pub async fn attempt(conn: &mut PublicConn, action: Action, account: &str, client: &Client) -> Result<Attempt> {
    count(conn, action.name(), &[account, &client.network()]).await.map(Attempt::from)
}

/// The same for a password: guesses at an account from one network, or by one session, keep nobody waiting who comes
/// from another. `from` is that session; nobody's is the network.
pub async fn attempt_password(
    conn: &mut PublicConn,
    account: &str,
    from: Option<Uuid>,
    client: &Client,
) -> Result<Attempt> {
    let network = client.network();
    let from = from.map_or_else(|| network.clone(), |session| session.to_string());
    count(conn, "login", &[&format!("{account} {from}"), account, &network]).await.map(Attempt::from)
}

/// The same from a device that has signed in to the account before, which is counted by itself: what others try keeps it from
/// nothing, and `429` tells nothing but how often it has tried.
pub(super) async fn attempt_of_device(conn: &mut PublicConn, device_hash: &[u8; 32]) -> Result<Attempt> {
    count(conn, "login device", &[&in_hex(device_hash)]).await.map(Attempt::from)
}

/// The same for what a tenant does to an address or an invitation of its own: `429` when either has to wait. Counted for
/// this tenant alone: what another has sent to the address neither blocks nor tells.
pub async fn attempt_of_tenant(auth: &Authn, action: Action, account: &str, tenant: TenantId) -> Result<()> {
    let tenant = tenant.as_uuid().to_string();
    let mut conn = auth.db.public().await?;
    refuse(count(&mut conn, action.name(), &[&format!("{tenant} {account}"), &tenant]).await?.narrow)
}

/// The same for what somebody who is signed in does to their own account: `429` when they or their network have to wait.
/// Asks for a session that has given its password lately first: whoever holds a token of one that has ended counts nothing.
pub async fn attempt_of_person(auth: &Authn, action: Action, me: &SignedIn, client: &Client) -> Result<()> {
    me.connect().await?.read().last().one::<()>(sql!("me/for_password"), &[]).await?;
    let mut conn = auth.db.public().await?;
    refuse(count(&mut conn, action.name(), &[&me.user().as_uuid().to_string(), &client.network()]).await?.narrow)
}

fn refuse(seconds: i32) -> Result<()> {
    if seconds > 0 { Err(Error::TooManyAttempts(u32::try_from(seconds).unwrap_or(1))) } else { Ok(()) }
}

/// Counts a try of this kind, which is about these, from the narrowest to the widest; `registry.ladder` says what is counted, and
/// how long it makes anybody wait. `429` when the widest does.
async fn count(conn: &mut PublicConn, kind: &str, about: &[&str]) -> Result<Told> {
    let told: Told = conn.write().last().one(sql!("auth/attempt"), &[&kind, &about]).await?;
    refuse(told.wide)?;
    Ok(told)
}
