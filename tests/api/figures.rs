//! Figures for Prometheus: on an address of their own, of all tenants together, and true.
use rowhouse::{
    db::API_ROLE,
    http,
    server::{self, metrics},
};
use tokio::net::TcpListener;

use super::limits::limit;
use crate::support::{Answer, Member, TestApp, TestDb, TestRedis, town, tuning};

/// Served as `rowhouse serve` does; where.
pub(super) async fn beside(app: &TestApp) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, serving) = (metrics::router(&app.app), tuning(&[]).serving());
    tokio::spawn(server::serve(listener, router, serving, http::Leaving::default(), std::future::pending()));
    format!("http://{address}")
}

async fn read(app: &TestApp, at: &str) -> String {
    let answer = Answer::of(app.client.get(format!("{at}/metrics"))).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.text.ends_with("# EOF\n"), "{}", answer.text);
    answer.text
}

fn figure(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn figures_say_what_became_of_requests_and_name_no_tenant() {
    let (db, mut redis) = (TestDb::new().await, TestRedis::start());
    let acme = &town().acme;
    limit(&db, acme, "100", "4").await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "4", "--redis-url", &redis.url()])).await;
    let at = beside(&app).await;
    let before = read(&app, &at).await;
    assert_eq!(figure(&before, "rowhouse_cache_answers_total{outcome=\"hit\"}"), Some(0));
    let owner = Member::new(&app, &acme.owner, acme);
    for _ in 0..3 {
        owner.get("/products").await.expect(200);
    }
    owner.get("/projects").await.expect(200);
    for _ in 0..2 {
        owner.get("/projects").await.problem(429, "rate_limited");
    }
    let text = read(&app, &at).await;
    for (name, count) in [
        ("rowhouse_limits_refused_total{policy=\"principal\"}", 2),
        ("rowhouse_limits_refused_total{policy=\"tenant\"}", 0),
        ("rowhouse_redis_up", 1),
        ("rowhouse_database_connections_max{pool=\"api\"}", 4),
        ("rowhouse_database_connections_max{pool=\"gate\"}", 4),
    ] {
        assert_eq!(figure(&text, name), Some(count), "{name}\n{text}");
    }
    // Whatever Redis was too slow for on a busy machine was the process's.
    let sum = |names: &[&str]| names.iter().map(|name| figure(&text, name).unwrap()).sum::<u64>();
    let answers =
        ["hit", "miss", "bypassed"].map(|outcome| format!("rowhouse_cache_answers_total{{outcome=\"{outcome}\"}}"));
    assert_eq!(sum(&answers.each_ref().map(String::as_str)), 3, "{text}");
    let verdicts = ["redis", "lease", "process"].map(|by| format!("rowhouse_limits_verdicts_total{{by=\"{by}\"}}"));
    assert_eq!(
        sum(&verdicts.each_ref().map(String::as_str)),
        7,
        "six of the owner's, the first also as a stranger: {text}"
    );
    assert!(sum(&[&verdicts[0]]) > 0, "{text}");
    for told in [acme.id.to_string(), "acme".to_owned(), acme.owner.email.to_owned()] {
        assert!(!text.contains(&told), "{text}");
    }
    redis.kill();
    for _ in 0..5 {
        Member::new(&app, &acme.member, acme).get("/projects").await;
    }
    let text = read(&app, &at).await;
    assert_eq!(figure(&text, "rowhouse_redis_up"), Some(0));
    assert!(figure(&text, "rowhouse_limits_verdicts_total{by=\"process\"}").unwrap() >= 5, "{text}");
    // There, and nowhere else.
    Answer::of(app.request(reqwest::Method::GET, "/metrics")).await.problem(404, "no_route");
    Answer::of(app.client.get(format!("{at}/api/v1/projects"))).await.expect(404);
}

#[tokio::test]
async fn without_redis_there_is_no_figure_of_it() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let at = beside(&app).await;
    assert!(!read(&app, &at).await.contains("rowhouse_redis_up"));
}
