//! Whatever is wrong with a request gets a precise problem and leaves no trace in the data.
use reqwest::{Method, header::CONTENT_TYPE};
use rowhouse::db::API_ROLE;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Answer, CSV, Member, NDJSON, TestApp, TestDb, forge, product, query, town, without_documents};

const JSON: &str = "application/json";

async fn rows(db: &TestDb) -> String {
    let all = "select md5(string_agg(t::text, ',' order by t::text)) from tenant.projects t";
    db.superuser().await.query_one(all, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused_with_a_pointer() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let before = rows(&db).await;
    let post = async |content_type: &'static str, body: Vec<u8>| {
        let request = app.as_user(Method::POST, "/api/v1/projects", acme.owner.id, acme.id);
        Answer::of(request.header(CONTENT_TYPE, content_type).body(body)).await
    };
    for body in [
        &b""[..],
        b"{",
        b"{\"name\":}",
        b"null and void",
        b"{\"name\":\"\xff\"}",
        b"{\"name\":\"\\ud800\"}",
        b"{\"name\":\"a\"} x",
        b"{\"name\":\"a\nb\"}",
    ] {
        let problem = post(JSON, body.to_vec()).await.problem(400, "malformed_json");
        assert!(problem["errors"].is_null());
    }
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!([400, 422].contains(&post(JSON, deep.into_bytes()).await.status.as_u16()));
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/merge-patch+json", "application/jsonx", ""]
    {
        let refused = post(content_type, b"{\"name\":\"a\"}".to_vec()).await;
        refused.problem(415, "unsupported_media_type");
        assert_eq!(refused.header("accept"), JSON);
    }
    post("Application/JSON; charset=utf-8", b"{\"nome\":1}".to_vec()).await.problem(422, "invalid");
    post(JSON, [&b"{\"name\":\""[..], &vec![b'a'; 1 << 20], b"\"}"].concat()).await.problem(413, "payload_too_large");

    for (body, pointer, code) in [
        (json!({ "name": "a", "tenant_id": town().globex.id }), "/tenant_id", "unknown_field"),
        (json!({ "name": "a", "id": town().nowhere }), "/id", "unknown_field"),
        (json!({ "name": "a", "version": 7 }), "/version", "unknown_field"),
        (json!({}), "/name", "required"),
        (json!({ "name": null }), "/name", "wrong_type"),
        (json!({ "name": 7 }), "/name", "wrong_type"),
        (json!({ "name": ["a"] }), "/name", "wrong_type"),
        (json!({ "name": "a", "status": "dormant" }), "/status", "not_allowed"),
        (json!({ "name": "a", "status": 1 }), "/status", "wrong_type"),
        (json!({ "name": "a", "owner_id": "me" }), "/owner_id", "wrong_type"),
        (json!({ "name": "a", "owner_id": town().globex.owner.id }), "/owner_id", "unknown"),
        (json!({ "name": "a", "owner_id": town().nowhere }), "/owner_id", "unknown"),
        (json!([]), "", "wrong_type"),
        (json!(["Array", null, null, null]), "", "wrong_type"),
        (json!("a"), "", "wrong_type"),
        (json!({ "name": "" }), "/name", "too_short"),
        (json!({ "name": "x".repeat(201) }), "/name", "too_long"),
        (json!({ "name": "a\u{0}b" }), "/name", "control_character"),
        (json!({ "name": "two\nlines" }), "/name", "control_character"),
        (json!({ "name": " a" }), "/name", "blank_ends"),
        (json!({ "name": "a", "description": "nul\u{0}" }), "/description", "control_character"),
        (json!({ "name": "a", "description": "x".repeat(10_001) }), "/description", "too_long"),
    ] {
        let problem = post(JSON, body.to_string().into_bytes()).await.problem(422, "invalid");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!(pointer), &json!(code)),
            "{body}: {problem}"
        );
    }
    // All at once.
    let problem = post(JSON, json!({ "name": "\u{7}", "description": "\u{0}" }).to_string().into_bytes()).await;
    let pointers: Vec<Value> =
        problem.problem(422, "invalid")["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(pointers, ["/name", "/description"]);
    // The limits themselves fit, in characters and not in bytes.
    assert_eq!(rows(&db).await, before);
    let fits = json!({ "name": "é".repeat(200), "description": "🚀".repeat(10_000) });
    post(JSON, fits.to_string().into_bytes()).await.expect(201);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_request_is_told_at_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let told = |problem: &Value, place: &str| -> Vec<(String, String)> {
        let word = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
        let mut all: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|e| (word(e, place), word(e, "code"))).collect();
        all.sort();
        all
    };
    let pairs = |all: &[(&str, &str)]| all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    let post = async |path: &str, body: &str| {
        let request = app.as_user(Method::POST, path, acme.owner.id, acme.id);
        Answer::of(request.header(CONTENT_TYPE, JSON).body(body.to_owned())).await
    };

    for (path, body, wrong) in [
        (
            "/api/v1/projects",
            r#"{"nome":"a","tenant_id":1,"status":"dormant","owner_id":"me","description":7}"#,
            &[
                ("/description", "wrong_type"),
                ("/name", "required"),
                ("/nome", "unknown_field"),
                ("/owner_id", "wrong_type"),
                ("/status", "not_allowed"),
                ("/tenant_id", "unknown_field"),
            ][..],
        ),
        (
            "/api/v1/projects",
            r#"{"name":"","a/b":1,"c~d":2}"#,
            &[("/a~1b", "unknown_field"), ("/c~0d", "unknown_field"), ("/name", "too_short")],
        ),
        (
            "/api/v1/projects",
            r#"{"name":"a","name":"b","x":null}"#,
            &[("/name", "duplicate_field"), ("/x", "unknown_field")],
        ),
        ("/api/v1/projects", r#"{"name":"a","name":"b"}"#, &[("/name", "duplicate_field")]),
        (
            "/api/v1/tenant/roles",
            r#"{"name":"a","permissions":["projects:read",1,null]}"#,
            &[("/permissions/1", "wrong_type"), ("/permissions/2", "wrong_type")],
        ),
        (
            "/api/v1/tenant/api-keys",
            r#"{"permissions":{},"expires_at":"soon"}"#,
            &[("/expires_at", "wrong_type"), ("/name", "required"), ("/permissions", "wrong_type")],
        ),
    ] {
        let problem = post(path, body).await.problem(422, "invalid");
        assert_eq!(told(&problem, "pointer"), pairs(wrong), "{body}: {problem}");
    }
    // As much as anybody reads, however much is wrong.
    let many: Vec<String> = (0..10_000).map(|n| format!("\"f{n}\":1")).collect();
    let problem = post("/api/v1/projects", &format!("{{{}}}", many.join(","))).await.problem(422, "invalid");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 100);

    let query = "/api/v1/projects?offset=1&limit=many&status=dormant&sort=newest&sort=name";
    let problem = app.get(query, acme.owner.id, acme.id).await.problem(400, "bad_request");
    let wrong =
        [("limit", "invalid"), ("offset", "unknown_parameter"), ("sort", "duplicate_parameter"), ("status", "invalid")];
    assert_eq!(told(&problem, "parameter"), pairs(&wrong), "{problem}");
}

#[tokio::test]
async fn a_whole_number_may_be_written_with_a_point() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let post = async |path: &str, body: &str| {
        let request = app.as_user(Method::POST, path, acme.owner.id, acme.id);
        Answer::of(request.header(CONTENT_TYPE, JSON).body(body.to_owned())).await
    };
    let made = post("/api/v1/tenant/api-keys", r#"{"name":"a","permissions":["projects:read"]}"#).await.expect(201);
    let rotate = format!("/api/v1/tenant/api-keys/{}/rotate", made.json()["id"].as_str().unwrap());
    for fits in ["1.0", "2e1", "0", "-0.0"] {
        post(&rotate, &format!(r#"{{"overlap_hours":{fits}}}"#)).await.expect(200);
    }
    for (number, code) in
        [("1.5", "wrong_type"), ("-1", "out_of_range"), ("1e15", "out_of_range"), ("1e300", "wrong_type")]
    {
        let problem = post(&rotate, &format!(r#"{{"overlap_hours":{number}}}"#)).await.problem(422, "invalid");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!("/overlap_hours"), &json!(code)),
            "{number}: {problem}"
        );
    }
    let problem = post(&rotate, r#"{"overlap_hours":1.0,"overlap_hours":2.0}"#).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["code"], "duplicate_field");
    post(&rotate, r#"{"overlap_hours":1e999}"#).await.problem(400, "malformed_json");
}

#[tokio::test]
async fn every_address_says_what_it_takes() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    for (path, allow, patch) in [
        ("/api/v1/projects", "GET,HEAD,OPTIONS,POST", None),
        ("/api/v1/tenant", "GET,HEAD,OPTIONS,PATCH", Some("application/merge-patch+json")),
        ("/api/v1/projects/x", "DELETE,GET,HEAD,OPTIONS,PATCH", Some("application/merge-patch+json")),
        ("/livez", "GET,HEAD,OPTIONS", None),
    ] {
        // Of anybody: it says no more than a 405 does.
        let answer = Answer::of(app.request(Method::OPTIONS, path)).await.expect(204);
        let mut allowed: Vec<&str> = answer.header("allow").split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), allow, "{path}");
        assert_eq!(answer.headers.get("accept-patch").map(|value| value.to_str().unwrap()), patch, "{path}");
    }
    Answer::of(app.request(Method::OPTIONS, "/api/v1/nothing")).await.problem(404, "no_route");
}

#[tokio::test]
async fn patches_follow_rfc_7396_and_refuse_what_cannot_be_cleared() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let project = &acme.projects[0];
    let path = format!("/api/v1/projects/{}", project.id);
    let send = async |content_type: &'static str, if_match: &str, body: Value| {
        let request = app.as_user(Method::PATCH, &path, acme.owner.id, acme.id).header("if-match", if_match);
        Answer::of(request.header(CONTENT_TYPE, content_type).body(body.to_string())).await
    };
    let merge = "application/merge-patch+json";
    for (body, pointer) in [
        (json!({ "name": null }), "/name"),
        (json!({ "status": null }), "/status"),
        (json!({ "created_at": "2026-01-01T00:00:00Z" }), "/created_at"),
        (json!({ "tenant_id": town().globex.id }), "/tenant_id"),
        (json!({ "owner_id": town().globex.owner.id }), "/owner_id"),
        (json!({ "name": "" }), "/name"),
    ] {
        let problem = send(merge, "*", body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    let json_patch = send("application/json-patch+json", "*", json!([])).await;
    json_patch.problem(415, "unsupported_media_type");
    assert_eq!(json_patch.header("accept-patch"), merge);
    for bad in ["1", "\"1", "*, \"1\"", "", ",", "W/1", "\"1\" \"2\"", "\"1\"x"] {
        send(merge, bad, json!({})).await.problem(400, "bad_request");
    }
    for stale in ["\"+1\"", "\"01\"", "\"x,1\", \"2\"", "\"0\"", "\"999\"", "\"one\"", "W/\"1\"", "\"\""] {
        send(merge, stale, json!({ "name": "Stale" })).await.problem(412, "precondition_failed");
    }
    let taken = send(merge, "*", json!({ "name": acme.projects[1].name })).await.problem(409, "conflict");
    assert_eq!((&taken["errors"][0]["pointer"], &taken["errors"][0]["code"]), (&json!("/name"), &json!("taken")));
    // Another tenant's names are free here.
    send(merge, "*", json!({ "name": "Of both" })).await.expect(200);
    let theirs = town().globex.projects[0].id;
    let request =
        app.as_user(Method::PATCH, &format!("/api/v1/projects/{theirs}"), town().globex.owner.id, town().globex.id);
    Answer::of(request.header("if-match", "*").json(&json!({ "name": "Of both" }))).await.expect(200);
}

#[tokio::test]
async fn queries_and_paths_that_cannot_be_read_are_refused_by_name() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &without_documents(&["--pool", "4"])).await;
    let acme = &town().acme;
    let get = async |path: &str| app.get(path, acme.owner.id, acme.id).await;
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=201", "limit"),
        ("limit=10000", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=many", "limit"),
        ("limit=", "limit"),
        ("status=dormant", "status"),
        ("sort=oldest", "sort"),
        ("offset=10", "offset"),
        ("limit=1&limit=2", "limit"),
        ("tenant_id=1", "tenant_id"),
    ] {
        let problem = get(&format!("/api/v1/projects?{query}")).await.problem(400, "bad_request");
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{query}: {problem}");
    }
    for id in [
        "1",
        "x",
        "01a205dc-4935-777a-b2b4-6f5376e4e21",
        "%00",
        "%ff",
        "01a205dc-4935-777a-b2b4-6f5376e4e21b%20",
        "';drop table tenant.projects--",
    ] {
        get(&format!("/api/v1/projects/{id}")).await.problem(400, "bad_request");
        get(&format!("/api/v1/projects/{id}/tasks")).await.problem(400, "bad_request");
    }
    let tasks = format!("/api/v1/projects/{}/tasks", acme.projects[0].id);
    let problem = get(&format!("{tasks}/nine")).await.problem(400, "bad_request");
    assert_eq!(problem["errors"][0]["parameter"], "id");
    get(&format!("/api/v1/projects?cursor={}", "A".repeat(9000))).await.problem(414, "uri_too_long");
    for missing in ["/", "/api/v1", "/api/v1/projects/", "/api/v2/projects", "/api/v1/nothing", "/docs", "/metrics"] {
        get(missing).await.problem(404, "no_route");
    }
    let put = Answer::of(app.as_user(Method::PUT, "/api/v1/projects", acme.owner.id, acme.id)).await;
    put.problem(405, "method_not_allowed");
    assert!(put.header("allow").contains("GET") && put.header("allow").contains("POST"), "{put:?}");
}

#[tokio::test]
async fn what_is_no_http_at_all_harms_nobody() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let token = forge(town().acme.owner.id, Some(town().acme.id)).sign();
    let hosts = format!(
        "GET /api/v1/projects HTTP/1.1\r\nhost: acme.localhost\r\nhost: globex.localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    let garbage = [
        b"GET /livez HTTP/1.1\r\n\r\n".to_vec(),
        b"\x00\x01\x02\x03\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        vec![b'a'; 100_000],
        hosts.into_bytes(),
        b"GET /livez HTTP/1.1\r\nhost: evil@acme.localhost\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nhost: acme.localhost:99999999\r\n\r\n".to_vec(),
        format!("GET /livez HTTP/1.1\r\nhost: {}.localhost\r\n\r\n", "a".repeat(300)).into_bytes(),
    ];
    for bytes in garbage {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(std::time::Duration::from_secs(5), stream.read_to_end(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    Answer::of(app.request(Method::GET, "/livez")).await.expect(200);
}

#[tokio::test]
async fn a_pile_of_marks_is_refused_in_every_text_and_what_writing_needs_is_kept() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    // The three take places from each other when they are put in order.
    let pile = |marks: usize| format!("a{}", "\u{315}\u{300}\u{5ae}".chars().cycle().take(marks).collect::<String>());
    let (fits, piled) = (pile(30), pile(31));
    let kept = owner.make(json!({ "name": fits, "description": format!("{fits} {fits}") })).await;
    assert_eq!(kept["name"], fits);
    for (path, body, pointer) in [
        ("/products", product(json!({ "name": piled })), "/name"),
        ("/products", product(json!({ "name": "a", "description": piled })), "/description"),
        ("/products", product(json!({ "name": "a", "sku": piled })), "/sku"),
        ("/products", product(json!({ "name": "a", "tags": ["b", piled] })), "/tags/1"),
        ("/projects", json!({ "name": piled }), "/name"),
        ("/projects", json!({ "name": "a", "description": piled }), "/description"),
        ("/tenant/roles", json!({ "name": piled, "permissions": [] }), "/name"),
        ("/tenant/api-keys", json!({ "name": piled, "permissions": [] }), "/name"),
    ] {
        owner.post(path, body).await.faults(422, pointer, "too_many_marks");
    }
    // As escapes as well, and behind letters that come apart into marks.
    let escaped = format!("{{\"name\":\"a{}\"}}", "\\u0301".repeat(31));
    let request = app.as_user(Method::POST, "/api/v1/projects", acme.owner.id, acme.id).header(CONTENT_TYPE, JSON);
    Answer::of(request.body(escaped)).await.faults(422, "/name", "too_many_marks");
    owner.patch(&format!("/products/{}", kept["id"].as_str().unwrap()), "*", json!({ "name": piled })).await.faults(
        422,
        "/name",
        "too_many_marks",
    );
    for path in ["/products/search", "/products/suggest"] {
        let refused = owner.get(&format!("{path}?{}", query([("q", &*piled)]))).await.problem(400, "bad_request");
        assert_eq!(refused["errors"][0]["code"], "too_many_marks");
        owner.get(&format!("{path}?{}", query([("q", &*fits)]))).await.expect(200);
    }
    for (kind, line) in [
        (NDJSON, product(json!({ "name": piled, "sku": "piled" })).to_string()),
        (CSV, format!("sku,name,price_minor\npiled,{piled},1")),
    ] {
        let ended = owner.imported("all", kind, line).await;
        assert_eq!(ended["result"]["errors"][0]["errors"][0]["code"], "too_many_marks", "{ended}");
    }
    app.auth("signup", json!({ "email": "p@example.com", "password": "a long enough password", "full_name": piled, "organization": "x" }))
        .await
        .faults(422, "/full_name", "too_many_marks");
}
