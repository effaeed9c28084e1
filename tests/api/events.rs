//! The feed of events: told by the transaction that causes them, read once each and in an order in which nothing is overtaken.
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{Answer, Member, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    what_happens_is_told_with_who_did_it_and_without_what_was_written;
    #[tokio::test]
    of_an_event_only_those_are_told_who_hold_its_permission;
}

/// Reads on from a position until there is nothing more just now; all there was, and the position after it.
async fn read(member: &Member<'_>, mut after: String, and: &str) -> (Vec<Value>, String) {
    let mut all = Vec::new();
    loop {
        let page = member.get(&format!("/events?limit=200&after={after}{and}")).await.expect(200).json();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        page["cursor"].as_str().unwrap().clone_into(&mut after);
        if page["more"] == false {
            return (all, after);
        }
    }
}

/// Reads on until so many have come: other tests of this cluster may hold all feeds back for a moment.
async fn read_some(member: &Member<'_>, mut after: String, and: &str, count: usize) -> (Vec<Value>, String) {
    let (mut all, began) = (Vec::new(), Instant::now());
    while all.len() < count {
        assert!(began.elapsed() < Duration::from_secs(30), "only {all:#?}");
        let more;
        (more, after) = read(member, after, and).await;
        all.extend(more);
    }
    assert_eq!(all.len(), count, "{all:#?}");
    (all, after)
}

/// Where whatever happens from now on is read.
async fn now(member: &Member<'_>) -> String {
    let page = member.get("/events?from=now").await.expect(200).json();
    assert_eq!((&page["items"], &page["more"]), (&json!([]), &json!(false)));
    page["cursor"].as_str().unwrap().to_owned()
}

/// From now on, once all that was done before can be read: `from=now` alone may be held back behind it.
async fn settled(db: &TestDb, member: &Member<'_>) -> String {
    let newest = db.superuser().await.query_one("select pg_current_xact_id()::text", &[]).await.unwrap();
    let newest: i64 = newest.get::<_, String>(0).parse().unwrap();
    let began = Instant::now();
    loop {
        let horizon: i64 = db.value("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint").await;
        if horizon > newest {
            return now(member).await;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "somebody holds the feed back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

async fn what_happens_is_told_with_who_did_it_and_without_what_was_written(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let begin = settled(&db, &owner).await;
    let made =
        owner.post("/projects", json!({ "name": "Whispered", "description": "Secretly" })).await.expect(201).json();
    let path = format!("/projects/{}", made["id"].as_str().unwrap());
    owner.patch(&path, "*", json!({ "name": "Shouted", "status": "paused" })).await.expect(200);
    owner.patch(&path, "*", json!({ "name": "Shouted" })).await.expect(200);
    owner.post("/projects", json!({ "name": "Shouted" })).await.problem(409, "conflict");
    owner.delete(&path, "*").await.expect(204);
    let (told, after) = read_some(&owner, begin.clone(), "", 3).await;
    assert_eq!(
        kinds(&told),
        ["project.created", "project.updated", "project.deleted"],
        "and of what changed nothing, nothing"
    );
    let version = |event: &Value| event["data"]["version"].as_i64().unwrap();
    assert_eq!(told.iter().map(version).collect::<Vec<_>>(), [1, 2, 2]);
    for event in &told {
        assert_eq!(event["data"]["id"], made["id"]);
        assert_eq!(event["actor"], json!({ "kind": "user", "id": acme.owner.id }));
        assert_eq!(event["type_version"], 1);
    }
    assert_eq!(told[1]["data"]["changed"], json!(["name", "status"]));
    let text = serde_json::to_string(&told).unwrap();
    assert!(!text.contains("Whispered") && !text.contains("Shouted") && !text.contains("Secretly"), "{text}");
    // Nothing more, and from the same place the same again; of some types alone, from the same place too.
    assert_eq!(read(&owner, after, "").await.0, Vec::<Value>::new());
    assert_eq!(read(&owner, begin.clone(), "").await.0, told);
    let some = read(&owner, begin.clone(), "&type=project.deleted,task.created").await.0;
    assert_eq!(some, [told[2].clone()]);
    // By hand it was nobody who signed in, and by a key it was the key.
    db.run(&format!("update tenant.projects set name = name || '!' where id = '{}'", acme.projects[0].id)).await;
    let (by_hand, _) = read_some(&owner, begin, "&type=project.updated", 2).await;
    assert_eq!(by_hand[1]["actor"], json!({ "kind": "none", "id": null }));
}

async fn of_an_event_only_those_are_told_who_hold_its_permission(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    let begin = settled(&db, &owner).await;
    owner.post("/projects", json!({ "name": "Seen" })).await.expect(201);
    owner.patch("/tenant/settings", "*", json!({ "currency": "SEK" })).await.expect(200);
    read_some(&owner, begin.clone(), "", 2).await;
    let role = owner.make_role("watcher", &["projects:read", "events:read"]).await;
    owner.give(&acme.member, &role).await.expect(200);
    let (all, _) = read_some(&owner, begin.clone(), "", 4).await;
    assert_eq!(kinds(&all), ["project.created", "settings.updated", "role.created", "member.changed"]);
    assert_eq!(
        all[3]["data"],
        json!({ "user_id": acme.member.id, "version": all[3]["data"]["version"], "changed": ["role_id"] })
    );
    assert_eq!(kinds(&read(&member, begin.clone(), "").await.0), ["project.created"], "from the same place");
    // Without events:read nothing, and nothing of another tenant's.
    owner.patch(&format!("/tenant/roles/{role}"), "*", json!({ "permissions": ["projects:read"] })).await.expect(200);
    member.get("/events").await.lacks("events:read");
    let key = Answer::of(app.request(reqwest::Method::GET, "/api/v1/events").bearer_auth(&acme.key)).await;
    key.lacks("events:read");
    let there = Member::new(&app, &globex.owner, globex);
    there.get(&format!("/events?after={begin}")).await.problem(400, "invalid_cursor");
    let (globexs, _) = read(&there, String::new(), "").await;
    assert!(!globexs.is_empty() && globexs.iter().all(|event| !all.contains(event)));
    let db_says = format!("select count(*) from tenant.events where tenant_id = '{}'", globex.id);
    assert_eq!(i64::try_from(globexs.len()).unwrap(), db.value::<i64>(&db_says).await);
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused_with_why() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let begin = now(&owner).await;
    for (query, at) in [
        ("type=project.exploded", "type"),
        ("type=", "type"),
        ("from=yesterday", "from"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=x", "cursor"),
    ] {
        let problem = owner.get(&format!("/events?{query}")).await.problem(400, "bad_request");
        assert_eq!(problem["errors"][0]["parameter"], at, "{query}");
    }
    let mut forged = begin.clone().into_bytes();
    let last = forged.len() - 2;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    for after in [String::from_utf8(forged).unwrap(), begin[..begin.len() / 2].to_owned(), "AAAA".to_owned()] {
        owner.get(&format!("/events?after={after}")).await.problem(400, "invalid_cursor");
    }
    // A cursor of another list of the same tenant.
    let other = owner.get("/projects?limit=1").await.expect(200).json()["next_cursor"].as_str().unwrap().to_owned();
    owner.get(&format!("/events?after={other}")).await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_tenant_that_has_moved_goes_on_where_its_readers_stand_and_a_lost_future_is_said_to_be_lost() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    owner.post("/projects", json!({ "name": "Before" })).await.expect(201);
    // As a move leaves it: the numbers of transactions there were higher, and those here begin anew.
    db.run(&format!(
        "update tenant.events set xid = xid + 1000000000 where tenant_id = '{0}'; update registry.tenants set epoch = 2 where id = '{0}'",
        acme.id
    ))
    .await;
    let (before, after) = read(&owner, String::new(), "").await;
    assert_eq!(kinds(&before).last(), Some(&"project.created"), "what was told before the move is settled");
    owner.post("/projects", json!({ "name": "After" })).await.expect(201);
    let (told, end) = read_some(&owner, after, "", 1).await;
    assert_eq!(kinds(&told), ["project.created"]);
    // As a backup leaves it.
    db.run(&format!("update registry.tenants set epoch = 1 where id = '{}'", acme.id)).await;
    owner.get(&format!("/events?after={end}")).await.problem(410, "events_gone");
    owner.get("/events?from=now").await.expect(200);
}

/// A connection that writes projects in acme, in transactions.
async fn writer(db: &TestDb) -> Client {
    db.superuser().await
}

/// SQL for so many new projects of acme.
fn projects(count: usize) -> (String, Vec<Uuid>) {
    let ids: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
    let rows: Vec<String> = ids.iter().map(|id| format!("('{}', '{id}', '{id}')", town().acme.id)).collect();
    (format!("insert into tenant.projects (tenant_id, id, name) values {}", rows.join(", ")), ids)
}

fn subjects(events: &[Value]) -> Vec<Uuid> {
    events.iter().map(|event| event["data"]["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn nothing_is_overtaken_by_what_committed_earlier() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let begin = settled(&db, &owner).await;
    let (slow, quick, undone) = (writer(&db).await, writer(&db).await, writer(&db).await);
    let (first, one) = projects(1);
    let (second, two) = projects(2);
    let (never, _) = projects(3);
    undone.batch_execute(&format!("begin; {never}")).await.unwrap();
    slow.batch_execute(&format!("begin; {first}")).await.unwrap();
    quick.batch_execute(&second).await.unwrap();
    // It is committed, and not read yet: what began before it may still come.
    let (none, waiting) = read(&owner, begin.clone(), "").await;
    assert_eq!(none, Vec::<Value>::new());
    undone.batch_execute("rollback").await.unwrap();
    let (none, waiting) = read(&owner, waiting, "").await;
    assert_eq!(none, Vec::<Value>::new());
    slow.batch_execute("commit").await.unwrap();
    for place in [begin, waiting] {
        let (told, _) = read_some(&owner, place, "", 3).await;
        assert_eq!(subjects(&told)[0], one[0]);
        assert_eq!(subjects(&told)[1..].iter().collect::<BTreeSet<_>>(), two.iter().collect());
    }
}

#[tokio::test]
async fn what_one_transaction_does_in_turn_is_told_in_turn() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let begin = settled(&db, &owner).await;
    let client = writer(&db).await;
    let (insert, ids) = projects(20);
    let mut script = format!("begin; {insert};");
    for id in &ids {
        script += &format!("update tenant.projects set name = 'x' || name where id = '{id}';");
    }
    client
        .batch_execute(&format!("{script} delete from tenant.projects where id = '{}'; commit", ids[0]))
        .await
        .unwrap();
    let (told, _) = read_some(&owner, begin, "", 41).await;
    assert_eq!(subjects(&told)[20..40], ids, "as they were changed");
    assert_eq!(subjects(&told)[..20].iter().collect::<BTreeSet<_>>(), ids.iter().collect());
    assert_eq!(kinds(&told)[40], "project.deleted");
}

/// Random numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

#[tokio::test]
async fn however_transactions_interleave_each_event_is_read_once_and_none_that_was_undone() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let mut after = settled(&db, &owner).await;
    let begin = after.clone();
    let seed = u64::from_le_bytes(Uuid::new_v4().as_bytes()[..8].try_into().unwrap());
    let mut dice = Dice(seed);
    let writers = [writer(&db).await, writer(&db).await, writer(&db).await, writer(&db).await];
    let mut open: [Option<Vec<Uuid>>; 4] = [const { None }; 4];
    let (mut committed, mut told) = (BTreeSet::new(), Vec::new());
    for _ in 0..150 {
        let at = dice.throw(writers.len());
        let writer = &writers[at];
        match (open[at].take(), dice.throw(5)) {
            (None, _) => {
                // Half of them have not written yet, and get their number later than they began.
                writer.batch_execute("begin; select count(*) from registry.permissions").await.unwrap();
                open[at] = Some(Vec::new());
            }
            (Some(mut ids), 0..=1) => {
                let (insert, more) = projects(1 + dice.throw(4));
                // Some are undone within their transaction.
                if dice.throw(3) == 0 {
                    let (never, _) = projects(2);
                    let undone = format!("savepoint s; {never}; rollback to savepoint s; {insert}");
                    writer.batch_execute(&undone).await.unwrap();
                } else {
                    writer.batch_execute(&insert).await.unwrap();
                }
                ids.extend(more);
                open[at] = Some(ids);
            }
            (Some(ids), 2..=3) => {
                writer.batch_execute("commit").await.unwrap();
                committed.extend(ids);
            }
            (Some(_), _) => writer.batch_execute("rollback").await.unwrap(),
        }
        if dice.throw(3) == 0 {
            let page =
                owner.get(&format!("/events?limit={}&after={after}", 1 + dice.throw(7))).await.expect(200).json();
            told.extend(page["items"].as_array().unwrap().iter().cloned());
            page["cursor"].as_str().unwrap().clone_into(&mut after);
        }
    }
    for (writer, open) in writers.iter().zip(&open) {
        writer.batch_execute(if open.is_some() { "rollback" } else { "" }).await.unwrap();
    }
    told.extend(read_some(&owner, after, "", committed.len() - told.len()).await.0);
    let ids = subjects(&told);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>(), committed.iter().collect(), "seed {seed}");
    assert_eq!(ids.len(), committed.len(), "seed {seed}: once each");
    assert_eq!(
        subjects(&read(&owner, begin, "").await.0),
        ids,
        "seed {seed}: whoever reads it all at once reads the same"
    );
}

#[tokio::test]
async fn a_reader_beside_an_import_by_many_reads_every_event_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let begin = settled(&db, &owner).await;
    let write = async |batch: usize| {
        let client = writer(&db).await;
        let mut written = Vec::new();
        for _ in 0..1000 / batch {
            let (insert, ids) = projects(batch);
            client.batch_execute(&insert).await.unwrap();
            written.extend(ids);
        }
        written
    };
    let reads = async {
        let (mut told, mut after, mut polls) = (Vec::new(), begin.clone(), 0);
        while told.len() < 4000 {
            let more;
            (more, after) = read(&owner, after, "").await;
            told.extend(more);
            polls += 1;
            assert!(polls < 3000, "only {}", told.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (told, polls)
    };
    let (a, b, c, d, (told, polls)) = tokio::join!(write(10), write(50), write(250), write(500), reads);
    let written: BTreeSet<Uuid> = [a, b, c, d].into_iter().flatten().collect();
    assert_eq!((subjects(&told).into_iter().collect::<BTreeSet<_>>(), told.len()), (written, 4000));
    assert!(polls > 2, "it read while they wrote");
}

/// As where a domain is proven by another tenant than the one that had it: what is told there is not whose doing it was.
#[tokio::test]
async fn whoever_acts_in_one_tenant_is_nobody_in_what_another_is_told() {
    let db = TestDb::new().await;
    let (acme, globex) = (&town().acme, &town().globex);
    let mut superuser = db.superuser().await;
    for (tenant, known) in [(acme, true), (globex, false)] {
        let tx = superuser.transaction().await.unwrap();
        tx.batch_execute(&format!(
            "set local app.tenant_id = '{here}'; set local app.user_id = '{owner}'; set local app.api_key = '';
             update tenant.projects set name = 'told of ' || id where tenant_id = '{}'",
            tenant.id,
            here = acme.id,
            owner = acme.owner.id,
        ))
        .await
        .unwrap();
        let told = "select count(*), count(*) filter (where actor_kind = 'user'), count(actor_id)
            from tenant.events where tenant_id = $1 and type = 'project.updated'";
        let row = tx.query_one(told, &[&tenant.id]).await.unwrap();
        let [all, by, whose]: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
        assert!(all > 0);
        assert_eq!((by, whose), if known { (all, all) } else { (0, 0) });
    }
}

#[tokio::test]
async fn whoever_has_read_no_further_than_is_forgotten_is_told_so() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let before = settled(&db, &owner).await;
    for name in ["One", "Two"] {
        owner.post("/projects", json!({ "name": name })).await.expect(201);
    }
    let (told, after) = read_some(&owner, before.clone(), "&type=project.created", 2).await;
    // As the job does that forgets them (tests/jobs/forgets.rs).
    let forget = "with gone as (delete from tenant.events where tenant_id = $1 and id = $2 returning epoch, xid, id)
        insert into tenant.event_floors as f (tenant_id, epoch, xid, event_id) select $1, epoch, xid, id from gone
        on conflict (tenant_id) do update set epoch = excluded.epoch, xid = excluded.xid, event_id = excluded.event_id";
    let superuser = db.superuser().await;
    for (event, gone) in told.iter().zip([&before, &before]) {
        let id: Uuid = event["id"].as_str().unwrap().parse().unwrap();
        superuser.execute(forget, &[&acme.id, &id]).await.unwrap();
        owner.get(&format!("/events?after={gone}")).await.problem(410, "events_gone");
        // Whoever has read all of it, whoever begins anew, and another tenant's go on.
        owner.get(&format!("/events?after={after}")).await.expect(200);
        owner.get("/events").await.expect(200);
        owner.get("/events?from=now").await.expect(200);
    }
    let other = Member::new(&app, &town().globex.owner, &town().globex);
    let page = other.get("/events").await.expect(200).json();
    other.get(&format!("/events?after={}", page["cursor"].as_str().unwrap())).await.expect(200);
}
