//! `/auth/signup` and `/auth/verify-email`: an account, and the proof that its address is its owner's. Whoever asks is
//! told the same whether an address has an account or not; the address itself is told by letter.
use axum::{extract::State, http::StatusCode};
use rowhouse_pg::new_id;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::{Action, Asker, Client, attempt, in_hex, link_hash},
    db::Params,
    from_row,
    http::{
        Json, Violations,
        letter::{EmailAddress, ask_for_link},
    },
    mail::{About, Content, NewLetter},
    slug, sql,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;
const LINK_LIFETIME: &str = "1 day";
/// Built-in roles of a new tenant, at most.
const ROLE_IDS: usize = 8;

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(signup)).routes(routes!(verify)).routes(routes!(resend))
}

/// An account to be made, and perhaps a tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignUp {
    #[schema(format = Email)]
    email: String,
    /// 15 characters at least, and not one that anybody would try first.
    #[schema(value_type = String, format = Password, min_length = 15)]
    password: SecretString,
    #[schema(min_length = 1, max_length = 200)]
    full_name: String,
    /// The name of a tenant to begin with, of which the new account is the owner.
    #[schema(min_length = 1, max_length = 200)]
    organization: Option<String>,
}

/// A token from a letter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkToken {
    #[schema(value_type = String)]
    token: SecretString,
}

struct SignupOutcome(String);
from_row! { SignupOutcome: "outcome" }

struct Open(bool);
from_row! { Open: "open" }

/// What a link proved.
struct Used {
    outcome: String,
    former_email: String,
    email: String,
    full_name: String,
}
from_row! { Used: outcome, former_email, email, full_name }

/// Sign up.
///
/// The account can be used once the link that is sent to its address was. The answer is the same for an address that has
/// an account already. Where sign-up is closed it is 403 `signup_closed` for everybody.
#[utoipa::path(post, path = "/auth/signup", tag = "public", request_body = SignUp, responses((status = ACCEPTED)))]
async fn signup(State(app): State<App>, client: Client, Json(new): Json<SignUp>) -> Result<StatusCode> {
    let mut violations = Violations::default();
    let email = violations.email("/email", &new.email);
    violations.line("/full_name", &new.full_name, NAME);
    violations.password("/password", &new.password, false, &[&new.email, &new.full_name]);
    if let Some(organization) = &new.organization {
        violations.line("/organization", organization, NAME);
    }
    violations.finish()?;

    let mut conn = app.db.public().await?;
    // The door asks once more; asked here, it spares the work of a hash.
    let Open(open) = conn.read().last().one(sql!("auth/signup_is_open"), &[]).await?;
    if !open {
        return Err(Error::SignupClosed);
    }
    let waits = attempt(&mut conn, Action::SignUp, &email, &client).await?.account_waits;
    drop(conn);
    let hash = app.auth.passwords.hash(Asker::Network(&client.network()), new.password).await?;
    if waits {
        return Ok(StatusCode::ACCEPTED);
    }
    let (user, tenant) = (new_id(), new_id());
    let slugs = new.organization.as_deref().map(|name| slug::candidates(name, tenant.as_bytes()));
    let role_ids: Vec<Uuid> = (0..ROLE_IDS).map(|_| new_id()).collect();
    let (letter, link) = NewLetter::link(app.secrets());
    let (id, link_hash) = (user.to_string(), in_hex(&link.hash));
    let seal = app
        .seal("sign_up", &[Some(&id), Some(&email), Some(&hash), Some(app.auth.passwords.nobodys()), Some(&link_hash)]);
    let params: Params<'_> = &[
        &user,
        &email,
        &new.full_name,
        &hash,
        &app.auth.passwords.nobodys(),
        &link.hash.as_slice(),
        &LINK_LIFETIME,
        &tenant,
        &new.organization,
        &slugs,
        &role_ids,
        &seal,
    ];
    let mut conn = app.db.public().await?;
    let mut tx = conn.write();
    let SignupOutcome(outcome) = tx.one(sql!("auth/sign_up"), params).await?;
    let about = match outcome.as_str() {
        "exists" => About::AccountExists,
        "renewed" => About::ChoosePassword,
        _ => About::ConfirmAddress,
    };
    let letter = NewLetter::with_id(app.secrets(), letter, about, &Content::to(&email))?;
    tx.last().all::<()>(NewLetter::WRITE, &letter.with()).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Confirm an address with the token that was sent to it.
#[utoipa::path(post, path = "/auth/verify-email", tag = "public", request_body = LinkToken,
    responses((status = NO_CONTENT)))]
async fn verify(State(app): State<App>, client: Client, Json(given): Json<LinkToken>) -> Result<StatusCode> {
    let hash = link_hash(&given.token)?;
    let mut conn = app.db.public().await?;
    attempt(&mut conn, Action::Link, given.token.expose_secret(), &client).await?;
    let purposes: &[&str] = &["verify_email", "change_email"];
    let params: Params<'_> = &[&purposes, &hash.as_slice(), &None::<String>];
    let mut tx = conn.write();
    let used: Option<Used> = tx.optional(sql!("auth/use_mail_token"), params).await?;
    let taken = used.as_ref().is_none_or(|used| used.outcome == "taken");
    if let Some(used) = used.filter(|used| used.outcome == "change_email") {
        let content = Content { to: used.former_email, name: used.full_name, new: used.email };
        let letter = NewLetter::new(app.secrets(), About::AddressChanged, &content)?;
        tx.all::<()>(NewLetter::WRITE, &letter.with()).await?;
    }
    // A link that came too late is used up as well.
    tx.commit().await?;
    if taken { Err(Error::LinkSpent) } else { Ok(StatusCode::NO_CONTENT) }
}

/// Have the link that confirms an address sent once more; the last three are good.
#[utoipa::path(post, path = "/auth/verify-email/resend", tag = "public", request_body = EmailAddress,
    responses((status = ACCEPTED)))]
async fn resend(State(app): State<App>, client: Client, Json(given): Json<EmailAddress>) -> Result<StatusCode> {
    ask_for_link(&app.auth, &client, &given, About::ConfirmAgain).await
}
