//! The result, as `--json` prints it; table.rs prints it for people.
use std::{fs, thread};

use rowhouse::error::Failure;
use serde::Serialize;

use crate::{
    Options,
    figures::{API_CPU, Figures, Measured, PG_CPU, RPS},
    rig::{Contender, Operation},
    servers::POOL,
};

/// Everything that was found.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) list: Comparison,
    pub(crate) get: Comparison,
    pub(crate) create: Comparison,
    pub(crate) page_900: Depth,
    pub(crate) logins: Signing,
    pub(crate) machine: Machine,
}

/// One operation, done by all who can.
#[derive(Serialize)]
pub(crate) struct Comparison {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pgbench: Option<Figures>,
    pub(crate) minimal: Option<Figures>,
    pub(crate) rowhouse: Option<Figures>,
    pub(crate) rps_ratio_to_minimal: Option<f64>,
    pub(crate) api_cpu_ratio_to_minimal: Option<f64>,
    pg_cpu_ratio_to_minimal: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rps_ratio_to_pgbench: Option<f64>,
    /// How far the rounds lie apart.
    rps_ratio_to_minimal_by_round: Vec<f64>,
}

/// The same page length at both ends of a list, by Rowhouse.
#[derive(Serialize)]
pub(crate) struct Depth {
    pub(crate) page_1: Option<Figures>,
    pub(crate) page_900: Option<Figures>,
    pub(crate) rps_ratio_to_page_1: Option<f64>,
    pub(crate) api_cpu_ratio_to_page_1: Option<f64>,
    pg_cpu_ratio_to_page_1: Option<f64>,
}

/// The list while two hundred people sign in at once, by Rowhouse: hashing must not starve the requests.
#[derive(Serialize)]
pub(crate) struct Signing {
    pub(crate) list: Option<Figures>,
    pub(crate) list_while_logins: Option<Figures>,
    pub(crate) rps_ratio_to_list: Option<f64>,
    rps_ratio_to_list_by_round: Vec<f64>,
    /// Who got in each second meanwhile, in the measurement in the middle.
    pub(crate) signed_in_per_second: f64,
}

impl Signing {
    fn new(measured: &Measured, signed_in: &[f64]) -> Self {
        let [plain, busy] = [Operation::List, Operation::ListLogins].map(|operation| (operation, Contender::Rowhouse));
        let mut signed_in = signed_in.to_vec();
        signed_in.sort_by(f64::total_cmp);
        Self {
            list: measured.median(plain),
            list_while_logins: measured.median(busy),
            rps_ratio_to_list: measured.ratio(busy, plain, RPS),
            rps_ratio_to_list_by_round: measured.ratios(busy, plain, RPS),
            signed_in_per_second: signed_in.get(signed_in.len() / 2).copied().unwrap_or_default(),
        }
    }
}

/// Where and how it was measured.
#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    /// Cores that everything else on the machine kept busy meanwhile: the median of all measurements, and
    /// the worst.
    pub(crate) others_cores_median: f64,
    pub(crate) others_cores_worst: f64,
    pub(crate) postgresql: u32,
    pub(crate) tenants: u32,
    pub(crate) projects_per_tenant: u32,
    pub(crate) seconds: u32,
    pub(crate) rounds: u32,
    pub(crate) http_connections: u32,
    pub(crate) postgresql_connections: u32,
}

impl Report {
    pub(crate) fn new(options: &Options, postgresql: u32, measured: &Measured, signed_in: &[f64]) -> Self {
        Self {
            logins: Signing::new(measured, signed_in),
            list: Comparison::new(measured, Operation::List),
            get: Comparison::new(measured, Operation::Get),
            create: Comparison::new(measured, Operation::Create),
            page_900: Depth::new(measured),
            machine: Machine::new(options, postgresql, measured.others()),
        }
    }

    pub(crate) fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self).map_err(|error| Failure(error.to_string()))
    }
}

impl Comparison {
    fn new(measured: &Measured, operation: Operation) -> Self {
        let [pgbench, minimal, rowhouse] =
            [Contender::Pgbench, Contender::Minimal, Contender::Rowhouse].map(|contender| (operation, contender));
        Self {
            pgbench: measured.median(pgbench),
            minimal: measured.median(minimal),
            rowhouse: measured.median(rowhouse),
            rps_ratio_to_minimal: measured.ratio(rowhouse, minimal, RPS),
            api_cpu_ratio_to_minimal: measured.ratio(rowhouse, minimal, API_CPU),
            pg_cpu_ratio_to_minimal: measured.ratio(rowhouse, minimal, PG_CPU),
            rps_ratio_to_pgbench: measured.ratio(rowhouse, pgbench, RPS),
            rps_ratio_to_minimal_by_round: measured.ratios(rowhouse, minimal, RPS),
        }
    }
}

impl Depth {
    fn new(measured: &Measured) -> Self {
        let [first, deep] = [Operation::Page1, Operation::Page900].map(|operation| (operation, Contender::Rowhouse));
        Self {
            page_1: measured.median(first),
            page_900: measured.median(deep),
            rps_ratio_to_page_1: measured.ratio(deep, first, RPS),
            api_cpu_ratio_to_page_1: measured.ratio(deep, first, API_CPU),
            pg_cpu_ratio_to_page_1: measured.ratio(deep, first, PG_CPU),
        }
    }
}

impl Machine {
    fn new(options: &Options, postgresql: u32, others: (f64, f64)) -> Self {
        let (cpu, cores) = processor();
        Self {
            cpu,
            cores,
            others_cores_median: others.0,
            others_cores_worst: others.1,
            postgresql,
            tenants: options.tenants,
            projects_per_tenant: options.projects,
            seconds: options.seconds,
            rounds: options.rounds,
            http_connections: options.connections,
            postgresql_connections: POOL,
        }
    }
}

/// The processor's model, and how many cores there are.
pub(crate) fn processor() -> (String, usize) {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown model", |(_, model)| model.trim()).to_owned();
    (model, thread::available_parallelism().map_or(1, usize::from))
}
