//! What is kept for callers, of which no tenant has all the room.
use reqwest::Method;
use rowhouse::db::API_ROLE;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Answer, Member, TestApp, TestDb, TestRedis, product, town, tuning};

#[tokio::test]
async fn a_tenant_that_asks_for_a_thousand_pages_puts_none_of_another_out_of_the_cache() {
    let redis = TestRedis::with(&["--maxmemory", "6mb", "--maxmemory-policy", "allkeys-lru"]);
    for shared in [false, true] {
        let db = TestDb::new().await;
        let address = redis.url();
        let options: &[&str] = if shared {
            &["--redis-url", &address, "--cache-share-bytes", "400000"]
        } else {
            &["--cache-bytes", "4000000"]
        };
        let app = TestApp::with(&db.url(API_ROLE), &tuning(&[options, &["--pool", "4"]].concat())).await;
        let (acme, globex) = (
            Member::new(&app, &town().acme.viewer, &town().acme),
            Member::new(&app, &town().globex.owner, &town().globex),
        );
        let owner = Member::new(&app, &town().acme.owner, &town().acme);
        for n in 0..8 {
            owner.make(json!({ "name": format!("Kettle {n}"), "description": "kettle ".repeat(1500) })).await;
        }
        let pages: Vec<String> = (1..=20).map(|limit| format!("/products?limit={limit}")).collect();
        for page in &pages {
            globex.get(page).await.expect(200);
        }
        // A page of eight descriptions is 80 kB, so this is twenty times what is kept altogether.
        for n in 0..1000 {
            acme.get(&format!("/products/search?limit=8&q=kettle+{n}")).await.expect(200);
        }
        let mut hits = 0;
        for page in &pages {
            hits += usize::from(globex.get(page).await.header("cache-status").contains("hit"));
        }
        assert_eq!(hits, pages.len(), "of globex's pages are still kept (Redis: {shared})");
        // Its own share is acme's to use.
        acme.get("/products/search?limit=8&q=kettle+0").await.expect(200);
        assert!(acme.get("/products/search?limit=8&q=kettle+0").await.header("cache-status").contains("hit"));
    }
}

#[tokio::test]
async fn answers_to_requests_with_a_key_have_so_many_bytes_a_day_and_what_is_beyond_does_nothing() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "4", "--idempotency-bytes", "1000000"])).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let large = || product(json!({ "name": "Large", "description": "é".repeat(100_000) }));
    let keyed = async |who: &Member<'_>, key: &str, body: &serde_json::Value, minimal: bool| {
        let request = who.request(Method::POST, "/products").header("idempotency-key", key).json(body);
        Answer::of(if minimal { request.header("prefer", "return=minimal") } else { request }).await
    };
    let first = large();
    let mut made = 0;
    let refused = loop {
        let (key, body) =
            if made == 0 { ("first".to_owned(), first.clone()) } else { (Uuid::now_v7().to_string(), large()) };
        let answer = keyed(&owner, &key, &body, false).await;
        if answer.status != 201 {
            break answer;
        }
        made += 1;
        assert!(made < 10, "it goes on");
    };
    // Each answer is a little more than 200 kB.
    assert_eq!(made, 4);
    let problem = refused.problem(429, "idempotency_quota");
    assert!(problem["detail"].as_str().unwrap().contains("nothing was done"), "{problem}");
    let seconds: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&seconds), "{seconds}");
    let count =
        format!("select count(*) from tenant.products where tenant_id = '{}' and name = 'Large'", town().acme.id);
    assert_eq!(db.value::<i64>(&count).await, 4, "what was refused is not there");
    // What was kept is given again; what is small, and what has no key, goes on; and so does everybody else.
    let again = keyed(&owner, "first", &first, false).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    keyed(&owner, &Uuid::now_v7().to_string(), &large(), true).await.expect(201);
    owner.post("/products", large()).await.expect(201);
    let globex = Member::new(&app, &town().globex.owner, &town().globex);
    keyed(&globex, &Uuid::now_v7().to_string(), &large(), false).await.expect(201);
}
