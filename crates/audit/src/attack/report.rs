//! The attacks' report, in the audit's formats.
use serde::Serialize;

use super::{AttackOutcome, AttackVerdict};

use crate::audit::{
    Finding, Format, Ignore, Ignored, Scope, Severity,
    sheet::{Case, Sheet, set_aside, sort},
};

/// Every attack, and as findings those that succeeded or could not be set up.
#[derive(Clone, Debug, Serialize)]
pub struct AttackReport {
    /// Successful attacks as errors, inconclusive ones as warnings.
    pub findings: Vec<Finding>,
    /// Known, with reasons.
    pub ignored: Vec<Ignored>,
    /// All attacks.
    pub attacks: Vec<AttackOutcome>,
    /// Counts.
    pub summary: Summary,
}

/// Counts, and what was attacked.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What was attacked.
    #[serde(flatten)]
    pub scope: Scope,
    /// Attacks made.
    pub attacks: usize,
    /// How many the walls withstood, with a control that succeeded.
    pub held: usize,
    /// How many succeeded.
    pub breached: usize,
    /// How many could not be set up.
    pub inconclusive: usize,
    /// How many succeed on every PostgreSQL.
    pub by_nature: usize,
    /// Ignore entries that spoke of no attack: they can go.
    pub idle_ignores: Vec<String>,
}

impl AttackReport {
    pub(super) fn new(scope: Scope, attacks: Vec<AttackOutcome>, ignore: &[Ignore]) -> Self {
        let count = |verdict| attacks.iter().filter(|outcome| outcome.verdict == verdict).count();
        let mut all: Vec<Finding> = attacks
            .iter()
            .filter_map(|outcome| {
                let (severity, fix) = match outcome.verdict {
                    AttackVerdict::Breached => {
                        (Severity::Error, "run `rowhouse audit`: it names the cause where the catalog shows one")
                    }
                    AttackVerdict::Inconclusive => (
                        Severity::Warning,
                        "say in rowhouse-audit.toml under [attack] what is missing, or ignore it there with a reason",
                    ),
                    AttackVerdict::Held | AttackVerdict::ByNature => return None,
                };
                Some(Finding {
                    lint: outcome.attack,
                    severity,
                    object: outcome.object.clone(),
                    role: Some(outcome.role.clone()),
                    detail: format!("as {}: {}", outcome.role, outcome.detail),
                    fix: fix.to_owned(),
                })
            })
            .collect();
        sort(&mut all);
        let summary = Summary {
            scope,
            attacks: attacks.len(),
            held: count(AttackVerdict::Held),
            breached: count(AttackVerdict::Breached),
            inconclusive: count(AttackVerdict::Inconclusive),
            by_nature: count(AttackVerdict::ByNature),
            idle_ignores: Vec::new(),
        };
        let (findings, ignored, idle_ignores) = set_aside(all, ignore);
        Self { findings, ignored, attacks, summary: Summary { idle_ignores, ..summary } }
    }

    /// The report in a format.
    #[must_use]
    pub fn print(&self, format: Format) -> String {
        let summary = &self.summary;
        let cases = self.attacks.iter().map(|outcome| Case {
            group: format!("attack.{}", outcome.attack),
            name: format!("{} as {}", outcome.object, outcome.role),
            failures: if outcome.verdict == AttackVerdict::Breached {
                vec![outcome.detail.clone()]
            } else {
                Vec::new()
            },
            skipped: (outcome.verdict == AttackVerdict::Inconclusive).then(|| outcome.detail.clone()),
        });
        let mut closing = format!(
            "{} attacks as {} on {} tables: {} held, {} breached, {} inconclusive",
            summary.attacks,
            summary.scope.roles.join(", "),
            summary.scope.tables.len(),
            summary.held,
            summary.breached,
            summary.inconclusive
        );
        let by_nature: Vec<&AttackOutcome> =
            self.attacks.iter().filter(|outcome| outcome.verdict == AttackVerdict::ByNature).collect();
        if !by_nature.is_empty() {
            closing.push_str("\nopen on every PostgreSQL, whatever the policies say:");
            let mut said: Vec<&str> = Vec::new();
            for outcome in by_nature {
                if !said.contains(&outcome.attack) {
                    said.push(outcome.attack);
                    closing.push_str(&format!("\n  {}: {}", outcome.attack, outcome.detail));
                }
            }
        }
        let sheet = Sheet {
            tool: "attack",
            title: format!("{} on PostgreSQL {}", summary.scope.database, summary.scope.server),
            findings: &self.findings,
            ignored: &self.ignored,
            idle_ignores: &summary.idle_ignores,
            doors: &[],
            cases: cases.collect(),
            closing,
            json: serde_json::to_value(self).unwrap_or_default(),
        };
        sheet.print(format)
    }
}
