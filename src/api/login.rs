//! `/auth`: signing in, staying signed in, signing out.
use axum::{
    extract::State,
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    Result,
    app::{App, Endpoints},
    auth::{
        self, Client, Credentials, Kind, Proof, RefreshToken, SignedIn, authenticate_again, clear_cookie,
        device_of_browser, refuse_other_origin, sign_in,
    },
    http::{
        Json,
        session::{SessionAnswer, SessionKind, answer},
    },
    sql,
};

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(login)).routes(routes!(refresh)).routes(routes!(logout)).routes(routes!(again))
}

/// Who wants in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// In any case.
    #[schema(format = Email)]
    email: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// The authenticator's current code or an unused recovery code, where a second factor is on.
    #[schema(value_type = Option<String>)]
    totp: Option<SecretString>,
    /// `bearer` unless said.
    #[serde(default)]
    #[schema(required = false)]
    session: SessionKind,
    /// What signing in on this device answered before as `device_token`; a browser sends a cookie instead.
    #[schema(value_type = Option<String>)]
    device_token: Option<SecretString>,
    /// Answer a `device_token`, with which what others guess at the account keeps this device from nothing. A browser's is
    /// remembered always.
    #[serde(default)]
    #[schema(required = false)]
    remember_device: bool,
}

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshRequest {
    #[schema(value_type = String, format = Password)]
    refresh_token: SecretString,
}

/// Password, and second factor where there is one, once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordAgain {
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// The authenticator's current code or an unused recovery code, where a second factor is on.
    #[schema(value_type = Option<String>)]
    totp: Option<SecretString>,
}

/// Sign in.
///
/// The session acts in the tenant that `X-Tenant-ID` or the host names, or else in the one the user joined first, which
/// stays the same when they join others; `POST /auth/switch-tenant` goes to those. In none for whoever belongs to none.
#[utoipa::path(post, path = "/auth/login", tag = "public", request_body = Login,
    responses((status = OK, body = SessionAnswer)))]
async fn login(State(app): State<App>, client: Client, parts: Parts, Json(given): Json<Login>) -> Result<Response> {
    let kind = Kind::from(given.session);
    if kind == Kind::Browser {
        refuse_other_origin(&parts, &app.auth.settings.origins)?;
    }
    let browser = kind == Kind::Browser;
    let credentials = Credentials {
        email: given.email,
        password: given.password,
        totp: given.totp,
        device: if browser { device_of_browser(&parts.headers) } else { given.device_token },
        remember: browser || given.remember_device,
    };
    let opened = sign_in(&app.auth, &client, &parts, credentials, kind).await?;
    answer(&app.auth, &opened, kind)
}

/// Exchange a refresh token for an access token and the next refresh token.
///
/// A refresh token is good once. Used again while its successor is unused it answers that successor, within ten seconds and
/// once later; any other use ends the session (RFC 9700 §4.14).
#[utoipa::path(post, path = "/auth/refresh", tag = "public", request_body = RefreshRequest,
    responses((status = OK, body = SessionAnswer)))]
async fn refresh(State(app): State<App>, client: Client, Json(given): Json<RefreshRequest>) -> Result<Response> {
    let presented = RefreshToken::read(&given.refresh_token)?;
    let opened = auth::refresh(&app.auth, &client, &presented).await?;
    answer(&app.auth, &opened, Kind::Bearer)
}

/// Sign out: end this session.
#[utoipa::path(post, path = "/auth/logout", tag = "me", responses((status = NO_CONTENT)))]
async fn logout(State(app): State<App>, me: SignedIn) -> Result<Response> {
    let mut conn = me.connect().await?;
    let session = me.person().session.handle();
    conn.write().last().optional::<()>(sql!("sessions/finish"), &[&session]).await?;
    app.auth.ended.sessions(app.secrets(), [session]);
    let mut response = StatusCode::NO_CONTENT.into_response();
    if me.kind() == Kind::Browser {
        response.headers_mut().insert(header::SET_COOKIE, clear_cookie());
    }
    Ok(response)
}

/// Give password and second factor once more, before something sensitive (RFC 9470).
#[utoipa::path(post, path = "/auth/authenticate-again", tag = "me", request_body = PasswordAgain,
    responses((status = NO_CONTENT)))]
async fn again(
    State(app): State<App>,
    client: Client,
    me: SignedIn,
    Json(given): Json<PasswordAgain>,
) -> Result<StatusCode> {
    let proof = Proof { password: given.password, totp: given.totp };
    authenticate_again(&app.auth, &client, &me, proof).await?;
    Ok(StatusCode::NO_CONTENT)
}
