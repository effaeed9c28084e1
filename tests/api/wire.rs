//! What HTTP says of addresses, codings and bodies that are announced.
use std::time::Duration;

use reqwest::Method;
use rowhouse::db::API_ROLE;

use crate::support::{Answer, Raw, TestApp, TestDb, forge, town, tuning, without_documents};

#[tokio::test]
async fn an_address_is_the_same_however_it_is_encoded() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let token = forge(acme.owner.id, Some(acme.id)).sign();
    let get = async |path: &str| {
        let mut raw = Raw::connect(app.address).await;
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
        raw.send(head).await.unwrap();
        raw.answer().await.unwrap()
    };
    let project = acme.projects[0].id.to_string();
    let whole = get("/api/v1/projects?limit=2").await;
    for path in
        ["/api/v1/%70rojects?limit=2", "/%61pi/v1/project%73?limit=2", "/api/v%31/%70%72%6F%6a%65%63%74%73?limit=2"]
    {
        let answer = get(path).await;
        // The same list: its cursors, its links, its limits.
        assert_eq!((answer.status, &answer.body), (200, &whole.body), "{path}");
        assert_eq!(answer.header("link"), whole.header("link"));
        assert!(!answer.header("ratelimit").is_empty(), "{path} is counted");
    }
    assert_eq!(get(&format!("/api/v1/projects/{}", project.replace('-', "%2D"))).await.status, 200);
    for other in
        ["/api/v1%2Fprojects", "/api/v1/%2570rojects", "/api/v1/projects%2F", "/api/v1/%", "/api/v1/%7", "/api/v1/%zz"]
    {
        assert_eq!(get(other).await.status, 404, "{other}");
    }
    for id in [format!("%2570{project}"), format!("{project}%2F"), format!("%2e%2e%2F{project}")] {
        assert_eq!(get(&format!("/api/v1/projects/{id}")).await.status, 400, "{id}");
    }
    // Whoever is nobody is nobody there as well.
    let nobody = Answer::of(app.request(Method::GET, "/api/v1/%70rojects")).await;
    assert_eq!(nobody.problem(401, "unauthenticated")["instance"], "/api/v1/projects");
}

#[tokio::test]
async fn a_body_that_is_coded_is_refused_with_what_is_taken() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let project = format!("/api/v1/projects/{}", acme.projects[0].id);
    for coding in ["gzip", "deflate", "br", "zstd", "compress", "made-up", "identity, gzip"] {
        for (method, path, kind) in [
            (Method::POST, "/api/v1/projects", "application/json"),
            (Method::PATCH, &*project, "application/merge-patch+json"),
            (Method::POST, "/api/v1/products/import", "text/csv"),
            (Method::POST, "/api/v1/auth/login", "application/json"),
        ] {
            let request = app.as_user(method, path, acme.owner.id, acme.id).header("content-type", kind);
            let refused = Answer::of(request.header("content-encoding", coding).body("\u{1f}\u{8b}")).await;
            refused.problem(415, "unsupported_content_coding");
            assert_eq!(refused.header("accept-encoding"), "identity", "{path} {coding}");
        }
    }
    let plain =
        app.as_user(Method::POST, "/api/v1/projects", acme.owner.id, acme.id).header("content-encoding", "identity");
    Answer::of(plain.json(&serde_json::json!({ "name": "Not coded" }))).await.expect(201);
}

#[tokio::test]
async fn nobody_is_told_to_send_what_will_be_refused() {
    let db = TestDb::new().await;
    let options = ["--pool", "2", "--body-bytes", "1000", "--import-bytes", "5000"];
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&options)).await;
    let acme = &town().acme;
    let token = forge(acme.owner.id, Some(acme.id)).sign();
    let ask = async |path: &str, kind: &str, length: usize, token: &str| {
        let mut raw = Raw::connect(app.address).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
        );
        raw.send(head).await.unwrap();
        (raw.answer().await.unwrap(), raw)
    };
    for (path, kind, length) in
        [("/api/v1/projects", "application/json", 1001), ("/api/v1/products/import", "text/csv", 5001)]
    {
        let (answer, mut raw) = ask(path, kind, length, &token).await;
        assert!(answer.status == 413 && answer.closes(), "{answer:?}");
        assert!(answer.body.contains("payload_too_large"));
        assert!(raw.ends_within(Duration::from_secs(2)).await);
        // Nor is anybody whom it is not for.
        let (answer, _) = ask(path, kind, 10, "made-up").await;
        assert!(answer.status == 401 && answer.closes(), "{answer:?}");
        let (go_on, mut raw) = ask(path, kind, 13, &token).await;
        assert_eq!(go_on.status, 100, "{go_on:?}");
        raw.send("{\"name\":\"So\"}").await.unwrap();
        assert!([201, 202].contains(&raw.answer().await.unwrap().status));
    }
}

#[tokio::test]
async fn documents_are_served_where_that_was_said() {
    let db = TestDb::new().await;
    for (options, there) in [
        (vec!["--profile", "development"], true),
        (vec!["--documents"], true),
        (vec!["--profile", "production"], false),
    ] {
        let app = TestApp::with(&db.url(API_ROLE), &without_documents(&options)).await;
        for path in ["/api/v1/openapi.json", "/docs/", "/docs/openapi.json"] {
            let answer = Answer::of(app.request(Method::GET, path)).await;
            if there {
                answer.expect(200);
            } else {
                answer.problem(404, "no_route");
            }
        }
    }
}
