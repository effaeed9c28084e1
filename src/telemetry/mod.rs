//! Logs: JSON, one line an event, in production; readable lines in a terminal.
mod lines;

use std::{
    fmt::Write as _,
    io::{IsTerminal as _, stderr},
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::ValueEnum;
use rowhouse_pg::new_id;
use tokio::task::futures::TaskLocalFuture;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{LevelFilter, filter_fn},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt,
};
use uuid::Uuid;

pub use self::lines::Lines;
use crate::error::Failure;

tokio::task_local! {
    static TRACE: Trace;
}

/// What the log lines of one request have in common. Not a span: formatting one as JSON, and once more
/// when the tenant becomes known, cost a third of what a whole request costs.
#[derive(Clone, Debug)]
pub struct Trace(Arc<Told>);

/// 32 hexadecimal digits, in lower case and not all of them zero (W3C Trace Context §3.2.2.3).
#[derive(Clone, Copy, Debug)]
pub struct TraceId([u8; 32]);

impl TraceId {
    /// A new one.
    #[must_use]
    pub fn made() -> Self {
        let mut digits = [0; 32];
        new_id().simple().encode_lower(&mut digits);
        Self(digits)
    }

    /// One that somebody gave.
    #[must_use]
    pub fn read(given: &str) -> Option<Self> {
        let digits: [u8; 32] = given.as_bytes().try_into().ok()?;
        let fits = digits.iter().all(u8::is_ascii_hexdigit) && digits.iter().any(|digit| *digit != b'0');
        fits.then(|| Self(digits.map(|digit| digit.to_ascii_lowercase())))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("-")
    }
}

#[derive(Debug)]
struct Told {
    id: TraceId,
    tenant: OnceLock<Uuid>,
    address: OnceLock<IpAddr>,
    /// Microseconds.
    held: AtomicU64,
}

impl Trace {
    /// Of a request with this trace id.
    #[must_use]
    pub fn new(id: TraceId) -> Self {
        Self(Arc::new(Told { id, tenant: OnceLock::new(), address: OnceLock::new(), held: AtomicU64::new(0) }))
    }

    /// The trace id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.id.as_str()
    }

    /// The tenant, once it is known.
    #[must_use]
    pub fn tenant(&self) -> Option<Uuid> {
        self.0.tenant.get().copied()
    }

    /// Runs a future as a part of this request.
    pub fn scope<F: Future>(&self, future: F) -> TaskLocalFuture<Self, F> {
        TRACE.scope(self.clone(), future)
    }
}

/// Notes the tenant of the request that is being served.
pub fn note_tenant(tenant: Uuid) {
    let _ = TRACE.try_with(|trace| trace.0.tenant.set(tenant));
}

/// Notes where the request that is being served came from.
pub fn note_address(address: IpAddr) {
    let _ = TRACE.try_with(|trace| trace.0.address.set(address));
}

/// The trace id of the request that is being served, and after a space where it came from, if that is known; none outside any.
#[must_use]
pub fn origin() -> Option<String> {
    TRACE
        .try_with(|trace| {
            let mut origin = String::with_capacity(80);
            origin.push_str(trace.id());
            if let Some(address) = trace.0.address.get() {
                let _ = write!(origin, " {address}");
            }
            origin
        })
        .ok()
}

/// Notes for how long the request that is being served held a connection to PostgreSQL.
pub fn note_held(time: Duration) {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let _ = TRACE.try_with(|trace| trace.0.held.fetch_add(micros, Ordering::Relaxed));
}

/// For how long it has, so far.
#[must_use]
pub fn held() -> Duration {
    Duration::from_micros(TRACE.try_with(|trace| trace.0.held.load(Ordering::Relaxed)).unwrap_or_default())
}

/// The trace id of the request that is being served; a hyphen outside any.
#[must_use]
pub fn trace_id() -> String {
    TRACE.try_with(|trace| trace.id().to_owned()).unwrap_or_else(|_| "-".to_owned())
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Readable in a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Logging, for as long as the process runs: what was logged last is written before this is gone.
#[must_use = "what was logged last is written when it is dropped"]
pub struct Logging(Option<Lines>);

impl Drop for Logging {
    fn drop(&mut self) {
        if let Some(lines) = &self.0 {
            lines.flush();
        }
    }
}

/// Starts logging to standard error. `filter` is like `info,rowhouse=debug`. A server's lines are gathered
/// ([`Lines`]); those of a command stand where they belong between what it prints.
pub fn start(format: LogFormat, filter: &str, gathered: bool) -> Result<Logging, Failure> {
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !stderr().is_terminal(),
    };
    if !gathered {
        init(subscriber(json, filter, stderr)?)?;
        return Ok(Logging(None));
    }
    let lines = Lines::to(stderr())?;
    init(subscriber(json, filter, lines.clone())?)?;
    let (told, last) = (std::panic::take_hook(), lines.clone());
    std::panic::set_hook(Box::new(move |panic| {
        // What led to it comes before it.
        last.flush();
        told(panic);
    }));
    Ok(Logging(Some(lines)))
}

fn init(subscriber: impl SubscriberInitExt) -> Result<(), Failure> {
    subscriber.try_init().map_err(|error| Failure(format!("logging cannot start: {error}")))
}

/// What takes events and writes lines.
pub fn subscriber<W>(json: bool, filter: &str, writer: W) -> Result<impl Subscriber + Send + Sync, Failure>
where
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(filter)
        .map_err(|error| Failure(format!("the log filter {filter:?} cannot be read: {error}")))?;
    // Below warnings these print statements with their parameters, and migrations. Whatever the filter
    // says, that is not for a log; so it is a filter of its own.
    let quiet = filter_fn(|metadata| {
        let talkative =
            ["tokio_postgres", "postgres", "refinery"].iter().any(|name| metadata.target().starts_with(name));
        !talkative || *metadata.level() <= tracing::Level::WARN
    });
    // Without the hint every trace line of every dependency would be weighed, some twenty a request.
    let quiet = quiet.with_max_level_hint(filter.max_level_hint().unwrap_or(LevelFilter::TRACE));
    let lines = if json {
        fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(writer)
            .boxed()
    } else {
        fmt::layer().compact().with_target(false).with_writer(writer).boxed()
    };
    Ok(tracing_subscriber::registry().with(filter).with(quiet).with(lines))
}
