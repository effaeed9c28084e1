//! Limits that several instances keep together, in Redis; and what is left of them when it goes.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::StatusCode;
use rowhouse::db::API_ROLE;

use super::{
    limits::{limit, standing},
    limits_ahead::spend,
};
use crate::support::{Answer, Member, Person, TestApp, TestDb, TestRedis, forge, impostor, town, tuning};

pub(super) async fn served(db: &TestDb, redis_url: &str, instances: &str) -> TestApp {
    let options = ["--pool", "4", "--redis-url", redis_url, "--instances", instances];
    TestApp::with(&db.url(API_ROLE), &tuning(&options)).await
}

/// Requests a minute of the tenant, and of each of its members: of whom four ask.
const A_MINUTE: u32 = 600;
const EACH: u32 = 250;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_callers_on_two_instances_get_what_the_policy_says_and_are_told_so() {
    exact([A_MINUTE, EACH], 0).await;
}

/// Of so many each instance has some in advance, and again and again, until few are left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_instances_take_in_advance_is_let_through_once_and_not_lost() {
    exact([6_000, 6_000], 56).await;
}

/// A crowd gets as much as policies say, of the tenant and of each, of whose minute so many seconds are over.
async fn exact(limits: [u32; 2], over: u32) {
    // One crowd at a time: they are many.
    static CROWDED: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = CROWDED.lock().await;
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let acme = &town().acme;
    limit(&db, acme, &limits[0].to_string(), &limits[1].to_string()).await;
    let instances = [served(&db, &redis.url(), "2").await, served(&db, &redis.url(), "2").await];
    let people = [&acme.owner, &acme.member, &acme.viewer, &acme.both];
    // Each instance has asked PostgreSQL who these are; what they have spent for it is given back.
    for app in &instances {
        for person in people {
            Member::new(app, person, acme).get("/tenant").await.expect(200);
        }
    }
    // On a machine that has too much to do Redis may answer late, and is then gone on without: that is another test's. There the
    // crowd is a smaller one in the end.
    for tries in 0.. {
        // What is held of before is of no worth by then.
        tokio::time::sleep(Duration::from_secs(2)).await;
        redis.tell::<()>(&[b"FLUSHALL"]).await;
        spend(&redis, acme, u64::from(over)).await;
        let callers = [200, 200, 40, 40].get(tries).copied().unwrap_or(12);
        let Some(Crowd { admitted, least, refused, late, by_person, took }) =
            crowd(&instances, people, callers, limits).await
        else {
            assert!(tries < 10, "Redis is too slow for anything to be said");
            tokio::time::sleep(Duration::from_secs(3)).await;
            continue;
        };
        let policy = |a_minute: f64, over: u32| a_minute * (1.0 + (took.as_secs_f64() - f64::from(over)) / 60.0);
        let (is, all) = (f64::from(admitted), policy(f64::from(limits[0]), over));
        let by_lease: u64 = instances.iter().map(|app| app.app.limits.figures().by_lease).sum();
        println!(
            "{admitted} admitted, {all:.1} by the policy, {refused} refused, in {took:.2?}; {by_person:?}; {by_lease}"
        );
        if f64::from(late) > all / 100.0 {
            assert!(tries < 10, "Redis is too slow for anything to be said");
            continue;
        }
        // One in a hundred of what it lets through in a minute at least: so many a minute's policy may be off by.
        let off = all.max(f64::from(limits[0])) / 100.0;
        assert!((is - all).abs() <= off + f64::from(late), "{admitted} admitted, {all} by the policy, in {took:?}");
        assert!(refused > 200, "there was a crowd: {refused}");
        assert_eq!(least, 0, "the last one admitted was told that it was the last");
        assert!(
            by_person
                .into_iter()
                .all(|each| f64::from(each) <= policy(f64::from(limits[1]), 0) + 1.0 + f64::from(late)),
            "{by_person:?}"
        );
        return;
    }
}

/// What became of a crowd's requests.
struct Crowd {
    admitted: u32,
    /// The least that one of them was told is left.
    least: u64,
    refused: u32,
    /// For how many Redis was too late, so that the instance alone decided.
    late: u32,
    by_person: [u32; 4],
    took: Duration,
}

/// So many callers ask for five seconds, and on a machine that has much else to do until enough of them were refused; none when
/// Redis was gone on without.
async fn crowd(instances: &[TestApp; 2], people: [&Person; 4], callers: usize, limits: [u32; 2]) -> Option<Crowd> {
    let begun = Instant::now();
    let (least, most) = (Duration::from_secs(5), Duration::from_mins(1));
    let all_refused = Arc::new(AtomicU32::new(0));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let callers = (0..callers).map(|n| {
        let (app, person) = (&instances[n % 2], n / 2 % 4);
        let token = forge(people[person].id, Some(town().acme.id)).sign();
        let request = http.get(app.url("/api/v1/tenant")).bearer_auth(token);
        let all_refused = all_refused.clone();
        tokio::spawn(async move {
            let mut seen =
                Crowd { admitted: 0, least: u64::MAX, refused: 0, late: 0, by_person: [0; 4], took: Duration::ZERO };
            while begun.elapsed() < least || all_refused.load(Ordering::Relaxed) <= 300 && begun.elapsed() < most {
                let answer = Answer::of(request.try_clone().unwrap()).await;
                seen.took = begun.elapsed();
                let [[of_tenant, _, tenant_left, _], [mine, _, left, _]] =
                    ["tenant", "principal"].map(|policy| standing(&answer, policy).unwrap());
                if [of_tenant, mine] != limits.map(u64::from) {
                    seen.late += 1;
                    if seen.late > 3 {
                        return None;
                    }
                    if answer.status == StatusCode::OK {
                        seen.admitted += 1;
                        seen.by_person[person] += 1;
                    }
                    continue;
                }
                // On a busy machine some find no connection in time: limits have let these through all the same.
                if answer.status == StatusCode::OK || answer.json()["code"] == "tenant_busy" {
                    seen.admitted += 1;
                    seen.by_person[person] += 1;
                    seen.least = seen.least.min(tenant_left);
                } else {
                    answer.problem(429, "rate_limited");
                    seen.refused += 1;
                    all_refused.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(tenant_left.min(left), 0, "whoever is refused has nothing left: {answer:?}");
                    assert_eq!(answer.header("retry-after"), "1", "four of each caller's come free a second");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
            Some(seen)
        })
    });
    let mut all: Option<Crowd> = None;
    for seen in join_all(callers).await {
        let seen = seen.unwrap()?;
        let Some(all) = &mut all else {
            all = Some(seen);
            continue;
        };
        all.admitted += seen.admitted;
        all.refused += seen.refused;
        all.late += seen.late;
        all.least = all.least.min(seen.least);
        all.took = all.took.max(seen.took);
        for (all, seen) in all.by_person.iter_mut().zip(seen.by_person) {
            *all += seen;
        }
    }
    all
}

#[tokio::test]
async fn whoever_waits_as_long_as_the_headers_say_is_let_through() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let acme = &town().acme;
    limit(&db, acme, "40", "null").await;
    let app = served(&db, &redis.url(), "1").await;
    let owner = Member::new(&app, &acme.owner, acme);
    let mut left = 40;
    loop {
        let answer = owner.get("/tenant").await;
        if answer.status == 429 {
            assert_eq!(left, 0, "none is refused who has some left");
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            tokio::time::sleep(Duration::from_secs(wait)).await;
            owner.get("/tenant").await.expect(200);
            break;
        }
        left = standing(&answer, "tenant").unwrap()[2];
    }
}

/// How many requests go through until one does not.
async fn through(member: Member<'_>) -> usize {
    let mut through = 0;
    while member.get("/tenant").await.status != 429 {
        through += 1;
        assert!(through < 1_000);
    }
    through
}

#[tokio::test]
async fn when_redis_goes_each_instance_goes_on_from_what_it_knows_with_its_own_part() {
    let (db, mut redis) = (TestDb::new().await, TestRedis::start());
    let acme = &town().acme;
    limit(&db, acme, "40", "null").await;
    let apps = [served(&db, &redis.url(), "2").await, served(&db, &redis.url(), "2").await];
    let [one, other] = [0, 1].map(|n| Member::new(&apps[n], &acme.owner, acme));
    for _ in 0..12 {
        one.get("/tenant").await.expect(200);
    }
    let answer = other.get("/tenant").await.expect(200);
    assert_eq!(standing(&answer, "tenant").unwrap()[..3], [40, 60, 27], "one count for both");
    redis.pause();
    assert!((8..=10).contains(&through(one).await), "half of it, of which twelve are gone");
    redis.resume();
    redis.kill();
    let began = through(other).await;
    assert!((19..=21).contains(&began), "half of it, of which one is gone: {began}");
    let answer = other.get("/tenant").await;
    assert_eq!((answer.header("rowhouse-degraded"), standing(&answer, "tenant").unwrap()[0]), ("redis", 20));
    // It comes back knowing nothing: there is one count for both again, from the beginning.
    redis.start_again();
    for tries in 0.. {
        let answers = [one.get("/tenant").await, other.get("/tenant").await];
        if answers.iter().all(|answer| standing(answer, "tenant").unwrap()[0] == 40) {
            break;
        }
        assert!(tries < 200, "it did not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let left = standing(&one.get("/tenant").await.expect(200), "tenant").unwrap()[2];
    assert_eq!(standing(&other.get("/tenant").await.expect(200), "tenant").unwrap()[2], left - 1);
}

#[tokio::test]
async fn whatever_is_in_redis_or_answers_in_its_place_shuts_nobody_out_and_fails_nothing() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let acme = &town().acme;
    limit(&db, acme, "100", "100").await;
    let app = served(&db, &redis.url(), "1").await;
    let owner = Member::new(&app, &acme.owner, acme);
    owner.get("/tenant").await.expect(200);
    let counters = redis.keys().await;
    assert_eq!(
        counters.iter().filter(|key| key.contains(&format!("{{{}}}:rate:", acme.id))).count(),
        2,
        "{counters:?}"
    );
    for rubbish in ["rubbish", "9999999999999999", "-1", "nan", "inf", "1e400", ""] {
        for key in &counters {
            redis.tell::<()>(&[b"SET", key.as_bytes(), rubbish.as_bytes()]).await;
        }
        let answer = owner.get("/tenant").await.expect(200);
        assert_eq!(standing(&answer, "tenant").unwrap()[2], 99, "{rubbish}: as if there were nothing");
    }
    for key in &counters {
        redis.tell::<()>(&[b"DEL", key.as_bytes()]).await;
        redis.tell::<()>(&[b"LPUSH", key.as_bytes(), b"a list"]).await;
    }
    owner.get("/tenant").await.expect(200);

    for lie in [
        &b"*6\r\n:1\r\n$1\r\n0\r\n$20\r\n99999999999999999999\r\n:0\r\n$1\r\n0\r\n:0\r\n"[..],
        b"*6\r\n:1\r\n$1\r\n0\r\n$1\r\n0\r\n:1000000\r\n$1\r\n0\r\n:1000000\r\n",
        b"*6\r\n:0\r\n$1\r\n0\r\n$1\r\n0\r\n:0\r\n$1\r\n0\r\n:0\r\n",
        b"*4\r\n:1\r\n$1\r\n0\r\n$1\r\n0\r\n:0\r\n",
        b"*2\r\n:7\r\n:0\r\n",
        b"*0\r\n",
        b"+OK\r\n",
        b"-NOSCRIPT No matching script\r\n",
        b"$-1\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"",
    ] {
        let app = served(&db, &impostor(lie).await, "1").await;
        let owner = Member::new(&app, &acme.owner, acme);
        for _ in 0..8 {
            let answer = owner.get("/tenant").await;
            let said = String::from_utf8_lossy(lie).into_owned();
            // One that says no in the right words is believed: whoever can answer for Redis can do so.
            assert!(answer.status == 200 || lie.starts_with(b"*6\r\n:0"), "{said}: {answer:?}");
        }
    }
}
