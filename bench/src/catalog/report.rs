//! The result, as JSON and as tables; and what in it is not as it should be.
use std::fmt;

use serde::Serialize;

use super::{Catalog, Spread, lists::List, search::Wall, small::BeyondGet, transfer::Transfers};
use crate::store::Size;

/// Everything that was found.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) sizes: Vec<Size>,
    pub(super) wall: Wall,
    pub(super) beyond_get: BeyondGet,
    pub(super) lists: Vec<List>,
    pub(super) transfers: Transfers,
}

impl Report {
    pub(super) fn complaints(&self, limits: &Catalog) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut limit = |what: &str, is: f64, most: f64| {
            if is > most {
                complaints.push(format!("{what}: {is:.2} is more than {most}"));
            }
        };
        limit("a search behind the walls, in times of one without", self.wall.ratio, limits.wall);
        limit("a small tenant's search beyond a get, in milliseconds", self.beyond_get.beyond_ms, limits.beyond_get);
        let Transfers { peak_after_tenth_mib, peak_after_all_mib, differing, .. } = &self.transfers;
        limit("growth of an import's peak memory, in MiB", peak_after_all_mib - peak_after_tenth_mib, limits.growth);
        complaints.extend(self.wall.complaints.iter().cloned());
        complaints.extend(self.lists.iter().flat_map(|list| list.complaints.iter().cloned()));
        complaints.extend(differing.iter().map(|trip| format!("a round trip as {trip} did not give the same bytes")));
        complaints
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for Size { name, bytes } in &self.sizes {
            writeln!(f, "{name:<34}{:>9} MiB", bytes >> 20)?;
        }
        let Wall { queries, executions, behind_ms, without_ms, ratio, .. } = &self.wall;
        writeln!(f, "\nSearch, large tenant: {queries} queries, {executions} executions.\n")?;
        writeln!(f, "{:<34}{:>9}{:>9}", "milliseconds", "p50", "p95")?;
        write_spread(f, "behind the walls", behind_ms)?;
        write_spread(f, "without", without_ms)?;
        writeln!(f, "{:<34}{ratio:>9.2}", "ratio")?;
        write_spread(f, "a small tenant, behind its walls", &self.wall.small_ms)?;
        let Wall { worst_ratio, worst_query, slowest_ms, slowest_query, .. } = &self.wall;
        writeln!(f, "{:<34}{worst_ratio:>9.2}  {worst_query}", "worst query's ratio")?;
        writeln!(f, "{:<34}{slowest_ms:>9.2}  {slowest_query}", "slowest query")?;

        let BeyondGet { executions, get_ms, search_ms, beyond_ms } = &self.beyond_get;
        writeln!(f, "\nOver HTTP, small tenants: {executions} executions.\n")?;
        write_spread(f, "get one product", get_ms)?;
        write_spread(f, "search", search_ms)?;
        writeln!(f, "{:<34}{beyond_ms:>9.2}", "search beyond get")?;

        writeln!(f, "\nLists of the large tenant: the slowest plan of all filters, in milliseconds.\n")?;
        writeln!(f, "{:<24}{:>8}{:>9}{:>9}{:>9}{:>11}", "", "filters", "first", "middle", "last", "complaints")?;
        for List { name, filters, first_ms, middle_ms, last_ms, complaints } in &self.lists {
            let complaints = complaints.len();
            writeln!(f, "{name:<24}{filters:>8}{first_ms:>9.2}{middle_ms:>9.2}{last_ms:>9.2}{complaints:>11}")?;
        }

        let Transfers { products, files, peak_after_tenth_mib, peak_after_all_mib, peak_at_end_mib, differing } =
            &self.transfers;
        writeln!(f, "\nFiles of {products} products.\n")?;
        writeln!(f, "{:<34}{:>9}{:>9}{:>14}{:>11}", "", "MiB", "seconds", "products/s", "peak MiB")?;
        for one in files {
            let (what, mib, seconds, rate, peak) =
                (one.what, one.mib, one.seconds, one.products_per_second, one.peak_mib);
            writeln!(f, "{what:<34}{mib:>9.1}{seconds:>9.1}{rate:>14.0}{peak:>11.1}")?;
        }
        writeln!(
            f,
            "\nPeak memory of the server: {peak_after_tenth_mib:.1} MiB after a tenth was imported, {peak_after_all_mib:.1} after all, {peak_at_end_mib:.1} at the end."
        )?;
        let trips = if differing.is_empty() { "the same bytes".to_owned() } else { differing.join(", ") + " differ" };
        write!(f, "Round trips: {trips}.")
    }
}

fn write_spread(f: &mut fmt::Formatter<'_>, name: &str, Spread { p50, p95 }: &Spread) -> fmt::Result {
    writeln!(f, "{name:<34}{p50:>9.2}{p95:>9.2}")
}
