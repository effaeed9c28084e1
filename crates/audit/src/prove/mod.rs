//! Proves that the guards can fail: breaks a copy of the database in one way at a time, and asks that the
//! audit or an attack notices. What nobody notices is a survivor, and names a blind spot.
mod report;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

pub use report::{Mutant, ProveReport};

use rowhouse_pg::{AdminConn, Failure, set_local};

use crate::{
    attack::{self, AttackOutcome, AttackVerdict, Only, Ready},
    audit::{self, Config, Options, Scope, Severity},
};

/// Statements that list the mutants of a database: what, where, which table, and how it is done.
const SOURCES: [(&str, &str); 4] = [
    (ROLES, include_str!("../../sql/prove/database.sql")),
    ("doors", include_str!("../../sql/prove/doors.sql")),
    ("policies", include_str!("../../sql/prove/policies.sql")),
    ("tables", include_str!("../../sql/prove/tables.sql")),
];

/// Roles belong to the whole server, so their mutants are made by one worker, which nobody makes wait.
const ROLES: &str = "database";

/// What is to be broken, and how.
#[derive(Clone)]
pub struct Plan {
    /// What the audit looks at.
    pub options: Options,
    /// What the attacks need to know.
    pub config: Config,
    /// Make only the mutants whose name or object contains this.
    pub only: Option<String>,
    /// Hears how many of how many mutants are done.
    pub progress: fn(usize, usize),
}

/// Breaks, looks, and takes back, mutant by mutant, in transactions that are never committed. Each session is
/// connected to a copy of its own.
pub async fn run(sessions: Vec<AdminConn>, plan: Plan) -> Result<ProveReport, Failure> {
    let started = Instant::now();
    let Some(first) = sessions.first() else { return Err(Failure("no copy to break".to_owned())) };
    attack::begin(first).await?;
    let scope = Scope::discover(first, &plan.options).await?;
    first.run(&set_local("audit.secrets", &plan.config.attack.secrets.join(","))).await?;
    let queue = Queue::new(mutants(first, plan.only.as_deref()).await?);
    first.run("rollback").await?;
    if queue.total == 0 {
        return Err(Failure("no mutant applies to this database: nothing would be proved".to_owned()));
    }
    let (plan, queue) = (Arc::new(plan), Arc::new(queue));
    let mut workers = tokio::task::JoinSet::new();
    for (number, session) in sessions.into_iter().enumerate() {
        let (plan, queue) = (plan.clone(), queue.clone());
        workers.spawn(async move { work(&session, &plan, &queue, number == 0).await });
    }
    let mut done = Vec::new();
    while let Some(worker) = workers.join_next().await {
        done.extend(worker.map_err(|error| Failure(format!("a worker stopped: {error}")))??);
    }
    done.sort_by(|one, two| (&one.mutant, &one.object).cmp(&(&two.mutant, &two.object)));
    Ok(ProveReport::new(scope, done, started.elapsed()))
}

/// The mutants nobody has made yet.
struct Queue {
    roles: Mutex<VecDeque<Mutant>>,
    others: Mutex<VecDeque<Mutant>>,
    total: usize,
}

impl Queue {
    fn new((roles, others): (VecDeque<Mutant>, VecDeque<Mutant>)) -> Self {
        Self { total: roles.len() + others.len(), roles: Mutex::new(roles), others: Mutex::new(others) }
    }

    fn next(&self, roles: bool) -> Option<(usize, Mutant)> {
        let lock = |queue: &Mutex<VecDeque<Mutant>>, take: bool| {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            (if take { queue.pop_front() } else { None }, queue.len())
        };
        let (mutant, left) = lock(&self.roles, roles);
        let (mutant, more) = match mutant {
            Some(mutant) => (Some(mutant), lock(&self.others, false).1),
            None => lock(&self.others, true),
        };
        mutant.map(|mutant| (self.total - left - more, mutant))
    }
}

/// Mutants that change what the catalog says of a function and nothing that a call would show. There are as many as
/// there are doors; once a lint has noticed, every attack played on each would take minutes and find nothing.
const READ_NOT_PLAYED: [&str; 5] =
    ["leakproof", "definer-search-path", "definer-public", "door-without-reason", "function-setting"];

/// Breaks one copy again and again.
async fn work(session: &AdminConn, plan: &Plan, queue: &Queue, roles: bool) -> Result<Vec<Mutant>, Failure> {
    attack::begin(session).await?;
    let scope = Scope::discover(session, &plan.options).await?;
    // The mutants need the copy's shape and not its rows: a unique key without the tenant, for one, could not
    // be made over rows of two tenants that are alike.
    session.run(&format!("truncate {} cascade", scope.tables.join(", "))).await?;
    let ready = attack::prepare(session, &scope, &plan.config.attack).await?;
    let standing = Standing::look(session, &scope, &ready, plan).await?;
    let mut done = Vec::new();
    while let Some((number, mut mutant)) = queue.next(roles) {
        (plan.progress)(number, queue.total);
        session.run("savepoint mutant").await?;
        match session.run(&mutant.statement).await {
            Err(refusal) if refusal.code.is_empty() => return Err(refusal.into()),
            Err(refusal) => mutant.inapplicable = Some(refusal.to_string()),
            Ok(_) => {
                let scope = scope.again(session, &plan.options).await?;
                let report = audit::inspect(session, &scope, &plan.options.ignore).await?;
                let new = report
                    .findings
                    .iter()
                    .filter(|finding| !standing.findings.contains(&(finding.lint, finding.object.clone())));
                mutant.lints = new.map(|finding| finding.lint).collect();
                let outcomes = if !mutant.lints.is_empty() && READ_NOT_PLAYED.contains(&mutant.mutant.as_str()) {
                    Vec::new()
                } else {
                    ready.run(mutant.attacked()).await?
                };
                let new =
                    outcomes.iter().filter(|outcome| breached(outcome) && !standing.breaches.contains(&key(outcome)));
                mutant.attacks = new.map(|outcome| outcome.attack).collect();
            }
        }
        session.run("rollback to savepoint mutant; release savepoint mutant").await?;
        scope.announce(session).await?;
        done.push(mutant);
    }
    session.run("rollback").await?;
    Ok(done)
}

/// What audit and attacks say of the database before anything is broken.
struct Standing {
    findings: BTreeSet<(&'static str, String)>,
    breaches: BTreeSet<(&'static str, String, String)>,
}

impl Standing {
    /// Only a house in order can be broken one wall at a time.
    async fn look(session: &AdminConn, scope: &Scope, ready: &Ready<'_>, plan: &Plan) -> Result<Self, Failure> {
        let report = audit::inspect(session, scope, &plan.options.ignore).await?;
        let outcomes = ready.run(Only::All).await?;
        let known = |outcome: &AttackOutcome| {
            plan.config.attack.ignore.iter().any(|entry| entry.covers_object(outcome.attack, &outcome.object))
        };
        let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let breaches = outcomes.iter().filter(|outcome| breached(outcome) && !known(outcome));
        let broken: Vec<String> = errors
            .map(|finding| format!("{} on {}", finding.lint, finding.object))
            .chain(breaches.map(|outcome| format!("attack {} on {}", outcome.attack, outcome.object)))
            .collect();
        if !broken.is_empty() {
            return Err(Failure(format!(
                "mend the database first, or every mutant would seem to be noticed: {}",
                broken.join(", ")
            )));
        }
        Ok(Self {
            findings: report.findings.into_iter().map(|finding| (finding.lint, finding.object)).collect(),
            breaches: outcomes.iter().filter(|outcome| breached(outcome)).map(key).collect(),
        })
    }
}

fn breached(outcome: &AttackOutcome) -> bool {
    outcome.verdict == AttackVerdict::Breached
}

fn key(outcome: &AttackOutcome) -> (&'static str, String, String) {
    (outcome.attack, outcome.role.clone(), outcome.object.clone())
}

/// The mutants that a database lends itself to: of roles and the like, and of its objects.
async fn mutants(session: &AdminConn, only: Option<&str>) -> Result<(VecDeque<Mutant>, VecDeque<Mutant>), Failure> {
    let (mut roles, mut others) = (VecDeque::new(), VecDeque::new());
    for (name, text) in SOURCES {
        let answer = session.run(text).await.map_err(|refusal| Failure(format!("sql/prove/{name}.sql: {refusal}")))?;
        for row in 0..answer.rows.len() {
            let value = |column: &str| answer.value(row, column).unwrap_or_default().to_owned();
            let mutant = Mutant {
                mutant: value("mutant"),
                object: value("object"),
                statement: value("statement"),
                table: answer.value(row, "table").map(str::to_owned),
                door: answer.value(row, "door").map(str::to_owned),
                inapplicable: None,
                lints: BTreeSet::new(),
                attacks: BTreeSet::new(),
            };
            if only.is_some_and(|only| !mutant.mutant.contains(only) && !mutant.object.contains(only)) {
                continue;
            }
            if name == ROLES { &mut roles } else { &mut others }.push_back(mutant);
        }
    }
    Ok((roles, others))
}
