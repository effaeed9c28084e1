//! Searching products, as somebody who types expects it.
use serde_json::{Value, json};

use crate::support::{Member, TestApp, TestDb, Way, both_ways, each, query, town};

both_ways! {
    #[tokio::test]
    what_is_written_changed_or_deleted_the_next_search_knows;
    #[tokio::test]
    pages_of_every_length_add_up_to_all_that_was_found;
}

#[tokio::test]
async fn parts_of_a_search_mean_what_people_mean_by_them() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    owner.stock(&["Red desk lamp", "Desk for a lamp", "Red chair", "Blue table lamp"]).await;
    for (q, expected) in [
        ("desk lamp", vec!["Desk for a lamp", "Red desk lamp"]),
        ("lamp desk", vec!["Desk for a lamp", "Red desk lamp"]),
        ("\"desk lamp\"", vec!["Red desk lamp"]),
        ("\"lamp desk\"", vec![]),
        ("lamp -desk", vec!["Blue table lamp", "Brass lamp"]),
        ("lamp -\"desk lamp\"", vec!["Blue table lamp", "Brass lamp", "Desk for a lamp"]),
        ("red or blue", vec!["Blue table lamp", "Red chair", "Red desk lamp"]),
        ("red chair or blue lamp", vec!["Blue table lamp", "Red chair"]),
        ("RED Chair", vec!["Red chair"]),
        ("\"red chair", vec!["Red chair"]),
        ("-lamp", vec!["Garden chair", "Red chair"]),
        ("lamps", vec!["Blue table lamp", "Brass lamp", "Desk for a lamp", "Red desk lamp"]),
        ("tab lamp", vec![]),
        ("lamp tab", vec!["Blue table lamp"]),
        ("tab", vec!["Blue table lamp"]),
        ("tab ", vec![]),
        // A word the language leaves out takes nothing away, wherever it stands.
        ("the red chair", vec!["Red chair"]),
        ("red chair the", vec!["Red chair"]),
        ("red chair with", vec!["Red chair"]),
        ("red chair, and", vec!["Red chair"]),
        ("nowhere", vec![]),
    ] {
        assert_eq!(owner.finds(q).await, expected, "{q}");
    }
}

#[tokio::test]
async fn a_sku_is_found_with_its_hyphens_and_without() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    for sku in ["AB-1200/X", "CD9900", "ef_77.b"] {
        owner.make(json!({ "name": format!("Part {sku}"), "sku": sku })).await;
    }
    for (sku, typed) in [
        ("AB-1200/X", &["AB-1200/X", "ab1200x", "AB 1200 X", "ab-1200", "ab1200", "1200", "\"AB-1200/X\""][..]),
        ("CD9900", &["CD9900", "cd-9900x", "cd99"]),
        ("ef_77.b", &["ef_77.b", "EF77B", "ef 77"]),
    ] {
        for q in typed {
            let found = owner.finds(q).await;
            // One character too many is another SKU.
            let expected = if *q == "cd-9900x" { vec![] } else { vec![format!("Part {sku}")] };
            assert_eq!(found, expected, "{q}");
        }
    }
}

#[tokio::test]
async fn filters_hold_and_facets_add_up() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    for n in 0..30 {
        let tags: Vec<&str> = ["even & odd", "größe", "rare"].into_iter().filter(|tag| n % tag.len() < 3).collect();
        let status = ["draft", "active", "archived"][n % 3];
        owner.make(json!({ "name": format!("Widget {n}"), "tags": tags, "status": status })).await;
    }
    let all = owner.get("/products/search?q=widget&limit=200").await.expect(200).json();
    let items = all["items"].as_array().unwrap();
    assert_eq!(items.len(), 30);
    let count = |tag: &str, status: &str| {
        let fits = |item: &&Value| {
            (tag.is_empty() || item["tags"].as_array().unwrap().contains(&json!(tag)))
                && (status.is_empty() || item["status"] == status)
        };
        items.iter().filter(fits).count()
    };
    for tag in ["", "even & odd", "größe", "rare"] {
        for status in ["", "draft", "active", "archived"] {
            let pairs = [("tag", tag), ("status", status), ("q", "widget"), ("limit", "2")];
            let asked = query(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
            let found = owner.get(&format!("/products/search?{asked}")).await.expect(200).json();
            // Of all that matched, not of the page.
            for facet in found["facets"]["tags"].as_array().unwrap() {
                let value = facet["value"].as_str().unwrap();
                let both = items.iter().filter(|item| {
                    let tags = item["tags"].as_array().unwrap();
                    tags.contains(&json!(value))
                        && (tag.is_empty() || tags.contains(&json!(tag)))
                        && (status.is_empty() || item["status"] == status)
                });
                assert_eq!(facet["count"], both.count(), "{asked} {facet}");
            }
            let statuses = found["facets"]["status"].as_array().unwrap();
            let total: i64 = statuses.iter().map(|facet| facet["count"].as_i64().unwrap()).sum();
            assert_eq!(usize::try_from(total).unwrap(), count(tag, status), "{asked}");
            for facet in statuses {
                assert_eq!(facet["count"], count(tag, facet["value"].as_str().unwrap()), "{asked}");
            }
        }
    }
    assert_eq!(
        owner.search("nothing").await,
        json!({ "items": [], "facets": { "tags": [], "status": [] }, "next_cursor": null })
    );
    for asked in ["", "q=", "q=a&tag=", "q=a&status=sold", "q=a&sort=name", "q=a%00b", "q=a&limit=0"] {
        owner.get(&format!("/products/search?{asked}")).await.problem(400, "bad_request");
    }
    let long = query([("q", "ä".repeat(301).as_str())]);
    owner.get(&format!("/products/search?{long}")).await.problem(400, "bad_request");
}

async fn pages_of_every_length_add_up_to_all_that_was_found(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    for n in 0..23 {
        // Scores of many kinds, and many that are the same.
        let description = "A lamp. ".repeat(n % 4);
        let tags: &[&str] = if n % 5 == 0 { &["lamp"] } else { &[] };
        let name = if n % 3 == 0 { "Lamp" } else { "Thing of a lamp, long in its name" };
        owner.make(json!({ "name": name, "description": description, "tags": tags })).await;
    }
    for q in ["lamp", "lamp or thing", "-chair", "lam", "thing & lamp"] {
        let whole =
            owner.get(&format!("/products/search?{}", query([("q", q), ("limit", "200")]))).await.expect(200).json();
        let ids = each(&whole, "id");
        assert!(ids.len() >= 15, "{q}");
        let scores: Vec<f64> =
            whole["items"].as_array().unwrap().iter().map(|item| item["score"].as_f64().unwrap()).collect();
        assert!(scores.is_sorted_by(|one, next| one >= next), "best first");
        for limit in 1..=ids.len() {
            let (mut found, mut path) =
                (Vec::new(), format!("/products/search?{}", query([("q", q), ("limit", &limit.to_string())])));
            loop {
                let answer = owner.get(&path).await.expect(200);
                assert_eq!(answer.json()["facets"], whole["facets"], "of all, on every page");
                found.extend(each(&answer.json(), "id"));
                let Some(link) = answer.header("link").strip_prefix("</api/v1") else { break };
                link.strip_suffix(">; rel=\"next\"").unwrap().clone_into(&mut path);
            }
            assert_eq!(found, ids, "{q} by {limit}");
        }
    }
}

async fn what_is_written_changed_or_deleted_the_next_search_knows(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await.working(&db);
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let new = json!({ "name": "Quilt", "description": "Woven.", "tags": ["bedding"], "sku": "QU-1" });
    let made = owner.make(new).await;
    let path = format!("/products/{}", made["id"].as_str().unwrap());
    for q in ["quilt", "woven", "bedding", "qu-1"] {
        assert_eq!(owner.finds(q).await, ["Quilt"], "{q}");
    }
    let change = json!({ "name": "Duvet", "description": "Stuffed.", "tags": ["sleep"], "sku": "DU-1" });
    owner.patch(&path, "*", change).await.expect(200);
    for (q, expected) in [
        ("quilt", false),
        ("woven", false),
        ("bedding", false),
        ("qu-1", false),
        ("duvet", true),
        ("stuffed", true),
        ("sleep", true),
        ("du-1", true),
    ] {
        assert_eq!(owner.finds(q).await.len(), usize::from(expected), "{q}");
    }
    owner.patch(&path, "*", json!({ "stock": 5, "price": { "amount_minor": 3 } })).await.expect(200);
    let found = owner.search("duvet").await;
    assert_eq!((&found["items"][0]["stock"], &found["items"][0]["price"]["amount_minor"]), (&json!(5), &json!(3)));
    owner.imported("all", "text/csv", "sku,name,price_minor\nDU-1,Pillow,1\n").await;
    assert_eq!((owner.finds("duvet").await.len(), owner.finds("pillow").await.len()), (0, 1));
    owner.delete(&path, "*").await.expect(204);
    assert_eq!(owner.finds("pillow").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_matched_is_marked_and_nothing_else_is_markup() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    for name in [
        "Zinc <script>alert('x')</script>",
        "<img src=x onerror=alert(1)> zinc & \"more\"",
        "zinc </mark><mark> &lt;b&gt; &amp;",
        "\u{e000}zinc\u{e001} \u{e001}\u{e000}\u{e000}<b>",
        "https://zinc.example/a?b=c&d=<e> zinc",
        "zinc-plated e@mail.example 1.5e-7 a/b/c.txt  two  spaces",
    ] {
        owner.make(json!({ "name": name, "description": format!("Of zinc: {name}") })).await;
        let found = owner.search("zinc").await;
        let item = found["items"].as_array().unwrap().iter().find(|item| item["name"] == name).unwrap();
        for member in ["name", "description"] {
            let marked = item["highlights"][member].as_str().unwrap_or_else(|| panic!("{item}"));
            assert!(marked.to_lowercase().contains("<mark>zinc</mark>"), "{marked}");
            let rest = marked.replace("<mark>", "").replace("</mark>", "");
            assert!(!rest.contains(['<', '>', '"', '\'', '\u{e000}', '\u{e001}']), "{marked}");
            assert_eq!(marked.matches("<mark>").count(), marked.matches("</mark>").count());
            if member == "name" {
                let text = rest
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&quot;", "\"")
                    .replace("&#39;", "'")
                    .replace("&amp;", "&");
                assert_eq!(text, name.replace(['\u{e000}', '\u{e001}'], ""), "the whole name");
            }
        }
    }
    let lamp = owner.search("brass").await;
    assert_eq!(lamp["items"][0]["highlights"]["name"], "<mark>Brass</mark> lamp");
    assert_eq!(owner.search("garden").await["items"][0]["highlights"]["description"], Value::Null);
}

#[tokio::test]
async fn scripts_without_spaces_are_found_by_any_part_of_them() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let names = ["iPhone用ケース", "デスクランプ", "日本語のテスト製品", "ภาษาไทยกระเป๋า", "这是一个测试"];
    owner.stock(&names).await;
    owner.make(json!({ "name": "Deep", "description": format!("{}ここに真鍮の灯り。", "山川草木".repeat(500)) })).await;
    for (q, name) in [
        ("テスト", "日本語のテスト製品"),
        ("製品", "日本語のテスト製品"),
        ("日本語", "日本語のテスト製品"),
        ("\"のテスト\"", "日本語のテスト製品"),
        ("テスト 日本", "日本語のテスト製品"),
        ("测试", "这是一个测试"),
        ("这", "这是一个测试"),
        ("ランプ", "デスクランプ"),
        ("ケース", "iPhone用ケース"),
        ("iphone ケース", "iPhone用ケース"),
        ("ไทย", "ภาษาไทยกระเป๋า"),
        ("真鍮", "Deep"),
    ] {
        assert_eq!(owner.finds(q).await, [name], "{q}");
    }
    for q in ["製テ", "语言", "日本 -テスト", "\"テスト 日本\""] {
        assert_eq!(owner.finds(q).await, Vec::<String>::new(), "{q}");
    }
    let suggested = owner.get(&format!("/products/suggest?{}", query([("q", "日本語の")]))).await.expect(200).json();
    assert!(suggested.to_string().contains("日本語のテスト製品"), "{suggested}");
}

#[tokio::test]
async fn a_word_with_signs_inside_is_found_without_them_and_the_other_way_round() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    owner.stock(&["Wi-Fi router", "WiFi cable"]).await;
    owner.make(json!({ "name": "Sweets", "description": "A bag of M&M's." })).await;
    owner.make(json!({ "name": "Shield", "tags": ["anti-virus"] })).await;
    owner.make(json!({ "name": "Guard", "description": "An antivirus for one." })).await;
    for (q, names) in [
        ("wifi", ["WiFi cable", "Wi-Fi router"].as_slice()),
        ("wi-fi", &["WiFi cable", "Wi-Fi router"]),
        ("wi fi", &["Wi-Fi router"]),
        ("wif", &["WiFi cable", "Wi-Fi router"]),
        ("antivirus", &["Guard", "Shield"]),
        ("anti-virus", &["Guard", "Shield"]),
        ("m&ms", &["Sweets"]),
        ("mms", &["Sweets"]),
        ("M&M's", &["Sweets"]),
        ("m&m", &["Sweets"]),
        ("wifi -cable", &["Wi-Fi router"]),
    ] {
        let mut expected = names.to_vec();
        expected.sort_unstable();
        assert_eq!(owner.finds(q).await, expected, "{q}");
    }
}
