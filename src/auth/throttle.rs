//! Guessing is made slow: tries are counted in the database before they are made, by account and by network, and
//! each after the free ones waits twice as long as the one before (`registry.attempt`). Nobody is kept out by others'
//! guesses: an account that is guessed at from elsewhere makes its owner wait for seconds, and a device they signed in
//! with before for none.
use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::{Authn, Client, SignedIn, TenantId, sha256};
use crate::{
    Error, Result,
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
            Self::Login => "login",
            Self::SignUp => "sign-up",
            Self::Letter => "letter",
            Self::Link => "link",
            Self::Invitation => "invitation",
            Self::Password => "password",
            Self::Email => "email",
            Self::SecondFactor => "second factor",
        }
    }

    /// Free tries for one account, and for one network or tenant, in a quarter of an hour.
    const fn free(self) -> (i32, i32) {
        match self {
            Self::Login => (5, 50),
            Self::SignUp | Self::Letter => (3, 20),
            Self::Link => (10, 30),
            Self::Invitation => (5, 100),
            Self::Password | Self::Email => (10, 50),
            Self::SecondFactor => (30, 100),
        }
    }

    /// The longest an account waits: short enough that nobody is locked out by somebody else. Whoever waits for a letter
    /// has been sent three, of which each is good.
    const fn longest(self) -> &'static str {
        match self {
            Self::Letter => "5 minutes",
            _ => "1 minute",
        }
    }
}

/// Free tries for one account from everywhere, in a quarter of an hour. Beyond them each has its turn a second after the one
/// before.
const FREE_ELSEWHERE: i32 = 20;
/// The longest that a try is put off, in seconds, as `registry.attempt` has it.
const LONGEST_TURN: i32 = 5;
/// The longest a network waits.
const LONGEST_NETWORK: &str = "15 minutes";

/// A try that was counted.
#[derive(Debug)]
pub struct Attempt {
    /// Whether the account has to wait. The try is then made as if there were no such account, so that nobody
    /// learns from the answer or its time that somebody else is trying.
    pub account_waits: bool,
    /// How long the try is put off before it is made.
    pub turn: Duration,
    /// The counters, to be forgiven when it was no guess.
    pub subjects: Vec<Vec<u8>>,
}

/// A counter: what it is for, how many tries are free, and how long it makes whoever tries on wait; null puts tries off.
struct Counter {
    subject: Vec<u8>,
    free: i32,
    longest: Option<&'static str>,
}

impl Counter {
    fn new(action: Action, kind: &str, of: &str, free: i32, longest: Option<&'static str>) -> Self {
        let subject = sha256(format!("{} {kind} {of}", action.name()).as_bytes()).to_vec();
        Self { subject, free, longest }
    }

    fn account(action: Action, of: &str) -> Self {
        Self::new(action, "account", of, action.free().0, Some(action.longest()))
    }

    fn wide(action: Action, kind: &str, of: &str) -> Self {
        Self::new(action, kind, of, action.free().1, Some(LONGEST_NETWORK))
    }
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
    let counters = vec![Counter::account(action, account), Counter::wide(action, "network", &client.network())];
    Ok(of_waits(count(conn, counters).await?, 1))
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
    let (here, _) = Action::Login.free();
    let longest = Some(Action::Login.longest());
    let counters = vec![
        Counter::new(Action::Login, "pair", &format!("{account} {from}"), here, longest),
        Counter::new(Action::Login, "account", account, FREE_ELSEWHERE, None),
        Counter::wide(Action::Login, "network", &network),
    ];
    Ok(of_waits(count(conn, counters).await?, 2))
}

/// The same from a device that has signed in to the account before, which is counted by itself: what others try keeps it from
/// nothing, and `429` tells nothing but how often it has tried.
pub(super) async fn attempt_of_device(conn: &mut PublicConn, device_hash: &[u8; 32]) -> Result<Attempt> {
    let (free, _) = Action::Login.free();
    let subject = sha256(&[b"login device ".as_slice(), device_hash].concat()).to_vec();
    let counters = vec![Counter { subject, free, longest: Some(Action::Login.longest()) }];
    Ok(of_waits(count(conn, counters).await?, 1))
}

/// The same for what a tenant does to an address or an invitation of its own: `429` when either has to wait. Counted for
/// this tenant alone: what another has sent to the address neither blocks nor tells.
pub async fn attempt_of_tenant(auth: &Authn, action: Action, account: &str, tenant: TenantId) -> Result<()> {
    let tenant = tenant.as_uuid().to_string();
    let counters =
        vec![Counter::account(action, &format!("{tenant} {account}")), Counter::wide(action, "tenant", &tenant)];
    let mut conn = auth.db.public().await?;
    told(count(&mut conn, counters).await?.0[0])
}

/// The same for what somebody who is signed in does to their own account: `429` when they or their network have to wait.
/// Asks for a session that has given its password lately first: whoever holds a token of one that has ended counts nothing.
pub async fn attempt_of_person(auth: &Authn, action: Action, me: &SignedIn, client: &Client) -> Result<()> {
    me.connect().await?.read().last().one::<()>(sql!("me/for_password"), &[]).await?;
    let counters = vec![
        Counter::account(action, &me.user().as_uuid().to_string()),
        Counter::wide(action, "network", &client.network()),
    ];
    let mut conn = auth.db.public().await?;
    told(count(&mut conn, counters).await?.0[0])
}

fn told(seconds: i32) -> Result<()> {
    if seconds > 0 { Err(Error::TooManyAttempts(u32::try_from(seconds).unwrap_or(1))) } else { Ok(()) }
}

/// What the first counters make of a try: all but the last of `narrow` refuse it, and the last of two puts it off.
fn of_waits((waits, subjects): (Vec<i32>, Vec<Vec<u8>>), narrow: usize) -> Attempt {
    let turn = if narrow == 2 { waits[1] } else { 0 };
    let account_waits = waits[0] > 0 || turn > LONGEST_TURN;
    let turn = Duration::from_secs(u64::try_from(turn.min(LONGEST_TURN)).unwrap_or_default());
    Attempt { account_waits, turn, subjects }
}

/// Counts, from the narrowest to the widest; how long each wants to wait. `429` when the last does.
async fn count(conn: &mut PublicConn, counters: Vec<Counter>) -> Result<(Vec<i32>, Vec<Vec<u8>>)> {
    let free: Vec<i32> = counters.iter().map(|counter| counter.free).collect();
    let longest: Vec<Option<&str>> = counters.iter().map(|counter| counter.longest).collect();
    let subjects: Vec<Vec<u8>> = counters.into_iter().map(|counter| counter.subject).collect();
    let Waits(waits) = conn.write().last().one(sql!("auth/attempt"), &[&subjects, &free, &longest]).await?;
    if waits.len() != subjects.len() {
        return Err(Error::internal("registry.attempt answered for another number of subjects"));
    }
    told(waits[waits.len() - 1])?;
    Ok((waits, subjects))
}
