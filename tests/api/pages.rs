//! Pages end where they are long, whatever was asked for; and answers that nobody reads are only so many.
use std::time::Duration;

use reqwest::Method;
use rowhouse::db::API_ROLE;
use serde_json::Value;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::support::{Member, Raw, TestApp, TestDb, forge, town, tuning};

const LONGEST: usize = 1 << 20;

/// Follows `next_cursor` to the end, asking for as much as there may be; the items of each page.
async fn walk(member: &Member<'_>, path: &str) -> Vec<Vec<Value>> {
    let and = if path.contains('?') { '&' } else { '?' };
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let answer = member.get(&format!("{path}{and}limit=200{cursor}")).await.expect(200);
        let page = answer.json();
        let items = page["items"].as_array().unwrap().clone();
        assert!(!items.is_empty() || pages.is_empty(), "{path}: a page is never empty that another led to");
        let bytes: usize = items.iter().map(|item| item.to_string().len() + 1).sum();
        assert!(bytes <= LONGEST || items.len() == 1, "{path}: {bytes} bytes");
        let next = page["next_cursor"].as_str().map(str::to_owned);
        assert_eq!(next.is_some(), !answer.header("link").is_empty());
        // Not earlier than it has to, either: the next row would have been too much, and none here is longer than this.
        assert!(
            next.is_none() || items.len() == 200 || bytes > LONGEST - 450_000,
            "{path}: {bytes} bytes and more to come"
        );
        pages.push(items);
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

fn ids(pages: &[Vec<Value>]) -> Vec<&str> {
    pages.iter().flatten().map(|item| item["id"].as_str().unwrap()).collect()
}

/// Long rows of every kind that can be long. Of four bytes a character; every tenth is as long as it may be.
async fn fill(db: &TestDb) {
    let acme = town().acme.id;
    let id = "('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid";
    db.run(&format!(
        "alter table tenant.products disable trigger user;
         insert into tenant.products (tenant_id, id, name, sku, price_minor, currency, language, name_key, search, tags, description)
             select '{acme}', {id}, 'long ' || lpad(n::text, 3, '0'), 'long-' || lpad(n::text, 3, '0'), n % 7, 'EUR', 'simple', 'long',
                    to_tsvector('simple', 'long'), '{{bulky}}', repeat('𝔩', case when n % 10 = 0 then 100000 else 10000 end)
             from generate_series(1, 60) n;
         alter table tenant.products enable trigger user;
         insert into tenant.product_tags (tenant_id, tag, product_id, name, price_minor, sku, status, in_stock)
             select tenant_id, 'bulky', id, name, price_minor, sku, status, in_stock
             from tenant.products where tenant_id = '{acme}' and tags = '{{bulky}}'
             on conflict do nothing;
         insert into tenant.projects (tenant_id, id, name, status, description)
             select '{acme}', {id}, 'long ' || lpad(n::text, 3, '0'), 'paused', repeat(E'\\u0001\\n\"', 3000) from generate_series(1, 150) n;
         insert into tenant.operations (tenant_id, id, kind, status, result, finished_at)
             select '{acme}', {id}, 'products.import', 'succeeded',
                    jsonb_build_object('errors', (select jsonb_agg(jsonb_build_array(1, 1, 1, 1)) from generate_series(1, 20000))), now()
             from generate_series(1, 20) n"
    ))
    .await;
}

#[tokio::test]
async fn every_list_ends_a_page_where_it_is_long_and_loses_nothing() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    fill(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    for (path, long) in [
        ("/products?sort=newest", 60),
        ("/products?sort=name", 60),
        ("/products?sort=price", 60),
        ("/products?sort=sku", 60),
        ("/products?sort=newest&tag=bulky", 60),
        ("/products?sort=name&tag=bulky", 60),
        ("/products?sort=price&tag=bulky", 60),
        ("/products?sort=sku&tag=bulky", 60),
        ("/projects", 150),
        ("/projects?sort=name", 150),
        ("/projects?status=paused", 150),
        ("/projects?status=paused&sort=name", 150),
        ("/operations", 20),
    ] {
        let pages = walk(&owner, path).await;
        assert!(pages.len() > 2, "{path}: {} pages", pages.len());
        let all = ids(&pages);
        let once: std::collections::BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(once.len(), all.len(), "{path}: nothing twice");
        let bulky = all.iter().filter(|id| id.starts_with("00000000-0000-7000-8000-")).count();
        assert_eq!(bulky, long, "{path}: nothing missing");
    }
}

#[tokio::test]
async fn a_search_ends_a_page_where_it_is_long_and_loses_nothing() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    db.long_products(acme, 35).await;
    let pages = walk(&Member::new(&app, &acme.owner, acme), "/products/search?q=long").await;
    let all = ids(&pages);
    let once: std::collections::BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!((pages.len(), all.len(), once.len()), (4, 35, 35), "{all:?}");
}

#[tokio::test]
async fn postgresql_sends_no_more_than_a_page_takes() {
    let db = TestDb::new().await;
    fill(&db).await;
    let acme = &town().acme;
    let api = db.api().await;
    let (limit, bytes) = (201_i64, 3_i64 << 19);
    let (statuses, stocks) = (vec!["draft", "active", "archived"], vec![true, false]);
    let (most, least) = (Uuid::max(), Uuid::nil());
    let newest: [&(dyn ToSql + Sync); 7] = [&acme.id, &statuses, &stocks, &most, &least, &limit, &bytes];
    let lists: [(&str, &[&(dyn ToSql + Sync)]); 4] = [
        ("products/list_newest", &newest),
        ("products/list_sku_tagged", &[&acme.id, &statuses, &stocks, &"bulky", &"", &limit, &bytes]),
        ("projects/list_newest", &[&acme.id, &most, &limit, &bytes]),
        ("operations/list", &[&acme.id, &most, &limit, &bytes]),
    ];
    for (file, params) in lists {
        let path = format!("{}/sql/queries/{file}.sql", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let begin = format!(
            "begin; set local app.tenant_id = '{}'; set local app.user_id = '{1}'; set local app.session_id = '{1}'",
            acme.id, acme.owner.id
        );
        api.batch_execute(&begin).await.unwrap();
        let rows = api.query(&text, params).await.unwrap();
        api.batch_execute("rollback").await.unwrap();
        let sent: usize = rows.iter().map(tokio_postgres::Row::raw_size_bytes).sum();
        assert!((1 << 20..5 << 19).contains(&sent), "{file}: {sent} bytes in {} rows", rows.len());
    }
}

#[tokio::test]
async fn answers_that_a_tenant_does_not_read_are_bounded_and_others_get_theirs() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--pool", "4", "--cache-bytes", "0"])).await;
    db.long_products(&town().acme, 15).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let token = forge(acme.owner.id, Some(acme.id)).sign();
    let ask =
        format!("GET /api/v1/products?limit=200 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
    let mut sockets = Vec::new();
    for _ in 0..45 {
        let mut raw = Raw::connect(app.address).await;
        raw.send(&ask).await.unwrap();
        sockets.push(raw);
        // One after the other: how many a tenant may ask at once is another matter.
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let owner = Member::new(&app, &acme.owner, acme);
    let refused = owner.get("/products?limit=200").await;
    refused.problem(429, "unread_answers");
    assert_eq!(refused.header("retry-after"), "1");
    // What is small, what changes something, and what is another's.
    owner.get("/products?limit=1&sort=sku&tag=lighting").await.expect(200);
    owner.patch("/tenant", "*", serde_json::json!({ "name": "Acme" })).await.expect(200);
    let theirs = Member::new(&app, &globex.owner, globex);
    theirs.get("/products?limit=200").await.expect(200);
    let mut statuses = Vec::new();
    for mut raw in sockets {
        statuses.push(raw.answer().await.expect("an answer").status);
    }
    let answered = statuses.iter().filter(|status| **status == 200).count();
    assert!((25..=33).contains(&answered), "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    // They were read, so there is room again.
    tokio::time::sleep(Duration::from_millis(300)).await;
    crate::support::Answer::of(owner.request(Method::GET, "/products?limit=200")).await.expect(200);
}
