//! Attempts across tenants, on every table and every route, as the role that serves. `tests/can_fail` breaks
//! the walls one by one and asks that this suite goes red each time.
mod attacks;
mod audit_log;
mod auditor;
mod catalog;
mod directory;
mod doors;
mod jobs;
mod own_routes;
mod own_rows;
mod owners;
mod pgbouncer;
mod pool;
mod predicates;
mod roles;
mod routes;
mod sealed;
mod seals;
mod seats;
mod session;
mod told;
mod tries;
mod unpaid;
mod worker;

pub(crate) use catalog::{BILLING, DOORS, IDENTITY, SEATS, TENANCY, WRITERS};

use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::Person;

/// Begins a transaction as the server does: who asks, inside which tenant.
async fn enter(client: &Client, tenant: Uuid, person: &Person) {
    let who = person.id;
    let begin = format!(
        "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = '{who}'; set local app.session_id = '{who}'"
    );
    client.batch_execute(&begin).await.unwrap();
}

async fn leave(client: &Client) {
    client.batch_execute("rollback").await.unwrap();
}

/// The SQLSTATE a statement fails with; an empty string when it does not fail.
async fn refusal(client: &Client, statement: &str) -> String {
    client.batch_execute("savepoint attempt").await.unwrap();
    match client.batch_execute(statement).await {
        Ok(()) => String::new(),
        Err(error) => {
            client.batch_execute("rollback to savepoint attempt").await.unwrap();
            error.code().map_or_else(|| panic!("{statement}: {error}"), |code| code.code().to_owned())
        }
    }
}

async fn number(client: &Client, statement: &str) -> i64 {
    client.query_one(statement, &[]).await.unwrap_or_else(|error| panic!("{statement}: {error:?}")).get(0)
}

async fn names(client: &Client, statement: &str) -> Vec<String> {
    let rows = client.query(statement, &[]).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// Every table of schema tenant.
async fn tenant_tables(client: &Client) -> Vec<String> {
    let tables = names(
        client,
        "select 'tenant.' || relname from pg_class
         where relnamespace = 'tenant'::regnamespace and relkind in ('r', 'p') order by 1",
    )
    .await;
    assert!(tables.len() >= 4, "the sweep found tables: {tables:?}");
    tables
}

/// Of these, the ones that whoever serves tenants may read anything of.
async fn readable_tables(client: &Client) -> Vec<String> {
    let mut tables = tenant_tables(client).await;
    let closed = names(
        client,
        "select 'tenant.' || relname from pg_class where relnamespace = 'tenant'::regnamespace and relkind in ('r', 'p')
           and not has_any_column_privilege('rowhouse_api', oid, 'select') order by 1",
    )
    .await;
    assert_eq!(
        closed,
        [
            "tenant.audit_seals",
            "tenant.balances",
            "tenant.event_consumers",
            "tenant.job_heads",
            "tenant.journal_entries",
            "tenant.operation_chunks",
            "tenant.postings",
            "tenant.seats"
        ],
        "tables that nobody who serves reads"
    );
    tables.retain(|table| !closed.contains(table));
    tables
}

/// A digest of all rows of a tenant in every table, as a superuser sees them.
async fn fingerprint(superuser: &Client, tenant: Uuid) -> String {
    let mut all = String::new();
    for table in tenant_tables(superuser).await {
        let digest = format!(
            "select '{table} ' || count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' order by t::text)), '-')
             from {table} t where tenant_id = '{tenant}'"
        );
        all.push_str(&names(superuser, &digest).await[0]);
        all.push('\n');
    }
    assert!(!all.contains(" 0 "), "there is something to attack in every table:\n{all}");
    all
}
