//! A stream as a WebSocket: several topics, which come and go by what its reader says (docs/live.md).
use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error as Broken, Message,
        error::CapacityError,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{
    Follower, Item, Next, Reason,
    message::{Asked, Budget, Said, read},
};
use crate::http::upgrade::{Bytes, Wire};

/// Bytes a message of its reader may have.
const MESSAGE: usize = 64 << 10;
/// What is written together.
const TOGETHER: usize = 16 << 10;
/// How long its reader may take nothing of what was sent.
const SLOW: Duration = Duration::from_secs(10);
/// Bytes a second that its reader has to take, beside.
const TAKEN: usize = 16 << 10;
/// How long its reader may say nothing at all; a ping is sent four times a minute.
const SILENT: Duration = Duration::from_secs(45);
/// How long the last word may take to arrive.
const LAST: Duration = Duration::from_secs(3);

type Socket = WebSocketStream<Box<dyn Bytes>>;

/// Why it ends.
enum Over {
    /// Its reader is told why.
    Told(CloseCode, &'static str),
    /// Its reader lost the right to it, and does not take what was sent before.
    Cut(&'static str),
    /// Its reader has gone.
    Gone,
}

impl From<Reason> for Over {
    fn from(reason: Reason) -> Self {
        let code = match &reason {
            Reason::Leaving => CloseCode::Restart,
            Reason::Unavailable => CloseCode::Again,
            Reason::Slow => CloseCode::Library(4008),
            Reason::TokenExpired => CloseCode::Library(4401),
            Reason::Refused(error) if error.kind().0 == 401 => CloseCode::Library(4401),
            Reason::Refused(_) => CloseCode::Library(4403),
        };
        Self::Told(code, reason.code())
    }
}

/// Serves a connection until it is over.
pub(super) async fn serve(Wire(wire, read): Wire, mut follower: Follower) {
    let config = WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(TOGETHER)
        .max_message_size(Some(MESSAGE))
        .max_frame_size(Some(MESSAGE));
    let mut socket = WebSocketStream::from_partially_read(wire, read, Role::Server, Some(config)).await;
    let (code, why) = match follow(&mut socket, &mut follower).await {
        Over::Told(code, why) => (Some(code), why),
        Over::Cut(why) => (None, why),
        Over::Gone => (None, "hung_up"),
    };
    follower.end(why);
    if let Some(code) = code {
        let last = async {
            if socket.close(Some(CloseFrame { code, reason: why.into() })).await.is_ok() {
                // Until the other end has seen it: what is closed with something unread in it is reset, and the word is lost.
                while let Some(Ok(_)) = socket.next().await {}
            }
        };
        let _ = timeout(LAST, last).await;
    }
}

async fn follow(socket: &mut Socket, follower: &mut Follower) -> Over {
    let mut budget = Budget::new();
    let mut heard_at = Instant::now();
    loop {
        let told = tokio::select! {
            message = socket.next() => {
                heard_at = Instant::now();
                match message {
                    Some(Ok(message)) => match hear(message, follower, &mut budget).await {
                        Ok(told) => told,
                        Err(over) => return over,
                    },
                    Some(Err(broken)) => return over(&broken),
                    None => return Over::Gone,
                }
            }
            next = follower.next() => match next {
                Next::Over(reason) => return reason.into(),
                Next::Beat if heard_at.elapsed() > SILENT => return Over::Gone,
                Next::Beat => match follower.places() {
                    // One that cannot be written is a fault of ours, and is told as any other.
                    Err(_) => return Reason::Unavailable.into(),
                    Ok(places) => {
                        let said = |(topic, position): (Arc<str>, String)| {
                            Said(json!({ "type": "position", "topic": *topic, "position": position })).into()
                        };
                        std::iter::once(Message::Ping(Vec::new().into())).chain(places.into_iter().map(said)).collect()
                    }
                },
                Next::Look => match follower.look().await {
                    Err(reason) => return reason.into(),
                    Ok(looked) => {
                        let items = looked.items.iter().map(|(topic, item)| told(topic, item));
                        let lost = looked.lost.iter().map(|(topic, reason)| {
                            Said::ended(topic, reason.code(), &reason.detail()).into()
                        });
                        items.chain(lost).collect()
                    }
                },
            },
        };
        if let Err(over) = send(socket, follower, told).await {
            return over;
        }
    }
}

/// What comes of a message.
async fn hear(message: Message, follower: &mut Follower, budget: &mut Budget) -> Result<Vec<Message>, Over> {
    let text = match message {
        Message::Text(text) => text,
        Message::Binary(_) => return Err(Over::Told(CloseCode::Unsupported, "binary")),
        // Answered by whoever reads them, and counted like others.
        Message::Ping(_) | Message::Pong(_) if !budget.spend() => {
            return Err(Over::Told(CloseCode::Library(4029), "too_many_messages"));
        }
        _ => return Ok(Vec::new()),
    };
    if !budget.spend() {
        return Err(Over::Told(CloseCode::Library(4029), "too_many_messages"));
    }
    let said = match read(&text) {
        Err(detail) => Said::error(None, "malformed_message", &detail),
        Ok(Asked::Ping {}) => Said(json!({ "type": "pong" })),
        Ok(Asked::Unsubscribe { topic }) if follower.unfollow(&topic) => {
            Said(json!({ "type": "unsubscribed", "topic": topic }))
        }
        Ok(Asked::Unsubscribe { topic }) => {
            Said::error(Some(&topic), "not_subscribed", "this topic is not followed on this connection")
        }
        Ok(Asked::Subscribe { topic, after }) => match follower.subscribe(&topic, after.as_deref()).await {
            Ok(start) => match start.resync {
                None => Said(json!({ "type": "subscribed", "topic": topic, "position": start.position })),
                Some(_) => Said(json!({
                    "type": "resync", "topic": topic, "position": start.position, "code": "resync", "detail": start.detail(),
                })),
            },
            Err(error) => match Reason::of(error.clone()) {
                Some(reason) if reason.is_for_all() => return Err(reason.into()),
                _ => Said::error(Some(&topic), error.kind().1, &error.detail()),
            },
        },
    };
    Ok(vec![said.into()])
}

fn told(topic: &Arc<str>, item: &Item) -> Message {
    // A topic is one of ours, and needs no escape.
    format!(r#"{{"type":"item","topic":"{topic}","position":"{}","data":{}}}"#, item.position, item.json).into()
}

/// Sends these, for as long as its reader takes them and may have them.
async fn send(socket: &mut Socket, follower: &mut Follower, messages: Vec<Message>) -> Result<(), Over> {
    // Whoever takes a little now and then does not keep what they lost the right to for as long as that takes.
    let bytes: usize = messages.iter().map(Message::len).sum();
    let by = Instant::now() + SLOW + Duration::from_secs((bytes / TAKEN).try_into().unwrap_or(u64::MAX));
    for message in messages {
        patiently(socket, follower, Some(message), by).await?;
    }
    patiently(socket, follower, None, by).await
}

/// Sends one, or what is left to be written of those before.
async fn patiently(
    socket: &mut Socket,
    follower: &mut Follower,
    mut message: Option<Message>,
    by: Instant,
) -> Result<(), Over> {
    let until = by.min(Instant::now() + SLOW);
    loop {
        let sending = async {
            // Nothing is lost where this is given up: a message is handed over once there is room for it.
            std::future::poll_fn(|cx| socket.poll_ready_unpin(cx)).await?;
            match message.take() {
                Some(message) => socket.start_send_unpin(message),
                None => socket.flush().await,
            }
        };
        tokio::select! {
            biased;
            sent = sending => return sent.map_err(|broken| over(&broken)),
            () = sleep_until(until) => return Err(Reason::Slow.into()),
            () = follower.hint() => {}
        }
        if let Err(reason) = follower.still().await {
            return Err(Over::Cut(reason.code()));
        }
    }
}

fn over(broken: &Broken) -> Over {
    match broken {
        Broken::Capacity(CapacityError::MessageTooLong { .. }) => Over::Told(CloseCode::Size, "message_too_long"),
        Broken::Utf8(_) => Over::Told(CloseCode::Invalid, "not_utf8"),
        Broken::Protocol(_) => Over::Told(CloseCode::Protocol, "protocol"),
        _ => Over::Gone,
    }
}
