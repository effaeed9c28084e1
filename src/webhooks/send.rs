//! One message to one receiver: dialled, sent, and as much of the answer as is kept. No redirect is followed, since it would lead where
//! nobody has looked.
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::{
    Rules,
    dial::{Dialler, Refused},
};

/// How long the rest of an answer is read for, once its status is there.
const BODY: Duration = Duration::from_secs(1);
/// How long all of it may take: Standard Webhooks recommend 15 to 30 s.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How long until there is a connection.
pub const CONNECTS: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read; what comes after that is nobody's.
const READ: usize = 64 << 10;
/// Bytes of it that are kept.
const KEPT: usize = 1024;

/// Sends.
pub struct Sender {
    dialler: Dialler,
    rules: Rules,
    tls: TlsConnector,
    patience: Duration,
}

/// A message.
#[derive(Debug)]
pub struct Message {
    /// The address of the receiver.
    pub url: String,
    /// Who it is and that it is ours, `super::sign::headers`.
    pub headers: [(&'static str, String); 3],
    /// What it says.
    pub body: String,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the receiver answered, if it did.
    pub status: Option<u16>,
    /// Why it counts as a failure; none where it does not.
    pub error: Option<&'static str>,
    /// The first of what it answered.
    pub response: String,
    /// How long it took.
    pub took: Duration,
    /// The value of `Retry-After`, as it came.
    pub retry_after: Option<String>,
}

impl Outcome {
    /// Whether the receiver wants nothing more, ever.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}

impl Sender {
    /// Sends by these rules; certificates are looked at with those of the machine.
    #[must_use]
    pub fn new(dialler: Dialler, rules: Rules) -> Self {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        Self::with_roots(dialler, rules, roots)
    }

    /// The same with certificates of somebody's own.
    #[must_use]
    pub fn with_roots(dialler: Dialler, rules: Rules, roots: RootCertStore) -> Self {
        let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
        let _ = provider.install_default(); // Err: another part of the process was first, with the same
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { dialler, rules, tls: TlsConnector::from(Arc::new(config)), patience: PATIENCE }
    }

    /// The same with less patience.
    #[must_use]
    pub fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sends a message. Whatever goes wrong is an outcome.
    pub async fn send(&self, message: &Message) -> Outcome {
        let begun = Instant::now();
        let mut outcome = match timeout(self.patience, self.carry(message)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome { error: Some(error), ..Outcome::default() },
            Err(_) => Outcome { error: Some("timed_out"), ..Outcome::default() },
        };
        outcome.took = begun.elapsed();
        outcome
    }

    async fn carry(&self, message: &Message) -> Result<Outcome, &'static str> {
        // What may be sent to today is asked for each time: whoever runs the platform may have taken something back.
        let url = self.rules.read(&message.url).map_err(|(code, _)| match code {
            "private_address" => "private_address",
            _ => "address_refused",
        })?;
        let (host, plain) = (url.host_str().ok_or("address_refused")?, url.scheme() == "http");
        let port = url.port_or_known_default().ok_or("address_refused")?;
        let stream = self.dialler.dial(host, port).await.map_err(|refused| match refused {
            Refused::Inside(_) => "private_address",
            Refused::Unknown => "name_unknown",
            Refused::Away => "unreachable",
        })?;
        let _ = stream.set_nodelay(true);
        if plain {
            let peer = stream.peer_addr().map_err(|_| "unreachable")?;
            if !self.rules.may_be_plain(peer.ip().to_canonical()) {
                return Err("not_encrypted");
            }
            return Self::ask(stream, &url, message).await;
        }
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| "address_refused")?;
        let stream = self.tls.connect(name, stream).await.map_err(|_| "tls_failed")?;
        Self::ask(stream, &url, message).await
    }

    async fn ask<S>(stream: S, url: &Url, message: &Message) -> Result<Outcome, &'static str>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        const BROKEN: &str = "connection_broken";
        let (mut ask, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| BROKEN)?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::post(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("Rowhouse-Webhooks/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close");
        for (name, value) in &message.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(message.body.clone()))).map_err(|_| "address_refused")?;
        let answer = ask.send_request(request).await.map_err(|_| BROKEN)?;
        let status = answer.status().as_u16();
        let error = match status {
            200..=299 => None,
            300..=399 => Some("redirected"),
            410 => Some("gone"),
            _ => Some("refused"),
        };
        let retry_after = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(|value| value.chars().take(64).collect());
        let response = first(answer).await;
        Ok(Outcome { status: Some(status), error, response, took: Duration::ZERO, retry_after })
    }
}

/// The first of an answer, as text. Whoever has given a status has answered, however the rest ends.
async fn first(mut answer: Response<Incoming>) -> String {
    let (mut read, mut kept) = (0, Vec::new());
    let until = tokio::time::Instant::now() + BODY;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout_at(until, answer.body_mut().frame()).await {
        let Some(data) = frame.data_ref() else { continue };
        read += data.len();
        kept.extend_from_slice(&data[..data.len().min(KEPT - kept.len())]);
        if read >= READ {
            break;
        }
    }
    excerpt(&kept)
}

/// As text that PostgreSQL keeps, cut between two characters.
fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
    let mut end = text.len().min(KEPT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// What was sent, as the log shows it: without signatures, which are good for some minutes.
#[must_use]
pub fn shown(message: &Message) -> String {
    let [id, timestamp, _] = &message.headers;
    let mut text = format!("POST {}\n{}: {}\n{}: {}\n\n", message.url, id.0, id.1, timestamp.0, timestamp.1);
    text.push_str(&excerpt(message.body.as_bytes()));
    text
}

/// For how long a receiver wants to be left alone.
#[must_use]
pub fn asked_to_wait(
    outcome: &Outcome,
    now: Timestamp,
    read: fn(&str, Timestamp) -> Option<Duration>,
) -> Option<Duration> {
    outcome.retry_after.as_deref().and_then(|value| read(value, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_answer_is_text_and_no_longer_than_a_kilobyte() {
        assert_eq!(excerpt(b"ok\0\xff"), "ok\u{fffd}\u{fffd}");
        let wide = "ü".repeat(KEPT);
        assert_eq!(excerpt(wide.as_bytes()).len(), KEPT);
        let cut = excerpt(&wide.as_bytes()[..KEPT - 3]);
        assert!(cut.len() <= KEPT && cut.ends_with('\u{fffd}'), "half a letter is none");
        assert!(excerpt(&[0xff; KEPT]).len() <= KEPT, "what is no text becomes longer");
    }

    #[test]
    fn the_log_shows_no_signature() {
        let headers = [
            ("webhook-id", "1".to_owned()),
            ("webhook-timestamp", "2".to_owned()),
            ("webhook-signature", "v1,x".to_owned()),
        ];
        let message = Message { url: "https://example.com/a".to_owned(), headers, body: "{}".to_owned() };
        assert_eq!(shown(&message), "POST https://example.com/a\nwebhook-id: 1\nwebhook-timestamp: 2\n\n{}");
    }
}
