//! A stream as server-sent events (WHATWG HTML §9.2): what is told has no name and comes as `message`; what is said about the stream is
//! `ready`, `resync` and `end`.
use std::{convert::Infallible, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, header, request::Parts},
    response::{IntoResponse as _, Response, Sse, sse::Event},
};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use utoipa::IntoParams;

use super::{Follower, Hub, Kind, Next, Reader, Reason, Start, Topic, follower::dice};
use crate::{
    auth::{Authn, Tenant},
    http::Streaming,
};

/// How soon a browser connects again, unless it is told otherwise.
const RETRY: Duration = Duration::from_secs(2);
/// Within which time those connect again whose server is about to go: not all of them at once.
const SPREAD: Duration = Duration::from_secs(4);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies hand on what comes as it comes.
const NO_BUFFER: HeaderName = HeaderName::from_static("x-accel-buffering");

/// `Last-Event-ID`, where there is one.
#[derive(Debug)]
pub struct LastEventId(Option<String>);

/// The same for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "the document reads it")]
pub struct LastEventIdHeader {
    /// `id` of the last event that was received, to go on after it.
    #[param(rename = "Last-Event-ID", required = false)]
    last_event_id: String,
}

impl LastEventId {
    /// What it says, or else what the query does: a browser that connects again asks for the same address as the first time.
    #[must_use]
    pub fn or<'a>(&'a self, after: Option<&'a str>) -> Option<&'a str> {
        self.0.as_deref().filter(|id| !id.is_empty()).or(after)
    }
}

impl<S: Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // One that is no text is none of ours, and says so as any other.
        Ok(Self(parts.headers.get(LAST_EVENT_ID).map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned())))
    }
}

/// Answers with a stream of a topic, once PostgreSQL has said that whoever asks may have it.
pub async fn follow(
    hub: &Hub,
    auth: &Authn,
    tenant: &Tenant,
    topic: Topic,
    after: Option<&str>,
) -> crate::Result<Response> {
    let (reader, start) = Reader::begin(auth, tenant, topic, after).await?;
    let mut follower = Follower::enter(hub, auth, tenant, Kind::Sse)?;
    follower.follow(reader);
    Ok(answer(follower, &start))
}

fn answer(follower: Follower, start: &Start) -> Response {
    let first = Event::default().retry(RETRY).id(&start.position);
    let (name, said) = if start.resync.is_none() {
        ("ready", json!({ "position": start.position }))
    } else {
        ("resync", json!({ "code": "resync", "detail": start.detail(), "position": start.position }))
    };
    let first = first.event(name).data(said.to_string());
    let rest = stream::unfold(Some(follower), |follower| async { on(follower?).await });
    let events = stream::iter([first]).chain(rest.flat_map(stream::iter)).map(Ok::<_, Infallible>);
    let mut response = Sse::new(events).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(NO_BUFFER, HeaderValue::from_static("no"));
    response.extensions_mut().insert(Streaming);
    response
}

/// The next events, and how it goes on.
async fn on(mut follower: Follower) -> Option<(Vec<Event>, Option<Follower>)> {
    loop {
        let over = match follower.next().await {
            Next::Beat => {
                // An `id` without data is no event, and is what is sent when the browser connects again.
                let beat = Event::default().comment("");
                let place = follower.places().ok().and_then(|places| places.into_iter().next());
                let beat = match place {
                    Some((_, position)) => beat.id(position),
                    None => beat,
                };
                return Some((vec![beat], Some(follower)));
            }
            Next::Over(reason) => reason,
            Next::Look => match follower.look().await {
                Err(reason) => reason,
                Ok(looked) => match looked.lost.into_iter().next() {
                    Some((_, reason)) => reason,
                    None if looked.items.is_empty() => continue,
                    None => {
                        let event = |(_, item): (_, super::Item)| Event::default().id(item.position).data(item.json);
                        return Some((looked.items.into_iter().map(event).collect(), Some(follower)));
                    }
                },
            },
        };
        follower.end(over.code());
        return Some((vec![end(&over)], None));
    }
}

fn end(reason: &Reason) -> Event {
    let event = Event::default().event("end");
    let event = match reason {
        Reason::Leaving => event.retry(Duration::from_secs(1) + SPREAD.mul_f64(dice())),
        _ => event,
    };
    event.data(json!({ "code": reason.code(), "detail": reason.detail() }).to_string())
}
