//! What a text costs must grow with its length and not with the square of it, whatever it holds and wherever it is taken: a
//! server of its own is sent texts of many kinds, each at three lengths, and the processor time that it and its connections'
//! PostgreSQL took is compared by byte. Processor time, since it does not depend on who else uses the machine.
//!
//! `cargo test --test suite growth -- --nocapture` prints the table.
use std::{
    fmt::Write as _,
    process::Child,
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder};
use rowhouse::db::{API_ROLE, WORKER_ROLE};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{
    cli::{free_address, serve, signal, wait_until_ready},
    support::{Answer, TestDb, forge, product, query, town},
};

/// How much more a byte may cost in a text that is four times as long. A square would be four.
const GROWTH: f64 = 2.2;
/// What costs less than this is not looked at: what is measured would be something else.
const LEAST: Duration = Duration::from_millis(12);

/// What texts are made of, over and over.
const KINDS: &[(&str, &str)] = &[
    ("words", "brass desk lamp with a shade of linen "),
    ("one word again", "lamp "),
    ("one-letter words", "a b c d e f g "),
    ("one letter", "a"),
    (
        "thirty marks",
        "a\u{315}\u{300}\u{5ae}\u{315}\u{300}\u{5ae}\u{315}\u{300}\u{5ae}\u{315}\u{300}\u{5ae}\u{315}\u{300}\u{5ae}\u{315}\u{300}\u{5ae}\u{315}\u{300}\u{5ae}\u{315}\u{300}\u{5ae}\u{315}\u{300}\u{5ae}\u{315}\u{300}\u{5ae}",
    ),
    ("a pile of marks", "\u{315}\u{300}\u{5ae}"),
    ("accents", "e\u{301}o\u{308}"),
    ("letters with accents", "éöüñç "),
    ("joiners", "a\u{200d}\u{200c}\u{34f}"),
    ("families", "👩\u{200d}👩\u{200d}👧\u{200d}👦"),
    ("right to left", "שלום مرحبا \u{200f}"),
    ("letters of four bytes", "𠀀𠀁 𝔸𝔹 "),
    ("letters that come apart", "㍿ﷺ㌀"),
    ("Hangul that comes apart", "각뷁힣"),
    ("scripts without spaces", "日本語のテスト製品测试"),
    ("Thai", "ภาษาไทยทดสอบ"),
    ("sigma at the end", "ΣΑΣ' "),
    ("sharp s", "ß"),
    ("hosts", "a."),
    ("underscores", "a_"),
    ("paths", "~/"),
    ("slashes", "a/b"),
    ("comments", "<!--"),
    ("tags", "<a b=\"c"),
    ("entities", "&#a"),
    ("addresses", "a@b."),
    ("links", "http://a/?b=c#"),
    ("hyphens", "a-b-"),
    ("numbers", "1.5e-7 "),
    ("signs of a query", "'a':* & | ! <-> "),
    ("quotes", "\"'\\"),
    ("spaces", " \u{a0}\u{2003}"),
    ("lines", "a\r\n"),
    ("percent", "%_"),
    ("braces", "{[("),
];

/// A text of this kind with so many characters.
fn text(kind: &str, size: usize) -> String {
    // Neither end is blank, which names must not have.
    let inner: String = kind.chars().cycle().take(size - 2).collect();
    format!("x{inner}x")
}

/// `rowhouse serve` with a database of its own.
struct Server {
    child: Child,
    address: String,
    db: TestDb,
    watch: Client,
    client: reqwest::Client,
    /// Operations of the fixture's that nobody works on.
    idle: i64,
}

const UNDER_WAY: &str = "select count(*) from tenant.operations where status in ('queued', 'running')";

impl Server {
    async fn start() -> Self {
        let db = TestDb::new().await;
        let address = free_address();
        // Files are imported by a worker, in the same process.
        let options =
            ["--pool", "2", "--cache-bytes", "0", "--outside-per-minute", "1000000", "--log", "error", "--with-worker"];
        let mut command = serve(&db.url(API_ROLE), &address, &options);
        let mut child = command.env("WORKER_DATABASE_URL", db.url(WORKER_ROLE)).spawn().unwrap();
        wait_until_ready(&mut child, &address);
        let watch = db.superuser().await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let idle = db.value(UNDER_WAY).await;
        Self { child, address, db, watch, client, idle }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let acme = &town().acme;
        let token = forge(acme.owner.id, Some(acme.id)).sign();
        self.client.request(method, format!("http://{}/api/v1{path}", self.address)).bearer_auth(token)
    }

    /// Processor time so far: of all threads of the server and of PostgreSQL's processes for it.
    async fn spent(&self) -> Duration {
        let nanos = |path: String| -> u64 {
            let read = std::fs::read_to_string(path).unwrap_or_default();
            read.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
        };
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten();
        let server: u64 = threads.map(|thread| nanos(format!("{}/schedstat", thread.path().display()))).sum();
        let serving = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
        let rows = self.watch.query(serving, &[]).await.unwrap();
        let backends: u64 = rows.iter().map(|row| nanos(format!("/proc/{}/schedstat", row.get::<_, i32>(0)))).sum();
        Duration::from_nanos(server + backends)
    }

    /// What the cheapest of three such requests costs, which the server may refuse but must not fail at.
    async fn cost(&self, request: impl Fn() -> RequestBuilder) -> Duration {
        let mut least = Duration::MAX;
        for _ in 0..3 {
            let before = self.spent().await;
            let answer = Answer::of(request()).await;
            assert!(answer.status.as_u16() < 500, "{answer:?}");
            if answer.status == 202 {
                self.wait_for_work().await;
            }
            least = least.min(self.spent().await.saturating_sub(before));
            if least < LEAST {
                break;
            }
        }
        least
    }

    async fn wait_for_work(&self) {
        let begun = Instant::now();
        while self.db.value::<i64>(UNDER_WAY).await > self.idle {
            assert!(begun.elapsed() < Duration::from_mins(1), "work does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        signal(self.child.id(), "-KILL");
        let _ = self.child.wait();
    }
}

/// Where texts are taken, and how long they may be there.
type Place = (&'static str, usize, fn(&Server, &str) -> RequestBuilder);

/// So much of a description is made into words (`registry.product_document`).
const INDEXED: usize = 40_000;

const PLACES: &[Place] = &[
    ("a product's description", INDEXED, |server, text| {
        server.request(Method::POST, "/products").json(&product(json!({ "name": "Kettle", "description": text })))
    }),
    ("a cell of a file", INDEXED, |server, text| {
        let cell = text.replace('"', "\"\"");
        let file = format!("sku,name,price_minor,description\n{},Kettle,1,\"{cell}\"\n", Uuid::now_v7());
        server.request(Method::POST, "/products/import?mode=all").header("content-type", "text/csv").body(file)
    }),
    ("members nobody knows", 400_000, |server, text| {
        let body = json!({ "name": 7, text: [text, { "deep": text }] }).to_string();
        server.request(Method::POST, "/projects").header("content-type", "application/json").body(body)
    }),
    ("a password", 96_000, |server, text| {
        let new = json!({ "email": "new@example.com", "full_name": "New", "organization": "New", "password": text });
        server.client.post(format!("http://{}/api/v1/auth/signup", server.address)).json(&new)
    }),
    ("an address", 96_000, |server, text| {
        let mail = json!({ "email": format!("{text}@example.com"), "password": "correct horse battery" });
        server.client.post(format!("http://{}/api/v1/auth/login", server.address)).json(&mail)
    }),
    ("headers", 16_000, |server, text| {
        let ascii: String = text.chars().filter(|c| (' '..'\u{7f}').contains(c)).collect();
        let names =
            ["accept", "if-none-match", "cookie", "prefer", "x-forwarded-for", "traceparent", "accept-language"];
        names.iter().fold(server.request(Method::GET, "/projects"), |request, name| request.header(*name, &ascii))
    }),
    ("a cursor", 7_000, |server, text| {
        let ascii: String = text.chars().filter(char::is_ascii_graphic).collect();
        server.request(
            Method::GET,
            &format!("/projects?{}", query([("cursor", &*ascii)])).chars().take(8_000).collect::<String>(),
        )
    }),
];

/// Nanoseconds a byte of a text that is a sixteenth, a quarter and all of the longest, and what the longest took.
async fn by_byte(
    server: &Server,
    longest: usize,
    request: fn(&Server, &str) -> RequestBuilder,
    part: &str,
) -> ([f64; 3], Duration) {
    let mut by_byte = [0.0; 3];
    let mut last = Duration::ZERO;
    for (by_byte, size) in by_byte.iter_mut().zip([longest / 16, longest / 4, longest]) {
        let text = text(part, size);
        last = server.cost(|| request(server, &text)).await;
        *by_byte = last.as_secs_f64() * 1e9 / f64::from(u32::try_from(text.len()).unwrap());
    }
    (by_byte, last)
}

/// Looks at each kind of text in a place, and lists those of which a byte costs more the more there are.
async fn grow(server: &Server, place: Place, kinds: &[(&str, &str)], table: &mut String) -> Vec<String> {
    let (place, longest, request) = place;
    let mut grown = Vec::new();
    for (kind, part) in kinds {
        // Processor time is exact to a few milliseconds: what grows does so each time it is looked at.
        for look in 1..=3 {
            let (by_byte, last) = by_byte(server, longest, request, part).await;
            let line = format!(
                "{place:<24} {kind:<26} {:>8.0} {:>8.0} {:>8.0} ns/byte {:>8.1} ms",
                by_byte[0],
                by_byte[1],
                by_byte[2],
                last.as_secs_f64() * 1e3
            );
            let _ = writeln!(table, "{line}");
            if last < LEAST || by_byte[2] < by_byte[1] * GROWTH {
                break;
            }
            if look == 3 {
                grown.push(line);
            }
        }
    }
    grown
}

#[tokio::test]
async fn a_text_costs_what_its_length_costs_whatever_it_holds_and_wherever_it_is_taken() {
    let server = Server::start().await;
    let mut table = String::new();
    let mut grown = Vec::new();
    for place in PLACES {
        grown.extend(grow(&server, *place, KINDS, &mut table).await);
    }
    println!("{table}");
    assert!(grown.is_empty(), "a byte costs more the more there are:\n{}", grown.join("\n"));
}

#[tokio::test]
async fn a_fold_that_takes_the_square_of_its_length_is_noticed() {
    let server = Server::start().await;
    server
        .db
        .run(
            "create or replace function registry.search_fold(text) returns text language plpgsql immutable as $$ begin
                 perform count(*) from generate_series(1, (char_length($1)::bigint * char_length($1) / 20)::integer);
                 return lower($1); end $$",
        )
        .await;
    let (place, _, request) = PLACES[0];
    let mut table = String::new();
    // Shorter than what other parts of the same statement look at, which would be added up.
    let grown = grow(&server, (place, 9_600, request), &KINDS[..1], &mut table).await;
    assert_eq!(grown.len(), 1, "{table}");
}

#[tokio::test]
async fn what_is_asked_costs_little_however_it_is_written_beside_texts_of_every_kind() {
    /// Processor time of one search, in a build without optimisation.
    const MOST: Duration = Duration::from_secs(1);
    let server = Server::start().await;
    for (kind, part) in KINDS {
        if *kind == "a pile of marks" {
            continue; // which is refused
        }
        let name: String = text(part, 200).chars().filter(|c| !c.is_control()).collect();
        let new = product(json!({ "name": name, "description": text(part, 90_000) }));
        Answer::of(server.request(Method::POST, "/products").json(&new)).await.expect(201);
    }
    let mut costly = Vec::new();
    for (kind, part) in KINDS {
        let inner: String = part.chars().cycle().take(298).collect();
        for q in [inner.clone(), format!("\"{inner}\""), inner.chars().filter(|c| !c.is_whitespace()).collect()] {
            for path in ["/products/search?limit=200&", "/products/suggest?"] {
                let path = format!("{path}{}", query([("q", &*q)]));
                let cost = server.cost(|| server.request(Method::GET, &path)).await;
                println!("{kind:<26} {:>8.1} ms {}", cost.as_secs_f64() * 1e3, &path[..18]);
                if cost > MOST {
                    costly.push(format!("{kind}: {cost:?} for {}", &path[..18]));
                }
            }
        }
    }
    assert!(costly.is_empty(), "{}", costly.join("\n"));
}

#[tokio::test]
async fn the_description_that_stopped_the_database_is_refused_and_one_stored_before_is_searched_in_milliseconds() {
    let server = Server::start().await;
    let pile = format!("a{}", "\u{315}\u{300}\u{5ae}".repeat(13_300));
    let new =
        || server.request(Method::POST, "/products").json(&product(json!({ "name": "Kettle", "description": pile })));
    Answer::of(new()).await.faults(422, "/description", "too_many_marks");
    // One that is there already, as a superuser's statement puts it there, past all that the API refuses.
    let kettle = town().acme.product;
    let before = server.spent().await;
    let begun = Instant::now();
    server.watch.execute("update tenant.products set description = $1 where id = $2", &[&pile, &kettle]).await.unwrap();
    let stored = begun.elapsed();
    let name: String = server.db.value(&format!("select name from tenant.products where id = '{kettle}'")).await;
    let found = server.request(Method::GET, &format!("/products/search?{}", query([("q", &*name)])));
    let found = Answer::of(found).await.expect(200).json();
    assert!(found["items"].as_array().unwrap().iter().any(|item| item["id"] == kettle.to_string()));
    let searched = server.spent().await.saturating_sub(before);
    println!("stored in {stored:?}, searched in {searched:?} of processor time");
    // It took 17 seconds. What is compared is two orders of magnitude apart, on whatever machine.
    assert!(stored < Duration::from_secs(2) && searched < Duration::from_secs(1), "{stored:?} {searched:?}");
}
