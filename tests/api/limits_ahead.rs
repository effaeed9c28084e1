//! Requests that a process takes of Redis's count in advance: whoever is far from their limit waits for nobody, and what is
//! taken is neither let through twice nor lost.
use std::time::Duration;

use rowhouse::{db::API_ROLE, limits::LimitFigures};

use super::{
    limits::{limit, standing},
    limits_redis::served,
};
use crate::support::{Member, TenantFixture, TestApp, TestDb, TestRedis, town, tuning};

/// How often Redis was asked to count.
async fn questions(redis: &TestRedis) -> u64 {
    let told: String = redis.tell(&[b"INFO", b"commandstats"]).await;
    let calls = |line: &str| line.strip_prefix("cmdstat_evalsha:calls=")?.split(',').next()?.parse::<u64>().ok();
    told.lines().find_map(calls).unwrap_or_default()
}

/// How many were let through or refused by Redis, by what was taken in advance, and by the process.
fn verdicts(app: &TestApp) -> [u64; 3] {
    let LimitFigures { by_redis, by_lease, by_process, .. } = app.app.limits.figures();
    [by_redis, by_lease, by_process]
}

/// Asks until some are taken in advance: the first time whoever asks is nobody yet, the second they are seen again.
async fn warm(member: Member<'_>) {
    for _ in 0..3 {
        member.get("/tenant").await.expect(200);
    }
}

#[tokio::test]
async fn whoever_is_far_from_their_limit_waits_for_no_answer_from_redis_and_few_questions_are_asked() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let acme = &town().acme;
    limit(&db, acme, "60000", "60000").await;
    let app = served(&db, &redis.url(), "1").await;
    let owner = Member::new(&app, &acme.owner, acme);
    warm(owner).await;
    let (before, asked) = (verdicts(&app), questions(&redis).await);
    for _ in 0..400 {
        owner.get("/tenant").await.expect(200);
    }
    let now = verdicts(&app);
    assert_eq!([0, 1, 2].map(|by| now[by] - before[by]), [0, 400, 0], "by Redis, in advance, and by the process");
    let asked = questions(&redis).await - asked;
    println!("{asked} questions for 400 requests");
    assert!(asked <= 6, "{asked} questions for 400 requests");

    // It holds still, and nobody notices: not even the first who would have had to wait for it.
    redis.pause();
    for _ in 0..100 {
        let answer = owner.get("/tenant").await.expect(200);
        assert_eq!(standing(&answer, "tenant").unwrap()[..2], [60_000, 60]);
    }
    assert_eq!(verdicts(&app)[1] - now[1], 100);
    redis.resume();
}

#[tokio::test]
async fn with_the_limits_that_everybody_has_one_request_in_four_asks_at_most() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let acme = &town().acme;
    limit(&db, acme, "6000", "1200").await;
    let app = served(&db, &redis.url(), "1").await;
    let owner = Member::new(&app, &acme.owner, acme);
    warm(owner).await;
    let asked = questions(&redis).await;
    for _ in 0..200 {
        owner.get("/tenant").await.expect(200);
    }
    let asked = questions(&redis).await - asked;
    println!("{asked} questions for 200 requests");
    assert!(asked <= 50, "{asked} questions for 200 requests");
}

/// The counter of a tenant, in Redis: set so that so much of its minute is over.
pub(super) async fn spend(redis: &TestRedis, tenant: &TenantFixture, seconds: u64) -> u64 {
    let now: [u64; 2] = redis.tell(&[b"TIME"]).await;
    let due = now[0] * 1_000_000 + now[1] + seconds * 1_000_000;
    redis.tell::<()>(&[b"SET", key(tenant).as_bytes(), due.to_string().as_bytes()]).await;
    due
}

async fn due(redis: &TestRedis, tenant: &TenantFixture) -> u64 {
    redis.tell::<String>(&[b"GET", key(tenant).as_bytes()]).await.parse().unwrap()
}

fn key(tenant: &TenantFixture) -> String {
    format!("rowhouse:{{{}}}:rate:tenant", tenant.id)
}

#[tokio::test]
async fn what_is_taken_and_not_used_goes_back_when_nobody_asks_and_when_the_process_stops() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let acme = &town().acme;
    limit(&db, acme, "6000", "null").await;
    let app = served(&db, &redis.url(), "1").await;
    let owner = Member::new(&app, &acme.owner, acme);
    owner.get("/tenant").await.expect(200);
    // Two thousand are left, and one comes free each hundredth of a second: nothing goes back where there is plenty.
    let begun = spend(&redis, acme, 40).await;
    let taken = async || (due(&redis, acme).await - begun) / 10_000;
    let (mut spent, mut most) = (0, 0);
    while most <= 46 + 20 {
        owner.get("/tenant").await.expect(200);
        spent += 1;
        most = taken().await - spent;
        assert!(spent < 2_000, "asking in advance for so few takes too long");
    }
    println!("{most} were held after {spent} requests");
    assert!(most <= 46 + 2_000 / 32, "the reserve, and a share of what is left: {most}");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    for tries in 0.. {
        let held = taken().await - spent;
        if held <= 46 {
            break;
        }
        assert!(tries < 50, "{held} are held, and nobody asks");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    app.app.limits.finish(&app.app.db, Duration::from_secs(10)).await;
    assert_eq!(taken().await, spent, "all that was not used has gone back");
}

#[tokio::test]
async fn fewer_that_an_operator_decides_go_for_what_was_taken_before_as_well() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let acme = &town().acme;
    limit(&db, acme, "60000", "null").await;
    let options = ["--pool", "4", "--redis-url", &redis.url(), "--meter-ms", "50"];
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&options)).await;
    let owner = Member::new(&app, &acme.owner, acme);
    warm(owner).await;
    limit(&db, acme, "200", "null").await;
    let mut through = 0_u32;
    let begun = tokio::time::Instant::now();
    for tries in 0.. {
        let answer = owner.get("/tenant").await;
        if standing(&answer, "tenant").unwrap()[0] == 200 {
            through += u32::from(answer.status == 200);
        }
        if answer.status == 429 {
            break;
        }
        assert!(tries < 5_000, "what was taken before is still of worth");
    }
    let policy = 200.0 * (1.0 + begun.elapsed().as_secs_f64() / 60.0);
    assert!(f64::from(through) <= policy + 1.0, "{through} of {policy}");
}

#[tokio::test]
async fn when_redis_goes_what_was_taken_is_of_no_worth_and_when_it_is_back_some_is_taken_again() {
    let (db, mut redis) = (TestDb::new().await, TestRedis::start());
    let acme = &town().acme;
    limit(&db, acme, "6000", "null").await;
    let app = served(&db, &redis.url(), "2").await;
    let owner = Member::new(&app, &acme.owner, acme);
    warm(owner).await;
    redis.kill();
    let until = async |which: usize, policy: u64| {
        for _ in 0..600 {
            let before = verdicts(&app)[which];
            let answer = owner.get("/tenant").await.expect(200);
            if verdicts(&app)[which] > before && standing(&answer, "tenant").unwrap()[0] == policy {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{policy} did not come: {:?}", verdicts(&app));
    };
    // By the process, with its part; then by what it takes again of the whole.
    until(2, 3_000).await;
    redis.start_again();
    until(1, 6_000).await;
}
