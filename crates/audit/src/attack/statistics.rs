//! What statistics tell: those of columns with addresses, names, tokens and hashes, as the role that serves may read them, and as EXPLAIN lets
//! them be asked. They are made anew of the made-up rows, in the transaction that is never committed.
use rowhouse_pg::{Failure, Refusal, identifier, literal};

use super::{
    Ending, Only, Outcomes, Set, breached, held, inconclusive,
    model::{Column, Table},
};

/// Words of names that say: somebody's address, name or secret. The lint `statistics` goes by the same.
const SENSITIVE: [&str; 13] = [
    "email",
    "mail",
    "phone",
    "address",
    "token",
    "secret",
    "hash",
    "password",
    "passwd",
    "full_name",
    "first_name",
    "last_name",
    "digest",
];
/// Of so many rows the planner is told, so that its estimates have digits enough to show what they are made of.
const ROWS: &str = "1000000000";

pub(super) async fn run(set: &Set<'_>, only: Only<'_>, outcomes: &mut Outcomes<'_>) -> Result<(), Failure> {
    for table in set.tables.iter().filter(|table| !table.partition) {
        if matches!(only, Only::Table(name) if name != table.name) || !set.theirs_has(&table.id) {
            continue;
        }
        for column in table.columns.iter().filter(|column| column.may_select && sensitive(column)) {
            let object = format!("{}.{}", table.name, column.name);
            if walled(set, table).await? {
                set.scene(outcomes, "read-statistics", &object, told(set, table, column)).await?;
            }
        }
    }
    Ok(())
}

fn sensitive(column: &Column) -> bool {
    let name = format!("_{}_", column.name.to_lowercase());
    ["text", "character varying", "character", "bytea"].contains(&column.base.as_str())
        && SENSITIVE.iter().any(|word| name.contains(&format!("_{word}_")))
}

/// What a table without row security holds, the role reads anyway.
async fn walled(set: &Set<'_>, table: &Table) -> Result<bool, Failure> {
    let asked = format!("select relrowsecurity from pg_catalog.pg_class where oid = {}", table.id);
    Ok(set.stage.session.run(&asked).await?.first_column().next() == Some("t"))
}

async fn told(set: &Set<'_>, table: &Table, column: &Column) -> Result<Ending, Refusal> {
    let stage = &set.stage;
    let rows = stage.theirs.rows.get(&table.id).into_iter().flatten();
    let values: Vec<String> = rows.filter_map(|row| row.get(&column.name).cloned().flatten()).collect();
    let Some(value) = values.first() else { return Ok(inconclusive("no row of the other tenant has a value there")) };
    let name = identifier(&column.name);
    analyze(set, table, &name).await?;
    stage.enter(&stage.mine).await?;
    for question in shown(table, column, value) {
        // What may not be read at all is refused.
        if let Ok(answer) = stage.attempt(&question).await
            && answer.first_column().next() != Some("0")
        {
            return Ok(breached("the role may read it in the statistics"));
        }
    }
    let estimate = format!("explain select 1 from {} where {name} > {}::{}", table.name, literal(value), column.base);
    let with = match stage.attempt(&estimate).await {
        Ok(answer) => rows_of(answer.first_column().next().unwrap_or_default()),
        Err(refusal) if refusal.code == "42501" => return Ok(held("the role may not compare with it")),
        Err(refusal) => return Ok(inconclusive(refusal.discreet())),
    };
    stage.itself().await?;
    // The same once more without the other tenant's values.
    stage.session.run("set local session_replication_role = replica").await?;
    for value in &values {
        stage.session.run(&format!("delete from {} where {name} = {}", table.name, literal(value))).await?;
    }
    stage.session.run("set local session_replication_role = origin").await?;
    analyze(set, table, &name).await?;
    stage.enter(&stage.mine).await?;
    let without = rows_of(stage.attempt(&estimate).await?.first_column().next().unwrap_or_default());
    Ok(match (with, without) {
        (Some(with), Some(without)) if with != without => {
            breached("EXPLAIN estimates by another tenant's values, and tells them to whoever asks often enough")
        }
        (Some(_), Some(_)) => held("neither statistics nor estimates depend on another tenant's values"),
        _ => inconclusive("EXPLAIN told no estimate"),
    })
}

/// Makes statistics of one column anew, and says that the table is large.
async fn analyze(set: &Set<'_>, table: &Table, column: &str) -> Result<(), Refusal> {
    set.stage.session.run(&format!("analyze {} ({column})", table.name)).await?;
    let large = format!("update pg_catalog.pg_class set reltuples = {ROWS}, relpages = 1 where oid = {}", table.id);
    set.stage.session.run(&large).await.map(drop)
}

/// Questions to the views and tables of statistics that a value stands in.
fn shown(table: &Table, column: &Column, value: &str) -> [String; 4] {
    let part = literal(value.trim_start_matches("\\x"));
    let (oid, name) = (&table.id, literal(&column.name));
    [
        format!(
            "select count(*) from pg_catalog.pg_stats s where (quote_ident(s.schemaname) || '.' || quote_ident(s.tablename)) = {} and s.attname = {name} and position({part} in s::text) > 0",
            literal(&table.name)
        ),
        format!("select count(*) from pg_catalog.pg_stats_ext s where position({part} in s::text) > 0"),
        format!(
            "select count(*) from pg_catalog.pg_statistic s where s.starelid = {oid} and position({part} in s::text) > 0"
        ),
        format!("select count(*) from pg_catalog.pg_statistic_ext_data s where position({part} in s::text) > 0"),
    ]
}

/// The estimate in a plan's first line.
fn rows_of(line: &str) -> Option<u64> {
    line.split("rows=").nth(1)?.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::rows_of;

    #[test]
    fn an_estimate_is_read_off_a_plan() {
        assert_eq!(rows_of("Seq Scan on t  (cost=0.00..25.88 rows=423 width=4)"), Some(423));
        assert_eq!(rows_of("Result"), None);
    }
}
