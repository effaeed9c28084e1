//! What remains of a policy when its boolean structure is taken apart, tried in the database: with one tenant set
//! and the row of another in its place, with none set, and with an empty one.
use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::Expr;

use super::{
    formula::{self, Ground, Hole, Truth},
    functions::Functions,
    judge::Access,
};
use rowhouse_pg::{AdminConn, Failure, literal, set_local};

/// The atoms met so far and what the database said of them. Equal atoms of different tables are asked once.
pub(super) struct Atoms<'a> {
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

impl<'a> Atoms<'a> {
    pub(super) fn new(setting: &'a str, functions: Functions) -> Self {
        Self { setting, known: BTreeMap::new(), functions }
    }

    /// What a policy's expression says of other tenants' rows. The first time round every atom is unknown, and noted.
    pub(super) fn truth(&mut self, text: &str, access: &Access) -> Truth {
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

    /// Tries all atoms that were noted.
    pub(super) async fn evaluate(&mut self, session: &AdminConn) -> Result<(), Failure> {
        session.run("savepoint atoms").await?;
        let mut trials: Vec<(Atom, Trial)> = self.known.keys().map(|atom| (atom.clone(), Trial::default())).collect();
        // Whether the session never set a tenant: the setting is missing, not empty.
        let missing =
            |row: &String| format!("({row}) is true and current_setting({}, true) is null", literal(self.setting));
        let asked = trials.iter().flat_map(|(atom, _)| {
            let rows = Question { set: String::new(), expressions: atom.rows.iter().map(missing).collect() };
            [rows, Question { set: String::new(), expressions: vec![atom.without_setting.clone()] }]
        });
        let mut held = hold(session, &asked.collect::<Vec<_>>()).await?.into_iter();
        for (_, trial) in &mut trials {
            trial.unset = [held.next(), held.next()].into_iter().flatten().flatten().any(|held| held);
        }
        let set = |value: &str| set_local(self.setting, value) + ";";
        let asked = trials.iter().flat_map(|(atom, _)| {
            let settings = atom.settings.iter().map(String::as_str).chain([""]);
            let rows = settings.map(|value| Question { set: set(value), expressions: atom.rows.clone() });
            let null = atom.null_tenant.iter().cloned();
            rows.chain(null.map(|null| Question { set: set(&atom.tenants[0]), expressions: vec![null] }))
        });
        let mut held = hold(session, &asked.collect::<Vec<_>>()).await?.into_iter();
        for (atom, trial) in &mut trials {
            for value in &atom.settings {
                for (tenant, held) in atom.tenants.iter().zip(held.next().unwrap_or_default()) {
                    if tenant != value {
                        trial.other |= held;
                    } else if *tenant == atom.tenants[0] {
                        trial.own = held;
                    }
                }
            }
            trial.empty = held.next().unwrap_or_default().contains(&true);
            trial.null = atom.null_tenant.is_some() && held.next().unwrap_or_default().contains(&true);
        }
        session.run("rollback to savepoint atoms").await?;
        self.known = trials.into_iter().map(|(atom, trial)| (atom, Some(trial))).collect();
        Ok(())
    }
}

/// Expressions, and the `set local` after which they are tried.
struct Question {
    set: String,
    expressions: Vec<String>,
}

/// Whether expressions are true; errors and nulls are not. One that raises spoils the others of its question, so then each is
/// asked by itself. The questions go out together, and each begins by taking back what another did.
async fn hold(session: &AdminConn, questions: &[Question]) -> Result<Vec<Vec<bool>>, Failure> {
    let texts = questions.iter().map(|Question { set, expressions }| {
        let list: Vec<String> = expressions.iter().map(|expression| format!("({expression}) is true")).collect();
        format!("rollback to savepoint atoms; {set} select {}", list.join(", "))
    });
    let (mut all, mut spoilt) = (Vec::new(), Vec::new());
    for (at, tried) in session.run_all(&texts.collect::<Vec<_>>()).await.into_iter().enumerate() {
        all.push(match tried {
            Ok(answer) => {
                let row = answer.rows.into_iter().next().unwrap_or_default();
                row.iter().map(|value| value.as_deref() == Some("t")).collect()
            }
            Err(refusal) if refusal.code.is_empty() => return Err(refusal.into()),
            Err(_) => {
                let number = questions[at].expressions.len();
                if number > 1 {
                    spoilt.push(at);
                }
                vec![false; number]
            }
        });
    }
    let alone: Vec<Question> = spoilt
        .iter()
        .flat_map(|at| {
            let Question { set, expressions } = &questions[*at];
            expressions.iter().map(|one| Question { set: set.clone(), expressions: vec![one.clone()] })
        })
        .collect();
    if !alone.is_empty() {
        let mut answers = Box::pin(hold(session, &alone)).await?.into_iter().flatten();
        for at in spoilt {
            for held in &mut all[at] {
                *held = answers.next().unwrap_or_default();
            }
        }
    }
    Ok(all)
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
