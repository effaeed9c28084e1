//! Importing products: files of both kinds, taken whole or in part, and what is said about each line.
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, CSV, Member, NDJSON, TestApp, TestDb, Way, both_ways, town, tuning};

both_ways! {
    #[tokio::test]
    a_file_is_imported_and_changes_nothing_the_second_time;
}

const COLUMNS: &str = "sku,name,price_minor\n";

/// Created, updated, unchanged, rejected.
fn counts(operation: &Value) -> [i64; 4] {
    ["created", "updated", "unchanged", "rejected"].map(|count| operation["result"][count].as_i64().unwrap_or(-1))
}

/// Lines with the first fault of each.
fn faults(operation: &Value) -> Vec<(u64, &str)> {
    let errors = operation["result"]["errors"].as_array().unwrap().iter();
    errors.map(|line| (line["line"].as_u64().unwrap(), line["errors"][0]["code"].as_str().unwrap())).collect()
}

async fn a_file_is_imported_and_changes_nothing_the_second_time(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await.working(&db);
    let member = Member::new(&app, &town().acme.member, &town().acme);
    let csv = "price_minor,tags,sku,name,description,status,stock,currency\r\n\
               5,\"b|a\\|b|b\",imp-1,One,\"two\nlines, \"\"quoted\"\"\",draft,7,CHF\r\n\
               0,,imp-2,Two,,,,\r\n";
    for (n, expected) in [[2, 0, 0, 0], [0, 0, 2, 0]].into_iter().enumerate() {
        let operation = member.imported("all", "Text/CSV; charset=utf-8", csv).await;
        assert_eq!((&operation["status"], counts(&operation)), (&json!("succeeded"), expected), "{n}: {operation}");
        assert_eq!((&operation["kind"], &operation["done"]), (&json!("products.import"), &json!(2)));
        assert_eq!(operation["created_by"], json!(town().acme.member.id));
    }
    let one = member.search("imp-1").await["items"][0].clone();
    let expected = json!({ "sku": "imp-1", "name": "One", "description": "two\nlines, \"quoted\"", "status": "draft", "stock": 7,
        "price": { "amount_minor": 5, "currency": "CHF" }, "tags": ["a|b", "b"] });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&one[name], value, "{name}");
    }
    let ndjson = "{\"sku\":\"imp-2\",\"name\":\"Two\",\"price\":{\"amount_minor\":1}}\n\n\
                  {\"sku\":\"imp-3\",\"name\":\"Three\",\"description\":\"\",\"price\":{\"amount_minor\":1},\"tags\":[\"z\",\"a\"]}";
    for expected in [[1, 1, 0, 0], [0, 0, 2, 0]] {
        let operation = member.imported("partial", NDJSON, ndjson).await;
        assert_eq!((&operation["status"], counts(&operation)), (&json!("succeeded"), expected), "{operation}");
    }
    assert_eq!(member.search("imp-3").await["items"][0]["tags"], json!(["a", "z"]));
}

#[tokio::test]
async fn what_is_wrong_is_told_with_the_line_it_begins_in() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let member = Member::new(&app, &town().acme.member, &town().acme);
    let file = "sku,name,price_minor,description\nok,A,1,\"x\n\ny\"\n\n\nno name,,2,\nno price,\"C\",x,\"\n\n\"\nragged,D\nok,E,2,";
    let expected = [(7, "required"), (8, "wrong_type"), (11, "wrong_number_of_cells"), (12, "duplicate")];
    for end in ["\n", "\r\n", "\r"] {
        for (before, after) in [("", ""), ("\u{feff}", ""), ("", "\n"), ("\u{feff}", "\n\n")] {
            let file = format!("{before}{file}{after}").replace('\n', end);
            let operation = member.imported("all", CSV, file).await;
            assert_eq!(operation["status"], "failed");
            assert_eq!(faults(&operation), expected, "{end:?} {before:?} {after:?} {operation}");
            assert_eq!(counts(&operation), [0, 0, 0, 4]);
            assert_eq!(operation["result"]["problem"]["code"], "import_rejected");
        }
    }
    let there: i64 = db.value("select count(*) from tenant.products where sku = 'ok'").await;
    assert_eq!(there, 0, "all or nothing");
    let operation = member.imported("partial", CSV, file).await;
    assert_eq!((faults(&operation), counts(&operation)), (expected.to_vec(), [1, 0, 0, 4]));

    let lines: [&[u8]; 9] = [
        b"\xef\xbb\xbf{\"sku\":\"nd\",\"name\":\"N\",\"price\":{\"amount_minor\":1}}",
        b"",
        b"  ",
        b"{\"sku\":\"nd\",\"name\":\"N\",\"price\":{\"amount_minor\":1}}",
        b"[1]",
        b"{\"sku\":\"\xff\"}",
        b"{\"sku\":\"a\",\"name\":\"N\",\"price\":{\"amount_minor\":1},\"\\u0000\":1}",
        b"{\"sku\":\"a\",\"name\":\"N\",\"price\":{\"amount_minor\":1},\"status\":\"\\u0000\"}",
        b"{\"sku\":\"a\",\"name\":\"N",
    ];
    let expected = [
        (4, "duplicate"),
        (5, "wrong_type"),
        (6, "malformed_json"),
        (7, "unknown_field"),
        (8, "not_allowed"),
        (9, "malformed_json"),
    ];
    for end in [&b"\n"[..], b"\r\n"] {
        let operation = member.imported("partial", NDJSON, lines.join(end)).await;
        assert_eq!(operation["status"], "succeeded", "{operation}");
        assert_eq!(faults(&operation), expected);
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_a_line_is_told_at_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let member = Member::new(&app, &town().acme.member, &town().acme);
    let columns = "sku,name,price_minor,stock,status,currency,tags\n";
    let line = format!(" x,{},1.5,-1,sold,eur,{}\n", "n".repeat(201), "t".repeat(51));
    let operation = member.imported("all", CSV, format!("{columns}{line},,,2147483648,,,\n")).await;
    let told = |line: usize| {
        let errors = operation["result"]["errors"][line]["errors"].as_array().unwrap().iter();
        errors
            .map(|error| format!("{} {}", error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let expected = [
        "/price/amount_minor wrong_type",
        "/status not_allowed",
        "/name too_long",
        "/sku blank_ends",
        "/price/currency invalid",
        "/stock out_of_range",
        "/tags/0 too_long",
    ];
    assert_eq!(told(0), expected);
    assert_eq!(told(1), ["/sku required", "/name required", "/price/amount_minor required", "/stock out_of_range"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_says_why_and_changes_nothing() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let member = Member::new(&app, &town().acme.member, &town().acme);
    let many_columns = format!("{}\n", vec!["x"; 5000].join(","));
    let long_line = format!("{COLUMNS}a,A,1\nb,\"{}", "b\n".repeat(3 << 20));
    let long_json = format!("{{\"sku\":\"{}", "x".repeat(5 << 20));
    for (kind, file, code) in [
        (CSV, b"".to_vec(), "required_column"),
        (CSV, b"\r\n\r\n".to_vec(), "required_column"),
        (CSV, b"\x1f\x8b\x08\x00\xff\xfe\x00garbage".to_vec(), "not_csv"),
        (CSV, b"sku,name,colour,price_minor\n".to_vec(), "unknown_column"),
        (CSV, b"sku,name,sku,price_minor\n".to_vec(), "duplicate_column"),
        (CSV, b"sku,name\na,A\n".to_vec(), "required_column"),
        (CSV, b"sku:name:price_minor\na:A:1\n".to_vec(), "unknown_column"),
        (CSV, b"sku;name;colour\na;A;red\n".to_vec(), "unknown_column"),
        (CSV, many_columns.into_bytes(), "unknown_column"),
        (CSV, long_line.into_bytes(), "line_too_long"),
        (NDJSON, long_json.into_bytes(), "line_too_long"),
    ] {
        let operation = member.imported("partial", kind, file).await;
        let problem = &operation["result"]["problem"];
        assert_eq!((&operation["status"], &problem["code"]), (&json!("failed"), &json!("invalid")), "{operation}");
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(errors[0]["code"], code, "{operation}");
        assert!(errors.len() <= 23, "{} faults are told", errors.len());
    }
    for (kind, file) in [(CSV, COLUMNS), (NDJSON, ""), (NDJSON, "\n \n")] {
        let operation = member.imported("all", kind, file).await;
        assert_eq!((&operation["status"], counts(&operation)), (&json!("succeeded"), [0; 4]));
    }
    // What stands behind a quote that is not closed is not part of that product.
    let open = format!("{COLUMNS}fine,A,1\nopen,\"B,2\nlost,C,3\n");
    let operation = member.imported("partial", CSV, open.clone()).await;
    assert_eq!((faults(&operation), counts(&operation)), (vec![(3, "not_csv")], [1, 0, 0, 1]), "{operation}");
    let last_cell = format!("{COLUMNS}fine,A,1\nopen,B,\"2\nlost,C,3\n");
    assert_eq!(faults(&member.imported("all", CSV, last_cell).await), [(3, "not_csv")]);
    assert_eq!(member.imported("all", CSV, open + "\"").await["status"], "failed");
    let not_text = [COLUMNS.as_bytes(), b"bad,\xff\xfe,1\nnul,a\0b,1\ngood,G,1"].concat();
    let operation = member.imported("partial", CSV, not_text).await;
    assert_eq!(faults(&operation), [(2, "not_utf8"), (3, "control_character")]);
    // What is told of a line is short, however long what is wrong with it is.
    let long_name =
        format!("{{\"sku\":\"a\",\"name\":\"N\",\"price\":{{\"amount_minor\":1}},\"{}\":1}}", "k".repeat(3 << 20));
    let operation = member.imported("partial", NDJSON, long_name).await;
    assert_eq!(faults(&operation), [(1, "unknown_field")]);
    assert!(operation.to_string().len() < 2000);
}

/// The product of a SKU, as a file has it.
async fn as_in_a_file(member: &Member<'_>, sku: &str) -> Value {
    let file = member.export(NDJSON).await.text;
    let lines = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.into_iter().find(|line| line["sku"] == sku).unwrap()
}

#[tokio::test]
async fn what_a_file_does_not_speak_of_stays_and_what_it_leaves_empty_is_cleared() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let member = Member::new(&app, &town().acme.member, &town().acme);
    let whole = json!({ "sku": "kept", "name": "Kept", "description": "as it was", "price": { "amount_minor": 5, "currency": "CHF" },
        "stock": 7, "status": "draft", "tags": ["a", "b"] });
    let cleared = json!({ "sku": "kept", "name": "Kept", "description": null, "price": { "amount_minor": 5, "currency": "EUR" },
        "stock": 0, "status": "active", "tags": [] });
    // What a file says, by column and by member, and what becomes of the product.
    let dearer = |of: &Value| {
        let mut product = of.clone();
        product["price"]["amount_minor"] = json!(6);
        product
    };
    let one = |column: &str| {
        let mut product = whole.clone();
        match column {
            "currency" => product["price"]["currency"] = cleared["price"]["currency"].clone(),
            other => product[other] = cleared[other].clone(),
        }
        product
    };
    let mut cases = vec![
        ("sku,name,price_minor\nkept,Kept,6\n".to_owned(), json!({ "amount_minor": 6 }), json!({}), dearer(&whole)),
        (
            "sku,name,price_minor,description,currency,stock,status,tags\nkept,Kept,5,,,,,\n".to_owned(),
            json!({ "amount_minor": 5, "currency": null }),
            json!({ "description": null, "stock": null, "status": null, "tags": null }),
            cleared.clone(),
        ),
    ];
    for column in ["description", "currency", "stock", "status", "tags"] {
        let file = format!("sku,{column},name,price_minor\nkept,,Kept,5\n");
        let (price, rest) = match column {
            "currency" => (json!({ "amount_minor": 5, "currency": null }), json!({})),
            other => (json!({ "amount_minor": 5 }), json!({ other: null })),
        };
        cases.push((file, price, rest, one(column)));
    }
    for (csv, price, rest, expected) in cases {
        let mut line = rest;
        (line["sku"], line["name"], line["price"]) = (json!("kept"), json!("Kept"), price);
        for mode in ["all", "partial"] {
            for (kind, file) in [(CSV, csv.clone()), (NDJSON, line.to_string())] {
                member.imported(mode, NDJSON, whole.to_string()).await;
                assert_eq!(as_in_a_file(&member, "kept").await, whole);
                let operation = member.imported(mode, kind, file.clone()).await;
                assert_eq!(counts(&operation), [0, 1, 0, 0], "{file} {operation}");
                assert_eq!(as_in_a_file(&member, "kept").await, expected, "{mode} {file}");
                assert_eq!(counts(&member.imported(mode, kind, file).await), [0, 0, 1, 0]);
            }
        }
    }
    // A product that is new has its defaults, left out and left empty alike.
    for (sku, file) in [
        ("new-1", "sku,name,price_minor\nnew-1,Kept,5\n"),
        ("new-2", "sku,name,price_minor,description,currency,stock,status,tags\nnew-2,Kept,5,,,,,\n"),
    ] {
        assert_eq!(counts(&member.imported("all", CSV, file).await), [1, 0, 0, 0]);
        let mut expected = cleared.clone();
        expected["sku"] = json!(sku);
        assert_eq!(as_in_a_file(&member, sku).await, expected);
    }
    let nothing = json!({ "sku": "kept", "name": null, "price": { "amount_minor": null } });
    assert_eq!(counts(&member.imported("partial", NDJSON, nothing.to_string()).await), [0, 0, 0, 1]);
}

/// As it is written in UTF-16, with a byte order mark.
fn utf16(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(|unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[tokio::test]
async fn a_file_is_taken_as_spreadsheets_write_it() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let member = Member::new(&app, &town().acme.member, &town().acme);
    let rows = "sku,name,price_minor,tags\ns-1,Käse; 1 kg,5,\"a|b\"\ns-2,\"say \"\"hi\"\"\",6,\n";
    let semicolons = "sku;name;price_minor;tags\ns-1;\"Käse; 1 kg\";5;a|b\ns-2;\"say \"\"hi\"\"\";6;\n";
    let tabs = "sku\tname\tprice_minor\ttags\ns-1\tKäse; 1 kg\t5\ta|b\ns-2\t\"say \"\"hi\"\"\"\t6\t\n";
    let files: Vec<Vec<u8>> = vec![
        rows.into(),
        semicolons.into(),
        tabs.into(),
        format!("sep=;\n{semicolons}").into(),
        format!("\u{feff}sep=;\n{semicolons}").into(),
        format!("\"sep=;\"\n{semicolons}").into(),
        format!("sep=\t\n{tabs}").into(),
        "sep=:\nsku:name:price_minor:tags\ns-1:Käse; 1 kg:5:a|b\ns-2:\"say \"\"hi\"\"\":6:\n".into(),
        "sku|name|price_minor|tags\ns-1|Käse; 1 kg|5|\"a|b\"\ns-2|\"say \"\"hi\"\"\"|6|\n".into(),
        format!("\u{feff}{rows}").into(),
        utf16(rows, true),
        utf16(semicolons, false),
        utf16(tabs, false),
        "\"SKU\" , Name,PRICE_MINOR,Tags\ns-1,Käse; 1 kg,5,a|b\ns-2,\"say \"\"hi\"\"\",6,\n".into(),
        // Columns and rows that somebody once touched.
        "sku,name,price_minor,tags,,,\ns-1,Käse; 1 kg,5,a|b,,,\n,,,,,,\ns-2,\"say \"\"hi\"\"\",6,\n,,,,,,\n".into(),
        ",,,,\nsku,,name,price_minor,tags\ns-1,,Käse; 1 kg,5,a|b,,,,\n,,\ns-2,,\"say \"\"hi\"\"\",6,\n \n".into(),
        format!("\n\n{rows}\u{1a}").into(),
    ];
    let rows = [["s-1", "Käse; 1 kg"], ["s-2", "say \"hi\""]];
    for file in files {
        for end in ["\n", "\r\n", "\r"] {
            // Of UTF-16 the line ends are two bytes, of which this makes three.
            let wide = file.starts_with(&[0xff, 0xfe]) || file.starts_with(&[0xfe, 0xff]);
            let written = if wide {
                file.clone()
            } else {
                String::from_utf8(file.clone()).unwrap().replace('\n', end).into_bytes()
            };
            db.run("delete from tenant.products where sku like 's-%'").await;
            let operation = member.imported("all", CSV, written.clone()).await;
            let shown = String::from_utf8_lossy(&written);
            assert_eq!(counts(&operation), [2, 0, 0, 0], "{shown:?} {operation}");
            for [sku, name] in rows {
                assert_eq!(as_in_a_file(&member, sku).await["name"], name, "{shown:?}");
            }
            assert_eq!(as_in_a_file(&member, "s-1").await["tags"], json!(["a", "b"]), "{shown:?}");
        }
    }
    let line = "{\"sku\":\"s-3\",\"name\":\"Käse 😎\",\"price\":{\"amount_minor\":1}}\r\n";
    for big in [true, false] {
        let operation = member.imported("all", NDJSON, utf16(line, big)).await;
        assert_eq!(operation["status"], "succeeded", "{operation}");
        assert_eq!(as_in_a_file(&member, "s-3").await["name"], "Käse 😎");
    }
    // What stands where there is no column, and what is not there where there is one.
    let ragged = "sku,name,price_minor,,\nr-1,R,1,x\nr-2,R\nr-3,R,1,,,x\nr-4,R,1\n";
    let operation = member.imported("partial", CSV, ragged).await;
    let expected = [(2, "wrong_number_of_cells"), (3, "wrong_number_of_cells"), (4, "wrong_number_of_cells")];
    assert_eq!((faults(&operation), counts(&operation)), (expected.to_vec(), [1, 0, 0, 3]));
}

#[tokio::test]
async fn a_file_that_is_something_else_is_told_what_it_is() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let member = Member::new(&app, &town().acme.member, &town().acme);
    let product = "{\"sku\":\"a\",\"name\":\"A\",\"price\":{\"amount_minor\":1}}";
    for (kind, file, word) in [
        (CSV, b"PK\x03\x04\x14\0\x06\0".to_vec(), ".xlsx"),
        (NDJSON, b"PK\x03\x04\x14\0\x06\0".to_vec(), ".xlsx"),
        (CSV, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0".to_vec(), ".xls"),
        (CSV, b"\x1f\x8b\x08\0\0\0".to_vec(), "gzip"),
        (NDJSON, b"\x28\xb5\x2f\xfd\0".to_vec(), "Zstandard"),
        (CSV, b"%PDF-1.7\n".to_vec(), "PDF"),
        (CSV, b"\n <!DOCTYPE html><html><table>".to_vec(), "HTML"),
        (NDJSON, b"<?xml version=\"1.0\"?>".to_vec(), "XML"),
        (CSV, product.into(), "application/x-ndjson"),
        (NDJSON, format!("[\n{product},\n{product}]").into(), "JSON array"),
        (NDJSON, b"sku;name;price_minor\na;A;1\n".to_vec(), "text/csv"),
        (CSV, b"s\0k\0u\0,\0".to_vec(), "UTF-16"),
        (CSV, b"\xff\xfe\0\0s\0\0\0".to_vec(), "UTF-32"),
    ] {
        let operation = member.imported("partial", kind, file).await;
        let problem = &operation["result"]["problem"];
        assert_eq!((&operation["status"], &problem["code"]), (&json!("failed"), &json!("invalid")), "{operation}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{word}: {problem}");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "one sentence");
    }
}

#[tokio::test]
async fn what_is_no_import_is_refused_before_it_is_received() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url("rowhouse_api"), &tuning(&["--pool", "4", "--import-bytes", "1000"])).await;
    let acme = &town().acme;
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    for kind in ["application/json", "text/plain", "application/zip", ""] {
        let refused = Answer::of(member.import("all", kind, COLUMNS)).await;
        refused.problem(415, "unsupported_media_type");
        assert_eq!(refused.header("accept"), "text/csv, application/x-ndjson");
    }
    let nothing = Answer::of(member.request(Method::POST, "/products/import?format=csv")).await;
    nothing.problem(415, "unsupported_media_type");
    let coded = member.import("all", CSV, COLUMNS).header("content-encoding", "gzip");
    let refused = Answer::of(coded).await;
    refused.problem(415, "unsupported_content_coding");
    assert_eq!(refused.header("accept-encoding"), "identity");
    let problem = Answer::of(member.import("some", CSV, COLUMNS)).await.problem(400, "bad_request");
    assert_eq!(problem["errors"][0]["parameter"], "mode");
    Answer::of(member.import("all", CSV, "x".repeat(1001))).await.problem(413, "payload_too_large");

    // Whoever lacks something that it needs is told so now, and not by an operation that failed.
    let all = ["products:write", "products:read", "operations:write", "operations:read"];
    for missing in all {
        let held: Vec<&str> = all.into_iter().filter(|permission| *permission != missing).collect();
        let role = owner.make_role(&format!("without {missing}"), &held).await;
        owner.give(&acme.both, &role).await.expect(200);
        Answer::of(Member::new(&app, &acme.both, acme).import("all", CSV, COLUMNS)).await.lacks(missing);
    }
    let operations = owner.get("/operations").await.expect(200).json();
    assert_eq!(operations["items"].as_array().unwrap().len(), 1, "the fixture's alone");
}

#[tokio::test]
async fn the_same_file_under_the_same_key_is_one_import() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let member = Member::new(&app, &town().acme.member, &town().acme);
    let file = format!("{COLUMNS}keyed,K,1\n");
    let send = |mode: &str, file: &str| member.import(mode, CSV, file).header("idempotency-key", "file-1");
    let first = Answer::of(send("all", &file)).await.expect(202);
    let again = Answer::of(send("all", &file)).await.expect(202);
    assert_eq!((again.header("location"), again.header("idempotency-replayed")), (first.header("location"), "true"));
    assert_eq!(again.json()["id"], first.json()["id"]);
    Answer::of(send("all", &file.replace(",1", ",2"))).await.problem(422, "idempotency_key_reused");
    Answer::of(send("partial", &file)).await.problem(422, "idempotency_key_reused");
    assert_eq!(counts(&member.ended(first.header("location")).await), [1, 0, 0, 0]);
    let list = Answer::of(member.request(Method::GET, "/operations?limit=50")).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn long_descriptions_do_not_outlast_a_statement() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await.working(&db);
    let member = Member::new(&app, &town().acme.member, &town().acme);
    let mut file = String::new();
    for n in 0..60 {
        let words: Vec<String> = (0..6000).map(|word| format!("{:x}", (word * 7919 + n) % 60_000)).collect();
        let line = json!({ "sku": format!("long-{n}"), "name": "Long", "price": { "amount_minor": 1 }, "description": words.join(" ") });
        file += &format!("{line}\n");
    }
    let operation = member.imported("all", NDJSON, file).await;
    assert_eq!((&operation["status"], counts(&operation)), (&json!("succeeded"), [60, 0, 0, 0]), "{operation}");
}
