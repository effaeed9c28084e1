//! Figures become medians, medians become ratios, and these a table or JSON.
use std::{collections::BTreeMap, fmt, fs, thread};

use rowhouse::error::Failure;
use serde::Serialize;

use crate::{
    Options,
    rig::{Contender, Operation},
    servers::POOL,
};

/// What one measurement found. CPU is user and system time per request, in microseconds.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Figures {
    pub(crate) rps: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_cpu_us: Option<f64>,
    pub(crate) pg_cpu_us: f64,
}

/// All measurements, round by round.
#[derive(Default)]
pub(crate) struct Measured(BTreeMap<(Operation, Contender), Vec<Figures>>);

impl Measured {
    pub(crate) fn add(&mut self, operation: Operation, contender: Contender, figures: Figures) {
        self.0.entry((operation, contender)).or_default().push(figures);
    }

    fn rounds(&self, operation: Operation, contender: Contender) -> &[Figures] {
        self.0.get(&(operation, contender)).map_or(&[], Vec::as_slice)
    }

    fn median(&self, operation: Operation, contender: Contender) -> Option<Figures> {
        let rounds = self.rounds(operation, contender);
        let all = |figure: fn(&Figures) -> Option<f64>| median(rounds.iter().filter_map(figure).collect());
        Some(Figures {
            rps: round(all(|figures| Some(figures.rps))?, 0),
            api_cpu_us: all(|figures| figures.api_cpu_us).map(|us| round(us, 1)),
            pg_cpu_us: round(all(|figures| Some(figures.pg_cpu_us))?, 1),
        })
    }

    /// One measurement against another, compared within each round: what slows a machine down for a while
    /// then slows both.
    fn ratios(
        &self,
        one: (Operation, Contender),
        other: (Operation, Contender),
        figure: fn(&Figures) -> Option<f64>,
    ) -> Vec<f64> {
        let (one, other) = (self.rounds(one.0, one.1), self.rounds(other.0, other.1));
        let pairs = one.iter().zip(other);
        pairs.filter_map(|(one, other)| Some(round(figure(one)? / figure(other)?, 3))).collect()
    }
}

/// One operation, done by all who can.
#[derive(Serialize)]
struct Comparison {
    #[serde(skip_serializing_if = "Option::is_none")]
    pgbench: Option<Figures>,
    minimal: Option<Figures>,
    rowhouse: Option<Figures>,
    rps_ratio_to_minimal: Option<f64>,
    api_cpu_ratio_to_minimal: Option<f64>,
    pg_cpu_ratio_to_minimal: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rps_ratio_to_pgbench: Option<f64>,
    /// To see how quiet the machine was.
    rps_ratio_to_minimal_by_round: Vec<f64>,
}

impl Comparison {
    fn new(measured: &Measured, operation: Operation) -> Self {
        use Contender::{Minimal, Pgbench, Rowhouse};
        let ratios = |to, figure| measured.ratios((operation, Rowhouse), (operation, to), figure);
        let by_round = ratios(Minimal, rps);
        Self {
            pgbench: measured.median(operation, Pgbench),
            minimal: measured.median(operation, Minimal),
            rowhouse: measured.median(operation, Rowhouse),
            rps_ratio_to_minimal: median(by_round.clone()),
            api_cpu_ratio_to_minimal: median(ratios(Minimal, api_cpu)),
            pg_cpu_ratio_to_minimal: median(ratios(Minimal, pg_cpu)),
            rps_ratio_to_pgbench: median(ratios(Pgbench, rps)),
            rps_ratio_to_minimal_by_round: by_round,
        }
    }

    fn rows(&self, name: &str) -> Vec<Row> {
        let one = Some(1.0);
        let mut rows = Vec::new();
        if let Some(pgbench) = &self.pgbench {
            rows.push(row(name, "pgbench", Some(pgbench), None, None));
        }
        rows.push(row(name, "minimal", self.minimal.as_ref(), one, one));
        let (rps, cpu) = (self.rps_ratio_to_minimal, self.api_cpu_ratio_to_minimal);
        rows.push(row(name, "rowhouse", self.rowhouse.as_ref(), rps, cpu));
        rows
    }
}

/// The same page length at both ends of a list, by Rowhouse.
#[derive(Serialize)]
struct Depth {
    page_1: Option<Figures>,
    page_900: Option<Figures>,
    rps_ratio_to_page_1: Option<f64>,
    api_cpu_ratio_to_page_1: Option<f64>,
    pg_cpu_ratio_to_page_1: Option<f64>,
}

impl Depth {
    fn new(measured: &Measured) -> Self {
        let (first, deep) = ((Operation::Page1, Contender::Rowhouse), (Operation::Page900, Contender::Rowhouse));
        let ratio = |figure| median(measured.ratios(deep, first, figure));
        Self {
            page_1: measured.median(first.0, first.1),
            page_900: measured.median(deep.0, deep.1),
            rps_ratio_to_page_1: ratio(rps),
            api_cpu_ratio_to_page_1: ratio(api_cpu),
            pg_cpu_ratio_to_page_1: ratio(pg_cpu),
        }
    }

    fn rows(&self) -> Vec<Row> {
        let one = Some(1.0);
        let (rps, cpu) = (self.rps_ratio_to_page_1, self.api_cpu_ratio_to_page_1);
        vec![
            row("page 1", "rowhouse", self.page_1.as_ref(), one, one),
            row("page 900", "rowhouse", self.page_900.as_ref(), rps, cpu),
        ]
    }
}

/// Where and how it was measured.
#[derive(Serialize)]
struct Machine {
    cpu: String,
    cores: usize,
    postgresql: u32,
    /// Work that others had for the machine in the minute before, as in `uptime`.
    load_before: f64,
    tenants: u32,
    projects_per_tenant: u32,
    seconds: u32,
    rounds: u32,
    http_connections: u32,
    postgresql_connections: u32,
}

/// Everything that was found.
#[derive(Serialize)]
pub(crate) struct Report {
    list: Comparison,
    get: Comparison,
    create: Comparison,
    page_900: Depth,
    machine: Machine,
}

impl Report {
    pub(crate) fn new(options: &Options, postgresql: u32, load_before: f64, measured: &Measured) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            list: Comparison::new(measured, Operation::List),
            get: Comparison::new(measured, Operation::Get),
            create: Comparison::new(measured, Operation::Create),
            page_900: Depth::new(measured),
            machine: Machine {
                cpu: model.map_or("unknown", |(_, model)| model.trim()).to_owned(),
                cores: thread::available_parallelism().map_or(1, usize::from),
                postgresql,
                load_before,
                tenants: options.tenants,
                projects_per_tenant: options.projects,
                seconds: options.seconds,
                rounds: options.rounds,
                http_connections: options.connections,
                postgresql_connections: POOL,
            },
        }
    }

    pub(crate) fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self).map_err(|error| Failure(error.to_string()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpu, cores, postgresql, load_before, tenants, projects_per_tenant, .. } = &self.machine;
        let Machine { seconds, rounds, http_connections, postgresql_connections, .. } = &self.machine;
        writeln!(
            f,
            "\n{tenants} tenants of {projects_per_tenant} projects; PostgreSQL {postgresql}; {cores} cores of {cpu}, load {load_before} before."
        )?;
        writeln!(
            f,
            "Medians of {rounds} rounds of {seconds} s; {http_connections} connections to the API, {postgresql_connections} to PostgreSQL. CPU in µs per request.\n"
        )?;
        let heads = ["", "", "requests/s", "API CPU", "PG CPU", "requests/s", "API CPU"];
        write_row(f, &["", "", "", "", "", "to minimal", "to minimal"].map(str::to_owned))?;
        write_row(f, &heads.map(str::to_owned))?;
        for (name, operation) in [("list", &self.list), ("get", &self.get), ("create", &self.create)] {
            write_rows(f, operation.rows(name))?;
        }
        write_row(f, &["", "", "", "", "", "to page 1", "to page 1"].map(str::to_owned))?;
        write_rows(f, self.page_900.rows())
    }
}

type Row = [String; 7];

fn row(name: &str, contender: &str, figures: Option<&Figures>, rps: Option<f64>, cpu: Option<f64>) -> Row {
    let number = |value: Option<f64>, digits| value.map_or("–".to_owned(), |value| format!("{value:.digits$}"));
    [
        name.to_owned(),
        contender.to_owned(),
        number(figures.map(|figures| figures.rps), 0),
        number(figures.and_then(|figures| figures.api_cpu_us), 1),
        number(figures.map(|figures| figures.pg_cpu_us), 1),
        number(rps, 2),
        number(cpu, 2),
    ]
}

fn write_rows(f: &mut fmt::Formatter<'_>, rows: Vec<Row>) -> fmt::Result {
    for row in rows {
        write_row(f, &row)?;
    }
    writeln!(f)
}

fn write_row(f: &mut fmt::Formatter<'_>, [name, contender, numbers @ ..]: &Row) -> fmt::Result {
    write!(f, "{name:<10}{contender:<10}")?;
    for number in numbers {
        write!(f, "{number:>12}")?;
    }
    writeln!(f)
}

fn rps(figures: &Figures) -> Option<f64> {
    Some(figures.rps)
}

fn api_cpu(figures: &Figures) -> Option<f64> {
    figures.api_cpu_us
}

fn pg_cpu(figures: &Figures) -> Option<f64> {
    Some(figures.pg_cpu_us)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(round(f64::midpoint(values[low], values[high]), 3))
}

fn round(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}
