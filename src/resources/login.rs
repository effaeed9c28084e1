//! `POST /auth/login`: from e-mail and password to an access token.
use axum::{
    extract::State,
    http::{header, request::Parts},
    response::IntoResponse,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App, Result,
    auth::{choose_tenant, sign_in},
    db::FromRow,
    http::extract::Json,
    sql,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login))
}

/// Who wants in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// In any case.
    email: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// An access token (RFC 6749 §5.1).
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the RFC's names")]
struct AccessToken {
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
}

struct MyTenant(Uuid);

/// Sign in.
///
/// The token is issued for the tenant that `X-Tenant-ID` or the host names, or for the only tenant the
/// user belongs to; for none when there are several, and then each request names its tenant.
#[utoipa::path(post, path = "/auth/login", tag = "public", request_body = Credentials,
    responses((status = OK, body = AccessToken)))]
async fn login(State(app): State<App>, parts: Parts, Json(given): Json<Credentials>) -> Result<impl IntoResponse> {
    let signed_in = sign_in(&app, &given.email, given.password).await?;
    let mut conn = signed_in.connect().await?;
    let mine: Vec<MyTenant> = conn.read().last().all(sql!("me/tenants"), &[]).await?;
    drop(conn);
    let mine: Vec<Uuid> = mine.iter().map(|tenant| tenant.0).collect();
    let tenant = choose_tenant(&parts, &app, &mine).await?;
    let issued = app.tokens.issue(signed_in.user(), tenant)?;
    let token = AccessToken { access_token: issued.token, token_type: "Bearer", expires_in: issued.expires_in };
    // RFC 6749 §5.1: a token is never cached.
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(token)))
}

impl FromRow for MyTenant {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(row.try_get("id")?))
    }
}
