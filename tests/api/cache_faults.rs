//! Redis killed, paused, restarted empty, out of memory, lying, and silent, while requests run: every answer is right.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cache::{is_hit, served, status};
use crate::support::{Answer, Member, TestApp, TestDb, TestRedis, Wire, impostor, town};

const PATHS: [&str; 3] = ["/products?limit=5", "/products/search?q=lamp", "/dashboard/kpis"];

fn stock(kpis: &Value) -> i64 {
    kpis["products"]["total"].as_i64().unwrap()
}

/// Asks everything and changes something now and then; what is asked knows the last change, whatever Redis does.
async fn go_on(app: &TestApp, rounds: usize) {
    let acme = &town().acme;
    let (owner, stranger) = (Member::new(app, &acme.both, acme), Member::new(app, &acme.both, &town().globex));
    for round in 0..rounds {
        let made = owner.make(json!({ "name": format!("Lamp of round {round}") })).await;
        for _ in 0..2 {
            let list = owner.get(PATHS[0]).await.expect(200).json();
            assert_eq!(list["items"][0]["id"], made["id"], "the last one first");
            let found = owner.get(PATHS[1]).await.expect(200).text;
            assert!(found.contains(made["id"].as_str().unwrap()), "found at once");
            let kpis = owner.get(PATHS[2]).await;
            if kpis.status == 200 {
                assert!(stock(&kpis.json()) > 2);
            }
            let foreign = stranger.get(PATHS[1]).await.expect(200).text;
            assert!(!foreign.contains(made["id"].as_str().unwrap()), "nobody else's");
        }
    }
}

/// Until the cache is there, or is away.
async fn until(app: &TestApp, there: bool) {
    let begun = Instant::now();
    while app.app.cache.available() != there {
        // It is noticed by those who ask.
        let owner = Member::new(app, &town().acme.owner, &town().acme);
        owner.get(PATHS[0]).await.expect(200);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(begun.elapsed() < Duration::from_secs(30), "there: {there}");
    }
}

async fn health(app: &TestApp) -> Value {
    let at = super::figures::beside(app).await;
    Answer::of(app.client.get(format!("{at}/readyz?verbose"))).await.expect(200).json()["cache"].clone()
}

/// As long as it is away: it is said, and costs nothing.
async fn degraded(app: &TestApp) {
    until(app, false).await;
    let owner = Member::new(app, &town().acme.owner, &town().acme);
    for path in PATHS {
        let answer = owner.get(path).await.expect(200);
        assert_eq!(
            (status(&answer), answer.header("rowhouse-degraded")),
            ("fwd=bypass; detail=away", "redis"),
            "{path}"
        );
    }
    assert_eq!(owner.get("/projects").await.expect(200).header("rowhouse-degraded"), "redis");
    let health = health(app).await;
    assert_eq!((&health["kind"], &health["status"]), (&json!("redis"), &json!("away")));
    go_on(app, 2).await;
}

/// Once it is back: answers are kept again, and none from before is served.
async fn recovered(app: &TestApp) {
    until(app, true).await;
    go_on(app, 2).await;
    let owner = Member::new(app, &town().acme.owner, &town().acme);
    for path in PATHS {
        // A turn that Redis gave out when it went on, to somebody who had gone, lasts two seconds.
        let mut answer = owner.get(path).await.expect(200);
        for _ in 0..40 {
            if is_hit(&answer) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            answer = owner.get(path).await.expect(200);
        }
        assert!(is_hit(&answer), "{path} {}", status(&answer));
        assert!(!answer.headers.contains_key("rowhouse-degraded"));
    }
    assert_eq!(health(app).await["status"], "ok");
}

#[tokio::test]
async fn killed_and_restarted_empty() {
    let (db, mut redis) = (TestDb::new().await, TestRedis::start());
    let app = served(&db, &redis.url()).await;
    recovered(&app).await;
    redis.kill();
    go_on(&app, 3).await;
    degraded(&app).await;
    redis.start_again();
    recovered(&app).await;
    assert!(redis.kept().await.len() >= PATHS.len());
}

#[tokio::test]
async fn paused_it_keeps_what_was_written_before_and_none_of_it_counts_afterwards() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let app = served(&db, &redis.url()).await;
    for _ in 0..2 {
        recovered(&app).await;
        redis.pause();
        go_on(&app, 3).await;
        degraded(&app).await;
        redis.resume();
    }
    recovered(&app).await;
}

#[tokio::test]
async fn a_network_that_stalls_in_the_middle_of_messages_and_goes_on_later_costs_nobody_anything() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let wire = Wire::to(&redis).await;
    let app = served(&db, &wire.url).await;
    recovered(&app).await;
    // While requests run: what they have asked for comes half, or late, or to somebody who has gone.
    let ((), ()) = tokio::join!(go_on(&app, 4), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        wire.hold();
    });
    degraded(&app).await;
    wire.let_go();
    recovered(&app).await;
    // Held for shorter than it takes to be given up: late answers are nobody else's.
    for _ in 0..4 {
        wire.hold();
        let ((), ()) = tokio::join!(go_on(&app, 1), async {
            tokio::time::sleep(Duration::from_millis(40)).await;
            wire.let_go();
        });
    }
    recovered(&app).await;
}

#[tokio::test]
async fn away_when_the_server_starts_and_there_later() {
    let (db, mut redis) = (TestDb::new().await, TestRedis::start());
    redis.kill();
    let app = served(&db, &redis.url()).await;
    go_on(&app, 2).await;
    degraded(&app).await;
    redis.start_again();
    recovered(&app).await;
}

/// How often it was asked for an answer: what was read by whoever counts (limits/admit.lua, two counters) is not among it.
async fn gets(redis: &TestRedis) -> u64 {
    let told: String = redis.tell(&[b"INFO", b"commandstats"]).await;
    let calls = |command: &str| {
        let line =
            told.lines().find_map(|line| line.strip_prefix("cmdstat_")?.strip_prefix(command)?.strip_prefix(":calls="));
        line.and_then(|line| line.split(',').next()).map_or(0, |calls| calls.parse().unwrap())
    };
    calls("get") - 2 * calls("time")
}

#[tokio::test]
async fn out_of_memory_it_keeps_nothing_and_answers_go_on() {
    let db = TestDb::new().await;
    let redis = TestRedis::with(&["--maxmemory", "100kb", "--maxmemory-policy", "noeviction"]);
    let app = served(&db, &redis.url()).await;
    go_on(&app, 3).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    owner.get(PATHS[0]).await.expect(200);
    let answer = owner.get(PATHS[0]).await.expect(200);
    assert!(!is_hit(&answer), "there is no room: {}", status(&answer));
    // Nobody takes a refusal for somebody else's turn, and waits for it.
    let before = gets(&redis).await;
    for _ in 0..10 {
        owner.get(PATHS[0]).await.expect(200);
    }
    assert_eq!(gets(&redis).await - before, 10, "each asks once, and does not ask again and again");
    redis.tell::<()>(&[b"CONFIG", b"SET", b"maxmemory", b"100mb"]).await;
    recovered(&app).await;
}

#[tokio::test]
async fn whatever_answers_in_its_place_answers_nobody() {
    let db = TestDb::new().await;
    for lie in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        b"\x00\xff\x00\xff\r\n",
        b"$999999999\r\n",
        b"*1000000\r\n",
        b"-NOAUTH Authentication required.\r\n",
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"+OK\r\n",
        b"$5\r\nhello\r\n",
        b":1\r\n",
        b"*-1\r\n",
        b"",
    ] {
        let app = served(&db, &impostor(lie).await).await;
        go_on(&app, 2).await;
        let owner = Member::new(&app, &town().acme.owner, &town().acme);
        for path in PATHS {
            assert!(!is_hit(&owner.get(path).await.expect(200)), "{lie:?} {path}");
        }
    }
}

#[tokio::test]
async fn a_redis_that_is_slow_costs_a_few_requests_a_twentieth_of_a_second_and_the_others_nothing() {
    let db = TestDb::new().await;
    let app = served(&db, &impostor(b"").await).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    for _ in 0..20 {
        owner.get(PATHS[0]).await.expect(200);
    }
    let figures = app.app.cache.figures();
    assert!(figures.bypassed >= 17, "after three that waited nobody asks: {figures:?}");
}
