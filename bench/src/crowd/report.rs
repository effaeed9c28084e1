//! What `bench/run load` found, as JSON and as tables.
use std::{fmt, time::Duration};

use serde::Serialize;

use super::{
    Load,
    caller::{Cached, Counted},
    mix::Kind,
};
use crate::{
    cpu::Cores,
    histogram::{Histogram, Percentiles},
    memory::Memory,
    report::processor,
};

/// Errors that are shown.
const SHOWN: usize = 10;

#[derive(Serialize)]
pub(super) struct Report {
    with_pauses: Phased,
    #[serde(skip_serializing_if = "Option::is_none")]
    saturated: Option<Phased>,
    per_request: Mean,
    memory_mib: Resident,
    /// Connections that the server had closed, and that were opened again.
    reopened: usize,
    machine: Machine,
}

/// One way of asking.
#[derive(Serialize)]
pub(super) struct Phased {
    requests: u64,
    requests_per_second: f64,
    errors: u64,
    all_ms: Option<Percentiles>,
    kinds: Vec<ByKind>,
    cache_hits_percent: Option<f64>,
    /// How late requests left, after the time that they had; that is part of what they took.
    left_late_ms: Option<Percentiles>,
    /// Kept busy meanwhile.
    cores: Cores,
    /// When there was most.
    memory_mib: Memory,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct ByKind {
    kind: Kind,
    requests: u64,
    errors: u64,
    ms: Option<Percentiles>,
    cache_hits_percent: Option<f64>,
}

#[derive(Serialize)]
struct Refused {
    kind: Kind,
    /// What was answered instead, or why nothing was.
    answer: String,
    count: u64,
    body: String,
}

/// What a request costs PostgreSQL, on average.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Mean {
    statements: f64,
    transactions: f64,
}

/// The server's memory.
#[derive(Serialize)]
pub(super) struct Resident {
    pub(super) at_rest: Memory,
    pub(super) signed_in: Memory,
    pub(super) at_the_end: Memory,
}

#[derive(Serialize)]
struct Machine {
    cpu: String,
    cores: usize,
    postgresql: u32,
    callers: u32,
    tenants: u32,
    seconds: u32,
    saturated_seconds: u32,
    think_ms: u32,
    login_every_seconds: u32,
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run")]
impl Mean {
    pub(super) fn new(statements: i64, transactions: i64, requests: u64) -> Self {
        Self { statements: statements as f64 / requests as f64, transactions: transactions as f64 / requests as f64 }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run")]
impl Phased {
    pub(super) fn new(counted: Counted, time: Duration, cores: Cores, memory: Memory) -> Self {
        let hits = |cached: &Cached| cached.hits as f64 * 100.0 / cached.asked as f64;
        let (mut all, mut kinds, mut cached) = (Histogram::default(), Vec::new(), Cached::default());
        for kind in Kind::ALL {
            let Some(times) = counted.times.get(&kind) else { continue };
            all.merge(times);
            let of_kind = counted.cache.get(&kind);
            if let Some(Cached { hits, asked }) = of_kind {
                cached.hits += hits;
                cached.asked += asked;
            }
            let errors = counted.errors.iter().filter(|((of, _), _)| *of == kind).map(|(_, (count, _))| count).sum();
            kinds.push(ByKind {
                kind,
                requests: times.count(),
                errors,
                ms: times.percentiles(),
                cache_hits_percent: of_kind.map(hits),
            });
        }
        let mut refused: Vec<Refused> = counted
            .errors
            .into_iter()
            .map(|((kind, answer), (count, body))| Refused { kind, answer, count, body })
            .collect();
        refused.sort_by_key(|refused| std::cmp::Reverse(refused.count));
        Self {
            requests: all.count(),
            requests_per_second: all.count() as f64 / time.as_secs_f64(),
            errors: refused.iter().map(|refused| refused.count).sum(),
            all_ms: all.percentiles(),
            kinds,
            cache_hits_percent: (cached.asked > 0).then(|| hits(&cached)),
            left_late_ms: counted.lateness.percentiles(),
            cores,
            memory_mib: memory,
            refused,
        }
    }

    fn p95(&self) -> f64 {
        self.all_ms.map_or(f64::INFINITY, |all| all.p95)
    }

    fn p99(&self) -> f64 {
        self.all_ms.map_or(f64::INFINITY, |all| all.p99)
    }
}

impl Report {
    pub(super) fn new(
        load: &Load,
        postgresql: u32,
        with_pauses: Phased,
        saturated: Option<Phased>,
        per_request: Mean,
        memory: Resident,
        reopened: usize,
    ) -> Self {
        let (cpu, cores) = processor();
        let Load { callers, tenants, seconds, saturated_seconds, think_ms, login_every, .. } = *load;
        let machine = Machine {
            cpu,
            cores,
            postgresql,
            callers,
            tenants,
            seconds,
            saturated_seconds,
            think_ms,
            login_every_seconds: login_every,
        };
        Self { with_pauses, saturated, per_request, memory_mib: memory, reopened, machine }
    }

    /// What is not as it should be.
    pub(super) fn complaints(&self, wanted: &Load) -> Vec<String> {
        let mut complaints = Vec::new();
        let phases = [Some(&self.with_pauses), self.saturated.as_ref()];
        let errors: u64 = phases.into_iter().flatten().map(|phase| phase.errors).sum();
        if errors > 0 {
            complaints.push(format!("{errors} requests were not answered as they should"));
        }
        let saturated = self.saturated.as_ref().map_or(0.0, Phased::p95);
        for (what, unit, is, may_be) in [
            ("95 of 100 requests with pauses take", "ms", self.with_pauses.p95(), wanted.p95),
            ("99 of 100 requests with pauses take", "ms", self.with_pauses.p99(), wanted.p99),
            ("95 of 100 requests without pauses take", "ms", saturated, wanted.saturated_p95),
            ("the server keeps", "MiB of memory", self.memory_mib.at_the_end.peak, wanted.memory),
        ] {
            if is > may_be {
                complaints.push(format!("{what} {is:.1} {unit}, and {may_be} are wanted at most"));
            }
        }
        complaints
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            cpu,
            cores,
            postgresql,
            callers,
            tenants,
            seconds,
            saturated_seconds,
            think_ms,
            login_every_seconds,
        } = &self.machine;
        writeln!(f, "\n{callers} callers of {tenants} tenants, PostgreSQL {postgresql}, {cores} cores of {cpu}.")?;
        writeln!(
            f,
            "Each signs in every {login_every_seconds} s. Milliseconds, from the time at which a request was to leave."
        )?;
        writeln!(f, "\n{seconds} s, each caller every {think_ms} ms (means; exponentially distributed)")?;
        self.with_pauses.fmt(f)?;
        if let Some(saturated) = &self.saturated {
            writeln!(f, "\n{saturated_seconds} s, each caller as fast as they are answered")?;
            saturated.fmt(f)?;
        }
        let Mean { statements, transactions } = self.per_request;
        writeln!(
            f,
            "\nA request takes {statements:.2} statements in {transactions:.2} transactions; {} connections were opened again.",
            self.reopened
        )?;
        writeln!(
            f,
            "\n{:<34}{:>10}{:>12}{:>10}{:>10}",
            "the server's memory, MiB", "resident", "anonymous", "file", "peak"
        )?;
        let Resident { at_rest, signed_in, at_the_end } = &self.memory_mib;
        let saturated = self.saturated.as_ref().map(|phase| ("without pauses, when most", &phase.memory_mib));
        let rows = [
            ("at rest", at_rest),
            ("when all have signed in", signed_in),
            ("with pauses, when most", &self.with_pauses.memory_mib),
        ];
        for (name, memory) in rows.into_iter().chain(saturated).chain([("at the end", at_the_end)]) {
            let Memory { rss, anonymous, file, peak } = memory;
            writeln!(f, "{name:<34}{rss:>10.1}{anonymous:>12.1}{file:>10.1}{peak:>10.1}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Phased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<10}{:>10}{:>9}{:>9}{:>9}{:>10}{:>8}{:>10}",
            "", "requests", "p50", "p95", "p99", "longest", "errors", "hits, %"
        )?;
        let hits = |percent: Option<f64>| percent.map_or("–".to_owned(), |percent| format!("{percent:.1}"));
        for ByKind { kind, requests, errors, ms, cache_hits_percent } in &self.kinds {
            write_row(f, &kind.to_string(), *requests, *ms, *errors, &hits(*cache_hits_percent))?;
        }
        write_row(f, "all", self.requests, self.all_ms, self.errors, &hits(self.cache_hits_percent))?;
        let Cores { rowhouse, postgresql, ours, others } = self.cores;
        writeln!(
            f,
            "{:.0} requests/s; cores: Rowhouse {rowhouse:.2}, PostgreSQL {postgresql:.2}, the callers {ours:.2}, everything else {others:.2}.",
            self.requests_per_second
        )?;
        if let Some(Percentiles { p50, p99, .. }) = self.left_late_ms {
            writeln!(f, "Requests left late by {p50:.2} ms (p50), {p99:.2} ms (p99), which is counted.")?;
        }
        for Refused { kind, answer, count, body } in self.refused.iter().take(SHOWN) {
            let body: String = body.chars().take(200).collect();
            writeln!(f, "error: {count} × {kind} was answered {answer} {body}")?;
        }
        Ok(())
    }
}

fn write_row(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    requests: u64,
    times: Option<Percentiles>,
    errors: u64,
    hits: &str,
) -> fmt::Result {
    write!(f, "{name:<10}{requests:>10}")?;
    match times {
        Some(Percentiles { p50, p95, p99, longest }) => {
            write!(f, "{p50:>9.2}{p95:>9.2}{p99:>9.2}{longest:>10.1}")?;
        }
        None => write!(f, "{:>37}", "–")?,
    }
    writeln!(f, "{errors:>8}{hits:>10}")
}
