//! Attacks on a live database, as the role that serves, generated from its catalog. Everything happens in
//! one transaction that is never committed: two tenants are made up with rows in every table, and one of
//! them tries to read, write and learn of the other.
//!
//! No attack passes for want of something to attack: each has a control that must succeed, such as reading
//! one's own row. Where the control fails the attack is inconclusive, which is no pass.
mod arguments;
mod doors;
mod generate;
mod model;
mod objects;
mod report;
mod role;
mod stage;
mod statistics;
mod tables;

use std::{collections::BTreeMap, sync::Mutex};

use model::Table;
pub use report::AttackReport;
use serde::Serialize;
use stage::Stage;

use rowhouse_pg::{AdminConn, Failure, Refusal};

use crate::audit::{Attack, Scope};

/// The attacks by name.
pub const ATTACKS: [&str; 35] = [
    "read",
    "read-nowhere",
    "outsider",
    "cursor",
    "prepared-plan",
    "savepoint",
    "expression-spoof",
    "copy",
    "explain",
    "blind-update",
    "foreign-update",
    "blind-delete",
    "foreign-delete",
    "foreign-insert",
    "unique-probe",
    "upsert",
    "foreign-key-probe",
    "cascade",
    "move",
    "merge",
    "deferred-trigger",
    "truncate",
    "view",
    "materialized-view",
    "foreign-table",
    "function",
    "takeover-by-door",
    "pass-the-hash",
    "read-statistics",
    "role-escape",
    "takedown",
    "row-security-off",
    "large-object",
    "advisory-lock",
    "notify",
];

/// What came of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackVerdict {
    /// The control succeeded and the attack did not.
    Held,
    /// The attack succeeded.
    Breached,
    /// The attack could not be set up, so nothing is known.
    Inconclusive,
    /// It succeeds on every PostgreSQL: no policy or grant can stop it.
    ByNature,
}

/// One attack and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct AttackOutcome {
    /// The attack.
    pub attack: &'static str,
    /// As which role.
    pub role: String,
    /// On what.
    pub object: String,
    /// How it ended.
    pub verdict: AttackVerdict,
    /// What was seen.
    pub detail: String,
}

/// What a scene ends with: a verdict and what was seen.
type Ending = (AttackVerdict, String);

fn held(detail: impl Into<String>) -> Ending {
    (AttackVerdict::Held, detail.into())
}

fn breached(detail: impl Into<String>) -> Ending {
    (AttackVerdict::Breached, detail.into())
}

fn inconclusive(detail: impl Into<String>) -> Ending {
    (AttackVerdict::Inconclusive, detail.into())
}

/// Two tenants and their rows, inside a transaction that is open: made once, attacked many times.
pub struct Ready<'a> {
    stages: Vec<Set<'a>>,
}

struct Set<'a> {
    stage: Stage<'a>,
    tables: Vec<Table>,
    /// Tables in which no row could be made up, and why.
    empty: BTreeMap<String, String>,
    /// How many rows were seen in which table before any tenant was ever set.
    unset: BTreeMap<String, u64>,
    /// How many rows the attacking tenant has in each table.
    own: BTreeMap<String, u64>,
    /// What the attacks were told.
    config: Attack,
    /// How many rows were written in which table, as last looked at.
    written: Mutex<BTreeMap<String, String>>,
}

/// Which attacks to run.
#[derive(Clone, Copy, Debug)]
pub enum Only<'a> {
    /// All of them.
    All,
    /// Those on one table.
    Table(&'a str),
    /// Those on one door, and with what is stored; on no door when it is empty.
    Door(&'a str),
    /// All but those on doors and statistics, which take the longest.
    Rest,
    /// Those on one view or function; where there is none of that name, those on tables and on the role.
    Beside(&'a str),
}

/// Begins the transaction that [`prepare`] and [`run`] need.
pub async fn begin(session: &AdminConn) -> Result<(), Failure> {
    session
        .run("begin; set local search_path = ''; set local jit = off; set local statement_timeout = '30s'; set local lock_timeout = '2s'; set local client_min_messages = error")
        .await?;
    Ok(())
}

/// Makes up the two tenants. The transaction is the caller's, and stays open.
pub async fn prepare<'a>(session: &'a AdminConn, scope: &Scope, config: &Attack) -> Result<Ready<'a>, Failure> {
    let mut stages = Vec::new();
    for role in &scope.roles {
        stage::can_play(session, role).await?;
    }
    let Some(first) = scope.roles.first() else { return Err(Failure("no role to attack as".to_owned())) };
    let tables = model::read(session, first, &config.tables).await?;
    for statement in &config.prepare {
        session.run(statement).await.map_err(|refusal| {
            Failure(format!("a statement under `prepare` in rowhouse-audit.toml failed: {}", refusal.discreet()))
        })?;
    }
    let token = |tenant: char| format!("rh{tenant}{}", &rowhouse_pg::new_id().simple().to_string()[22..]);
    let (mine, mut empty) = generate::persona(session, &tables, config, &token('a')).await?;
    let (theirs, more) = generate::persona(session, &tables, config, &token('b')).await?;
    empty.extend(more);
    settle(session).await?;
    if mine.tenant == theirs.tenant {
        return Err(Failure(format!(
            "two tenants are needed and the same one was made twice ({}): say in rowhouse-audit.toml under [attack.values] how a tenant comes about",
            if mine.tenant.is_empty() {
                empty.values().next().cloned().unwrap_or_default()
            } else {
                mine.tenant.clone()
            }
        )));
    }
    let own =
        tables.iter().map(|table| (table.id.clone(), mine.rows.get(&table.id).map_or(0, |rows| rows.len() as u64)));
    let own: BTreeMap<String, u64> = own.collect();
    for role in &scope.roles {
        stages.push(Set {
            tables: model::read(session, role, &config.tables).await?,
            stage: Stage {
                session,
                role: role.clone(),
                setting: scope.setting.clone(),
                mine: mine.clone(),
                theirs: theirs.clone(),
            },
            empty: empty.clone(),
            own: own.clone(),
            unset: BTreeMap::new(),
            config: config.clone(),
            written: Mutex::default(),
        });
    }
    for set in &mut stages {
        set.unset = tables::read_unset(set).await?;
    }
    Ok(Ready { stages })
}

/// Has what is deferred happen now, as though the tenants had been committed: it is theirs, and not an attack's doing.
async fn settle(session: &AdminConn) -> Result<(), Failure> {
    let deferred = "select string_agg(distinct format('%I.%I', n.nspname, c.conname), ', ')
        from pg_constraint c join pg_namespace n on n.oid = c.connamespace where c.condeferred";
    let names = session.run(deferred).await?;
    session.run("set constraints all immediate").await?;
    if let Some(names) = names.first_column().next().filter(|names| !names.is_empty()) {
        session.run(&format!("set constraints {names} deferred")).await?;
    }
    Ok(())
}

/// What came of the attacks so far.
struct Outcomes<'o> {
    noted: Vec<AttackOutcome>,
    /// After such an outcome no scene is played any more.
    last: &'o (dyn Fn(&AttackOutcome) -> bool + Sync),
    over: bool,
}

impl Ready<'_> {
    /// Plays the attacks. Whatever they change is taken back after each.
    pub async fn run(&self, only: Only<'_>) -> Result<Vec<AttackOutcome>, Failure> {
        self.run_until(only, &|_| false).await
    }

    /// The same, up to an outcome that is enough.
    pub(crate) async fn run_until(
        &self,
        only: Only<'_>,
        enough: &(dyn Fn(&AttackOutcome) -> bool + Sync),
    ) -> Result<Vec<AttackOutcome>, Failure> {
        let mut outcomes = Outcomes { noted: Vec::new(), last: enough, over: false };
        for set in &self.stages {
            if outcomes.over {
                break;
            }
            if matches!(only, Only::Beside(_)) && objects::run(set, only, &mut outcomes).await? {
                continue;
            }
            if !matches!(only, Only::Door(_)) {
                tables::run(set, only, &mut outcomes).await?;
            }
            if matches!(only, Only::All | Only::Rest) {
                objects::run(set, only, &mut outcomes).await?;
            }
            if matches!(only, Only::All | Only::Rest | Only::Beside(_)) {
                role::run(set, &mut outcomes).await?;
            }
            if matches!(only, Only::All | Only::Door(_)) {
                doors::run(set, only, &mut outcomes).await?;
            }
            if matches!(only, Only::All | Only::Table(_)) {
                statistics::run(set, only, &mut outcomes).await?;
            }
        }
        Ok(outcomes.noted)
    }
}

/// Makes up a row in each table in which a tenant has none, so that there is something to look at everywhere. Answers those tables. The
/// transaction is the caller's, to keep or to take back.
pub async fn furnish(
    session: &AdminConn,
    scope: &Scope,
    config: &Attack,
    tenant: &str,
    token: &str,
) -> Result<Vec<String>, Failure> {
    let Some(role) = scope.roles.first() else { return Err(Failure("no role that serves".to_owned())) };
    let tables = model::read(session, role, &config.tables).await?;
    generate::furnish(session, &tables, config, tenant, token).await
}

/// Makes up the tenants, attacks, and takes everything back.
pub async fn run(session: &AdminConn, scope: &Scope, config: &Attack) -> Result<AttackReport, Failure> {
    let ready = prepare(session, scope, config).await?;
    let outcomes = ready.run(Only::All).await?;
    Ok(AttackReport::new(scope.clone(), outcomes, &config.ignore))
}

impl Set<'_> {
    /// Whether a row of the other tenant's could be made up in a table.
    fn theirs_has(&self, table: &str) -> bool {
        self.stage.theirs.rows.get(table).is_some_and(|rows| !rows.is_empty())
    }

    /// Plays one scene between two savepoints and notes how it ended.
    async fn scene(
        &self,
        outcomes: &mut Outcomes<'_>,
        attack: &'static str,
        object: &str,
        scene: impl Future<Output = Result<Ending, Refusal>>,
    ) -> Result<(), Failure> {
        if outcomes.over {
            return Ok(());
        }
        self.stage.session.run("savepoint scene").await?;
        let (verdict, detail) = match scene.await {
            Ok(ending) => ending,
            Err(refusal) if refusal.code.is_empty() => return Err(refusal.into()),
            Err(refusal) => inconclusive(format!("could not be set up: {}", refusal.discreet())),
        };
        self.stage.session.run("rollback to savepoint scene; release savepoint scene").await?;
        let outcome =
            AttackOutcome { attack, role: self.stage.role.clone(), object: object.to_owned(), verdict, detail };
        outcomes.over = (outcomes.last)(&outcome);
        outcomes.noted.push(outcome);
        Ok(())
    }
}
