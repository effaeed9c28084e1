//! Makes up rows for a tenant: two in every table, right by its types, keys and checks. What a check refuses
//! is tried again with other values, among them the words the check itself names.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    model::{Column, Key, Table, list},
    stage::{Persona, Row},
};
use rowhouse_pg::{AdminConn, Answer, Failure, Refusal, literal};

use crate::audit::Attack;

/// Tries before a table is given up.
const TRIES: usize = 300;

/// A tenant with rows, and the tables that could not be filled, each with the reason.
pub(super) async fn persona(
    session: &AdminConn,
    tables: &[Table],
    config: &Attack,
    token: &str,
) -> Result<(Persona, BTreeMap<String, String>), Failure> {
    let mut persona = Persona { token: token.to_owned(), ..Persona::default() };
    let mut failed: BTreeMap<String, String> = BTreeMap::new();
    for table in tables.iter().filter(|table| !table.partition) {
        let mut rows = Vec::new();
        for number in 0..2 {
            match insert(session, tables, table, config, &mut persona, &rows, number).await {
                Ok(row) => rows.push(row),
                // One row a tenant is all that some tables have room for.
                Err(_) if number > 0 => break,
                Err(why) => {
                    failed.insert(table.id.clone(), why);
                    break;
                }
            }
        }
        persona.rows.insert(table.id.clone(), rows);
    }
    for (setting, source) in &config.settings {
        let found = source.rsplit_once('.').and_then(|(name, column)| {
            let table = tables.iter().find(|table| table.plain == name)?;
            persona.rows.get(&table.id)?.first()?.get(column)?.clone()
        });
        match found {
            Some(value) => persona.settings.push((setting.clone(), value)),
            None => {
                return Err(Failure(format!(
                    "the setting {setting} is to come from {source}, and no row could be made there: {}",
                    failed.values().cloned().collect::<Vec<_>>().join("; ")
                )));
            }
        }
    }
    Ok((persona, failed))
}

/// Rows for a tenant that is there: one in each table in which it has none. Answers the tables that got one.
pub(super) async fn furnish(
    session: &AdminConn,
    tables: &[Table],
    config: &Attack,
    tenant: &str,
    token: &str,
) -> Result<Vec<String>, Failure> {
    let mut persona = Persona { tenant: tenant.to_owned(), token: token.to_owned(), ..Persona::default() };
    let mut made = Vec::new();
    for table in tables.iter().filter(|table| !table.partition) {
        let row = match made_with_the_tenant(session, table, &persona, &[]).await {
            Some(row) => row,
            None if table.tenant.is_none() => match root(tables, table) {
                Some(key) => of_the_tenant(session, table, &key.name, &persona, &[])
                    .await
                    .ok_or_else(|| Failure(format!("{} has no row of the tenant {tenant}", table.name)))?,
                None => continue,
            },
            None => {
                made.push(table.plain.clone());
                insert(session, tables, table, config, &mut persona, &[], 0).await.map_err(Failure)?
            }
        };
        persona.rows.insert(table.id.clone(), vec![row]);
    }
    Ok(made)
}

async fn insert(
    session: &AdminConn,
    tables: &[Table],
    table: &Table,
    config: &Attack,
    persona: &mut Persona,
    earlier: &[Row],
    number: usize,
) -> Result<Row, String> {
    let mut fixed: BTreeMap<&str, String> = BTreeMap::new();
    for column in table.columns.iter().filter(|column| !column.generated) {
        if let Some(expression) = config.values.get(&format!("{}.{}", table.plain, column.name)) {
            fixed.insert(&column.name, expression.clone());
        }
    }
    if let Some(tenant) = &table.tenant
        && !persona.tenant.is_empty()
    {
        fixed.insert(tenant, literal(&persona.tenant));
    }
    let root = root(tables, table);
    if let Some(column) = root.filter(|column| number == 0 && !persona.tenant.is_empty() && !column.generated) {
        fixed.insert(&column.name, literal(&persona.tenant));
    }
    for key in table.foreign_keys() {
        // The settings come from the first row of a table, so whoever is in it is the person.
        let number = if config.own.contains(&format!("{}.{}", table.plain, key.name)) { 0 } else { number };
        for (column, value) in referred(tables, table, key, persona, earlier, number)? {
            fixed.insert(column, value);
        }
    }
    let free: Vec<&Column> = table
        .columns
        .iter()
        // The tenant's default would be the same for everyone.
        .filter(|column| {
            !column.has_default || table.tenant.as_ref() == Some(&column.name) && persona.tenant.is_empty()
        })
        .filter(|column| !column.generated && !fixed.contains_key(column.name.as_str()))
        .collect();
    let choices: Vec<Vec<String>> = free.iter().map(|column| candidates(column, &persona.token, number)).collect();
    let mut picks = vec![0; free.len()];
    let (mut last, mut taken) = (String::new(), false);
    for _ in 0..TRIES {
        let mut names: Vec<&str> = fixed.keys().copied().collect();
        let mut values: Vec<&str> = fixed.values().map(String::as_str).collect();
        for ((column, options), pick) in free.iter().zip(&choices).zip(&picks) {
            names.push(&column.name);
            values.push(&options[*pick]);
        }
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let statement = if names.is_empty() {
            format!("insert into {} default values returning *", table.name)
        } else {
            format!(
                "insert into {} ({}) overriding system value values ({}) returning *",
                table.name,
                list(&names),
                values.join(", ")
            )
        };
        match attempt(session, &statement).await {
            Ok(answer) => {
                let row: Row =
                    answer.columns.iter().cloned().zip(answer.rows.into_iter().next().unwrap_or_default()).collect();
                let tenant = table.tenant.as_ref().or(root.map(|column| &column.name));
                if let (Some(tenant), true) = (tenant, persona.tenant.is_empty()) {
                    persona.tenant = row.get(tenant).cloned().flatten().unwrap_or_default();
                }
                return Ok(row);
            }
            Err(refusal) if refusal.code.is_empty() => return Err(refusal.message),
            Err(refusal) => {
                last = refusal.discreet();
                // The one row a tenant has came with the tenant.
                if number == 0 && one_a_tenant(table, &refusal) {
                    return made_with_the_tenant(session, table, persona, &[]).await.ok_or(last);
                }
                taken |= refusal.code == "23505";
                let suspects = suspects(&refusal, table, &free);
                if !advance(&mut picks, &choices, &suspects) {
                    break;
                }
            }
        }
    }
    // All the rows a tenant can have came with the tenant.
    if taken && let Some(row) = made_with_the_tenant(session, table, persona, earlier).await {
        return Ok(row);
    }
    Err(format!("no row could be made up for {}: {last}", table.name))
}

/// The column that says which tenant a row is, in the table of the tenants themselves: its first row is the tenant.
fn root<'t>(tables: &[Table], table: &'t Table) -> Option<&'t Column> {
    tables.iter().filter(|other| table.tenant.is_none() && other.id != table.id).find_map(|other| {
        let key = other.foreign_keys().filter(|key| key.target.as_ref() == Some(&table.id)).find_map(|key| {
            let at = key.columns.iter().position(|column| Some(column) == other.tenant.as_ref())?;
            key.target_columns.get(at)
        });
        key.and_then(|name| table.column(name))
    })
}

/// Whether the row breaks a key that is the tenant and nothing else.
fn one_a_tenant(table: &Table, refusal: &Refusal) -> bool {
    let broken = table.keys.iter().find(|key| refusal.constraint.as_ref() == Some(&key.name));
    refusal.code == "23505" && broken.is_some_and(|key| key.columns.iter().eq(table.tenant.as_ref()))
}

/// A row of the tenant's besides those that were made up.
async fn made_with_the_tenant(session: &AdminConn, table: &Table, persona: &Persona, but: &[Row]) -> Option<Row> {
    of_the_tenant(session, table, table.tenant.as_ref()?, persona, but).await
}

/// A row whose column says that it is the tenant's, or the tenant.
async fn of_the_tenant(
    session: &AdminConn,
    table: &Table,
    column: &String,
    persona: &Persona,
    but: &[Row],
) -> Option<Row> {
    let tenant = list(std::slice::from_ref(column));
    let statement = format!("select * from {} where {tenant} = {}", table.name, literal(&persona.tenant));
    let answer = attempt(session, &statement).await.ok()?;
    let mut rows = answer.rows.into_iter().map(|row| answer.columns.iter().cloned().zip(row).collect::<Row>());
    rows.find(|row| !but.contains(row))
}

async fn attempt(session: &AdminConn, statement: &str) -> Result<Answer, Refusal> {
    session.run("savepoint making").await?;
    match session.run(statement).await {
        Ok(answer) => {
            session.run("release savepoint making").await?;
            Ok(answer)
        }
        Err(refusal) if refusal.code.is_empty() => Err(refusal),
        Err(refusal) => {
            session.run("rollback to savepoint making").await?;
            Err(refusal)
        }
    }
}

/// The values a foreign key must take: those of the row made for this tenant where it leads.
fn referred<'t>(
    tables: &[Table],
    table: &'t Table,
    key: &'t Key,
    persona: &Persona,
    earlier: &[Row],
    number: usize,
) -> Result<Vec<(&'t str, String)>, String> {
    let target = key.target.as_deref().unwrap_or_default();
    // A row that refers to its own table refers to the first one made.
    let rows = if target == table.id { Some(earlier) } else { persona.rows.get(target).map(Vec::as_slice) };
    // A row of a tenant must lead to a row of the same one: of the tenants themselves, to the first.
    let fits = |row: &&Row| {
        let pairs = key.columns.iter().zip(&key.target_columns);
        pairs.filter(|(column, _)| table.tenant.as_ref() == Some(*column)).all(|(_, theirs)| {
            persona.tenant.is_empty() || row.get(theirs).cloned().flatten().as_deref() == Some(&*persona.tenant)
        })
    };
    let row = rows.and_then(|rows| rows.get(number).filter(fits).or_else(|| rows.iter().rev().find(fits)));
    let optional = key.columns.iter().any(|name| table.column(name).is_some_and(|column| !column.required));
    let Some(row) = row else {
        let may_be_null = |name: &&String| {
            table.column(name).is_some_and(|column| !column.required) && table.tenant.as_ref() != Some(*name)
        };
        if optional {
            return Ok(key.columns.iter().filter(may_be_null).map(|name| (name.as_str(), "null".to_owned())).collect());
        }
        let name = tables.iter().find(|other| other.id == target).map_or("a table", |other| &other.name);
        return Err(format!("{} refers to {name}, in which no row could be made up", table.name));
    };
    let pairs = key.columns.iter().zip(&key.target_columns);
    Ok(pairs
        .map(|(column, theirs)| {
            let value = row.get(theirs).cloned().flatten();
            (column.as_str(), value.map_or("null".to_owned(), |value| literal(&value)))
        })
        .collect())
}

/// The columns a refusal is about; all that can be varied, when it does not say.
fn suspects(refusal: &Refusal, table: &Table, free: &[&Column]) -> Vec<usize> {
    let by_key = refusal.constraint.as_ref().and_then(|name| table.keys.iter().find(|key| key.name == *name));
    let of_key: BTreeSet<usize> = match by_key {
        Some(key) => (0..free.len()).filter(|at| key.columns.contains(&free[*at].name)).collect(),
        None => BTreeSet::new(),
    };
    let by_check: BTreeSet<usize> = (0..free.len())
        .filter(|at| refusal.code == "23514" && mentions(&free[*at].checks, &refusal.message, &free[*at].name, refusal))
        .collect();
    let found = if of_key.is_empty() { by_check } else { of_key };
    if found.is_empty() { (0..free.len()).collect() } else { found.into_iter().collect() }
}

/// A check constraint's name usually holds the column's; where it does not, any column with a check is meant.
fn mentions(checks: &str, message: &str, column: &str, refusal: &Refusal) -> bool {
    let named = refusal.constraint.as_deref().unwrap_or(message);
    !checks.is_empty() && (named.contains(column) || !named.contains('_'))
}

/// The next combination of the suspects' candidates; false when there is none.
fn advance(picks: &mut [usize], choices: &[Vec<String>], suspects: &[usize]) -> bool {
    for at in suspects {
        picks[*at] += 1;
        if picks[*at] < choices[*at].len() {
            return true;
        }
        picks[*at] = 0;
    }
    false
}

/// Values worth trying in a column, the likeliest first.
fn candidates(column: &Column, token: &str, number: usize) -> Vec<String> {
    let quote = |text: &str| format!("{}::{}", literal(text), column.kind);
    let base = column.base.trim_end_matches("[]");
    // Numbers of one tenant are not those of the other.
    let other = if token.starts_with("rhb") { 50 } else { 0 };
    let mut all: Vec<String> = match (column.category.as_str(), base) {
        ("A", _) => vec![quote("{}")],
        ("E", _) => {
            let mut labels: Vec<String> = column.labels.iter().map(|label| quote(label)).collect();
            let count = labels.len().max(1);
            labels.rotate_left((number + usize::from(other > 0)) % count);
            labels
        }
        ("R", "int4range" | "int8range" | "numrange") => {
            vec![quote(&format!("[{},{})", number + other, number + other + 1)), quote("empty")]
        }
        ("R", _) => {
            vec![quote(&format!("[20{:02}-01-01,20{:02}-02-01)", number + other, number + other)), quote("empty")]
        }
        ("B", _) => vec![quote("true"), quote("false")],
        ("N", "oid") => vec!["0".to_owned()],
        ("N", _) => [number + 1 + other, number + 101 + other, 1_000 + number, 0, 10_000_000 + number]
            .iter()
            .map(|value| quote(&value.to_string()))
            .collect(),
        ("D", "date") => vec![
            format!("current_date + {}", number + other),
            format!("current_date - {number}"),
            // One that begins a month.
            format!("(date_trunc('month', current_date) + interval '{} months')::date", number + other),
        ],
        ("D", _) => ["now()", "now() + interval '30 days'", "now() - interval '30 days'"]
            .map(|time| format!("({time})::{}", column.kind))
            .to_vec(),
        ("T", _) => vec![quote("1 day")],
        ("I", "inet" | "cidr") => vec![quote(&format!("10.0.{number}.1"))],
        // One that tells a time (RFC 9562 §5.7) tells one that has a date.
        ("U", "uuid") => vec!["overlay(gen_random_uuid()::text placing '0' from 1 for 1)::uuid".to_owned()],
        ("U", "json" | "jsonb") => vec![quote("{}"), quote("[]")],
        ("U", "bytea") => vec![format!("decode(md5({}), 'hex')", literal(&format!("{token}{number}{}", column.name)))],
        ("U", "xml") => vec![quote("<a/>")],
        ("U", "macaddr") => vec![quote("08:00:2b:01:02:03")],
        ("U", "tsvector" | "tsquery") => vec![quote("")],
        ("V", _) => vec![quote("101"), quote("")],
        _ => {
            let mut texts = vec![
                format!("{token}{number}"),
                format!("{token}{number}@rowhouse.test"),
                format!("{token}{number}.rowhouse.test"),
            ];
            texts.extend(words(&column.checks));
            texts.extend(
                [
                    &format!("https://{token}{number}.rowhouse.test/"),
                    "a:b",
                    "A",
                    "a",
                    "en",
                    "EUR",
                    "UTC",
                    "+4930123456",
                    "00000000000000000000000000000000",
                ]
                .map(ToString::to_string),
            );
            if let Some(length) = column.length {
                for text in &mut texts {
                    if text.len() > length {
                        *text = text.chars().rev().take(length).collect::<String>().chars().rev().collect();
                    }
                }
            }
            texts.iter().map(|text| quote(text)).collect()
        }
    };
    if column.category != "S" {
        all.extend(words(&column.checks).iter().map(|word| quote(word)));
        let numbers = column.checks.split(|letter: char| !letter.is_ascii_digit()).filter(|part| !part.is_empty());
        all.extend(numbers.map(quote));
    }
    if !column.required {
        all.push("null".to_owned());
    }
    all
}

/// The string literals in a constraint's text.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split('\'').skip(1).step_by(2).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
