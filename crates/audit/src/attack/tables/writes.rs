//! Changing another tenant's rows, or putting rows there, with and without WHERE.
use super::{Scene, Target};
use rowhouse_pg::Refusal;

use crate::attack::{AttackVerdict, Ending, Stage, breached, held, inconclusive, stage::Persona};

impl Target<'_> {
    pub(super) async fn blind_update(&self) -> Scene {
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
            Err(refusal) => inconclusive(format!("own rows cannot be changed: {}", refusal.discreet())),
        })
    }

    /// Where all that may be changed is part of a unique key, two rows cannot be given the same value: one
    /// of each tenant's goes.
    pub(super) async fn lone_row(&self) -> Result<bool, Refusal> {
        let alone = self.table.changeable().is_some_and(|column| self.table.is_unique(column));
        if alone {
            self.make_room().await?;
        }
        Ok(alone)
    }

    pub(super) async fn foreign_update(&self) -> Scene {
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
            (_, Err(refusal)) => inconclusive(format!("own rows cannot be changed: {}", refusal.discreet())),
            (_, Ok(control)) if control.affected == 0 => inconclusive("no own row could be changed"),
            _ => held("own rows changed, no other"),
        })
    }

    pub(super) async fn blind_delete(&self) -> Scene {
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
            (_, Err(refusal)) => inconclusive(format!("own rows cannot be deleted: {}", refusal.discreet())),
            (Err(refusal), _) => inconclusive(format!("DELETE without WHERE was refused: {}", refusal.discreet())),
            (Ok(answer), _) if answer.affected == 0 => inconclusive("no own row could be deleted"),
            (Ok(answer), _) => held(format!("{} own rows deleted, no other", answer.affected)),
        })
    }

    pub(super) async fn foreign_delete(&self) -> Scene {
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
            (_, Err(refusal)) => inconclusive(format!("own rows cannot be deleted: {}", refusal.discreet())),
            (_, Ok(control)) if control.affected == 0 => inconclusive("no own row could be deleted"),
            _ => held("own rows deleted, no other"),
        })
    }

    pub(super) async fn foreign_insert(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        self.make_room().await?;
        self.stage.enter(self.mine()).await?;
        let control = self.stage.rehearse(&self.insert(&self.row(self.mine(), 1))).await;
        Ok(match (self.plants(&self.insert(&self.row(self.theirs(), 1))).await?, control) {
            (Ok(true), _) => breached("a row was planted in another tenant"),
            (Ok(false), Ok(control)) if control.affected > 0 => held("it became a row of one's own, or none"),
            (Ok(false), _) => inconclusive("an own row is not inserted either"),
            (Err(_), Err(refusal)) => inconclusive(format!("an own row cannot be inserted: {}", refusal.discreet())),
            (Err(refusal), Ok(_)) => held(format!("refused with SQLSTATE {}", refusal.code)),
        })
    }

    pub(super) async fn move_row(&self) -> Scene {
        if let Err(ending) = self.own().await? {
            return Ok(ending);
        }
        let (name, tenant) = (&self.table.name, &self.tenant);
        self.clear_children(self.mine()).await?;
        self.stage.enter(self.mine()).await?;
        let to = |persona: &Persona| format!("update {name} set {tenant} = {}", Stage::of(persona));
        let control = self.stage.rehearse(&format!("{} where {}", to(self.mine()), self.is(self.mine()))).await;
        for condition in [String::new(), format!("where {}", self.is(self.mine()))] {
            if self.plants(&format!("{} {condition}", to(self.theirs()))).await?.unwrap_or(false) {
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
            Err(refusal) => inconclusive(format!("own rows cannot be written: {}", refusal.discreet())),
        })
    }

    pub(super) async fn merge(&self, may_update: bool) -> Scene {
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
            (_, Err(refusal)) => inconclusive(format!("own rows cannot be merged: {}", refusal.discreet())),
            (_, Ok(control)) if control.affected == 0 => inconclusive("no own row was merged"),
            _ => held("own rows merged, no other"),
        })
    }

    pub(super) async fn deferred_trigger(&self) -> Scene {
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
            (Err(refusal), _) => inconclusive(format!("own rows cannot be changed: {}", refusal.discreet())),
            (Ok(written), _) if written.affected == 0 => inconclusive("no own row was changed"),
            (_, Err(refusal)) => held(format!("the trigger refused: SQLSTATE {}", refusal.code)),
            _ => held("the other tenant's rows are as they were"),
        })
    }

    pub(super) async fn truncate(&self) -> Scene {
        self.stage.enter(self.mine()).await?;
        Ok(match self.stage.rehearse(&format!("truncate {} cascade", self.table.name)).await {
            Ok(_) => breached("TRUNCATE emptied the table for every tenant"),
            Err(refusal) if refusal.code == "42501" => held("not granted"),
            Err(refusal) => inconclusive(format!("not refused for want of a grant: {}", refusal.discreet())),
        })
    }

    /// Somebody of the other tenant who says to be in ours: the tenant alone must open nothing.
    pub(super) async fn outsider(&self, may_select: bool, may_insert: bool, may_update: bool) -> Scene {
        let own = match self.own().await? {
            Ok(own) => own,
            Err(ending) => return Ok(ending),
        };
        let outsider = Persona { settings: self.theirs().settings.clone(), ..self.mine().clone() };
        let name = &self.table.name;
        let mut ways = Vec::new();
        if may_select {
            ways.push(("read", format!("select {} from {name}", self.tenant)));
        }
        if may_update && self.table.changeable().is_some() {
            let (column, value) = self.change();
            ways.push(("change", format!("update {name} set {column} = {value}")));
        }
        if self.table.may_delete {
            ways.push(("delete", format!("delete from {name}")));
        }
        // The only row is looked at before it makes room for the one that is to be written.
        let lone = self.stage.mine.rows.get(&self.table.id).is_none_or(|rows| rows.len() < 2);
        if !lone {
            self.make_room().await?;
        }
        if self.table.may_delete {
            self.clear_children(self.mine()).await?;
        }
        let found = if ways.is_empty() { None } else { self.closed_to(&outsider, &ways).await? };
        let written = if may_insert && !found.as_ref().is_some_and(|(verdict, _)| *verdict == AttackVerdict::Breached) {
            if lone {
                self.make_room().await?;
            }
            let write = ("write", self.insert(&self.row(self.mine(), 1)));
            self.closed_to(&outsider, &[write]).await?
        } else {
            None
        };
        // What got through before what could not be set up.
        let endings = [written, found].into_iter().flatten();
        let worst = endings.min_by_key(|(verdict, _)| *verdict != AttackVerdict::Breached);
        Ok(worst.unwrap_or_else(|| held(format!("{own} rows, closed to who is no member"))))
    }

    /// What speaks against the ways in being closed to an outsider; nothing where they are, and open to a member.
    async fn closed_to(&self, outsider: &Persona, ways: &[(&str, String)]) -> Result<Option<Ending>, Refusal> {
        // All tries before any control: one that has none must not keep the rest from being tried.
        self.stage.enter(outsider).await?;
        for (what, text) in ways {
            if self.stage.rehearse(text).await.is_ok_and(|answer| answer.affected > 0) {
                self.stage.itself().await?;
                return Ok(Some(breached(format!("somebody who is no member could {what} rows"))));
            }
        }
        self.stage.itself().await?;
        self.stage.enter(self.mine()).await?;
        let mut against = None;
        for (what, text) in ways {
            against = match self.stage.rehearse(text).await {
                Err(refusal) => {
                    Some(inconclusive(format!("a member could not {what} rows either: {}", refusal.discreet())))
                }
                Ok(answer) if answer.affected == 0 => {
                    Some(inconclusive(format!("a member could not {what} rows either")))
                }
                Ok(_) => continue,
            };
            break;
        }
        self.stage.itself().await?;
        Ok(against)
    }
}
