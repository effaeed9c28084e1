//! `/auth/ws-ticket` and `/live`: what happens and what one is told, on a WebSocket.
use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode, Version,
        header::{
            CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
            TRANSFER_ENCODING, UPGRADE,
        },
    },
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::{TICKET_SECONDS, Tenant, refuse_other_origin, use_ticket},
    http::{Json, Query, header},
    live,
};

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(ticket)).routes(routes!(open))
}

/// A ticket for a WebSocket.
#[derive(Debug, Serialize, ToSchema)]
struct WebSocketTicket {
    /// Sent as `ticket` in the address of `GET /live`, once.
    ticket: String,
    /// Seconds for which it is good.
    #[schema(example = 30)]
    expires_in: i64,
}

/// With what it is opened.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LiveQuery {
    /// From `POST /auth/ws-ticket`.
    ticket: String,
}

/// Get a ticket with which a WebSocket is opened.
///
/// Needs no permission: what may be followed is asked when it is. Good once, for half a minute, in this tenant; what it opens is closed when the
/// token expires with which it was asked for.
#[utoipa::path(post, path = "/auth/ws-ticket", tag = "live", responses((status = OK, body = WebSocketTicket)),
    extensions(("x-route" = json!({ "key": "not_kept", "shown_once": true }))))]
async fn ticket(State(app): State<App>, tenant: Tenant) -> Result<Json<WebSocketTicket>> {
    Ok(Json(WebSocketTicket { ticket: tenant.ticket(&app.auth).await?, expires_in: TICKET_SECONDS }))
}

/// Open a WebSocket on which events and notifications are followed.
///
/// The ticket says who asks, and in which tenant. docs/live.md says what is said on it.
#[utoipa::path(get, path = "/live", tag = "public", params(LiveQuery),
    responses((status = SWITCHING_PROTOCOLS, description = "A WebSocket (RFC 6455)")))]
async fn open(State(app): State<App>, Query(query): Query<LiveQuery>, request: Request) -> Result<Response> {
    let mut parts = request.into_parts().0;
    let accept = handshake(parts.version, &parts.headers).ok_or(Error::UpgradeRequired)?;
    // RFC 6455 §10.2: a page of another site cannot have got the ticket, and is not heard all the same.
    refuse_other_origin(&parts, &app.auth.settings.origins)?;
    let tenant = use_ticket(&app.auth, &mut parts, &query.ticket).await?;
    let upgrade = live::socket(&app.live, &app.auth, &tenant)?;
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.extend(header::value(format_args!("{accept}")).map(|accept| (SEC_WEBSOCKET_ACCEPT, accept)));
    response.extensions_mut().insert(upgrade);
    Ok(response)
}

/// What proves that the request was understood (RFC 6455 §4.2.2), if it is one that opens a WebSocket.
fn handshake(version: Version, headers: &HeaderMap) -> Option<String> {
    let says = |name, word: &str| {
        let mut lines = headers.get_all(name).iter().filter_map(|line: &HeaderValue| line.to_str().ok());
        lines.any(|line| line.split(',').any(|said| said.trim().eq_ignore_ascii_case(word)))
    };
    let right = version == Version::HTTP_11
        && says(CONNECTION, "upgrade")
        && says(UPGRADE, "websocket")
        && headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    // What comes after the head is said on the WebSocket: a body would be read as that.
    let bare =
        !headers.contains_key(TRANSFER_ENCODING) && headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    let key = headers.get(SEC_WEBSOCKET_KEY)?;
    let nonce = BASE64.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    (right && bare && nonce).then(|| live::accept_key(key.as_bytes()))
}
