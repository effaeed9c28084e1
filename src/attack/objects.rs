//! Attacks through what stands beside the tables: views, materialized views, foreign tables and functions.
use std::collections::BTreeSet;

use super::{
    Ending, Outcome, Set, breached, generate, held, inconclusive,
    model::fields,
    stage::{Persona, Stage},
    tables::fingerprint,
};
use crate::{
    db::{Refusal, literal, set_local},
    error::Failure,
};

/// Calls tried with each function, for each tenant whose values it is given.
const CALLS: usize = 12;

pub(super) async fn run(set: &Set<'_>, outcomes: &mut Vec<Outcome>) -> Result<(), Failure> {
    let session = set.stage.session;
    session.run(&set_local("audit.role", &set.stage.role)).await?;
    let views = session.run(include_str!("../../sql/attack/views.sql")).await?;
    for row in 0..views.rows.len() {
        let (text, _) = fields(&views, row);
        let (name, kind) = (text("name"), text("kind"));
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
        let (text, _) = fields(&functions, row);
        let takes: Vec<String> = text("takes").split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let verb = if text("kind") == "p" { "call" } else { "select * from" };
        let calls = |persona: &Persona| calls(&format!("{verb} {}", text("name")), &takes, persona, &words);
        let scene = function(set, calls(&set.stage.mine), calls(&set.stage.theirs));
        set.scene(outcomes, "function", &text("signature"), scene).await?;
    }
    Ok(())
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
        Err(refusal) => return Ok(inconclusive(format!("it cannot be read: {refusal}"))),
    };
    let shows = |text: &str, persona: &Persona| persona.marks().iter().any(|mark| text.contains(mark));
    Ok(if shows(&seen, &stage.theirs) {
        breached("it shows another tenant's data")
    } else if shows(&seen, &stage.mine) {
        held("it shows own data, no other")
    } else if shows(&all, &stage.theirs) {
        held("it shows neither, though the data are there")
    } else {
        // Counts and sums carry no mark: they must not change with what the other tenant has.
        stage.itself().await?;
        let (without, with) = (without_them(stage, &select).await?, seen);
        if without == with {
            held("what it shows does not depend on the other tenant")
        } else {
            breached("what it shows depends on another tenant's rows")
        }
    })
}

/// What the attacker sees when the other tenant's rows are not there; as far as they can be taken away.
async fn without_them(stage: &Stage<'_>, select: &str) -> Result<String, Refusal> {
    stage.session.run("savepoint absent; set local session_replication_role = replica").await?;
    let ids: Vec<&str> = stage.theirs.rows.keys().map(String::as_str).collect();
    let names = stage.session.run(&format!(
        "select c.oid::regclass::text || ' where ' || quote_ident(a.attname) from pg_catalog.pg_class c
         join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = any (string_to_array(current_setting('audit.columns'), ','))
         where c.oid = any (string_to_array({}, ',')::oid[])",
        literal(&ids.join(","))
    )).await?;
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
    let before = fingerprint(set).await?;
    let mut control = false;
    let mut refused = String::new();
    // Some doors open to those nobody knows yet: as a control that counts too.
    for nowhere in [false, true] {
        if nowhere {
            stage.enter_nowhere().await?;
        } else {
            stage.enter(&stage.mine).await?;
        }
        for call in &mine {
            match stage.rehearse(&call.text).await {
                Ok(_) => control = true,
                Err(refusal) => refused = refusal.to_string(),
            }
        }
        stage.itself().await?;
    }
    let marks = stage.theirs.marks();
    stage.enter(&stage.mine).await?;
    for call in mine.iter().chain(&theirs) {
        let Ok(answer) = stage.attempt(&call.text).await else { continue };
        let text = all_text(&answer);
        // What one said oneself is no news.
        if let Some(mark) =
            marks.iter().find(|mark| text.contains(*mark) && !call.given.iter().any(|given| given.contains(*mark)))
        {
            let what = if mark.len() == 36 { "an id" } else { "a text" };
            return Ok(breached(format!("it shows {what} of another tenant")));
        }
    }
    stage.itself().await?;
    Ok(if fingerprint(set).await? != before {
        breached("it changed another tenant's rows")
    } else if control {
        held("it shows and changes nothing of another tenant")
    } else {
        inconclusive(format!("no call succeeded: {refused}"))
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
            "boolean" => ["true", "false"].map(str::to_owned).to_vec(),
            "text" | "character varying" | "citext" | "name" => {
                values().filter(|value| value.contains(&persona.token)).chain(words.iter().cloned()).collect()
            }
            "json" | "jsonb" => vec!["{}".to_owned()],
            kind if kind.ends_with("[]") => vec!["{}".to_owned()],
            kind if kind.starts_with("timestamp") || kind == "date" => {
                vec!["2001-01-01".to_owned(), "2999-01-01".to_owned()]
            }
            _ => Vec::new(),
        };
        if !persona.tenant.is_empty() {
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

/// The string literals that policies use: what functions called by policies understand.
async fn words(set: &Set<'_>) -> Result<Vec<String>, Failure> {
    let answer = set
        .stage
        .session
        .run(
            "select distinct concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) from pg_catalog.pg_policy
             where polrelid = any (string_to_array(current_setting('audit.tables'), ',')::oid[])",
        )
        .await?;
    let all: BTreeSet<String> = answer.first_column().flat_map(generate::words).collect();
    Ok(all.into_iter().filter(|word| *word != set.stage.setting).take(20).collect())
}

fn all_text(answer: &crate::db::Answer) -> String {
    let mut text = String::new();
    for value in answer.rows.iter().flatten().flatten() {
        text.push_str(value);
        text.push('\n');
    }
    text
}
