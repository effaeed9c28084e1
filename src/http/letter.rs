//! Letters that anybody may ask for by giving an address: counted, written down alike for everybody, and the account looked up by whoever sends
//! them, so that neither the answer nor its time tells whether there is one.
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::validate::Violations;
use crate::{
    Result,
    auth::{Action, Authn, Client, attempt},
    mail::{About, Content, NewLetter},
};

/// The address that the letter goes to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailAddress {
    #[schema(format = Email)]
    email: String,
}

/// Has a link sent to the account at the address, if there is one that it is for.
pub async fn ask_for_link(auth: &Authn, client: &Client, given: &EmailAddress, about: About) -> Result<StatusCode> {
    let mut violations = Violations::default();
    let email = violations.email("/email", &given.email);
    violations.finish()?;
    let mut conn = auth.db.public().await?;
    if attempt(&mut conn, Action::Letter, &email, client).await?.account_waits {
        return Ok(StatusCode::ACCEPTED);
    }
    let letter = NewLetter::new(auth.secrets(), about, &Content::to(&email))?;
    conn.write().last().all::<()>(NewLetter::WRITE, &letter.with()).await?;
    Ok(StatusCode::ACCEPTED)
}
