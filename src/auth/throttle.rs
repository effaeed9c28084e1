//! Guessing is made slow: tries are counted in the database before they are made, by account and by network, and
//! each after the free ones waits twice as long as the one before (`registry.attempt`). Nobody is kept out by others'
//! guesses: an account that is guessed at from elsewhere makes its owner wait for seconds, and a device they signed in
//! with before for none.
use std::time::Duration;

use uuid::Uuid;

use super::{Authn, Client, DeviceToken, SignedIn, TenantId, in_hex};
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

/// The same for one's own password, by a session: guesses at an account by one session, or from one network, keep nobody waiting
/// who comes from another.
pub async fn attempt_password(conn: &mut PublicConn, account: &str, session: Uuid, client: &Client) -> Result<Attempt> {
    count(conn, "login", &[&format!("{account} {session}"), account, &client.network()]).await.map(Attempt::from)
}

/// Who is behind an e-mail address.
pub(super) struct Account {
    pub(super) user_id: Uuid,
    pub(super) password_hash: String,
    pub(super) may_sign_in: bool,
    pub(super) totp_sealed: Option<Vec<u8>>,
}

/// The same for signing in, and in the same statement whose account it is: nobody's where there is none, and where it has to wait. From a
/// device that has signed in to the account before it is counted by itself: what others try keeps it from nothing, and `429` tells
/// nothing but how often it has tried.
pub(super) async fn attempt_login(
    auth: &Authn,
    conn: &mut PublicConn,
    email: Option<&str>,
    device: Option<&DeviceToken>,
    client: &Client,
) -> Result<(Attempt, Option<Account>)> {
    // What is no address is nobody's, and is counted all the same.
    let (account, network) = (email.unwrap_or_default(), client.network());
    let (from_here, device) = (format!("{account} {network}"), device.map(|device| in_hex(&device.hash())));
    let (kind, about) = match &device {
        Some(device) => ("login device", vec![device.as_str()]),
        None => ("login", vec![from_here.as_str(), account, network.as_str()]),
    };
    let seal = auth.seal("find_login", &[email]);
    let Login { wide, narrow, turn, counters, user_id, password_hash, may_sign_in, totp_sealed } =
        conn.write().last().one(sql!("auth/attempt_login"), &[&kind, &about, &email, &seal]).await?;
    refuse(wide)?;
    let account = match (user_id, password_hash, may_sign_in) {
        (Some(user_id), Some(password_hash), Some(may_sign_in)) => {
            Some(Account { user_id, password_hash, may_sign_in, totp_sealed })
        }
        _ => None,
    };
    Ok((Told { wide, narrow, turn, counters }.into(), account))
}

/// What [`Told`] has, and the account.
struct Login {
    wide: i32,
    narrow: i32,
    turn: i32,
    counters: Vec<Vec<u8>>,
    user_id: Option<Uuid>,
    password_hash: Option<String>,
    may_sign_in: Option<bool>,
    totp_sealed: Option<Vec<u8>>,
}

from_row! { Login: wide, narrow, turn, counters, user_id, password_hash, may_sign_in, totp_sealed }

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
