//! Counters of tries, at the hands of whoever may send any statement at the gate: they name a kind, and choose no wait.
use super::{leave, names, number, refusal};
use crate::support::{TestDb, seal, town};

/// The longest that a counter of each kind keeps anybody waiting, in seconds, the narrowest first; where tries are put off,
/// the furthest turn that is counted, and a second.
const LONGEST: &[(&str, &[i64])] = &[
    ("email", &[60, 900]),
    ("invitation", &[60, 900]),
    ("letter", &[300, 900]),
    ("link", &[60, 900]),
    ("login", &[60, 6, 900]),
    ("login device", &[60]),
    ("password", &[60, 900]),
    ("second factor", &[60, 900]),
    ("sign-up", &[60, 900]),
];

#[tokio::test]
async fn whoever_sends_any_statement_at_the_gate_chooses_no_wait_for_anybody() {
    let db = TestDb::new().await;
    let (gate, superuser) = (db.gate().await, db.superuser().await);
    let victim = town().globex.owner.email;
    for (kind, longest) in LONGEST {
        superuser.batch_execute("delete from registry.attempts").await.unwrap();
        // As often as they like, with whatever else it is about, as though every wait were over.
        for n in 0..120 {
            let about = match longest.len() {
                1 => format!("array['{victim}']"),
                2 => format!("array['{victim}', 'network {n}']"),
                _ => format!("array['{victim} {n}', '{victim}', 'network {n}']"),
            };
            gate.batch_execute(&format!("select * from registry.attempt('{kind}', {about})")).await.unwrap();
            gate.batch_execute(&format!(
                "select * from registry.attempt('{kind}', {})",
                about.replace(&format!(" {n}"), "")
            ))
            .await
            .unwrap();
            superuser
                .batch_execute("update registry.attempts set blocked_until = last_at where blocked_until > last_at + interval '6 seconds' and random() < 0.9")
                .await
                .unwrap();
        }
        let waits =
            "select coalesce(max(ceil(extract(epoch from blocked_until - last_at))), 0)::bigint from registry.attempts";
        let most = number(&superuser, waits).await;
        assert!(most <= *longest.iter().max().unwrap(), "{kind}: {most} seconds");
        let narrowest = format!(
            "select coalesce(max(ceil(extract(epoch from blocked_until - last_at))), 0)::bigint from registry.attempts a,
                 registry.ladder('{kind}') l
             where l.place = 1 and a.subject = sha256(convert_to('{kind} ' || l.counter || ' {victim}', 'UTF8'))"
        );
        assert!(number(&superuser, &narrowest).await <= longest[0], "{kind}");
    }
    // A kind counts for itself: what is about one does not reach another's counters, whatever place it is put in.
    superuser.batch_execute("delete from registry.attempts").await.unwrap();
    gate.batch_execute(&format!("select * from registry.attempt('letter', array['x', '{victim}'])")).await.unwrap();
    let of_login = format!(
        "select count(*) from registry.attempts a, registry.ladder('login') l
         where a.subject = sha256(convert_to('login ' || l.counter || ' {victim}', 'UTF8'))"
    );
    assert_eq!(number(&superuser, &of_login).await, 0);
    // Waits, kinds of one's own, and other numbers of counters are nothing it takes.
    gate.batch_execute("begin").await.unwrap();
    for (call, state) in [
        ("attempt(array[sha256('x')], array[0], array['100 years'::interval])", "42883"),
        ("attempt('mine', array['x'])", "22023"),
        ("attempt(null, array['x'])", "22023"),
        ("attempt('login', array['x'])", "22023"),
        ("attempt('login', array['x', 'y', 'z', 'a'])", "22023"),
        ("attempt('login', array['x', null, 'z'])", "22023"),
        ("attempt('login', null)", "22023"),
        ("ladder('login')", "42501"),
        ("throttle_reset(array[sha256('x')])", "42501"),
    ] {
        assert_eq!(refusal(&gate, &format!("select * from registry.{call}")).await, state, "{call}");
    }
    leave(&gate).await;
}

#[tokio::test]
async fn each_kind_of_try_has_its_ladder_and_this_list_has_each() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    for (kind, longest) in LONGEST {
        let ladder = format!(
            "select coalesce(extract(epoch from longest), 6)::bigint::text from registry.ladder('{kind}') order by place"
        );
        let expected: Vec<String> = longest.iter().map(ToString::to_string).collect();
        assert_eq!(names(&superuser, &ladder).await, expected, "{kind}");
    }
    let kinds = "select distinct m[1] from pg_proc, regexp_matches(prosrc, '\\(''([a-z -]+)'', +[0-9]', 'g') as m
        where oid = 'registry.ladder(text)'::regprocedure order by 1";
    let listed: Vec<&str> = LONGEST.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(names(&superuser, kinds).await, listed);
}

/// What has run out is put away on the way, by whoever comes next: what has not run out yet is not gone through for it.
#[tokio::test]
async fn a_try_and_a_seal_cost_the_same_however_many_there_were_before() {
    const CALLS: usize = 50;
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    superuser
        .batch_execute(
            "insert into registry.attempts (subject, failures, last_at, blocked_until)
                 select sha256(n::text::bytea), 1, now(), now() from generate_series(1, 5000) n;
             insert into registry.spent_seals (number, good_until)
                 select gen_random_uuid(), now() + interval '50 seconds' from generate_series(1, 5000);
             analyze registry.attempts, registry.spent_seals",
        )
        .await
        .unwrap();
    let read = "select sum(coalesce(t.seq_tup_read, 0) + coalesce(i.read, 0))::bigint from pg_stat_user_tables t,
             lateral (select sum(idx_tup_read) as read from pg_stat_user_indexes i where i.relid = t.relid) i
         where t.schemaname = 'registry' and t.relname in ('attempts', 'spent_seals')";
    // Counts of what a session has read are there for certain once it has ended.
    let settled = async || {
        let mut last = -1;
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let now = number(&db.superuser().await, read).await;
            if now == last {
                return now;
            }
            last = now;
        }
    };
    drop(superuser);
    let before = settled().await;
    let gate = db.gate().await;
    for n in 0..CALLS {
        let email = format!("u{n}@many.example");
        gate.batch_execute(&format!(
            "select * from registry.attempt('letter', array['{email}', 'network {n}']);
             select * from registry.find_login('{email}', '{}')",
            seal("find_login", &[Some(&email)])
        ))
        .await
        .unwrap();
    }
    drop(gate);
    let each = (settled().await - before) / i64::try_from(CALLS).unwrap();
    assert!((1..60).contains(&each), "{each} rows and entries of 5,000 for a try and a seal");
}
