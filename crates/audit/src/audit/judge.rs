//! Judges what the policies on each table let through, by role and command: a row of another tenant, or not.
//!
//! PostgreSQL lets a row through when every restrictive policy holds and at least one permissive one does.
//! So rows of other tenants are walled off when some restrictive policy keeps to the tenant, or when all
//! permissive ones do. Whether one does is asked of [`formula`](super::formula) and, for its atoms, of the
//! database: with the tenant set the atom must hold for the tenant's rows, and for no row when another
//! tenant is set, or none, or an empty one.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    atoms::Atoms,
    formula::{Hole, Truth},
    functions::Functions,
    scope::Scope,
};
use rowhouse_pg::{AdminConn, Failure};

/// What a role's statements of one kind meet on one table.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyVerdict {
    /// The table.
    pub table: String,
    /// The role.
    pub role: String,
    /// select, insert, update or delete.
    pub command: &'static str,
    /// `using`: which rows are found; `check`: which rows may be written.
    pub clause: &'static str,
    /// walled, unknown or open.
    pub verdict: &'static str,
    /// Why it is open.
    pub hole: Option<Hole>,
    /// The policy that lets others in, or that could not be judged.
    pub policy: Option<String>,
    /// Its expression.
    pub expression: Option<String>,
}

pub(super) struct Access {
    pub(super) table_id: String,
    pub(super) table: String,
    pub(super) relation: String,
    pub(super) column: String,
    pub(super) kind: String,
    /// Its type without domain and length.
    pub(super) base: String,
    /// Of an enum.
    pub(super) labels: Vec<String>,
    pub(super) nullable: bool,
    pub(super) columns: BTreeSet<String>,
    pub(super) role_id: String,
    pub(super) role: String,
    pub(super) commands: Vec<&'static str>,
}

struct Policy {
    name: String,
    permissive: bool,
    command: String,
    using: Option<String>,
    check: Option<String>,
    roles: Vec<String>,
}

impl Policy {
    /// The expression that a clause of a command consults: a missing WITH CHECK means USING.
    fn expression(&self, clause: &str) -> Option<&str> {
        match clause {
            "check" => self.check.as_deref().or(self.using.as_deref()),
            _ => self.using.as_deref(),
        }
    }
}

/// Judges every table for every runtime role. Runs inside the transaction the caller has opened.
pub(super) async fn judge(session: &AdminConn, scope: &Scope) -> Result<Vec<PolicyVerdict>, Failure> {
    let accesses = accesses(session).await?;
    let policies = policies(session).await?;
    let functions = Functions::read(session).await?;
    let mut atoms = Atoms::new(&scope.setting, functions);
    // The first round only collects, so that every atom is tried in a session that never set a tenant before
    // any is tried with one: afterwards the setting is empty and no longer missing.
    for round in [Round::Collect, Round::Judge] {
        let mut verdicts = Vec::new();
        for access in &accesses {
            let of_table = policies.get(&access.table_id).map(Vec::as_slice).unwrap_or_default();
            for command in &access.commands {
                for clause in clauses(command) {
                    verdicts.push(verdict(access, of_table, command, clause, &mut atoms));
                }
            }
        }
        match round {
            Round::Collect => atoms.evaluate(session).await?,
            Round::Judge => return Ok(verdicts),
        }
    }
    Ok(Vec::new())
}

#[derive(Clone, Copy)]
enum Round {
    Collect,
    Judge,
}

fn clauses(command: &str) -> &'static [&'static str] {
    match command {
        "insert" => &["check"],
        "update" => &["using", "check"],
        _ => &["using"],
    }
}

fn verdict(
    access: &Access,
    policies: &[Policy],
    command: &'static str,
    clause: &'static str,
    atoms: &mut Atoms<'_>,
) -> PolicyVerdict {
    let applies = |policy: &&Policy| {
        policy.roles.contains(&access.role_id) && (policy.command == "all" || policy.command == command)
    };
    // A policy without the clause says nothing: as a permissive one it lets nothing in, as a restrictive one
    // it keeps nothing out.
    let mut judged = |policy: &Policy| {
        let text = policy.expression(clause)?;
        Some((atoms.truth(text, access), policy.name.clone(), text.to_owned()))
    };
    let (permissive, restrictive): (Vec<&Policy>, Vec<&Policy>) =
        policies.iter().filter(applies).partition(|policy| policy.permissive);
    let permissive: Vec<_> = permissive.into_iter().filter_map(&mut judged).collect();
    let restrictive: Vec<_> = restrictive.into_iter().filter_map(judged).collect();

    // The best of the restrictive, and the worst of the permissive; none of these means no row at all.
    let wall = restrictive.iter().min_by_key(|(truth, ..)| *truth);
    let gap = permissive.iter().max_by_key(|(truth, ..)| *truth);
    let telling = |truth: &Truth| matches!(truth, Truth::Open(hole) if *hole > Hole::Always);
    let culprit = match (wall, gap) {
        (_, None) => None,
        (wall, Some(gap)) => {
            if gap.0 == Truth::Walled || wall.is_some_and(|wall| wall.0 == Truth::Walled) {
                None
            } else {
                // A wall that is broken says more than the doors behind it.
                match wall {
                    Some(wall) if wall.0 == Truth::Unknown || telling(&wall.0) => Some(wall),
                    _ => Some(gap),
                }
            }
        }
    };
    let (verdict, hole) = match culprit.map(|(truth, ..)| *truth) {
        None | Some(Truth::Walled) => ("walled", None),
        Some(Truth::Unknown) => ("unknown", None),
        Some(Truth::Open(hole)) => ("open", Some(hole)),
    };
    PolicyVerdict {
        table: access.table.clone(),
        role: access.role.clone(),
        command,
        clause,
        verdict,
        hole,
        policy: culprit.map(|(_, name, _)| name.clone()),
        expression: culprit.map(|(_, _, text)| text.clone()),
    }
}

async fn accesses(session: &AdminConn) -> Result<Vec<Access>, Failure> {
    let answer = session.run(include_str!("../../sql/audit/discover/access.sql")).await?;
    let columns = columns(session).await?;
    let field = |row: usize, name: &str| answer.value(row, name).unwrap_or_default().to_owned();
    let mut all = Vec::new();
    for row in 0..answer.rows.len() {
        // Where no policy binds the role, other lints speak.
        if answer.value(row, "bound") != Some("t") {
            continue;
        }
        let commands =
            [("select", "may_select"), ("insert", "may_insert"), ("update", "may_update"), ("delete", "may_delete")];
        let table_id = field(row, "table_id");
        let (relation, names) = columns.get(&table_id).cloned().unwrap_or_default();
        all.push(Access {
            table: field(row, "table"),
            relation,
            column: field(row, "column"),
            kind: field(row, "type"),
            base: field(row, "base"),
            labels: answer
                .value(row, "labels")
                .map(|all| all.split('\u{1f}').map(str::to_owned).collect())
                .unwrap_or_default(),
            nullable: answer.value(row, "nullable") == Some("t"),
            columns: names,
            role_id: field(row, "role_id"),
            role: field(row, "role"),
            commands: commands
                .iter()
                .filter(|(_, may)| answer.value(row, may) == Some("t"))
                .map(|(command, _)| *command)
                .collect(),
            table_id,
        });
    }
    Ok(all)
}

/// Each table's bare name and columns.
async fn columns(session: &AdminConn) -> Result<BTreeMap<String, (String, BTreeSet<String>)>, Failure> {
    let answer = session.run(include_str!("../../sql/audit/discover/columns.sql")).await?;
    let mut all: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    for row in &answer.rows {
        if let [Some(table), Some(relation), Some(column)] = row.as_slice() {
            let entry = all.entry(table.clone()).or_default();
            relation.clone_into(&mut entry.0);
            entry.1.insert(column.clone());
        }
    }
    Ok(all)
}

async fn policies(session: &AdminConn) -> Result<BTreeMap<String, Vec<Policy>>, Failure> {
    let answer = session.run(include_str!("../../sql/audit/discover/policies.sql")).await?;
    let mut all: BTreeMap<String, Vec<Policy>> = BTreeMap::new();
    for row in 0..answer.rows.len() {
        let value = |name: &str| answer.value(row, name).map(str::to_owned);
        all.entry(value("table_id").unwrap_or_default()).or_default().push(Policy {
            name: value("policy").unwrap_or_default(),
            permissive: value("permissive").as_deref() == Some("t"),
            command: value("command").unwrap_or_default(),
            using: value("using_expression"),
            check: value("check_expression"),
            roles: value("roles").map(|roles| roles.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        });
    }
    Ok(all)
}
