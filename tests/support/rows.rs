//! The rows that an operation's path names: whose table they are from, the catalog says by the path's words.
use std::collections::BTreeMap;

use reqwest::Method;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{Answer, Document, Operation, TenantFixture, TestApp};

/// An id for each parameter of a path.
pub type Named = BTreeMap<String, String>;

/// Collections that are called otherwise than their tables in schema tenant, and the column that their ids are.
const TABLES: [(&str, &str, &str); 5] = [
    ("members", "tenant.memberships", "user_id"),
    ("domains", "registry.domains", "id"),
    ("tasks", "tenant.project_tasks", "id"),
    ("webhooks", "tenant.webhook_endpoints", "id"),
    ("deliveries", "tenant.webhook_deliveries", "id"),
];

/// The table of a collection, and its column that paths name.
pub fn table_of(collection: &str) -> (String, &'static str) {
    match TABLES.iter().find(|(name, ..)| *name == collection) {
        Some((_, table, id)) => ((*table).to_owned(), id),
        None => (format!("tenant.{}", collection.replace('-', "_")), "id"),
    }
}

/// Which rows of a tenant's a path may name, where not any: the caller's own, and those that can be deleted.
fn condition(table: &str, of: &TenantFixture) -> String {
    match table {
        "tenant.notifications" => format!("and user_id = '{}'", of.owner.id),
        "tenant.memberships" => format!("and user_id = '{}'", of.member.id),
        "tenant.roles" => format!("and id = '{}'", of.role),
        // One that can still be taken back.
        "tenant.operations" => "and status = 'queued'".to_owned(),
        "tenant.jobs" => "and state = 'waiting'".to_owned(),
        _ => String::new(),
    }
}

/// The collections and parameters of a path, from the outside in: `projects`, `project_id`, `tasks`, `id`.
fn steps(operation: &Operation) -> Vec<(String, String)> {
    let parts: Vec<&str> = operation.path.split('/').collect();
    let named = parts.windows(2).filter(|two| two[1].starts_with('{'));
    named.map(|two| (two[0].to_owned(), two[1].trim_matches(['{', '}']).to_owned())).collect()
}

/// A row of the tenant, and those it belongs to.
pub async fn of(superuser: &Client, operation: &Operation, tenant: &TenantFixture) -> Named {
    let steps = steps(operation);
    let Some((collection, _)) = steps.last() else { return Named::new() };
    let (table, id) = table_of(collection);
    // A row carries the ids of what it belongs to under the names that paths give them.
    let last = steps.len() - 1;
    let columns: Vec<&str> =
        steps.iter().enumerate().map(|(at, (_, name))| if at == last { id } else { name }).collect();
    let columns: Vec<String> = columns.iter().map(|column| format!("{column}::text")).collect();
    let select = format!(
        "select {} from {table} where tenant_id = '{}' {} order by ctid limit 1",
        columns.join(", "),
        tenant.id,
        condition(&table, tenant)
    );
    let found = superuser.query_opt(&select, &[]).await.unwrap_or_else(|error| {
        panic!(
            "{} is about rows of {table}, by its path, and they are not to be had there: say in TABLES, tests/support/rows.rs, which \
             table it is\n{error:?}",
            operation.name()
        )
    });
    let row = found
        .unwrap_or_else(|| panic!("{table} has no row of {}: give it one in tests/support/fixture.rs", tenant.domain));
    steps.iter().enumerate().map(|(at, (_, name))| (name.clone(), row.get(at))).collect()
}

/// Rows that are nowhere.
pub fn missing(operation: &Operation) -> Named {
    steps(operation).into_iter().map(|(_, name)| (name, Uuid::now_v7().to_string())).collect()
}

/// A row that was made for one use: by the operation that makes such rows, or where there is none, by hand.
pub async fn fresh(
    app: &TestApp,
    superuser: &Client,
    document: &Document,
    operation: &Operation,
    tenant: &TenantFixture,
) -> Named {
    let mut named = of(superuser, operation, tenant).await;
    let Some((collection, last)) = steps(operation).pop() else { return named };
    let id = Uuid::now_v7().to_string();
    let head = operation.path.split(&format!("/{{{last}}}")).next().unwrap();
    let maker = document.operations().into_iter().find(|other| other.method == Method::POST && other.path == head);
    let own = match (maker, collection.as_str()) {
        (Some(maker), _) => {
            let request = app.as_user(Method::POST, &maker.at(&named), tenant.owner.id, tenant.id);
            let body = document.body(&maker, tenant).unwrap();
            let answer = Answer::of(request.header("idempotency-key", &id).json(&body)).await.expect(maker.success());
            answer.json()["id"].as_str().unwrap().to_owned()
        }
        (None, "members") => {
            let insert = format!(
                "insert into registry.users (id, email, full_name, password_hash) values ('{id}', '{id}@example.com', 'Fresh', 'x');
                 insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
                     select r.tenant_id, u.id, r.id, r.permissions, t.status, u.active, u.email, u.full_name
                     from registry.users u, tenant.roles r join registry.tenants t on t.id = r.tenant_id
                     where u.id = '{id}' and r.id = '{}'",
                tenant.role
            );
            superuser.batch_execute(&insert).await.unwrap();
            id
        }
        // A copy of the one that is there, under an id of its own and as of now: an operation of a while ago has ended.
        (None, _) => {
            let (table, _) = table_of(&collection);
            // What names a message is each row's own.
            let columns = format!(
                "select string_agg(quote_ident(attname), ', '),
                        string_agg(case attname when 'event_id' then 'gen_random_uuid()' else quote_ident(attname) end, ', ')
                 from pg_attribute
                 where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped and attgenerated = '' and attname <> 'id'
                   and not (atthasdef and atttypid = 'timestamptz'::regtype)"
            );
            let columns = superuser.query_one(&columns, &[]).await.unwrap();
            let (columns, values): (String, String) = (columns.get(0), columns.get(1));
            let copy = format!(
                "insert into {table} (id, {columns}) select '{id}', {values} from {table} where tenant_id = '{}' and id = '{}'",
                tenant.id, named[&last]
            );
            superuser.batch_execute(&copy).await.unwrap_or_else(|error| panic!("{}: {error:?}", operation.name()));
            id
        }
    };
    named.insert(last, own);
    named
}

/// Sees to it that a tenant has a row with this word in this column: where there is none, a copy of another is made.
pub async fn one_with(superuser: &Client, table: &str, id: &str, tenant: Uuid, column: &str, word: &str) {
    let of = format!("from {table} where tenant_id = '{tenant}'");
    let there = format!("select {column} {of} and {column} = '{word}' limit 1");
    if superuser.query_opt(&there, &[]).await.unwrap().is_some() {
        return;
    }
    let new = Uuid::now_v7();
    // Texts are told apart where no two may be alike.
    let columns = format!(
        "select string_agg(quote_ident(attname), ', '), string_agg(case
                when attname = '{id}' then quote_literal('{new}')
                when attname = '{column}' then quote_literal('{word}')
                when atttypid = 'text'::regtype and exists (
                    select from pg_index i where i.indrelid = a.attrelid and i.indisunique and attnum = any(i.indkey)) then quote_ident(attname) || ' || ' || quote_literal('{new}')
                else quote_ident(attname) end, ', ')
         from pg_attribute a
         where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped and attgenerated = ''"
    );
    let columns = superuser.query_one(&columns, &[]).await.unwrap();
    let (columns, values): (String, String) = (columns.get(0), columns.get(1));
    let copy = format!("insert into {table} ({columns}) select {values} {of} order by ctid limit 1");
    superuser.batch_execute(&copy).await.unwrap_or_else(|error| {
        panic!(
            "{table} has no row with {column} = '{word}', and a copy of another cannot be one: give it one in \
             tests/support/fixture.rs, or its list would be walked where there is nothing\n{copy}\n{error:?}"
        )
    });
}
