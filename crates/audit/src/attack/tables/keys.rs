//! Learning of, and reaching, another tenant's rows through unique and foreign keys.
use std::collections::BTreeSet;

use super::{Scene, Target, condition, value};
use rowhouse_pg::{Answer, Refusal, identifier};

use crate::attack::{
    Stage, breached, held, inconclusive,
    model::{Key, list},
    stage::{Persona, Row},
};

impl Target<'_> {
    pub(super) async fn unique_probe(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.make_room().await?;
        // A row of one's own that is in everything else like another tenant's.
        let fixed: BTreeSet<&String> =
            self.table.foreign_keys().flat_map(|key| &key.columns).chain(&self.table.tenant).collect();
        // What a key without the tenant holds is copied even where a foreign key leads on: uniqueness is checked first.
        let loose: BTreeSet<&String> = self
            .table
            .keys
            .iter()
            .filter(|key| {
                key.kind != "f" && !key.columns.iter().any(|column| Some(column) == self.table.tenant.as_ref())
            })
            .flat_map(|key| &key.columns)
            .collect();
        let mut probe = self.row(self.mine(), 1);
        for (column, value) in self.row(self.theirs(), 0) {
            if !fixed.contains(&column) || loose.contains(&column) && Some(&column) != self.table.tenant.as_ref() {
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
            Err(refusal) => inconclusive(format!("the probe was refused: {}", refusal.discreet())),
        })
    }

    pub(super) async fn upsert(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.make_room().await?;
        self.stage.enter(self.mine()).await?;
        let control =
            self.stage.rehearse(&format!("{} on conflict do nothing", self.insert(&self.row(self.mine(), 1)))).await;
        let theirs = self.insert(&self.row(self.theirs(), 0));
        let attack = format!("{theirs} on conflict do nothing");
        // Two things it may tell: there is such a row, or there is one now.
        if control.as_ref().is_ok_and(|control| control.affected == 1) {
            if self.plants(&attack).await?.unwrap_or(false) {
                return Ok(breached("a row was planted in another tenant"));
            }
            if self.stage.rehearse(&attack).await.is_ok_and(|answer| answer.affected == 0) {
                return Ok(breached("ON CONFLICT DO NOTHING tells that another tenant has such a row"));
            }
        }
        let key = self.table.identity();
        if !key.is_empty() && self.table.changeable().is_some() {
            let (column, value) = self.change();
            let text = format!("{theirs} on conflict ({}) do update set {column} = {value}", list(&key));
            if self.disturbs(&text).await?.unwrap_or(false) {
                return Ok(breached("ON CONFLICT DO UPDATE changed another tenant's row"));
            }
        }
        Ok(match control {
            Ok(control) if control.affected == 1 => held("refused"),
            Ok(_) => inconclusive("an own row is not inserted"),
            Err(refusal) => inconclusive(format!("an own row cannot be inserted: {}", refusal.discreet())),
        })
    }

    /// Whether the key, filled with another tenant's values, leads to a row of one's own.
    async fn both_have(&self, key: &Key, crossed: &Row) -> Result<bool, Refusal> {
        let target = self.set.tables.iter().find(|table| Some(&table.id) == key.target.as_ref());
        let Some((target, tenant)) = target.and_then(|table| Some((table, table.tenant.as_ref()?))) else {
            return Ok(false);
        };
        let leads: Vec<String> = key
            .columns
            .iter()
            .zip(&key.target_columns)
            .map(|(column, theirs)| format!("{} = {}", identifier(theirs), value(crossed, column)))
            .collect();
        let text = format!(
            "select from {} where {} and {} = {}",
            target.name,
            leads.join(" and "),
            identifier(tenant),
            Stage::of(self.mine())
        );
        self.stage.itself().await?;
        let found = self.stage.session.run(&text).await?;
        self.stage.enter(self.mine()).await?;
        Ok(found.affected > 0)
    }

    pub(super) async fn key_probe(&self, key: &Key) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        if !key.columns.iter().all(|name| self.table.column(name).is_some_and(|column| column.may_insert)) {
            return Ok(held("the role cannot choose where it leads"));
        }
        self.make_room().await?;
        self.stage.enter(self.mine()).await?;
        let mine = self.row(self.mine(), 1);
        if self.both_have(key, &self.crossed(mine.clone(), key, self.theirs())).await? {
            return Ok(held("both tenants have a row of that key, and it leads to one's own"));
        }
        let control = self.stage.rehearse(&format!("{}; set constraints all immediate", self.insert(&mine))).await;
        let probe = self.insert(&self.crossed(mine, key, self.theirs()));
        Ok(match (self.stage.rehearse(&format!("{probe}; set constraints all immediate")).await, control) {
            (Ok(_), _) => breached("a row now refers to another tenant's row, which is known to exist"),
            (_, Err(refusal)) => inconclusive(format!("an own row cannot be inserted: {}", refusal.discreet())),
            (Err(refusal), _) if refusal.code == "23503" => held("another tenant's row is as good as none"),
            (Err(refusal), _) => held(format!("refused with SQLSTATE {}", refusal.code)),
        })
    }

    pub(super) async fn cascade(&self, key: &Key) -> Scene {
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
                _ => inconclusive(format!("could not be arranged: {}", refusal.discreet())),
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
            Err(refusal) => breached(format!(
                "another tenant's row hangs on an own one and keeps it from being deleted: {}",
                refusal.discreet()
            )),
        })
    }

    /// A row with one foreign key leading where another tenant's row is. The tenant column stays.
    pub(super) fn crossed(&self, mut row: Row, key: &Key, target: &Persona) -> Row {
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
}
