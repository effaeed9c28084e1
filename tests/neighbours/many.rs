//! Many small tenants beside a large one. Of so many the planner believes that each is small, and that any index of a table will do
//! which begins with the tenant: what is looked up by more than the tenant must still not read all that the large one has.
use uuid::Uuid;

use crate::support::{TestDb, town};

/// How many small tenants there are: so many that what the large one has does not show in the mean.
const TENANTS: u64 = 6000;
/// What the large tenant has of each.
const ROWS: u64 = 300;

/// A database of many tenants with one member and one word each, and one with hundreds.
async fn among_many() -> TestDb {
    let db = TestDb::new().await;
    let acme = town().acme.id;
    let superuser = db.superuser().await;
    let fill = format!(
        "set session_replication_role = replica;
         insert into registry.tenants (id, slug, name) select gen_random_uuid(), 'small-' || n, 'Small' from generate_series(1, {TENANTS}) n;
         insert into registry.users (id, email, full_name, password_hash)
             select gen_random_uuid(), 'one' || n || '@example.com', 'One', 'x' from generate_series(1, {ROWS}) n;
         insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
             select '{acme}', u.id, r.id, r.permissions, 'trial', true, u.email, u.full_name
             from registry.users u, tenant.roles r
             where u.full_name = 'One' and r.tenant_id = '{acme}' and r.name = 'viewer';
         insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
             select t.id, gen_random_uuid(), gen_random_uuid(), '{{}}', 'trial', true, 'a@example.com', 'One'
             from registry.tenants t where t.name = 'Small';
         insert into tenant.seats (tenant_id, user_id, session_hash, open_until)
             select m.tenant_id, m.user_id, sha256(uuid_send(m.user_id)), now() + interval '1 day' from tenant.memberships m
             on conflict do nothing;
         insert into tenant.product_words (tenant_id, word)
             select '{acme}', translate(n::text, '0123456789', 'abcdefghij') || 'word' from generate_series(1, {ROWS}) n
             union all
             select t.id, 'lamp' from registry.tenants t where t.name = 'Small';
         analyze;"
    );
    superuser.batch_execute(&fill).await.unwrap();
    db
}

/// How many rows of the table an index gave while this was done as the tenant's owner.
async fn read(db: &TestDb, table: &str, statement: &str) -> u64 {
    let acme = &town().acme;
    let (tenant, owner) = (acme.id, acme.owner.id);
    let mut superuser = db.superuser().await;
    let tx = superuser.transaction().await.unwrap();
    tx.batch_execute(&format!(
        "set local role rowhouse_api; set local app.tenant_id = '{tenant}'; set local app.user_id = '{owner}';
         set local app.session_id = '{owner}'; {statement}; reset role"
    ))
    .await
    .unwrap();
    let count = "select idx_tup_fetch from pg_stat_xact_user_tables where schemaname = 'tenant' and relname = $1";
    let rows: i64 = tx.query_one(count, &[&table]).await.unwrap().get(0);
    rows.try_into().unwrap()
}

#[tokio::test]
async fn who_may_is_looked_up_by_person_and_not_among_all_members() {
    let db = among_many().await;
    let rows = read(&db, "seats", "select count(*) from tenant.projects").await;
    assert!(rows > 0 && rows < 10, "{rows} seats were read to find one");
    // What is not allowed is said as the membership has it.
    let refused =
        "do $$ begin perform registry.require('nobody:may'); exception when sqlstate 'RH004' then null; end $$";
    let rows = read(&db, "memberships", refused).await;
    assert!(rows > 0 && rows < 10, "{rows} memberships were read to find one");
}

#[tokio::test]
async fn the_words_of_a_product_are_looked_up_and_not_all_words_of_the_tenant_read() {
    let db = among_many().await;
    let product = format!(
        "insert into tenant.products (tenant_id, id, name, sku, price_minor)
         values ('{}', '{}', 'One word of many, and some that nobody knows yet', 'many-1', 1)",
        town().acme.id,
        Uuid::now_v7()
    );
    let rows = read(&db, "product_words", &product).await;
    assert!(rows < 100, "{rows} words were read to look up ten");
}

#[tokio::test]
async fn whoever_reads_a_rare_type_of_event_does_not_read_past_all_others() {
    let db = TestDb::new().await;
    let acme = town().acme.id;
    let fill = format!(
        "insert into tenant.events (tenant_id, epoch, xid, id, type, permission, actor_kind, data)
             select '{acme}', 1, n, gen_random_uuid(), 'product.created', 'products:read', 'none', '{{}}' from generate_series(1, 5000) n;
         insert into tenant.events (tenant_id, epoch, xid, id, type, permission, actor_kind, data)
             values ('{acme}', 1, 2500, gen_random_uuid(), 'settings.updated', 'settings:read', 'none', '{{}}');
         analyze tenant.events"
    );
    db.superuser().await.batch_execute(&fill).await.unwrap();
    let list = include_str!("../../sql/queries/events/list.sql");
    let ask = |types: &str, permissions: &str| {
        format!(
            "prepare list (uuid, bigint, bigint, uuid, text[], text[], bigint) as {list};
             execute list ('{acme}', 0, 0, '00000000-0000-0000-0000-000000000000', '{types}', '{permissions}', 50); deallocate list"
        )
    };
    let rows = read(&db, "events", &ask("{settings.updated}", "{settings:read}")).await;
    assert!((1..10).contains(&rows), "{rows} events were read to find one");
    let rows = read(&db, "events", &ask("{product.created,settings.updated}", "{products:none,settings:read}")).await;
    assert!((1..10).contains(&rows), "{rows} events were read, of a type that the caller may not read");
    let rows = read(&db, "events", &ask("{product.created,settings.updated}", "{products:read,settings:read}")).await;
    assert!((50..=52).contains(&rows), "{rows} events were read for a page of fifty");
}
