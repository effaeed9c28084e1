//! Attacks on a table, by command: reading, writing and learning of another tenant's rows.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    Ending, Only, Outcome, Set, Stage, Verdict, breached, held, inconclusive,
    model::{Column, Key, Table, list},
    stage::{Persona, Row},
};
use crate::{
    db::{Answer, Refusal, identifier, literal},
    error::Failure,
};

type Scene = Result<Ending, Refusal>;

pub(super) async fn run(set: &Set<'_>, only: Only<'_>, outcomes: &mut Vec<Outcome>) -> Result<(), Failure> {
    for table in &set.tables {
        let Some(tenant) = &table.tenant else { continue };
        if matches!(only, Only::Table(name) if name != table.name) {
            continue;
        }
        let target = Target { set, stage: &set.stage, table, tenant: identifier(tenant) };
        let name = &table.name;
        let may_select = table.tenant_is(|column| column.may_select);
        let may_insert = table.tenant_is(|column| column.may_insert);
        let may_update = table.columns.iter().any(|column| column.may_update);
        if may_select {
            set.scene(outcomes, "read", name, target.read()).await?;
            set.scene(outcomes, "read-nowhere", name, target.read_nowhere()).await?;
            set.scene(outcomes, "cursor", name, target.cursor()).await?;
            set.scene(outcomes, "prepared-plan", name, target.prepared_plan()).await?;
            set.scene(outcomes, "savepoint", name, target.savepoint()).await?;
            set.scene(outcomes, "expression-spoof", name, target.expression_spoof()).await?;
            set.scene(outcomes, "copy", name, target.copy()).await?;
            set.scene(outcomes, "explain", name, target.explain()).await?;
        }
        if !set.stage.mine.settings.is_empty() {
            set.scene(outcomes, "outsider", name, target.outsider(may_select, may_insert, may_update)).await?;
        }
        if may_update && table.changeable().is_some() {
            set.scene(outcomes, "blind-update", name, target.blind_update()).await?;
            set.scene(outcomes, "foreign-update", name, target.foreign_update()).await?;
        }
        if table.may_delete {
            set.scene(outcomes, "blind-delete", name, target.blind_delete()).await?;
            set.scene(outcomes, "foreign-delete", name, target.foreign_delete()).await?;
        }
        if may_insert {
            set.scene(outcomes, "foreign-insert", name, target.foreign_insert()).await?;
            if table.has_unique_key() {
                set.scene(outcomes, "unique-probe", name, target.unique_probe()).await?;
                set.scene(outcomes, "upsert", name, target.upsert()).await?;
            }
            for key in target.crossing_keys() {
                set.scene(outcomes, "foreign-key-probe", &format!("{name}.{}", key.name), target.key_probe(key))
                    .await?;
            }
        }
        for key in target.crossing_keys().filter(|key| matches!(key.on_delete.as_str(), "c" | "n" | "d")) {
            set.scene(outcomes, "cascade", &format!("{name}.{}", key.name), target.cascade(key)).await?;
        }
        if table.tenant_is(|column| column.may_update) {
            set.scene(outcomes, "move", name, target.move_row()).await?;
        }
        if may_select && (may_update || table.may_delete) {
            set.scene(outcomes, "merge", name, target.merge(may_update)).await?;
        }
        if table.deferred_trigger && may_update && table.changeable().is_some() {
            set.scene(outcomes, "deferred-trigger", name, target.deferred_trigger()).await?;
        }
        set.scene(outcomes, "truncate", name, target.truncate()).await?;
    }
    Ok(())
}

/// Rows that the role sees on a connection that never set a tenant, by table. Asked before anything else: once
/// set, the setting is empty and no longer missing.
pub(super) async fn read_unset(set: &Set<'_>) -> Result<BTreeMap<String, u64>, Refusal> {
    let mut seen = BTreeMap::new();
    let stage = &set.stage;
    let missing =
        stage.session.run(&format!("select current_setting({}, true) is null", literal(&stage.setting))).await?;
    if missing.first_column().next() != Some("t") {
        return Ok(seen);
    }
    stage.session.run("savepoint unset").await?;
    stage.enter_unset().await?;
    for table in &set.tables {
        let Some(tenant) = table.tenant.as_ref().filter(|_| table.tenant_is(|column| column.may_select)) else {
            continue;
        };
        let select = format!("select {} from {}", identifier(tenant), table.name);
        if let Ok(answer) = stage.attempt(&select).await
            && answer.affected > 0
        {
            seen.insert(table.id.clone(), answer.affected);
        }
    }
    stage.session.run("rollback to savepoint unset; release savepoint unset").await?;
    Ok(seen)
}

struct Target<'s> {
    set: &'s Set<'s>,
    stage: &'s Stage<'s>,
    table: &'s Table,
    tenant: String,
}

impl Target<'_> {
    fn mine(&self) -> &Persona {
        &self.stage.mine
    }

    fn theirs(&self) -> &Persona {
        &self.stage.theirs
    }

    /// How many rows the attacker owns; a scene without any is inconclusive.
    async fn own(&self) -> Result<Result<u64, Ending>, Refusal> {
        if let Some(why) = self.set.empty.get(&self.table.id) {
            return Ok(Err(inconclusive(why.clone())));
        }
        if !self.table.partition {
            let own = self.set.own.get(&self.table.id).copied().unwrap_or_default();
            return Ok(if own == 0 { Err(inconclusive("no rows were made up here")) } else { Ok(own) });
        }
        let mine = self
            .stage
            .session
            .run(&format!("select from only {} where {}", self.table.name, self.is(self.mine())))
            .await?;
        let note = inconclusive("no made-up row landed in this partition");
        Ok(if mine.affected == 0 { Err(note) } else { Ok(mine.affected) })
    }

    fn is(&self, persona: &Persona) -> String {
        format!("{} = {}", self.tenant, Stage::of(persona))
    }

    /// The tenants of the rows a query returns that are not the attacker's.
    fn strangers(&self, answer: &Answer) -> BTreeSet<String> {
        let tenants = answer.rows.iter().filter_map(|row| row.first());
        tenants
            .map(|tenant| tenant.clone().unwrap_or_else(|| "no tenant".to_owned()))
            .filter(|tenant| *tenant != self.mine().tenant)
            .collect()
    }

    async fn see(&self) -> Result<Answer, Refusal> {
        self.stage.attempt(&format!("select {} from {}", self.tenant, self.table.name)).await
    }

    async fn read(&self) -> Scene {
        let own = match self.own().await? {
            Ok(own) => own,
            Err(ending) => return Ok(ending),
        };
        self.stage.enter(self.mine()).await?;
        let all = match self.see().await {
            Ok(all) => all,
            Err(refusal) => return Ok(inconclusive(format!("own rows cannot be read: {refusal}"))),
        };
        let strangers = self.strangers(&all);
        if !strangers.is_empty() {
            return Ok(breached(format!(
                "{} rows of {} other tenants were read",
                all.affected - own.min(all.affected),
                strangers.len()
            )));
        }
        if all.affected < own {
            return Ok(inconclusive(format!("{} of {own} own rows were read", all.affected)));
        }
        let by_name = format!("select {} from {} where {}", self.tenant, self.table.name, self.is(self.theirs()));
        match self.stage.attempt(&by_name).await {
            Ok(answer) if answer.affected > 0 => Ok(breached("a row was read by naming its tenant")),
            _ => Ok(held(format!("{own} own rows read, no other"))),
        }
    }

    async fn read_nowhere(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        if let Some(rows) = self.set.unset.get(&self.table.id) {
            return Ok(breached(format!("{rows} rows were read on a connection that never set a tenant")));
        }
        self.stage.enter(self.mine()).await?;
        let control = self.see().await.is_ok_and(|answer| answer.affected > 0);
        self.stage.itself().await?;
        self.stage.enter_nowhere().await?;
        match self.see().await {
            Ok(answer) if answer.affected > 0 => {
                Ok(breached(format!("{} rows were read with an empty tenant", answer.affected)))
            }
            _ if !control => Ok(inconclusive("own rows cannot be read")),
            Ok(_) => Ok(held("no row, and no error either")),
            Err(refusal) => Ok(held(format!("refused with SQLSTATE {}", refusal.code))),
        }
    }

    async fn cursor(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.stage.enter(self.mine()).await?;
        let opened = format!(
            "declare held no scroll cursor for select {} from {}; fetch 1 from held",
            self.tenant, self.table.name
        );
        let first = self.stage.session.run(&opened).await?;
        if first.rows.is_empty() {
            return Ok(inconclusive("the cursor shows no own row"));
        }
        let rest = self.stage.attempt(&format!("{}; fetch all from held", self.stage.switch(self.theirs()))).await;
        // It goes on with the tenant it was opened for, or follows the setting; nobody else may appear.
        let known = [&self.mine().tenant, &self.theirs().tenant];
        let third = |answer: &Answer| {
            answer.rows.iter().filter_map(|row| row.first()?.as_ref()).any(|tenant| !known.contains(&tenant))
        };
        Ok(match rest {
            _ if third(&first) => breached("rows of a third tenant before the switch"),
            Ok(rest) if third(&rest) => breached("rows of a third tenant after the switch"),
            _ => held("an open cursor shows no third tenant"),
        })
    }

    async fn prepared_plan(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.stage.enter(self.mine()).await?;
        let prepare = format!(
            "set local plan_cache_mode = force_generic_plan; prepare rowhouse_attack as select {} from {}; execute rowhouse_attack",
            self.tenant, self.table.name
        );
        let first = self.stage.attempt(&prepare).await;
        let second = match &first {
            Ok(_) => {
                self.stage.attempt(&format!("{}; execute rowhouse_attack", self.stage.switch(self.theirs()))).await
            }
            Err(refusal) => Err(refusal.clone()),
        };
        // Prepared statements outlive the transaction's savepoints.
        let _ = self.stage.attempt("deallocate rowhouse_attack").await;
        Ok(match (first, second) {
            (Err(refusal), _) | (_, Err(refusal)) => inconclusive(format!("own rows cannot be read: {refusal}")),
            (Ok(first), _) if first.rows.is_empty() => inconclusive("no own row"),
            (_, Ok(second)) if second.rows.iter().any(|row| row.first() == Some(&Some(self.mine().tenant.clone()))) => {
                breached("a plan made for one tenant showed its rows to the next")
            }
            (Ok(_), Ok(second)) if second.rows.is_empty() => inconclusive("the second tenant saw no own row"),
            _ => held("each tenant saw its own rows through one plan"),
        })
    }

    async fn savepoint(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.stage.enter(self.mine()).await?;
        let text = format!(
            "savepoint before; {}; rollback to savepoint before; select {} from {}",
            self.stage.switch(self.theirs()),
            self.tenant,
            self.table.name
        );
        let after = self.stage.session.run(&text).await?;
        Ok(if !self.strangers(&after).is_empty() {
            breached("after a rollback to a savepoint the other tenant's rows showed")
        } else if after.rows.is_empty() {
            inconclusive("no own row after the rollback")
        } else {
            held("the tenant is the one before the savepoint")
        })
    }

    async fn expression_spoof(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.stage.enter(self.mine()).await?;
        if !self.see().await.is_ok_and(|answer| answer.affected > 0) {
            return Ok(inconclusive("own rows cannot be read"));
        }
        let (name, tenant, spoof) = (&self.table.name, &self.tenant, self.stage.setting_spoof(self.theirs()));
        let quoted = literal(&format!("select 1 where {spoof}"));
        let ways = [
            ("set_config in the condition", format!("select {tenant} from {name} where {spoof}")),
            ("set_config in a sub-select", format!("select {tenant} from {name} where (select {spoof})")),
            (
                "set_config in the select list of a CTE",
                format!(
                    "with spoof as materialized (select {spoof} as done) select {tenant} from spoof, {name} where done"
                ),
            ),
            (
                "query_to_xml",
                format!("select {tenant} from {name} where query_to_xml({quoted}, false, false, '') is not null"),
            ),
        ];
        for (way, text) in ways {
            if let Ok(answer) = self.stage.rehearse(&text).await
                && !self.strangers(&answer).is_empty()
            {
                return Ok(breached(format!("{way} moved the wall")));
            }
        }
        let mut update = String::new();
        for (setting, value) in std::iter::once((&self.stage.setting, &self.theirs().tenant))
            .chain(self.theirs().settings.iter().map(|(s, v)| (s, v)))
        {
            update.push_str(&format!(
                "update pg_catalog.pg_settings set setting = {} where name = {}; ",
                literal(value),
                literal(setting)
            ));
        }
        if let Ok(answer) = self.stage.rehearse(&format!("{update} select {tenant} from {name}")).await
            && !self.strangers(&answer).is_empty()
        {
            return Ok(breached("an update of pg_settings moved the wall"));
        }
        Ok(held("no expression moves the wall"))
    }

    async fn copy(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.stage.enter(self.mine()).await?;
        let (name, tenant) = (&self.table.name, &self.tenant);
        let mut text = String::new();
        for copy in
            [format!("copy {name} ({tenant}) to stdout"), format!("copy (select {tenant} from {name}) to stdout")]
        {
            match self.stage.session.copy_out(&copy).await {
                Ok(written) => text.push_str(&written),
                Err(refusal) => return Ok(inconclusive(format!("COPY was refused: {refusal}"))),
            }
        }
        let strangers = text.lines().filter(|line| *line != self.mine().tenant).count();
        Ok(if strangers > 0 {
            breached(format!("COPY wrote {strangers} rows of others"))
        } else if text.is_empty() {
            inconclusive("COPY wrote no own row")
        } else {
            held("COPY writes own rows only")
        })
    }

    async fn explain(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.stage.enter(self.mine()).await?;
        let text = format!(
            "set local enable_indexscan = off; set local enable_bitmapscan = off; set local enable_indexonlyscan = off; explain (analyze, costs off, timing off, summary off) select {} from {}",
            self.tenant, self.table.name
        );
        match self.stage.attempt(&text).await {
            Ok(plan) if plan.first_column().any(|line| line.contains("Rows Removed by Filter")) => Ok((
                Verdict::ByNature,
                "EXPLAIN ANALYZE counts the rows that a policy hides; never forward a plan to a client".to_owned(),
            )),
            Ok(_) => Ok(held("the plan counts no hidden row")),
            Err(refusal) => Ok(inconclusive(format!("EXPLAIN was refused: {refusal}"))),
        }
    }

    /// `column = value` with a value the column already holds in an own row.
    fn change(&self) -> (String, String) {
        let column = self.table.changeable().cloned().unwrap_or_default();
        let rows = self.mine().rows.get(&self.table.id);
        let value = rows.and_then(|rows| rows.first()?.get(&column.name)?.clone());
        (identifier(&column.name), value.map_or("null".to_owned(), |value| literal(&value)))
    }

    async fn blind_update(&self) -> Scene {
        let own = match self.own().await? {
            Ok(own) => own,
            Err(ending) => return Ok(ending),
        };
        let own = if self.lone_row().await? { 1 } else { own };
        let (column, value) = self.change();
        self.stage.enter(self.mine()).await?;
        // Reads no column, so the SELECT policies do not apply.
        let tried = self.stage.rehearse(&format!("update {} set {column} = {value}", self.table.name)).await;
        Ok(match tried {
            Ok(answer) if answer.affected > own => {
                breached(format!("{} rows changed, {own} of them own", answer.affected))
            }
            Ok(answer) if answer.affected == 0 => inconclusive("no own row could be changed"),
            Ok(answer) => held(format!("{} own rows changed, no other", answer.affected)),
            Err(refusal) => inconclusive(format!("own rows cannot be changed: {refusal}")),
        })
    }

    /// Where all that may be changed is part of a unique key, two rows cannot be given the same value: one
    /// of each tenant's goes.
    async fn lone_row(&self) -> Result<bool, Refusal> {
        let alone = self.table.changeable().is_some_and(|column| self.table.is_unique(column));
        if alone {
            self.make_room().await?;
        }
        Ok(alone)
    }

    async fn foreign_update(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.lone_row().await?;
        let (column, value) = self.change();
        let (name, returning) = (&self.table.name, self.returning());
        self.stage.enter(self.mine()).await?;
        let control =
            self.stage.rehearse(&format!("update {name} set {column} = {value} where {}", self.is(self.mine()))).await;
        let attack = format!("update {name} set {column} = {value} where {} {returning}", self.is(self.theirs()));
        Ok(match (self.stage.rehearse(&attack).await, control) {
            (Ok(answer), _) if answer.affected > 0 => {
                breached(format!("{} rows of another tenant changed", answer.affected))
            }
            (_, Err(refusal)) => inconclusive(format!("own rows cannot be changed: {refusal}")),
            (_, Ok(control)) if control.affected == 0 => inconclusive("no own row could be changed"),
            _ => held("own rows changed, no other"),
        })
    }

    fn returning(&self) -> String {
        if self.table.tenant_is(|column| column.may_select) {
            format!("returning {}", self.tenant)
        } else {
            String::new()
        }
    }

    async fn blind_delete(&self) -> Scene {
        let own = match self.own().await? {
            Ok(own) => own,
            Err(ending) => return Ok(ending),
        };
        self.clear_children(self.mine()).await?;
        let name = &self.table.name;
        self.stage.enter(self.mine()).await?;
        let control = self.stage.rehearse(&format!("delete from {name} where {}", self.is(self.mine()))).await;
        let tried = self.stage.rehearse(&format!("delete from {name}")).await;
        Ok(match (tried, control) {
            (Ok(answer), _) if answer.affected > own => {
                breached(format!("{} rows deleted, {own} of them own", answer.affected))
            }
            (Err(refusal), Ok(_)) if refusal.code == "23503" => breached("rows that others refer to were reached"),
            (_, Err(refusal)) => inconclusive(format!("own rows cannot be deleted: {refusal}")),
            (Err(refusal), _) => inconclusive(format!("DELETE without WHERE was refused: {refusal}")),
            (Ok(answer), _) if answer.affected == 0 => inconclusive("no own row could be deleted"),
            (Ok(answer), _) => held(format!("{} own rows deleted, no other", answer.affected)),
        })
    }

    async fn foreign_delete(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.clear_children(self.mine()).await?;
        self.clear_children(self.theirs()).await?;
        let (name, returning) = (&self.table.name, self.returning());
        self.stage.enter(self.mine()).await?;
        let control = self.stage.rehearse(&format!("delete from {name} where {}", self.is(self.mine()))).await;
        let tried =
            self.stage.rehearse(&format!("delete from {name} where {} {returning}", self.is(self.theirs()))).await;
        Ok(match (tried, control) {
            (Ok(answer), _) if answer.affected > 0 => {
                breached(format!("{} rows of another tenant deleted", answer.affected))
            }
            (Err(refusal), _) if refusal.code == "23503" => breached("a row of another tenant was reached"),
            (_, Err(refusal)) => inconclusive(format!("own rows cannot be deleted: {refusal}")),
            (_, Ok(control)) if control.affected == 0 => inconclusive("no own row could be deleted"),
            _ => held("own rows deleted, no other"),
        })
    }

    /// Deletes, as itself, a tenant's made-up rows of all tables that come after this one.
    async fn clear_children(&self, persona: &Persona) -> Result<(), Refusal> {
        let tables = &self.set.tables;
        let here = tables.iter().position(|table| table.id == self.table.id).unwrap_or(0);
        for later in tables[here + 1..].iter().rev() {
            self.remove(later, persona, 0).await?;
        }
        Ok(())
    }

    /// Deletes, as itself, the made-up rows of a table from a number on.
    async fn remove(&self, table: &Table, persona: &Persona, from: usize) -> Result<(), Refusal> {
        for row in persona.rows.get(&table.id).into_iter().flatten().skip(from) {
            let condition = condition(&table.identity(), row);
            self.stage.session.run(&format!("delete from {} where {condition}", table.name)).await?;
        }
        Ok(())
    }

    /// Takes out the second made-up row of each tenant, with what refers to it, so that it can be inserted.
    async fn make_room(&self) -> Result<(), Refusal> {
        for persona in [self.mine(), self.theirs()] {
            let tables = &self.set.tables;
            let here = tables.iter().position(|table| table.id == self.table.id).unwrap_or(0);
            for later in tables[here..].iter().rev() {
                self.remove(later, persona, 1).await?;
            }
        }
        Ok(())
    }

    /// An insert of some made-up row, with some columns as another row has them.
    fn insert(&self, row: &Row) -> String {
        let may = |column: &&Column| column.may_insert && !column.generated;
        let names: Vec<&String> = self.table.columns.iter().filter(may).map(|column| &column.name).collect();
        let values: Vec<String> = names.iter().map(|name| value(row, name)).collect();
        format!("insert into {} ({}) values ({})", self.table.name, list(names.iter().copied()), values.join(", "))
    }

    fn row(&self, persona: &Persona, number: usize) -> Row {
        persona.rows.get(&self.table.id).and_then(|rows| rows.get(number)).cloned().unwrap_or_default()
    }

    async fn foreign_insert(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.make_room().await?;
        self.stage.enter(self.mine()).await?;
        let control = self.stage.rehearse(&self.insert(&self.row(self.mine(), 1))).await;
        Ok(match (self.stage.rehearse(&self.insert(&self.row(self.theirs(), 1))).await, control) {
            (Ok(_), _) => breached("a row was planted in another tenant"),
            (Err(_), Err(refusal)) => inconclusive(format!("an own row cannot be inserted: {refusal}")),
            (Err(refusal), Ok(_)) => held(format!("refused with SQLSTATE {}", refusal.code)),
        })
    }

    async fn unique_probe(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.make_room().await?;
        // A row of one's own that is in everything else like another tenant's.
        let fixed: BTreeSet<&String> =
            self.table.foreign_keys().flat_map(|key| &key.columns).chain(&self.table.tenant).collect();
        let mut probe = self.row(self.mine(), 1);
        for (column, value) in self.row(self.theirs(), 0) {
            if !fixed.contains(&column) {
                probe.insert(column, value);
            }
        }
        self.stage.enter(self.mine()).await?;
        let twice = self.stage.rehearse(&self.insert(&self.row(self.mine(), 0))).await;
        let tells = |tried: &Result<Answer, Refusal>| matches!(tried, Err(refusal) if refusal.code == "23505" || refusal.code == "23P01");
        let mut tried = self.stage.rehearse(&self.insert(&probe)).await;
        if tells(&tried) {
            // Not because of what one has oneself?
            self.stage.itself().await?;
            self.clear_children(self.mine()).await?;
            self.remove(self.table, self.mine(), 0).await?;
            self.stage.enter(self.mine()).await?;
            tried = self.stage.rehearse(&self.insert(&probe)).await;
        }
        Ok(match tried {
            _ if tells(&tried) => {
                let name = tried.err().and_then(|refusal| refusal.constraint).unwrap_or_default();
                breached(format!("{name} tells that another tenant has such a row"))
            }
            _ if !tells(&twice) => inconclusive("one's own row could be inserted twice, so the probe tells nothing"),
            Ok(_) => held("the same values are free in every tenant"),
            Err(refusal) if refusal.code == "23503" => held("keys see no other tenant's row"),
            Err(refusal) => inconclusive(format!("the probe was refused: {refusal}")),
        })
    }

    async fn upsert(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.make_room().await?;
        self.stage.enter(self.mine()).await?;
        let control =
            self.stage.rehearse(&format!("{} on conflict do nothing", self.insert(&self.row(self.mine(), 1)))).await;
        let theirs = self.insert(&self.row(self.theirs(), 0));
        if let Ok(answer) = self.stage.rehearse(&format!("{theirs} on conflict do nothing")).await {
            return Ok(breached(if answer.affected == 0 {
                "ON CONFLICT DO NOTHING tells that another tenant has such a row"
            } else {
                "a row was planted in another tenant"
            }));
        }
        let key = self.table.identity();
        if !key.is_empty() && self.table.changeable().is_some() {
            let (column, value) = self.change();
            let text = format!("{theirs} on conflict ({}) do update set {column} = {value}", list(&key));
            if self.stage.rehearse(&text).await.is_ok_and(|answer| answer.affected > 0) {
                return Ok(breached("ON CONFLICT DO UPDATE changed another tenant's row"));
            }
        }
        Ok(match control {
            Ok(control) if control.affected == 1 => held("refused"),
            Ok(_) => inconclusive("an own row is not inserted"),
            Err(refusal) => inconclusive(format!("an own row cannot be inserted: {refusal}")),
        })
    }

    /// Foreign keys to tables of tenants that hold more than the tenant itself.
    fn crossing_keys(&self) -> impl Iterator<Item = &Key> {
        self.table.foreign_keys().filter(|key| {
            let to_tenants =
                self.set.tables.iter().any(|table| Some(&table.id) == key.target.as_ref() && table.tenant.is_some());
            to_tenants && key.columns.iter().any(|column| Some(column) != self.table.tenant.as_ref())
        })
    }

    /// A row with one foreign key leading where another tenant's row is. The tenant column stays.
    fn crossed(&self, mut row: Row, key: &Key, target: &Persona) -> Row {
        let rows = key.target.as_ref().and_then(|id| target.rows.get(id));
        if let Some(parent) = rows.and_then(|rows| rows.first()) {
            for (column, theirs) in key.columns.iter().zip(&key.target_columns) {
                if Some(column) != self.table.tenant.as_ref() {
                    row.insert(column.clone(), parent.get(theirs).cloned().flatten());
                }
            }
        }
        row
    }

    async fn key_probe(&self, key: &Key) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        if !key.columns.iter().all(|name| self.table.column(name).is_some_and(|column| column.may_insert)) {
            return Ok(held("the role cannot choose where it leads"));
        }
        self.make_room().await?;
        self.stage.enter(self.mine()).await?;
        let mine = self.row(self.mine(), 1);
        let control = self.stage.rehearse(&format!("{}; set constraints all immediate", self.insert(&mine))).await;
        let probe = self.insert(&self.crossed(mine, key, self.theirs()));
        Ok(match (self.stage.rehearse(&format!("{probe}; set constraints all immediate")).await, control) {
            (Ok(_), _) => breached("a row now refers to another tenant's row, which is known to exist"),
            (_, Err(refusal)) => inconclusive(format!("an own row cannot be inserted: {refusal}")),
            (Err(refusal), _) if refusal.code == "23503" => held("another tenant's row is as good as none"),
            (Err(refusal), _) => held(format!("refused with SQLSTATE {}", refusal.code)),
        })
    }

    async fn cascade(&self, key: &Key) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        let parent = self.set.tables.iter().find(|table| Some(&table.id) == key.target.as_ref());
        let Some(parent) = parent.filter(|parent| parent.may_delete) else {
            return Ok(held("the role cannot delete what it leads to"));
        };
        // Can another tenant's row be made to hang on one of ours at all? Asked as itself: only keys count.
        let theirs = self.row(self.theirs(), 0);
        let crossed = self.crossed(theirs.clone(), key, self.mine());
        let identity = condition(&self.table.identity(), &theirs);
        let sets: Vec<String> = key
            .columns
            .iter()
            .filter(|column| Some(*column) != self.table.tenant.as_ref())
            .map(|column| format!("{} = {}", identifier(column), value(&crossed, column)))
            .collect();
        let hang = format!(
            "update {} set {} where {identity}; set constraints all immediate",
            self.table.name,
            sets.join(", ")
        );
        if let Err(refusal) = self.stage.attempt(&hang).await {
            return Ok(match refusal.code.as_str() {
                "23503" => held("no row can hang on another tenant's"),
                _ => inconclusive(format!("could not be arranged: {refusal}")),
            });
        }
        let look = format!("select t::text from {} t where {identity}", self.table.name);
        let before = self.stage.session.run(&look).await?;
        let target = self.mine().rows.get(&parent.id).and_then(|rows| rows.first()).cloned().unwrap_or_default();
        self.stage.enter(self.mine()).await?;
        let delete = format!("delete from {} where {}", parent.name, condition(&parent.identity(), &target));
        let deleted = self.stage.attempt(&delete).await;
        self.stage.itself().await?;
        let after = self.stage.session.run(&look).await?;
        Ok(match deleted {
            _ if before.rows != after.rows => breached("deleting an own row deleted or changed another tenant's"),
            Ok(answer) if answer.affected > 0 => held("the other tenant's row is as it was"),
            Ok(_) => inconclusive("the own row was not deleted"),
            Err(refusal) => {
                breached(format!("another tenant's row hangs on an own one and keeps it from being deleted: {refusal}"))
            }
        })
    }

    async fn move_row(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        let (name, tenant) = (&self.table.name, &self.tenant);
        self.clear_children(self.mine()).await?;
        self.stage.enter(self.mine()).await?;
        let to = |persona: &Persona| format!("update {name} set {tenant} = {}", Stage::of(persona));
        let control = self.stage.rehearse(&format!("{} where {}", to(self.mine()), self.is(self.mine()))).await;
        for condition in [String::new(), format!("where {}", self.is(self.mine()))] {
            if self
                .stage
                .rehearse(&format!("{} {condition}", to(self.theirs())))
                .await
                .is_ok_and(|answer| answer.affected > 0)
            {
                return Ok(breached("own rows were moved to another tenant"));
            }
        }
        let steal = format!("{} where {}", to(self.mine()), self.is(self.theirs()));
        if self.stage.rehearse(&steal).await.is_ok_and(|answer| answer.affected > 0) {
            return Ok(breached("another tenant's rows were taken over"));
        }
        Ok(match control {
            Ok(control) if control.affected > 0 => held("rows stay where they are"),
            Ok(_) => inconclusive("no own row could be written"),
            Err(refusal) => inconclusive(format!("own rows cannot be written: {refusal}")),
        })
    }

    async fn merge(&self, may_update: bool) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.clear_children(self.mine()).await?;
        self.clear_children(self.theirs()).await?;
        self.lone_row().await?;
        self.stage.enter(self.mine()).await?;
        let (column, value) = self.change();
        let action = if may_update && self.table.changeable().is_some() {
            format!("update set {column} = {value}")
        } else if self.table.may_delete {
            "delete".to_owned()
        } else {
            return Ok(held("nothing that MERGE could do is granted"));
        };
        let merge = |persona: &Persona| {
            format!(
                "merge into {} t using (select 1) s on t.{} when matched then {action}",
                self.table.name,
                self.is(persona)
            )
        };
        let control = self.stage.rehearse(&merge(self.mine())).await;
        Ok(match (self.stage.rehearse(&merge(self.theirs())).await, control) {
            (Ok(answer), _) if answer.affected > 0 => breached("MERGE reached another tenant's rows"),
            (_, Err(refusal)) if refusal.code == "42601" => held("this server has no MERGE"),
            (Err(refusal), _) if refusal.code == "23503" => breached("MERGE reached a row that others refer to"),
            (_, Err(refusal)) => inconclusive(format!("own rows cannot be merged: {refusal}")),
            (_, Ok(control)) if control.affected == 0 => inconclusive("no own row was merged"),
            _ => held("own rows merged, no other"),
        })
    }

    async fn deferred_trigger(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        let before = self.fingerprint().await?;
        let (column, value) = self.change();
        self.stage.enter(self.mine()).await?;
        let write = format!("update {} set {column} = {value} where {}", self.table.name, self.is(self.mine()));
        let written = self.stage.attempt(&write).await;
        // At COMMIT it would run under whatever tenant is set then.
        let fired =
            self.stage.attempt(&format!("{}; set constraints all immediate", self.stage.switch(self.theirs()))).await;
        self.stage.itself().await?;
        let after = self.fingerprint().await?;
        Ok(match (written, fired) {
            _ if before != after => breached("a deferred trigger wrote into the tenant that was set at commit"),
            (Err(refusal), _) => inconclusive(format!("own rows cannot be changed: {refusal}")),
            (Ok(written), _) if written.affected == 0 => inconclusive("no own row was changed"),
            (_, Err(refusal)) => held(format!("the trigger refused: SQLSTATE {}", refusal.code)),
            _ => held("the other tenant's rows are as they were"),
        })
    }

    async fn fingerprint(&self) -> Result<Vec<String>, Refusal> {
        fingerprint(self.set).await
    }

    /// Somebody of the other tenant who says to be in ours: the tenant alone must open nothing.
    async fn outsider(&self, may_select: bool, may_insert: bool, may_update: bool) -> Scene {
        let own = match self.own().await? {
            Ok(own) => own,
            Err(ending) => return Ok(ending),
        };
        self.make_room().await?;
        let outsider = Persona { settings: self.theirs().settings.clone(), ..self.mine().clone() };
        let name = &self.table.name;
        let mut ways = Vec::new();
        if may_select {
            ways.push(("read", format!("select {} from {name}", self.tenant)));
        }
        if may_insert {
            ways.push(("write", self.insert(&self.row(self.mine(), 1))));
        }
        if may_update && self.table.changeable().is_some() {
            let (column, value) = self.change();
            ways.push(("change", format!("update {name} set {column} = {value}")));
        }
        if self.table.may_delete {
            self.clear_children(self.mine()).await?;
            ways.push(("delete", format!("delete from {name}")));
        }
        for (what, text) in &ways {
            self.stage.enter(&outsider).await?;
            if self.stage.rehearse(text).await.is_ok_and(|answer| answer.affected > 0) {
                return Ok(breached(format!("somebody who is no member could {what} rows")));
            }
            self.stage.itself().await?;
            self.stage.enter(self.mine()).await?;
            match self.stage.rehearse(text).await {
                Err(refusal) => return Ok(inconclusive(format!("a member could not {what} rows either: {refusal}"))),
                Ok(answer) if answer.affected == 0 => {
                    return Ok(inconclusive(format!("a member could not {what} rows either")));
                }
                Ok(_) => self.stage.itself().await?,
            }
        }
        Ok(held(format!("{own} rows, closed to who is no member")))
    }

    async fn truncate(&self) -> Scene {
        self.stage.enter(self.mine()).await?;
        Ok(match self.stage.rehearse(&format!("truncate {} cascade", self.table.name)).await {
            Ok(_) => breached("TRUNCATE emptied the table for every tenant"),
            Err(refusal) if refusal.code == "42501" => held("not granted"),
            Err(refusal) => inconclusive(format!("not refused for want of a grant: {refusal}")),
        })
    }
}

/// All of the other tenant's rows, as itself sees them.
pub(super) async fn fingerprint(set: &Set<'_>) -> Result<Vec<String>, Refusal> {
    let mut all = Vec::new();
    for table in set.tables.iter().filter(|table| !table.partition) {
        let Some(tenant) = &table.tenant else { continue };
        let text = format!(
            "select count(*) || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {} t where {} = {}",
            table.name,
            identifier(tenant),
            Stage::of(&set.stage.theirs)
        );
        let answer = set.stage.session.run(&text).await?;
        all.extend(answer.first_column().map(str::to_owned));
    }
    Ok(all)
}

fn value(row: &Row, column: &str) -> String {
    row.get(column).cloned().flatten().map_or("null".to_owned(), |value| literal(&value))
}

/// The condition that finds a row: by its key or, where nothing tells rows apart, by all it holds.
fn condition(identity: &[String], row: &Row) -> String {
    let parts: Vec<String> = if identity.is_empty() {
        let text = |(column, value): (&String, &Option<String>)| match value {
            Some(value) => format!("{}::text = {}", identifier(column), literal(value)),
            None => format!("{} is null", identifier(column)),
        };
        row.iter().map(text).collect()
    } else {
        identity.iter().map(|column| format!("{} = {}", identifier(column), value(row, column))).collect()
    };
    parts.join(" and ")
}
