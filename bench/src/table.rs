//! The result as tables.
use std::fmt;

use crate::{
    figures::Figures,
    report::{Comparison, Depth, Machine, Report, Signing},
};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}\n", self.machine)?;
        write_heads(f, "to minimal")?;
        for (name, comparison) in [("list", &self.list), ("get", &self.get), ("create", &self.create)] {
            comparison.write(f, name)?;
        }
        write_heads(f, "to page 1")?;
        self.page_900.write(f)?;
        writeln!(f)?;
        write_heads(f, "to list")?;
        self.logins.write(f)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, postgresql, tenants, projects_per_tenant, seconds, rounds, .. } = self;
        let Self { http_connections, postgresql_connections, others_cores_median, others_cores_worst, .. } = self;
        writeln!(
            f,
            "{tenants} tenants of {projects_per_tenant} projects, PostgreSQL {postgresql}, {cores} cores of {cpu}."
        )?;
        writeln!(
            f,
            "{rounds} rounds of {seconds} s; {http_connections} connections to the API, {postgresql_connections} to PostgreSQL."
        )?;
        writeln!(
            f,
            "Everything else on the machine kept {others_cores_median} cores busy, {others_cores_worst} at worst."
        )?;
        write!(f, "Medians; CPU in microseconds per request.")
    }
}

impl Comparison {
    fn write(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let itself = [Some(1.0); 2];
        if let Some(pgbench) = &self.pgbench {
            write_row(f, name, "pgbench", Some(pgbench), [None; 2])?;
        }
        write_row(f, name, "minimal", self.minimal.as_ref(), itself)?;
        let ratios = [self.rps_ratio_to_minimal, self.api_cpu_ratio_to_minimal];
        write_row(f, name, "rowhouse", self.rowhouse.as_ref(), ratios)?;
        writeln!(f)
    }
}

impl Depth {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratios = [self.rps_ratio_to_page_1, self.api_cpu_ratio_to_page_1];
        write_row(f, "page 1", "rowhouse", self.page_1.as_ref(), [Some(1.0); 2])?;
        write_row(f, "page 900", "rowhouse", self.page_900.as_ref(), ratios)
    }
}

impl Signing {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_row(f, "list", "rowhouse", self.list.as_ref(), [Some(1.0), None])?;
        write_row(f, "+ logins", "rowhouse", self.list_while_logins.as_ref(), [self.rps_ratio_to_list, None])?;
        write!(f, "while 200 people tried to sign in at once, and {:.0} a second got in", self.signed_in_per_second)
    }
}

fn write_heads(f: &mut fmt::Formatter<'_>, base: &str) -> fmt::Result {
    write_cells(f, "", "", ["", "", "", base, base].map(str::to_owned))?;
    write_cells(f, "", "", ["requests/s", "API CPU", "PG CPU", "requests/s", "API CPU"].map(str::to_owned))
}

fn write_row(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    contender: &str,
    figures: Option<&Figures>,
    [rps, api_cpu]: [Option<f64>; 2],
) -> fmt::Result {
    let number = |value: Option<f64>, digits| value.map_or("–".to_owned(), |value| format!("{value:.digits$}"));
    let cells = [
        number(figures.map(|figures| figures.rps), 0),
        number(figures.and_then(|figures| figures.api_cpu_us), 1),
        number(figures.map(|figures| figures.pg_cpu_us), 1),
        number(rps, 2),
        number(api_cpu, 2),
    ];
    write_cells(f, name, contender, cells)
}

fn write_cells(f: &mut fmt::Formatter<'_>, name: &str, contender: &str, cells: [String; 5]) -> fmt::Result {
    write!(f, "{name:<10}{contender:<10}")?;
    for cell in cells {
        write!(f, "{cell:>12}")?;
    }
    writeln!(f)
}
