//! Asks the policies of the row, and puts their answers together as PostgreSQL does.
//!
//! Expressions of policies are evaluated with the rights of the connection, in a read-only transaction.
use super::{
    ClauseCheck, ConditionOutcome, PolicyCheck, Question, Reason, Verb, WhyReport, WhyVerdict,
    case::Case,
    clauses::{Clause, Whose},
    read::{Answer, Column, Place},
    reasons,
};
use rowhouse_pg::{AdminConn, Failure};

/// One snapshot, nothing written but a session for the question and that taken back, no name looked up but where the statement says, no wait without end.
const BEGIN: &str = "begin isolation level repeatable read; set local search_path = '';
    set local standard_conforming_strings = on; set local statement_timeout = '10s'; set local lock_timeout = '2s'";

/// Answers the question on a connection that no wall stops; fails in a sentence when it cannot be asked.
pub async fn ask(admin: &AdminConn, question: &Question) -> Result<WhyReport, Failure> {
    admin.script("begin", BEGIN).await?;
    let report = Case::open(admin, question).await;
    let report = match report {
        Ok(case) => case.judge().await,
        Err(failure) => Err(failure),
    };
    let rolled_back = admin.script("rollback", "rollback").await;
    let report = report?;
    rolled_back.map(|()| report)
}

/// What a step of a command asks of its policies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Using,
    Check,
}

/// The steps of each command, in PostgreSQL's order. A row that is addressed by its key is read first.
fn steps(verb: Verb) -> &'static [(Verb, Part, &'static str)] {
    const READ: (Verb, Part, &str) = (Verb::Select, Part::Using, "select");
    match verb {
        Verb::Select => &[READ],
        Verb::Insert => &[(Verb::Insert, Part::Check, "insert, new row")],
        Verb::Update => {
            &[READ, (Verb::Update, Part::Using, "update, old row"), (Verb::Update, Part::Check, "update, new row")]
        }
        Verb::Delete => &[READ, (Verb::Delete, Part::Using, "delete")],
    }
}

impl Case<'_> {
    async fn judge(self) -> Result<WhyReport, Failure> {
        let question = self.question;
        let place = self.find().await?;
        let mut report = WhyReport {
            verdict: WhyVerdict::Hidden,
            reasons: Vec::new(),
            question: question.clone(),
            policies: Vec::new(),
            confirmed: None,
        };
        let mut wanted: Vec<&str> = steps(question.command).iter().map(|(verb, ..)| verb.name()).collect();
        wanted.dedup();
        report.reasons.extend(self.missing_grant(&wanted));
        let Some(place) = place else {
            if question.command == Verb::Insert {
                return Err(Failure(
                    "there is no such row; for an insert, name a row such as the one to be inserted".to_owned(),
                ));
            }
            report.reasons.insert(0, reasons::no_such_row(&self.table.name));
            return Ok(report);
        };
        let granted = report.reasons.is_empty();
        let verdict = if let Some(why) = self.not_asked() {
            report.reasons.push(why);
            WhyVerdict::Shown
        } else {
            self.set().await?;
            for step in steps(question.command) {
                report.policies.extend(self.check(*step, &place).await?);
            }
            let (verdict, reasons) = self.sum_up(&report.policies, &place).await?;
            report.reasons.extend(reasons);
            verdict
        };
        report.verdict = if granted { verdict } else { WhyVerdict::Hidden };
        if report.reasons.is_empty() {
            report.reasons.push(reasons::policies_hold(&self.table.name, &question.role, question.command));
        }
        if question.command == Verb::Select && report.verdict != WhyVerdict::Unknown {
            self.confirm(&mut report).await?;
        }
        Ok(report)
    }

    async fn set(&self) -> Result<(), Failure> {
        let settings = &self.question.settings;
        for (name, value) in [(&settings.tenant, &self.tenant), (&settings.user, &self.user)] {
            let statement = format!("set local {name} = '{}'", value.replace('\'', "''"));
            self.admin.script("set local", &statement).await?;
        }
        if let Some(session) = &self.session {
            self.admin.script("set local", &format!("set local app.session_id = '{session}'")).await?;
        }
        Ok(())
    }

    async fn check(
        &self,
        (verb, part, asked_for): (Verb, Part, &'static str),
        place: &Place,
    ) -> Result<Vec<PolicyCheck>, Failure> {
        let mut checks = Vec::new();
        for (policy, using, check) in &self.policies {
            if !policy.binds || policy.command != "all" && policy.command != verb.name() {
                continue;
            }
            // Without a check of its own, a policy's USING is the check too.
            let (expression, clauses) = match (part, &policy.check) {
                (Part::Check, Some(expression)) => (Some(expression), check),
                _ => (policy.using.as_ref(), using),
            };
            let Some(expression) = expression else { continue };
            let outcome = self.outcome(expression, place).await?;
            let mut asked = Vec::new();
            for clause in clauses {
                // One clause is the policy; and where all is true, each is.
                let alone = clauses.len() == 1 || outcome == ConditionOutcome::True;
                let outcome = if alone { outcome.clone() } else { self.outcome(&clause.text, place).await? };
                asked.push(ClauseCheck { clause: clause.text.clone(), outcome });
            }
            // Put together again by the parser, a part can fail to be SQL; then the whole has to explain itself.
            let no_sql = |part: &ClauseCheck| matches!(&part.outcome, ConditionOutcome::Raises { sqlstate, .. } if sqlstate == "42601");
            if asked.iter().any(no_sql) {
                asked = vec![ClauseCheck { clause: expression.clone(), outcome: outcome.clone() }];
            }
            checks.push(PolicyCheck {
                policy: policy.name.clone(),
                permissive: policy.permissive,
                asked_for,
                outcome,
                clauses: asked,
            });
        }
        Ok(checks)
    }

    async fn outcome(&self, condition: &str, place: &Place) -> Result<ConditionOutcome, Failure> {
        let text = format!(
            "select ({condition})::boolean as answer from {} as {alias}
             where {alias}.ctid = $1::text::tid and {alias}.tableoid = $2::text::oid",
            self.table.quoted,
            alias = self.table.alias
        );
        Ok(match self.admin.ask::<Answer>(&text, &[&place.ctid, &place.table_oid]).await? {
            Ok(answer) => match answer.first() {
                Some(Answer(Some(true))) => ConditionOutcome::True,
                Some(Answer(Some(false))) => ConditionOutcome::False,
                Some(Answer(None)) => ConditionOutcome::Null,
                None => return Err(Failure("the row went away while it was looked at".to_owned())),
            },
            Err(refusal) => reasons::raised(refusal, self.house),
        })
    }

    /// Permissive policies are joined by OR, restrictive ones by AND, for each step of the command.
    async fn sum_up(&self, checks: &[PolicyCheck], place: &Place) -> Result<(WhyVerdict, Vec<Reason>), Failure> {
        let (mut verdict, mut found) = (WhyVerdict::Shown, Vec::<Reason>::new());
        for (.., asked_for) in steps(self.question.command) {
            let of = |permissive: bool| -> Vec<&PolicyCheck> {
                checks.iter().filter(|c| c.asked_for == *asked_for && c.permissive == permissive).collect()
            };
            let (permissive, restrictive) = (of(true), of(false));
            let holds = |check: &&PolicyCheck| check.outcome == ConditionOutcome::True;
            let raises = |check: &&PolicyCheck| matches!(check.outcome, ConditionOutcome::Raises { .. });
            let told = |check: &&PolicyCheck| !reasons::cannot_be_told(&check.outcome);
            let let_through = permissive.iter().any(holds);
            let mut failing: Vec<&PolicyCheck> = restrictive.into_iter().filter(|check| !holds(check)).collect();
            let mut hides = failing.iter().any(told);
            if permissive.is_empty() {
                hides = true;
                add(&mut found, reasons::no_policy(&self.table.name, asked_for, &self.question.role));
            } else if let_through {
                // One lets it through and another raises: which is asked first is the planner's business.
                failing.extend(permissive.into_iter().filter(raises));
            } else {
                hides |= permissive.iter().all(told);
                failing.extend(permissive);
            }
            if hides {
                verdict = WhyVerdict::Hidden;
            } else if !failing.is_empty() && verdict == WhyVerdict::Shown {
                verdict = WhyVerdict::Unknown;
            }
            for check in failing {
                for reason in self.explain(check, place).await? {
                    add(&mut found, reason);
                }
            }
        }
        // Whose the row is comes before what the user may do.
        found.sort_by_key(|reason| !reason.code.starts_with("other_"));
        Ok((verdict, found))
    }

    async fn explain(&self, check: &PolicyCheck, place: &Place) -> Result<Vec<Reason>, Failure> {
        let mut found = Vec::new();
        let known = self.policies.iter().filter(|(policy, ..)| policy.name == check.policy);
        let known: Vec<&Clause> = known.flat_map(|(_, using, check)| using.iter().chain(check)).collect();
        for clause in check.clauses.iter().filter(|clause| clause.outcome != ConditionOutcome::True) {
            let column = known.iter().find(|known| known.text == clause.clause).and_then(|known| known.column.as_ref());
            found.push(match (&clause.outcome, column) {
                (ConditionOutcome::Raises { sqlstate, said }, _) => {
                    reasons::raises(self, check, sqlstate, said.as_deref()).await?
                }
                (ConditionOutcome::False, Some((Whose::Tenant, _))) => {
                    let whose = if self.question.reveal_tenant { self.owner(place).await? } else { None };
                    reasons::other_tenant(check, &clause.clause, whose.as_deref())
                }
                (ConditionOutcome::False, Some((Whose::User, _))) => reasons::other_user(check, &clause.clause),
                (ConditionOutcome::Null, _) => reasons::null(check, &clause.clause),
                _ => reasons::is_false(check, &clause.clause),
            });
        }
        if found.is_empty() {
            found.push(reasons::as_a_whole(check));
        }
        Ok(found)
    }

    /// Asks PostgreSQL the plain question as the role itself, where the connection may become that role.
    async fn confirm(&self, report: &mut WhyReport) -> Result<(), Failure> {
        self.set().await?;
        self.admin.script("savepoint", "savepoint confirmation").await?;
        let become_role = format!("set local role \"{}\"", self.question.role.replace('"', "\"\""));
        if self.admin.ask::<()>(&become_role, &[]).await?.is_ok() {
            let Column { quoted, type_name } = &self.key;
            let plain = format!(
                "select true as answer from {} t where t.{quoted} = cast($1::text as {type_name}) limit 1",
                self.table.quoted
            );
            let seen = self.admin.ask::<Answer>(&plain, &[&self.question.id]).await?.is_ok_and(|rows| !rows.is_empty());
            let same = seen == (report.verdict == WhyVerdict::Shown);
            report.confirmed = Some(same);
            if !same {
                report.verdict = WhyVerdict::Unknown;
                report.reasons.insert(0, reasons::contradicted(&self.question.role, seen));
            }
        }
        self.admin.script("savepoint", "rollback to confirmation").await
    }
}

/// Once is enough: of whose the row is, whichever policy says so; of the rest, each sentence.
fn add(found: &mut Vec<Reason>, reason: Reason) {
    let once = reason.code.starts_with("other_") || reason.code == "no_policy";
    if !found.iter().any(|known| known.code == reason.code && (once || known.sentence == reason.sentence)) {
        found.push(reason);
    }
}
