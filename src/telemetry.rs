//! Logs: JSON, one line an event, in production; readable lines in a terminal.
use std::{
    io::IsTerminal as _,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::ValueEnum;
use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, filter_fn},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use uuid::Uuid;

use crate::error::Failure;

tokio::task_local! {
    static TRACE: Trace;
}

/// What the log lines of one request have in common. Not a span: formatting one as JSON, and once more
/// when the tenant becomes known, cost a third of what a whole request costs.
#[derive(Clone, Debug)]
pub struct Trace(Arc<Told>);

#[derive(Debug)]
struct Told {
    id: String,
    tenant: OnceLock<Uuid>,
    /// Microseconds.
    held: AtomicU64,
}

impl Trace {
    /// Of a request with this trace id.
    #[must_use]
    pub fn new(id: String) -> Self {
        Self(Arc::new(Told { id, tenant: OnceLock::new(), held: AtomicU64::new(0) }))
    }

    /// The trace id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The tenant, once it is known.
    #[must_use]
    pub fn tenant(&self) -> Option<Uuid> {
        self.0.tenant.get().copied()
    }

    /// Runs a future as a part of this request.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        TRACE.scope(self, future).await
    }
}

/// Notes the tenant of the request that is being served.
pub fn note_tenant(tenant: Uuid) {
    let _ = TRACE.try_with(|trace| trace.0.tenant.set(tenant));
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

/// Starts logging to standard error. `filter` is like `info,rowhouse=debug`.
pub fn start(format: LogFormat, filter: &str) -> Result<(), Failure> {
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
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter).with(quiet);
    let started = if json {
        let lines = fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
        registry.with(lines.with_writer(std::io::stderr)).try_init()
    } else {
        registry.with(fmt::layer().compact().with_target(false).with_writer(std::io::stderr)).try_init()
    };
    started.map_err(|error| Failure(format!("logging cannot start: {error}")))
}
