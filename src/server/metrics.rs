//! Metrics for Prometheus (`OpenMetrics` 1.0) and how the server stands, on an address of their own: they are of all tenants
//! together, so nobody who calls the API may see them, and none names a tenant.
use std::fmt;

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use crate::{
    api::health,
    app::App,
    cache::CacheFigures,
    jobs::Worker,
    limits::LimitFigures,
    live::LiveFigures,
    work::letters::{Post, Waiting},
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics` and `GET /readyz`, and nothing else.
pub fn router(app: &App) -> Router {
    let figures = Metrics(app.clone());
    let app = app.clone();
    let ready = move || async move { health::details(&app).await };
    let answer = move || async move { written(Box::new(figures)) };
    Router::new().route("/metrics", get(answer)).route("/readyz", get(ready)).fallback(|| async { not_found() })
}

/// `GET /metrics` of a worker, and nothing else.
pub fn worker_router(worker: &Worker, post: Option<&Post>) -> Router {
    let figures = JobMetrics(worker.clone(), post.cloned());
    let answer = move || async move { written(Box::new(figures)) };
    Router::new().route("/metrics", get(answer)).fallback(|| async { not_found() })
}

fn written(figures: Box<dyn Collector>) -> Response {
    let mut registry = Registry::default();
    registry.register_collector(figures);
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "figures cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[derive(Clone)]
struct JobMetrics(Worker, Option<Post>);

impl Collector for JobMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Self(worker, post) = self;
        if let Some(post) = post {
            letters(&mut encoder, post)?;
        }
        let help = "Attempts at jobs that have ended here, by kind and by what came of them";
        let mut metric = encoder.encode_descriptor("rowhouse_jobs_attempts", help, None, MetricType::Counter)?;
        for ((kind, outcome), count) in worker.figures().ended() {
            let labels = [("kind", kind.as_str()), ("outcome", outcome)];
            ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
        }
        let waiting = worker.figures().waiting();
        let jobs: Vec<_> = waiting.iter().map(|of| (of.kind.as_str(), of.jobs)).collect();
        let help = "Jobs that wait and are due, by kind, of all tenants together";
        gauges(&mut encoder, ("rowhouse_jobs_waiting", help), "kind", &jobs)?;
        let help = "For how long the first of them has been due, by kind";
        let mut metric = encoder.encode_descriptor("rowhouse_jobs_oldest_seconds", help, None, MetricType::Gauge)?;
        for of in &waiting {
            ConstGauge::new(of.seconds).encode(metric.encode_family(&[("kind", of.kind.as_str())])?)?;
        }
        let (running, slots) = worker.slots();
        gauge(&mut encoder, "rowhouse_jobs_running", "Jobs under way here", whole(running))?;
        gauge(&mut encoder, "rowhouse_jobs_slots", "Jobs there may be under way here", whole(slots))
    }
}

fn letters(encoder: &mut DescriptorEncoder<'_>, post: &Post) -> fmt::Result {
    let help = "Tries at letters that have ended here, by what came of them";
    counters(encoder, ("rowhouse_letters_tried", help), "outcome", &post.figures().tried())?;
    let Waiting { waiting, seconds, dead } = post.figures().waiting();
    gauge(encoder, "rowhouse_letters_waiting", "Letters that are written and not sent", waiting)?;
    gauge(encoder, "rowhouse_letters_dead", "Letters that were given up", dead)?;
    let help = "How long ago the first letter that waits was written";
    let metric = encoder.encode_descriptor("rowhouse_letters_oldest_seconds", help, None, MetricType::Gauge)?;
    ConstGauge::new(seconds).encode(metric)
}

impl fmt::Debug for JobMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobMetrics")
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "figures are at /metrics, and how it stands at /readyz\n").into_response()
}

#[derive(Clone)]
struct Metrics(App);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Self(app) = self;
        let CacheFigures { hits, misses, bypassed, refused } = app.cache.figures();
        let answers = [("hit", hits), ("miss", misses), ("bypassed", bypassed), ("refused", refused)];
        let help = "Answers that could come from the cache, by what became of them";
        counters(&mut encoder, ("rowhouse_cache_answers", help), "outcome", &answers)?;
        let LimitFigures { by_redis, by_lease, by_process, refused } = app.limits.figures();
        let help = "Times somebody was let through or refused by a limit of a minute, by who kept the count";
        let verdicts = [("redis", by_redis), ("lease", by_lease), ("process", by_process)];
        counters(&mut encoder, ("rowhouse_limits_verdicts", help), "by", &verdicts)?;
        let help = "Requests that were refused with 429, by the policy that refused them";
        counters(&mut encoder, ("rowhouse_limits_refused", help), "policy", &refused)?;
        if app.cache.kind() == "redis" {
            let there = i64::from(app.cache.available());
            gauge(&mut encoder, "rowhouse_redis_up", "Whether Redis answers; at 0 the server goes on without", there)?;
        }
        let LiveFigures { open, closed } = app.live.figures();
        let open = open.map(|(kind, streams)| (kind, whole(streams)));
        gauges(&mut encoder, ("rowhouse_streams_open", "Streams that are followed here, by kind"), "kind", &open)?;
        let help = "Streams that have ended here, by kind and by why";
        let mut metric = encoder.encode_descriptor("rowhouse_streams_closed", help, None, MetricType::Counter)?;
        for (kind, reason, count) in closed {
            ConstCounter::new(count).encode(metric.encode_family(&[("kind", kind), ("reason", reason)])?)?;
        }
        let pools = app.db.sizes();
        let help = "Connections to PostgreSQL, in use or idle, by pool";
        let open = pools.map(|(pool, connections, _)| (pool, whole(connections)));
        gauges(&mut encoder, ("rowhouse_database_connections", help), "pool", &open)?;
        let help = "Connections to PostgreSQL there may be, by pool";
        let most = pools.map(|(pool, _, most)| (pool, whole(most)));
        gauges(&mut encoder, ("rowhouse_database_connections_max", help), "pool", &most)
    }
}

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    label: &str,
    values: &[(&str, u64)],
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (value, count) in values {
        ConstCounter::new(*count).encode(metric.encode_family(&[(label, *value)])?)?;
    }
    Ok(())
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    label: &str,
    values: &[(&str, i64)],
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (value, number) in values {
        ConstGauge::new(*number).encode(metric.encode_family(&[(label, *value)])?)?;
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
