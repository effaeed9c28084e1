//! Seats: each open session of each member's has one in the tenant, until the session ends, and nobody else has; `registry.require`
//! reads it instead of the session.
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{enter, leave, names, number, refusal};
use crate::support::{Answer, Caller, PASSWORD, TestApp, TestDb, Way, both_ways, forge, town};

both_ways! {
    #[tokio::test]
    whatever_happens_to_sessions_and_members_seats_are_those_of_open_sessions_of_members;
}

/// Seats that are missing, that should not be, or that say another time than the session does. What has run out may stay.
const WRONG: &str = "
    select coalesce(s.tenant_id || ' ' || s.user_id || ' has a seat and should not', r.tenant_id || ' ' || r.user_id || ' has none')
           || coalesce(' until ' || s.open_until, '') || coalesce(' instead of ' || r.open_until, '')
    from (select * from tenant.seats where open_until > now()) s
    full join (select m.tenant_id, m.user_id, sha256(uuid_send(o.id)) as session_hash, least(o.idle_until, o.expires_at) as open_until
               from registry.sessions o join tenant.memberships m on m.user_id = o.user_id
               where least(o.idle_until, o.expires_at) > now()) r
      on (r.tenant_id, r.user_id, r.session_hash, r.open_until) = (s.tenant_id, s.user_id, s.session_hash, s.open_until)
    where s.tenant_id is null or r.tenant_id is null
    union all
    select s.tenant_id || ' ' || s.user_id || ' has a seat that says something else than the membership'
    from tenant.seats s join tenant.memberships m using (tenant_id, user_id)
    where (s.permissions, s.tenant_status, s.account_active) is distinct from (m.permissions, m.tenant_status, m.account_active)";

/// Seats a person has, and that all seats there are, are right.
async fn seats(db: &TestDb, after: &str, person: &str) -> i64 {
    let superuser = db.superuser().await;
    assert_eq!(names(&superuser, WRONG).await, Vec::<String>::new(), "after {after}");
    let theirs = format!("select count(*) from tenant.seats where user_id = '{person}' and open_until > now()");
    number(&superuser, &theirs).await
}

async fn whatever_happens_to_sessions_and_members_seats_are_those_of_open_sessions_of_members(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let (id, email) = (acme.owner.id.to_string(), acme.owner.email);
    let at_first = seats(&db, "the fixture", &id).await;
    assert_eq!(at_first, 1);

    let (here, phone, tablet) =
        (app.sign_in(email, PASSWORD).await, app.sign_in(email, PASSWORD).await, app.sign_in(email, PASSWORD).await);
    assert_eq!(seats(&db, "signing in three times", &id).await, 4);
    // Another tenant: each session that is open is in it too, whichever made it.
    let made = here.post("/tenants", json!({ "name": "Second" })).await.expect(201).json();
    assert_eq!(seats(&db, "making a tenant", &id).await, 8);
    let second: Uuid = made["id"].as_str().unwrap().parse().unwrap();
    for caller in [&here, &phone] {
        let switched = caller.post("/auth/switch-tenant", json!({ "tenant_id": second })).await.expect(200);
        assert_eq!(switched.json()["tenant_id"], made["id"]);
        Answer::of(app.request(Method::GET, "/api/v1/projects").bearer_auth(token(&switched))).await.expect(200);
    }
    assert_eq!(seats(&db, "switching to it", &id).await, 8);

    // Prolonged: what is noted of a browser's use, and a rotation.
    db.run("update registry.sessions set last_used_at = now() - interval '1 hour', idle_until = now() + interval '1 minute'").await;
    assert_eq!(seats(&db, "an hour", &id).await, 8);
    let login = app.login(email, PASSWORD).await.expect(200).json();
    db.run("update registry.sessions set idle_until = now() + interval '1 minute'").await;
    app.auth("refresh", json!({ "refresh_token": login["refresh_token"] })).await.expect(200);
    assert_eq!(seats(&db, "a rotation", &id).await, 10);
    let longest: bool = db
        .value(&format!("select max(open_until) > now() + interval '1 hour' from tenant.seats where user_id = '{id}'"))
        .await;
    assert!(longest, "a rotation puts the seat's end off as well");

    // Ended: by its owner, by signing out, all others, by another password.
    Answer::of(tablet.request(Method::POST, "/auth/logout")).await.expect(204);
    assert_eq!(seats(&db, "signing out", &id).await, 8);
    here.delete("/me/sessions").await.expect(204);
    assert_eq!(seats(&db, "ending all others", &id).await, 2);
    refused(&phone).await;
    app.sign_in(email, PASSWORD).await;
    assert_eq!(seats(&db, "signing in", &id).await, 4);
    here.post("/auth/authenticate-again", json!({ "password": PASSWORD })).await.expect(204);
    here.put("/me/password", json!({ "password": "quite another long password" })).await.expect(204);
    assert_eq!(seats(&db, "another password", &id).await, 2);

    // Run out, and put away at the next sign-in.
    db.run("update registry.sessions set idle_until = now() - interval '1 second'").await;
    assert_eq!(seats(&db, "running out", &id).await, 0);
    refused(&here).await;
    let again = app.sign_in(email, "quite another long password").await;
    assert_eq!(seats(&db, "signing in after that", &id).await, 2);
    again.get("/projects").await.expect(200);

    // By hand, and by the operators' command.
    db.run(&format!("update registry.users set active = false where id = '{id}'")).await;
    assert_eq!(seats(&db, "an account is deactivated", &id).await, 2);
    db.run(&format!("delete from registry.sessions where user_id = '{id}'")).await;
    assert_eq!(seats(&db, "sessions are deleted by hand", &id).await, 0);
    db.run("truncate registry.sessions cascade").await;
    assert_eq!(seats(&db, "all are gone", &id).await, 0);
}

/// A membership as a viewer.
fn joining(tenant: Uuid, who: Uuid) -> String {
    format!(
        "insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
         select t.id, u.id, r.id, r.permissions, t.status, true, u.email, u.full_name
         from registry.users u, registry.tenants t join tenant.roles r on r.tenant_id = t.id and r.name = 'viewer'
         where u.id = '{who}' and t.id = '{tenant}'"
    )
}

fn token(answer: &Answer) -> String {
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn refused(caller: &Caller<'_>) {
    caller.get("/projects").await.problem(401, "session_ended");
}

#[tokio::test]
async fn whoever_is_removed_has_no_seat_and_whoever_joins_has_one_for_each_session() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let viewer = &acme.viewer;
    let id = viewer.id.to_string();
    let (first, second) = (app.sign_in(viewer.email, PASSWORD).await, app.sign_in(viewer.email, PASSWORD).await);
    assert_eq!(seats(&db, "signing in twice", &id).await, 3);
    let removed = app.as_user(Method::DELETE, &format!("/api/v1/tenant/members/{id}"), acme.owner.id, acme.id);
    Answer::of(removed.header("if-match", "*")).await.expect(204);
    assert_eq!(seats(&db, "being removed", &id).await, 0);
    for caller in [&first, &second] {
        caller.get("/projects").await.problem(403, "not_a_member");
    }
    // Two devices are signed in, and the membership comes: both are in at once, by a token that names no tenant as well.
    db.run(&joining(globex.id, viewer.id)).await;
    assert_eq!(seats(&db, "joining", &id).await, 3);
    let named = app.request(Method::GET, "/api/v1/projects").bearer_auth(forge(viewer.id, None).sign());
    Answer::of(named.header("x-tenant-id", globex.id.to_string())).await.expect(200);
}

/// Nobody who serves, works or operates reads or writes a seat; nobody is let in for naming the hash, another's session or none.
#[tokio::test]
async fn a_seat_is_nobodys_to_read_or_write_and_opens_nothing_but_to_its_session() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    for role in ["rowhouse_api", "rowhouse_gate", "rowhouse_worker", "rowhouse_platform", "rowhouse_auditor"] {
        let client = db.client(role).await;
        enter(&client, acme.id, &acme.owner).await;
        for statement in [
            "select session_hash from tenant.seats",
            "select count(*) from tenant.seats",
            "insert into tenant.seats select * from tenant.seats",
            "update tenant.seats set open_until = 'infinity'",
            "delete from tenant.seats",
            "select registry.open_sessions(current_setting('app.user_id')::uuid)",
            "select registry.seat_sessions()",
        ] {
            assert_eq!(refusal(&client, statement).await, "42501", "{role}: {statement}");
        }
        leave(&client).await;
    }
    let (api, superuser) = (db.api().await, db.superuser().await);
    enter(&api, acme.id, &acme.owner).await;
    assert_eq!(refusal(&api, "select registry.require('projects:read')").await, "", "the control");
    for other in [acme.viewer.id, town().globex.owner.id, town().nowhere] {
        api.batch_execute(&format!("set local app.session_id = '{other}'")).await.unwrap();
        assert_eq!(refusal(&api, "select registry.require('projects:read')").await, "RH006", "{other}");
    }
    leave(&api).await;
    // The seat alone decides: gone or over, its session is out, and back when it is.
    for (statement, expected) in [
        ("update tenant.seats set open_until = now()", "RH006"),
        ("update tenant.seats set open_until = now() + interval '1 minute'", ""),
        ("delete from tenant.seats", "RH006"),
    ] {
        superuser.batch_execute(statement).await.unwrap();
        enter(&api, acme.id, &acme.owner).await;
        assert_eq!(refusal(&api, "select registry.require('projects:read')").await, expected, "{statement}");
        leave(&api).await;
    }
}

/// What a statement in a tenant asks of accounts and sessions: nothing. Whoever holds them all is not waited for.
#[tokio::test]
async fn requests_inside_a_tenant_are_answered_while_all_tables_of_the_directory_are_locked() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let superuser = db.superuser().await;
    app.get("/api/v1/projects", acme.owner.id, acme.id).await.expect(200);
    let lock = "begin; lock table registry.users, registry.sessions, registry.refresh_tokens, registry.devices, registry.totp,
                registry.account_events, registry.attempts, registry.mail_tokens, registry.hosts in access exclusive mode";
    superuser.batch_execute(lock).await.unwrap();
    for path in [
        "/projects",
        "/products",
        "/products/search?q=lamp",
        "/tenant",
        "/tenant/members",
        "/tenant/roles",
        "/notifications",
    ] {
        app.get(&format!("/api/v1{path}"), acme.owner.id, acme.id).await.expect(200);
    }
    let new =
        app.as_user(Method::POST, "/api/v1/projects", acme.owner.id, acme.id).json(&json!({ "name": "Meanwhile" }));
    Answer::of(new.header("idempotency-key", "while-locked")).await.expect(201);
    superuser.batch_execute("rollback").await.unwrap();
}

/// Waits until somebody waits for a lock.
async fn until_blocked(watch: &Client) {
    for _ in 0..500 {
        if number(
            watch,
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .await
            > 0
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody waits");
}

/// Each pair at once, in both orders: the second waits for the first, and what comes out is right.
#[tokio::test]
async fn a_session_that_begins_or_ends_beside_a_membership_that_does_leaves_no_seat_behind_and_misses_none() {
    let db = TestDb::new().await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (tenant, who) = (globex.id, acme.owner.id);
    let join = joining(tenant, who);
    let leave = format!("delete from tenant.memberships where tenant_id = '{tenant}' and user_id = '{who}'");
    // As registry.open_session does: the account first, and the session then.
    let open = format!(
        "select from registry.users where id = '{who}' for no key update;
         insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
         values ('{tenant}', '{who}', 'bearer', now() + interval '1 day', now() + interval '1 day')"
    );
    let prolong =
        format!("update registry.sessions set idle_until = now() + interval '2 hours' where user_id = '{who}'");
    let end = format!("delete from registry.sessions where user_id = '{who}'");
    let (one, two, watch) = (db.superuser().await, db.superuser().await, db.superuser().await);
    for (first, second) in [
        (&join, &end),
        (&end, &join),
        (&join, &open),
        (&open, &join),
        (&join, &prolong),
        (&prolong, &join),
        (&leave, &open),
        (&leave, &prolong),
        (&open, &leave),
        (&end, &leave),
        (&leave, &end),
    ] {
        let reset = format!(
            "{end}; {leave}; insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
            values ('{who}', '{who}', 'bearer', now() + interval '1 day', now() + interval '1 day')"
        );
        watch.batch_execute(&reset).await.unwrap();
        if first == &leave || second == &leave {
            watch.batch_execute(&join).await.unwrap();
        }
        one.batch_execute(&format!("begin; {first}")).await.unwrap();
        let other = async { two.batch_execute(&format!("begin; {second}; commit")).await };
        let ended = async {
            until_blocked(&watch).await;
            one.batch_execute("commit").await
        };
        let (done, committed) = tokio::join!(other, ended);
        done.unwrap_or_else(|error| panic!("{second} beside {first}: {error:?}"));
        committed.unwrap();
        assert_eq!(names(&watch, WRONG).await, Vec::<String>::new(), "{first}\nbeside {second}");
    }
}

/// What a member may changes, by hand or by what cascades, while a session of theirs begins, is prolonged or ends: the second waits for
/// the first, and what each seat says is what the membership says.
#[tokio::test]
async fn rights_that_change_beside_a_session_that_begins_or_ends_are_what_its_seat_says() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    let (tenant, who) = (acme.id, acme.viewer.id);
    let changes = [
        format!(
            "update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
             where m.tenant_id = '{tenant}' and m.user_id = '{who}' and r.tenant_id = m.tenant_id and r.name = 'member'"
        ),
        format!(
            "update tenant.roles set permissions = array['projects:read', 'projects:write'] where tenant_id = '{tenant}' and name = 'viewer'"
        ),
        format!("update registry.tenants set status = 'suspended' where id = '{tenant}'"),
        format!("update registry.users set active = false where id = '{who}'"),
    ];
    let open = format!(
        "insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
         values ('{tenant}', '{who}', 'bearer', now() + interval '1 day', now() + interval '1 day')"
    );
    let prolong =
        format!("update registry.sessions set idle_until = now() + interval '2 hours' where user_id = '{who}'");
    let end = format!("delete from registry.sessions where user_id = '{who}' and id <> '{who}'");
    let as_before = format!(
        "{end}; update registry.users set active = true where id = '{who}';
         update registry.tenants set status = 'active' where id = '{tenant}';
         update tenant.roles set permissions = array['projects:read'] where tenant_id = '{tenant}' and name = 'viewer';
         update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
         where m.tenant_id = '{tenant}' and m.user_id = '{who}' and r.tenant_id = m.tenant_id and r.name = 'viewer'"
    );
    let (one, two, watch) = (db.superuser().await, db.superuser().await, db.superuser().await);
    for change in &changes {
        for session in [&open, &prolong, &end] {
            for [first, second] in [[change, session], [session, change]] {
                watch.batch_execute(&as_before).await.unwrap();
                if session == &end {
                    watch.batch_execute(&open).await.unwrap();
                }
                assert_eq!(names(&watch, WRONG).await, Vec::<String>::new(), "before {first}\nbeside {second}");
                one.batch_execute(&format!("begin; {first}")).await.unwrap();
                let other = async { two.batch_execute(&format!("begin; {second}; commit")).await };
                let ended = async {
                    until_blocked(&watch).await;
                    one.batch_execute("commit").await
                };
                let (done, committed) = tokio::join!(other, ended);
                done.unwrap_or_else(|error| panic!("{second} beside {first}: {error:?}"));
                committed.unwrap();
                assert_eq!(names(&watch, WRONG).await, Vec::<String>::new(), "{first}\nbeside {second}");
            }
        }
        // Under a snapshot from before, a seat that has come meanwhile would go on saying what was.
        watch.batch_execute(&as_before).await.unwrap();
        watch.batch_execute("begin isolation level repeatable read").await.unwrap();
        assert_eq!(refusal(&watch, change).await, "25001", "{change}");
        leave(&watch).await;
    }
}

/// The seat is enough where all is well, and no refusal hangs on it: one that says nothing is good for what it was.
#[tokio::test]
async fn a_seat_says_what_its_member_may_and_nothing_else_whoever_writes_it() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let read = "select pg_stat_get_xact_tuples_fetched('tenant.memberships'::regclass)";
    let ask = "select registry.require('projects:read')";

    enter(&api, acme.id, &acme.viewer).await;
    assert_eq!(refusal(&api, ask).await, "");
    assert_eq!(number(&api, read).await, 0, "the membership was read, and the seat says it all");
    assert_eq!(refusal(&api, "select registry.require('projects:write')").await, "RH004");
    leave(&api).await;

    // Whatever is written into one, it says what the membership says.
    let more = "update tenant.seats set permissions = array['projects:write'], tenant_status = 'active', account_active = true";
    for (change, expected) in [
        ("select", "RH004"),
        ("update registry.users set active = false", "RH001"),
        ("update registry.users set active = true; update registry.tenants set status = 'suspended'", "RH003"),
    ] {
        superuser.batch_execute(&format!("{change}; {more}")).await.unwrap();
        assert_eq!(names(&superuser, WRONG).await, Vec::<String>::new(), "{change}");
        enter(&api, acme.id, &acme.viewer).await;
        assert_eq!(refusal(&api, "select registry.require('projects:write')").await, expected, "{change}");
        leave(&api).await;
    }

    // As they are from before, where triggers did not write it yet: both are read, and all is as it was.
    let silent = "set session_replication_role = replica;
                  update tenant.seats set permissions = null, tenant_status = null, account_active = null;
                  set session_replication_role = origin";
    for (change, expected) in [
        ("select", "RH003"),
        ("update registry.tenants set status = 'active'", ""),
        ("update registry.users set active = false", "RH001"),
    ] {
        superuser.batch_execute(&format!("{change}; {silent}")).await.unwrap();
        enter(&api, acme.id, &acme.viewer).await;
        assert_eq!(refusal(&api, ask).await, expected, "silent, {change}");
        leave(&api).await;
    }
    superuser.batch_execute("update registry.users set active = true").await.unwrap();
    assert_eq!(names(&superuser, WRONG).await, Vec::<String>::new(), "the next change fills them in");
}

/// Under a snapshot from before, what has come meanwhile would be missed: an ended session's seat would stay.
#[tokio::test]
async fn sessions_are_not_prolonged_or_ended_under_a_snapshot_from_before() {
    let db = TestDb::new().await;
    let who = town().acme.owner.id;
    let superuser = db.superuser().await;
    for level in ["repeatable read", "serializable"] {
        for statement in [
            format!("delete from registry.sessions where user_id = '{who}'"),
            format!("update registry.sessions set idle_until = now() + interval '2 hours' where user_id = '{who}'"),
            "truncate registry.sessions cascade".to_owned(),
        ] {
            superuser.batch_execute(&format!("begin isolation level {level}")).await.unwrap();
            assert_eq!(refusal(&superuser, &statement).await, "25001", "{level}: {statement}");
            leave(&superuser).await;
        }
    }
    // A membership that begins under one does not take a session for open that has ended meanwhile.
    let other = db.superuser().await;
    superuser.batch_execute("begin isolation level repeatable read; select from registry.sessions").await.unwrap();
    other.batch_execute(&format!("delete from registry.sessions where user_id = '{who}'")).await.unwrap();
    assert_eq!(refusal(&superuser, &joining(town().globex.id, who)).await, "40001");
    leave(&superuser).await;
    let back = format!(
        "insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
         values ('{who}', '{who}', 'bearer', now() + interval '1 day', now() + interval '1 day')"
    );
    other.batch_execute(&back).await.unwrap();
    // And a session stays who it is.
    for change in ["id = gen_random_uuid()", &format!("user_id = '{}'", town().acme.viewer.id)] {
        superuser.batch_execute("begin").await.unwrap();
        let other = format!("update registry.sessions set {change} where user_id = '{who}'");
        assert_eq!(refusal(&superuser, &other).await, "0A000", "{change}");
        leave(&superuser).await;
    }
}

/// What makes no difference to a seat writes none, and locks no membership.
#[tokio::test]
async fn a_seat_is_written_only_when_its_end_moves() {
    let db = TestDb::new().await;
    let who = town().acme.owner.id;
    let superuser = db.superuser().await;
    let written = format!("select string_agg(xmin::text || xmax::text, ' ') from tenant.seats where user_id = '{who}'");
    let before = names(&superuser, &written).await;
    let aside = format!(
        "update registry.sessions set acts_in = null, authenticated_at = now(), last_used_at = now() where user_id = '{who}'"
    );
    superuser.batch_execute(&aside).await.unwrap();
    assert_eq!(names(&superuser, &written).await, before);
    let prolonged =
        format!("update registry.sessions set idle_until = now() + interval '2 hours' where user_id = '{who}'");
    superuser.batch_execute(&prolonged).await.unwrap();
    assert_ne!(names(&superuser, &written).await, before, "the control");
}

/// Whoever has signed in hundreds of times and belongs to many tenants ends all of it in one statement that may take as long as any.
#[tokio::test]
async fn whoever_has_many_sessions_in_many_tenants_ends_them_all_at_once() {
    let db = TestDb::new().await;
    let (who, other) = (town().acme.owner.id, town().acme.viewer.id);
    let superuser = db.superuser().await;
    let many = format!(
        "insert into registry.tenants (id, slug, name, status)
             select gen_random_uuid(), 'many-' || n, 'Many', 'active' from generate_series(1, 40) n;
         insert into tenant.roles (tenant_id, id, name, permissions, built_in)
             select id, id, 'viewer', array['projects:read'], true from registry.tenants where slug like 'many-%';
         insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active, email, full_name)
             select t.id, u.id, t.id, array['projects:read'], t.status, true, u.email, u.full_name
             from registry.tenants t, registry.users u where t.slug like 'many-%' and u.id in ('{who}', '{other}');
         insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
             select gen_random_uuid(), u.id, 'bearer', now() + interval '1 day', now() + interval '1 day'
             from generate_series(1, 200) n, registry.users u where u.id in ('{who}', '{other}')"
    );
    superuser.batch_execute(&many).await.unwrap();
    assert!(seats(&db, "signing in two hundred times", &who.to_string()).await > 8_000);
    superuser.batch_execute("analyze tenant.seats, tenant.memberships; set statement_timeout = '5s'").await.unwrap();
    superuser.batch_execute(&format!("delete from registry.sessions where user_id = '{who}'")).await.unwrap();
    assert_eq!(seats(&db, "ending them all", &who.to_string()).await, 0);
    assert!(seats(&db, "ending them all", &other.to_string()).await > 8_000, "and nobody else's");
}

#[tokio::test]
async fn whoever_is_in_a_tenant_that_is_not_open_can_leave_it() {
    let db = TestDb::new().await;
    let (api, acme) = (db.api().await, &town().acme);
    for status in ["suspended", "closing", "closed", "moved"] {
        db.run(&format!("update registry.tenants set status = '{status}' where id = '{}'", acme.id)).await;
        enter(&api, acme.id, &acme.viewer).await;
        assert_eq!(refusal(&api, "select registry.require('projects:read')").await, "RH003", "{status}");
        assert_eq!(refusal(&api, "select registry.leave_tenant()").await, "", "{status}");
        leave(&api).await;
    }
    // And nobody whose session has ended.
    db.run(&format!("delete from registry.sessions where user_id = '{}'", acme.viewer.id)).await;
    enter(&api, acme.id, &acme.viewer).await;
    assert_eq!(refusal(&api, "select registry.leave_tenant()").await, "RH006");
    leave(&api).await;
}
