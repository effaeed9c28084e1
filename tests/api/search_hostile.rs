//! Whatever is written into a product and whatever is typed: an answer, soon, and never a failure.
use std::time::{Duration, Instant};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::support::{Answer, Member, TestApp, TestDb, product, query, town};

/// A machine that others use as well answers in this time.
const SOON: Duration = Duration::from_secs(4);

/// Searches; what is searched for is no reason to fail or to take long.
async fn search(member: &Member<'_>, q: &str) -> Answer {
    let begun = Instant::now();
    let answer = member.get(&format!("/products/search?limit=200&{}", query([("q", q)]))).await;
    assert!([200, 400].contains(&answer.status.as_u16()), "{q:?}: {answer:?}");
    assert!(begun.elapsed() < SOON, "{q:?} took {:?}", begun.elapsed());
    let suggested = member.get(&format!("/products/suggest?{}", query([("q", q)]))).await;
    assert_eq!(suggested.status, answer.status, "{q:?}");
    answer
}

/// Letters that follow from a number, so that every run is the same.
fn random(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    })
}

fn hostile() -> Vec<(&'static str, String)> {
    let letter = |n: u64| char::from(b'a' + u8::try_from(n % 26).unwrap());
    let four = |n: u64| char::from_u32(0x20000 + u32::try_from(n % 40_000).unwrap()).unwrap();
    let cut = |text: String| text.chars().take(100_000).collect::<String>();
    let signs: Vec<char> = "'\\:*&|!()<->".chars().collect();
    vec![
        ("random words", random(1).take(100_000).map(|n| if n % 7 == 0 { ' ' } else { letter(n / 7) }).collect()),
        ("one word", "a".repeat(100_000)),
        // A word of a tsvector has 2046 bytes at most, with what marks it as its tenant's.
        ("a word that just fits", "b".repeat(2040)),
        ("words about as long as fit", (2030..2050).map(|size| "c".repeat(size) + " ").collect()),
        ("letters of four bytes", random(2).take(50_000).map(|n| if n % 5 == 0 { ' ' } else { four(n) }).collect()),
        ("letters that come apart", "㍿".repeat(60_000)),
        ("letters that come apart into words", "ﷺ".repeat(60_000)),
        ("signs of a query", (0..100_000).map(|n| signs[n % signs.len()]).collect()),
        ("combining marks", "e\u{301}\u{20d0}\u{327}".repeat(25_000)),
        ("right to left", "\u{5d0}\u{5d1} \u{627}\u{200f}".repeat(20_000)),
        ("zero width", "z\u{200b}\u{200d}\u{feff}".repeat(25_000)),
        ("markup", "<b onclick='x'>lamp</b>&amp;<!-- ".repeat(3_000)),
        ("addresses and numbers", cut("a@b.example http://c.example/d?e=f#g 1.5e-10 -7 /x/y.z ".repeat(2_000))),
        ("marks of ours", "\u{e000}x\u{e001}".repeat(30_000)),
        ("lines", "\r\n\t".repeat(30_000)),
    ]
}

#[tokio::test]
async fn whatever_a_description_holds_it_is_kept_found_and_shown() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    for (what, description) in hostile() {
        let begun = Instant::now();
        let new = product(json!({ "name": "Kettle", "description": description }));
        let made = owner.post("/products", new).await;
        assert_eq!(made.status, 201, "{what}: {}", made.text.chars().take(300).collect::<String>());
        assert!(begun.elapsed() < SOON, "{what} took {:?}", begun.elapsed());
        let made = made.json();
        assert!(made["description"] == Value::String(description), "{what} comes back as it was");
        let begun = Instant::now();
        let mut found = owner.get("/products/search?q=kettle&limit=200").await.expect(200).json();
        assert!(begun.elapsed() < SOON, "{what} took {:?}", begun.elapsed());
        // Pages of such products are short: it is on one of them.
        while !found["items"].as_array().unwrap().iter().any(|item| item["id"] == made["id"]) {
            let next = found["next_cursor"].as_str().unwrap_or_else(|| panic!("{what} is not found"));
            found = owner.get(&format!("/products/search?q=kettle&limit=200&cursor={next}")).await.expect(200).json();
        }
        // Found by what it holds, as far as that is words.
        search(&owner, "a b c x lamp example 㐀").await;
    }
    // Names and SKUs, where there is less room and every letter counts.
    let names = [
        "㍿".repeat(170),
        "㍿".repeat(200),
        "ﷺ".repeat(200),
        "\u{e000}\u{e001}".repeat(100),
        "e\u{301}\u{20d0}".repeat(66),
        "😀".repeat(200),
    ];
    for (n, name) in names.into_iter().enumerate() {
        let begun = Instant::now();
        let (sku, tag): (String, String) =
            (format!("{n}{name}").chars().take(64).collect(), name.chars().take(50).collect());
        let made = owner.make(json!({ "name": name, "sku": sku, "tags": [tag] })).await;
        assert!(begun.elapsed() < SOON);
        let found = search(&owner, &name).await.expect(200).json();
        if name.starts_with('㍿') {
            assert!(
                found["items"].as_array().unwrap().iter().any(|item| item["id"] == made["id"]),
                "a word is found by itself"
            );
        }
    }
}

#[tokio::test]
async fn many_tags_are_kept_counted_and_found() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let letters: String = random(3).take(5_000).map(|n| char::from(b'a' + u8::try_from(n % 26).unwrap())).collect();
    let tags: Vec<&str> = (0..100).map(|n| &letters[n * 50..n * 50 + 50]).collect();
    owner.make(json!({ "name": "Tagged", "tags": tags })).await;
    assert_eq!(owner.finds(tags[99]).await, ["Tagged"]);
    let four = "𠀀".repeat(49);
    let tags: Vec<String> = (0..100).map(|n| format!("{four}{n}")).map(|tag| tag.chars().take(50).collect()).collect();
    owner.make(json!({ "name": "Tagged in four bytes", "tags": tags })).await;
    // Ten thousand different tags in one catalogue.
    let mut file = String::new();
    for n in 0..200 {
        let tags: Vec<String> = (0..50).map(|tag| format!("t{} x", n * 50 + tag)).collect();
        let line = json!({ "sku": format!("many-{n}"), "name": "Many", "price": { "amount_minor": 1 }, "tags": tags });
        file += &format!("{line}\n");
    }
    let imported = owner.imported("all", "application/x-ndjson", file).await;
    assert_eq!(imported["result"]["created"], 200, "{imported}");
    let found = search(&owner, "many").await.expect(200).json();
    assert_eq!(
        (found["items"].as_array().unwrap().len(), found["facets"]["tags"].as_array().unwrap().len()),
        (200, 20)
    );
    let one = owner.get("/products/search?q=many&tag=t7777+x").await.expect(200).json();
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn whatever_is_typed_is_answered() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    owner.stock(&["a b c", "or", "lamp lamp lamp", "\u{e000}lamp\u{e001}", "x"]).await;
    let words: Vec<String> = (0..40).map(|n| format!("lamq{}", char::from(b'a' + n % 26))).collect();
    for q in [
        "!",
        "&",
        "|",
        ":*",
        "()",
        "<->",
        "<2>",
        "\\",
        "'",
        "''",
        "lamp'",
        "lamp\\",
        "lamp:*",
        "lamp:A",
        "!lamp",
        "(lamp",
        "lamp <-> x",
        "-",
        "--",
        "- -",
        "-\"",
        "\"\"",
        "\" \"",
        "-\"\"",
        "or",
        "or or",
        "or or or",
        "lamp or",
        "or lamp",
        "OR",
        "lamp or or x",
        "-or",
        "\"a",
        "a\"b\"c",
        "-a -b",
        "-a or -b",
        "the",
        "-the",
        "the or a",
        "😀",
        "lamp 😀",
        "\u{301}",
        "a\u{301}\u{301}",
        "\u{e000}",
        "\u{e000}lamp\u{e001}",
        "\u{200b}",
        "\u{202e}lamp",
        "\u{fffd}",
        "\u{10ffff}",
        "%",
        "_",
        "l_mp",
        "l%mp",
        "1",
        "1e5",
        "-1.5e-7",
        "007",
        "a@b.c",
        "http://a.b/c?d",
        "/a/b",
        "<b>",
        "&lt;",
        "$1",
        "{}",
        "lamp\tx\ny",
        "' or 1=1 --",
    ] {
        search(&owner, q).await.expect(200);
    }
    for part in [
        "'", "\"", "-", "a", "a ", "-a ", "\" ", "or ", "\"a\" ", "lamq ", "㍿", "ﷺ", "㌀", "😀", "\u{301}a", "é",
        "a-", "1.", "(", "\u{e000}", "aé ",
    ] {
        for size in [32_usize, 33, 299, 300] {
            let q: String = part.chars().cycle().take(size).collect();
            search(&owner, &q).await.expect(200);
        }
    }
    for size in 120..=180 {
        search(&owner, &"㍿".repeat(size)).await.expect(200);
    }
    search(&owner, &words.join(" ").chars().take(300).collect::<String>()).await.expect(200);
    search(&owner, "a\0b").await.problem(400, "bad_request");
    search(&owner, &"a".repeat(301)).await.problem(400, "bad_request");
    let raw = owner.get("/products/search?q=%ff%fe").await;
    assert!([200, 400].contains(&raw.status.as_u16()), "{raw:?}");
}

#[tokio::test]
async fn a_product_of_any_text_is_kept_as_it_is_or_refused_and_searched_by_any_text() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let any = || {
        prop_oneof![
            any::<String>(),
            "\\PC{0,60}",
            "[\u{e000}\u{e001}\u{300}\u{200d}'\"\\\\&|!:*()<>-]{0,40}",
            "[a-c\u{e4}\u{df}\u{3300}-\u{3320}\u{fb00}-\u{fb20} \"-]{0,80}",
            "(or|and|-|\"|lamp|lamq| |'|the){0,30}",
        ]
    };
    let mut runner = TestRunner::deterministic();
    let mut kept = 0;
    for turn in 0..250 {
        let ((name, sku, tag), (description, q)) =
            ((any(), any(), any()), (any(), any())).new_tree(&mut runner).unwrap().current();
        let new = json!({ "name": name, "sku": sku, "tags": [tag], "description": description, "price": { "amount_minor": 1 } });
        let made = owner.post("/products", new.clone()).await;
        match made.status.as_u16() {
            201 => {
                kept += 1;
                let made = made.json();
                for member in ["name", "sku", "tags"] {
                    assert_eq!(made[member], new[member]);
                }
            }
            409 | 422 => {
                assert!(!made.json()["errors"].as_array().unwrap().is_empty());
                // Fit enough, so that some are kept.
                let fit = |text: &str| {
                    text.chars().filter(|c| !c.is_control()).take(40).collect::<String>().trim().to_owned()
                };
                let fit = json!({ "name": format!("n{}n", fit(&name)), "sku": format!("{turn}{}s", fit(&sku)), "description": description.replace(char::is_control, ""), "price": { "amount_minor": 1 } });
                let made = owner.post("/products", fit).await;
                assert!([201, 409, 422].contains(&made.status.as_u16()), "{made:?}");
            }
            _ => panic!("{new}: {made:?}"),
        }
        for q in [&q, &name, &sku, &tag] {
            search(&owner, q).await;
        }
    }
    assert!(kept > 10, "{kept} were kept");
}
