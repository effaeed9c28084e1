//! How many requests a caller may make, asked before anything else is done for it; answers say where it stands
//! (draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy`, `RateLimit`).
use std::fmt;

use axum::{
    Router,
    extract::{FromRequestParts as _, Request},
    http::{HeaderName, Method, request::Parts},
    response::{IntoResponse as _, Response},
};
use tower::Service as _;

use super::facts::{Charged, Route};
use crate::{
    Error, Result,
    app::App,
    auth::{Client, Principal, TenantId, claimed},
    http::{header, problem::Failed},
    limits::{Admission, Anonymous, LimitedCaller, Remaining},
    telemetry,
};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// Counts a request to the API, and answers it if that may be.
pub(super) async fn answer(app: &App, route: Option<&Route>, router: &Router, request: Request) -> Response {
    let charged = route.map_or(Charged::Nobody, |route| route.facts.charged);
    if charged == Charged::Nobody {
        return dispatch(route, router, request).await;
    }
    let (mut parts, body) = request.into_parts();
    let claimed = claimed(&mut parts, &app.auth).filter(|_| charged != Charged::Network);
    let stranger = match claimed {
        // A key is somebody's only once PostgreSQL has said so.
        None | Some((Principal::Key(_), _)) => {
            let Ok(client) = Client::from_request_parts(&mut parts, app).await;
            Anonymous::Network(client.network())
        }
        Some((Principal::Person(person), _)) => Anonymous::Session(person.session),
    };
    let inside = claimed.filter(|_| charged != Charged::Caller);
    // What a key asks for spares nobody: it is one that may have to be stopped.
    let spare = charged == Charged::Principal && matches!(claimed, Some((Principal::Person(_), _)));
    let (mut admission, inside) = match admit(app, &parts, inside, spare, &stranger).await {
        Ok(admitted) => admitted,
        Err(error) => return error.into_response(),
    };
    let mut response = match admission.refused.take() {
        Some(error) => error.into_response(),
        None => dispatch(route, router, Request::from_parts(parts, body)).await,
    };
    if let Some(LimitedCaller { tenant, principal, .. }) = inside
        && let Some(Failed(error)) = response.extensions().get::<Failed>()
    {
        app.limits.refused(tenant, principal, error);
    }
    tell(&mut response, &admission.standings);
    app.limits.spend(&admission, telemetry::held());
    response
}

/// Hands a request to its handler.
async fn dispatch(route: Option<&Route>, router: &Router, request: Request) -> Response {
    match route {
        Some(route) if request.method() == Method::OPTIONS => route.methods.options(),
        _ => router.clone().call(request).await.unwrap_or_else(|never| match never {}),
    }
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
    if standings.is_empty() {
        return;
    }
    for (name, value) in [
        (POLICY, header::value(format_args!("{}", Each(standings, policy)))),
        (STANDING, header::value(format_args!("{}", Each(standings, standing)))),
    ] {
        if let Some(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
}

fn policy(Remaining { policy, .. }: &Remaining, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "\"{}\";q={};w={}", policy.whom.name(), policy.requests, policy.window.as_secs())
}

fn standing(standing: &Remaining, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // Whoever waits so many seconds finds what they were told.
    let reset = standing.reset.as_millis().div_ceil(1000);
    write!(f, "\"{}\";r={};t={reset}", standing.policy.whom.name(), standing.remaining)
}

/// A list of these, each as something of it.
struct Each<'a>(&'a [Remaining], fn(&Remaining, &mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Display for Each<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, one) in self.0.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { ", " })?;
            (self.1)(one, f)?;
        }
        Ok(())
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
