//! Every statement that reads, planned as the role that serves: off an index, in order, with no row read
//! that is not on the page. Its header says what it is called with: far into a list, so that a plan which skipped rows would show them.
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

use crate::support::{PAGE, Statement, TestDb, Values, statements, town};

/// Statements that read whole pages or rows of a tenant or a user. Others read through doors.
fn reads(statement: &Statement) -> bool {
    let writes = ["insert into", "update tenant", "update registry", "delete from"];
    let on_tables =
        [" tenant.", "registry.tenants", "registry.domains", "registry.sessions", "registry.account_events"];
    let code = statement.code();
    !writes.iter().any(|word| code.contains(word)) && on_tables.iter().any(|word| code.contains(word))
}

/// What a header may grant with `-- plan: …`.
const GRANTS: [&str; 3] = [SORTS, FEW, COUNTS];
/// A page that was read in order is put in order once more.
const SORTS: &str = "sorts its page";
/// Some eight rows that lie beside each other are read in whichever way it pleases.
const FEW: &str = "a few rows, any way";
/// It reads what it counts, off an index alone.
const COUNTS: &str = "index only";
/// Whoever writes this says why, and where it is looked at instead.
const SKIPPED: &str = "skip: ";

/// An id in the middle of two thousand.
fn in_order(number: &str) -> String {
    format!("('00000000-0000-7000-8000-' || lpad(({number})::text, 12, '0'))::uuid")
}

/// Thousands of projects in one tenant, among many small ones; thousands of tasks in one project.
async fn fill(superuser: &Client, tenant: Uuid, project: Uuid, role: Uuid, owner: Uuid) {
    let id = in_order("n");
    // Committed when it is answered: vacuum calls no row visible to all whose commit is still on its way.
    superuser.batch_execute("set synchronous_commit = on").await.unwrap();
    let fill = format!(
        "insert into registry.tenants (id, slug, name, status)
             select gen_random_uuid(), 't' || n, 't' || n, 'active' from generate_series(1, 50) n;
         insert into tenant.projects (tenant_id, id, name, status)
             select t.id, case when t.id = '{tenant}' then {id} else gen_random_uuid() end, 'project ' || n, (array['active', 'paused', 'planned'])[1 + n % 3]
             from registry.tenants t, generate_series(1, case when t.id = '{tenant}' then 3000 else 20 end) n;
         insert into tenant.products (tenant_id, id, name, sku, price_minor)
             select t.id, {id}, 'product ' || n, 'sku-' || n, n from registry.tenants t, generate_series(1, 20) n where t.id <> '{tenant}';
         insert into tenant.project_tasks (tenant_id, project_id, id, name, status)
             select '{tenant}', '{project}', {id}, 'task ' || n % 500, (array['open', 'done'])[1 + n % 2]
             from generate_series(1, 4000) n;
         insert into tenant.project_tasks (tenant_id, project_id, id, name, status)
             select tenant_id, id, gen_random_uuid(), 'task ' || n, (array['open', 'done'])[1 + n % 2]
             from tenant.projects, generate_series(1, 8) n;
         insert into registry.tenants (id, slug, name)
             select gen_random_uuid(), 'e' || n, 'e' || n from generate_series(1, 3000) n;
         insert into registry.users (id, email, full_name, password_hash)
             select {id}, 'member' || n || '@example.com', 'Member', 'x' from generate_series(1, 2000) n;
         insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
             select r.tenant_id, u.id, r.id, r.permissions, t.status, true, u.email, u.full_name
             from registry.users u, tenant.roles r join registry.tenants t on t.id = r.tenant_id
             where u.full_name = 'Member' and r.id = '{role}';
         insert into tenant.roles (tenant_id, id, name, permissions)
             select '{tenant}', {id}, 'role ' || n, '{{}}' from generate_series(1, 2000) n;
         insert into tenant.invitations (tenant_id, id, email, role_id, permissions, token_hash, expires_at)
             select '{tenant}', {id}, n || '@example.com', r.id, r.permissions, sha256('x'), now()
             from generate_series(1, 2000) n, tenant.roles r where r.id = '{role}';
         insert into tenant.api_keys (tenant_id, id, name, permissions, tenant_status, secret_hash, hint)
             select t.id, {id}, 'key ' || n, '{{}}', t.status, sha256('x'), 'abcd'
             from generate_series(1, 2000) n, registry.tenants t where t.id = '{tenant}';
         insert into tenant.products (tenant_id, id, name, sku, price_minor, status)
             select '{tenant}', {id}, 'product ' || n, 'sku-' || n, n, (array['active', 'draft', 'archived'])[1 + n % 3]
             from generate_series(1, 2000) n;
         -- Alive for as long as this may take on a busy machine.
         insert into tenant.operations (tenant_id, id, kind, status, alive_at)
             select '{tenant}', {id}, 'products.import', case n when 1000 then 'running' else 'queued' end, now() + interval '1 hour'
             from generate_series(1, 2000) n;
         insert into tenant.jobs (tenant_id, id, kind, state, finished_at)
             select '{tenant}', {id}, 'jobs.forget', case when n % 2 = 0 then 'waiting' else 'dead' end, case when n % 2 = 1 then now() end
             from generate_series(1, 2000) n;
         insert into tenant.event_floors (tenant_id, epoch, xid, event_id)
             select id, 0, 0, id from registry.tenants on conflict do nothing;
         insert into tenant.webhook_endpoints (tenant_id, id, url, permissions, state, disabled_why, disabled_at)
             select '{tenant}', {id}, 'https://example.com/hook', '{{projects:read}}', case n % 2 when 0 then 'enabled' else 'disabled' end,
                    case n % 2 when 1 then 'by_hand' end, case n % 2 when 1 then now() end
             from generate_series(1, 2000) n;
         insert into tenant.webhook_secrets (tenant_id, endpoint_id, id, sealed, fingerprint)
             select '{tenant}', {id}, {id}, sha256('x'), sha256(n::text::bytea) from generate_series(1, 2000) n;
         insert into tenant.webhook_deliveries (tenant_id, id, endpoint_id, event_id, permission, event_type, payload, state, finished_at)
             select '{tenant}', {id}, d.endpoint_id, gen_random_uuid(), 'projects:read', 'project.created', '{{}}', s.state, case when s.state <> 'waiting' then now() end
             from generate_series(1, 2000) n
             cross join lateral (select (array['waiting', 'delivered', 'failed'])[1 + n % 3] as state) s
             cross join (select endpoint_id from tenant.webhook_deliveries where tenant_id = '{tenant}' order by ctid limit 1) d;
         insert into tenant.webhook_attempts (tenant_id, at, id, delivery_id, permission, number, duration_ms, request)
             select '{tenant}', now() - n * interval '1 minute', {id}, case when n % 2 = 0 then a.delivery_id else {id} end, 'projects:read', 1, 1, 'x'
             from generate_series(1, 2000) n
             cross join (select delivery_id from tenant.webhook_attempts where tenant_id = '{tenant}' order by ctid limit 1) a;
         insert into tenant.subscriptions (tenant_id, id, plan, plan_version, period, currency, amount_minor, state, canceled_at)
             select '{tenant}', {id}, 'free', 1, 'month', 'EUR', 0, 'canceled', now() from generate_series(1, 2000) n;
         insert into tenant.invoices (tenant_id, id, currency, seller)
             select '{tenant}', {id}, 'EUR', 'house' from generate_series(1, 2000) n;
         insert into tenant.invoice_lines (tenant_id, invoice_id, position, kind, description)
             select i.tenant_id, i.id, n, 'item', 'line ' || n from tenant.invoices i, generate_series(1, 3) n where i.tenant_id = '{tenant}' and i.status = 'draft';
         insert into tenant.payments (tenant_id, id, invoice_id, provider, reference, currency)
             select i.tenant_id, gen_random_uuid(), i.id, 'manual', 'payment ' || i.id, 'EUR'
             from tenant.invoices i where i.tenant_id = '{tenant}' and i.status = 'draft';
         insert into registry.domains (tenant_id, id, domain, challenge)
             select t.id, {id}, 'd' || n || '.example', 'x' from generate_series(1, 2000) n, registry.tenants t where t.id = '{tenant}';
         insert into registry.sessions (id, user_id, kind, created_at, idle_until, expires_at)
             select {id}, '{owner}', 'bearer', now() - n * interval '1 second', now() + interval '1 day', now() + interval '1 day' from generate_series(1, 2000) n;
         insert into registry.account_events (user_id, kind, created_at)
             select u.id, 'signed_in', now() - n * interval '1 second'
             from generate_series(1, 2000) n, registry.users u where u.id = '{owner}' or n <= 2;
         insert into tenant.notifications (tenant_id, user_id, id, kind, title, read_at)
             select '{tenant}', m.user_id, {id}, 'member.joined', 'x', case when n % 100 <> 0 or m.user_id <> '{owner}' then now() end
             from generate_series(1, 2000) n, tenant.memberships m
             where m.tenant_id = '{tenant}' and (m.user_id = '{owner}' or n <= 20)"
    );
    superuser.batch_execute(&fill).await.unwrap();
    fill_others(superuser, tenant).await;
    refuse_one_word(superuser, tenant).await;
    // What counts reads indexes alone, which know of pages that were vacuumed.
    superuser.batch_execute("vacuum analyze").await.unwrap();
}

/// Two thousand copies of a tenant's row in each table that has but a few, told apart by id and texts; a column of a few words has
/// each of them in turn, so that no list finds what it filters by everywhere.
async fn fill_others(superuser: &Client, tenant: Uuid) {
    let tables = "select c.oid::regclass::text, array_agg(quote_ident(a.attname) order by a.attnum),
            array_agg(case when a.attname = 'id' then $1
                           when k.words is not null then '(' || k.words || ')[1 + n % cardinality(' || k.words || ')]'
                           when a.atttypid in ('integer'::regtype, 'bigint'::regtype) and exists (
                               select from pg_index i where i.indrelid = c.oid and i.indisunique and a.attnum = any (i.indkey)) then '9999 + n'
                           when a.atttypid = 'text'::regtype and exists (
                               select from pg_index i where i.indrelid = c.oid and i.indisunique and a.attnum = any (i.indkey))
                           then 'n || ' || quote_ident(a.attname)
                           when a.atttypid = 'text'::regtype then format('left(n || %1$I, char_length(%1$I))', a.attname)
                           else quote_ident(a.attname) end order by a.attnum)
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        cross join lateral (
            select substring(string_agg(pg_get_constraintdef(k.oid), ' ') from '= ANY \\((ARRAY\\[[^]]*\\])') as words
            from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]
        ) k
        where c.relnamespace = 'tenant'::regnamespace and c.relkind = 'r'
        group by c.oid
        having bool_or(a.attname = 'id') and not bool_or(a.attname = 'user_id')
        order by 1";
    for row in superuser.query(tables, &[&in_order("n")]).await.unwrap() {
        let (table, columns, values): (String, Vec<String>, Vec<String>) = (row.get(0), row.get(1), row.get(2));
        let count = format!("select count(*) from {table} where tenant_id = '{tenant}'");
        if superuser.query_one(&count, &[]).await.unwrap().get::<_, i64>(0) > 1000 {
            continue;
        }
        let copy = format!(
            "insert into {table} ({}) select {} from (select * from {table} where tenant_id = '{tenant}' limit 1) one, generate_series(1, 2000) n",
            columns.join(", "),
            values.join(", ")
        );
        superuser.batch_execute(&copy).await.unwrap_or_else(|error| {
            panic!("{table} could not be filled with copies of a row: fill it in `fill`, tests/api/plans.rs\n{copy}\n{error:?}")
        });
    }
}

/// A column of which nearly all rows have the same word hides a missing index: whatever is read, it is what was asked for.
async fn refuse_one_word(superuser: &Client, tenant: Uuid) {
    let columns = "select distinct c.oid::regclass::text, quote_ident(a.attname)
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and a.atttypid = 'text'::regtype
        join pg_constraint k on k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]
        where c.relnamespace = 'tenant'::regnamespace and pg_get_constraintdef(k.oid) like '%ANY (ARRAY[%'
        order by 1, 2";
    let mut hidden = Vec::new();
    for row in superuser.query(columns, &[]).await.unwrap() {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let filter = statements().into_iter().find(|statement| {
            let code = statement.code();
            reads(statement) && code.contains(&format!("from {table}")) && code.contains(&format!("{column} = $"))
        });
        let Some(filter) = filter else { continue };
        let most = format!(
            "select (count(*) * 10 > 9 * sum(count(*)) over ()) from {table} where tenant_id = '{tenant}'
             group by {column} order by count(*) desc limit 1"
        );
        let most = superuser.query_opt(&most, &[]).await.unwrap();
        if most.is_none_or(|most| most.get(0)) {
            hidden.push(format!("{table}.{column}, by which sql/queries/{}.sql filters", filter.name));
        }
    }
    assert!(
        hidden.is_empty(),
        "nine rows of ten have one word, so a missing index would not be noticed: {hidden:#?}\n\
         Give rows of each word in `fill`, tests/api/plans.rs"
    );
}

fn nodes<'a>(plan: &'a Value, all: &mut Vec<&'a Value>) {
    all.push(plan);
    for child in plan["Plans"].as_array().into_iter().flatten() {
        nodes(child, all);
    }
}

/// The plan of a statement, as it was carried out.
async fn explained(api: &Client, statement: &Statement, own: bool, values: &Values) -> Value {
    let acme = &town().acme;
    let tenant = if own { String::new() } else { acme.id.to_string() };
    let begin = format!(
        "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = '{0}'; set local app.session_id = '{0}'",
        acme.owner.id
    );
    api.batch_execute(&begin).await.unwrap();
    // As the server's connections do after a few uses: one plan for all tenants.
    api.batch_execute("set local plan_cache_mode = force_generic_plan").await.unwrap();
    let prepare = format!("prepare s ({}) as {}", statement.types().join(", "), statement.text);
    api.batch_execute(&prepare).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name));
    let tenant = statement.binds_tenant().then(|| format!("'{}'", acme.id));
    let all: Vec<String> = tenant.into_iter().chain(statement.values(values, false)).collect();
    let given = if all.is_empty() { String::new() } else { format!("({})", all.join(", ")) };
    let plan = api.simple_query(&format!("explain (analyze, format json) execute s {given}")).await;
    let plan = plan.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name));
    let plan = plan.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    api.batch_execute("deallocate s; rollback").await.unwrap();
    let plan: Value = serde_json::from_str(&plan.unwrap()).unwrap();
    plan[0]["Plan"].clone()
}

#[tokio::test]
async fn every_page_is_read_off_an_index_and_no_row_besides() {
    let db = TestDb::new().await;
    let (tenants, gate, superuser) = (db.api().await, db.gate().await, db.superuser().await);
    let acme = &town().acme;
    let values = Values::of(&superuser, acme.id, acme.owner.id).await;
    let [project, role] =
        ["project_tasks.project_id", "memberships.role_id"].map(|word| values.row(word).parse().unwrap());
    fill(&superuser, acme.id, project, role, acme.owner.id).await;

    let mut planned = 0;
    for statement in statements().iter().filter(|statement| reads(statement)) {
        let name = &statement.name;
        let grant = statement.plan.as_deref().unwrap_or_default();
        if grant.starts_with(SKIPPED) {
            continue;
        }
        assert!(
            grant.is_empty() || GRANTS.contains(&grant),
            "sql/queries/{name}.sql: `-- plan: {grant}` is none of {GRANTS:?} and does not begin with `{SKIPPED}`"
        );
        // What is a person's own is read outside any tenant, and begins with the person.
        let own = statement.text.contains("user_id = $1");
        let plan = explained(if own { &gate } else { &tenants }, statement, own, &values).await;
        let mut all = Vec::new();
        nodes(&plan, &mut all);
        let refuse = |what: &str| -> ! {
            panic!(
                "sql/queries/{name}.sql {what}: give it an index that leads with tenant_id, filters and sorts as it does \
                 (docs/adding-a-resource.md), or say `-- plan: …` in its header (tests/api/plans.rs lists what there is)\n{plan:#}"
            )
        };
        for node in &all {
            let kind = node["Node Type"].as_str().unwrap();
            for removed in ["Rows Removed by Filter", "Rows Removed by Index Recheck"] {
                if node[removed].as_i64().unwrap_or(0) != 0 {
                    refuse("reads rows to throw them away");
                }
            }
            if kind.contains("Seq Scan") {
                refuse("reads a whole table");
            }
            let rows = node["Actual Rows"].as_f64().unwrap();
            if grant == FEW && rows <= 8.0 {
                continue;
            }
            if kind.contains("Bitmap") {
                refuse("reads out of order");
            }
            if grant == COUNTS {
                if kind == "Index Scan" {
                    refuse("reads rows where their index would do");
                }
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "a page's length")]
            let page = PAGE as f64;
            if rows > page && grant != FEW {
                refuse(&format!("reads {rows} rows for a page of {PAGE}"));
            }
            if kind == "Sort" && grant != SORTS {
                refuse("sorts what it has read");
            }
        }
        let key = if own {
            "user_id"
        } else if name == "tenant/get" {
            "id"
        } else {
            "tenant_id"
        };
        if !all.iter().any(|node| node["Index Cond"].as_str().is_some_and(|cond| cond.contains(key))) {
            refuse(&format!("reads off no index by {key}"));
        }
        let top = plan["Actual Rows"].as_f64().unwrap();
        assert!(
            top >= 1.0,
            "sql/queries/{name}.sql found nothing: let `fill` in tests/api/plans.rs make rows that it finds\n{plan:#}"
        );
        planned += 1;
    }
    assert!(planned >= 24);
}
