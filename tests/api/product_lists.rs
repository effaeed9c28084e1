//! Lists of products against a model: every order with every filter, in pages of any length, while others write.
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use jiff::Timestamp;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Answer, Member, TestApp, TestDb, Way, both_ways, each, query, town};

both_ways! {
    #[tokio::test]
    pages_of_any_length_of_any_list_are_what_a_model_says;
}

/// When the first product of a random catalogue was made, in milliseconds.
const BEGINNING: i64 = 1_700_000_000_000;
const TAGS: [&str; 7] = ["plain", "two words", "a&b=c", "größe", "😀", "50%+1", "a/b?c#d"];
const NAMES: [&str; 8] = ["Same", "same", "Ärger", "Z", "😀", "a b", "a  b", "~"];

#[derive(Clone, Debug)]
struct Row {
    id: Uuid,
    name: String,
    sku: String,
    price: i64,
    stock: i32,
    status: &'static str,
    tags: Vec<&'static str>,
    made: i64,
}

fn row() -> impl Strategy<Value = Row> {
    let prices = prop_oneof![0_i64..6, Just(1_000_000_000_000)];
    let statuses = prop::sample::select(vec!["draft", "active", "archived"]);
    let tags = prop::sample::subsequence(TAGS.to_vec(), 0..4);
    let sku = ("[aAä0 _~-]", any::<u64>());
    (prop::sample::select(NAMES.to_vec()), sku, prices, 0..3_i32, statuses, tags, 0_i64..40, any::<u64>()).prop_map(
        |(name, (first, rest), price, stock, status, tags, after, random)| {
            let made = BEGINNING + after;
            // RFC 9562 §5.7: milliseconds, then the version, then anything.
            let id = u128::try_from(made).unwrap() << 80 | 7 << 76 | 2 << 62 | u128::from(random >> 2);
            let sku = format!("{}{rest:x}", first.trim());
            Row { id: Uuid::from_u128(id), name: name.to_owned(), sku, price, stock, status, tags, made }
        },
    )
}

/// Writes a random catalogue in place of what acme has.
async fn catalogue(db: &TestDb, runner: &mut TestRunner, size: usize) -> Vec<Row> {
    let rows = prop::collection::vec(row(), size).new_tree(runner).unwrap().current();
    let superuser = db.superuser().await;
    let insert = "insert into tenant.products (tenant_id, id, name, sku, price_minor, stock, status, tags)
                  values ($1, $2, $3, $4, $5, $6, $7, $8)";
    superuser.execute("delete from tenant.products where tenant_id = $1", &[&town().acme.id]).await.unwrap();
    for row in &rows {
        let Row { id, name, sku, price, stock, status, tags, .. } = row;
        superuser.execute(insert, &[&town().acme.id, id, name, sku, price, stock, status, tags]).await.unwrap();
    }
    rows
}

/// An order and filters.
#[derive(Clone, Debug, Default)]
struct Asked {
    sort: Option<&'static str>,
    status: Option<&'static str>,
    tag: Option<&'static str>,
    in_stock: Option<bool>,
    prices: (Option<i64>, Option<i64>),
    /// Microseconds after the beginning.
    made: (Option<i64>, Option<i64>),
}

fn asked() -> impl Strategy<Value = Asked> {
    let prices = || prop::option::of(prop_oneof![0_i64..7, Just(i64::MAX)]);
    let times = || prop::option::of(prop_oneof![(-1_i64..42).prop_map(|at| at * 1000), -500_i64..41_500]);
    let choice =
        prop_oneof![
            prop::sample::select(vec![None, Some("newest"), Some("name"), Some("price"), Some("sku")])
                .prop_map(|sort| (sort, (None, None), (None, None))),
            (prop::sample::select(vec![None, Some("price")]), prices(), prices()).prop_map(|(sort, least, most)| (
                sort,
                (least, most),
                (None, None)
            )),
            (prop::sample::select(vec![None, Some("newest")]), times(), times()).prop_map(|(sort, from, to)| (
                sort,
                (None, None),
                (from, to)
            )),
        ];
    let statuses = prop::sample::select(vec![None, None, Some("draft"), Some("active"), Some("archived")]);
    (choice, statuses, prop::option::of(prop::sample::select(TAGS.to_vec())), prop::option::of(any::<bool>()))
        .prop_map(|((sort, prices, made), status, tag, in_stock)| Asked { sort, status, tag, in_stock, prices, made })
}

impl Asked {
    fn query(&self) -> String {
        let time = |at: i64| Timestamp::from_microsecond(BEGINNING * 1000 + at).unwrap().to_string();
        let pairs = [
            ("sort", self.sort.map(str::to_owned)),
            ("status", self.status.map(str::to_owned)),
            ("tag", self.tag.map(str::to_owned)),
            ("in_stock", self.in_stock.map(|wanted| wanted.to_string())),
            ("price_min", self.prices.0.map(|price| price.to_string())),
            ("price_max", self.prices.1.map(|price| price.to_string())),
            ("created_from", self.made.0.map(time)),
            ("created_to", self.made.1.map(time)),
        ];
        query(pairs.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))))
    }

    /// The ids of what is asked for, in its order.
    fn of(&self, rows: &[Row]) -> Vec<String> {
        let mut rows: Vec<&Row> = rows
            .iter()
            .filter(|row| self.status.is_none_or(|status| row.status == status))
            .filter(|row| self.tag.is_none_or(|tag| row.tags.contains(&tag)))
            .filter(|row| self.in_stock.is_none_or(|wanted| (row.stock > 0) == wanted))
            .filter(|row| self.prices.0.is_none_or(|least| row.price >= least))
            .filter(|row| self.prices.1.is_none_or(|most| row.price <= most))
            .filter(|row| self.made.0.is_none_or(|from| (row.made - BEGINNING) * 1000 >= from))
            .filter(|row| self.made.1.is_none_or(|to| (row.made - BEGINNING) * 1000 < to))
            .collect();
        let by_price = self.sort == Some("price") || self.prices != (None, None);
        match self.sort {
            Some("name") => rows.sort_by_key(|row| (row.name.clone(), row.id)),
            Some("sku") => rows.sort_by_key(|row| row.sku.clone()),
            _ if by_price => rows.sort_by_key(|row| (row.price, row.id)),
            _ => rows.sort_by_key(|row| std::cmp::Reverse(row.id)),
        }
        rows.iter().map(|row| row.id.to_string()).collect()
    }
}

/// Follows `Link` to the end (RFC 8288), and answers all ids and what the first page says is the total.
async fn walk(member: &Member<'_>, asked: &str, limit: usize) -> (Vec<String>, i64) {
    let first = member.request(Method::GET, &format!("/products?limit={limit}&{asked}"));
    let mut answer = Answer::of(first.header("prefer", "count=exact")).await.expect(200);
    let total = answer.json()["total"].as_i64().unwrap();
    let mut ids = Vec::new();
    loop {
        let page = answer.json();
        let items = each(&page, "id");
        assert!(items.len() == limit || page["next_cursor"].is_null());
        ids.extend(items);
        let Some(target) =
            answer.header("link").strip_prefix("</api/v1").and_then(|link| link.strip_suffix(">; rel=\"next\""))
        else {
            assert!(page["next_cursor"].is_null(), "{page}");
            return (ids, total);
        };
        assert!(target.contains(page["next_cursor"].as_str().unwrap()));
        answer = member.get(target).await.expect(200);
    }
}

async fn pages_of_any_length_of_any_list_are_what_a_model_says(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let viewer = Member::new(&app, &town().acme.viewer, &town().acme);
    let mut runner = TestRunner::deterministic();
    let rows = catalogue(&db, &mut runner, 180).await;
    for _ in 0..70 {
        let (asked, limit) = (asked(), 1_usize..60).new_tree(&mut runner).unwrap().current();
        let expected = asked.of(&rows);
        let limit = limit.max(expected.len() / 8);
        let (ids, total) = walk(&viewer, &asked.query(), limit).await;
        assert_eq!(ids, expected, "{asked:?} by {limit}");
        assert_eq!(usize::try_from(total).unwrap(), expected.len(), "{asked:?}");
    }
}

#[tokio::test]
async fn a_walk_shows_what_was_there_all_along_while_others_write() {
    let db = TestDb::new().await;
    let app = Arc::new(TestApp::new(&db).await);
    let acme = &town().acme;
    let mut runner = TestRunner::deterministic();
    let rows = catalogue(&db, &mut runner, 120).await;
    let over = Arc::new(AtomicBool::new(false));
    let (theirs, stop) = (app.clone(), over.clone());
    let writing = tokio::spawn(async move {
        let owner = Member::new(&theirs, &acme.owner, acme);
        let mut turns = 0_usize;
        while !stop.load(Ordering::Relaxed) {
            let name = NAMES[turns % NAMES.len()];
            let new = owner.make(json!({ "name": name, "stock": turns % 2, "tags": [TAGS[turns % 3]] })).await;
            let path = format!("/products/{}", new["id"].as_str().unwrap());
            let changes =
                json!({ "price": { "amount_minor": turns % 7 }, "status": "draft", "tags": [TAGS[turns % 4]] });
            owner.patch(&path, "*", changes).await.expect(200);
            if !turns.is_multiple_of(3) {
                owner.delete(&path, "*").await.expect(204);
            }
            turns += 1;
        }
        turns
    });
    let viewer = Member::new(&app, &acme.viewer, acme);
    for _ in 0..30 {
        let (asked, limit) = (asked(), 3_usize..40).new_tree(&mut runner).unwrap().current();
        let (mut ids, _) = walk(&viewer, &asked.query(), limit).await;
        ids.retain(|id| rows.iter().any(|row| row.id.to_string() == *id));
        assert_eq!(ids, asked.of(&rows), "{asked:?} by {limit}");
    }
    over.store(true, Ordering::Relaxed);
    assert!(writing.await.unwrap() > 3, "somebody wrote meanwhile");
}

#[tokio::test]
async fn what_does_not_go_together_is_refused_by_name() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let viewer = Member::new(&app, &town().acme.viewer, &town().acme);
    let (price, time) = ("price_min=1&price_max=2", "created_from=2026-01-01T00:00:00Z");
    for (asked, named, code) in [
        (format!("sort=name&{price}"), vec!["price_min", "price_max"], "does_not_go_with_sort"),
        (format!("sort=newest&{price}"), vec!["price_min", "price_max"], "does_not_go_with_sort"),
        (format!("sort=price&{time}"), vec!["created_from"], "does_not_go_with_sort"),
        (format!("sort=sku&{time}"), vec!["created_from"], "does_not_go_with_sort"),
        (format!("{price}&{time}"), vec!["created_from"], "does_not_go_with_sort"),
        ("price_min=-1".to_owned(), vec!["price_min"], "out_of_range"),
        ("price_min=1.5".to_owned(), vec!["price_min"], "invalid"),
        ("created_to=yesterday".to_owned(), vec!["created_to"], "invalid"),
        ("sort=stock".to_owned(), vec!["sort"], "invalid"),
        ("in_stock=1".to_owned(), vec!["in_stock"], "invalid"),
        ("tag=".to_owned(), vec!["tag"], "invalid"),
        (format!("tag={}", "t".repeat(51)), vec!["tag"], "invalid"),
        ("tag=%00".to_owned(), vec!["tag"], "control_character"),
        ("limit=0".to_owned(), vec!["limit"], "out_of_range"),
        ("limit=201".to_owned(), vec!["limit"], "out_of_range"),
        ("colour=red".to_owned(), vec!["colour"], "unknown_parameter"),
        ("tag=a&tag=b".to_owned(), vec!["tag"], "duplicate_parameter"),
    ] {
        let problem = viewer.get(&format!("/products?{asked}")).await.problem(400, "bad_request");
        let errors = problem["errors"].as_array().unwrap();
        let found: Vec<_> = errors.iter().map(|error| error["parameter"].as_str().unwrap()).collect();
        assert_eq!(found, named, "{asked}: {problem}");
        assert!(errors.iter().all(|error| error["code"] == code), "{asked}: {problem}");
    }
    for asked in
        ["created_from=9999-12-30T00:00:00Z", "created_to=-009999-01-02T01:59:59Z", "price_min=9223372036854775807"]
    {
        assert_eq!(
            each(&viewer.get(&format!("/products?{asked}")).await.expect(200).json(), "id"),
            Vec::<String>::new()
        );
    }
}

#[tokio::test]
async fn a_cursor_fits_its_own_list_alone() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (here, there) = (Member::new(&app, &acme.both, acme), Member::new(&app, &acme.both, globex));
    let lists = [
        "",
        "sort=name",
        "sort=price",
        "sort=sku",
        "status=active",
        "tag=lighting",
        "in_stock=false",
        "price_min=0",
        "price_max=9000",
        "created_from=2020-01-01T00:00:00Z",
    ];
    for of in lists {
        here.make(json!({ "name": format!("List {of}."), "tags": ["lighting"], "stock": 0 })).await;
        let page = here.get(&format!("/products?limit=1&{of}")).await.expect(200).json();
        let cursor = page["next_cursor"].as_str().unwrap();
        for at in lists {
            let answer = here.get(&format!("/products?{at}&cursor={cursor}")).await;
            if at == of {
                answer.expect(200);
            } else {
                answer.problem(400, "invalid_cursor");
            }
        }
        there.get(&format!("/products?{of}&cursor={cursor}")).await.problem(400, "invalid_cursor");
        here.get(&format!("/products/search?q=a&cursor={cursor}")).await.problem(400, "invalid_cursor");
    }
}
