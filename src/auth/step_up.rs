//! Giving password and second factor once more, before something sensitive (RFC 9470).
use secrecy::SecretString;

use super::{Asker, Authn, Client, SignedIn, attempt_password, in_hex, totp};
use crate::{Error, Result, from_row, sql};

/// What is given once more.
pub struct Proof {
    /// The password.
    pub password: SecretString,
    /// The authenticator's current code, or a recovery code.
    pub totp: Option<SecretString>,
}

/// Notes in the caller's session that they have proven themselves just now.
pub async fn authenticate_again(auth: &Authn, client: &Client, me: &SignedIn, proof: Proof) -> Result<()> {
    // Counted as signing in is: a stolen session must not be a way to guess the password.
    let tried = {
        let mut conn = auth.db.public().await?;
        let session = me.person().session.as_uuid();
        attempt_password(&mut conn, &me.user().as_uuid().to_string(), session, client).await?
    };
    tokio::time::sleep(tried.turn).await;
    let mut conn = me.connect().await?;
    let (user, session) = (me.user().as_uuid().to_string(), me.person().session.as_uuid().to_string());
    let seal = auth.seal("find_own_login", &[Some(&user), Some(&session)]);
    let own: Own = conn.write().last().one(sql!("auth/find_own_login"), &[&seal]).await?;
    drop(conn);
    let hash = (!tried.account_waits).then(|| own.password_hash.clone());
    if !auth.passwords.verify(Asker::Person(me.user()), proof.password, hash).await? {
        return Err(Error::WrongCredentials);
    }
    let second = match &own.totp_sealed {
        None => totp::SecondFactor::default(),
        Some(sealed) => totp::read(auth.secrets(), me.user(), sealed, proof.totp.as_ref(), auth.tokens.now())?,
    };
    let mut conn = me.connect().await?;
    let recovery = second.recovery_hash.as_ref().map(<[u8; 32]>::as_slice);
    let (step, code) = (second.step.map(|step| step.to_string()), recovery.map(in_hex));
    let verified = [Some(&*user), Some(&session), Some(&own.password_hash), step.as_deref(), code.as_deref()];
    let seal = auth.seal("authenticate_again", &verified);
    let params: crate::db::Params<'_> = &[&own.password_hash, &second.step, &recovery, &tried.counters, &seal];
    let Reauthenticated(outcome) = conn.write().last().one(sql!("auth/authenticate_again"), params).await?;
    match outcome.as_str() {
        "confirmed" => Ok(()),
        "second_factor" => Err(Error::SecondFactorRequired),
        _ => Err(Error::WrongCredentials),
    }
}

struct Own {
    password_hash: String,
    totp_sealed: Option<Vec<u8>>,
}

struct Reauthenticated(String);

from_row! { Own: password_hash, totp_sealed }

from_row! { Reauthenticated: "outcome" }
