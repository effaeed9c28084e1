//! Proves that the guards can fail: breaks a copy of the database in one way at a time, and asks that the
//! audit or an attack notices. What nobody notices is a survivor, and names a blind spot.
mod queue;
mod report;

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use queue::{First, Queue, ROUNDS};
pub use report::{Mutant, ProveReport};
use tokio::sync::{Barrier, SetOnce};

use rowhouse_pg::{AdminConn, Failure, set_local};

use crate::{
    attack::{self, AttackOutcome, AttackVerdict, Only, Ready},
    audit::{self, Config, Finding, Lint, Options, Scope, Severity, sheet},
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
    /// Ask every guard about every mutant, and not only until one has noticed.
    pub thorough: bool,
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
    let (roles, others) = mutants(first, plan.only.as_deref()).await?;
    first.run("rollback").await?;
    let queue = Queue::new(roles, others);
    if queue.total == 0 {
        return Err(Failure("no mutant applies to this database: nothing would be proved".to_owned()));
    }
    let thorough = plan.thorough;
    let work = Arc::new(Work { plan, queue, breaches: SetOnce::new(), round: Barrier::new(sessions.len()) });
    let mut workers = tokio::task::JoinSet::new();
    for (number, session) in sessions.into_iter().enumerate() {
        let work = work.clone();
        workers.spawn(async move { work.run(&session, number == 0).await });
    }
    let mut done = Vec::new();
    while let Some(worker) = workers.join_next().await {
        done.extend(worker.map_err(|error| Failure(format!("a worker stopped: {error}")))??);
    }
    done.sort_by(|one, two| (&one.mutant, &one.object).cmp(&(&two.mutant, &two.object)));
    Ok(ProveReport::new(scope, done, thorough, started.elapsed()))
}

/// Mutants that change what the catalog says of a function and nothing that a call would show. There are as many as
/// there are doors; once a lint has noticed, every attack played on each would take minutes and find nothing.
const READ_NOT_PLAYED: [&str; 5] =
    ["leakproof", "definer-search-path", "definer-public", "door-without-reason", "function-setting"];

/// What the workers share.
struct Work {
    plan: Plan,
    queue: Queue,
    /// The attacks that get through before anything is broken; looked for by one worker, since the copies are alike.
    breaches: SetOnce<BTreeSet<Breach>>,
    /// Nobody begins a round before all have ended the one before.
    round: Barrier,
}

type Breach = (&'static str, String, String);

impl Work {
    /// Breaks one copy again and again.
    async fn run(&self, session: &AdminConn, roles: bool) -> Result<Vec<Mutant>, Failure> {
        attack::begin(session).await?;
        let scope = Scope::discover(session, &self.plan.options).await?;
        // The mutants need the copy's shape and not its rows: a unique key without the tenant, for one, could not
        // be made over rows of two tenants that are alike. Past triggers, since some tables let nobody take anything away.
        let empty = format!(
            "set local session_replication_role = replica; truncate {} cascade; set local session_replication_role = origin",
            scope.tables.join(", ")
        );
        session.run(&empty).await?;
        let ready = attack::prepare(session, &scope, &self.plan.config.attack).await?;
        let lints = audit::lints()?;
        let standing = self.ask(session, &scope, lints.iter().collect()).await?;
        let worker = Worker { work: self, session, scope, ready, lints, standing };
        if roles {
            // Before this copy is broken; the others begin meanwhile, and wait for it when they attack.
            let _ = self.breaches.set(worker.breaches().await?);
        }
        let mut done = Vec::new();
        for round in 0..ROUNDS {
            while let Some((number, mut mutant)) = self.queue.next(round, roles) {
                (self.plan.progress)(number, self.queue.total);
                worker.make(&mut mutant, round).await?;
                done.push(mutant);
            }
            self.round.wait().await;
        }
        (self.plan.progress)(self.queue.total, self.queue.total);
        session.run("rollback").await?;
        Ok(done)
    }

    async fn ask(&self, session: &AdminConn, scope: &Scope, lints: Vec<&Lint>) -> Result<Vec<Finding>, Failure> {
        let found = audit::ask(session, scope, &lints).await?;
        Ok(sheet::set_aside(found, &self.plan.options.ignore).0)
    }
}

/// One copy, and what is known of it.
struct Worker<'w> {
    work: &'w Work,
    session: &'w AdminConn,
    scope: Scope,
    ready: Ready<'w>,
    lints: &'static [Lint],
    /// What the audit says before anything is broken.
    standing: Vec<Finding>,
}

impl Worker<'_> {
    /// Breaks the copy, asks who notices, and takes it back.
    async fn make(&self, mutant: &mut Mutant, round: usize) -> Result<(), Failure> {
        self.session.run("savepoint mutant").await?;
        match self.session.run(&mutant.statement).await {
            Err(refusal) if refusal.code.is_empty() => return Err(refusal.into()),
            Err(refusal) => mutant.inapplicable = Some(refusal.to_string()),
            Ok(_) => self.ask(mutant, round).await?,
        }
        let back = format!("rollback to savepoint mutant; release savepoint mutant; {}", self.scope.announcement());
        self.session.run(&back).await?;
        if round == 0 && mutant.inapplicable.is_none() {
            self.work.queue.learn(mutant);
        }
        Ok(())
    }

    /// Asks lints and attacks who notices: all of them if told to be thorough, otherwise until somebody has.
    async fn ask(&self, mutant: &mut Mutant, round: usize) -> Result<(), Failure> {
        let plan = &self.work.plan;
        let first =
            if plan.thorough || round == 0 { First::AllLints } else { self.work.queue.promising(mutant, self.lints) };
        let scope = self.scope.again(self.session, &plan.options).await?;
        match first {
            First::AllLints => self.lint(mutant, &scope, self.lints.iter().collect()).await?,
            First::Lints(some) => {
                let others = self.lints.iter().filter(|lint| some.iter().all(|asked| asked.id != lint.id)).collect();
                self.lint(mutant, &scope, some).await?;
                if mutant.lints.is_empty() {
                    self.lint(mutant, &scope, others).await?;
                }
            }
            First::Attacks => {
                self.attack(mutant).await?;
                if mutant.attacks.is_empty() {
                    self.lint(mutant, &scope, self.lints.iter().collect()).await?;
                }
                return Ok(());
            }
        }
        if mutant.lints.is_empty() || plan.thorough && !READ_NOT_PLAYED.contains(&mutant.mutant.as_str()) {
            self.attack(mutant).await?;
        }
        Ok(())
    }

    async fn lint(&self, mutant: &mut Mutant, scope: &Scope, lints: Vec<&Lint>) -> Result<(), Failure> {
        let found = self.work.ask(self.session, scope, lints).await?;
        let known = |found: &&Finding| {
            !self.standing.iter().any(|known| (known.lint, &known.object) == (found.lint, &found.object))
        };
        mutant.lints = found.iter().filter(known).map(|finding| finding.lint).collect();
        Ok(())
    }

    /// Plays the attacks: unless told to be thorough, up to the first that gets through.
    async fn attack(&self, mutant: &mut Mutant) -> Result<(), Failure> {
        let thorough = self.work.plan.thorough;
        let breaches = self.work.breaches.wait().await;
        let new = |outcome: &AttackOutcome| breached(outcome) && !breaches.contains(&key(outcome));
        let outcomes = self.ready.run_until(mutant.attacked(), &|outcome| !thorough && new(outcome)).await?;
        mutant.attacks = outcomes.iter().filter(|outcome| new(outcome)).map(|outcome| outcome.attack).collect();
        Ok(())
    }

    /// The attacks that get through before anything is broken. Only a house in order can be broken one wall at a time.
    async fn breaches(&self) -> Result<BTreeSet<Breach>, Failure> {
        let outcomes = self.ready.run(Only::All).await?;
        let ignore = &self.work.plan.config.attack.ignore;
        let known = |outcome: &AttackOutcome| {
            ignore.iter().any(|entry| entry.covers_object(outcome.attack, &outcome.object, Some(&outcome.role)))
        };
        let errors = self.standing.iter().filter(|finding| finding.severity == Severity::Error);
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
        Ok(outcomes.iter().filter(|outcome| breached(outcome)).map(key).collect())
    }
}

fn breached(outcome: &AttackOutcome) -> bool {
    outcome.verdict == AttackVerdict::Breached
}

fn key(outcome: &AttackOutcome) -> Breach {
    (outcome.attack, outcome.role.clone(), outcome.object.clone())
}

/// The mutants that a database lends itself to: of roles and the like, and of its objects.
async fn mutants(session: &AdminConn, only: Option<&str>) -> Result<(Vec<Mutant>, Vec<Mutant>), Failure> {
    let (mut roles, mut others) = (Vec::new(), Vec::new());
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
            if name == ROLES { &mut roles } else { &mut others }.push(mutant);
        }
    }
    Ok((roles, others))
}
