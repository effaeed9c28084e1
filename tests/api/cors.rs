//! Pages of other origins: those that are listed, and no others.
use reqwest::{Method, RequestBuilder};
use rowhouse::db::API_ROLE;
use serde_json::json;

use crate::support::{Answer, PASSWORD, TestApp, TestDb, town, tuning};

const PAGE: &str = "https://app.example.com";

async fn open_to_pages(db: &TestDb) -> TestApp {
    let origins = format!("{PAGE},http://localhost:5173");
    let options = ["--pool", "4", "--cors-origins", &origins, "--outside-per-minute", "20"];
    TestApp::with(&db.url(API_ROLE), &tuning(&options)).await
}

fn preflight(app: &TestApp, origin: &str, path: &str, method: &str) -> RequestBuilder {
    app.request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization,content-type,idempotency-key,if-match,x-tenant-id")
}

#[tokio::test]
async fn a_preflight_is_answered_to_listed_origins_before_anybody_is_counted() {
    let db = TestDb::new().await;
    let app = open_to_pages(&db).await;
    for n in 0..60 {
        let origin = if n % 2 == 0 { PAGE } else { "http://localhost:5173" };
        let answer = Answer::of(preflight(&app, origin, "/api/v1/projects", "PATCH")).await.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert!(answer.header("access-control-allow-methods").contains("PATCH"), "{answer:?}");
        for name in ["authorization", "idempotency-key", "if-match", "x-tenant-id", "x-csrf-token"] {
            assert!(answer.header("access-control-allow-headers").contains(name), "{name}: {answer:?}");
        }
        assert!(!answer.header("access-control-max-age").is_empty());
        assert!(answer.header("vary").to_lowercase().contains("origin"), "{answer:?}");
        assert!(answer.header("ratelimit").is_empty());
    }
    for other in [
        "https://evil.example",
        "https://app.example.com.evil.example",
        "https://sub.app.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "null",
    ] {
        let answer = Answer::of(preflight(&app, other, "/api/v1/projects", "GET")).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{other}: {answer:?}");
        assert!(answer.header("vary").to_lowercase().contains("origin"), "{answer:?}");
    }
    // One that asks what the address takes is told, as ever.
    let answer = Answer::of(app.request(Method::OPTIONS, "/api/v1/projects").header("origin", PAGE)).await.expect(204);
    assert!(answer.header("allow").contains("POST"));
}

#[tokio::test]
async fn answers_of_every_kind_can_be_read_by_listed_origins() {
    let db = TestDb::new().await;
    let app = open_to_pages(&db).await;
    let acme = &town().acme;
    let cases = [
        (app.as_user(Method::GET, "/api/v1/projects?limit=1", acme.owner.id, acme.id), 200),
        (app.request(Method::GET, "/api/v1/projects"), 401),
        (app.request(Method::GET, "/api/v1/nothing"), 404),
        (app.as_user(Method::PUT, "/api/v1/projects", acme.owner.id, acme.id), 405),
        (app.request(Method::GET, &format!("/api/v1/projects?cursor={}", "A".repeat(9000))), 414),
        (
            app.as_user(Method::POST, "/api/v1/projects", acme.owner.id, acme.id)
                .header("content-encoding", "br")
                .body("x"),
            415,
        ),
    ];
    for (request, status) in cases {
        let other = request.try_clone().unwrap().header("origin", "https://evil.example");
        let answer = Answer::of(request.header("origin", PAGE)).await.expect(status);
        assert_eq!(answer.header("access-control-allow-origin"), PAGE, "{status}");
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        let exposed = answer.header("access-control-expose-headers").to_lowercase();
        for name in ["etag", "link", "location", "retry-after", "ratelimit", "x-request-id", "idempotency-replayed"] {
            assert!(exposed.split(',').any(|exposed| exposed.trim() == name), "{name}: {exposed}");
        }
        let vary: Vec<&str> = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(vary.join(",").to_lowercase().contains("origin"), "{vary:?}");
        let answer = Answer::of(other).await.expect(status);
        assert_eq!(answer.header("access-control-allow-origin"), "", "{status}");
        assert!(answer.headers.get_all("vary").iter().any(|value| value.to_str().unwrap().contains("origin")));
    }
}

#[tokio::test]
async fn no_page_may_unless_it_is_listed() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let answer = Answer::of(preflight(&app, PAGE, "/api/v1/projects", "GET")).await.expect(204);
    let list = app.as_user(Method::GET, "/api/v1/projects", acme.owner.id, acme.id).header("origin", PAGE);
    for answer in [answer, Answer::of(list).await.expect(200)] {
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{answer:?}");
    }
}

#[tokio::test]
async fn a_listed_page_may_have_a_browsers_session_and_no_other_page_may() {
    let db = TestDb::new().await;
    let app = open_to_pages(&db).await;
    let acme = &town().acme;
    let login = json!({ "email": acme.owner.email, "password": PASSWORD, "session": "browser" });
    let by =
        |request: RequestBuilder, origin: &str| request.header("origin", origin).header("sec-fetch-site", "same-site");
    let sign_in = || app.request(Method::POST, "/api/v1/auth/login").json(&login);
    Answer::of(by(sign_in(), "https://other.example.com")).await.problem(403, "cross_site");
    let opened = Answer::of(by(sign_in(), PAGE)).await.expect(200);
    let cookie = opened.header("set-cookie").split(';').next().unwrap().to_owned();
    let csrf = opened.json()["csrf_token"].as_str().unwrap().to_owned();
    let create = |name: &str| {
        let request = app.request(Method::POST, "/api/v1/projects").header("cookie", &cookie);
        request.header("x-tenant-id", acme.id.to_string()).json(&json!({ "name": name }))
    };
    Answer::of(by(create("a"), PAGE)).await.problem(403, "cross_site");
    Answer::of(by(create("b"), "https://other.example.com").header("x-csrf-token", &csrf))
        .await
        .problem(403, "cross_site");
    Answer::of(by(create("c"), PAGE).header("x-csrf-token", &csrf)).await.expect(201);
}
