//! Every statement that reads, planned as the role that serves: off an index, in order, with no row read
//! that is not on the page. A new list or get fails here until this file says how to call it.
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

use crate::support::{TestDb, town};

/// Far into the list, so that a plan which skipped rows would show them.
const LIMIT: i64 = 20;

struct Sample {
    project: Uuid,
    id: Uuid,
    name: String,
    task: Uuid,
    task_name: String,
}

/// Types and values of the parameters after the tenant.
fn call(file: &str, sample: &Sample) -> (&'static str, String) {
    let Sample { project, id, name, task, task_name } = sample;
    match file {
        "projects/get" => ("uuid", format!("'{id}'")),
        "projects/list_newest" => ("uuid, bigint", format!("'{id}', {LIMIT}")),
        "projects/list_newest_by_status" => ("text, uuid, bigint", format!("'active', '{id}', {LIMIT}")),
        "projects/list_name" => ("text, bigint", format!("'{name}', {LIMIT}")),
        "projects/list_name_by_status" => ("text, text, bigint", format!("'active', '{name}', {LIMIT}")),
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
        unknown => panic!("say here how sql/queries/{unknown}.sql is called"),
    }
}

/// Thousands of projects in one tenant, among many small ones; thousands of tasks in one project.
async fn fill(superuser: &Client, tenant: Uuid, project: Uuid) {
    let fill = format!(
        "insert into registry.tenants (id, slug, name, status)
             select gen_random_uuid(), 't' || n, 't' || n, 'active' from generate_series(1, 50) n;
         insert into tenant.projects (tenant_id, id, name, status)
             select t.id, gen_random_uuid(), 'project ' || n, (array['active', 'paused', 'planned'])[1 + n % 3]
             from registry.tenants t, generate_series(1, case when t.id = '{tenant}' then 3000 else 20 end) n;
         insert into tenant.project_tasks (tenant_id, project_id, id, name, status)
             select '{tenant}', '{project}', gen_random_uuid(), 'task ' || n % 500, (array['open', 'done'])[1 + n % 2]
             from generate_series(1, 4000) n;
         insert into tenant.project_tasks (tenant_id, project_id, id, name)
             select tenant_id, id, gen_random_uuid(), 'task ' || n from tenant.projects, generate_series(1, 8) n;
         analyze"
    );
    superuser.batch_execute(&fill).await.unwrap();
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
    let (api, superuser) = (db.api().await, db.superuser().await);
    let acme = &town().acme;
    let project = acme.projects[0].id;
    fill(&superuser, acme.id, project).await;
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
    let sample =
        Sample { project, id: middle.get(0), name: middle.get(1), task: middle.get(2), task_name: middle.get(3) };

    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/queries");
    let mut planned = 0;
    for folder in ["projects", "project_tasks"] {
        for file in std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            let name = format!("{folder}/{}", file.file_stem().unwrap().to_string_lossy());
            let text = std::fs::read_to_string(&file).unwrap();
            if text.contains("insert into") || text.contains("update tenant") || text.contains("delete from") {
                continue;
            }
            let (types, values) = call(&name, &sample);
            let begin =
                format!("begin; set local app.tenant_id = '{}'; set local app.user_id = '{}'", acme.id, acme.owner.id);
            api.batch_execute(&begin).await.unwrap();
            // As the server's connections do after a few uses: one plan for all tenants.
            api.batch_execute("set local plan_cache_mode = force_generic_plan").await.unwrap();
            api.batch_execute(&format!("prepare s (uuid, {types}) as {text}")).await.unwrap();
            let explain = format!("explain (analyze, format json) execute s ('{}', {values})", acme.id);
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
                assert!(!kind.contains("Seq Scan") && !kind.contains("Bitmap"), "{name}: {plan:#}");
                let rows = node["Actual Rows"].as_f64().unwrap();
                #[expect(clippy::cast_precision_loss, reason = "a page's length")]
                let page = LIMIT as f64;
                assert!(rows <= page, "{name} read {rows} rows for a page of {LIMIT}: {plan:#}");
                // A project's page of tasks is put in order once more after it was read, and is that short.
                assert!(kind != "Sort" || folder == "project_tasks", "{name}: {plan:#}");
            }
            let scans = all.iter().filter(|node| node["Index Cond"].as_str().is_some_and(|c| c.contains("tenant_id")));
            assert!(scans.count() >= 1, "{name}: {plan:#}");
            let top = plan[0]["Plan"]["Actual Rows"].as_f64().unwrap();
            assert!(top >= 1.0, "{name} found something");
            planned += 1;
        }
    }
    assert!(planned >= 10);
}
