//! Seals: for what they are good, with which keys, and that each is good once.
use std::collections::BTreeSet;

use rowhouse::auth::{SealKey, sha256};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{leave, names, number, refusal};
use crate::support::{KEYS, TestApp, TestDb, hex, seal, town};

/// How many rows a statement answers, or the SQLSTATE it is refused with, in a transaction that goes on.
async fn answer(client: &Client, statement: &str) -> Result<usize, String> {
    match refusal(client, statement).await.as_str() {
        "" => Ok(1),
        state => Err(state.to_owned()),
    }
}

/// One call, in a transaction of its own that is committed: the SQLSTATE it is refused with, or nothing.
async fn commit(client: &Client, begin: &str, call: &str) -> String {
    client.batch_execute(begin).await.unwrap();
    let state = refusal(client, &format!("select * from registry.{call}")).await;
    client.batch_execute("commit").await.unwrap();
    state
}

const NOBODY: &str = "begin; set local app.tenant_id = ''; set local app.user_id = ''; set local app.session_id = ''; set local app.api_key = ''";

/// Begins as acme's owner, outside any tenant or in acme.
fn as_owner(inside: bool) -> String {
    let (id, tenant) = (town().acme.owner.id, town().acme.id.to_string());
    let tenant = if inside { &*tenant } else { "" };
    format!(
        "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = '{id}'; set local app.session_id = '{id}'; set local app.api_key = ''"
    )
}

async fn password_hash(superuser: &Client) -> String {
    let hash = format!("select password_hash from registry.users where id = '{}'", town().acme.owner.id);
    names(superuser, &hash).await.remove(0)
}

/// A call that opens this session for acme's owner, sealed.
fn open_session(hash: &str, session: Uuid) -> String {
    let (owner, refresh) = (town().acme.owner.id.to_string(), sha256(session.as_bytes()));
    let fields = [
        Some(&*owner),
        Some(hash),
        None,
        None,
        None,
        Some(&*session.to_string()),
        Some(&*hex(&refresh)),
        Some("bearer"),
    ]
    .map(|field| field.map(str::to_owned));
    let seal = seal("open_session", &fields.each_ref().map(Option::as_deref));
    format!(
        "open_session('{owner}', '{hash}', null, null, null, '{session}', '\\x{}', 'bearer', null, null, '1 day', '1 day', array[]::bytea[], '{seal}')",
        hex(&refresh)
    )
}

/// A call that makes a link to reset the password of acme's owner, sealed.
fn issue_link(link: &[u8]) -> String {
    let (email, link) = (town().acme.owner.email, hex(link));
    let seal = seal("issue_mail_token", &[Some("reset_password"), Some(email), Some(&link)]);
    format!("issue_mail_token('reset_password', '{email}', '\\x{link}', '1 day', '{seal}')")
}

/// A call to each door that takes a seal and spends it, which works once: whether at the gate, how its transaction begins.
fn calls(hash: &str) -> Vec<(&'static str, bool, String, String)> {
    let acme = &town().acme;
    let (me, link) = (acme.owner.id.to_string(), sha256(b"a link"));
    let (link_hex, new) = (hex(&link), Uuid::now_v7().to_string());
    let mine = |door: &str, fields: &[Option<&str>]| seal(door, &[&[Some(&*me), Some(&*me)], fields].concat());
    let nobody = NOBODY.to_owned();
    vec![
        (
            "find_login",
            true,
            nobody.clone(),
            format!("find_login('{0}', '{1}')", acme.owner.email, seal("find_login", &[Some(acme.owner.email)])),
        ),
        ("open_session", true, nobody.clone(), open_session(hash, Uuid::now_v7())),
        ("issue_mail_token", true, nobody.clone(), issue_link(&sha256(b"another"))),
        (
            "sign_up",
            true,
            nobody,
            format!(
                "sign_up('{new}', 'eve@elsewhere.example', 'Eve', 'x', 'y', '\\x{link_hex}', '1 day', null, null, null, null, '{}')",
                seal("sign_up", &[Some(&new), Some("eve@elsewhere.example"), Some("x"), Some("y"), Some(&link_hex)])
            ),
        ),
        ("find_own_login", true, as_owner(false), format!("find_own_login('{}')", mine("find_own_login", &[]))),
        (
            "authenticate_again",
            true,
            as_owner(false),
            format!(
                "authenticate_again('{hash}', null, null, array[]::bytea[], '{}')",
                mine("authenticate_again", &[Some(hash), None, None])
            ),
        ),
        (
            "change_email",
            true,
            as_owner(false),
            format!(
                "change_email('new@elsewhere.example', sha256('y'), '1 day', '{}')",
                mine("change_email", &[Some("new@elsewhere.example"), Some(&hex(&sha256(b"y")))])
            ),
        ),
        (
            "change_password",
            true,
            as_owner(false),
            format!(
                "change_password('another', false, '{}')",
                mine("change_password", &[Some("another"), Some("false")])
            ),
        ),
        (
            "note_domain_check",
            false,
            as_owner(true),
            format!(
                "note_domain_check('{}', array['rowhouse-verify=challenge'], '{}')",
                acme.claim,
                seal(
                    "note_domain_check",
                    &[Some(&acme.id.to_string()), Some(&acme.claim.to_string()), Some("rowhouse-verify=challenge")]
                )
            ),
        ),
    ]
}

#[tokio::test]
async fn a_seal_is_good_for_what_it_was_made_for_with_a_key_that_is_known() {
    let db = TestDb::new().await;
    let (gate, superuser) = (db.gate().await, db.superuser().await);
    let email = town().acme.owner.email;
    let call = |seal: &str| format!("select * from registry.find_login('{email}', '{seal}')");
    gate.batch_execute("begin").await.unwrap();
    assert_eq!(answer(&gate, &call(&seal("find_login", &[Some(email)]))).await, Ok(1), "the control");
    // The next key is known before it is used, and the one before is good for an hour.
    let own = SealKey::read(&KEYS).unwrap().id();
    let rotate = "insert into registry.seal_keys (id, inner_block, outer_block) values (gen_random_uuid(), decode(repeat('36', 64), 'hex'), decode(repeat('5c', 64), 'hex'));
        update registry.seal_keys set superseded_at = now() - interval '59 minutes' where id = $1";
    superuser.batch_execute(&rotate.replace("$1", &format!("'{own}'"))).await.unwrap();
    assert_eq!(answer(&gate, &call(&seal("find_login", &[Some(email)]))).await, Ok(1));
    leave(&gate).await;
    superuser.batch_execute("update registry.seal_keys set superseded_at = now() - interval '61 minutes' where superseded_at is not null").await.unwrap();
    gate.batch_execute("begin").await.unwrap();
    assert_eq!(answer(&gate, &call(&seal("find_login", &[Some(email)]))).await, Err("RH040".to_owned()));
    leave(&gate).await;
    // A server says so before it serves.
    let app = TestApp::new(&db).await;
    let startup_problems = app.startup_problems().await;
    assert!(startup_problems.iter().any(|complaint| complaint.contains("rowhouse keys seal")), "{startup_problems:?}");
    db.migrator()
        .await
        .script("again", &format!("update registry.seal_keys set superseded_at = null where id = '{own}'"))
        .await
        .unwrap();
    assert_eq!(app.startup_problems().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_seal_is_good_once_at_every_door_that_takes_one() {
    let db = TestDb::new().await;
    let (api, gate, superuser) = (db.api().await, db.gate().await, db.superuser().await);
    superuser.batch_execute("update registry.sessions set authenticated_at = now()").await.unwrap();
    let calls = calls(&password_hash(&superuser).await);
    let takes = "select proname::text from pg_proc where pronamespace = 'registry'::regnamespace and prosrc ~ 'perform registry[.]sealed[(]'";
    let doors: BTreeSet<String> = names(&superuser, takes).await.into_iter().collect();
    let cases: BTreeSet<String> = calls.iter().map(|(door, ..)| (*door).to_owned()).collect();
    assert_eq!(cases, doors, "each door that takes a seal has a case");
    for (door, at_gate, begin, call) in calls {
        let client = if at_gate { &gate } else { &api };
        // What came to nothing has spent nothing.
        client.batch_execute(&begin).await.unwrap();
        assert_eq!(refusal(client, &format!("select * from registry.{call}")).await, "", "{door}");
        leave(client).await;
        assert_eq!(commit(client, &begin, &call).await, "", "{door}");
        for _ in 0..2 {
            assert_eq!(commit(client, &begin, &call).await, "RH040", "{door} again");
        }
    }
}

/// What somebody who has seen a seal could have made of it within its minute: each door where a second use does more than the
/// first has done.
#[tokio::test]
async fn whoever_has_seen_a_seal_opens_no_session_again_and_makes_no_link_good_again() {
    let db = TestDb::new().await;
    let (gate, superuser) = (db.gate().await, db.superuser().await);
    let (hash, session) = (password_hash(&superuser).await, Uuid::now_v7());
    let opened = open_session(&hash, session);
    let sessions = format!("select count(*) from registry.sessions where id = '{session}'");
    assert_eq!((commit(&gate, NOBODY, &opened).await, number(&superuser, &sessions).await), (String::new(), 1));
    superuser.batch_execute(&format!("delete from registry.sessions where id = '{session}'")).await.unwrap();
    assert_eq!((commit(&gate, NOBODY, &opened).await, number(&superuser, &sessions).await), ("RH040".to_owned(), 0));
    // The letter may still lie there, after its link was used.
    let link = sha256(b"the link");
    let issued = issue_link(&link);
    let used = format!("use_mail_token(array['reset_password'], '\\x{}', 'chosen')", hex(&link));
    assert_eq!(
        (commit(&gate, NOBODY, &issued).await, commit(&gate, NOBODY, &used).await),
        (String::new(), String::new())
    );
    assert_eq!(password_hash(&superuser).await, "chosen");
    assert_eq!(commit(&gate, NOBODY, &issued).await, "RH040");
    commit(&gate, NOBODY, &used.replace("chosen", "chosen by somebody else")).await;
    assert_eq!(password_hash(&superuser).await, "chosen");
}

#[tokio::test]
async fn of_two_who_show_a_seal_at_once_one_is_believed() {
    let db = TestDb::new().await;
    let (first, second, watcher) = (db.gate().await, db.gate().await, db.superuser().await);
    let email = town().acme.owner.email;
    for (end, outcome) in [("commit", "RH040"), ("rollback", "")] {
        let call = format!("select * from registry.find_login('{email}', '{}')", seal("find_login", &[Some(email)]));
        first.batch_execute(NOBODY).await.unwrap();
        second.batch_execute(NOBODY).await.unwrap();
        assert_eq!(refusal(&first, &call).await, "");
        let waiting = refusal(&second, &call);
        let meanwhile = async {
            let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%find_login%' and datname = current_database()";
            while number(&watcher, waits).await == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            first.batch_execute(end).await.unwrap();
        };
        let (state, ()) = tokio::join!(waiting, meanwhile);
        assert_eq!(state, outcome, "after {end}");
        leave(&second).await;
    }
}

#[tokio::test]
async fn what_was_spent_is_kept_for_as_long_as_it_would_be_good_and_then_goes() {
    let db = TestDb::new().await;
    let (gate, superuser) = (db.gate().await, db.superuser().await);
    let email = town().acme.owner.email;
    let call = || format!("find_login('{email}', '{}')", seal("find_login", &[Some(email)]));
    for _ in 0..6 {
        assert_eq!(commit(&gate, NOBODY, &call()).await, "");
    }
    let spent = "select count(*) from registry.spent_seals";
    assert_eq!(number(&superuser, spent).await, 6);
    let kept = "select count(*) from registry.spent_seals where good_until between now() + interval '50 seconds' and now() + interval '62 seconds'";
    assert_eq!(number(&superuser, kept).await, 6);
    superuser.batch_execute("update registry.spent_seals set good_until = now() - interval '2 minutes'").await.unwrap();
    // Four go with each that comes.
    for left in [3, 2] {
        assert_eq!(commit(&gate, NOBODY, &call()).await, "");
        assert_eq!(number(&superuser, spent).await, left);
    }
}
