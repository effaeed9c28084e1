//! Logs: JSON, one line an event, in production; readable lines in a terminal.
use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, filter_fn},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::error::Failure;

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
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter).with(quiet);
    let started = if json {
        let lines = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
        registry.with(lines.with_writer(std::io::stderr)).try_init()
    } else {
        registry.with(fmt::layer().compact().with_target(false).with_writer(std::io::stderr)).try_init()
    };
    started.map_err(|error| Failure(format!("logging cannot start: {error}")))
}
