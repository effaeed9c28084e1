//! What an audit found.
use serde::Serialize;

use super::{
    Ignore, Scope, Severity,
    sheet::{Case, Format, Sheet, set_aside, sort},
};

/// One hole, or what may be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The lint or attack that found it.
    pub lint: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The object concerned, with its schema.
    pub object: String,
    /// The role that got through, where an attack did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What is wrong with it.
    pub detail: String,
    /// How to mend it.
    pub fix: String,
}

/// A finding that is known and stays.
#[derive(Clone, Debug, Serialize)]
pub struct Ignored {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it stays.
    pub reason: String,
}

/// A way past the walls that is meant.
#[derive(Clone, Debug, Serialize)]
pub struct Door {
    /// function, view or role.
    pub kind: String,
    /// Which one.
    pub object: String,
    /// Who owns and who may use it.
    pub detail: String,
    /// Why it is there, as the database's own comment says.
    pub reason: Option<String>,
}

/// Counts, and what they were counted over.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What was looked at.
    #[serde(flatten)]
    pub scope: Scope,
    /// Lints run.
    pub lints: usize,
    /// Findings of each severity.
    pub errors: usize,
    /// Findings of each severity.
    pub warnings: usize,
    /// Findings of each severity.
    pub infos: usize,
    /// Findings that are known and stay.
    pub ignored: usize,
    /// Ignore entries that spoke of no finding: they can go.
    pub idle_ignores: Vec<String>,
}

/// What an audit found.
#[derive(Clone, Debug, Serialize)]
pub struct AuditReport {
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Known, with reasons.
    pub ignored: Vec<Ignored>,
    /// Ways past the walls that are meant.
    pub doors: Vec<Door>,
    /// Counts.
    pub summary: Summary,
}

impl AuditReport {
    pub(super) fn new(scope: Scope, mut all: Vec<Finding>, doors: Vec<Door>, ignore: &[Ignore], lints: usize) -> Self {
        sort(&mut all);
        let (findings, ignored, idle_ignores) = set_aside(all, ignore);
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let summary = Summary {
            scope,
            lints,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
            ignored: ignored.len(),
            idle_ignores,
        };
        Self { findings, ignored, doors, summary }
    }

    /// The report in a format.
    #[must_use]
    pub fn print(&self, format: Format) -> String {
        let summary = &self.summary;
        let closing = match self.findings.len() {
            0 => format!(
                "clean: {} lints over {} tables for {}",
                summary.lints,
                summary.scope.tables.len(),
                summary.scope.roles.join(", ")
            ),
            _ => format!(
                "{} errors, {} warnings, {} notes over {} tables for {}",
                summary.errors,
                summary.warnings,
                summary.infos,
                summary.scope.tables.len(),
                summary.scope.roles.join(", ")
            ),
        };
        let mut cases: Vec<Case> = super::lints()
            .unwrap_or_default()
            .iter()
            .map(|lint| Case {
                group: "audit".to_owned(),
                name: lint.id.to_owned(),
                failures: Vec::new(),
                skipped: None,
            })
            .collect();
        for finding in &self.findings {
            if let Some(case) = cases.iter_mut().find(|case| case.name == finding.lint) {
                case.failures.push(format!("{}: {}", finding.object, finding.detail));
            }
        }
        let sheet = Sheet {
            tool: "audit",
            title: format!("{} on PostgreSQL {}", summary.scope.database, summary.scope.server),
            findings: &self.findings,
            ignored: &self.ignored,
            idle_ignores: &summary.idle_ignores,
            doors: &self.doors,
            cases,
            closing,
            json: serde_json::to_value(self).unwrap_or_default(),
        };
        sheet.print(format)
    }
}
