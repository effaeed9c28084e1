//! From e-mail and password to a session.
use axum::http::request::Parts;
use secrecy::SecretString;

use super::{
    Asker, Authn, Client, DeviceToken, Kind, Opened, UserId, device, needs_rehash, normal_email,
    session::{choose_tenant, open},
    tenant_named_by,
    throttle::attempt_login,
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
    let (attempt, account) = attempt_login(auth, &mut conn, email.as_deref(), device.as_ref(), client).await?;
    // Back in the pool: waiting for a turn and hashing, which take long, hold no connection.
    drop(conn);
    if !attempt.turn.is_zero() {
        tokio::time::sleep(attempt.turn).await;
    }

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
    let device = match device {
        // One that is known stays so.
        None if given.remember => Some(DeviceToken::new(auth.secrets())?),
        known => known,
    };
    let tenant = choose_tenant(auth, person, named, device.as_ref()).await?;
    Ok(Opened { person, tenant, refresh, device, expires_at: Some(expires_at) })
}

struct Known(bool);

from_row! { Known: "known" }
