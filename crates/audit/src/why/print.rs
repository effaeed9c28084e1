//! A report as text: first a line that answers, then every policy with its clauses.
use super::{ConditionOutcome, WhyReport, WhyVerdict};

/// Green, red and yellow, where a terminal shows them.
fn paint(text: &str, code: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn mark(outcome: &ConditionOutcome, colour: bool) -> String {
    match outcome {
        ConditionOutcome::True => paint("✓", "32", colour),
        _ => paint("✗", "31", colour),
    }
}

fn why(outcome: &ConditionOutcome) -> String {
    match outcome {
        ConditionOutcome::True => String::new(),
        ConditionOutcome::False => "false".to_owned(),
        ConditionOutcome::Null => "null".to_owned(),
        ConditionOutcome::Raises { sqlstate, said: Some(said) } => format!("raises {sqlstate}: {said}"),
        ConditionOutcome::Raises { sqlstate, said: None } => format!("raises {sqlstate}"),
    }
}

/// The report for a person.
#[must_use]
pub fn text(report: &WhyReport, colour: bool) -> String {
    let (word, code) = match report.verdict {
        WhyVerdict::Shown => ("shown", "32"),
        WhyVerdict::Hidden => ("hidden", "31"),
        WhyVerdict::Unknown => ("cannot tell", "33"),
    };
    let mut text = String::new();
    for (n, reason) in report.reasons.iter().enumerate() {
        let start = if n == 0 { format!("{}: ", paint(word, code, colour)) } else { "  also: ".to_owned() };
        text.push_str(&format!("{start}{}\n", reason.sentence));
    }
    if !report.policies.is_empty() {
        text.push('\n');
    }
    let width = |field: fn(&super::PolicyCheck) -> &str| {
        report.policies.iter().map(|check| field(check).chars().count()).max().unwrap_or(0)
    };
    let (step, name) = (width(|check| check.asked_for), width(|check| &check.policy));
    for check in &report.policies {
        let kind = if check.permissive { "permissive" } else { "restrictive" };
        for clause in &check.clauses {
            let line = format!(
                "  {} {:<step$}  {:<name$}  {kind:<11}  {}",
                mark(&clause.outcome, colour),
                check.asked_for,
                check.policy,
                clause.clause
            );
            text.push_str(&line);
            let why = why(&clause.outcome);
            if !why.is_empty() {
                text.push_str(&format!("  {}", paint(&why, "31", colour)));
            }
            text.push('\n');
        }
    }
    if report.confirmed == Some(true) {
        text.push_str(&format!("\nPostgreSQL, asked as {}, says the same\n", report.question.role));
    }
    text
}
