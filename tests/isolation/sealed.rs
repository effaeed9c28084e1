//! Arbitrary SQL as each of the roles that serve, without anybody's session and with one's own: what a red team did, and more.
//! Each attempt is printed with what it answered (`cargo test --test suite sealed -- --nocapture`).
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

use super::{leave, names, refusal};
use crate::support::{TestApp, TestDb, handle, seal, town};

/// What a statement answered: the SQLSTATE it was refused with, or how many rows, and what stood in them.
struct Said {
    state: String,
    rows: usize,
    text: String,
}

async fn say(client: &Client, statement: &str) -> Said {
    client.batch_execute("savepoint attempt").await.unwrap();
    match client.simple_query(statement).await {
        Err(error) => {
            client.batch_execute("rollback to savepoint attempt").await.unwrap();
            let db = error.as_db_error().unwrap_or_else(|| panic!("{statement}: {error}"));
            let text = [Some(db.message()), db.detail(), db.hint()].into_iter().flatten().collect::<Vec<_>>().join(" ");
            Said { state: db.code().code().to_owned(), rows: 0, text }
        }
        Ok(messages) => {
            let mut said = Said { state: String::new(), rows: 0, text: String::new() };
            for message in messages {
                if let SimpleQueryMessage::Row(row) = message {
                    said.rows += 1;
                    for column in 0..row.len() {
                        said.text.push_str(row.get(column).unwrap_or("-"));
                        said.text.push(' ');
                    }
                }
            }
            said
        }
    }
}

/// What an attempt has to come to.
#[derive(Clone, Copy)]
enum Must {
    /// Be refused, with one of these.
    Fail(&'static [&'static str]),
    /// Answer no row, or a row with this word and nothing of anybody's.
    Tell(&'static str),
}
use Must::{Fail, Tell};

/// Plays attempts, prints them, and asks that none told a secret.
async fn play(who: &str, client: &Client, secrets: &[String], attempts: &[(&str, String, Must)]) {
    for (what, statement, must) in attempts {
        let said = say(client, statement).await;
        let answer = match (&*said.state, said.rows) {
            ("", rows) => format!("{rows} rows {}", said.text.trim().chars().take(60).collect::<String>()),
            (state, _) => format!("refused {state}"),
        };
        println!("{who:<28} {what:<58} {answer}");
        match must {
            Fail(states) => assert!(states.contains(&&*said.state), "{who}: {what}: {answer}"),
            Tell(word) => assert!(
                said.state.is_empty() && (said.rows == 0 || said.text.trim() == *word),
                "{who}: {what}: {answer} {}",
                said.text
            ),
        }
        for secret in secrets.iter().filter(|secret| !statement.contains(*secret)) {
            assert!(!said.text.contains(secret.as_str()), "{who}: {what} told {secret}");
        }
    }
}

/// What nobody may learn: hashes, what opens a session, secrets as they are kept, and others' addresses.
async fn secrets(superuser: &Client) -> Vec<String> {
    names(
        superuser,
        "select password_hash from registry.users union select id::text from registry.sessions
         union select encode(secret_hash, 'hex') from tenant.api_keys union select encode(token_hash, 'hex') from tenant.invitations
         union select encode(token_hash, 'hex') from registry.mail_tokens union select encode(token_hash, 'hex') from registry.refresh_tokens
         union select encode(inner_block, 'hex') from registry.seal_keys union select encode(outer_block, 'hex') from registry.seal_keys
         union select email from registry.users",
    )
    .await
}

/// Everything but the counters of tries and the seals that were shown.
async fn everything(superuser: &Client) -> Vec<String> {
    let tables = names(
        superuser,
        "select oid::regclass::text from pg_class where relkind = 'r' and relname not in ('attempts', 'spent_seals')
           and relnamespace in ('registry'::regnamespace, 'tenant'::regnamespace) order by 1",
    )
    .await;
    let mut all = Vec::new();
    for table in tables {
        let digest = format!(
            "select '{table} ' || coalesce(md5(string_agg(t::text, ',' order by t::text)), '-') from {table} t"
        );
        all.extend(names(superuser, &digest).await);
    }
    all
}

/// A link and a refresh token of the victim's, as they are kept, beside what the fixture has.
async fn prepare(superuser: &Client, victim: Uuid) {
    let rows = format!(
        "insert into registry.mail_tokens (token_hash, user_id, purpose, email, expires_at)
             select sha256(sha256('link')), id, 'reset_password', email, now() + interval '1 day' from registry.users where id = '{victim}';
         insert into registry.refresh_tokens (token_hash, user_id, session_id) values (sha256(sha256('refresh')), '{victim}', '{victim}');
         analyze"
    );
    superuser.batch_execute(&rows).await.unwrap();
}

/// The doors of the gate, as whoever has read everything would call them.
fn takeovers(stored_hash: &str) -> Vec<(&'static str, String)> {
    let (victim, globex) = (&town().globex.owner, &town().globex);
    let (id, email, mine) = (victim.id, victim.email, "sha256('a link of my own')");
    let roles = "array[]::uuid[]";
    vec![
        ("an account's hash", format!("select * from registry.find_login('{email}', '0.{}.{}')", "0".repeat(32), "0".repeat(64))),
        (
            "a session, with the stored hash",
            format!(
                "select * from registry.open_session('{id}', '{stored_hash}', null, null, null, gen_random_uuid(), {mine}, 'bearer',
                     null, null, '100 years', '100 years', array[]::bytea[], '0.{}.{}')",
                "0".repeat(32),
                "0".repeat(64)
            ),
        ),
        (
            "a link of one's own to reset a password",
            format!("select * from registry.issue_mail_token('reset_password', '{email}', {mine}, '1 day', '')"),
        ),
        (
            "an account for an address that is not one's own",
            format!(
                "select registry.sign_up(gen_random_uuid(), 'eve@elsewhere.example', 'Eve', 'x', 'x', {mine}, '1 day', null, null, null, {roles}, '')"
            ),
        ),
        ("the link, as it is kept", "select * from registry.use_mail_token(array['reset_password'], sha256(sha256('link')), 'x')".to_owned()),
        ("whose the link is, as it is kept", "select * from registry.find_mail_token('reset_password', sha256(sha256('link')))".to_owned()),
        (
            "the refresh token, as it is kept",
            format!("select outcome from registry.rotate_refresh_token(sha256(sha256('refresh')), {mine}, 'x', '1 day', null)"),
        ),
        (
            "the invitation, as it is kept",
            format!("select * from registry.find_invitation('{0}', '{1}', sha256('{1}'))", globex.id, globex.invitation),
        ),
        (
            "a member by the invitation, as it is kept",
            format!(
                "select registry.accept_invitation_as_new('{0}', '{1}', sha256('{1}'), gen_random_uuid(), 'Eve', 'x')",
                globex.id, globex.invitation
            ),
        ),
    ]
}

/// What stands in tables, what the catalog tells, and what a role could be made into.
fn looks() -> Vec<(&'static str, String, Must)> {
    let denied = Fail(&["42501"]);
    let of = |table: &str| format!("select * from {table}");
    vec![
        ("hashes of passwords", "select password_hash from registry.users".to_owned(), denied),
        ("what opens sessions", "select id from registry.sessions".to_owned(), denied),
        ("refresh tokens", of("registry.refresh_tokens"), denied),
        ("links", of("registry.mail_tokens"), denied),
        ("keys of seals", of("registry.seal_keys"), denied),
        ("counters of guesses", of("registry.attempts"), denied),
        ("which domain is whose", of("registry.hosts"), denied),
        ("who runs the platform", of("registry.operators"), denied),
        ("statistics", "select * from pg_catalog.pg_statistic".to_owned(), denied),
        ("statistics of what is walled", "select * from pg_catalog.pg_stats where schemaname in ('registry', 'tenant') and attname ~ 'email|hash|name'".to_owned(), Tell("")),
        ("what others are doing", of("pg_catalog.pg_stat_activity"), denied),
        ("another role", "set role rowhouse_identity".to_owned(), denied),
        ("the migrator", "set session authorization rowhouse_migrator".to_owned(), denied),
        ("moving the wall", "select set_config('app.user_id', 'x', true)".to_owned(), denied),
        ("a mail to all", "select pg_notify('x', 'y')".to_owned(), denied),
        ("the server's files", "select pg_read_file('/etc/passwd')".to_owned(), denied),
        ("an event of one's own making", format!("insert into registry.account_events (user_id, kind) values ('{}', 'password_reset')", town().globex.owner.id), denied),
        ("a domain", format!("insert into registry.hosts values ('evil.example', '{}')", town().acme.id), denied),
        ("seals that were spent", of("registry.spent_seals"), denied),
        ("a checked seal", "select registry.sealed('seal_holds', array[''], '')".to_owned(), denied),
    ]
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of attempts")]
async fn arbitrary_sql_as_either_serving_role_becomes_nobody() {
    let db = TestDb::new().await;
    let (api, gate, superuser) = (db.api().await, db.gate().await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let victim = globex.owner.id;
    prepare(&superuser, victim).await;
    let secrets = secrets(&superuser).await;
    let stored =
        names(&superuser, &format!("select password_hash from registry.users where id = '{victim}'")).await.remove(0);
    let kept = names(
        &superuser,
        &format!("select encode(secret_hash, 'hex') from tenant.api_keys where tenant_id = '{}'", globex.id),
    )
    .await
    .remove(0);
    let before = everything(&superuser).await;

    // Nobody's session: what a stolen password of a role is worth.
    let mut at_api: Vec<(&str, String, Must)> =
        takeovers(&stored).into_iter().map(|(what, call)| (what, call, Fail(&["42501"]))).collect();
    at_api.extend(looks());
    let me = |user: &str, session: &str, key: &str, rest: &str| {
        format!(
            "set local app.tenant_id = '{}'; set local app.user_id = '{user}'; set local app.session_id = '{session}'; set local app.api_key = '{key}'; {rest}",
            globex.id
        )
    };
    let (id, shown) = (victim.to_string(), handle(victim).to_string());
    at_api.extend([
        ("a session by its handle", me(&id, &shown, "", "select * from tenant.projects"), Fail(&["RH006"])),
        (
            "a session that was guessed",
            me(&id, &town().nowhere.to_string(), "", "select * from tenant.projects"),
            Fail(&["RH006"]),
        ),
        (
            "an API key, as it is kept",
            me("", "", &format!("{}.{kept}", globex.api_key), "select * from tenant.projects"),
            Fail(&["RH007"]),
        ),
        ("accounts", me(&id, &shown, "", "select email from registry.users"), Fail(&["42501"])),
    ]);
    api.batch_execute("begin; set local app.tenant_id = ''; set local app.user_id = ''; set local app.api_key = ''")
        .await
        .unwrap();
    play("rowhouse_api, nobody", &api, &secrets, &at_api).await;
    leave(&api).await;

    // At the gate the doors are there, and each asks for the seal or for the secret itself.
    let outcome = |what: &str| match what {
        "the refresh token, as it is kept" => Tell("unknown"),
        "a member by the invitation, as it is kept" => Fail(&["RH012"]),
        "the link, as it is kept" | "whose the link is, as it is kept" | "the invitation, as it is kept" => Tell(""),
        _ => Fail(&["RH040"]),
    };
    let mut at_gate: Vec<(&str, String, Must)> =
        takeovers(&stored).into_iter().map(|(what, call)| (what, call, outcome(what))).collect();
    at_gate.extend(looks());
    let login = |seal: &str| format!("select * from registry.find_login('{}', '{seal}')", globex.owner.email);
    let own = seal("find_login", &[Some("eve@elsewhere.example")]);
    let stale = format!("1.{}", own.split_once('.').unwrap().1);
    let (second, rest) = own.split_once('.').unwrap();
    let renumbered = format!("{second}.{}.{}", "0".repeat(32), rest.split_once('.').unwrap().1);
    at_gate.extend([
        ("a seal for another address", login(&own), Fail(&["RH040"])),
        ("a seal for another door", login(&seal("issue_mail_token", &[Some(globex.owner.email)])), Fail(&["RH040"])),
        ("a seal of another time", login(&stale), Fail(&["RH040"])),
        ("a seal under another number", login(&renumbered), Fail(&["RH040"])),
        ("no seal", format!("select * from registry.find_login('{}', null)", globex.owner.email), Fail(&["RH040"])),
        ("a tenant's rows", "select * from tenant.projects".to_owned(), Fail(&["42501"])),
        ("a door of the tenants'", "select * from registry.require('projects:read')".to_owned(), Fail(&["42501"])),
        ("sessions of somebody", me(&id, &shown, "", "select handle from registry.sessions"), Fail(&["RH006"])),
        (
            "a password of somebody",
            me(&id, &shown, "", "select registry.change_password('x', false, '')"),
            Fail(&["RH006", "RH005"]),
        ),
    ]);
    gate.batch_execute("begin; set local app.tenant_id = ''; set local app.user_id = ''; set local app.api_key = ''")
        .await
        .unwrap();
    play("rowhouse_gate, nobody", &gate, &secrets, &at_gate).await;
    leave(&gate).await;

    // One's own session: what an expression in one's own statement is worth.
    let viewer = acme.viewer.id;
    let own: Vec<String> = secrets
        .iter()
        .filter(|secret| **secret != viewer.to_string() && **secret != acme.viewer.email)
        .cloned()
        .collect();
    let person = format!(
        "begin; set local app.tenant_id = ''; set local app.user_id = '{viewer}'; set local app.session_id = '{viewer}'; set local app.api_key = ''"
    );
    gate.batch_execute(&person).await.unwrap();
    let denied = Fail(&["42501"]);
    play(
        "rowhouse_gate, in a session",
        &gate,
        &own,
        &[
            ("what opens one's sessions", "select id from registry.sessions".to_owned(), denied),
            ("one's own hash", "select * from registry.find_own_login('')".to_owned(), Fail(&["RH040"])),
            (
                "having given one's password, with no password",
                "select registry.authenticate_again('x', null, null, array[]::bytea[], '')".to_owned(),
                Fail(&["RH040"]),
            ),
            (
                "a password of one's own making",
                "select registry.change_password('x', false, '')".to_owned(),
                Fail(&["RH040"]),
            ),
            (
                "an address without a letter",
                "select registry.change_email('eve@elsewhere.example', sha256('x'), '1 day', '')".to_owned(),
                Fail(&["RH040"]),
            ),
            (
                "an event that did not happen",
                format!("insert into registry.account_events (user_id, kind) values ('{viewer}', 'signed_in')"),
                denied,
            ),
            (
                "a session that lives for ever",
                "update registry.sessions set expires_at = 'infinity'".to_owned(),
                denied,
            ),
            (
                "an authentication that was not",
                "update registry.sessions set authenticated_at = now()".to_owned(),
                denied,
            ),
        ],
    )
    .await;
    leave(&gate).await;
    let owner = acme.owner.id;
    let inside = format!(
        "begin; set local app.tenant_id = '{}'; set local app.user_id = '{owner}'; set local app.session_id = '{owner}'",
        acme.id
    );
    api.batch_execute(&inside).await.unwrap();
    let texts = "array['rowhouse-verify=challenge']";
    let other = seal(
        "note_domain_check",
        &[Some(&globex.id.to_string()), Some(&globex.claim.to_string()), Some("rowhouse-verify=challenge")],
    );
    play(
        "rowhouse_api, in a session",
        &api,
        &[],
        &[
            (
                "a domain, with texts made up",
                format!("select registry.note_domain_check('{}', {texts}, '')", acme.claim),
                Fail(&["RH040"]),
            ),
            (
                "a domain, with another tenant's seal",
                format!("select registry.note_domain_check('{}', {texts}, '{other}')", acme.claim),
                Fail(&["RH040"]),
            ),
            (
                "row security switched off",
                "set local row_security = off; select * from tenant.projects".to_owned(),
                denied,
            ),
        ],
    )
    .await;
    leave(&api).await;
    assert_eq!(everything(&superuser).await, before, "nothing came of any of it");

    // An operator's role reads who is signed in, and nothing that signs in.
    let platform = db.client("rowhouse_platform").await;
    platform.batch_execute("begin").await.unwrap();
    assert_eq!(refusal(&platform, "select handle from registry.sessions").await, "", "the control");
    assert_eq!(refusal(&platform, "select id from registry.sessions").await, "42501");
    leave(&platform).await;
}

#[tokio::test]
async fn a_role_that_changes_what_it_starts_with_is_found_not_fit_to_serve() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    app.get("/api/v1/projects", acme.owner.id, acme.id).await.expect(200);
    // A role may change what it starts with itself, and a server that finds it so is not ready.
    assert_eq!(app.startup_problems().await, Vec::<String>::new(), "the control");
    let api = db.api().await;
    let name = names(&superuser, "select current_database()::text").await.remove(0);
    api.batch_execute(&format!("alter role rowhouse_api in database {name} set search_path = 'pg_temp'"))
        .await
        .unwrap();
    let startup_problems = app.startup_problems().await;
    assert!(startup_problems.iter().any(|complaint| complaint.contains("role setting")), "{startup_problems:?}");
    // Whoever runs the server takes it back, and it is as before.
    superuser.batch_execute(&format!("alter role rowhouse_api in database {name} reset all")).await.unwrap();
    assert_eq!(app.startup_problems().await, Vec::<String>::new());
}

/// What EXPLAIN expects must not depend on whose addresses there are.
#[tokio::test]
async fn no_estimate_tells_what_addresses_and_hashes_there_are() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    superuser.batch_execute("analyze").await.unwrap();
    let (acme, owner) = (&town().acme, town().acme.owner.id);
    let begin = format!(
        "begin; set local app.tenant_id = '{}'; set local app.user_id = '{owner}'; set local app.session_id = '{owner}'",
        acme.id
    );
    api.batch_execute(&begin).await.unwrap();
    for (table, column) in [
        ("tenant.memberships", "email"),
        ("tenant.memberships", "full_name"),
        ("tenant.invitations", "email"),
        ("tenant.invitations", "token_hash"),
        ("tenant.api_keys", "secret_hash"),
    ] {
        let mut estimates = Vec::new();
        for bound in ["a", "g", "m", "z"] {
            let explain = format!("explain select from {table} where {column} < '{bound}'");
            let plan = names(&api, &explain).await.join("\n");
            // The number of rows that each step expects, and no cost, which follows from it.
            let rows: Vec<&str> = plan.split("rows=").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
            estimates.push(rows.join(","));
        }
        assert!(estimates.iter().all(|estimate| *estimate == estimates[0]), "{table}.{column}: {estimates:?}");
    }
    leave(&api).await;
    // Nothing is left of what had been collected, and nothing is collected.
    let collected = "select attrelid::regclass || '.' || attname from pg_statistic join pg_attribute on attrelid = starelid and attnum = staattnum
        where attrelid in (select oid from pg_class where relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace))
          and attname ~ '(^|_)(email|full_name|address|token|secret|hash)(_|$)'
          and atttypid in ('text'::regtype, 'bytea'::regtype)";
    assert_eq!(names(&superuser, collected).await, Vec::<String>::new());
    superuser
        .batch_execute("alter table registry.users alter column email set statistics -1; analyze registry.users; alter table registry.users alter column email set statistics 0")
        .await
        .unwrap();
    assert_eq!(names(&superuser, collected).await, ["registry.users.email"], "the control");
    rowhouse::db::bootstrap(&rowhouse::db::AdminConn::connect(&db.url("postgres")).await.unwrap()).await.unwrap();
    assert_eq!(names(&superuser, collected).await, Vec::<String>::new());
}
