//! Every list of the OpenAPI document, walked to its end by each of its sorts and each value of its filters: all rows of the tenant
//! that asks, once, and none of another. What is where, the document and the catalog say; a list that is new is walked the day it comes.
use std::collections::BTreeMap;

use serde_json::Value;
use tokio_postgres::Client;

use crate::support::{Document, TestApp, TestDb, Way, rows, town};

/// Lists that are not the rows of one table, each with what looks at them instead.
const NOT_A_TABLE: [(&str, &str); 5] = [
    ("/api/v1/dashboard/recent-projects", "tests/api/dashboard.rs"),
    ("/api/v1/me/events", "a person's own: tests/isolation/own_rows.rs"),
    ("/api/v1/me/sessions", "a person's own: tests/isolation/own_rows.rs"),
    ("/api/v1/events", "a feed without an end: tests/api/events.rs"),
    ("/api/v1/products/search", "what matches: tests/api/search.rs"),
];

/// What a list is of: its table, the column that its items' ids are from, and which of the tenant's rows the caller has.
fn source(path: &str) -> (String, &'static str, String) {
    let parts: Vec<&str> = path.rsplit('/').collect();
    let collection = parts[0];
    let (table, id) = rows::table_of(collection);
    let own = match collection {
        "tasks" => format!("and project_id = '{}'", project()),
        "deliveries" => format!("and endpoint_id = '{}'", parts[1]),
        "notifications" => format!("and user_id = '{}'", town().acme.owner.id),
        _ => String::new(),
    };
    (table, id, own)
}

fn project() -> String {
    let most = town().acme.projects.iter().max_by_key(|project| project.tasks.len()).unwrap();
    most.id.to_string()
}

/// The ids on all pages, as often as they are there, in order of id.
async fn walk(app: &TestApp, path: &str, query: &str, id: &str) -> Vec<String> {
    let acme = &town().acme;
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{path}?limit=5{query}{cursor}"), acme.owner.id, acme.id).await.expect(200).json();
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item[id].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
        assert!(ids.len() < 2000, "{path}{query} does not end");
    }
    ids.sort();
    ids
}

async fn kept(superuser: &Client, path: &str, filter: &str) -> Vec<String> {
    let (table, id, own) = source(path);
    let select =
        format!("select {id}::text from {table} where tenant_id = '{}' {own} {filter} order by 1", town().acme.id);
    let found = superuser.query(&select, &[]).await;
    let found = found.unwrap_or_else(|error| {
        panic!(
            "{path} is a list of the OpenAPI document, and there is no table {table} of that name: say in TABLES, \
             tests/support/rows.rs, whose rows it has, or in `NOT_A_TABLE` why it has none\n{error:?}"
        )
    });
    found.iter().map(|row| row.get(0)).collect()
}

/// What a list shows is what there is: no row left out, none shown twice, none that should not be there.
fn alike(list: &str, table: &str, shown: &[String], kept: &[String]) {
    let without = |all: &[String], others: &[String]| -> Vec<String> {
        all.iter().filter(|id| !others.contains(id)).take(3).cloned().collect()
    };
    assert!(
        shown == kept,
        "{list} shows {} rows where {table} has {}; left out, such as {:?}; not its own, such as {:?}; the rest twice. Look at the \
         statement of that list under sql/queries: its `where`, its `order by`, and what its cursor begins with",
        shown.len(),
        kept.len(),
        without(kept, shown),
        without(shown, kept),
    );
}

#[tokio::test]
async fn every_list_holds_all_rows_of_its_tenant_by_each_sort_and_filter() {
    let db = TestDb::new().await;
    let (app, superuser) = (TestApp::by(Way::Direct, &db).await, db.superuser().await);
    let document = Document::of(&app).await;
    let endpoint = format!(
        "select endpoint_id::text from tenant.webhook_deliveries where tenant_id = '{}' limit 1",
        town().acme.id
    );
    let endpoint: String = superuser.query_one(&endpoint, &[]).await.unwrap().get(0);
    let mut walked = BTreeMap::new();
    for operation in document.operations() {
        let route = &operation.path;
        let parameters: Vec<&Value> = operation.said["parameters"].as_array().into_iter().flatten().collect();
        let pages = parameters.iter().any(|parameter| parameter["name"] == "cursor");
        if !pages || NOT_A_TABLE.iter().any(|(path, _)| path == route) {
            continue;
        }
        let path = route.replace("{project_id}", &project()).replace("{endpoint_id}", &endpoint);
        let (table, id, _) = source(&path);
        let all = kept(&superuser, &path, "").await;
        assert!(!all.is_empty(), "{route}: acme has rows in {table}");
        alike(&format!("GET {route}"), &table, &walk(&app, &path, "", id).await, &all);
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap();
            for word in document.vocabulary(&parameter["schema"]) {
                let filter = if name == "sort" { String::new() } else { format!("and {name} = '{word}'") };
                if name != "sort" {
                    rows::one_with(&superuser, &table, id, town().acme.id, name, &word).await;
                }
                let expected = kept(&superuser, &path, &filter).await;
                assert!(
                    !expected.is_empty(),
                    "{route}?{name}={word}: {table} has such a row of acme's, and not {path}"
                );
                let found = walk(&app, &path, &format!("&{name}={word}"), id).await;
                alike(&format!("GET {route}?{name}={word}"), &table, &found, &expected);
            }
        }
        walked.insert(route.clone(), all.len());
    }
    assert!(walked.len() >= 9, "{walked:?}");
}
