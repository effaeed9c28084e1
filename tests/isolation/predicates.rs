//! The statements the server sends, with every tenant predicate struck out: the wall alone must hold. What each is called with, and
//! at whose rows it is aimed, its header says (tests/support/statements.rs).
use std::collections::BTreeSet;

use tokio_postgres::{Client, Row, types::Type};
use uuid::Uuid;

use super::{enter, fingerprint, leave, names, tenant_tables};
use crate::support::{Statement, TestDb, Values, statements, town};

/// The statement without its tenant predicates.
fn strike(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        words.push(word.to_owned());
        let at = words.len();
        // `m.tenant_id = $1`, and in registry.tenants `id = $1`, whatever stands behind it.
        if at >= 3
            && words[at - 2] == "="
            && word.starts_with("$1")
            && !word[2..].starts_with(|c: char| c.is_ascii_digit())
        {
            let named = words[at - 3].rsplit(['.', '(', '\n']).next().unwrap_or_default();
            if named == "tenant_id" || named == "id" {
                let before = words[at - 3]
                    [..words[at - 3].len() - words[at - 3].rsplit(['(', '\n']).next().unwrap_or_default().len()]
                    .to_owned();
                words.truncate(at - 3);
                words.push(format!("{before}$1::uuid is not null{}", &word[2..]));
            }
        }
    }
    words.join(" ")
}

/// Every id that only this tenant has, of whatever table.
async fn ids_of(superuser: &Client, tenant: Uuid) -> BTreeSet<Uuid> {
    let mut ids = BTreeSet::from([tenant]);
    for table in tenant_tables(superuser).await {
        let has_id = format!(
            "select attname::text from pg_attribute where attrelid = '{table}'::regclass and attname = 'id' and not attisdropped"
        );
        if !names(superuser, &has_id).await.is_empty() {
            let all = format!("select id from {table} where tenant_id = '{tenant}'");
            ids.extend(superuser.query(&all, &[]).await.unwrap().iter().map(|row| row.get::<_, Uuid>(0)));
        }
    }
    let members = format!(
        "select user_id from tenant.memberships where tenant_id = '{tenant}'
         except select user_id from tenant.memberships where tenant_id <> '{tenant}'"
    );
    ids.extend(superuser.query(&members, &[]).await.unwrap().iter().map(|row| row.get::<_, Uuid>(0)));
    ids
}

/// All ids of a row, whatever their columns are called.
fn ids(row: &Row) -> Vec<Uuid> {
    let columns = row.columns().iter().enumerate().filter(|(_, column)| *column.type_() == Type::UUID);
    columns.filter_map(|(at, _)| row.get(at)).collect()
}

/// Sends a statement in the tenant that was entered.
async fn send(
    api: &Client,
    statement: &Statement,
    text: &str,
    tenant: Uuid,
    values: &Values,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    api.batch_execute(&format!("prepare struck ({}) as {text}", statement.types().join(", "))).await?;
    let mut all = vec![format!("'{tenant}'")];
    all.extend(statement.values(values, true));
    api.query(&format!("execute struck ({})", all.join(", ")), &[]).await
}

async fn done(api: &Client) {
    leave(api).await;
    api.batch_execute("deallocate all").await.unwrap();
}

#[tokio::test]
async fn with_every_tenant_predicate_struck_nothing_leaks() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(&superuser, globex.id).await;
    let aimed_at_globex = Values::of(&superuser, globex.id, acme.owner.id).await;
    let foreign = ids_of(&superuser, globex.id).await;
    let mut struck_out = 0;
    for statement in statements().iter().filter(|statement| statement.is_of_a_tenant()) {
        let file = &statement.name;
        let insert = statement.code().contains("insert into");
        // An insert has no predicate to strike, unless it looks something up: it names the other tenant instead.
        let struck = strike(&statement.text);
        assert!(
            insert || struck != statement.text,
            "sql/queries/{file}.sql has no `tenant_id = $1` to strike out: write it"
        );
        struck_out += 1;
        enter(&api, acme.id, &acme.owner).await;
        let sent = send(&api, statement, &struck, globex.id, &aimed_at_globex).await;
        done(&api).await;
        match sent {
            Err(error) => {
                assert!(insert, "{file}: {error:?}");
                assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("42501"), "{file}: {error:?}");
            }
            // A number is as good as a row: all of one's own, as with the predicate, and nothing of another tenant's.
            Ok(rows) if rows.first().is_some_and(|row| row.columns()[0].name() == "counted") => {
                let counted: i64 = rows[0].get("counted");
                let own = if statement.aims_at_a_row() {
                    0
                } else {
                    enter(&api, acme.id, &acme.owner).await;
                    let own = send(&api, statement, &statement.text, acme.id, &aimed_at_globex).await.unwrap();
                    done(&api).await;
                    own[0].get("counted")
                };
                assert_eq!(counted, own, "{file} counts other than one's own rows");
                assert!(
                    own > 0 || statement.aims_at_a_row(),
                    "{file} finds nothing to count: give acme a row it counts"
                );
            }
            Ok(rows) => {
                assert!(!insert || rows.is_empty(), "{file} inserted into another tenant");
                let seen: Vec<Uuid> = rows.iter().flat_map(ids).collect();
                assert!(!seen.iter().any(|id| foreign.contains(id)), "{file} shows another tenant's rows");
                // The control: what is aimed at no row still shows one's own.
                let shows = !insert && !statement.aims_at_a_row() && statement.control.is_none();
                assert_eq!(
                    shows,
                    !rows.is_empty(),
                    "sql/queries/{file}.sql, aimed at {} with its predicates struck out, answers {} rows. If a row of another \
                     tenant was reached, the wall has a hole; if none of one's own was found, give acme one in \
                     tests/support/fixture.rs, or say `-- control: WHY` in the statement's header",
                    if statement.aims_at_a_row() { "a row of globex" } else { "no row" },
                    rows.len()
                );
            }
        }
        assert_eq!(fingerprint(&superuser, globex.id).await, before, "{file}");
    }
    assert!(struck_out >= 70, "{struck_out} statements name a tenant");
}
