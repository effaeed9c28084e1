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
    let app = TestApp::by(way, &db).await;
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
    let app = TestApp::new(&db).await;
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
    let app = TestApp::new(&db).await;
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
    let app = TestApp::new(&db).await;
    let member = Member::new(&app, &town().acme.member, &town().acme);
    let many_columns = format!("{}\n", vec!["x"; 5000].join(","));
    let long_line = format!("{COLUMNS}a,A,1\nb,\"{}", "b\n".repeat(3 << 20));
    let long_json = format!("{{\"sku\":\"{}", "x".repeat(5 << 20));
    for (kind, file, code) in [
        (CSV, b"".to_vec(), "required_column"),
        (CSV, b"\r\n\r\n".to_vec(), "required_column"),
        (CSV, b"\x1f\x8b\x08\x00\xff\xfe\x00garbage".to_vec(), "unknown_column"),
        (CSV, b"sku,name,colour,price_minor\n".to_vec(), "unknown_column"),
        (CSV, b"sku,name,sku,price_minor\n".to_vec(), "duplicate_column"),
        (CSV, b"sku,name\na,A\n".to_vec(), "required_column"),
        (CSV, b"sku;name;price_minor\na;A;1\n".to_vec(), "unknown_column"),
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
    let app = TestApp::new(&db).await;
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
    let app = TestApp::new(&db).await;
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
