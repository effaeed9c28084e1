//! `/products` as a caller sees it: create, read, change, delete.
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Member, TestApp, TestDb, Way, both_ways, product, town};

both_ways! {
    #[tokio::test]
    a_product_can_be_made_read_changed_and_deleted;
}

async fn a_product_can_be_made_read_changed_and_deleted(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let new = json!({
        "name": "Desk lamp", "description": "Bright.\nAnd small.", "sku": "DL-1", "stock": 4, "status": "draft",
        "price": { "amount_minor": 2599, "currency": "CHF" }, "tags": ["office", "lighting"],
    });
    let made = owner.post("/products", new.clone()).await.expect(201);
    let product = made.json();
    let path = made.header("location").strip_prefix("/api/v1").unwrap().to_owned();
    assert_eq!(path, format!("/products/{}", product["id"].as_str().unwrap()));
    assert_eq!(made.header("etag"), "\"1\"");
    for member in ["name", "description", "sku", "stock", "status", "price"] {
        assert_eq!(product[member], new[member]);
    }
    assert_eq!(product["tags"], json!(["lighting", "office"]));
    let read = owner.get(&path).await.expect(200);
    assert_eq!((read.json(), read.header("etag")), (product.clone(), "\"1\""));
    let known = Answer::of(owner.request(Method::GET, &path).header("if-none-match", "\"1\"")).await.expect(304);
    assert_eq!((known.text.as_str(), known.header("etag")), ("", "\"1\""));

    // A merge patch: null clears, absent leaves, a value sets, inside the price as well.
    let merge = json!({ "description": null, "price": { "amount_minor": 0 }, "tags": [] });
    let changed = owner.patch(&path, "\"1\"", merge).await.expect(200);
    let mut expected = product.clone();
    (expected["description"], expected["tags"]) = (Value::Null, json!([]));
    expected["price"] = json!({ "amount_minor": 0, "currency": "CHF" });
    expected["updated_at"] = changed.json()["updated_at"].clone();
    assert_eq!((changed.json(), changed.header("etag")), (expected.clone(), "\"2\""));
    let merge =
        json!({ "price": { "currency": "JPY" }, "sku": "DL-2", "stock": 0, "status": "archived", "name": "Lamp" });
    let changed = owner.patch(&path, "\"2\"", merge).await.expect(200);
    for (member, value) in
        [("sku", json!("DL-2")), ("stock", json!(0)), ("status", json!("archived")), ("name", json!("Lamp"))]
    {
        expected[member] = value;
    }
    expected["price"] = json!({ "amount_minor": 0, "currency": "JPY" });
    expected["updated_at"] = changed.json()["updated_at"].clone();
    assert_eq!(changed.json(), expected);
    assert_eq!(owner.get(&path).await.json(), expected);

    owner.patch(&path, "\"2\"", json!({ "name": "Late" })).await.problem(412, "precondition_failed");
    Answer::of(owner.request(Method::PATCH, &path).json(&json!({}))).await.problem(428, "precondition_required");
    Answer::of(owner.request(Method::DELETE, &path)).await.problem(428, "precondition_required");
    owner.delete(&path, "\"1\"").await.problem(412, "precondition_failed");
    assert_eq!(owner.get(&path).await.json(), expected, "nothing came of any of them");
    assert_eq!(owner.delete(&path, "\"3\"").await.expect(204).text, "");
    owner.get(&path).await.problem(404, "not_found");
    owner.patch(&path, "*", json!({ "name": "Late" })).await.problem(404, "not_found");
    owner.delete(&path, "*").await.problem(404, "not_found");
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_and_where() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let wrong = json!({
        "name": "n".repeat(201), "description": "a\u{0}b", "sku": " x", "stock": -1,
        "price": { "amount_minor": 1_000_000_000_001_i64, "currency": "eur" },
        // As they were sent, not as they are kept: the wrong ones are the second and the fourth.
        "tags": ["z", "", "a", "t".repeat(51), ""],
    });
    let told = |answer: &Answer| {
        let problem = answer.problem(422, "invalid");
        let errors = problem["errors"].as_array().unwrap().iter();
        errors
            .map(|error| [&error["pointer"], &error["code"]].map(|text| text.as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let expected = [
        ["/name", "too_long"],
        ["/description", "control_character"],
        ["/sku", "blank_ends"],
        ["/price/amount_minor", "out_of_range"],
        ["/price/currency", "invalid"],
        ["/stock", "out_of_range"],
        ["/tags/1", "too_short"],
        ["/tags/3", "too_long"],
    ]
    .map(|fault| fault.map(str::to_owned));
    assert_eq!(told(&owner.post("/products", wrong.clone()).await), expected);
    let path = format!("/products/{}", town().acme.product);
    assert_eq!(told(&owner.patch(&path, "*", wrong).await), expected);

    for (member, value, pointer, code) in [
        ("price", json!(1), "/price", "wrong_type"),
        ("price", json!({ "amount_minor": 1.5 }), "/price/amount_minor", "wrong_type"),
        ("price", json!({ "amount_minor": 1, "vat": 7 }), "/price/vat", "unknown_field"),
        ("stock", json!("7"), "/stock", "wrong_type"),
        ("status", json!("sold"), "/status", "not_allowed"),
        ("tags", json!("a"), "/tags", "wrong_type"),
        ("tags", json!(["a", 1]), "/tags/1", "wrong_type"),
        ("in_stock", json!(true), "/in_stock", "unknown_field"),
        ("tenant_id", json!(town().globex.id), "/tenant_id", "unknown_field"),
    ] {
        let mut body = product(json!({ "name": "x" }));
        body[member] = value;
        owner.post("/products", body.clone()).await.faults(422, pointer, code);
        owner.patch(&path, "*", body).await.faults(422, pointer, code);
    }
    for member in ["name", "sku", "price", "stock", "status", "tags"] {
        let answer = owner.patch(&path, "*", json!({ member: null })).await;
        answer.faults(422, &format!("/{member}"), "wrong_type");
    }
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    owner.post("/products", product(json!({ "name": "x", "tags": many }))).await.faults(422, "/tags", "too_many");
    let twice = [&many[..100], &many[..100]].concat();
    assert_eq!(owner.make(json!({ "name": "x", "tags": twice })).await["tags"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn a_sku_is_one_products_alone_within_its_tenant() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (owner, other) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &globex.owner, globex));
    let one = owner.make(json!({ "name": "One", "sku": "same" })).await;
    let two = owner.make(json!({ "name": "Two", "sku": "Same" })).await;
    owner.post("/products", product(json!({ "name": "Three", "sku": "same" }))).await.faults(409, "/sku", "taken");
    let path = format!("/products/{}", two["id"].as_str().unwrap());
    owner.patch(&path, "*", json!({ "sku": "same" })).await.faults(409, "/sku", "taken");
    assert_eq!(owner.get(&path).await.json(), two);
    let theirs = other.make(json!({ "name": "Theirs", "sku": "same" })).await;
    for id in [&one["id"], &town().acme.product.to_string().into()] {
        other.get(&format!("/products/{}", id.as_str().unwrap())).await.problem(404, "not_found");
    }
    owner
        .patch(&format!("/products/{}", theirs["id"].as_str().unwrap()), "*", json!({}))
        .await
        .problem(404, "not_found");
    // One that was given up is free.
    owner.patch(&path, "*", json!({ "sku": "free" })).await.expect(200);
    owner.make(json!({ "name": "Three", "sku": "Same" })).await;
}

#[tokio::test]
async fn a_price_that_does_not_say_is_in_the_tenants_currency() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let (acme, globex) = (&town().acme, &town().globex);
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    assert_eq!(member.make(json!({ "name": "Before" })).await["price"]["currency"], "EUR");
    owner.patch("/tenant/settings", "*", json!({ "currency": "CHF" })).await.expect(200);
    let made = member.make(json!({ "name": "After" })).await;
    assert_eq!(made["price"]["currency"], "CHF");
    let path = format!("/products/{}", made["id"].as_str().unwrap());
    owner.patch("/tenant/settings", "*", json!({ "currency": "USD" })).await.expect(200);
    let dearer = member.patch(&path, "*", json!({ "price": { "amount_minor": 7 } })).await.expect(200).json();
    assert_eq!(dearer["price"], json!({ "amount_minor": 7, "currency": "CHF" }), "what a product costs stays");
    let other = Member::new(&app, &globex.owner, globex);
    assert_eq!(other.make(json!({ "name": "Theirs" })).await["price"]["currency"], "EUR");
    let imported = member.imported("all", "text/csv", "sku,name,price_minor\nimp,Imported,5\n").await;
    assert_eq!(imported["result"]["created"], 1);
    assert_eq!(member.search("imported").await["items"][0]["price"]["currency"], "USD");
}

#[tokio::test]
async fn a_price_is_in_a_currency_that_there_is() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let old = owner.make(json!({ "name": "Old", "sku": "old" })).await;
    let path = format!("/products/{}", old["id"].as_str().unwrap());
    for code in ["ZZZ", "XTS", "XXX", "XAU", "eur", "EURO", ""] {
        let price = json!({ "amount_minor": 1, "currency": code });
        for refused in [
            owner.post("/products", json!({ "name": "New", "sku": "new", "price": price })).await,
            owner.patch(&path, "*", json!({ "price": { "currency": code } })).await,
        ] {
            let problem = refused.problem(422, "invalid");
            assert_eq!(problem["errors"][0]["pointer"], "/price/currency", "{code}");
        }
        if !code.is_empty() {
            let file = format!("sku,name,price_minor,currency\nnew,New,1,{code}\n");
            let ended = owner.imported("all", "text/csv", file).await;
            assert_eq!(ended["result"]["errors"][0]["errors"][0]["pointer"], "/price/currency", "{ended}");
        }
    }
    // The database says the same to whoever else writes, and leaves what it has alone.
    let superuser = db.superuser().await;
    let written = superuser.batch_execute("update tenant.products set currency = 'ZZZ' where sku = 'old'").await;
    assert_eq!(written.unwrap_err().as_db_error().unwrap().constraint(), Some("products_currency_check"));
    let settings = superuser.batch_execute("update tenant.settings set currency = 'ZZZ'").await;
    assert_eq!(settings.unwrap_err().as_db_error().unwrap().constraint(), Some("settings_currency_check"));
    db.run("set session_replication_role = replica; update tenant.products set currency = 'ZZZ' where sku = 'old'")
        .await;
    let kept = owner.patch(&path, "*", json!({ "price": { "amount_minor": 7 }, "stock": 3 })).await.expect(200).json();
    assert_eq!(kept["price"], json!({ "amount_minor": 7, "currency": "ZZZ" }));
    let ended = owner.imported("all", "text/csv", "sku,name,price_minor\nold,Old,8\n").await;
    assert_eq!(ended["result"]["updated"], 1, "{ended}");
}

#[tokio::test]
async fn server_and_database_know_the_same_currencies() {
    let db = TestDb::new().await;
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    let known: Vec<String> = codes.filter(|code| rowhouse::currency::known(code).is_some()).collect();
    assert!(known.len() > 150);
    assert_eq!(db.value::<Vec<String>>("select registry.currencies()").await, known);
}

#[tokio::test]
async fn a_caller_says_what_is_answered_and_repeats_without_fear() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let body = product(json!({ "name": "Quiet", "tags": ["b", "a", "b"], "description": "" }));
    let post = || {
        let request = owner.request(Method::POST, "/products").json(&body);
        request.header("prefer", "return=minimal").header("idempotency-key", "quiet-1")
    };
    let made = Answer::of(post()).await.expect(201);
    assert_eq!((made.text.as_str(), made.header("preference-applied")), ("", "return=minimal"));
    let again = Answer::of(post()).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("location"), made.header("location"));
    Answer::of(post().json(&product(json!({ "name": "Other" })))).await.problem(422, "idempotency_key_reused");
    let path = made.header("location").strip_prefix("/api/v1").unwrap();
    let read = owner.get(path).await.expect(200).json();
    assert_eq!(read["tags"], json!(["a", "b"]), "in order and once");
    assert_eq!(read["description"], Value::Null, "an empty description is none");
    let change = owner.request(Method::PATCH, path).header("if-match", "\"1\"").header("prefer", "return=minimal");
    let patched = Answer::of(change.json(&json!({ "stock": 9 }))).await.expect(204);
    assert_eq!((patched.text.as_str(), patched.header("etag")), ("", "\"2\""));
    let cleared = owner.patch(path, "*", json!({ "description": "x" })).await.expect(200);
    assert_eq!(cleared.json()["description"], "x");
    let cleared = owner.patch(path, "*", json!({ "description": "" })).await.expect(200);
    assert_eq!(cleared.json()["description"], Value::Null);
}

#[tokio::test]
async fn each_role_may_do_what_it_holds() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let (member, viewer) = (Member::new(&app, &acme.member, acme), Member::new(&app, &acme.viewer, acme));
    let path = format!("/products/{}", acme.product);
    viewer.get(&path).await.expect(200);
    viewer.post("/products", product(json!({ "name": "x" }))).await.lacks("products:write");
    viewer.patch(&path, "*", json!({ "stock": 1 })).await.lacks("products:write");
    viewer.delete(&path, "*").await.lacks("products:delete");
    member.patch(&path, "*", json!({ "stock": 1 })).await.expect(200);
    member.delete(&path, "*").await.lacks("products:delete");
    Answer::of(viewer.import("all", "text/csv", "sku")).await.lacks("products:write");
}

#[tokio::test]
async fn no_product_is_kept_whose_id_tells_a_time_that_cannot_be_written_down() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let viewer = Member::new(&app, &town().acme.viewer, &town().acme);
    let superuser = db.superuser().await;
    let keep = async |id: &str| {
        let row = format!("('{}', '{id}', 'Later', 'sku of {id}', 1)", town().acme.id);
        let keep = format!("insert into tenant.products (tenant_id, id, name, sku, price_minor) values {row}");
        superuser
            .batch_execute(&keep)
            .await
            .map_err(|error| error.as_db_error().unwrap().constraint().map(str::to_owned))
    };
    for id in ["e6000000-0000-7000-8000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"] {
        assert_eq!(keep(id).await, Err(Some("products_id_check".to_owned())), "{id}");
    }
    keep("e5ffffff-ffff-ffff-ffff-ffffffffffff").await.unwrap();
    let first = viewer.get("/products?limit=1").await.expect(200).json();
    assert!(first["items"][0]["created_at"].as_str().unwrap().starts_with("9983-"), "{first}");
}
