//! `/auth/password-reset` and `/me/password`: setting a new password, with a link or as oneself.
use axum::{extract::State, http::StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::{Action, Asker, Client, Secrets, SignedIn, attempt, attempt_of_person, link_hash, password_faults},
    db::Params,
    from_row,
    http::{
        Json, Violations,
        letter::{EmailAddress, ask_for_link},
    },
    mail::{About, Content, NewLetter},
    sql,
};

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(request)).routes(routes!(confirm)).routes(routes!(change))
}

/// A token from a letter, and a new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordReset {
    #[schema(value_type = String)]
    token: SecretString,
    /// 15 characters at least, and not one that anybody would try first.
    #[schema(value_type = String, format = Password, min_length = 15)]
    password: SecretString,
}

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// 15 characters at least, 8 with a second factor, and not one that anybody would try first.
    #[schema(value_type = String, format = Password, min_length = 8)]
    password: SecretString,
}

struct Used {
    email: String,
    full_name: String,
}
from_row! { Used: email, full_name }
struct Me {
    email: String,
    full_name: String,
    second_factor: bool,
}
from_row! { Me: email, full_name, second_factor }

/// Have a link sent that sets a new password.
///
/// The answer is the same for an address that has no account.
#[utoipa::path(post, path = "/auth/password-reset", tag = "public", request_body = EmailAddress,
    responses((status = ACCEPTED)))]
async fn request(State(app): State<App>, client: Client, Json(given): Json<EmailAddress>) -> Result<StatusCode> {
    ask_for_link(&app.auth, &client, &given, About::ResetPassword).await
}

/// Set a new password with the token that was sent by letter.
///
/// Every session ends. A second factor stays and is asked for at the next sign-in.
#[utoipa::path(post, path = "/auth/password-reset/confirm", tag = "public", request_body = PasswordReset,
    responses((status = NO_CONTENT)))]
async fn confirm(State(app): State<App>, client: Client, Json(given): Json<PasswordReset>) -> Result<StatusCode> {
    let hash = link_hash(&given.token)?;
    let mut conn = app.db.public().await?;
    attempt(&mut conn, Action::Link, given.token.expose_secret(), &client).await?;
    let whose: Option<Used> =
        conn.read().last().optional(sql!("auth/find_mail_token"), &[&"reset_password", &hash.as_slice()]).await?;
    drop(conn);
    let Used { email, full_name } = whose.ok_or(Error::LinkSpent)?;
    let mut violations = Violations::default();
    violations.password("/password", &given.password, false, &[&email, &full_name]);
    violations.finish()?;
    let password_hash = app.auth.passwords.hash(Asker::Network(&client.network()), given.password).await?;
    let purposes: &[&str] = &["reset_password"];
    let params: Params<'_> = &[&purposes, &hash.as_slice(), &password_hash];
    let mut conn = app.db.public().await?;
    let mut tx = conn.write();
    let used: Option<Used> = tx.optional(sql!("auth/use_mail_token"), params).await?;
    let Some(Used { email, full_name }) = &used else {
        // A link that came too late is used up as well.
        tx.commit().await?;
        return Err(Error::LinkSpent);
    };
    let letter = changed(app.secrets(), email, full_name)?;
    tx.last().all::<()>(NewLetter::WRITE, &letter.with()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change one's password.
///
/// Asks for a password given lately. Every other session ends.
#[utoipa::path(put, path = "/me/password", tag = "me", request_body = NewPassword, responses((status = NO_CONTENT)))]
async fn change(
    State(app): State<App>,
    client: Client,
    signed_in: SignedIn,
    Json(given): Json<NewPassword>,
) -> Result<StatusCode> {
    let mut conn = signed_in.connect().await?;
    let me: Me = conn.read().last().one(sql!("me/for_password"), &[]).await?;
    drop(conn);
    let mut violations = Violations::default();
    violations.password("/password", &given.password, me.second_factor, &[&me.email, &me.full_name]);
    violations.finish()?;
    attempt_of_person(&app.auth, Action::Password, &signed_in, &client).await?;
    let leans = !password_faults(&given.password, false, &[]).is_empty();
    let hash = app.auth.passwords.hash(Asker::Person(signed_in.user()), given.password).await?;
    let mut conn = signed_in.connect().await?;
    let current = signed_in.person().session.handle();
    let (user, session) = (signed_in.user().as_uuid().to_string(), signed_in.person().session.as_uuid().to_string());
    let seal = app.seal("change_password", &[Some(&user), Some(&session), Some(&hash), Some(&leans.to_string())]);
    let letter = changed(app.secrets(), &me.email, &me.full_name)?;
    let change: Params<'_> = &[&hash, &leans, &seal];
    let ([others, _], _) = conn
        .write()
        .last()
        .after(
            [(sql!("sessions/others"), &[&current]), (sql!("me/change_password"), change)],
            NewLetter::WRITE,
            &letter.with(),
        )
        .await?;
    app.auth.ended.sessions(app.secrets(), others.all::<uuid::Uuid>()?);
    Ok(StatusCode::NO_CONTENT)
}

/// The letter that tells that a password was set.
fn changed(secrets: &Secrets, email: &str, full_name: &str) -> Result<NewLetter> {
    let content = Content { name: full_name.to_owned(), ..Content::to(email) };
    NewLetter::new(secrets, About::PasswordChanged, &content)
}
