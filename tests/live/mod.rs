//! Streams, as whoever follows them sees them.
mod fleet;
mod revoked;
mod socket;
mod sse;

use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::Value;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error as Broken, Message, client::IntoClientRequest as _, http},
};

use crate::support::{Answer, TestApp};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    event: String,
    id: Option<String>,
    retry: Option<u64>,
    data: Value,
}

/// Somebody who follows server-sent events.
struct Sse {
    response: reqwest::Response,
    buffer: String,
}

impl Sse {
    /// Asks for a stream, which has to begin.
    async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.url());
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "private, no-store");
        Self { response, buffer: String::new() }
    }

    /// Asks for one, which has to begin with `ready`; where it begins.
    async fn ready(request: RequestBuilder) -> (Self, String) {
        let mut stream = Self::open(request).await;
        let first = stream.next().await;
        assert_eq!((first.event.as_str(), first.retry), ("ready", Some(2000)), "{first:?}");
        let position = first.id.clone().unwrap();
        assert_eq!(first.data["position"], position);
        (stream, position)
    }

    /// The next event, comments apart; none where the stream has ended.
    async fn maybe(&mut self) -> Option<Told> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (told, rest) = (read(block), rest.len());
                self.buffer.drain(..self.buffer.len() - rest);
                if told.is_some() {
                    return told;
                }
                continue;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("nothing came");
            match chunk {
                Ok(Some(chunk)) => self.buffer.push_str(std::str::from_utf8(&chunk).unwrap()),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    async fn next(&mut self) -> Told {
        self.maybe().await.expect("the stream has ended")
    }

    /// The next, which has to be something that is told.
    async fn item(&mut self) -> Told {
        let told = self.next().await;
        assert_eq!(told.event, "message", "{told:?}");
        told
    }

    /// The last thing it says, which has to be why it ends; nothing comes after.
    async fn end(&mut self) -> Value {
        let told = self.next().await;
        assert_eq!(told.event, "end", "{told:?}");
        assert_eq!(self.maybe().await, None);
        told.data
    }

    /// Nothing comes within this time.
    async fn silent(&mut self, time: Duration) {
        if let Ok(told) = tokio::time::timeout(time, self.next()).await {
            panic!("{told:?}");
        }
    }
}

fn read(block: &str) -> Option<Told> {
    let mut told = Told { event: "message".to_owned(), id: None, retry: None, data: Value::Null };
    let (mut data, mut said) = (String::new(), false);
    for line in block.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut told.event),
            "id" => told.id = Some(value.to_owned()),
            "retry" => told.retry = Some(value.parse().unwrap()),
            "data" => data.push_str(value),
            "" => continue,
            other => panic!("{other} in {block}"),
        }
        said = true;
    }
    // Without data it is no event (WHATWG HTML §9.2.6).
    said &= !data.is_empty();
    if !data.is_empty() {
        told.data = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}"));
    }
    said.then_some(told)
}

/// Refused, with this status and code.
async fn refused(request: RequestBuilder, status: u16, code: &str) -> Value {
    Answer::of(request).await.problem(status, code)
}

/// Somebody on a WebSocket.
struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// A ticket for whoever asks.
    async fn ticket(request: RequestBuilder) -> String {
        let answer = Answer::of(request).await.expect(200).json();
        assert_eq!(answer["expires_in"], 30);
        answer["ticket"].as_str().unwrap().to_owned()
    }

    /// Opens one with a ticket.
    async fn open(app: &TestApp, ticket: &str) -> Self {
        Self::with(app, ticket, &[]).await.unwrap()
    }

    /// Opens one with a ticket and these headers; the status and the body of the refusal where there is one.
    async fn with(app: &TestApp, ticket: &str, headers: &[(&str, &str)]) -> Result<Self, (u16, Value)> {
        let tcp = TcpStream::connect(app.address).await.unwrap();
        let mut request = format!("ws://{}/api/v1/live?ticket={ticket}", app.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        match client_async(request, tcp).await {
            Ok((socket, answer)) => {
                assert_eq!(answer.status(), 101);
                Ok(Self(socket))
            }
            Err(Broken::Http(answer)) => {
                let problem = serde_json::from_slice(answer.body().as_deref().unwrap_or_default()).unwrap_or_default();
                Err((answer.status().as_u16(), problem))
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn say(&mut self, what: Value) {
        self.0.send(Message::text(what.to_string())).await.unwrap();
    }

    /// The next thing that is said; pings are none.
    async fn hear(&mut self) -> Value {
        match self.message().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn message(&mut self) -> Message {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("nothing came");
            match next.expect("the connection has ended").unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    /// Follows a topic, from now on or after a position; where it begins.
    async fn follow(&mut self, topic: &str, after: Option<&str>) -> String {
        self.say(json!({ "type": "subscribe", "topic": topic, "after": after })).await;
        let said = self.hear().await;
        assert_eq!((&said["type"], &said["topic"]), (&json!("subscribed"), &json!(topic)), "{said}");
        said["position"].as_str().unwrap().to_owned()
    }

    /// The next, which has to be something that is told of this topic.
    async fn item(&mut self, topic: &str) -> Value {
        let said = self.hear().await;
        assert_eq!((&said["type"], &said["topic"]), (&json!("item"), &json!(topic)), "{said}");
        said
    }

    /// Why it is closed, which is the next thing that happens.
    async fn closed(&mut self) -> (u16, String) {
        match self.message().await {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("{other:?}"),
        }
    }

    async fn silent(&mut self, time: Duration) {
        if let Ok(said) = tokio::time::timeout(time, self.message()).await {
            panic!("{said:?}");
        }
    }
}
