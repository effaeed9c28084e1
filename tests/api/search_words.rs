//! Words in search: stems of each language, misspellings, accents, and whose words they are.
use serde_json::json;

use crate::support::{Member, TestApp, TestDb, query, town};

#[tokio::test]
async fn words_are_stemmed_in_the_tenants_language() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (owner, other) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &globex.owner, globex));
    for (language, written, asked, missed) in [
        ("english", "Running shoes", &["run", "shoe", "runs", "running"][..], "ran"),
        ("german", "Hölzerne Stühle", &["stuhl", "stühle", "holzern", "STÜHLEN"], "chair"),
        ("french", "Chaises élégantes", &["chaise", "élégant", "elegante"], "stuhl"),
        ("simple", "Wooden spoons", &["spoons", "wooden", "spoo"], "spoonss or wood-"),
    ] {
        owner.patch("/tenant/settings", "*", json!({ "language": language })).await.expect(200);
        owner.make(json!({ "name": written })).await;
        for q in asked {
            assert_eq!(owner.finds(q).await, [written], "{language}: {q}");
        }
        assert!(
            !owner.finds(missed.split(" or ").next().unwrap()).await.contains(&written.to_owned())
                || language == "simple"
        );
    }
    other.make(json!({ "name": "Stühle" })).await;
    assert_eq!(other.finds("stuhles ").await, ["Stühle"], "english stems, there");
    assert_eq!(owner.finds("spoon ").await, ["Wooden spoons"], "mended, where it is not stemmed");
}

#[tokio::test]
async fn accents_case_and_letters_written_two_ways_make_no_difference() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    for (name, typed) in [
        ("Crème brûlée", &["creme brulee", "CRÈME", "cre\u{300}me", "brul"][..]),
        ("Straßenlampe", &["strassenlampe", "STRASSENLAMPE", "straßen", "STRAẞENLAMPE"]),
        ("Smørrebrød", &["smorrebrod", "SMØRREBRØD"]),
        ("Œuvre ﬁnale", &["oeuvre", "finale"]),
        ("İstanbul kilimi", &["istanbul", "ISTANBUL"]),
        ("Ｆｕｌｌ ｗｉｄｔｈ", &["full", "width"]),
        ("℡ 𝐁𝐨𝐥𝐝", &["tel", "bold"]),
        ("Καφές", &["καφες", "ΚΑΦΕΣ"]),
        ("Чайник", &["чайник", "ЧАЙНИК"]),
    ] {
        owner.make(json!({ "name": name })).await;
        for q in typed {
            assert_eq!(owner.finds(q).await, [name], "{q}");
        }
    }
    let completed = owner.get(&format!("/products/suggest?{}", query([("q", "bol")]))).await.expect(200).json();
    assert_eq!(completed["items"], json!([{ "value": "bold", "kind": "word" }]));
}

#[tokio::test]
async fn a_word_with_one_edit_is_taken_for_what_was_meant() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    db.run("delete from tenant.products; delete from tenant.product_words").await;
    // Of four letters, of five, of many; in a name, a tag and a description.
    owner.make(json!({ "name": "Vase" })).await;
    owner.make(json!({ "name": "Thing", "tags": ["couch"] })).await;
    owner.make(json!({ "name": "Other", "description": "A wardrobe." })).await;
    for (word, name) in [("vase", "Vase"), ("couch", "Thing"), ("wardrobe", "Other")] {
        let letters: Vec<char> = word.chars().collect();
        let mut typed = Vec::new();
        for at in 0..=letters.len() {
            for letter in ['q', letters[at.min(letters.len() - 1)]] {
                let mut more = letters.clone();
                more.insert(at, letter);
                typed.push(more);
            }
            if at < letters.len() {
                let mut other = letters.clone();
                other[at] = 'q';
                typed.push(other);
                let mut less = letters.clone();
                less.remove(at);
                typed.push(less);
            }
            if at + 1 < letters.len() {
                let mut swapped = letters.clone();
                swapped.swap(at, at + 1);
                typed.push(swapped);
            }
        }
        for typed in typed {
            let q: String = typed.iter().collect();
            let found = owner.finds(&format!("{q} ")).await;
            // Three letters are taken as they are.
            if q.len() >= 4 {
                assert_eq!(found, [name], "{q}");
            }
        }
    }
    for two in ["vqqe", "wardorbee", "qouhc"] {
        assert_eq!(owner.finds(two).await, Vec::<String>::new(), "{two} has two edits");
    }
    // A word that may go on may be misspelt as well, whatever else begins so.
    owner.make(json!({ "name": "Chopping board" })).await;
    owner.make(json!({ "name": "Plate with a border" })).await;
    assert_eq!(owner.finds("chopping bord").await, ["Chopping board"]);
    // What is known is not mended, nor what is quoted or left out.
    owner.make(json!({ "name": "Base" })).await;
    assert_eq!(owner.finds("base").await, ["Base"]);
    assert_eq!(owner.finds("\"vaze\"").await, Vec::<String>::new());
    assert_eq!(owner.finds("vase -vaze").await, ["Vase"]);
}

#[tokio::test]
async fn another_tenants_words_are_nowhere() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (here, there) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &globex.owner, globex));
    let secret =
        json!({ "name": "Zeppelin project", "tags": ["zeppelintag"], "sku": "ZEP-1", "description": "Hydrogenium." });
    there.make(secret.clone()).await;
    for q in [
        "zeppelin",
        "zepp",
        "zepelin",
        "zeppelintag",
        "ZEP-1",
        "hydrogenium",
        "hydrogeniun",
        "project",
        "\"zeppelin project\"",
        "zeppelin or hydrogenium",
    ] {
        let found = here.search(q).await;
        assert_eq!(found["items"].as_array().unwrap().len(), 0, "{q}");
        assert_eq!(found["facets"], json!({ "tags": [], "status": [] }), "{q}");
        assert!(there.finds(q).await.len() == 1, "{q}: the control");
    }
    // Everything but something: one's own.
    let rest = here.search("-nothing").await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 2);
    assert!(!rest.to_string().contains("globex") && !rest.to_string().contains("eppelin"));
    for typed in ["zep", "hydro", "zeppelin p"] {
        let completed = here.get(&format!("/products/suggest?{}", query([("q", typed)]))).await.expect(200).json();
        assert_eq!(completed["items"], json!([]), "{typed}");
    }
    // Its own misspelling is mended to its own word, whatever the other tenant knows.
    here.make(json!({ "name": "Zeppelim" })).await;
    assert_eq!(here.finds("zeppelin").await, ["Zeppelim"]);
    assert_eq!(there.finds("zeppelin").await, ["Zeppelin project"]);
}

/// ASCII is folded by a shorter way, which must come to the same: a space that is not ASCII behind it sends a text the long way.
#[tokio::test]
async fn ascii_is_folded_as_it_would_be_among_other_letters() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let differ = "with texts as (
            select 'a' || chr(n) || 'B' || chr(n) as text from generate_series(1, 127) n
            union all
            select string_agg(chr(1 + floor(random() * 127)::integer), '' order by letter)
            from generate_series(1, 300) text, generate_series(1, 1 + text) letter
            group by text
            union all
            select repeat('Ab9', n) || ' ' || repeat('z', 2 * n) from generate_series(30, 120, 7) n
        )
        select t.text from texts t where registry.search_fold(t.text) <> registry.search_fold(t.text || U&'\\2003') or t.text is null";
    let differ: Vec<String> = superuser.query(differ, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(differ.is_empty(), "{differ:?}");
}
