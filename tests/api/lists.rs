//! Keyset pages: nothing twice, nothing missing, whatever the page length, the sort, and what others write.
use std::collections::BTreeSet;

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    pages_of_any_length_add_up_to_the_whole_in_order;
    #[tokio::test]
    a_walk_neither_repeats_nor_skips_what_was_there_all_along;
    #[tokio::test]
    a_cursor_fits_its_own_list_sort_filter_and_tenant_only;
}

/// Follows `next_cursor` to the end.
async fn walk(app: &TestApp, path: &str, query: &str, limit: usize) -> Vec<Value> {
    let acme = &town().acme;
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let page =
            app.get(&format!("{path}?limit={limit}{query}{cursor}"), acme.owner.id, acme.id).await.expect(200).json();
        let items = page["items"].as_array().unwrap().clone();
        assert!(items.len() <= limit);
        rows.extend(items);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
        assert!(rows.len() < 2000, "it ends");
    }
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

async fn pages_of_any_length_add_up_to_the_whole_in_order(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let project = town().acme.projects.iter().max_by_key(|project| project.tasks.len()).unwrap();
    let tasks = format!("/api/v1/projects/{}/tasks", project.id);
    // Tasks of one name are told apart by their ids.
    for n in 0..12 {
        let new = json!({ "name": if n % 3 == 0 { "Same".to_owned() } else { format!("Task {}", n % 4) }, "status": if n % 2 == 0 { "open" } else { "done" } });
        Answer::of(app.as_user(Method::POST, &tasks, town().acme.owner.id, town().acme.id).json(&new))
            .await
            .expect(201);
    }
    let whole = walk(&app, "/api/v1/projects", "", 200).await;
    assert_eq!(ids(&whole), town().acme.projects.iter().map(|row| row.id.to_string()).collect::<Vec<_>>());

    let cases: Vec<(String, String, usize)> = {
        let mut runner = TestRunner::deterministic();
        let strategy = (
            prop::sample::select(vec!["/api/v1/projects".to_owned(), tasks]),
            prop::sample::select(vec!["", "&sort=newest", "&sort=name"]),
            prop::sample::select(vec!["", "active", "open", "done", "archived"]),
            1_usize..30,
        );
        (0..40)
            .filter_map(|_| {
                let (path, sort, status, limit) = strategy.new_tree(&mut runner).unwrap().current();
                let task_status = ["open", "done"].contains(&status);
                let fits = status.is_empty() || task_status == path.ends_with("tasks");
                let status = if status.is_empty() { String::new() } else { format!("&status={status}") };
                fits.then(|| (path, format!("{sort}{status}"), limit))
            })
            .collect()
    };
    assert!(cases.len() > 15);
    for (path, query, limit) in cases {
        let rows = walk(&app, &path, &query, limit).await;
        let mut expected = walk(&app, &path, "", 200).await;
        if let Some(status) = query.split("status=").nth(1) {
            expected.retain(|row| row["status"] == status);
        }
        if query.contains("sort=name") {
            expected
                .sort_by_key(|row| (row["name"].as_str().unwrap().to_owned(), row["id"].as_str().unwrap().to_owned()));
        }
        assert_eq!(ids(&rows), ids(&expected), "{path}{query} by {limit}");
    }
}

async fn a_walk_neither_repeats_nor_skips_what_was_there_all_along(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    for sort in ["newest", "name"] {
        let mut seen: Vec<String> = Vec::new();
        let mut gone = BTreeSet::new();
        let mut path = format!("/api/v1/projects?limit=4&sort={sort}");
        let there: BTreeSet<String> =
            ids(&walk(&app, "/api/v1/projects", "", 200).await).iter().map(ToString::to_string).collect();
        for turn in 0.. {
            let answer = app.get(&path, acme.owner.id, acme.id).await.expect(200);
            let page = answer.json();
            seen.extend(ids(page["items"].as_array().unwrap()).iter().map(ToString::to_string));
            // Between two pages somebody adds a row and deletes the one the cursor stands on.
            let new = json!({ "name": format!("{sort} {turn} {}", Uuid::now_v7()) });
            Answer::of(app.as_user(Method::POST, "/api/v1/projects", acme.owner.id, acme.id).json(&new))
                .await
                .expect(201);
            let last = seen.last().unwrap();
            let delete = app.as_user(Method::DELETE, &format!("/api/v1/projects/{last}"), acme.owner.id, acme.id);
            Answer::of(delete.header("if-match", "*")).await.expect(204);
            gone.insert(last.clone());
            // The Link header leads to the same place as the cursor (RFC 8288).
            let Some(link) = answer.header("link").strip_prefix('<') else {
                assert!(page["next_cursor"].is_null());
                break;
            };
            let (target, rel) = link.split_once('>').unwrap();
            assert_eq!(rel, "; rel=\"next\"");
            assert!(target.contains(page["next_cursor"].as_str().unwrap()));
            path = target.to_owned();
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(once.len(), seen.len(), "nothing twice");
        assert!(there.is_subset(&once), "{sort}: nothing missing");
    }
}

/// What a loop over pages begins with.
#[tokio::test]
async fn an_empty_cursor_is_the_beginning_of_every_list() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let get = async |path: &str| app.get(path, acme.owner.id, acme.id).await;
    let document = serde_json::to_value(rowhouse::server::document()).unwrap();
    let mut lists = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        if !parameters.into_iter().any(|parameter| parameter["name"] == "cursor") {
            continue;
        }
        // The endpoint of the fixture has the id of its operation.
        let path = path
            .replace("{project_id}", &acme.projects[0].id.to_string())
            .replace("{endpoint_id}", &acme.operation.to_string());
        let q = if path.ends_with("/search") { "q=lamp&" } else { "" };
        let first = get(&format!("{path}?{q}limit=2")).await.expect(200).json();
        let begun = get(&format!("{path}?{q}limit=2&cursor=")).await.expect(200).json();
        assert_eq!(begun["items"], first["items"], "{path}");
        lists += 1;
    }
    assert!(lists > 12, "{lists}");
    // A filter that is empty was forgotten, and would answer more than was asked for.
    get("/api/v1/projects?cursor=&status=").await.problem(400, "bad_request");
}

async fn a_cursor_fits_its_own_list_sort_filter_and_tenant_only(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let get = async |path: String| app.get(&path, acme.both.id, acme.id).await;
    let page = get("/api/v1/projects?limit=2".into()).await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    get(format!("/api/v1/projects?limit=5&cursor={cursor}")).await.expect(200);
    get(format!("/api/v1/projects?limit=5&sort=newest&cursor={cursor}")).await.expect(200);

    let project = acme.projects[0].id;
    let mut wrong = vec![
        format!("/api/v1/projects?sort=name&cursor={cursor}"),
        format!("/api/v1/projects?status=active&cursor={cursor}"),
        format!("/api/v1/projects/{project}/tasks?cursor={cursor}"),
        "/api/v1/projects?cursor=AQ".to_owned(),
        "/api/v1/projects?cursor=not!base64".to_owned(),
        format!("/api/v1/projects?cursor=Ag{}", &cursor[2..]),
        format!("/api/v1/projects?cursor={cursor}AAAA"),
    ];
    // Cut anywhere, or with one character changed anywhere.
    for at in 1..cursor.len() {
        wrong.push(format!("/api/v1/projects?cursor={}", &cursor[..at]));
        let other = if &cursor[at..=at] == "A" { "B" } else { "A" };
        wrong.push(format!("/api/v1/projects?cursor={}{other}{}", &cursor[..at], &cursor[at + 1..]));
    }
    let last = wrong.pop().unwrap();
    for path in wrong {
        get(path.clone()).await.problem(400, "invalid_cursor");
    }
    drop(last); // changes bits of the last character that carry nothing
    let foreign = app.get(&format!("/api/v1/projects?cursor={cursor}"), globex.both.id, globex.id).await;
    foreign.problem(400, "invalid_cursor");
    let of_another_sort =
        get(format!("/api/v1/projects?sort=name&cursor={cursor}")).await.problem(400, "invalid_cursor");
    assert!(of_another_sort["detail"].as_str().unwrap().contains("sort=newest"), "{of_another_sort}");
}
