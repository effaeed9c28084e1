//! Judges what the policies on each table let through, by role and command: a row of another tenant, or not.
//!
//! PostgreSQL lets a row through when every restrictive policy holds and at least one permissive one does.
//! So rows of other tenants are walled off when some restrictive policy keeps to the tenant, or when all
//! permissive ones do. Whether one does is asked of [`formula`](super::formula) and, for its atoms, of the
//! database: with the tenant set the atom must hold for the tenant's rows, and for no row when another
//! tenant is set, or none, or an empty one.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlparser::ast::Expr;

use super::{
    formula::{self, Ground, Hole, Truth},
    scope::Scope,
};
use crate::{
    db::{Session, literal, set_local},
    error::Failure,
};

/// What a role's statements of one kind meet on one table.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
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

struct Access {
    table_id: String,
    table: String,
    relation: String,
    column: String,
    kind: String,
    /// Its type without domain and length.
    base: String,
    /// Of an enum.
    labels: Vec<String>,
    nullable: bool,
    columns: BTreeSet<String>,
    role_id: String,
    role: String,
    commands: Vec<&'static str>,
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
pub(super) async fn judge(session: &Session, scope: &Scope) -> Result<Vec<Verdict>, Failure> {
    let accesses = accesses(session).await?;
    let policies = policies(session).await?;
    let functions = Functions::read(session).await?;
    let mut atoms = Atoms { setting: &scope.setting, known: BTreeMap::new(), functions };
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
) -> Verdict {
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
    Verdict {
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

/// The atoms met so far and what the database said of them. Equal atoms of different tables are asked once.
struct Atoms<'a> {
    setting: &'a str,
    known: BTreeMap<Atom, Option<Trial>>,
    functions: Functions,
}

/// An atom with the tenant column replaced by a literal, in the ways it is tried.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Atom {
    /// With each tenant that was made up, in the order of `tenants`.
    rows: Vec<String>,
    tenants: Vec<String>,
    /// Values of the setting, the tenants first.
    settings: Vec<String>,
    /// The first row's, with a name of the setting that nobody ever set.
    without_setting: String,
    null_tenant: Option<String>,
}

/// What came of it; an error is not true.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each state it is tried in")]
struct Trial {
    own: bool,
    other: bool,
    empty: bool,
    unset: bool,
    null: bool,
}

/// A setting nobody has ever set.
const NEVER_SET: &str = "rowhouse_audit.never_set";

impl Atoms<'_> {
    fn truth(&mut self, text: &str, access: &Access) -> Truth {
        let Some(expression) = formula::parse(text) else { return Truth::Unknown };
        let ground = Ground { relation: &access.relation, tenant: &access.column, columns: &access.columns };
        formula::judge(&expression, &mut |atom| self.atom(atom, &ground, access))
    }

    fn atom(&mut self, atom: &Expr, ground: &Ground<'_>, access: &Access) -> Truth {
        let reads = formula::reads(atom, ground);
        let setting = self.setting.to_lowercase();
        if !reads.tenant {
            // About something else in the row, or about nothing in it. It may ask whether a tenant is set, or
            // which one, but not whose row this is.
            if reads.other_columns || reads.tables || !reads.settings.contains(&setting) {
                return Truth::Open(Hole::NoTenant);
            }
        } else if formula::compares_with_itself(atom, ground) {
            return Truth::Open(Hole::Itself);
        } else if reads.other_columns || reads.tables || reads.session || !self.functions.can_be_tried(&reads.functions)
        {
            return Truth::Unknown;
        }
        let asked = self.ask(atom, ground, access, &reads.literals);
        let Some(trial) = self.known.entry(asked).or_insert(None) else { return Truth::Unknown };
        if trial.other && reads.tenant {
            Truth::Open(if trial.own { Hole::Always } else { Hole::NoTenant })
        } else if trial.empty || trial.unset {
            Truth::Open(Hole::FailsOpen)
        } else if !reads.tenant {
            Truth::Open(Hole::NoTenant)
        } else if trial.null {
            Truth::Open(Hole::NullTenant)
        } else if reads.settings.iter().any(|name| *name != setting) && trial.own {
            Truth::Unknown // a second setting may have a say
        } else if trial.own {
            if self.functions.can_be_read(&reads.functions) { Truth::Walled } else { Truth::Unknown }
        } else if !reads.functions.is_empty() || reads.settings.contains(&setting) {
            Truth::Unknown
        } else if reads.settings.is_empty() {
            Truth::Open(Hole::NoTenant) // a fixed tenant
        } else {
            Truth::Open(Hole::OtherSetting)
        }
    }

    fn ask(&self, atom: &Expr, ground: &Ground<'_>, access: &Access, literals: &BTreeSet<String>) -> Atom {
        let cast = |value: &str| format!("{}::{}", literal(value), access.kind);
        let (mut tenants, fits) = samples(access);
        // A word the expression names may be somebody's master key.
        let words = literals.iter().filter(|word| !word.is_empty() && **word != *self.setting);
        let mut settings = tenants.clone();
        for word in words.take(8) {
            settings.push(word.clone());
            if fits(word) && !tenants.contains(word) {
                tenants.push(word.clone());
            }
        }
        settings.extend(["0", "*", "%"].map(str::to_owned));
        let rows = tenants.iter().map(|tenant| formula::substitute(atom, ground, &cast(tenant), None)).collect();
        Atom {
            rows,
            without_setting: formula::substitute(atom, ground, &cast(&tenants[0]), Some((self.setting, NEVER_SET))),
            null_tenant: access
                .nullable
                .then(|| formula::substitute(atom, ground, &format!("null::{}", access.kind), None)),
            tenants,
            settings,
        }
    }

    async fn evaluate(&mut self, session: &Session) -> Result<(), Failure> {
        session.run("savepoint atoms").await?;
        let mut trials: Vec<(Atom, Trial)> = self.known.keys().map(|atom| (atom.clone(), Trial::default())).collect();
        for (atom, trial) in &mut trials {
            trial.unset = hold(session, "", &atom.rows).await?.contains(&true) && unset(session, self.setting).await?
                || hold(session, "", std::slice::from_ref(&atom.without_setting)).await?[0];
        }
        for (atom, trial) in &mut trials {
            let set = |value: &str| set_local(self.setting, value) + ";";
            for value in &atom.settings {
                let held = hold(session, &set(value), &atom.rows).await?;
                for (tenant, held) in atom.tenants.iter().zip(held) {
                    if tenant != value {
                        trial.other |= held;
                    } else if *tenant == atom.tenants[0] {
                        trial.own = held;
                    }
                }
            }
            trial.empty = hold(session, &set(""), &atom.rows).await?.contains(&true);
            if let Some(null) = &atom.null_tenant {
                trial.null = hold(session, &set(&atom.tenants[0]), std::slice::from_ref(null)).await?[0];
            }
        }
        self.known = trials.into_iter().map(|(atom, trial)| (atom, Some(trial))).collect();
        Ok(())
    }
}

/// Whether the session never set a tenant: the setting is missing, not empty.
async fn unset(session: &Session, setting: &str) -> Result<bool, Failure> {
    let answer = session.run(&format!("select current_setting({}, true) is null", literal(setting))).await?;
    Ok(answer.first_column().next() == Some("t"))
}

/// Whether expressions are true after some `set local`; errors and nulls are not. One that raises spoils the
/// others, so then each is asked by itself.
async fn hold(session: &Session, set: &str, expressions: &[String]) -> Result<Vec<bool>, Failure> {
    let list: Vec<String> = expressions.iter().map(|expression| format!("({expression}) is true")).collect();
    let tried = session.run(&format!("{set} select {}", list.join(", "))).await;
    session.run("rollback to savepoint atoms").await?;
    match tried {
        Ok(answer) => {
            let row = answer.rows.first().cloned().unwrap_or_default();
            Ok(row.iter().map(|value| value.as_deref() == Some("t")).collect())
        }
        Err(refusal) if refusal.code.is_empty() => Err(refusal.into()),
        Err(_) if expressions.len() == 1 => Ok(vec![false]),
        Err(_) => {
            let mut all = Vec::new();
            for expression in expressions {
                all.extend(Box::pin(hold(session, set, std::slice::from_ref(expression))).await?);
            }
            Ok(all)
        }
    }
}

/// Tenants of a type, whether there are such tenants or not, and which words could be one.
fn samples(access: &Access) -> (Vec<String>, fn(&str) -> bool) {
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    if !access.labels.is_empty() {
        return (access.labels.clone(), |_| false);
    }
    match access.base.as_str() {
        "uuid" => (
            list(&[
                "0f0f0f0f-0000-4000-8000-00000000000a",
                "0f0f0f0f-0000-4000-8000-00000000000b",
                "00000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
            ]),
            |word| uuid::Uuid::parse_str(word).is_ok(),
        ),
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => {
            (list(&["11", "12", "1", "0", "2", "31001", "-1"]), |word| word.parse::<i16>().is_ok())
        }
        _ => (list(&["ab", "b", "a", "abc", "AB", "*", "%"]), |_| true),
    }
}

/// What is known of the database's own functions.
struct Functions {
    /// Sources by qualified name, as `pg_get_expr` prints it; several when overloaded.
    known: BTreeMap<String, Vec<Function>>,
    /// Whether calling one lends it more than its owner has.
    lends: bool,
}

struct Function {
    source: String,
    owned_by_superuser: bool,
}

impl Functions {
    async fn read(session: &Session) -> Result<Self, Failure> {
        let answer = session.run(include_str!("../../sql/audit/discover/functions.sql")).await?;
        let mut known: BTreeMap<String, Vec<Function>> = BTreeMap::new();
        for row in 0..answer.rows.len() {
            let value = |name: &str| answer.value(row, name).unwrap_or_default().to_owned();
            known.entry(value("name")).or_default().push(Function {
                source: value("source").to_lowercase(),
                owned_by_superuser: value("owned_by_superuser") == "t",
            });
        }
        let rights = session
            .run(
                "select rolsuper or pg_has_role('pg_execute_server_program', 'member') or pg_has_role('pg_write_server_files', 'member')
                 from pg_roles where rolname = current_user",
            )
            .await?;
        Ok(Self { known, lends: rights.first_column().next() == Some("t") })
    }

    /// To try a function is to run it with this session's rights, and a read-only transaction does not stop
    /// `copy … to program`. As a superuser only what superusers wrote is run.
    fn can_be_tried(&self, names: &BTreeSet<String>) -> bool {
        !self.lends
            || names.iter().all(|name| {
                self.known.get(name).is_some_and(|all| all.iter().all(|function| function.owned_by_superuser))
            })
    }

    /// Whether trying them says all: they read no table, ask nobody who they are, and call no other.
    fn can_be_read(&self, names: &BTreeSet<String>) -> bool {
        let telling = |word: &str| {
            SAYS_MORE.contains(&word) || self.known.keys().any(|name| name.rsplit('.').next() == Some(word))
        };
        names.iter().all(|name| {
            let own = name.rsplit('.').next().unwrap_or_default();
            self.known.get(name).is_some_and(|all| {
                all.iter().all(|function| {
                    let mut words = function.source.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                    !words.any(|word| word != own && telling(word))
                })
            })
        })
    }
}

/// Words in a function's source with which its answer may depend on more than the tenant.
const SAYS_MORE: [&str; 10] = [
    "from",
    "join",
    "table",
    "execute",
    "perform",
    "current_user",
    "session_user",
    "current_role",
    "pg_has_role",
    "values",
];

async fn accesses(session: &Session) -> Result<Vec<Access>, Failure> {
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
async fn columns(session: &Session) -> Result<BTreeMap<String, (String, BTreeSet<String>)>, Failure> {
    let answer = session
        .run(
            "select c.oid, c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
             where c.oid = any (string_to_array(current_setting('audit.tables'), ',')::oid[])
               and a.attnum > 0 and not a.attisdropped",
        )
        .await?;
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

async fn policies(session: &Session) -> Result<BTreeMap<String, Vec<Policy>>, Failure> {
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
