//! What `bench/run growth` found, as JSON and as tables.
use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::{
    Growth,
    axes::{Axis, Subject},
    drive::Answers,
};
use crate::{
    cpu::Cores,
    figures::{median, round},
    memory::Memory,
    report::processor,
};

/// Errors that are shown.
const SHOWN: usize = 5;

/// What one measurement found. CPU in microseconds per request.
#[derive(Clone, Copy)]
pub(super) struct Figures {
    pub(super) rps: f64,
    p50_ms: f64,
    p99_ms: f64,
    api_cpu_us: f64,
    pg_cpu_us: f64,
    /// Cores that everything else on the machine kept busy.
    others: f64,
}

impl Figures {
    #[expect(clippy::cast_precision_loss, reason = "counts of a run")]
    pub(super) fn new(answers: &Answers, time: Duration, cores: Cores) -> Self {
        let rps = answers.times.count() as f64 / time.as_secs_f64();
        let times = answers.times.percentiles();
        Self {
            rps,
            p50_ms: times.map_or(f64::NAN, |times| times.p50),
            p99_ms: times.map_or(f64::NAN, |times| times.p99),
            api_cpu_us: cores.rowhouse * 1e6 / rps,
            pg_cpu_us: cores.postgresql * 1e6 / rps,
            others: cores.others,
        }
    }
}

/// All measurements of what is compared, round by round.
#[derive(Default)]
pub(super) struct Measured(BTreeMap<usize, Taken>);

struct Taken {
    value: String,
    operation: &'static str,
    first: bool,
    rounds: BTreeMap<u32, Figures>,
    errors: BTreeMap<String, u64>,
}

impl Measured {
    pub(super) fn add(
        &mut self,
        number: usize,
        round: u32,
        subject: &Subject,
        figures: Figures,
        errors: BTreeMap<String, u64>,
    ) {
        let taken = self.0.entry(number).or_insert_with(|| Taken {
            value: subject.value.clone(),
            operation: subject.operation,
            first: subject.first,
            rounds: BTreeMap::new(),
            errors: BTreeMap::new(),
        });
        taken.rounds.insert(round, figures);
        for (error, count) in errors {
            *taken.errors.entry(error).or_default() += count;
        }
    }

    /// Medians, and medians of the ratios that were taken within a round.
    pub(super) fn rows(self, axis: Axis) -> Vec<Row> {
        let (mut rows, mut first) = (Vec::new(), BTreeMap::new());
        for taken in self.0.into_values() {
            if taken.first {
                first.clone_from(&taken.rounds);
            }
            let all = |of: fn(&Figures) -> f64, digits| {
                round(median(taken.rounds.values().map(of)).unwrap_or(f64::NAN), digits)
            };
            let ratio = |of: fn(&Figures) -> f64| {
                let ratios = taken.rounds.iter().filter_map(|(round, one)| Some(of(one) / of(first.get(round)?)));
                round(median(ratios).unwrap_or(f64::NAN), 3)
            };
            rows.push(Row {
                axis,
                value: taken.value,
                operation: taken.operation,
                first: taken.first,
                rps: all(|one| one.rps, 0),
                p50_ms: all(|one| one.p50_ms, 3),
                p99_ms: all(|one| one.p99_ms, 3),
                api_cpu_us: all(|one| one.api_cpu_us, 1),
                pg_cpu_us: all(|one| one.pg_cpu_us, 1),
                others_cores: all(|one| one.others, 2),
                rps_ratio: ratio(|one| one.rps),
                p99_ratio: ratio(|one| one.p99_ms),
                api_cpu_ratio: ratio(|one| one.api_cpu_us),
                pg_cpu_ratio: ratio(|one| one.pg_cpu_us),
                errors: taken.errors,
            });
        }
        rows
    }
}

/// Medians of one value of what grows; ratios are to the first.
#[derive(Serialize)]
pub(super) struct Row {
    axis: Axis,
    value: String,
    operation: &'static str,
    /// What those that follow are compared with.
    first: bool,
    rps: f64,
    p50_ms: f64,
    p99_ms: f64,
    api_cpu_us: f64,
    pg_cpu_us: f64,
    others_cores: f64,
    rps_ratio: f64,
    p99_ratio: f64,
    api_cpu_ratio: f64,
    pg_cpu_ratio: f64,
    errors: BTreeMap<String, u64>,
}

/// What a server keeps in memory in some state.
#[derive(Serialize)]
pub(super) struct Held {
    what: &'static str,
    connections: usize,
    memory_mib: Memory,
    /// Beyond what the same server kept without connections, for each.
    per_connection_kib: Option<f64>,
    ratio_to_rest: f64,
}

impl Held {
    #[expect(clippy::cast_precision_loss, reason = "counts of connections")]
    pub(super) fn new(what: &'static str, memory_mib: Memory, rest: Memory, connections: Option<usize>) -> Self {
        Self {
            what,
            connections: connections.unwrap_or_default(),
            memory_mib,
            per_connection_kib: connections
                .map(|connections| round((memory_mib.rss - rest.rss) * 1024.0 / connections as f64, 1)),
            ratio_to_rest: round(memory_mib.rss / rest.rss, 2),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Report {
    rows: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Vec<Held>>,
    machine: Machine,
}

#[derive(Serialize)]
struct Machine {
    cpu: String,
    cores: usize,
    postgresql: u32,
    seconds: u32,
    rounds: u32,
    large: u32,
}

impl Report {
    pub(super) fn new(growth: &Growth, postgresql: u32, rows: Vec<Row>, memory: Option<Vec<Held>>) -> Self {
        let (cpu, cores) = processor();
        let Growth { seconds, rounds, large, .. } = *growth;
        Self { rows, memory, machine: Machine { cpu, cores, postgresql, seconds, rounds, large } }
    }

    pub(super) fn errors(&self) -> u64 {
        self.rows.iter().flat_map(|row| row.errors.values()).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpu, cores, postgresql, seconds, rounds, large } = &self.machine;
        writeln!(f, "\nPostgreSQL {postgresql}, {cores} cores of {cpu}; {rounds} rounds of {seconds} s; medians.")?;
        writeln!(f, "The large tenant has {large} projects. CPU in microseconds per request; times are to the first.")?;
        let mut last = None;
        for row in &self.rows {
            if last.replace(row.axis) != Some(row.axis) {
                writeln!(
                    f,
                    "\n{:<54}{:>10}{:>8}{:>8}{:>9}{:>8}{:>9}{:>8}{:>8}{:>8}",
                    row.axis.described(),
                    "requests/s",
                    "times",
                    "p50 ms",
                    "p99 ms",
                    "times",
                    "API CPU",
                    "times",
                    "PG CPU",
                    "times"
                )?;
            }
            writeln!(
                f,
                "{:<6}{:<48}{:>10.0}{:>8.2}{:>8.2}{:>9.2}{:>8.2}{:>9.1}{:>8.2}{:>8.1}{:>8.2}",
                row.operation,
                row.value,
                row.rps,
                row.rps_ratio,
                row.p50_ms,
                row.p99_ms,
                row.p99_ratio,
                row.api_cpu_us,
                row.api_cpu_ratio,
                row.pg_cpu_us,
                row.pg_cpu_ratio
            )?;
            for (error, count) in row.errors.iter().take(SHOWN) {
                let error: String = error.chars().take(200).collect();
                writeln!(f, "      error: {count} × {error}")?;
            }
        }
        if !self.rows.is_empty() {
            let others = median(self.rows.iter().map(|row| row.others_cores)).unwrap_or_default();
            writeln!(f, "\nEverything else on the machine kept {others:.2} cores busy (median).")?;
        }
        if let Some(memory) = &self.memory {
            writeln!(
                f,
                "\n{:<54}{:>12}{:>10}{:>12}{:>8}{:>8}{:>16}",
                "the server's memory, MiB", "connections", "resident", "anonymous", "file", "times", "KiB/connection"
            )?;
            for Held { what, connections, memory_mib, per_connection_kib, ratio_to_rest } in memory {
                let Memory { rss, anonymous, file, .. } = memory_mib;
                let each = per_connection_kib.map_or("–".to_owned(), |kib| format!("{kib:.1}"));
                writeln!(
                    f,
                    "{what:<54}{connections:>12}{rss:>10.1}{anonymous:>12.1}{file:>8.1}{ratio_to_rest:>8.2}{each:>16}"
                )?;
            }
        }
        Ok(())
    }
}
