//! How many requests a caller may make, asked before anything else is done for it; answers say where it stands
//! (draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy`, `RateLimit`).
use std::fmt::Write as _;

use axum::{
    extract::{FromRequestParts as _, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::problem::Failed;
use crate::{
    App,
    auth::{Client, Principal, claimed},
    limits::{Admission, Asking, Standing, Stranger},
};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// Counts requests to the API; whoever looks whether the server lives, reads its keys or documents, or asks for what is not
/// there, costs nothing worth counting.
pub(super) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if !route.starts_with("/api/v1/") || route == "/api/v1/openapi.json" {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let claimed = claimed(&mut parts, &app);
    let stranger = match claimed {
        // A key is somebody's only once PostgreSQL has said so.
        None | Some((Principal::Key(_), _)) => {
            let Ok(client) = Client::from_request_parts(&mut parts, &app).await;
            Stranger::Network(client.network())
        }
        Some((Principal::Person(person), _)) => Stranger::Person(person.user),
    };
    let asking = match claimed {
        Some((principal, Some(tenant))) => Asking::Inside(tenant, principal, stranger),
        _ => Asking::Outside(stranger),
    };
    let Admission { standings, refused } = match app.limits.admit(&app.db, app.secrets(), asking).await {
        Ok(admission) => admission,
        Err(error) => return error.into_response(),
    };
    let mut response = match refused {
        Some(error) => error.into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
    };
    if let Some((principal, Some(tenant))) = claimed
        && let Some(Failed(error)) = response.extensions().get::<Failed>()
    {
        app.limits.refused(tenant, principal, error);
    }
    tell(&mut response, &standings);
    response
}

/// Tells where the caller stands.
fn tell(response: &mut Response, standings: &[Standing]) {
    let (mut policies, mut left) = (String::new(), String::new());
    for (n, standing) in standings.iter().enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        let (name, policy) = (standing.policy.whom.name(), standing.policy);
        let _ = write!(policies, "{comma}\"{name}\";q={};w={}", policy.requests, policy.window.as_secs());
        // Whoever waits so many seconds finds what they were told.
        let reset = standing.reset.as_millis().div_ceil(1000);
        let _ = write!(left, "{comma}\"{name}\";r={};t={reset}", standing.remaining);
    }
    for (name, value) in [(POLICY, policies), (STANDING, left)] {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// What was told stays told when an answer becomes a problem.
pub(super) fn carry(from: &Response, to: &mut Response) {
    for name in [POLICY, STANDING] {
        if let Some(value) = from.headers().get(&name) {
            to.headers_mut().insert(name, value.clone());
        }
    }
}
