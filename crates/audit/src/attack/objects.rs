//! Attacks through what stands beside the tables: views, materialized views, foreign tables and functions.
use std::collections::BTreeSet;

use super::{
    AttackOutcome, AttackVerdict, Ending, Only, Outcomes, Set, breached, generate, held, inconclusive,
    model::{fields, split},
    stage::{Persona, Stage},
    tables::fingerprint,
};
use rowhouse_pg::{Failure, Refusal, literal, set_local};

/// Calls tried with each function, for each tenant whose values it is given.
const CALLS: usize = 12;

/// How the sentence begins that says that a function has no control.
const NO_CALL: &str = "no call succeeded: ";

/// `query_canceled`: a statement took longer than it may.
const TOO_SLOW: &str = "57014";

/// Answers whether there was anything to attack.
pub(super) async fn run(set: &Set<'_>, only: Only<'_>, outcomes: &mut Outcomes<'_>) -> Result<bool, Failure> {
    let wanted = |name: &str| !matches!(only, Only::Beside(other) if other != name);
    let mut any = false;
    let session = set.stage.session;
    session.run(&set_local("audit.role", &set.stage.role)).await?;
    let views = session.run(include_str!("../../sql/attack/views.sql")).await?;
    for row in 0..views.rows.len() {
        let (text, _) = fields(&views, row);
        let (name, kind) = (text("name"), text("kind"));
        if !wanted(&name) {
            continue;
        }
        any = true;
        let attack = match kind.as_str() {
            "m" => "materialized-view",
            "f" => "foreign-table",
            _ => "view",
        };
        set.scene(outcomes, attack, &name, view(&set.stage, &name, &kind)).await?;
    }
    let functions = session.run(include_str!("../../sql/attack/functions.sql")).await?;
    let words = words(set).await?;
    for row in 0..functions.rows.len() {
        let (text, yes) = fields(&functions, row);
        if !wanted(&text("name")) && !wanted(&text("signature")) {
            continue;
        }
        any = true;
        let takes = split(&text("takes"));
        let verb = if text("kind") == "p" { "call" } else { "select * from" };
        let calls = |persona: &Persona| calls(&format!("{verb} {}", text("name")), &takes, persona, &words);
        let scene = function(set, calls(&set.stage.mine), calls(&set.stage.theirs));
        set.scene(outcomes, "function", &text("signature"), scene).await?;
        // A door that refuses even one's own values has no control here: whether it gives anything, it is asked in `doors`.
        let silent = |outcome: &mut AttackOutcome| {
            outcome.verdict == AttackVerdict::Inconclusive && outcome.detail.starts_with(NO_CALL)
        };
        if yes("door") {
            outcomes.noted.pop_if(silent);
        }
    }
    Ok(any)
}

async fn view(stage: &Stage<'_>, name: &str, kind: &str) -> Result<Ending, Refusal> {
    if kind == "m" {
        stage.attempt(&format!("refresh materialized view {name}")).await?;
    }
    let select = format!("select v::text from {name} v");
    let all = stage.attempt(&select).await.map(|answer| all_text(&answer)).unwrap_or_default();
    stage.enter(&stage.mine).await?;
    let seen = match stage.attempt(&select).await {
        Ok(answer) => all_text(&answer),
        Err(refusal) => return Ok(inconclusive(format!("it cannot be read: {}", refusal.discreet()))),
    };
    let shows = |text: &str, persona: &Persona| persona.marks().iter().any(|mark| text.contains(mark));
    if shows(&seen, &stage.theirs) {
        return Ok(breached("it shows another tenant's data"));
    }
    // Counts and sums carry no mark: they must not change with what the other tenant has. What changes by itself,
    // such as the time, tells nothing.
    let again = stage.attempt(&select).await.map(|answer| all_text(&answer)).unwrap_or_default();
    stage.itself().await?;
    Ok(if again == seen && without_them(stage, &select).await? != seen {
        breached("what it shows depends on another tenant's rows")
    } else if shows(&seen, &stage.mine) {
        held("it shows own data, no other")
    } else if shows(&all, &stage.theirs) || again == seen {
        held("what it shows does not depend on the other tenant")
    } else {
        inconclusive("it shows neither tenant's data, and something else each time")
    })
}

/// What the attacker sees when the other tenant's rows are not there; as far as they can be taken away.
async fn without_them(stage: &Stage<'_>, select: &str) -> Result<String, Refusal> {
    stage.session.run("savepoint absent; set local session_replication_role = replica").await?;
    let names = stage.session.run(include_str!("../../sql/attack/conditions.sql")).await?;
    for table in names.first_column() {
        stage.session.run(&format!("delete from {table} = {}", Stage::of(&stage.theirs))).await?;
    }
    stage.session.run("set local session_replication_role = origin").await?;
    stage.enter(&stage.mine).await?;
    let seen = stage.attempt(select).await.map(|answer| all_text(&answer));
    stage.session.run("rollback to savepoint absent").await?;
    seen
}

/// Whether a function shows or changes another tenant's data.
async fn function(set: &Set<'_>, mine: Vec<Call>, theirs: Vec<Call>) -> Result<Ending, Refusal> {
    let stage = &set.stage;
    if mine.is_empty() {
        return Ok(inconclusive("no value could be made up for what it takes"));
    }
    stage.session.run("set local statement_timeout = '2s'").await?;
    let before = fingerprint(set).await?;
    let mut control = false;
    let mut refused = String::new();
    // Some doors open outside any tenant alone, and some to those nobody knows yet: as a control that counts too.
    let outside = Persona { tenant: String::new(), ..stage.mine.clone() };
    for place in [Some(&stage.mine), Some(&outside), None] {
        match place {
            Some(persona) => stage.enter(persona).await?,
            None => stage.enter_nowhere().await?,
        }
        for call in &mine {
            match stage.rehearse(&call.text).await {
                Ok(_) => control = true,
                Err(refusal) if refusal.code == TOO_SLOW => {
                    return Ok(inconclusive("a call takes longer than two seconds"));
                }
                Err(refusal) => refused = refusal.discreet(),
            }
        }
        stage.itself().await?;
    }
    let marks = stage.theirs.marks();
    let setting = format!("select current_setting({}), current_user", literal(&stage.setting));
    let mut first = None;
    for place in [&outside, &stage.mine] {
        stage.enter(place).await?;
        let in_force = all_text(&stage.session.run(&setting).await?);
        for call in mine.iter().chain(&theirs) {
            let answer = match stage.attempt(&call.text).await {
                Ok(answer) => answer,
                Err(refusal) if refusal.code == TOO_SLOW => {
                    return Ok(inconclusive("a call takes longer than two seconds"));
                }
                Err(_) => continue,
            };
            if stage.attempt(&setting).await.map(|now| all_text(&now)).unwrap_or_default() != in_force {
                return Ok(breached("it changes which tenant, or who, the session is"));
            }
            let text = all_text(&answer);
            if first.is_none() && !place.tenant.is_empty() {
                let again = stage.attempt(&call.text).await.map(|answer| all_text(&answer)).unwrap_or_default();
                first = (again == text).then(|| call.text.clone());
            }
            // What one said oneself is no news.
            if let Some(mark) =
                marks.iter().find(|mark| text.contains(*mark) && !call.given.iter().any(|given| given.contains(*mark)))
            {
                let what = if mark.len() == 36 { "an id" } else { "a text" };
                return Ok(breached(format!("it shows {what} of another tenant")));
            }
        }
        stage.itself().await?;
    }
    if fingerprint(set).await? == before
        && let Some(call) = first
    {
        // As it answers now: the calls since may have changed what is the attacker's own.
        stage.enter(&stage.mine).await?;
        let with = stage.rehearse(&call).await.map(|answer| all_text(&answer));
        stage.itself().await?;
        let without = without_them(stage, &call).await;
        if let (Ok(with), Ok(without)) = (with, without)
            && with != without
        {
            return Ok(breached("what it answers depends on another tenant's rows"));
        }
    }
    Ok(if fingerprint(set).await? != before {
        breached("it changed another tenant's rows")
    } else if control {
        held("it shows and changes nothing of another tenant")
    } else {
        inconclusive(format!("{NO_CALL}{refused}"))
    })
}

struct Call {
    text: String,
    given: BTreeSet<String>,
}

/// Calls with values of a tenant, by the type each parameter takes.
fn calls(head: &str, takes: &[String], persona: &Persona, words: &[String]) -> Vec<Call> {
    if takes.is_empty() {
        return vec![Call { text: format!("{head}()"), given: BTreeSet::new() }];
    }
    let fitting = |kind: &str| -> Vec<String> {
        let values = || persona.rows.values().flatten().flat_map(|row| row.values().flatten().cloned());
        let mut found: Vec<String> = match kind {
            "uuid" => values().filter(|value| value.len() == 36 && value.matches('-').count() == 4).collect(),
            "integer" | "bigint" | "smallint" | "numeric" => {
                values().filter(|value| value.parse::<i64>().is_ok()).collect()
            }
            "text" | "character varying" | "citext" | "name" => {
                let own: Vec<String> = values().filter(|value| value.contains(&persona.token)).collect();
                // By turns: with each table there is more of one's own, and what policies name must not fall off the end.
                let pairs = (0..own.len().max(words.len())).flat_map(|at| [words.get(at), own.get(at)]);
                pairs.flatten().cloned().collect()
            }
            "bytea" => {
                values().filter(|value| value.starts_with("\\x")).chain([format!("\\x{}", "00".repeat(32))]).collect()
            }
            _ => plain_values(kind, &persona.token).unwrap_or_default(),
        };
        let tenant_fits = matches!(kind, "uuid" | "text" | "character varying" | "bigint" | "integer" | "smallint");
        if !persona.tenant.is_empty() && tenant_fits {
            found.insert(0, persona.tenant.clone());
        }
        found.dedup();
        found
    };
    let choices: Vec<Vec<String>> = takes.iter().map(|kind| fitting(kind)).collect();
    if choices.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let longest = choices.iter().map(Vec::len).max().unwrap_or(0).min(if takes.len() == 1 { 40 } else { CALLS });
    (0..longest)
        .map(|at| {
            let given: Vec<&String> = choices.iter().map(|options| &options[at % options.len()]).collect();
            let arguments: Vec<String> =
                given.iter().zip(takes).map(|(value, kind)| format!("{}::{kind}", literal(value))).collect();
            Call { text: format!("{head}({})", arguments.join(", ")), given: given.into_iter().cloned().collect() }
        })
        .collect()
}

/// Values of a type that are nobody's.
pub(super) fn plain_values(kind: &str, token: &str) -> Option<Vec<String>> {
    Some(match kind {
        "boolean" => ["true", "false"].map(str::to_owned).to_vec(),
        "integer" | "bigint" | "smallint" | "numeric" => ["1", "1000"].map(str::to_owned).to_vec(),
        "json" | "jsonb" => vec!["{}".to_owned()],
        "tsvector" | "tsquery" => vec![format!("'{token}'"), String::new()],
        "regconfig" => vec!["pg_catalog.simple".to_owned()],
        "interval" => vec!["1 day".to_owned()],
        "bytea" => vec![format!("\\x{}", "00".repeat(32))],
        "uuid" => vec![rowhouse_pg::new_id().to_string()],
        "uuid[]" => {
            let fresh: Vec<String> = (0..8).map(|_| rowhouse_pg::new_id().to_string()).collect();
            vec![format!("{{{}}}", fresh.join(",")), "{}".to_owned()]
        }
        "text[]" => vec![format!("{{{token}}}"), "{}".to_owned()],
        kind if kind.ends_with("[]") => vec!["{}".to_owned()],
        kind if kind.starts_with("timestamp") || kind == "date" => {
            vec!["2001-01-01".to_owned(), "2999-01-01".to_owned()]
        }
        _ => return None,
    })
}

/// The string literals that policies use: what functions called by policies understand.
pub(super) async fn words(set: &Set<'_>) -> Result<Vec<String>, Failure> {
    let answer = set.stage.session.run(include_str!("../../sql/attack/words.sql")).await?;
    let all: BTreeSet<String> = answer.first_column().flat_map(generate::words).collect();
    Ok(all.into_iter().filter(|word| *word != set.stage.setting).take(20).collect())
}

pub(super) fn all_text(answer: &rowhouse_pg::Answer) -> String {
    let mut text = String::new();
    for value in answer.rows.iter().flatten().flatten() {
        text.push_str(value);
        text.push('\n');
    }
    text
}
