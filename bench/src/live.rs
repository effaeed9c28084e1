//! `bench/run live`: many who follow their own notifications on two joined instances. Each must be told what is theirs, in order, once, across
//! reconnects; how long that takes, what a connection keeps in memory, and how soon whoever loses their session is cut off.
use std::{
    fmt, fs,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::Args;
use futures_util::{SinkExt as _, StreamExt as _, stream};
use rowhouse::{
    clock::now,
    db::{AdminConn, Statements},
    error::Failure,
    sql,
};
use rowhouse_dev::{Durability, PrivateRedis};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::Barrier, time::timeout};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use uuid::Uuid;

use crate::{
    histogram::{Histogram, Percentiles},
    memory::Memory,
    say,
    servers::Server,
    store::{Caller, Store},
    token::Signer,
};

/// How many connect at once.
const AT_ONCE: usize = 32;
/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Streams: whether each is told what is theirs, how soon, and at what price.
#[derive(Args)]
pub(crate) struct Live {
    /// Print one JSON object on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Tenants.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
    tenants: u32,
    /// Members of each, each of whom has a WebSocket.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500), value_name = "N")]
    members: u32,
    /// Notifications for each.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
    each: u32,
    /// How long it takes to tell everybody once, in seconds.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60), value_name = "N")]
    round_seconds: u64,
    /// Sessions that are ended, one each 20 ms.
    #[arg(long, default_value_t = 500, value_name = "N")]
    revoked: usize,
    /// The instances are joined by a private Redis; by PostgreSQL without.
    #[arg(long)]
    redis: bool,
    /// Where the private PostgreSQL lives while this runs.
    #[arg(long, default_value = ".rowhouse/live", value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Report {
    joined_by: &'static str,
    clients: usize,
    tenants: u32,
    notifications: u64,
    reconnects: u64,
    /// Of both instances, for each connection, in KiB.
    kib_each: f64,
    /// What clients were told wrongly: others' notifications, out of order, twice, or not at all.
    wrong: u64,
    /// From when a notification is written to when it is received, in milliseconds.
    told: Option<Percentiles>,
    /// From the commit that ends a session to the end of its stream, in milliseconds.
    closed: Option<Percentiles>,
}

#[derive(Default)]
struct Seen {
    told: Histogram,
    wrong: u64,
    reconnects: u64,
    first_wrong: Option<String>,
}

/// What all clients know.
struct World {
    servers: [Server; 2],
    signer: Signer,
    http: reqwest::Client,
    each: u32,
    seen: Mutex<Seen>,
}

type Socket = WebSocketStream<TcpStream>;

impl Live {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let store = Store::start(&self.dir, "live".to_owned(), Durability::Throwaway)?;
        store.make(self.tenants, 0).await?;
        let superuser = store.superuser().await?;
        superuser.script("members", &format!("set bench.members = {}", self.members)).await?;
        superuser.script("bench/sql/live.sql", include_str!("../sql/live.sql")).await?;
        let people: Vec<Caller> = superuser.all(sql!("members"), &[]).await?;
        let keys = self.dir.join("keys");
        let signer = Signer::generate(&keys)?;
        let redis = self.redis.then(|| PrivateRedis::start(&self.dir.join("redis"), &[])).transpose()?;
        let url = redis.as_ref().map(PrivateRedis::url);
        let mut options = vec!["--outside-per-minute", "0", "--instances", "2", "--streams", "4000"];
        options.extend(url.iter().flat_map(|url| ["--redis-url", url]));
        let log = |n: u8| self.dir.join(format!("rowhouse-{n}.log"));
        fs::create_dir_all(&self.dir)?;
        let start = |n| {
            let (database, log, keys, options) = (store.api_url(), log(n), keys.clone(), options.clone());
            async move { Server::rowhouse(&database, &keys, Statements::Named, &log, &options).await }
        };
        let servers = [start(1).await?, start(2).await?];
        let world =
            Arc::new(World { servers, signer, http: reqwest::Client::new(), each: self.each, seen: Mutex::default() });
        let report = self.measure(&world, &superuser, &people).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(|error| Failure(error.to_string()))?);
        } else {
            println!("{report}");
        }
        Ok(if report.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn measure(&self, world: &Arc<World>, superuser: &AdminConn, people: &[Caller]) -> Result<Report, Failure> {
        // Each process has served some already, so that what all have in common is not counted.
        let warm: Vec<Socket> = connect(world, &people[..people.len().min(2 * AT_ONCE)]).await?;
        drop(warm);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = world.rss()?;
        say(&format!("{} clients of {} tenants connect", people.len(), self.tenants));
        let sockets = connect(world, people).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let clients = u32::try_from(people.len()).unwrap_or(u32::MAX);
        let kib_each = (world.rss()? - before) * 1024.0 / f64::from(clients);
        say(&format!("{kib_each:.1} KiB a connection; {} notifications for each", self.each));
        let done = Arc::new(Barrier::new(people.len() + 1));
        let clients: Vec<_> = people
            .iter()
            .zip(sockets)
            .enumerate()
            .map(|(n, (caller, socket))| tokio::spawn(follow(world.clone(), n, *caller, socket, done.clone())))
            .collect();
        self.tell(superuser, people).await?;
        say("everybody reads to the end");
        let _ = timeout(PATIENCE, done.wait()).await;
        // Whoever has all waits for what is not theirs, and then for the end.
        say(&format!("{} sessions are ended", self.revoked.min(people.len())));
        let mut ended = Vec::new();
        for caller in people.iter().take(self.revoked) {
            superuser
                .script("end", &format!("delete from registry.sessions where user_id = '{}'", caller.user))
                .await?;
            ended.push(Instant::now());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut closed = Histogram::default();
        for (n, client) in clients.into_iter().enumerate() {
            if n >= ended.len() {
                client.abort();
                continue;
            }
            match timeout(PATIENCE, client).await {
                Ok(Ok(Some(at))) => closed.add(at.saturating_duration_since(ended[n])),
                other => world.wrong(&format!("the stream of client {n} did not end as it should: {other:?}")),
            }
        }
        let seen = world.seen();
        if let Some(wrong) = &seen.first_wrong {
            say(&format!("the first that was wrong: {wrong}"));
        }
        Ok(Report {
            joined_by: if self.redis { "Redis" } else { "PostgreSQL" },
            clients: people.len(),
            tenants: self.tenants,
            notifications: u64::from(self.each) * people.len() as u64,
            reconnects: seen.reconnects,
            kib_each,
            wrong: seen.wrong,
            told: seen.told.percentiles(),
            closed: closed.percentiles(),
        })
    }

    /// Tells everybody, a tenant at a time, as the house's own function does, and wakes the tenant as a server's pool would.
    async fn tell(&self, superuser: &AdminConn, people: &[Caller]) -> Result<(), Failure> {
        let mut tenants: Vec<Uuid> = people.iter().map(|caller| caller.tenant).collect();
        tenants.sort_unstable();
        tenants.dedup();
        let pause = Duration::from_secs(self.round_seconds) / u32::try_from(tenants.len()).unwrap_or(1);
        for n in 0..self.each {
            for tenant in &tenants {
                let begun = Instant::now();
                let tell = format!(
                    "do $$ begin
                       perform registry.notify_member(tenant_id, user_id, 'member.joined', user_id || ' {n}', null,
                           jsonb_build_object('at_us', (extract(epoch from clock_timestamp()) * 1000000)::bigint))
                       from tenant.memberships where tenant_id = '{tenant}';
                       notify rowhouse_wake, '{tenant}';
                     end $$"
                );
                superuser.script("tell", &tell).await?;
                tokio::time::sleep(pause.saturating_sub(begun.elapsed())).await;
            }
        }
        Ok(())
    }
}

/// Opens one for each of these, some at a time, on the instances in turn.
async fn connect(world: &Arc<World>, people: &[Caller]) -> Result<Vec<Socket>, Failure> {
    let opened = people.iter().enumerate().map(|(n, caller)| world.open(n % 2, *caller, None));
    let opened: Vec<Result<Socket, Failure>> = stream::iter(opened).buffered(AT_ONCE).collect().await;
    opened.into_iter().collect()
}

/// Receives all that is told, being cut off now and then; then waits for the end. When that came; none where it went wrong.
async fn follow(
    world: Arc<World>,
    n: usize,
    caller: Caller,
    mut socket: Socket,
    done: Arc<Barrier>,
) -> Option<Instant> {
    let (mut on, mut next) = (n % 2, 0);
    while next < world.each {
        let item = match timeout(PATIENCE, hear(&mut socket)).await {
            Ok(Ok(item)) if item["type"] == "item" => item,
            other => {
                world.wrong(&format!("instead of number {next} came {other:?}"));
                break;
            }
        };
        let (title, wanted) = (item["data"]["title"].as_str().unwrap_or_default(), format!("{} {next}", caller.user));
        if title != wanted {
            world.wrong(&format!("{title} instead of {wanted}"));
        }
        let took = now().as_microsecond() - item["data"]["data"]["at_us"].as_i64().unwrap_or_default();
        world.seen().told.add(Duration::from_micros(u64::try_from(took).unwrap_or_default()));
        next += 1;
        // Everybody now and then, on another beat.
        if (next as usize + n).is_multiple_of(11) {
            world.seen().reconnects += 1;
            on = 1 - on;
            match world.open(on, caller, item["position"].as_str()).await {
                Ok(again) => socket = again,
                Err(failure) => world.wrong(&failure.to_string()),
            }
        }
    }
    done.wait().await;
    loop {
        match socket.next().await {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Text(said))) if says_where_it_stands(&said) => {}
            Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 4401 => return Some(Instant::now()),
            other => {
                world.wrong(&format!("after all that was its own came {other:?}"));
                return None;
            }
        }
    }
}

/// What is told once a minute to whoever is told nothing else (docs/live.md).
fn says_where_it_stands(said: &str) -> bool {
    serde_json::from_str::<Value>(said).is_ok_and(|said| said["type"] == "position")
}

async fn hear(socket: &mut Socket) -> Result<Value, Failure> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(said))) if says_where_it_stands(&said) => {}
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text).map_err(|error| Failure(error.to_string()));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => return Err(Failure(format!("the connection said {other:?}"))),
        }
    }
}

impl World {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrong(&self, what: &str) {
        let mut seen = self.seen();
        seen.wrong += 1;
        seen.first_wrong.get_or_insert_with(|| what.to_owned());
    }

    /// Of both instances, in MiB.
    fn rss(&self) -> Result<f64, Failure> {
        self.servers.iter().map(|server| Memory::of(server.pid).map(|memory| memory.rss)).sum()
    }

    /// A WebSocket on one of the instances, with a ticket of the other, that follows notifications from a position or from now on.
    async fn open(&self, on: usize, caller: Caller, position: Option<&str>) -> Result<Socket, Failure> {
        let failed = |error: &dyn fmt::Display| Failure(format!("a WebSocket could not be opened: {error}"));
        let token = self.signer.token(caller.tenant, caller.user)?;
        let ask = self.http.post(format!("{}/api/v1/auth/ws-ticket", self.servers[1 - on].base_url)).bearer_auth(token);
        let answer: Value =
            ask.send().await.map_err(|error| failed(&error))?.json().await.map_err(|error| failed(&error))?;
        let ticket = answer["ticket"].as_str().ok_or_else(|| failed(&answer))?;
        let address = self.servers[on].address()?;
        let tcp = TcpStream::connect(address).await?;
        let (mut socket, _) = client_async(format!("ws://{address}/api/v1/live?ticket={ticket}"), tcp)
            .await
            .map_err(|error| failed(&error))?;
        let subscribe = json!({ "type": "subscribe", "topic": "notifications", "after": position });
        socket.send(Message::text(subscribe.to_string())).await.map_err(|error| failed(&error))?;
        let said = hear(&mut socket).await?;
        if said["type"] == "subscribed" { Ok(socket) } else { Err(failed(&said)) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { joined_by, clients, tenants, notifications, reconnects, kib_each, wrong, told, closed } = self;
        writeln!(f, "\n{clients} WebSockets of {tenants} tenants on two instances joined by {joined_by}.")?;
        writeln!(
            f,
            "{notifications} notifications, {reconnects} reconnects; told wrongly, twice, out of order or not at all: {wrong}."
        )?;
        writeln!(f, "{kib_each:.1} KiB of the servers' memory for each connection.")?;
        for (what, times) in
            [("from written to received", told), ("from the end of a session to the end of its stream", closed)]
        {
            if let Some(Percentiles { p50, p95, p99, longest }) = times {
                writeln!(f, "Milliseconds {what}: median {p50:.1}, p95 {p95:.1}, p99 {p99:.1}, longest {longest:.1}.")?;
            }
        }
        Ok(())
    }
}
