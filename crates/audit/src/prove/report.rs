//! The mutation score, for people and for machines.
use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::json;

use crate::{
    attack::Only,
    audit::{self, Format, Scope},
};

/// One way of breaking the database, and who noticed.
#[derive(Clone, Debug, Serialize)]
pub struct Mutant {
    /// What was done.
    pub mutant: String,
    /// To what.
    pub object: String,
    /// How.
    pub statement: String,
    /// The table concerned, when it is one.
    #[serde(skip)]
    pub table: Option<String>,
    /// The door concerned, when it is one; empty when none is, and what opens them is.
    #[serde(skip)]
    pub door: Option<String>,
    /// Why it could not be done here; such a mutant does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inapplicable: Option<String>,
    /// The lints that noticed, of those that were asked.
    pub lints: BTreeSet<&'static str>,
    /// The attacks that succeeded, of those that were played.
    pub attacks: BTreeSet<&'static str>,
}

impl Mutant {
    /// The attacks that it could let through. Where a lint has noticed, not every function is called for what is about none.
    pub(super) fn attacked(&self) -> Only<'_> {
        match (&self.table, &self.door) {
            (Some(table), _) => Only::Table(table),
            (None, Some(door)) => Only::Door(door),
            (None, None) if self.lints.is_empty() => Only::Rest,
            (None, None) => Only::Beside(&self.object),
        }
    }
}

/// What was proved.
#[derive(Clone, Debug)]
pub struct ProveReport {
    scope: Scope,
    mutants: Vec<Mutant>,
    inapplicable: Vec<Mutant>,
    /// Whether every guard was asked about every mutant, or only until one had noticed.
    thorough: bool,
    time: Duration,
}

impl ProveReport {
    pub(super) fn new(scope: Scope, all: Vec<Mutant>, thorough: bool, time: Duration) -> Self {
        let (inapplicable, mutants) = all.into_iter().partition(|mutant| mutant.inapplicable.is_some());
        Self { scope, mutants, inapplicable, thorough, time }
    }

    /// The mutants that nobody noticed.
    pub fn survivors(&self) -> impl Iterator<Item = &Mutant> {
        self.mutants.iter().filter(|mutant| mutant.lints.is_empty() && mutant.attacks.is_empty())
    }

    /// How many mutants were made.
    #[must_use]
    pub fn total(&self) -> usize {
        self.mutants.len()
    }

    fn count(&self, noticed: impl Fn(&Mutant) -> bool) -> usize {
        self.mutants.iter().filter(|mutant| noticed(mutant)).count()
    }

    /// Lints that noticed no mutant: nothing here shows that they can fail.
    fn idle_lints(&self) -> Vec<&'static str> {
        let all = audit::lints().unwrap_or_default();
        all.iter().map(|lint| lint.id).filter(|id| self.count(|mutant| mutant.lints.contains(id)) == 0).collect()
    }

    /// The report in a format; SARIF and `JUnit` name the survivors.
    #[must_use]
    pub fn print(&self, format: Format) -> String {
        let killed = self.count(|mutant| !mutant.lints.is_empty() || !mutant.attacks.is_empty());
        let by_lint = self.count(|mutant| !mutant.lints.is_empty());
        let by_attack = self.count(|mutant| !mutant.attacks.is_empty());
        // In tenths of a percent, rounded down: 100 means all.
        let score = (killed * 1000).checked_div(self.mutants.len()).unwrap_or_default();
        let score = f64::from(u32::try_from(score).unwrap_or_default()) / 10.0;
        let by = if self.thorough {
            let both = self.count(|mutant| !mutant.lints.is_empty() && !mutant.attacks.is_empty());
            format!("{by_lint} by a lint, {by_attack} by an attack, {both} by both")
        } else {
            format!("first by a lint {by_lint}, by an attack {by_attack}; --thorough tells who else")
        };
        let closing = format!(
            "{} mutants, {killed} noticed: {score:.1} % ({by}) in {:.1} s; {} did not apply",
            self.mutants.len(),
            self.time.as_secs_f64(),
            self.inapplicable.len(),
        );
        let json = json!({
            "mutants": self.mutants.len(), "killed": killed, "score": score,
            "killed_by_lint": by_lint, "killed_by_attack": by_attack, "thorough": self.thorough,
            "survivors": self.survivors().collect::<Vec<_>>(),
            "inapplicable": self.inapplicable,
            "all": self.mutants,
            "idle_lints": self.idle_lints(),
            "summary": { "scope": self.scope, "seconds": self.time.as_secs_f64() },
        });
        match format {
            Format::Json => format!("{json:#}\n"),
            Format::Text => self.text(&closing),
            Format::Sarif | Format::Junit | Format::Markdown => self.sheet(closing, json).print(format),
        }
    }

    fn sheet(&self, closing: String, json: serde_json::Value) -> audit::sheet::Sheet<'static> {
        let cases = self.mutants.iter().map(|mutant| audit::sheet::Case {
            group: format!("prove.{}", mutant.mutant),
            name: mutant.object.clone(),
            failures: if mutant.lints.is_empty() && mutant.attacks.is_empty() {
                vec![format!("nobody noticed: {}", mutant.statement)]
            } else {
                Vec::new()
            },
            skipped: None,
        });
        audit::sheet::Sheet {
            tool: "prove",
            title: format!("{} on PostgreSQL {}", self.scope.database, self.scope.server),
            findings: &[],
            ignored: &[],
            idle_ignores: &[],
            doors: &[],
            cases: cases.collect(),
            closing,
            json,
        }
    }

    fn text(&self, closing: &str) -> String {
        let mut out = format!("{} on PostgreSQL {}\n", self.scope.database, self.scope.server);
        let mut kinds: Vec<&str> = self.mutants.iter().map(|mutant| mutant.mutant.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        if !table.is_tty() {
            table.set_width(140);
        }
        let first = if self.thorough { "" } else { " that noticed first" };
        table.set_header(["mutant", "made", "noticed", &format!("lints{first}"), &format!("attacks{first}")]);
        for kind in kinds {
            let of_kind: Vec<&Mutant> = self.mutants.iter().filter(|mutant| mutant.mutant == kind).collect();
            let noticed =
                of_kind.iter().filter(|mutant| !mutant.lints.is_empty() || !mutant.attacks.is_empty()).count();
            let join = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
            table.add_row([
                kind.to_owned(),
                of_kind.len().to_string(),
                noticed.to_string(),
                join(of_kind.iter().flat_map(|mutant| mutant.lints.iter().copied()).collect()),
                join(of_kind.iter().flat_map(|mutant| mutant.attacks.iter().copied()).collect()),
            ]);
        }
        let _ = writeln!(out, "{table}");
        for mutant in &self.inapplicable {
            let why = mutant.inapplicable.as_deref().unwrap_or_default();
            let _ = writeln!(out, "did not apply: {} on {}: {why}", mutant.mutant, mutant.object);
        }
        for survivor in self.survivors() {
            let _ =
                writeln!(out, "SURVIVED: {} on {}\n          {}", survivor.mutant, survivor.object, survivor.statement);
        }
        let _ = writeln!(out, "{closing}");
        out
    }
}
