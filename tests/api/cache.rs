//! Answers that are kept: served only to whoever may, never older than the last change, and never somebody else's.
use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use reqwest::Method;
use rowhouse::db;
use serde_json::{Value, json};

use crate::support::{Answer, Member, TestApp, TestDb, TestRedis, each, town, tuning};

/// Served with answers kept in Redis.
pub(super) async fn served(db: &TestDb, redis_url: &str) -> TestApp {
    TestApp::with(&db.url(rowhouse::db::API_ROLE), &tuning(&["--pool", "4", "--redis-url", redis_url])).await
}

/// What the cache had to do with an answer.
pub(super) fn status(answer: &Answer) -> &str {
    answer.header("cache-status").trim_start_matches("rowhouse; ")
}

pub(super) fn is_hit(answer: &Answer) -> bool {
    status(answer).starts_with("hit")
}

const CACHED: [&str; 6] = [
    "/products",
    "/products?sort=name&limit=1",
    "/products/search?q=lamp",
    "/dashboard/kpis",
    "/dashboard/analytics?metric=products_created",
    "/dashboard/analytics?metric=tasks_done&interval=week",
];

#[tokio::test]
async fn an_answer_is_worked_out_once_and_again_after_a_change() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    for app in [served(&db, &redis.url()).await, TestApp::new(&db).await] {
        let owner = Member::new(&app, &town().acme.owner, &town().acme);
        for path in CACHED {
            let first = owner.get(path).await.expect(200);
            assert_eq!(status(&first), "fwd=uri-miss", "{path}");
            assert!(!first.headers.contains_key("age"));
            let second = owner.get(path).await.expect(200);
            assert!(is_hit(&second), "{path}: {}", status(&second));
            assert!(second.header("age").parse::<u64>().unwrap() < 60);
            assert_eq!(first.text, second.text, "{path}");
            for name in ["content-type", "link", "vary", "cache-control"] {
                assert_eq!(first.headers.get(name), second.headers.get(name), "{path} {name}");
            }
        }
        let made = owner.make(json!({ "name": "Lamp made meanwhile" })).await;
        for path in &CACHED[..5] {
            let answer = owner.get(path).await.expect(200);
            assert_eq!(status(&answer), "fwd=uri-miss", "{path}");
        }
        assert_eq!(owner.get("/products").await.json()["items"][0]["id"], made["id"]);
        assert!(owner.finds("meanwhile").await.contains(&"Lamp made meanwhile".to_owned()));
        // What goes by something else that has not changed still counts.
        assert!(is_hit(&owner.get(CACHED[5]).await));
        owner.delete(&format!("/products/{}", made["id"].as_str().unwrap()), "*").await.expect(204);
    }
}

#[tokio::test]
async fn whoever_changes_what_an_answer_goes_by_is_noticed_at_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let project = acme.projects[0].id;
    // On the way of the application and beside it, by whoever keeps the database.
    let changes = [
        format!("update tenant.products set stock = stock + 1 where tenant_id = '{}'", acme.id),
        format!("update tenant.settings set low_stock_threshold = 7 where tenant_id = '{}'", acme.id),
        format!(
            "insert into tenant.project_tasks (tenant_id, project_id, id, name) values ('{}', '{project}', gen_random_uuid(), 'new')",
            acme.id
        ),
        format!("delete from tenant.projects where id = '{project}'"),
        format!("delete from tenant.memberships where tenant_id = '{}' and user_id = '{}'", acme.id, acme.viewer.id),
    ];
    for change in changes {
        owner.get("/dashboard/kpis").await.expect(200);
        let before = owner.get("/dashboard/kpis").await.expect(200);
        assert!(is_hit(&before), "{change}");
        db.run(&change).await;
        let after = owner.get("/dashboard/kpis").await.expect(200);
        assert!(!is_hit(&after) && before.text != after.text, "{change}");
    }
    // Another tenant's change is none of ours.
    owner.get("/dashboard/kpis").await.expect(200);
    db.run(&format!("update tenant.products set stock = stock + 1 where tenant_id = '{}'", town().globex.id)).await;
    assert!(is_hit(&owner.get("/dashboard/kpis").await));
    // What one of them has not read yet is their own.
    let member = Member::new(&app, &acme.member, acme);
    let unread = member.get("/dashboard/kpis").await.json()["notifications"]["unread"].clone();
    let listed = member.get("/notifications").await.json();
    let path = format!("/notifications/{}/read", listed["items"][0]["id"].as_str().unwrap());
    Answer::of(member.request(Method::POST, &path)).await;
    let left = member.get("/dashboard/kpis").await.json()["notifications"]["unread"].clone();
    assert_eq!(unread.as_i64().unwrap() - 1, left.as_i64().unwrap());
}

#[tokio::test]
async fn whoever_may_not_any_more_gets_no_answer_that_was_kept() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let app = served(&db, &redis.url()).await;
    let acme = &town().acme;
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    let warm = async || {
        for path in CACHED {
            owner.get(path).await.expect(200);
            assert!(is_hit(&owner.get(path).await.expect(200)), "{path}");
        }
    };
    warm().await;
    for path in CACHED {
        assert!(
            path.contains("kpis") || is_hit(&member.get(path).await.expect(200)),
            "members share an answer: {path}"
        );
    }
    let all = ["dashboard:read", "members:read", "products:read", "projects:read", "settings:read", "tasks:read"];
    for (n, missing) in all.iter().enumerate() {
        let held: Vec<&str> = all.iter().copied().filter(|held| held != missing).collect();
        let role = owner.make_role(&format!("without {n}"), &held).await;
        owner.give(&acme.member, &role).await.expect(200);
        warm().await;
        let needs = |path: &str| match path {
            "/dashboard/kpis" => true,
            path if path.contains("products_created") => {
                ["dashboard:read", "products:read", "settings:read"].contains(missing)
            }
            path if path.contains("tasks_done") => ["dashboard:read", "tasks:read", "settings:read"].contains(missing),
            _ => *missing == "products:read",
        };
        for path in CACHED {
            let answer = member.get(path).await;
            if needs(path) { answer.lacks(missing) } else { assert!(is_hit(&answer.expect(200)), "{path} {missing}") }
        }
    }
    owner.delete(&format!("/tenant/members/{}", acme.member.id), "*").await.expect(204);
    warm().await;
    for path in CACHED {
        member.get(path).await.problem(403, "not_a_member");
    }
    db.run(&format!("update registry.tenants set status = 'suspended' where id = '{}'", acme.id)).await;
    for path in CACHED {
        owner.get(path).await.problem(403, "tenant_not_open");
    }
}

#[tokio::test]
async fn tenants_share_nothing_and_redis_learns_nothing() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let app = served(&db, &redis.url()).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (here, there) = (Member::new(&app, &acme.both, acme), Member::new(&app, &acme.both, globex));
    for path in CACHED {
        let ours = here.get(path).await.expect(200);
        let theirs = there.get(path).await.expect(200);
        assert!(!is_hit(&theirs), "{path}");
        assert!(is_hit(&here.get(path).await) && is_hit(&there.get(path).await), "{path}");
        assert!(path.contains("analytics") || ours.text != theirs.text, "{path}");
    }
    let keys = redis.kept().await;
    assert_eq!(keys.len(), 2 * CACHED.len());
    for key in &keys {
        let tenants = [acme.id, globex.id].map(|id| key.starts_with(&format!("rowhouse:{{{id}}}:")));
        assert_eq!(tenants.iter().filter(|is| **is).count(), 1, "{key}");
        let kept: Vec<u8> = redis.tell(&[b"GET", key.as_bytes()]).await;
        for word in ["Brass lamp", "acme", "globex", "price", "items", &acme.id.to_string()] {
            assert!(!kept.windows(word.len()).any(|window| window == word.as_bytes()), "{key} tells {word}");
        }
        let ttl: i64 = redis.tell(&[b"PTTL", key.as_bytes()]).await;
        let rule =
            rowhouse::cache::POLICIES.into_iter().find(|rule| key.contains(&format!("}}:{}:", rule.name))).unwrap();
        let most = i64::try_from(rule.ttl.as_millis()).unwrap();
        assert!((1..=most).contains(&ttl) && ttl > most - 60_000, "{key} {ttl}");
    }
}

#[tokio::test]
async fn what_was_swapped_altered_or_put_there_by_others_is_no_answer() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let app = served(&db, &redis.url()).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (here, there) = (Member::new(&app, &acme.both, acme), Member::new(&app, &acme.both, globex));
    let mut right = Vec::new();
    for path in CACHED {
        right.push([here.get(path).await.expect(200).json(), there.get(path).await.expect(200).json()]);
    }
    let keys = redis.kept().await;
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for key in &keys {
        kept.push(redis.tell(&[b"GET", key.as_bytes()]).await);
    }
    let same = |answer: &Value, right: &Value| {
        let (mut answer, mut right) = (answer.clone(), right.clone());
        for of in [&mut answer, &mut right] {
            of.as_object_mut().unwrap().remove("as_of");
        }
        assert_eq!(answer, right);
    };
    let refused = || app.app.cache.figures().refused;
    for poison in 0..6 {
        for (n, key) in keys.iter().enumerate() {
            let mut value = kept[n].clone();
            match poison {
                0 => value = kept[(n + 1) % kept.len()].clone(),
                1 => value = kept[kept.len() - 1 - n].clone(),
                2 => *value.last_mut().unwrap() ^= 1,
                3 => value.truncate(11),
                4 => value = b"{\"items\":[]}".to_vec(),
                _ => value.clear(),
            }
            redis.tell::<()>(&[b"SET", key.as_bytes(), &value]).await;
        }
        let before = refused();
        for (path, [ours, theirs]) in CACHED.iter().zip(&right) {
            for (member, right) in [(&here, ours), (&there, theirs)] {
                let answer = member.get(path).await.expect(200);
                assert!(!is_hit(&answer), "{poison} {path}");
                same(&answer.json(), right);
                assert!(is_hit(&member.get(path).await.expect(200)), "and what is right takes its place");
            }
        }
        assert_eq!(refused() - before, 2 * CACHED.len() as u64, "{poison}");
    }
    // A list under the key of an answer is no reason to fail either.
    for key in &keys {
        redis.tell::<()>(&[b"DEL", key.as_bytes()]).await;
        redis.tell::<()>(&[b"RPUSH", key.as_bytes(), b"x"]).await;
    }
    for (path, [ours, _]) in CACHED.iter().zip(&right) {
        same(&here.get(path).await.expect(200).json(), ours);
    }
}

#[tokio::test]
async fn a_crowd_that_asks_for_the_same_costs_one_answer() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let apps = [served(&db, &redis.url()).await, served(&db, &redis.url()).await];
    for app in &apps {
        // So that neither is still connecting.
        Member::new(app, &town().globex.owner, &town().globex).get("/products").await.expect(200);
    }
    let before: u64 = apps.iter().map(|app| app.app.cache.figures().misses).sum();
    let crowd = (0..40).map(|n| {
        let owner = Member::new(&apps[n % 2], &town().acme.owner, &town().acme);
        async move { owner.get("/products/search?q=brass").await.expect(200).json() }
    });
    let answers = futures_util::future::join_all(crowd).await;
    assert!(answers.iter().all(|answer| *answer == answers[0] && each(answer, "name") == ["Brass lamp"]));
    let misses: u64 = apps.iter().map(|app| app.app.cache.figures().misses).sum();
    assert_eq!(misses - before, 1);
}

#[tokio::test]
async fn whoever_is_slower_than_their_turn_writes_over_nothing() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let app = served(&db, &redis.url()).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    // Working it out waits, longer than a turn lasts.
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; lock table tenant.product_tags").await.unwrap();
    let slow = async { owner.get("/products?tag=lighting").await };
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let keys = redis.kept().await;
        let turn = keys.iter().find(|key| key.ends_with(":turn")).expect("it is being worked out");
        // Its turn has passed to somebody else, who has kept an answer.
        redis.tell::<()>(&[b"SET", turn.as_bytes(), b"somebody else's", b"PX", b"60000"]).await;
        let key = turn.trim_end_matches(":turn").to_owned();
        redis.tell::<()>(&[b"SET", key.as_bytes(), b"a later answer"]).await;
        superuser.batch_execute("commit").await.unwrap();
        key
    };
    let (answer, key) = tokio::join!(slow, meanwhile);
    answer.expect(200);
    assert_eq!(redis.tell::<Vec<u8>>(&[b"GET", key.as_bytes()]).await, b"a later answer");
}

#[tokio::test]
async fn whoever_hangs_up_keeps_nobody_from_working_it_out() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let app = served(&db, &redis.url()).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let turns = async || redis.kept().await.iter().filter(|key| key.ends_with(":turn")).count();
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; lock table tenant.product_tags").await.unwrap();
    let asked = tokio::time::timeout(Duration::from_millis(500), owner.get("/products?tag=lighting")).await;
    assert!(asked.is_err(), "it waits");
    // The server notices that nobody is there any more; or else the turn's time is up.
    while turns().await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    superuser.batch_execute("commit").await.unwrap();
    owner.get("/products?tag=lighting").await.expect(200);
    assert!(is_hit(&owner.get("/products?tag=lighting").await));
}

#[tokio::test]
async fn a_tenant_without_generations_is_answered_and_has_some_after_its_next_change() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    db.run(&format!("delete from tenant.part_generations where tenant_id = '{}'", town().acme.id)).await;
    for _ in 0..2 {
        assert!(!is_hit(&owner.get("/products").await.expect(200)));
    }
    owner.make(json!({ "name": "First since" })).await;
    owner.get("/products").await.expect(200);
    assert!(is_hit(&owner.get("/products").await.expect(200)));
}

#[tokio::test]
async fn a_migration_makes_everything_count_for_nothing_and_gives_generations_to_whoever_lacks_them() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (here, there) = (Member::new(&app, &acme.both, acme), Member::new(&app, &acme.both, globex));
    for member in [&here, &there] {
        member.get("/products").await.expect(200);
        assert!(is_hit(&member.get("/products").await.expect(200)));
    }
    // Behind the back of the triggers, as a migration may.
    db.run(&format!(
        "set session_replication_role = replica; update tenant.products set stock = 77 where tenant_id = '{}';
         delete from tenant.part_generations where tenant_id = '{}'; update audit.files set sha256 = 'another'",
        acme.id, globex.id
    ))
    .await;
    let mut migrator = db.migrator().await;
    db::migrate(&mut migrator, false).await.unwrap();
    let after = here.get("/products").await.expect(200);
    assert!(!is_hit(&after) && after.json()["items"][0]["stock"] == 77);
    there.get("/products").await.expect(200);
    assert!(is_hit(&there.get("/products").await.expect(200)));
}

#[tokio::test]
async fn what_is_refused_or_fails_is_not_kept() {
    let (db, redis) = (TestDb::new().await, TestRedis::start());
    let app = served(&db, &redis.url()).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    owner.get("/products?cursor=AAAA").await.problem(400, "invalid_cursor");
    owner.get("/dashboard/analytics?metric=tasks_done&from=2000-01-01&to=2020-01-01").await.problem(400, "bad_request");
    assert_eq!(redis.kept().await, Vec::<String>::new());
}

/// Tables that answers which are kept are read from and whose changes make no generation, each with why.
const NOT_NOTED: &[(&str, &str)] = &[
    ("tenant.product_tags", "a trigger writes them with their product"),
    ("tenant.product_words", "a trigger writes them with their product"),
    ("tenant.notifications", "cache/kpis counts them itself"),
];

#[tokio::test]
async fn whatever_an_answer_is_read_from_makes_a_generation_when_it_changes() {
    let db = TestDb::new().await;
    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/queries");
    let kept = |name: &str| {
        ["products/list_", "products/count_", "products/search", "dashboard/kpis", "dashboard/analytics_"]
            .iter()
            .any(|of| name.starts_with(of))
    };
    // The settings are read by functions: registry.dashboard_clock and registry.tenant_defaults.
    let mut tables = BTreeSet::from(["tenant.settings".to_owned()]);
    for folder in ["products", "dashboard"] {
        for file in fs::read_dir(queries.join(folder)).unwrap() {
            let path = file.unwrap().path();
            if kept(&format!("{folder}/{}", path.file_stem().unwrap().to_str().unwrap())) {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
                let words = code.split(|c: char| !c.is_ascii_lowercase() && c != '_' && c != '.');
                tables.extend(words.filter(|word| word.starts_with("tenant.")).map(str::to_owned));
            }
        }
    }
    assert!(tables.len() > 6, "{tables:?}");
    for table in tables.iter().filter(|table| !NOT_NOTED.iter().any(|(name, _)| name == table)) {
        let noted: String = db
            .value(&format!(
                "select coalesce(string_agg(case tgtype & 28 when 4 then 'insert' when 8 then 'delete' when 16 then 'update' end, ' ' order by tgtype & 28), '')
                 from pg_trigger where tgrelid = '{table}'::regclass and tgfoid = 'registry.note_changes()'::regprocedure and tgenabled = 'O'
                   and get_byte(tgargs, 0) > 0"
            ))
            .await;
        // A tenant has one row of settings from first to last; of members no more is told than that they are there.
        let expected = match table.as_str() {
            "tenant.settings" => "update",
            "tenant.memberships" => "insert delete",
            _ => "insert delete update",
        };
        assert_eq!(noted, expected, "{table}: see sql/policies/tenant.projects.sql");
    }
}
