//! From e-mail and password to somebody signed in.
use secrecy::SecretString;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{SignedIn, UserId};
use crate::{App, Error, Result, db::FromRow, sql};

/// Checks a password. No account, a deactivated one and a wrong password take the same work and get the
/// same answer.
pub async fn sign_in(app: &App, email: &str, password: SecretString) -> Result<SignedIn> {
    let email = email.trim_end_matches('.').to_lowercase();
    // PostgreSQL's text holds no NUL, so no account has one in its address.
    let account: Option<Account> = if email.contains('\0') {
        None
    } else {
        let mut conn = app.db.public().await?;
        conn.read().last().maybe(sql!("login/find"), &[&email]).await?
    };
    // The connection is back in the pool: hashing, which takes long, holds none.
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let matches = app.passwords.verify(password, hash).await?;
    let account = account.filter(|account| matches && account.active).ok_or(Error::WrongCredentials)?;
    Ok(SignedIn { user: UserId::verified(account.user_id), db: app.db.clone() })
}

struct Account {
    user_id: Uuid,
    password_hash: String,
    active: bool,
}

impl FromRow for Account {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            user_id: row.try_get("user_id")?,
            password_hash: row.try_get("password_hash")?,
            active: row.try_get("active")?,
        })
    }
}
