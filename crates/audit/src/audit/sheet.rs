//! Reports for people and for machines: table, JSON, SARIF 2.1.0, `JUnit` XML, Markdown. Audit, attack and
//! prove fill in the same sheet.
use std::{collections::BTreeMap, fmt::Write as _, io::IsTerminal as _};

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::{Door, Finding, Ignore, Ignored, Severity};

/// Worst first, then by name.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|one, two| {
        (two.severity, one.lint, &one.object, &one.detail).cmp(&(one.severity, two.lint, &two.object, &two.detail))
    });
}

/// Takes out what is known, and says which entries spoke of nothing.
pub(crate) fn set_aside(all: Vec<Finding>, ignore: &[Ignore]) -> (Vec<Finding>, Vec<Ignored>, Vec<String>) {
    let (mut findings, mut ignored) = (Vec::new(), Vec::new());
    let mut used = vec![false; ignore.len()];
    for finding in all {
        match ignore.iter().position(|entry| entry.covers(&finding)) {
            Some(entry) => {
                used[entry] = true;
                ignored.push(Ignored { finding, reason: ignore[entry].reason.clone() });
            }
            None => findings.push(finding),
        }
    }
    let idle = ignore.iter().zip(used).filter(|(_, used)| !used).map(|(entry, _)| match &entry.object {
        Some(object) => format!("{}:{object}", entry.lint),
        None => entry.lint.clone(),
    });
    (findings, ignored, idle.collect())
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "commands", derive(clap::ValueEnum))]
pub enum Format {
    /// A table for a person.
    Text,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// XML in the form of test results, for CI.
    Junit,
    /// Markdown, for a pull request.
    Markdown,
}

/// One thing that was tried, for `JUnit`.
pub(crate) struct Case {
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) failures: Vec<String>,
    pub(crate) skipped: Option<String>,
}

/// What every format is made from; audit and attack fill one each.
pub(crate) struct Sheet<'a> {
    pub(crate) tool: &'static str,
    pub(crate) title: String,
    pub(crate) findings: &'a [Finding],
    pub(crate) ignored: &'a [Ignored],
    pub(crate) idle_ignores: &'a [String],
    pub(crate) doors: &'a [Door],
    pub(crate) cases: Vec<Case>,
    pub(crate) closing: String,
    pub(crate) json: Value,
}

impl Sheet<'_> {
    pub(crate) fn print(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(),
            Format::Json => format!("{:#}\n", self.json),
            Format::Sarif => format!("{:#}\n", self.sarif()),
            Format::Junit => self.junit(),
            Format::Markdown => self.markdown(),
        }
    }

    fn text(&self) -> String {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut out = format!("{}\n", self.title);
        if !self.findings.is_empty() {
            let mut table = grid(colour);
            table.set_header(["", "what", "where", "why it matters here, and how to mend it"]);
            for finding in self.findings {
                let severity = Cell::new(finding.severity);
                let severity = match finding.severity {
                    _ if !colour => severity,
                    Severity::Error => severity.fg(Color::Red),
                    Severity::Warning => severity.fg(Color::Yellow),
                    Severity::Info => severity.fg(Color::Cyan),
                };
                let text = format!("{}\n→ {}", finding.detail, finding.fix);
                table.add_row([severity, Cell::new(finding.lint), Cell::new(&finding.object), Cell::new(text)]);
            }
            let _ = writeln!(out, "{table}");
        }
        if !self.doors.is_empty() {
            let mut table = grid(colour);
            table.set_header(["door", "", "", "reason"]);
            for door in self.doors {
                let reason = door.reason.as_deref().unwrap_or("-");
                table.add_row([&door.object, &door.kind, &door.detail, reason]);
            }
            let _ = writeln!(out, "{table}");
        }
        if !self.ignored.is_empty() {
            let mut table = grid(colour);
            table.set_header(["known", "where", "why it stays"]);
            for ignored in self.ignored {
                table.add_row([ignored.finding.lint, &ignored.finding.object, &ignored.reason]);
            }
            let _ = writeln!(out, "{table}");
        }
        for idle in self.idle_ignores {
            let _ = writeln!(out, "nothing to ignore any more: {idle}");
        }
        let _ = writeln!(out, "{}", self.closing);
        out
    }

    fn markdown(&self) -> String {
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let mut out = format!("## rowhouse {}: {}\n\n{}\n", self.tool, cell(&self.title), cell(&self.closing));
        if !self.findings.is_empty() {
            out.push_str("\n| severity | what | where | detail | fix |\n|---|---|---|---|---|\n");
            for finding in self.findings {
                let fields = [&finding.object, &finding.detail, &finding.fix].map(|text| cell(text));
                let _ = writeln!(
                    out,
                    "| {} | {} | `{}` | {} | {} |",
                    finding.severity, finding.lint, fields[0], fields[1], fields[2]
                );
            }
        }
        if !self.doors.is_empty() {
            out.push_str("\n| door | kind | detail | reason |\n|---|---|---|---|\n");
            for door in self.doors {
                let fields = [&door.object, &door.kind, &door.detail].map(|text| cell(text));
                let reason = cell(door.reason.as_deref().unwrap_or("-"));
                let _ = writeln!(out, "| `{}` | {} | {} | {reason} |", fields[0], fields[1], fields[2]);
            }
        }
        if !self.ignored.is_empty() {
            out.push_str("\n| known | where | why it stays |\n|---|---|---|\n");
            for ignored in self.ignored {
                let fields = [&ignored.finding.object, &ignored.reason].map(|text| cell(text));
                let _ = writeln!(out, "| {} | `{}` | {} |", ignored.finding.lint, fields[0], fields[1]);
            }
        }
        out
    }

    /// Static Analysis Results Interchange Format 2.1.0 (OASIS). The objects are logical locations.
    fn sarif(&self) -> Value {
        let mut rules: BTreeMap<&str, Value> = BTreeMap::new();
        for finding in self.findings {
            let lint = super::lints().unwrap_or_default().iter().find(|lint| lint.id == finding.lint);
            rules.entry(finding.lint).or_insert_with(|| match lint {
                Some(lint) => json!({
                    "id": lint.id, "shortDescription": { "text": lint.finds },
                    "fullDescription": { "text": lint.why }, "help": { "text": lint.mend },
                }),
                None => json!({ "id": finding.lint }),
            });
        }
        let level = |severity| match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        let results: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "ruleId": finding.lint, "level": level(finding.severity),
                    "message": { "text": format!("{}: {} {}", finding.object, finding.detail, finding.fix) },
                    "locations": [{ "logicalLocations": [{ "fullyQualifiedName": finding.object }] }],
                })
            })
            .collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": format!("rowhouse {}", self.tool), "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules.into_values().collect::<Vec<_>>(),
                } },
                "results": results,
            }],
        })
    }

    fn junit(&self) -> String {
        let failed = self.cases.iter().filter(|case| !case.failures.is_empty()).count();
        let skipped = self.cases.iter().filter(|case| case.skipped.is_some()).count();
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = writeln!(
            out,
            "<testsuite name=\"rowhouse {}\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\">",
            self.tool,
            self.cases.len()
        );
        for case in &self.cases {
            let (group, name) = (xml(&case.group), xml(&case.name));
            let _ = write!(out, "  <testcase classname=\"{group}\" name=\"{name}\"");
            match (&case.failures[..], &case.skipped) {
                ([], None) => out.push_str("/>\n"),
                ([], Some(why)) => {
                    let _ = writeln!(out, "><skipped message=\"{}\"/></testcase>", xml(why));
                }
                (failures, _) => {
                    let text = xml(&failures.join("\n"));
                    let _ = writeln!(out, "><failure message=\"{} found\">{text}</failure></testcase>", failures.len());
                }
            }
        }
        out.push_str("</testsuite>\n");
        out
    }
}

fn grid(colour: bool) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if !colour {
        table.force_no_tty();
        table.set_width(140);
    }
    table
}

/// Text inside XML; characters XML 1.0 cannot hold are left out.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}
