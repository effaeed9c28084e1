//! Exporting products: the whole catalogue, as it was at one moment, and proof that all of it came.
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::support::{Answer, CSV, Member, NDJSON, TestApp, TestDb, Way, both_ways, forge, product, town, tuning};

both_ways! {
    #[tokio::test]
    what_is_exported_is_imported_byte_for_byte;
}

const HOSTILE: [&str; 17] = [
    "a;=cmd|' /C calc'!A0",
    "=1+1",
    "'=1+1",
    "''=1",
    "'",
    "-5",
    "-5 x",
    "+49",
    "@SUM(A1)",
    "\"quoted\", and more",
    "a,b;c|d\\e",
    "|",
    "\\",
    "\u{1f60e} \u{e9}",
    "\u{ff1d}1",
    "<b>&amp;</b>",
    "NULL",
];

async fn what_is_exported_is_imported_byte_for_byte(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await.working(&db);
    let (acme, globex) = (&town().acme, &town().globex);
    let (owner, other) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &globex.owner, globex));
    db.run(&format!("delete from tenant.products where tenant_id = '{}'", acme.id)).await;
    for (n, text) in HOSTILE.into_iter().enumerate() {
        let new = json!({
            "name": text, "sku": format!("{text} {n}"), "tags": [text, "plain", format!("{text}|")], "stock": n,
            "description": format!("{text}\r\n{text}\n\t{text}"), "status": (["draft", "active", "archived"][n % 3]),
            "price": { "amount_minor": n, "currency": (["EUR", "CHF"][n % 2]) },
        });
        owner.make(new).await;
    }
    owner.make(json!({ "name": "Bare", "description": "" })).await;
    for kind in [CSV, NDJSON] {
        let file = owner.export(kind).await.text;
        let again = owner.imported("all", kind, file.clone()).await;
        assert_eq!((&again["status"], &again["result"]["unchanged"]), (&json!("succeeded"), &json!(18)), "{again}");
        // Into an empty catalogue of another tenant.
        db.run(&format!("delete from tenant.products where tenant_id = '{}'", globex.id)).await;
        let moved = other.imported("all", kind, file.clone()).await;
        assert_eq!((&moved["status"], &moved["result"]["created"]), (&json!("succeeded"), &json!(18)), "{moved}");
        assert_eq!(other.export(kind).await.text, file, "{kind}");
        for of in ["globex-lamp", "globex"] {
            assert!(!file.contains(of), "another tenant's rows");
        }
        let headers = owner.export(kind).await.headers;
        let expected = if kind == CSV { "text/csv; charset=utf-8; header=present" } else { NDJSON };
        assert_eq!(headers["content-type"], expected);
        assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"products."));
        // Named in the query, which counts before what a client sends of itself.
        let named = if kind == CSV { "csv" } else { "ndjson" };
        let asked = owner.request(Method::GET, &format!("/products/export?format={named}"));
        let answer = Answer::of(asked.header("accept", "application/json")).await.expect(200);
        assert_eq!((answer.header("content-type"), &answer.text), (expected, &file));
        let again = owner.request(Method::POST, &format!("/products/import?format={named}"));
        let again = again.header("content-type", "application/octet-stream").body(file.clone());
        let again = owner.ended(Answer::of(again).await.expect(202).header("location")).await;
        assert_eq!((&again["status"], &again["result"]["unchanged"]), (&json!("succeeded"), &json!(18)), "{again}");
    }
    let file = owner.export(CSV).await.text;
    for record in csv::Reader::from_reader(file.as_bytes()).records() {
        for cell in &record.unwrap() {
            let runs = cell.starts_with(['=', '+', '-', '@', '\u{ff1d}']) && cell.parse::<i64>().is_err();
            assert!(!runs, "a spreadsheet would run {cell}");
        }
    }
    for cell in file.split([';', '\t']) {
        assert!(!cell.starts_with(['=', '+', '@', '\u{ff1d}']), "one that splits elsewhere would run {cell}");
    }
    Answer::of(owner.request(Method::GET, "/products/export").header("accept", "text/html"))
        .await
        .problem(406, "not_acceptable");
}

/// An export that is read by hand.
struct Reading {
    stream: TcpStream,
    got: Vec<u8>,
}

impl Reading {
    async fn begin(app: &TestApp, kind: &str) -> Self {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        let token = forge(town().acme.owner.id, Some(town().acme.id)).sign();
        let head = format!(
            "GET /api/v1/products/export HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\naccept: {kind}\r\nte: trailers\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut reading = Self { stream, got: Vec::new() };
        while !reading.got.windows(4).any(|window| window == b"\r\n\r\n") {
            assert!(reading.more().await > 0);
        }
        reading
    }

    async fn more(&mut self) -> usize {
        let mut buffer = vec![0; 1 << 16];
        let read = self.stream.read(&mut buffer).await.unwrap_or(0);
        self.got.extend_from_slice(&buffer[..read]);
        read
    }

    /// Head, body without its chunks (RFC 9112 §7.1), and trailer; no trailer where it broke off.
    async fn end(mut self) -> (String, Vec<u8>, Option<String>) {
        while self.more().await > 0 {}
        let at = self.got.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(self.got[..at].to_vec()).unwrap();
        let (mut rest, mut body) = (&self.got[at + 4..], Vec::new());
        loop {
            let Some(line) = rest.windows(2).position(|window| window == b"\r\n") else { return (head, body, None) };
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            rest = &rest[line + 2..];
            if size == 0 {
                return (head, body, Some(String::from_utf8(rest.to_vec()).unwrap()));
            }
            if rest.len() < size + 2 {
                return (head, body, None);
            }
            body.extend_from_slice(&rest[..size]);
            rest = &rest[size + 2..];
        }
    }
}

/// Fills acme's catalogue with so many products of so many bytes, as a superuser whom no trigger holds up.
async fn fill(db: &TestDb, products: usize, bytes: usize) {
    db.run(&format!(
        "set session_replication_role = replica;
         insert into tenant.products (tenant_id, id, name, sku, description, price_minor, currency, language, search, name_key)
         select '{}', ('01a20000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Big', 'big-' || to_char(n, 'FM00000'), repeat('x', {bytes}), n, 'EUR', 'english', '', 'big'
         from generate_series(1, {products}) n",
        town().acme.id
    ))
    .await;
}

#[tokio::test]
async fn the_trailer_tells_what_was_sent() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    fill(&db, 1200, 50).await;
    for (kind, more) in [(CSV, 1), (NDJSON, 0)] {
        let (head, body, trailer) = Reading::begin(&app, kind).await.end().await;
        assert!(
            head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains("trailer: row-count, repr-digest"),
            "{head}"
        );
        let trailer = trailer.expect("a trailer").to_lowercase();
        let lines = body.split(|byte| *byte == b'\n').count() - 1;
        assert_eq!(lines, 1202 + more, "the fixture's two are there");
        assert!(trailer.contains("row-count: 1202\r\n"), "{trailer}");
        let digest = format!("repr-digest: sha-256=:{}:", BASE64.encode(digest(&SHA256, &body)));
        assert!(trailer.contains(&digest.to_lowercase()), "{trailer}");
    }
}

#[tokio::test]
async fn an_export_shows_one_moment_whatever_is_written_meanwhile() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    fill(&db, 600, 40_000).await;
    let reading = Reading::begin(&app, NDJSON).await;
    // Ahead of where it stands, behind it, and where it comes last.
    for sku in ["zzz", "a", "big-00300x"] {
        owner.post("/products", product(json!({ "name": "Meanwhile", "sku": sku }))).await.expect(201);
    }
    db.run("delete from tenant.products where sku = 'big-00599'; update tenant.products set stock = 7 where sku = 'big-00600'").await;
    let (_, body, trailer) = reading.end().await;
    let rows: Vec<Value> =
        String::from_utf8(body).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 602);
    assert!(rows.iter().any(|row| row["sku"] == "big-00599"));
    assert!(rows.iter().all(|row| row["name"] != "Meanwhile" && (row["sku"] != "big-00600" || row["stock"] == 0)));
    assert!(trailer.unwrap().contains("602"));
}

#[tokio::test]
async fn a_caller_who_does_not_read_holds_no_connection_and_no_turn_and_is_given_up() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    let neighbour = Member::new(&app, &globex.owner, globex);
    // More than fits between the two ends of a connection.
    fill(&db, 400, 40_000).await;
    // With a pool of four one export reads the database at a time; what is read waits for its caller in a file.
    let (one, other) = tokio::join!(Reading::begin(&app, NDJSON), Reading::begin(&app, NDJSON));
    // Of the tenant whose callers are asleep there are two at a time.
    let refused = Answer::of(member.request(Method::GET, "/products/export")).await;
    assert!(!refused.header("retry-after").is_empty());
    refused.problem(429, "files_under_way");
    let begun = Instant::now();
    assert_eq!(neighbour.export(NDJSON).await.text.lines().count(), 2);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    owner.get("/products?limit=1").await.expect(200);
    let open =
        "select count(*) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'";
    let ended = async {
        while db.value::<i64>(open).await > 0 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(5), ended).await.expect("the transactions have ended, whoever reads or not");
    sleep(Duration::from_secs(10)).await;
    for reading in [one, other] {
        let (_, _, trailer) = reading.end().await;
        assert_eq!(trailer, None, "it breaks off, and nobody takes it for the whole");
    }
    let hung_up = Reading::begin(&app, CSV).await;
    drop(hung_up);
    let rows = owner.export(NDJSON).await.text.lines().count();
    assert_eq!(rows, 402);
}

#[tokio::test]
async fn a_caller_who_reads_slowly_gets_all_of_it() {
    let db = TestDb::new().await;
    let app = TestApp::with(&db.url("rowhouse_api"), &tuning(&["--pool", "4", "--import-bytes", "500000"])).await;
    // More than there is room for: what is made waits for what is taken.
    fill(&db, 500, 40_000).await;
    let mut reading = Reading::begin(&app, CSV).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        reading.more().await;
        sleep(Duration::from_millis(50)).await;
    }
    let (_, body, trailer) = reading.end().await;
    assert!(trailer.unwrap().contains("502"));
    assert_eq!(csv::Reader::from_reader(&*body).records().count(), 502);
}

#[tokio::test]
async fn whoever_loses_the_permission_midway_gets_no_more() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    fill(&db, 1500, 40_000).await;
    let reading = Reading::begin(&app, NDJSON).await;
    db.run(&format!(
        "update tenant.roles set permissions = array_remove(permissions, 'products:read') where tenant_id = '{}'",
        acme.id
    ))
    .await;
    // The snapshot of the export shows the rights as they were; they are asked for beside it.
    sleep(Duration::from_millis(1500)).await;
    let (_, body, trailer) = reading.end().await;
    assert_eq!(trailer, None);
    assert!(body.split(|byte| *byte == b'\n').count() < 1502);
}
