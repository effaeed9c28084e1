//! From e-mail and password to a session.
use axum::http::request::Parts;
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    Asker, Authn, Client, DeviceToken, Kind, Opened, Person, UserId, attempt_password, device, needs_rehash,
    normal_email,
    session::{choose_tenant, open},
    tenant_named_by,
    throttle::attempt_of_device,
    totp::{self, SecondFactor},
};
use crate::{Error, Result, from_row, sql};

/// What somebody signs in with.
pub struct Credentials {
    /// In any case.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// The authenticator's current code, or a recovery code.
    pub totp: Option<SecretString>,
    /// The token of a device that has signed in before.
    pub device: Option<SecretString>,
    /// Whether the device is to be known from now on.
    pub remember: bool,
}

/// Somebody whose password was verified against a hash; whether that still is the account's, the database says
/// when it opens the session.
pub(super) struct PasswordHolds {
    pub(super) user: UserId,
    pub(super) verified_hash: String,
    /// Made anew where the stored one was made with less.
    pub(super) new_hash: Option<String>,
    pub(super) second_factor: SecondFactor,
}

/// Signs in. An unknown address, a wrong password, one that was never confirmed, a deactivated account and one
/// that has to wait take the same work and get the same answer.
pub async fn sign_in(auth: &Authn, client: &Client, parts: &Parts, given: Credentials, kind: Kind) -> Result<Opened> {
    let named = tenant_named_by(parts, auth).await?;
    // What is no address is nobody's, and is counted all the same.
    let email = normal_email(&given.email);
    let mut conn = auth.db.public().await?;
    let device = match (&email, device::presented(auth.secrets(), given.device.as_ref())) {
        (Some(email), Some(device)) => {
            let hash = device.hash();
            let Known(known) = conn.read().last().one(sql!("auth/known_device"), &[email, &hash.as_slice()]).await?;
            known.then_some(device)
        }
        _ => None,
    };
    let attempt = match &device {
        Some(device) => attempt_of_device(&mut conn, &device.hash()).await?,
        None => attempt_password(&mut conn, email.as_deref().unwrap_or_default(), None, client).await?,
    };
    if !attempt.turn.is_zero() {
        // Waiting for a turn holds no connection either.
        drop(conn);
        tokio::time::sleep(attempt.turn).await;
        conn = auth.db.public().await?;
    }
    let account: Option<Account> = match &email {
        Some(email) if !attempt.account_waits => {
            let seal = auth.seal("find_login", &[Some(email)]);
            conn.write().last().optional(sql!("auth/find_login"), &[email, &seal]).await?
        }
        _ => None,
    };
    // Back in the pool: hashing, which takes long, holds no connection.
    drop(conn);

    let network = client.network();
    let asker = Asker::SignIn(&network);
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let matches = auth.passwords.verify(asker, given.password.clone(), hash).await?;
    let account = account.filter(|account| matches && account.may_sign_in).ok_or(Error::WrongCredentials)?;
    let user = UserId::assume_verified(account.user_id);
    let second_factor = match &account.totp_sealed {
        None => SecondFactor::default(),
        Some(sealed) => totp::read(auth.secrets(), user, sealed, given.totp.as_ref(), auth.tokens.now())?,
    };
    let new_hash = if needs_rehash(&account.password_hash) {
        Some(auth.passwords.hash(asker, given.password).await?)
    } else {
        None
    };
    let holds = PasswordHolds { user, verified_hash: account.password_hash, new_hash, second_factor };
    let (person, refresh, expires_at) = open(auth, client, holds, kind, &attempt).await?;
    let tenant = choose_tenant(auth, person, named).await?;
    let device = if given.remember || device.is_some() { Some(remember(auth, person, device).await?) } else { None };
    Ok(Opened { person, tenant, refresh, device, expires_at: Some(expires_at) })
}

/// Lets the device on which somebody has just signed in be known from now on. One that is known stays so.
async fn remember(auth: &Authn, person: Person, known: Option<DeviceToken>) -> Result<DeviceToken> {
    let device = known.map_or_else(|| DeviceToken::new(auth.secrets()), Ok)?;
    let mut conn = auth.db.user(person).await?;
    let hash = device.hash();
    let params: crate::db::Params<'_> = &[&person.user.as_uuid(), &hash.as_slice(), &device::MOST];
    conn.write().last().optional::<()>(sql!("devices/remember"), params).await?;
    Ok(device)
}

struct Known(bool);

from_row! { Known: "known" }

struct Account {
    user_id: Uuid,
    password_hash: String,
    may_sign_in: bool,
    totp_sealed: Option<Vec<u8>>,
}

from_row! { Account: user_id, password_hash, may_sign_in, totp_sealed }
