//! Every statement that reads, planned as the role that serves: off an index, in order, with no row read
//! that is not on the page. A new list or get fails here until this file says how to call it.
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

use crate::support::{TestDb, town};

/// Far into the list, so that a plan which skipped rows would show them.
const LIMIT: i64 = 20;
/// More than these rows have.
const BYTES: i64 = 1 << 20;

struct Sample {
    owner: Uuid,
    role: Uuid,
    /// In the middle of everything that is made in order of id.
    middle: Uuid,
    project: Uuid,
    id: Uuid,
    name: String,
    task: Uuid,
    task_name: String,
}

/// Types and values of the parameters after the tenant.
#[expect(clippy::match_same_arms, reason = "a table: an arm a statement")]
fn call(file: &str, sample: &Sample) -> (&'static str, String) {
    let Sample { owner, role, middle, project, id, name, task, task_name } = sample;
    match file {
        "projects/get" => ("uuid", format!("'{id}'")),
        "projects/list_newest" => ("uuid, bigint, bigint", format!("'{id}', {LIMIT}, {BYTES}")),
        "projects/list_newest_by_status" => {
            ("text, uuid, bigint, bigint", format!("'active', '{id}', {LIMIT}, {BYTES}"))
        }
        "projects/list_name" => ("text, bigint, bigint", format!("'{name}', {LIMIT}, {BYTES}")),
        "projects/list_name_by_status" => {
            ("text, text, bigint, bigint", format!("'active', '{name}', {LIMIT}, {BYTES}"))
        }
        "projects/count" => ("bigint", LIMIT.to_string()),
        "projects/count_by_status" => ("text, bigint", format!("'active', {LIMIT}")),
        "project_tasks/count" => ("uuid, bigint", format!("'{project}', {LIMIT}")),
        "project_tasks/count_by_status" => ("uuid, text, bigint", format!("'{project}', 'open', {LIMIT}")),
        "project_tasks/get" => ("uuid, uuid", format!("'{project}', '{task}'")),
        "project_tasks/list_newest" => ("uuid, uuid, bigint", format!("'{project}', '{task}', {LIMIT}")),
        "project_tasks/list_newest_by_status" => {
            ("uuid, text, uuid, bigint", format!("'{project}', 'open', '{task}', {LIMIT}"))
        }
        "project_tasks/list_name" => {
            ("uuid, text, uuid, bigint", format!("'{project}', '{task_name}', '{task}', {LIMIT}"))
        }
        "project_tasks/list_name_by_status" => {
            ("uuid, text, text, uuid, bigint", format!("'{project}', 'open', '{task_name}', '{task}', {LIMIT}"))
        }
        "members/list" => ("text, bigint", format!("'member1000@example.com', {LIMIT}")),
        "members/list_by_role" => ("uuid, text, bigint", format!("'{role}', 'member1000@example.com', {LIMIT}")),
        "members/get" => ("uuid", format!("'{owner}'")),
        "roles/list" => ("text, bigint", format!("'role 1000', {LIMIT}")),
        "roles/get" => ("uuid", format!("'{role}'")),
        "invitations/list" | "api_keys/list" => ("uuid, bigint", format!("'{middle}', {LIMIT}")),
        "invitations/get" | "api_keys/get" | "domains/get" | "domains/to_verify" => ("uuid", format!("'{middle}'")),
        "domains/list" => ("text, bigint", format!("'d1000.example', {LIMIT}")),
        "tenant/get" | "settings/get" | "operations/under_way" => ("", String::new()),
        "operations/list" => ("uuid, bigint, bigint", format!("'{middle}', {LIMIT}, {BYTES}")),
        "operations/get" | "products/get" => ("uuid", format!("'{middle}'")),
        "products/export" => ("text, bigint", format!("'sku-1000', {LIMIT}")),
        "sessions/list" => (
            "timestamptz, uuid, bigint, uuid",
            format!("now() - interval '1000 seconds', '{middle}', {LIMIT}, '{owner}'"),
        ),
        "me/events" => ("timestamptz, uuid, bigint", format!("now() - interval '1000 seconds', '{middle}', {LIMIT}")),
        "notifications/list" | "notifications/list_unread" => {
            ("uuid, uuid, bigint", format!("'{owner}', '{middle}', {LIMIT}"))
        }
        "notifications/count_unread" => ("uuid, bigint", format!("'{owner}', {LIMIT}")),
        "dashboard/kpis" | "cache/products" | "cache/search" | "cache/kpis" => ("", String::new()),
        "cache/analytics" => ("text", "'tasks_done'".to_owned()),
        "dashboard/recent_projects" => ("timestamptz, uuid, bigint", format!("now(), '{id}', {LIMIT}")),
        analytics if analytics.starts_with("dashboard/analytics_") => {
            ("date, date, text, integer", "null, null, 'day', 401".to_owned())
        }
        unknown => panic!("say here how sql/queries/{unknown}.sql is called"),
    }
}

/// Statements that read whole pages or rows of a tenant or a user. Others read through doors, or the caller's one row.
fn is_read(name: &str, text: &str) -> bool {
    let writes = ["insert into", "update tenant", "update registry", "delete from"];
    let on_tables =
        [" tenant.", "registry.tenants", "registry.domains", "registry.sessions", "registry.account_events"];
    let aside = ["seed/", "why/", "db/", "operate/"].iter().any(|folder| name.starts_with(folder));
    // One's other sessions are read to be ended, all of them. One's own session's end is looked up by its id, and one's own idempotency keys by their primary key.
    !aside
        && name != "sessions/until"
        && name != "sessions/others"
        && name != "idempotency/find"
        // product_plans.rs has what they need: thousands of products in every order.
        && !["products/list_", "products/count_", "products/search", "products/suggest"].iter().any(|file| name.starts_with(file))
        && !writes.iter().any(|word| text.contains(word))
        && on_tables.iter().any(|word| text.contains(word))
}

/// Statements that count: they read what they count, off an index alone.
fn counts(name: &str) -> bool {
    name == "dashboard/kpis" || name.starts_with("dashboard/analytics_")
}

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
             select t.id, gen_random_uuid(), 'project ' || n, (array['active', 'paused', 'planned'])[1 + n % 3]
             from registry.tenants t, generate_series(1, case when t.id = '{tenant}' then 3000 else 20 end) n;
         insert into tenant.products (tenant_id, id, name, sku, price_minor)
             select t.id, {id}, 'product ' || n, 'sku-' || n, n from registry.tenants t, generate_series(1, 20) n where t.id <> '{tenant}';
         insert into tenant.project_tasks (tenant_id, project_id, id, name, status)
             select '{tenant}', '{project}', gen_random_uuid(), 'task ' || n % 500, (array['open', 'done'])[1 + n % 2]
             from generate_series(1, 4000) n;
         insert into tenant.project_tasks (tenant_id, project_id, id, name)
             select tenant_id, id, gen_random_uuid(), 'task ' || n from tenant.projects, generate_series(1, 8) n;
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
         insert into tenant.products (tenant_id, id, name, sku, price_minor)
             select '{tenant}', {id}, 'product ' || n, 'sku-' || n, n from generate_series(1, 2000) n;
         insert into tenant.operations (tenant_id, id, kind, status)
             select '{tenant}', {id}, 'products.import', case n when 1000 then 'running' else 'queued' end
             from generate_series(1, 2000) n;
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
    // What counts reads indexes alone, which know of pages that were vacuumed.
    superuser.batch_execute("vacuum analyze").await.unwrap();
}

fn nodes<'a>(plan: &'a Value, all: &mut Vec<&'a Value>) {
    all.push(plan);
    for child in plan["Plans"].as_array().into_iter().flatten() {
        nodes(child, all);
    }
}

#[tokio::test]
async fn every_page_is_read_off_an_index_and_no_row_besides() {
    let db = TestDb::new().await;
    let (tenants, gate, superuser) = (db.api().await, db.gate().await, db.superuser().await);
    let acme = &town().acme;
    let project = acme.projects[0].id;
    fill(&superuser, acme.id, project, acme.role, acme.owner.id).await;
    let middle = superuser
        .query_one(
            &format!(
                "select p.id, p.name, t.id, t.name from
                 (select id, name from tenant.projects where tenant_id = '{}' order by id offset 1500 limit 1) p,
                 (select id, name from tenant.project_tasks where project_id = '{project}' order by id offset 2000 limit 1) t",
                acme.id
            ),
            &[],
        )
        .await
        .unwrap();
    let sample = Sample {
        owner: acme.owner.id,
        role: acme.role,
        middle: superuser.query_one(&format!("select {}", in_order("1000")), &[]).await.unwrap().get(0),
        project,
        id: middle.get(0),
        name: middle.get(1),
        task: middle.get(2),
        task_name: middle.get(3),
    };

    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/queries");
    let mut planned = 0;
    for folder in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let folder_name = folder.file_name().unwrap().to_string_lossy().into_owned();
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = format!("{folder_name}/{}", file.file_stem().unwrap().to_string_lossy());
            let text = std::fs::read_to_string(&file).unwrap();
            if !is_read(&name, &text) {
                continue;
            }
            // What is a person's own is read outside any tenant, and begins with the person.
            let own = text.contains("user_id = $1");
            let (tenant, first) = if own { (String::new(), acme.owner.id) } else { (acme.id.to_string(), acme.id) };
            let api = if own { &gate } else { &tenants };
            let (types, values) = call(&name, &sample);
            let begin = format!(
                "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = '{0}'; set local app.session_id = '{0}'",
                acme.owner.id
            );
            api.batch_execute(&begin).await.unwrap();
            // As the server's connections do after a few uses: one plan for all tenants.
            api.batch_execute("set local plan_cache_mode = force_generic_plan").await.unwrap();
            let and = if types.is_empty() { "" } else { ", " };
            api.batch_execute(&format!("prepare s (uuid{and}{types}) as {text}")).await.unwrap();
            let explain = format!("explain (analyze, format json) execute s ('{first}'{and}{values})");
            let plan = api.simple_query(&explain).await.unwrap().into_iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            });
            let plan: Value = serde_json::from_str(&plan.unwrap()).unwrap();
            api.batch_execute("deallocate s; rollback").await.unwrap();

            let mut all = Vec::new();
            nodes(&plan[0]["Plan"], &mut all);
            for node in &all {
                let kind = node["Node Type"].as_str().unwrap();
                assert_eq!(node["Rows Removed by Filter"].as_i64().unwrap_or(0), 0, "{name}: {plan:#}");
                assert_eq!(node["Rows Removed by Index Recheck"].as_i64().unwrap_or(0), 0, "{name}: {plan:#}");
                assert!(!kind.contains("Seq Scan"), "{name}: {plan:#}");
                // Eight rows that lie beside each other, in whichever way it pleases.
                if folder_name == "cache" && node["Actual Rows"].as_f64().unwrap() <= 8.0 {
                    continue;
                }
                assert!(!kind.contains("Bitmap"), "{name}: {plan:#}");
                if counts(&name) {
                    assert_ne!(kind, "Index Scan", "{name}: {plan:#}");
                    continue;
                }
                let rows = node["Actual Rows"].as_f64().unwrap();
                #[expect(clippy::cast_precision_loss, reason = "a page's length")]
                let page = LIMIT as f64;
                // It counts what the caller has not read.
                assert!(
                    rows <= page || name == "cache/kpis",
                    "{name} read {rows} rows for a page of {LIMIT}: {plan:#}"
                );
                // A project's page of tasks is put in order once more after it was read, and is that short.
                assert!(kind != "Sort" || folder_name == "project_tasks", "{name}: {plan:#}");
            }
            let key = if own {
                "user_id"
            } else if name == "tenant/get" {
                "id"
            } else {
                "tenant_id"
            };
            let scans = all.iter().filter(|node| node["Index Cond"].as_str().is_some_and(|c| c.contains(key)));
            assert!(scans.count() >= 1, "{name}: {plan:#}");
            let top = plan[0]["Plan"]["Actual Rows"].as_f64().unwrap();
            assert!(top >= 1.0, "{name} found something");
            planned += 1;
        }
    }
    assert!(planned >= 24);
}
