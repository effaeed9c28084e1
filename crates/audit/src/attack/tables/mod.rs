//! Attacks on a table, by command: reading, writing and learning of another tenant's rows.
mod keys;
mod reads;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Ending, Only, Outcomes, Set, Stage, inconclusive,
    model::{Column, Key, Table, list},
    stage::{Persona, Row},
};
use rowhouse_pg::{Answer, Failure, Refusal, identifier, literal};

type Scene = Result<Ending, Refusal>;

pub(super) async fn run(set: &Set<'_>, only: Only<'_>, outcomes: &mut Outcomes<'_>) -> Result<(), Failure> {
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

    /// `column = value` with a value the column already holds in an own row.
    fn change(&self) -> (String, String) {
        let column = self.table.changeable().cloned().unwrap_or_default();
        let rows = self.mine().rows.get(&self.table.id);
        let value = rows.and_then(|rows| rows.first()?.get(&column.name)?.clone());
        (identifier(&column.name), value.map_or("null".to_owned(), |value| literal(&value)))
    }

    fn returning(&self) -> String {
        if self.table.tenant_is(|column| column.may_select) {
            format!("returning {}", self.tenant)
        } else {
            String::new()
        }
    }

    /// The tables that refer to this one, straight or by way of others, those that hang on others first.
    fn children(&self) -> Vec<&Table> {
        let mut hanging: BTreeSet<&str> = BTreeSet::from([self.table.id.as_str()]);
        let mut children = Vec::new();
        // Tables come after those they refer to.
        for table in &self.set.tables {
            if table.id != self.table.id
                && table.foreign_keys().any(|key| key.target.as_deref().is_some_and(|target| hanging.contains(target)))
            {
                hanging.insert(&table.id);
                children.push(table);
            }
        }
        children.reverse();
        children
    }

    /// Deletes, as itself, a tenant's made-up rows of all tables that refer to this one.
    async fn clear_children(&self, persona: &Persona) -> Result<(), Refusal> {
        for child in self.children() {
            self.remove(child, persona, 0).await?;
        }
        Ok(())
    }

    /// Deletes, as itself, the made-up rows of a table from a number on.
    async fn remove(&self, table: &Table, persona: &Persona, from: usize) -> Result<(), Refusal> {
        for row in persona.rows.get(&table.id).into_iter().flatten().skip(from) {
            let condition = condition(&table.identity(), row);
            // Past the database's own triggers, which may object; what refers to the row was taken out before.
            let delete = format!(
                "set local session_replication_role = replica; delete from {} where {condition}; set local session_replication_role = origin",
                table.name
            );
            self.stage.session.run(&delete).await?;
        }
        Ok(())
    }

    /// Takes out the last made-up row of each tenant, with what refers to it, so that it can be inserted.
    async fn make_room(&self) -> Result<(), Refusal> {
        for persona in [self.mine(), self.theirs()] {
            // Where a tenant has only one, that one goes, and all that may hang on it.
            let from = usize::from(persona.rows.get(&self.table.id).is_some_and(|rows| rows.len() > 1));
            for child in self.children() {
                self.remove(child, persona, from.min(1)).await?;
            }
            self.remove(self.table, persona, from).await?;
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

    /// A made-up row; of two, where there is one, the one there is.
    fn row(&self, persona: &Persona, number: usize) -> Row {
        let rows = persona.rows.get(&self.table.id);
        rows.and_then(|rows| rows.get(number).or_else(|| rows.last())).cloned().unwrap_or_default()
    }

    /// Whether a statement leaves more rows with another tenant than there were, as itself sees them; a trigger may
    /// have turned them away or round. Taken back in any case.
    async fn plants(&self, text: &str) -> Result<Result<bool, Refusal>, Refusal> {
        self.makes_a_difference(text, "count(*)").await
    }

    /// Whether a statement changes another tenant's rows, as itself sees them. Taken back in any case.
    async fn disturbs(&self, text: &str) -> Result<Result<bool, Refusal>, Refusal> {
        self.makes_a_difference(text, "md5(string_agg(t::text, '|' order by t::text))").await
    }

    async fn makes_a_difference(&self, text: &str, what: &str) -> Result<Result<bool, Refusal>, Refusal> {
        let count = format!("select {what} from {} t where {}", self.table.name, self.is(self.theirs()));
        self.stage.itself().await?;
        let before = self.stage.session.run(&count).await?;
        self.stage.session.run("savepoint planting").await?;
        self.stage.enter(self.mine()).await?;
        let tried = self.stage.attempt(text).await;
        self.stage.itself().await?;
        let after = self.stage.session.run(&count).await?;
        self.stage.session.run("rollback to savepoint planting").await?;
        self.stage.enter(self.mine()).await?;
        Ok(tried.map(|_| before.rows != after.rows))
    }

    /// Foreign keys to tables of tenants that hold more than the tenant itself.
    fn crossing_keys(&self) -> impl Iterator<Item = &Key> {
        self.table.foreign_keys().filter(|key| {
            let to_tenants =
                self.set.tables.iter().any(|table| Some(&table.id) == key.target.as_ref() && table.tenant.is_some());
            to_tenants && key.columns.iter().any(|column| Some(column) != self.table.tenant.as_ref())
        })
    }

    async fn fingerprint(&self) -> Result<Vec<String>, Refusal> {
        fingerprint(self.set).await
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
