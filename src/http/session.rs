//! What a caller is given to come back with: tokens (RFC 6749 §5.1), or a cookie. Neither is ever cached.
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::Json;
use crate::{
    Error, Result,
    auth::{Authn, Kind, Opened, csrf_token, set_cookie},
};

/// How the caller comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// With tokens.
    #[default]
    Bearer,
    /// With a cookie, for a page served from the same host.
    Browser,
}

impl From<SessionKind> for Kind {
    fn from(kind: SessionKind) -> Self {
        match kind {
            SessionKind::Bearer => Self::Bearer,
            SessionKind::Browser => Self::Browser,
        }
    }
}

/// Tokens (RFC 6749 §5.1), or for a browser what it repeats as `X-CSRF-Token`.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct SessionAnswer {
    /// A JWT (RFC 9068); none for a browser, whose cookie takes its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// `Bearer`, with an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Bearer")]
    token_type: Option<&'static str>,
    /// Seconds until the access token expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<i64>,
    /// Good for one refresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Where it was asked for, or sent: to be sent with the next sign-in on this device. It lets nobody in by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
    /// For a browser: sent as `X-CSRF-Token` with whatever is not GET or HEAD.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    /// The tenant that requests act in; null for whoever belongs to none.
    tenant_id: Option<uuid::Uuid>,
}

/// Gives out what a session is kept with.
pub fn answer(auth: &Authn, opened: &Opened, kind: Kind) -> Result<Response> {
    let tenant_id = opened.tenant.map(crate::auth::TenantId::as_uuid);
    let no_store = (header::CACHE_CONTROL, "no-store");
    match kind {
        Kind::Bearer => {
            let issued = auth.tokens.issue(opened.person, opened.tenant)?;
            let answer = SessionAnswer {
                access_token: Some(issued.token),
                token_type: Some("Bearer"),
                expires_in: Some(issued.expires_in),
                refresh_token: opened.refresh.as_ref().map(crate::auth::RefreshToken::text),
                device_token: opened.device.as_ref().map(crate::auth::DeviceToken::text),
                tenant_id,
                ..SessionAnswer::default()
            };
            Ok(([no_store], Json(answer)).into_response())
        }
        Kind::Browser => {
            let secrets = auth.secrets();
            let until = opened.expires_at.ok_or_else(|| Error::internal("a browser's session without its end"))?;
            let cookie = set_cookie(secrets, opened.person, opened.tenant, until, auth.tokens.now())?;
            let answer = SessionAnswer {
                csrf_token: Some(csrf_token(secrets, opened.person.session)),
                tenant_id,
                ..SessionAnswer::default()
            };
            let mut response = ([no_store], Json(answer)).into_response();
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            if let Some(device) = &opened.device {
                response.headers_mut().append(header::SET_COOKIE, device.cookie()?);
            }
            Ok(response)
        }
    }
}
