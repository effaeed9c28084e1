//! How many requests a caller may make, asked before anything else is done for it; answers say where it stands
//! (draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy`, `RateLimit`).
use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::{FromRequestParts as _, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::facts::{Charged, Routes};
use crate::{
    Error, Result,
    app::App,
    auth::{Client, Principal, TenantId, claimed},
    http::problem::Failed,
    limits::{Admission, Anonymous, LimitedCaller, Remaining},
    telemetry,
};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// Counts requests to the API.
pub(super) async fn limit(State((app, routes)): State<(App, Arc<Routes>)>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let charged = routes.get(route).map_or(Charged::Nobody, |facts| facts.charged);
    if charged == Charged::Nobody {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let claimed = claimed(&mut parts, &app.auth).filter(|_| charged != Charged::Network);
    let stranger = match claimed {
        // A key is somebody's only once PostgreSQL has said so.
        None | Some((Principal::Key(_), _)) => {
            let Ok(client) = Client::from_request_parts(&mut parts, &app).await;
            Anonymous::Network(client.network())
        }
        Some((Principal::Person(person), _)) => Anonymous::Session(person.session),
    };
    let inside = claimed.filter(|_| charged != Charged::Caller);
    // What a key asks for spares nobody: it is one that may have to be stopped.
    let spare = charged == Charged::Principal && matches!(claimed, Some((Principal::Person(_), _)));
    let (mut admission, inside) = match admit(&app, &parts, inside, spare, &stranger).await {
        Ok(admitted) => admitted,
        Err(error) => return error.into_response(),
    };
    let mut response = match admission.refused.take() {
        Some(error) => error.into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
    };
    if let Some(LimitedCaller { tenant, principal, .. }) = inside
        && let Some(Failed(error)) = response.extensions().get::<Failed>()
    {
        app.limits.refused(tenant, principal, error);
    }
    tell(&mut response, &admission.standings);
    app.limits.spend(admission, telemetry::held());
    response
}

/// Counts a request, and says whom it was counted for inside a tenant, if for anybody there.
async fn admit(
    app: &App,
    parts: &Parts,
    claimed: Option<(Principal, Option<TenantId>)>,
    spare: bool,
    stranger: &Anonymous,
) -> Result<(Admission, Option<LimitedCaller>)> {
    let outside = async || app.limits.outside(app.secrets(), stranger).await;
    let Some((principal, tenant)) = claimed else { return Ok((outside().await, None)) };
    if let Some(tenant) = tenant {
        let asking = LimitedCaller { tenant, principal, spare };
        return Ok((app.limits.inside(&app.db, asking, outside).await?, Some(asking)));
    }
    // The host may tell, and to look it up costs something as well.
    let outside = outside().await;
    if outside.refused.is_some() {
        return Ok((outside, None));
    }
    match app.auth.hosts.tenant(&app.db, &parts.uri, &parts.headers).await {
        Ok(Some(tenant)) => {
            let asking = LimitedCaller { tenant, principal, spare };
            Ok((app.limits.inside(&app.db, asking, async || outside).await?, Some(asking)))
        }
        // What is wrong with it, and that there is none, the handler says.
        Ok(None) | Err(Error::BadRequest(_)) => Ok((outside, None)),
        Err(error) => Err(error),
    }
}

/// Tells where the caller stands.
fn tell(response: &mut Response, standings: &[Remaining]) {
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
