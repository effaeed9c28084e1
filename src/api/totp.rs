//! `/me/totp`: one's second factor, and the recovery codes that stand in for it.
use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::{Action, Client, SignedIn, attempt_of_person, totp},
    error::Violation,
    from_row,
    http::Json,
    sql,
};

/// Secrets are shown once, and to no cache.
const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(enrol, remove)).routes(routes!(confirm)).routes(routes!(renew_codes))
}

/// A secret for an authenticator, shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct TotpEnrolment {
    /// In Base32, to be typed.
    secret: String,
    /// `otpauth:` URI, to be shown as a QR code.
    uri: String,
}

/// The authenticator's current code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TotpCode {
    #[schema(value_type = String)]
    code: SecretString,
}

/// Recovery codes, shown this once. Each stands in for a code once.
#[derive(Debug, Serialize, ToSchema)]
struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

struct Own {
    sealed: Option<Vec<u8>>,
    confirmed: bool,
    email: String,
}
from_row! { Own: sealed = "secret_sealed", confirmed, email }

/// Begin to add a second factor.
///
/// Asks for a password given lately. It is not asked for until a first code was given to `/me/totp/confirm`.
#[utoipa::path(post, path = "/me/totp", tag = "me", responses((status = CREATED, body = TotpEnrolment)))]
async fn enrol(State(app): State<App>, client: Client, me: SignedIn) -> Result<impl IntoResponse> {
    attempt_of_person(&app.auth, Action::SecondFactor, &me, &client).await?;
    let mut conn = me.connect().await?;
    let mut tx = conn.write();
    let own: Own = tx.one(sql!("totp/get"), &[]).await?;
    let enrolment = totp::enrol(app.secrets(), me.user(), &own.email)?;
    let user = me.user().as_uuid();
    let begun: Option<()> = tx.last().optional(sql!("totp/enrol"), &[&user, &enrolment.sealed]).await?;
    begun.ok_or_else(|| already("a second factor is there already; remove it first"))?;
    Ok((StatusCode::CREATED, NO_STORE, Json(TotpEnrolment { secret: enrolment.secret, uri: enrolment.uri })))
}

/// Confirm the second factor with a first code; answers recovery codes.
///
/// Asks for a password given lately.
#[utoipa::path(post, path = "/me/totp/confirm", tag = "me", request_body = TotpCode,
    responses((status = OK, body = RecoveryCodes)))]
async fn confirm(
    State(app): State<App>,
    client: Client,
    me: SignedIn,
    Json(given): Json<TotpCode>,
) -> Result<impl IntoResponse> {
    attempt_of_person(&app.auth, Action::SecondFactor, &me, &client).await?;
    let mut conn = me.connect().await?;
    let own: Own = conn.read().last().one(sql!("totp/get"), &[]).await?;
    let sealed: Vec<u8> = match own.sealed {
        Some(sealed) if !own.confirmed => sealed,
        Some(_) => return Err(already("the second factor is confirmed already")),
        None => return Err(already("there is no second factor to confirm; begin with POST /api/v1/me/totp")),
    };
    let factor = totp::read(app.secrets(), me.user(), &sealed, Some(&given.code), app.auth.tokens.now())?;
    let step = factor.step.ok_or_else(|| {
        Error::Invalid(vec![Violation::at("/code", "wrong", "is not the authenticator's current code")])
    })?;
    let (recovery_codes, hashes) = totp::recovery_codes()?;
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let user = me.user().as_uuid();
    let mut tx = conn.write();
    let confirmed: Option<()> = tx.optional(sql!("totp/confirm"), &[&user, &step, &sealed]).await?;
    if confirmed.is_none() {
        tx.rollback().await?;
        return Err(already("the second factor is confirmed already"));
    }
    tx.last().after([(sql!("totp/drop_codes"), &[&user])], sql!("totp/add_codes"), &[&user, &hashes]).await?;
    Ok((NO_STORE, Json(RecoveryCodes { recovery_codes })))
}

/// Have new recovery codes; the old ones are no longer good.
///
/// Asks for a password given lately.
#[utoipa::path(post, path = "/me/recovery-codes", tag = "me", responses((status = OK, body = RecoveryCodes)))]
async fn renew_codes(State(app): State<App>, client: Client, me: SignedIn) -> Result<impl IntoResponse> {
    attempt_of_person(&app.auth, Action::SecondFactor, &me, &client).await?;
    let (recovery_codes, hashes) = totp::recovery_codes()?;
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let user = me.user().as_uuid();
    let mut conn = me.connect().await?;
    let mut tx = conn.write();
    let own: Own = tx.one(sql!("totp/get"), &[]).await?;
    if !own.confirmed {
        tx.rollback().await?;
        return Err(already("there is no second factor that recovery codes could stand in for"));
    }
    tx.last().after([(sql!("totp/drop_codes"), &[&user])], sql!("totp/add_codes"), &[&user, &hashes]).await?;
    Ok((NO_STORE, Json(RecoveryCodes { recovery_codes })))
}

/// Remove the second factor and its recovery codes.
///
/// Asks for a password, and a code, given lately.
#[utoipa::path(delete, path = "/me/totp", tag = "me", responses((status = NO_CONTENT)))]
async fn remove(me: SignedIn) -> Result<StatusCode> {
    let mut conn = me.connect().await?;
    let removed: Option<()> = conn.write().last().optional(sql!("totp/remove"), &[&me.user().as_uuid()]).await?;
    removed.map(|()| StatusCode::NO_CONTENT).ok_or(Error::NotFound("second factor"))
}

fn already(detail: &str) -> Error {
    Error::Conflict(Violation::at("", "state", detail))
}
