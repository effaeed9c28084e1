//! Where attacks are played: one transaction, never committed, in which the connection now arranges things
//! as itself, behind every wall, and now acts as the role that serves.
use std::collections::BTreeMap;

use rowhouse_pg::{AdminConn, Answer, Failure, Refusal, identifier, literal, set_local};

/// A row as PostgreSQL printed it: column to value, `None` for null.
pub(super) type Row = BTreeMap<String, Option<String>>;

/// A tenant made for the attack, with two rows in every table.
#[derive(Clone, Debug, Default)]
pub(super) struct Persona {
    /// Its value in tenant columns.
    pub(super) tenant: String,
    /// What its transactions set besides the tenant.
    pub(super) settings: Vec<(String, String)>,
    /// Its rows by table id.
    pub(super) rows: BTreeMap<String, Vec<Row>>,
    /// Part of every text made up for it, so that its data are recognised wherever they come out.
    pub(super) token: String,
}

impl Persona {
    /// Values by which its data are recognised: long enough not to occur by chance.
    pub(super) fn marks(&self) -> Vec<String> {
        let mut marks: Vec<String> = self
            .rows
            .values()
            .flatten()
            .flat_map(|row| row.values().flatten())
            .filter(|value| value.contains(&self.token) || value.len() == 36 && value.matches('-').count() == 4)
            .cloned()
            .collect();
        marks.push(self.token.clone());
        if self.tenant.len() >= 8 {
            marks.push(self.tenant.clone());
        }
        marks.sort();
        marks.dedup();
        marks
    }
}

/// The stage, with its two tenants.
pub(super) struct Stage<'a> {
    pub(super) session: &'a AdminConn,
    pub(super) role: String,
    pub(super) setting: String,
    pub(super) mine: Persona,
    pub(super) theirs: Persona,
}

impl Stage<'_> {
    /// Becomes the role, in a tenant. The role holds until [`itself`](Self::itself) or the end of the scene.
    pub(super) async fn enter(&self, persona: &Persona) -> Result<(), Refusal> {
        let mut text = format!("set local session authorization {}; ", identifier(&self.role));
        text.push_str(&self.switch(persona));
        self.session.run(&text).await.map(drop)
    }

    /// Becomes the role and says nothing about tenants.
    pub(super) async fn enter_unset(&self) -> Result<(), Refusal> {
        self.session.run(&format!("set local session authorization {}", identifier(&self.role))).await.map(drop)
    }

    /// What a transaction says to be in a tenant.
    pub(super) fn switch(&self, persona: &Persona) -> String {
        let mut text = set_local(&self.setting, &persona.tenant);
        for (setting, value) in &persona.settings {
            text.push_str("; ");
            text.push_str(&set_local(setting, value));
        }
        text
    }

    /// Becomes the role, in no tenant: every setting is empty.
    pub(super) async fn enter_nowhere(&self) -> Result<(), Refusal> {
        let settings = self.mine.settings.iter().map(|(setting, _)| (setting.clone(), String::new())).collect();
        self.enter(&Persona { settings, ..Persona::default() }).await
    }

    /// Acts as the connection's own role again, which no wall stops.
    pub(super) async fn itself(&self) -> Result<(), Refusal> {
        self.session.run("reset session authorization").await.map(drop)
    }

    /// Tries a statement; a refusal leaves the transaction as it was before.
    pub(super) async fn attempt(&self, text: &str) -> Result<Answer, Refusal> {
        self.session.run("savepoint attempt").await?;
        match self.session.run(text).await {
            // The savepoint stays until the scene ends: once it were released, PostgreSQL would no longer know that
            // `set constraints` is to be taken back with the scene.
            Ok(answer) => Ok(answer),
            Err(refusal) => {
                self.undo("attempt", &refusal).await?;
                Err(refusal)
            }
        }
    }

    /// Tries a statement and takes it back, whatever came of it.
    pub(super) async fn rehearse(&self, text: &str) -> Result<Answer, Refusal> {
        self.session.run("savepoint rehearsal").await?;
        let answer = self.session.run(text).await;
        match &answer {
            Err(refusal) => self.undo("rehearsal", refusal).await?,
            Ok(_) => drop(self.session.run("rollback to savepoint rehearsal").await?),
        }
        answer
    }

    async fn undo(&self, savepoint: &str, refusal: &Refusal) -> Result<(), Refusal> {
        if refusal.code.is_empty() {
            return Err(refusal.clone()); // the connection is gone
        }
        self.session.run(&format!("rollback to savepoint {savepoint}")).await.map(drop)
    }

    /// The tenant as a literal for a tenant column.
    pub(super) fn of(persona: &Persona) -> String {
        literal(&persona.tenant)
    }

    pub(super) fn setting_spoof(&self, persona: &Persona) -> String {
        let all = std::iter::once((&self.setting, &persona.tenant)).chain(persona.settings.iter().map(|(s, v)| (s, v)));
        all.map(|(setting, value)| {
            format!("pg_catalog.set_config({}, {}, true) is not null", literal(setting), literal(value))
        })
        .collect::<Vec<_>>()
        .join(" and ")
    }
}

/// Whether this connection can play both parts.
pub(super) async fn can_play(session: &AdminConn, role: &str) -> Result<(), Failure> {
    let who = session
        .run("select current_user as name, rolsuper, pg_is_in_recovery() as standby from pg_roles where rolname = current_user")
        .await?;
    let name = who.value(0, "name").unwrap_or_default();
    if who.value(0, "standby") == Some("t") {
        return Err(Failure("this server is a read-only replica: attack its primary, or a clone".to_owned()));
    }
    if who.value(0, "rolsuper") != Some("t") {
        return Err(Failure(format!(
            "connect as a superuser: {name} cannot make up rows behind the walls and then act as {role} (nothing is ever committed)"
        )));
    }
    let target =
        session.run(&format!("select rolsuper, rolbypassrls from pg_roles where rolname = {}", literal(role))).await?;
    if target.value(0, "rolsuper") == Some("t") || target.value(0, "rolbypassrls") == Some("t") {
        return Err(Failure(format!(
            "refusing to attack as {role}: no policy applies to a superuser or a role with BYPASSRLS, so nothing would be proved"
        )));
    }
    Ok(())
}
