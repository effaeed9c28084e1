//! Sessions of browsers: a cookie in place of tokens, and nothing that another site could do with it.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use reqwest::{Method, RequestBuilder, header::HeaderValue};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Answer, PASSWORD, TestApp, TestDb, Way, both_ways, forge, town};

both_ways! {
    #[tokio::test]
    a_cookie_takes_the_place_of_tokens;
}

const NAME: &str = "__Host-rowhouse";
const PROJECTS: &str = "/api/v1/projects";

/// What a browser and its page keep.
struct Page {
    cookie: String,
    csrf: String,
}

fn sign_in(app: &TestApp, email: &str) -> RequestBuilder {
    let body = json!({ "email": email, "password": PASSWORD, "session": "browser" });
    app.request(Method::POST, "/api/v1/auth/login").json(&body)
}

impl Page {
    /// What an answer has set: the value of the only cookie beside the device's, whose attributes are those of a `__Host-` cookie
    /// (RFC 6265bis §4.1.3.2).
    fn of(answer: &Answer) -> Self {
        let device = |line: &&HeaderValue| !line.to_str().unwrap().starts_with("__Host-rowhouse-device=");
        let mut set = answer.headers.get_all("set-cookie").iter().filter(device);
        let (Some(line), None) = (set.next(), set.next()) else { panic!("not one cookie: {answer:?}") };
        let mut parts = line.to_str().unwrap().split("; ");
        let cookie = parts.next().unwrap().strip_prefix(NAME).unwrap().strip_prefix('=').unwrap().to_owned();
        let attributes: Vec<&str> = parts.collect();
        for wanted in ["Secure", "HttpOnly", "Path=/"] {
            assert!(attributes.contains(&wanted), "{wanted} in {line:?}");
        }
        assert!(attributes.iter().any(|part| ["SameSite=Lax", "SameSite=Strict"].contains(part)), "{line:?}");
        assert!(!attributes.iter().any(|part| part.to_ascii_lowercase().starts_with("domain")), "{line:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.json();
        for token in ["access_token", "refresh_token", "token_type", "expires_in"] {
            assert_eq!(body.get(token), None, "a page that has no token leaks none");
        }
        Self { cookie, csrf: body["csrf_token"].as_str().unwrap().to_owned() }
    }

    async fn signed_in(app: &TestApp, email: &str) -> Self {
        Self::of(&Answer::of(sign_in(app, email)).await.expect(200))
    }

    /// A request that the browser adds the cookie to, and the page nothing.
    fn bare(&self, app: &TestApp, method: Method, path: &str) -> RequestBuilder {
        app.request(method, path).header("cookie", format!("{NAME}={}", self.cookie))
    }

    /// A request as the page makes it.
    fn request(&self, app: &TestApp, method: Method, path: &str) -> RequestBuilder {
        self.bare(app, method, path).header("x-csrf-token", &self.csrf)
    }

    async fn get(&self, app: &TestApp, path: &str) -> Answer {
        Answer::of(self.bare(app, Method::GET, path)).await
    }

    /// A new project as the page makes it, with these headers more.
    async fn post(&self, app: &TestApp, headers: &[(&str, &str)]) -> Answer {
        let mut request = self
            .request(app, Method::POST, PROJECTS)
            .json(&json!({ "name": format!("From a page {}", Uuid::now_v7()) }));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).await
    }
}

async fn projects(db: &TestDb) -> i64 {
    db.superuser().await.query_one("select count(*) from tenant.projects", &[]).await.unwrap().get(0)
}

async fn a_cookie_takes_the_place_of_tokens(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let answer = Answer::of(sign_in(&app, acme.owner.email)).await.expect(200);
    assert_eq!(answer.json()["tenant_id"], acme.id.to_string());
    let page = Page::of(&answer);
    let list = page.get(&app, PROJECTS).await.expect(200).json();
    assert_eq!(list["items"][0]["id"], acme.projects[0].id.to_string());
    assert_eq!(page.get(&app, "/api/v1/me").await.expect(200).json()["email"], acme.owner.email);
    // Among other cookies, on one line or several.
    let request = app.request(Method::GET, PROJECTS).header("cookie", "theme=dark");
    let request = request.header("cookie", format!("a=b; {NAME}={}; {NAME}2=c", page.cookie));
    Answer::of(request).await.expect(200);
    // The tenant is the session's; a header does not move it.
    let elsewhere = page.bare(&app, Method::GET, PROJECTS).header("x-tenant-id", town().globex.id.to_string());
    Answer::of(elsewhere).await.problem(400, "tenant_conflict");
    page.post(&app, &[]).await.expect(201);

    let sessions = page.get(&app, "/api/v1/me/sessions").await.expect(200).json();
    let current: Vec<_> = sessions["items"].as_array().unwrap().iter().filter(|it| it["current"] == true).collect();
    assert_eq!((current.len(), &current[0]["kind"]), (1, &json!("browser")));
    let refresh_tokens = "select count(*) from registry.refresh_tokens t join registry.sessions s on s.id = t.session_id where s.handle = $1::text::uuid";
    let session = current[0]["id"].as_str().unwrap();
    let count: i64 = db.superuser().await.query_one(refresh_tokens, &[&session]).await.unwrap().get(0);
    assert_eq!(count, 0);
}

#[tokio::test]
async fn what_another_site_makes_a_browser_send_does_nothing() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let (page, other) = (Page::signed_in(&app, acme.owner.email).await, Page::signed_in(&app, acme.owner.email).await);
    assert_ne!(page.csrf, other.csrf);
    let before = projects(&db).await;
    let new = json!({ "name": "From another site" });
    let bare = || page.bare(&app, Method::POST, PROJECTS).json(&new);
    Answer::of(bare()).await.problem(403, "cross_site");
    for wrong in [&*other.csrf, "", "null", &page.cookie, &page.csrf[..page.csrf.len() - 1], &page.csrf.to_lowercase()]
    {
        Answer::of(bare().header("x-csrf-token", wrong)).await.problem(403, "cross_site");
    }
    let twice = bare().header("x-csrf-token", &other.csrf).header("x-csrf-token", &page.csrf);
    Answer::of(twice).await.problem(400, "bad_request");
    // A form can put a token in the address or the body, never in a header.
    let in_query = page.bare(&app, Method::POST, &format!("{PROJECTS}?csrf_token={}", page.csrf)).json(&new);
    Answer::of(in_query).await.problem(403, "cross_site");

    let port = app.address.port();
    let own = format!("http://127.0.0.1:{port}");
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "")],
        // The browser's own word counts before Origin.
        &[("sec-fetch-site", "cross-site"), ("origin", &own)],
        &[("origin", "https://evil.example")],
        &[("origin", "http://localhost")],
        &[("origin", "null")],
        &[("origin", "127.0.0.1")],
        &[("origin", "https://127.0.0.1.evil.example")],
        &[("origin", "https://127.0.0.1@evil.example")],
    ] {
        page.post(&app, headers).await.problem(403, "cross_site");
    }
    // Every method that changes something, whatever is there to be changed.
    let project = format!("{PROJECTS}/{}", acme.projects[0].id);
    for method in [Method::PATCH, Method::DELETE] {
        let request = page.bare(&app, method, &project).header("if-match", "*").json(&json!({ "name": "x" }));
        Answer::of(request).await.problem(403, "cross_site");
    }
    for path in ["/api/v1/auth/logout", "/api/v1/auth/switch-tenant", "/api/v1/tenant/leave"] {
        let request = page.bare(&app, Method::POST, path).json(&json!({ "tenant_id": acme.id }));
        Answer::of(request).await.problem(403, "cross_site");
    }
    assert_eq!(projects(&db).await, before);

    for headers in [&[][..], &[("sec-fetch-site", "same-origin")], &[("origin", &own)]] {
        page.post(&app, headers).await.expect(201);
    }
    assert_eq!(projects(&db).await, before + 3);
    // Reading is left to the browser's same-origin policy.
    Answer::of(page.bare(&app, Method::GET, PROJECTS).header("sec-fetch-site", "cross-site")).await.expect(200);
    // But a stream has a place for as long as it is open, and a page of a neighbouring origin could take them all.
    for path in ["/api/v1/events/stream", "/api/v1/notifications/stream"] {
        for (name, value) in [("sec-fetch-site", "same-site"), ("origin", "https://evil.example")] {
            Answer::of(page.bare(&app, Method::GET, path).header(name, value)).await.problem(403, "cross_site");
        }
        let own = page.bare(&app, Method::GET, path).header("sec-fetch-site", "same-origin").send().await.unwrap();
        assert_eq!(own.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn another_site_cannot_sign_a_browser_in() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let email = town().acme.owner.email;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let refused = Answer::of(sign_in(&app, email).header(name, value)).await;
        refused.problem(403, "cross_site");
        assert_eq!(refused.header("set-cookie"), "");
    }
    Answer::of(sign_in(&app, email).header("sec-fetch-site", "same-origin")).await.expect(200);
    // No browser keeps tokens for a site, so there is nothing to forge.
    let body = json!({ "email": email, "password": PASSWORD });
    let request = app.request(Method::POST, "/api/v1/auth/login").header("sec-fetch-site", "cross-site").json(&body);
    let answer = Answer::of(request).await.expect(200);
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn a_cookie_altered_anywhere_is_refused() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let page = Page::signed_in(&app, acme.viewer.email).await;
    let bytes = BASE64.decode(&page.cookie).unwrap();
    // The body of the cookie: user, session, tenant, its end.
    let with = |at: usize, part: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + part.len()].copy_from_slice(part);
        BASE64.encode(bytes)
    };
    let session = Uuid::from_slice(&bytes[16..32]).unwrap();
    assert_eq!((&bytes[..16], &bytes[32..48]), (acme.viewer.id.as_bytes().as_slice(), acme.id.as_bytes().as_slice()));
    let mut altered = vec![
        with(0, acme.owner.id.as_bytes()),
        with(0, Uuid::nil().as_bytes()),
        with(16, acme.owner.id.as_bytes()),
        with(32, town().globex.id.as_bytes()),
        with(32, Uuid::nil().as_bytes()),
        with(48, &i64::MAX.to_be_bytes()),
        String::new(),
        "garbage".to_owned(),
        session.to_string(),
        BASE64.encode(&bytes[..56]),
        BASE64.encode(&bytes[..bytes.len() - 1]),
        BASE64.encode([bytes.as_slice(), &[0]].concat()),
        page.cookie[..page.cookie.len() - 1].to_owned(),
        format!("{}=", page.cookie),
        format!("\"{}\"", page.cookie),
        // Sealed by us, for something else.
        page.csrf.clone(),
        forge(acme.owner.id, Some(acme.id)).sign(),
        acme.key.clone(),
    ];
    for at in 0..page.cookie.len() {
        let flipped = if page.cookie.as_bytes()[at] == b'A' { "B" } else { "A" };
        altered.push(format!("{}{flipped}{}", &page.cookie[..at], &page.cookie[at + 1..]));
    }
    for cookie in altered {
        let answer = Page { cookie: cookie.clone(), csrf: page.csrf.clone() }.get(&app, PROJECTS).await;
        assert_eq!(answer.status.as_u16(), 401, "{cookie}: {answer:?}");
        answer.problem(401, "unauthenticated");
    }
    // Which of two the browser got from us, nobody knows.
    let pair = format!("{NAME}={}", page.cookie);
    let one_line = app.request(Method::GET, PROJECTS).header("cookie", format!("{pair}; {pair}"));
    Answer::of(one_line).await.problem(401, "unauthenticated");
    let two_lines = app.request(Method::GET, PROJECTS).header("cookie", &pair).header("cookie", format!("{NAME}=x"));
    Answer::of(two_lines).await.problem(401, "unauthenticated");
    // Under another name it is nothing.
    let unnamed = app.request(Method::GET, PROJECTS).header("cookie", format!("rowhouse={}", page.cookie));
    Answer::of(unnamed).await.problem(401, "unauthenticated");
    page.get(&app, PROJECTS).await.expect(200);
}

#[tokio::test]
async fn cookie_and_token_are_not_each_other() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let page = Page::signed_in(&app, acme.owner.email).await;
    let as_token = app.request(Method::GET, PROJECTS).bearer_auth(&page.cookie);
    Answer::of(as_token).await.problem(401, "unauthenticated");
    let as_token = app.request(Method::GET, PROJECTS).bearer_auth(&page.csrf);
    Answer::of(as_token).await.problem(401, "unauthenticated");

    // Side by side the token counts; no site can make a browser send it, so nothing is repeated.
    let token = forge(globex.owner.id, Some(globex.id)).sign();
    let list = Answer::of(page.bare(&app, Method::GET, PROJECTS).bearer_auth(&token)).await.expect(200).json();
    assert_eq!(list["items"][0]["id"], globex.projects[0].id.to_string());
    let post = page.bare(&app, Method::POST, PROJECTS).bearer_auth(&token).json(&json!({ "name": "By token" }));
    let made = Answer::of(post).await.expect(201).json();
    app.get(&format!("{PROJECTS}/{}", made["id"].as_str().unwrap()), globex.owner.id, globex.id).await.expect(200);
    // A token that does not hold is not made up for by the cookie.
    for header in ["Bearer token", "Bearer", "", "Basic b3duZXI6eA=="] {
        let request = page.request(&app, Method::GET, PROJECTS).header("authorization", header);
        Answer::of(request).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_cookie_is_no_good_once_its_session_is_over() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let (page, other) = (Page::signed_in(&app, acme.owner.email).await, Page::signed_in(&app, acme.owner.email).await);
    let out = Answer::of(page.request(&app, Method::POST, "/api/v1/auth/logout")).await.expect(204);
    let cleared = out.header("set-cookie");
    assert!(cleared.starts_with(&format!("{NAME}=;")) && cleared.contains("Max-Age=0"), "{cleared}");
    // A browser takes a `__Host-` cookie's successor only when it has the same attributes.
    for wanted in ["Secure", "Path=/"] {
        assert!(cleared.split("; ").any(|part| part == wanted), "{cleared}");
    }
    for path in [PROJECTS, "/api/v1/me"] {
        page.get(&app, path).await.problem(401, "session_ended");
    }
    page.post(&app, &[]).await.problem(401, "session_ended");
    other.get(&app, PROJECTS).await.expect(200);

    // Unused for too long, or too old; whatever the cookie says.
    for past in ["idle_until", "expires_at"] {
        let page = Page::signed_in(&app, acme.member.email).await;
        let end = format!("update registry.sessions set {past} = now() where kind = 'browser' and user_id = $1");
        db.superuser().await.execute(&end, &[&acme.member.id]).await.unwrap();
        page.get(&app, PROJECTS).await.problem(401, "session_ended");
    }
    // Nobody's but the account's own: deactivated means out.
    let page = Page::signed_in(&app, acme.viewer.email).await;
    let off = "update registry.users set active = false where id = $1";
    db.superuser().await.execute(off, &[&acme.viewer.id]).await.unwrap();
    page.get(&app, PROJECTS).await.problem(401, "account_deactivated");
}

#[tokio::test]
async fn going_to_another_tenant_gives_another_cookie() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let at_acme = sign_in(&app, acme.both.email).header("x-tenant-id", acme.id.to_string());
    let page = Page::of(&Answer::of(at_acme).await.expect(200));
    let first = async |page: &Page| page.get(&app, PROJECTS).await.expect(200).json()["items"][0]["id"].clone();
    assert_eq!(first(&page).await, acme.projects[0].id.to_string());
    let switch = async |tenant: Uuid| {
        let request = page.request(&app, Method::POST, "/api/v1/auth/switch-tenant");
        Answer::of(request.json(&json!({ "tenant_id": tenant }))).await
    };
    let there = switch(globex.id).await.expect(200);
    assert_eq!(there.json()["tenant_id"], globex.id.to_string());
    let there = Page::of(&there);
    assert_ne!(there.cookie, page.cookie);
    assert_eq!(there.csrf, page.csrf, "the session is the same, so a page that is open goes on");
    assert_eq!(first(&there).await, globex.projects[0].id.to_string());
    there.post(&app, &[]).await.problem(403, "permission_denied");
    // A cookie that was not replaced acts where it acted; logging out ends both.
    assert_eq!(first(&page).await, acme.projects[0].id.to_string());
    let refused = switch(town().nowhere).await;
    refused.problem(403, "not_a_member");
    assert_eq!(refused.header("set-cookie"), "");
    Answer::of(there.request(&app, Method::POST, "/api/v1/auth/logout")).await.expect(204);
    for page in [&page, &there] {
        page.get(&app, PROJECTS).await.problem(401, "session_ended");
    }
}
