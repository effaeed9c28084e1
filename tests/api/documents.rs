//! What the service says about itself: the OpenAPI document, the errors' documentation, keys, health, headers.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use reqwest::Method;
use rowhouse::{db::API_ROLE, server};
use serde_json::Value;

use crate::support::{Answer, TestApp, TestDb, forge, town, tuning};

fn project_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn document() -> Value {
    serde_json::to_value(server::document()).unwrap()
}

#[test]
fn openapi_json_is_what_the_handlers_say() {
    let now = server::document().to_pretty_json().unwrap();
    let kept = project_file("openapi.json");
    let differing = kept.trim().lines().zip(now.trim().lines()).enumerate().find(|(_, (kept, now))| kept != now);
    assert!(
        kept.trim() == now.trim(),
        "the API has changed, from {} on: `cargo run -q -- openapi > openapi.json`, and look at `git diff openapi.json`",
        differing.map_or_else(
            || "the end of openapi.json".to_owned(),
            |(at, (kept, now))| format!(
                "openapi.json:{}, which has `{}` where handlers say `{}`",
                at + 1,
                kept.trim(),
                now.trim()
            )
        )
    );
}

/// What nobody has to sign in for.
const PUBLIC: [&str; 15] = [
    "auth_invitations_accept_as_new",
    "auth_invitations_show",
    "auth_login",
    "auth_password_reset_confirm",
    "auth_password_reset_request",
    "auth_refresh",
    "auth_signup",
    "auth_verify_email",
    "auth_verify_email_resend",
    "event_types_list",
    "jwks",
    "live_open",
    "livez",
    "platform_settings_get",
    "readyz",
];

#[test]
fn every_operation_is_documented_whole() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 3), "{name} has a summary");
            let problem = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/Problem", "{name}");
            let id = operation["operationId"].as_str().unwrap();
            assert_eq!(operation["security"].is_array(), !PUBLIC.contains(&id), "{name}");
            assert!(ids.insert(id.to_owned()), "{name} has an id of its own");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let said = response["description"].as_str().or(response["$ref"].as_str());
                assert!(said.is_some_and(|text| !text.is_empty()), "{name} says what {status} is");
            }
        }
    }
    assert!(PUBLIC.iter().all(|id| ids.contains(*id)), "{PUBLIC:?}");
    // What a body may not say, the document says too.
    for schema in [
        "ProjectCreate",
        "ProjectPatch",
        "TaskCreate",
        "TaskPatch",
        "Login",
        "SignUp",
        "RoleCreate",
        "MemberPatch",
        "ApiKeyCreate",
    ] {
        assert_eq!(document["components"]["schemas"][schema]["additionalProperties"], false, "{schema}");
    }
}

#[test]
fn docs_errors_md_is_what_the_table_of_errors_says() {
    let (committed, now) = (project_file("docs/errors.md"), rowhouse::error::documentation());
    let differs = now.lines().zip(committed.lines()).find(|(now, committed)| now != committed);
    assert!(
        committed == now,
        "docs/errors.md is not what src/error/table.rs says: `cargo run -q -- errors > docs/errors.md`\n{differs:#?}"
    );
    let mut titles = BTreeMap::new();
    for row in rowhouse::error::ROWS {
        let same = titles.insert(row.code, (row.status, row.title)).is_none_or(|it| it == (row.status, row.title));
        assert!(same, "{} has one status and one title (RFC 9457 §3.1.3): src/error/table.rs", row.code);
    }
}

#[test]
fn what_the_databases_functions_raise_is_in_the_table_of_errors_and_nothing_else_is() {
    let mut raised: BTreeMap<String, String> = BTreeMap::new();
    for folder in ["functions", "migrations", "policies"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(folder);
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            for rest in text.split("errcode = 'RH").skip(1) {
                raised.insert(format!("RH{}", &rest[..3]), path.display().to_string());
            }
        }
    }
    let known: Vec<&str> = rowhouse::error::ROWS.iter().flat_map(|row| row.sqlstates).copied().collect();
    for (sqlstate, file) in &raised {
        assert!(
            known.contains(&sqlstate.as_str()),
            "{file} raises {sqlstate}, which src/error/table.rs does not know: say `raised \"{sqlstate}\"` in its row"
        );
    }
    for sqlstate in &known {
        assert!(raised.contains_key(*sqlstate), "src/error/table.rs knows {sqlstate}, which nothing under sql raises");
    }
    assert_eq!(known.iter().collect::<BTreeSet<_>>().len(), known.len(), "two rows have one SQLSTATE: {known:?}");
}

#[tokio::test]
async fn interactive_documentation_is_there_in_development_and_comes_from_the_binary() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--profile", "development"])).await;
    let get = async |path: &str| Answer::of(app.request(Method::GET, path)).await;
    let page = get("/docs/").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    let mut assets = 0;
    for asset in page
        .text
        .split(['"', '\''])
        .filter(|text| Path::new(text).extension().is_some_and(|kind| kind == "js" || kind == "css"))
    {
        assert!(!asset.contains("//"), "{asset} comes from elsewhere");
        let path =
            if asset.starts_with('/') { asset.to_owned() } else { format!("/docs/{}", asset.trim_start_matches("./")) };
        assert!(get(&path).await.expect(200).text.len() > 100, "{path}");
        assets += 1;
    }
    assert!(assets >= 3, "{}", page.text);
    let document = get("/docs/openapi.json").await.expect(200).json();
    assert_eq!(document, get("/api/v1/openapi.json").await.expect(200).json());
}

#[tokio::test]
async fn answers_carry_their_headers() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let request = || app.as_user(Method::GET, "/api/v1/projects", acme.owner.id, acme.id);
    let answer = Answer::of(request().header("x-request-id", "mine-1")).await.expect(200);
    assert_eq!(answer.header("x-request-id"), "mine-1");
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    assert_eq!(answer.header("vary"), "Authorization, Cookie, X-Tenant-ID, Host, Prefer");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    for forged in ["a b", "x\u{e9}", &"a".repeat(200)] {
        let answer = Answer::of(request().header("x-request-id", forged.as_bytes())).await.expect(200);
        assert_eq!(answer.header("x-request-id").len(), 32, "a new one instead of {forged}");
    }
    // A trace that was begun elsewhere is continued (W3C Trace Context).
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let failed =
        app.request(Method::GET, "/api/v1/projects").header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    assert_eq!(Answer::of(failed).await.problem(401, "unauthenticated")["trace_id"], trace);

    let jwks = Answer::of(app.request(Method::GET, "/.well-known/jwks.json")).await.expect(200);
    assert_eq!(jwks.header("cache-control"), "public, max-age=300");
    let key = &jwks.json()["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["use"]), (&"OKP".into(), &"Ed25519".into(), &"sig".into()));
    assert!(key["d"].is_null(), "the private half stays here");
    assert_eq!(key["kid"].as_str(), forge(acme.owner.id, None).header.kid.as_deref());
    let head = Answer::of(app.as_user(Method::HEAD, "/api/v1/projects", acme.owner.id, acme.id)).await.expect(200);
    assert_eq!(head.text, "");
}

#[test]
fn what_is_kept_is_documented_with_how_long() {
    let documentation = project_file("docs/cache.md");
    for rule in rowhouse::cache::POLICIES {
        let row = format!("| `{}` | {} |", rule.name, rule.ttl.as_secs());
        assert!(documentation.contains(&row), "docs/cache.md has no row {row}");
    }
    let rows = documentation.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, rowhouse::cache::POLICIES.len(), "docs/cache.md has rows of nothing");
}

/// Two types of one name are one schema, and one of them is described as the other.
#[test]
fn every_schema_is_one_types() {
    fn sources(dir: &Path, all: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            // Templates of types that are none here.
            if path.ends_with("cli/new") {
                continue;
            }
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                all.push(fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let mut names = BTreeSet::new();
    for source in &all {
        let mut derives = false;
        for line in source.lines() {
            derives |= line.starts_with("#[derive(") && line.contains("ToSchema");
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            if derives && !line.starts_with('#') && words.any(|word| word == "struct" || word == "enum") {
                let name = words.next().unwrap();
                assert!(names.insert(name), "two types are called {name}");
                derives = false;
            }
        }
    }
    assert!(names.len() > 50 && names.contains("Kpis"), "{names:?}");
}
