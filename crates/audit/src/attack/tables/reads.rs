//! Seeing another tenant's rows: plainly, without a tenant, through cursors, plans, savepoints, expressions, COPY.
use super::{Scene, Target};
use rowhouse_pg::{Answer, literal};

use crate::attack::{AttackVerdict, breached, held, inconclusive};

impl Target<'_> {
    pub(super) async fn read(&self) -> Scene {
        let own = match self.own().await? {
            Ok(own) => own,
            Err(ending) => return Ok(ending),
        };
        self.stage.enter(self.mine()).await?;
        let all = match self.see().await {
            Ok(all) => all,
            Err(refusal) => return Ok(inconclusive(format!("own rows cannot be read: {}", refusal.discreet()))),
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

    pub(super) async fn read_nowhere(&self) -> Scene {
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

    pub(super) async fn cursor(&self) -> Scene {
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

    pub(super) async fn prepared_plan(&self) -> Scene {
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
            (Err(refusal), _) | (_, Err(refusal)) => {
                inconclusive(format!("own rows cannot be read: {}", refusal.discreet()))
            }
            (Ok(first), _) if first.rows.is_empty() => inconclusive("no own row"),
            (_, Ok(second)) if second.rows.iter().any(|row| row.first() == Some(&Some(self.mine().tenant.clone()))) => {
                breached("a plan made for one tenant showed its rows to the next")
            }
            (Ok(_), Ok(second)) if second.rows.is_empty() => inconclusive("the second tenant saw no own row"),
            _ => held("each tenant saw its own rows through one plan"),
        })
    }

    pub(super) async fn savepoint(&self) -> Scene {
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

    pub(super) async fn expression_spoof(&self) -> Scene {
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

    pub(super) async fn copy(&self) -> Scene {
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
                Err(refusal) => return Ok(inconclusive(format!("COPY was refused: {}", refusal.discreet()))),
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

    pub(super) async fn explain(&self) -> Scene {
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
                AttackVerdict::ByNature,
                "EXPLAIN ANALYZE counts the rows that a policy hides; never forward a plan to a client".to_owned(),
            )),
            Ok(_) => Ok(held("the plan counts no hidden row")),
            Err(refusal) => Ok(inconclusive(format!("EXPLAIN was refused: {}", refusal.discreet()))),
        }
    }
}
