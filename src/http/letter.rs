//! Letters that anybody may ask for by giving an address: counted, answered alike for everybody, and the account
//! looked up when the answer is gone, so that neither it nor its time tells whether there is one.
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::validate::Violations;
use crate::{
    Result,
    auth::{Action, Authn, Client, attempt, in_hex, new_link},
    from_row,
    mail::{Letter, Link, Mailer},
    sql,
};

/// The address that the letter goes to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailAddress {
    #[schema(format = Email)]
    email: String,
}

struct Name(String);

/// Sends a link of `purpose` that is good for as long as `lifetime`, an interval, to the account at the address, if
/// there is one that it is for. `link` makes it of the person's name and the token.
pub async fn send_link(
    mailer: &Mailer,
    auth: &Authn,
    client: &Client,
    given: &EmailAddress,
    (purpose, lifetime): (&'static str, &'static str),
    link: fn(String, String) -> Link,
) -> Result<StatusCode> {
    let mut violations = Violations::default();
    let email = violations.email("/email", &given.email);
    violations.finish()?;
    let place = mailer.place()?;
    let mut conn = auth.db.public().await?;
    if attempt(&mut conn, Action::Letter, &email, client).await?.account_waits {
        return Ok(StatusCode::ACCEPTED);
    }
    drop(conn);
    let auth_then = auth.clone();
    mailer.send_after(place, async move {
        let new = new_link()?;
        let mut conn = auth_then.db.public().await?;
        let seal = auth_then.seal("issue_mail_token", &[Some(purpose), Some(&email), Some(&in_hex(&new.hash))]);
        let params: crate::db::Params<'_> = &[&purpose, &email, &new.hash.as_slice(), &lifetime, &seal];
        let known: Option<Name> = conn.write().last().optional(sql!("auth/issue_mail_token"), params).await?;
        Ok(known.map(|Name(name)| Letter { to: email, link: link(name, new.token) }))
    });
    Ok(StatusCode::ACCEPTED)
}

from_row! { Name: "full_name" }
