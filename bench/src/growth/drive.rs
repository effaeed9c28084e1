//! Asking as fast as one is answered, over so many connections.
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Bytes,
    http::{HeaderValue, Request, header},
};
use http_body_util::Full;
use rowhouse::error::Failure;
use tokio::task::spawn_local;
use uuid::Uuid;

use crate::{
    goods::Random,
    histogram::Histogram,
    memory::Memory,
    store::Caller,
    token::Signer,
    wire::{Wire, on_a_thread},
};

/// Every connection has prepared its statements by then.
const WARM_UP: Duration = Duration::from_millis(300);
/// How long a server is left alone before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(1);
/// How long all ask when memory is looked at, and how long each pauses between two requests at most.
const CROWD: Duration = Duration::from_secs(5);
const PAUSE: u64 = 2_000;

/// A request that somebody can make.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) tenant: Uuid,
    path: String,
    authorization: HeaderValue,
    network: HeaderValue,
}

/// What was answered.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) times: Histogram,
    /// Answers that were no success.
    pub(super) errors: BTreeMap<String, u64>,
}

/// Makes requests for members of tenants.
pub(super) struct Asking<'a>(pub(super) &'a Signer);

impl Asking<'_> {
    /// Asks in the name of each of these; a network of its own for each, as there would be.
    pub(super) fn each(&self, of: impl Iterator<Item = (Caller, String)>) -> Result<Arc<[Ask]>, Failure> {
        of.map(|(Caller { tenant, user }, path)| {
            let value = |text: String| HeaderValue::from_str(&text).map_err(|error| Failure(error.to_string()));
            let [.., a, b, c] = *tenant.as_bytes();
            Ok(Ask {
                tenant,
                path,
                authorization: value(format!("Bearer {}", self.0.token(tenant, user)?))?,
                network: value(format!("10.{a}.{b}.{c}"))?,
            })
        })
        .collect()
    }
}

impl Ask {
    fn request(&self, host: &HeaderValue) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = format!("/api/v1{}", self.path).parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(header::HOST, host.clone());
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert("x-forwarded-for", self.network.clone());
        request
    }
}

impl Answers {
    fn merge(&mut self, other: Self) {
        self.times.merge(&other.times);
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
    }

    /// Asks once.
    async fn ask(&mut self, wire: &mut Wire, ask: &Ask, host: &HeaderValue) {
        let asked = Instant::now();
        let answer = wire.ask(ask.request(host)).await;
        self.times.add(asked.elapsed());
        let error = match answer {
            Ok(answer) if answer.status.is_success() => return,
            Ok(answer) => format!("{} {}", answer.status.as_u16(), String::from_utf8_lossy(&answer.body)),
            Err(why) => why,
        };
        *self.errors.entry(format!("{}: {error}", ask.path)).or_default() += 1;
    }
}

fn host(address: SocketAddr) -> HeaderValue {
    HeaderValue::from_str(&address.to_string()).unwrap_or(HeaderValue::from_static("localhost"))
}

/// Each of these once, so that whoever asks is known.
pub(super) async fn once(address: SocketAddr, asks: Arc<[Ask]>) -> Result<Answers, Failure> {
    on_a_thread(move || async move {
        let (mut answers, mut wire, host) = (Answers::default(), Wire::new(address), host(address));
        for ask in asks.iter() {
            answers.ask(&mut wire, ask, &host).await;
        }
        answers
    })
    .await
}

/// Any of these, as fast as they are answered. `begin` is called when what is asked for begins to count, and `end` when it has.
pub(super) async fn drive<T: Send + 'static>(
    address: SocketAddr,
    asks: Arc<[Ask]>,
    clients: u32,
    time: Duration,
    look: impl Fn() -> T + Send + 'static,
) -> Result<(Answers, [T; 2]), Failure> {
    on_a_thread(move || async move {
        let from = Instant::now() + WARM_UP;
        let tasks: Vec<_> =
            (0..clients).map(|client| spawn_local(ask_on(address, asks.clone(), client, from, from + time))).collect();
        tokio::time::sleep_until(from.into()).await;
        let before = look();
        tokio::time::sleep_until((from + time).into()).await;
        let after = look();
        let mut all = Answers::default();
        for task in tasks {
            if let Ok(answers) = task.await {
                all.merge(answers);
            }
        }
        (all, [before, after])
    })
    .await
}

async fn ask_on(address: SocketAddr, asks: Arc<[Ask]>, client: u32, from: Instant, until: Instant) -> Answers {
    let (mut warm, mut answers, mut wire) = (Answers::default(), Answers::default(), Wire::new(address));
    let (mut random, host) = (Random::new(23, client.into()), host(address));
    loop {
        let now = Instant::now();
        if now >= until {
            // What is refused at first is refused as well.
            answers.errors.append(&mut warm.errors);
            return answers;
        }
        let counts = if now < from { &mut warm } else { &mut answers };
        counts.ask(&mut wire, random.one(&asks), &host).await;
    }
}

/// What so many connections keep of a server's memory: when each has asked once, when they all ask, and afterwards.
pub(super) async fn hold(
    address: SocketAddr,
    pid: u32,
    asks: Arc<[Ask]>,
    connections: usize,
) -> Result<([Memory; 3], Answers), Failure> {
    on_a_thread(move || async move {
        let (host, asks) = (host(address), Rc::new(asks));
        let (mut all, mut wires) = (Answers::default(), Vec::new());
        for ask in asks.iter().cycle().take(connections) {
            let mut wire = Wire::new(address);
            all.ask(&mut wire, ask, &host).await;
            wires.push(wire);
        }
        tokio::time::sleep(SETTLE).await;
        let idle = Memory::of(pid)?;
        let (begun, until) = (Instant::now(), Instant::now() + CROWD);
        let tasks: Vec<_> = (0..)
            .zip(wires)
            .map(|(client, mut wire)| {
                let (asks, host) = (asks.clone(), host.clone());
                spawn_local(async move {
                    let (mut answers, mut random) = (Answers::default(), Random::new(29, client));
                    while Instant::now() < until {
                        tokio::time::sleep(Duration::from_millis(random.below(PAUSE))).await;
                        answers.ask(&mut wire, random.one(&asks), &host).await;
                    }
                    (wire, answers)
                })
            })
            .collect();
        tokio::time::sleep_until((begun + CROWD * 9 / 10).into()).await;
        let busy = Memory::of(pid)?;
        let mut wires = Vec::new();
        for task in tasks {
            if let Ok((wire, answers)) = task.await {
                all.merge(answers);
                wires.push(wire);
            }
        }
        tokio::time::sleep(SETTLE).await;
        Ok(([idle, busy, Memory::of(pid)?], all))
    })
    .await?
}
