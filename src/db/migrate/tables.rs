//! What a table has by its file: row security, policies, triggers, grants, comments. A transaction a table, in which only what
//! changed is made again; at no moment that others see is a table without its wall.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    Difference,
    files::{Object, TableFile, What, folder},
    made::Made,
    steps::{GENERATIONS_DUE, Run, made},
};
use crate::{error::Failure, from_row, sql};

/// The kinds of fact that a file of sql/policies makes.
const KINDS: [&str; 6] = ["policy", "row security", "table grant", "column grant", "trigger", "comment"];

/// A table, a policy or a trigger that is there.
struct Now {
    relation: String,
    kind: String,
    name: String,
    permissive: bool,
    command: String,
    using: bool,
    check: bool,
}
from_row! { Now: relation, kind, name, permissive, command, using = "using_there", check = "check_there" }

/// What a table's transaction does, and which lock it takes first.
#[derive(Default)]
struct Plan {
    script: String,
    exclusive: bool,
    triggers: bool,
    /// Policies that are made anew, and lose their comments.
    anew: BTreeSet<String>,
}

impl Plan {
    fn say(&mut self, statement: &str) {
        self.script.push_str(statement);
        self.script.push_str(";\n");
    }
}

impl Run<'_> {
    /// Makes again what changed of every table, one after the other.
    pub(super) async fn tables(&mut self, digests: &BTreeMap<String, String>) -> Result<(), Failure> {
        let mut files = BTreeMap::new();
        for (path, contents) in folder("policies")? {
            let file = TableFile::read(&path, contents)?;
            files.insert(file.table.clone(), file);
        }
        let now: Vec<Now> = self.admin.all(sql!("db/objects_now"), &[]).await?;
        let known = self.made().await?;
        let drifted = drifted(&self.drift().await?);
        let there: BTreeSet<&str> = now.iter().map(|now| now.relation.as_str()).collect();
        if let Some(file) = files.values().find(|file| !there.contains(file.table.as_str())) {
            return Err(Failure(format!("sql/{}: there is no table {}: a migration makes it", file.path, file.table)));
        }
        // New ones first: what is called by triggers of the others may write into them.
        let mut in_turn: Vec<&str> = there.into_iter().collect();
        in_turn.sort_by_key(|table| known.files.contains_key(&format!("policies/{table}.sql")));
        for table in in_turn {
            let file = files.get(table);
            let path = format!("policies/{table}.sql");
            let digest = digests.get(&path);
            let now: Vec<&Now> = now.iter().filter(|now| now.relation == table).collect();
            let plan = self.plan(table, file, &now, &known, drifted.get(table));
            let same = known.files.get(&path) == digest
                && known.objects_of(&path) == file.map_or(0, |file| file.objects.len());
            if plan.script.is_empty() && same {
                continue;
            }
            let mut script = String::new();
            if plan.exclusive {
                script.push_str(&format!("lock table {table} in access exclusive mode;\n"));
            } else if plan.triggers {
                script.push_str(&format!("lock table {table} in share row exclusive mode;\n"));
            }
            script.push_str(&plan.script);
            let objects = file.into_iter().flat_map(|file| &file.objects);
            script.push_str(&made(&path, digest, objects.map(|object| (object.name.as_str(), object.sha256.as_str()))));
            if !plan.script.is_empty() {
                let matching = format!(r"^((table|column|policy|trigger) )?{}($|[. ])", table.replace('.', r"\."));
                script.push_str(&self.record(&KINDS, &matching));
            }
            if plan.exclusive || plan.triggers {
                script.push_str(GENERATIONS_DUE);
            }
            let waits: Vec<String> = (plan.exclusive || plan.triggers).then(|| table.to_owned()).into_iter().collect();
            self.step(&format!("sql/{path}"), &waits, &script).await?;
        }
        Ok(())
    }

    fn plan(
        &self,
        table: &str,
        file: Option<&TableFile>,
        now: &[&Now],
        known: &Made,
        drifted: Option<&BTreeSet<String>>,
    ) -> Plan {
        let path = format!("policies/{table}.sql");
        let objects: &[Object] = file.map_or(&[], |file| &file.objects);
        let by_hand = |name: &str| drifted.is_some_and(|drifted| drifted.contains(name));
        let there = |kind: &str, name: &str| now.iter().find(|now| now.kind == kind && now.name == name);
        let mut plan = Plan::default();
        // Rights first taken, then row security and walls, then rights given: whatever happens in between, nobody sees it.
        let grants = |object: &&Object| object.what == What::Grants;
        let changed = |object: &Object| {
            self.options.reapply || by_hand(&object.name) || known.sha256(&path, &object.name) != Some(&object.sha256)
        };
        let granted = objects.iter().find(grants);
        let rights = granted.map_or(known.sha256(&path, "grants").is_some() || by_hand("grants"), changed);
        if rights {
            plan.script.push_str(&revoke_all(table));
        }
        for object in objects {
            match &object.what {
                What::RowSecurity => {
                    // In both cases the state counts and not what was said: it is asked for where it is not so.
                    if now.iter().any(|now| now.kind == "table" && !(now.using && now.check)) {
                        object.statements.iter().for_each(|statement| plan.say(statement));
                        plan.exclusive = true;
                    }
                }
                What::Policy(policy) => {
                    let now = there("policy", &policy.name);
                    if now.is_some() && !changed(object) {
                        continue;
                    }
                    plan.exclusive = true;
                    match now {
                        Some(now)
                            if now.permissive == policy.permissive
                                && now.command == policy.command.to_string()
                                && now.using == policy.using
                                && now.check == policy.check =>
                        {
                            plan.say(&policy.alter);
                        }
                        now => {
                            if now.is_some() {
                                plan.say(&format!("drop policy {} on {table}", policy.name));
                            }
                            object.statements.iter().for_each(|statement| plan.say(statement));
                            plan.anew.insert(format!("comment policy {}", policy.name));
                        }
                    }
                }
                What::Trigger(name) => {
                    if there("trigger", name).is_none() || changed(object) {
                        object.statements.iter().for_each(|statement| plan.say(statement));
                        plan.triggers = true;
                    }
                }
                What::ConstraintTrigger(name) => {
                    // Nothing replaces one in place: one that is as its file says stays, also where all is applied again. While it is being
                    // made anew, whoever looks for drift finds it neither as it was nor as it will be.
                    let now = there("trigger", name);
                    let as_made = known.sha256(&path, &object.name) == Some(&object.sha256) && !by_hand(&object.name);
                    if now.is_none() || !as_made {
                        if now.is_some() {
                            plan.say(&format!("drop trigger {} on {table}", rowhouse_pg::identifier(name)));
                            plan.exclusive = true;
                        }
                        object.statements.iter().for_each(|statement| plan.say(statement));
                        plan.triggers = true;
                    }
                }
                What::Grants | What::Comment => {}
            }
        }
        for gone in now {
            let wanted = objects.iter().any(|object| object.name == format!("{} {}", gone.kind, gone.name));
            if gone.kind != "table" && !wanted {
                plan.say(&format!("drop {} {} on {table}", gone.kind, rowhouse_pg::identifier(&gone.name)));
                plan.exclusive = true;
            }
        }
        if rights && let Some(object) = granted {
            object.statements.iter().for_each(|statement| plan.say(statement));
        }
        for object in objects.iter().filter(|object| object.what == What::Comment) {
            if plan.anew.contains(&object.name) || changed(object) {
                object.statements.iter().for_each(|statement| plan.say(statement));
            }
        }
        plan
    }
}

/// Takes every right on a table and its columns from whoever has one, but for its owner.
fn revoke_all(table: &str) -> String {
    let relation = rowhouse_pg::literal(table);
    format!(
        "do $revoke$
         declare
             item record;
         begin
             for item in
                 select a.grantee from pg_class c, aclexplode(c.relacl) a where c.oid = {relation}::regclass and a.grantee <> c.relowner
                 union
                 select a.grantee from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
                 where c.oid = {relation}::regclass and a.grantee <> c.relowner
             loop
                 execute format('revoke all on {table} from %s cascade',
                                case when item.grantee = 0 then 'public' else item.grantee::regrole::text end);
             end loop;
         end
         $revoke$;\n"
    )
}

/// What was done by hand, by table and by the name that its file's object has.
fn drifted(drift: &[Difference]) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for fact in drift.iter().filter(|fact| KINDS.contains(&fact.kind.as_str())) {
        let (sort, object) = match fact.kind.as_str() {
            "comment" => fact.object.split_once(' ').unwrap_or(("", &fact.object)),
            _ => ("", fact.object.as_str()),
        };
        let mut parts = object.splitn(3, ['.', ' ']);
        let (Some(schema), Some(table)) = (parts.next(), parts.next()) else { continue };
        let rest = parts.next().unwrap_or_default();
        let name = match fact.kind.as_str() {
            "table grant" | "column grant" => "grants".to_owned(),
            "row security" => "row security".to_owned(),
            "comment" => format!("comment {sort} {rest}").trim_end().to_owned(),
            kind => format!("{kind} {rest}"),
        };
        all.entry(format!("{schema}.{table}")).or_default().insert(name);
    }
    all
}
