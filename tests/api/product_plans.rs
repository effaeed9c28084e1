//! Every list of products, with every filter, at its beginning, in its middle and at its end, planned as the role that
//! serves in one tenant of thousands beside many of a few: read off an index, a page from each branch at most, and no
//! row read to be thrown away. bench/ does the same on hundreds of thousands.
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

use crate::support::{TestDb, town};

const LIMIT: i64 = 20;
/// More than these rows have.
const BYTES: i64 = 1 << 20;
const STATUSES: &str = "'{draft,active,archived}'";
const STOCKS: &str = "'{true,false}'";

async fn fill(superuser: &Client, tenant: Uuid) {
    let fill = format!(
        "insert into registry.tenants (id, slug, name, status)
             select gen_random_uuid(), 't' || n, 't' || n, 'active' from generate_series(1, 100) n;
         insert into tenant.products (tenant_id, id, name, sku, price_minor, stock, status, tags)
             select t.id, registry.new_id(), 'product ' || n % 2000, 'sku-' || n, n % 1500, n % 3,
                    (array['active', 'active', 'draft', 'archived'])[1 + n % 4],
                    case n % 5 when 0 then array['rare', 'common'] else array['common'] end
             from registry.tenants t, generate_series(1, case when t.id = '{tenant}' then 6000 else 30 end) n"
    );
    superuser.batch_execute(&fill).await.unwrap();
    // As tables are that have been there for a while: pages that are visible to all make other plans cheap.
    superuser.batch_execute("vacuum analyze").await.unwrap();
}

fn nodes<'a>(plan: &'a Value, all: &mut Vec<&'a Value>) {
    all.push(plan);
    for child in plan["Plans"].as_array().into_iter().flatten() {
        nodes(child, all);
    }
}

/// The plan of a statement with these values, as it was carried out.
async fn explained(api: &Client, file: &str, types: &str, values: &str) -> Value {
    let path = format!("{}/sql/queries/products/{file}.sql", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let acme = &town().acme;
    let begin = format!(
        "begin; set local app.tenant_id = '{}'; set local app.user_id = '{1}'; set local app.session_id = '{1}';
         set local plan_cache_mode = force_generic_plan; prepare s (uuid, {types}) as {text}",
        acme.id, acme.owner.id
    );
    api.batch_execute(&begin).await.unwrap_or_else(|error| panic!("{file}: {error:?}"));
    let explain = format!("explain (analyze, format json) execute s ('{}', {values})", acme.id);
    let plan = api.simple_query(&explain).await.unwrap_or_else(|error| panic!("{file}: {error:?}"));
    let plan = plan.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    api.batch_execute("deallocate s; rollback").await.unwrap();
    let plan: Value = serde_json::from_str(&plan.unwrap()).unwrap();
    plan[0]["Plan"].clone()
}

fn assert_read_off_indexes(what: &str, plan: &Value) -> i64 {
    let mut all = Vec::new();
    nodes(plan, &mut all);
    for node in &all {
        let kind = node["Node Type"].as_str().unwrap();
        for removed in ["Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter"] {
            assert_eq!(node[removed].as_i64().unwrap_or(0), 0, "{what}: {plan:#}");
        }
        assert!(!kind.contains("Seq Scan") && !kind.contains("Bitmap"), "{what}: {plan:#}");
        if kind.contains("Index") {
            assert!(node["Index Cond"].as_str().is_some_and(|cond| cond.contains("tenant_id")), "{what}: {plan:#}");
            #[expect(clippy::cast_possible_truncation, reason = "a page's length")]
            let rows = node["Actual Rows"].as_f64().unwrap() as i64;
            assert!(rows <= LIMIT, "{what} reads {rows} rows of a branch for a page of {LIMIT}: {plan:#}");
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "a page's length")]
    let found = plan["Actual Rows"].as_f64().unwrap() as i64;
    found
}

#[tokio::test]
async fn every_list_of_products_reads_its_pages_and_no_row_besides() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let acme = town().acme.id;
    fill(&superuser, acme).await;
    // (file, types after statuses and stocks, where a page begins: first, in the middle, last)
    let at = async |order: &str, offset: i64| -> (Uuid, String, i64, String) {
        let row = superuser
            .query_one(
                &format!(
                    "select id, name, price_minor, sku from tenant.products where tenant_id = '{acme}' order by {order} offset {offset} limit 1"
                ),
                &[],
            )
            .await
            .unwrap();
        (row.get(0), row.get(1), row.get(2), row.get(3))
    };
    let mut planned = Vec::new();
    for (order, by) in [("newest", "id desc"), ("name", "name, id"), ("price", "price_minor, id"), ("sku", "sku")] {
        for offset in [0, 3000, 5990] {
            let (id, name, price, sku) = at(by, offset).await;
            let (types, place) = match order {
                "newest" => ("uuid, uuid", format!("'{id}', '{}'", Uuid::nil())),
                "name" => ("text, uuid", format!("'{name}', '{id}'")),
                "price" => ("bigint, uuid, bigint", format!("{price}, '{id}', 1400")),
                _ => ("text", format!("'{sku}'")),
            };
            for (statuses, stocks) in
                [(STATUSES, STOCKS), ("'{active}'", STOCKS), (STATUSES, "'{false}'"), ("'{archived}'", "'{true}'")]
            {
                for tag in [None, Some("common"), Some("rare")] {
                    let (file, types, values) = match tag {
                        None => (
                            format!("list_{order}"),
                            format!("text[], boolean[], {types}, bigint, bigint"),
                            format!("{statuses}, {stocks}, {place}, {LIMIT}, {BYTES}"),
                        ),
                        Some(tag) => (
                            format!("list_{order}_tagged"),
                            format!("text[], boolean[], text, {types}, bigint, bigint"),
                            format!("{statuses}, {stocks}, '{tag}', {place}, {LIMIT}, {BYTES}"),
                        ),
                    };
                    let plan = explained(&api, &file, &types, &values).await;
                    let found = assert_read_off_indexes(&format!("{file} {values}"), &plan);
                    assert!(offset != 0 || found == LIMIT, "{file} {values} found {found}");
                    planned.push(file);
                }
            }
        }
    }
    for (file, types, values) in [
        ("count_newest", "uuid, uuid", format!("'{}', '{}'", Uuid::max(), Uuid::nil())),
        ("count_price", "bigint, bigint", "100, 900".to_owned()),
        ("count_newest_tagged", "text, uuid, uuid", format!("'common', '{}', '{}'", Uuid::max(), Uuid::nil())),
        ("count_price_tagged", "text, bigint, bigint", "'rare', 100, 900".to_owned()),
    ] {
        let types = format!("text[], boolean[], {types}, bigint");
        let plan = explained(&api, file, &types, &format!("{STATUSES}, {STOCKS}, {values}, {LIMIT}")).await;
        assert_read_off_indexes(file, &plan);
        planned.push(file.to_owned());
    }
    let folder = format!("{}/sql/queries/products", env!("CARGO_MANIFEST_DIR"));
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if name.starts_with("list_") || name.starts_with("count_") {
            assert!(planned.contains(&name), "say here how sql/queries/products/{name}.sql is called");
        }
    }
}

#[tokio::test]
async fn a_search_uses_the_index_of_words_behind_the_wall() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    fill(&superuser, town().acme.id).await;
    let types = "integer[], text[], text[], boolean[], text, text, real, uuid, bigint, bigint";
    for (words, kind) in [("brass", "word"), ("lam", "last"), ("brass lamp", "phrase"), ("barss", "word")] {
        let values =
            format!("'{{0}}', '{{{kind}}}', '{{{words}}}', '{{false}}', null, null, null, null, {LIMIT}, {BYTES}");
        let plan = explained(&api, "search", types, &values).await;
        let mut all = Vec::new();
        nodes(&plan, &mut all);
        let used = all.iter().any(|node| node["Index Name"] == "products_search_idx");
        assert!(used, "{words}: {plan:#}");
        for node in all {
            assert!(!node["Node Type"].as_str().unwrap().contains("Seq Scan"), "{words}: {plan:#}");
            assert_eq!(node["Rows Removed by Filter"].as_i64().unwrap_or(0), 0, "{words}: {plan:#}");
        }
    }
    let values = format!("'produ', 'produ', {LIMIT}");
    let plan = explained(&api, "suggest", "text, text, bigint", &values).await;
    let mut all = Vec::new();
    nodes(&plan, &mut all);
    for node in all {
        let kind = node["Node Type"].as_str().unwrap();
        assert!(!kind.contains("Seq Scan") && !kind.contains("Bitmap"), "{plan:#}");
        assert_eq!(node["Rows Removed by Filter"].as_i64().unwrap_or(0), 0, "{plan:#}");
    }
}
