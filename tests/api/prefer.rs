//! `Prefer`: what a caller would rather have, and whether they got it.
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Answer, Document, Member, TestApp, TestDb, town};

fn with(by: Member<'_>, method: Method, path: &str, prefer: &str) -> RequestBuilder {
    by.request(method, path).header("prefer", prefer).header("if-match", "*")
}

#[tokio::test]
async fn a_change_is_answered_without_the_resource_when_that_is_preferred() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    for minimal in [
        "return=minimal",
        "RETURN = \"minimal\"",
        "wait=5, return=minimal;x=\"a,b\"",
        "return=minimal, return=representation",
    ] {
        let new = json!({ "name": format!("Made with {minimal:?}") });
        let made = Answer::of(with(owner, Method::POST, "/projects", minimal).json(&new)).await.expect(201);
        assert_eq!((made.text.as_str(), made.header("etag")), ("", "\"1\""));
        assert_eq!(made.header("preference-applied"), "return=minimal", "{minimal}");
        let path = made.header("location").strip_prefix("/api/v1").unwrap().to_owned();
        assert_eq!(owner.get(&path).await.expect(200).json()["name"], new["name"]);
        let change = json!({ "status": "paused" });
        let changed = Answer::of(with(owner, Method::PATCH, &path, minimal).json(&change)).await.expect(204);
        assert_eq!((changed.text.as_str(), changed.header("etag")), ("", "\"2\""));
        assert_eq!(changed.header("preference-applied"), "return=minimal");
        let read = owner.get(&path).await.expect(200);
        assert_eq!((&read.json()["status"], read.header("etag")), (&json!("paused"), "\"2\""));
    }
    let whole = with(owner, Method::POST, "/projects", "return=representation").json(&json!({ "name": "Whole" }));
    let whole = Answer::of(whole).await.expect(201);
    assert_eq!((&whole.json()["name"], whole.header("preference-applied")), (&json!("Whole"), "return=representation"));
    // Unknown, misspelt and malformed ones are ignored (RFC 7240 §2).
    for (number, ignored) in
        ["return=nothing", "returns=minimal", "minimal", "=", "\"return=minimal", ",;,", "respond-async"]
            .into_iter()
            .enumerate()
    {
        let new = json!({ "name": format!("Ignored {number}") });
        let made = Answer::of(with(owner, Method::POST, "/projects", ignored).json(&new)).await.expect(201);
        assert_eq!((&made.json()["name"], made.header("preference-applied")), (&new["name"], ""), "{ignored}");
    }
    // An API key is shown once, whatever is preferred.
    let key = json!({ "name": "A key", "permissions": ["tasks:read"] });
    let key = Answer::of(with(owner, Method::POST, "/tenant/api-keys", "return=minimal").json(&key)).await.expect(201);
    assert!(key.json()["key"].is_string() && key.header("preference-applied").is_empty());
}

#[tokio::test]
async fn a_list_is_counted_when_that_is_preferred() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let list = async |path: &str, prefer: &str| Answer::of(with(owner, Method::GET, path, prefer)).await.expect(200);
    let count = async |table: &str| {
        let count = format!("select count(*) from tenant.{table} where tenant_id = '{}'", acme.id);
        json!(db.value::<i64>(&format!("{count} ")).await)
    };
    let project = acme.projects.iter().find(|project| project.tasks.len() > 1).unwrap();
    let tasks = format!("/projects/{}/tasks", project.id);
    let active: i64 = db
        .value(&format!("select count(*) from tenant.projects where tenant_id = '{}' and status = 'active'", acme.id))
        .await;
    for how in ["exact", "estimated"] {
        let prefer = format!("count={how}");
        for (path, total) in [
            ("/projects?limit=2", count("projects").await),
            ("/projects?limit=2&sort=name", count("projects").await),
            ("/projects?limit=2&status=active", json!(active)),
            ("/projects?limit=2&status=active&sort=name", json!(active)),
            (&*format!("{tasks}?limit=1"), json!(project.tasks.len())),
            (&*format!("{tasks}?limit=1&sort=name"), json!(project.tasks.len())),
        ] {
            let page = list(path, &prefer).await;
            assert_eq!((&page.json()["total"], &page.json()["total_is"]), (&total, &json!("exact")), "{path}");
            assert_eq!(page.header("preference-applied"), prefer);
        }
        let of_status: i64 = {
            let page = list(&format!("{tasks}?status=open"), &prefer).await.json();
            assert_eq!(page["total"], json!(page["items"].as_array().unwrap().len()));
            page["total"].as_i64().unwrap()
        };
        let by_name = list(&format!("{tasks}?status=open&sort=name"), &prefer).await.json();
        assert_eq!(by_name["total"], of_status);
    }
    // On every page the same, and on none unless asked for.
    let first = list("/projects?limit=2", "count=exact").await.json();
    let next =
        list(&format!("/projects?limit=2&cursor={}", first["next_cursor"].as_str().unwrap()), "count=exact").await;
    assert_eq!(next.json()["total"], first["total"]);
    let plain = owner.get("/projects").await.expect(200);
    assert_eq!((&plain.json()["total"], plain.header("preference-applied")), (&Value::Null, ""));
    assert!(!plain.text.contains("total"));
    let missing = with(owner, Method::GET, &format!("/projects/{}/tasks", town().globex.projects[0].id), "count=exact");
    Answer::of(missing).await.problem(404, "not_found");
}

#[tokio::test]
async fn an_estimate_stops_counting_at_ten_thousand_and_says_so() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let fill = |upto: usize| {
        format!(
            "insert into tenant.projects (tenant_id, id, name, status)
             select '{}', gen_random_uuid(), 'many ' || gen_random_uuid(), 'archived'
             from generate_series(1, {upto} - (select count(*) from tenant.projects where tenant_id = '{0}'))",
            acme.id
        )
    };
    let total = async |prefer: &str| {
        let page = Answer::of(with(owner, Method::GET, "/projects?limit=1", prefer)).await.expect(200).json();
        (page["total"].as_i64().unwrap(), page["total_is"].as_str().unwrap().to_owned())
    };
    db.run(&fill(10_000)).await;
    assert_eq!(total("count=estimated").await, (10_000, "exact".to_owned()));
    db.run(&fill(10_002)).await;
    assert_eq!(total("count=estimated").await, (10_000, "at_least".to_owned()));
    assert_eq!(total("count=exact").await, (10_002, "exact".to_owned()));
}

/// Whoever reads the document knows which lists tell their length, and no list keeps it to itself.
#[tokio::test]
async fn the_document_says_of_each_list_whether_it_is_counted() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let mut counted = 0;
    for operation in Document::of(&app).await.operations() {
        let Some(path) = operation.path.strip_prefix("/api/v1").filter(|path| !path.contains('{')) else { continue };
        if operation.method != Method::GET {
            continue;
        }
        let said = operation.said["parameters"].as_array().into_iter().flatten().any(|one| one["name"] == "Prefer");
        let answer = Answer::of(with(owner, Method::GET, path, "count=exact")).await;
        let does = !answer.header("preference-applied").is_empty();
        assert_eq!(
            (does, does && answer.json()["total"].is_u64()),
            (said, said),
            "GET {path}: a list that is counted for whoever prefers that says `\"counted\": true` in `x-route` of its #[utoipa::path], and \
             one that is not says nothing (answered: {}, documented: {said})",
            if does { "counted" } else { "not counted" }
        );
        counted += usize::from(said);
    }
    assert!(counted >= 2, "{counted}");
}
