//! Attacks that concern no table: what the role itself may become, take down, or share with others.
use super::{AttackVerdict, Ending, Outcomes, Set, breached, held, inconclusive, stage::Stage};
use rowhouse_pg::{Failure, Refusal, identifier, literal, set_local};

pub(super) async fn run(set: &Set<'_>, outcomes: &mut Outcomes<'_>) -> Result<(), Failure> {
    let stage = &set.stage;
    let role = &stage.role;
    set.scene(outcomes, "role-escape", role, become_another(stage)).await?;
    for (object, statement) in takedowns(set) {
        set.scene(outcomes, "takedown", &object, refused(stage, &statement)).await?;
    }
    set.scene(outcomes, "row-security-off", role, row_security_off(set)).await?;
    set.scene(outcomes, "large-object", role, large_object(stage)).await?;
    set.scene(outcomes, "advisory-lock", role, advisory_lock(stage)).await?;
    set.scene(outcomes, "notify", role, notify(stage)).await?;
    Ok(())
}

async fn become_another(stage: &Stage<'_>) -> Result<Ending, Refusal> {
    stage.session.run(&set_local("audit.role", &stage.role)).await?;
    let others = stage.session.run(include_str!("../../sql/attack/stronger.sql")).await?;
    stage.enter(&stage.mine).await?;
    let myself = stage.session.run("select current_user").await?;
    if myself.first_column().next() != Some(stage.role.as_str()) {
        return Ok(inconclusive("the connection could not become the role"));
    }
    let mut tried = 0;
    for other in others.first_column() {
        for text in [
            format!("set local role {}", identifier(other)),
            format!("select pg_catalog.set_config('role', {}, true)", literal(other)),
        ] {
            tried += 1;
            if stage.rehearse(&format!("{text}; select 1")).await.is_ok() {
                return Ok(breached(format!("it became {other}")));
            }
        }
    }
    Ok(held(format!("{tried} attempts to become a stronger role were refused")))
}

/// Statements that would take a wall down, or see behind it, each of which must be refused.
fn takedowns(set: &Set<'_>) -> Vec<(String, String)> {
    let role = identifier(&set.stage.role);
    let mut all = vec![
        ("alter role bypassrls".to_owned(), format!("alter role {role} bypassrls")),
        ("alter role superuser".to_owned(), format!("alter role {role} superuser")),
        ("create role".to_owned(), "create role rowhouse_attack_role superuser".to_owned()),
        ("session_replication_role".to_owned(), "set local session_replication_role = replica".to_owned()),
        ("read a server file".to_owned(), "select pg_catalog.pg_read_file('PG_VERSION')".to_owned()),
        ("run a program".to_owned(), "copy (select 1) to program 'true'".to_owned()),
        ("create schema".to_owned(), "create schema rowhouse_attack_schema".to_owned()),
        ("temporary table".to_owned(), "create temporary table rowhouse_attack_temp (a int)".to_owned()),
    ];
    for table in set.tables.iter().filter(|table| table.tenant.is_some()) {
        let name = &table.name;
        for (what, statement) in [
            ("disable row level security", format!("alter table {name} disable row level security")),
            ("no force row level security", format!("alter table {name} no force row level security")),
            ("create policy", format!("create policy rowhouse_attack on {name} using (true)")),
            ("owner", format!("alter table {name} owner to {role}")),
            (
                "create trigger",
                format!(
                    "create trigger rowhouse_attack before update on {name} for each row execute function pg_catalog.suppress_redundant_updates_trigger()"
                ),
            ),
        ] {
            all.push((format!("{what} on {name}"), statement));
        }
    }
    all
}

async fn refused(stage: &Stage<'_>, statement: &str) -> Result<Ending, Refusal> {
    stage.enter(&stage.mine).await?;
    Ok(match stage.rehearse(statement).await {
        Ok(_) => breached(format!("it went through: {statement}")),
        Err(refusal) if ["42501", "0A000", "58P01"].contains(&refusal.code.as_str()) => held("refused"),
        Err(refusal) => inconclusive(format!("not refused for want of a right: {}", refusal.discreet())),
    })
}

async fn row_security_off(set: &Set<'_>) -> Result<Ending, Refusal> {
    let stage = &set.stage;
    stage.enter(&stage.mine).await?;
    let mut asked = 0;
    for table in set.tables.iter().filter(|table| table.tenant_is(|column| column.may_select)) {
        asked += 1;
        if stage.rehearse(&format!("set local row_security = off; select * from {}", table.name)).await.is_ok() {
            return Ok(breached(format!("{} was read with row_security off", table.name)));
        }
    }
    Ok(if asked == 0 { held("there is no table it may read") } else { held("every table refuses to be read so") })
}

async fn large_object(stage: &Stage<'_>) -> Result<Ending, Refusal> {
    stage.enter(&stage.mine).await?;
    let made = match stage.attempt("select pg_catalog.lo_from_bytea(0, 'rowhouse')").await {
        Ok(made) => made,
        Err(refusal) if refusal.code == "42501" => return Ok(held("the role cannot make large objects")),
        Err(refusal) => return Ok(inconclusive(refusal.discreet())),
    };
    let id = made.first_column().next().unwrap_or("0").to_owned();
    stage.session.run(&stage.switch(&stage.theirs)).await?;
    Ok(match stage.rehearse(&format!("select pg_catalog.lo_get({id})")).await {
        Ok(_) => (
            AttackVerdict::ByNature,
            "a large object made by one tenant is read by the next: they know no tenant; revoke the lo_ functions if nothing needs them".to_owned(),
        ),
        Err(_) => held("the next tenant cannot read it"),
    })
}

async fn advisory_lock(stage: &Stage<'_>) -> Result<Ending, Refusal> {
    stage.enter(&stage.mine).await?;
    Ok(match stage.rehearse("select pg_catalog.pg_try_advisory_xact_lock(7077)").await {
        Err(refusal) if refusal.code == "42501" => held("the role cannot take advisory locks"),
        Err(refusal) => inconclusive(refusal.discreet()),
        Ok(_) => (AttackVerdict::ByNature, "advisory locks share one key space: tenants can signal to, and wait for, each other; revoke them if nothing needs them".to_owned()),
    })
}

async fn notify(stage: &Stage<'_>) -> Result<Ending, Refusal> {
    stage.enter(&stage.mine).await?;
    Ok(match stage.rehearse("notify rowhouse_attack").await {
        Ok(_) => (
            AttackVerdict::ByNature,
            "NOTIFY and LISTEN know no tenant and cannot be revoked: a payload carries ids only".to_owned(),
        ),
        Err(refusal) => held(format!("refused with SQLSTATE {}", refusal.code)),
    })
}
