//! The doors, each called where it must not open: signed in where nobody may be, by nobody where somebody must be, with
//! another's session, another tenant's ids and secrets that are not the caller's. A door without a case fails here.
use std::collections::BTreeSet;

use rowhouse::auth::sha256;
use tokio_postgres::Client;

use super::{DOORS, fingerprint, leave, names, refusal};
use crate::support::{TestDb, hex, seal, town};

/// When a door opens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    /// Nobody is signed in.
    Nobody,
    /// A person with an open session, inside a tenant or not.
    Person,
    /// A member or an API key of the tenant that is set.
    Tenant,
    /// Whoever asks: it answers nothing.
    Anybody,
    /// Whoever comes to the gate, signed in or not, and nobody in a tenant.
    Gate,
    /// The worker, and nobody who serves.
    Worker,
    /// Doors of another owner, and nobody who serves.
    Doors,
    /// A trigger, which nobody can call.
    Trigger,
}
use For::{Anybody, Doors, Gate, Nobody, Person, Tenant, Trigger, Worker};

/// Each door, whom it is for, and a call that aims at globex.
#[expect(clippy::too_many_lines, reason = "a list")]
fn calls() -> Vec<(&'static str, For, String)> {
    let (globex, none) = (&town().globex, "'00000000-0000-7000-8000-000000000000'::uuid");
    let (id, hash) = (format!("'{}'::uuid", globex.id), "sha256('not the one')");
    let (invitation, claim, owner) = (globex.invitation, globex.claim, &globex.owner);
    let me = town().acme.owner.id.to_string();
    let hash_hex = hex(&sha256(b"not the one"));
    let fixed = "00000000-0000-7000-8000-000000000001";
    // As the server seals it, for acme's owner in their session.
    let mine = |door: &str, fields: &[Option<&str>]| seal(door, &[&[Some(&*me), Some(&*me)], fields].concat());
    let roles = "(select array_agg(gen_random_uuid()) from generate_series(1, 8))";
    vec![
        ("accept_invitation", Person, format!("accept_invitation({id}, '{invitation}', {hash})")),
        (
            "accept_invitation_as_new",
            Nobody,
            format!("accept_invitation_as_new({id}, '{invitation}', {hash}, gen_random_uuid(), 'Eve', 'x')"),
        ),
        ("act_in", Doors, format!("act_in({id})")),
        ("attempt", Nobody, format!("attempt('letter', array['{}', '203.0.113.7'])", owner.email)),
        (
            "authenticate_again",
            Person,
            format!(
                "authenticate_again('not the one', null, null, array[{hash}], '{}')",
                mine("authenticate_again", &[Some("not the one"), None, None])
            ),
        ),
        (
            "change_email",
            Person,
            format!(
                "change_email('{}', {hash}, '1 day', '{}')",
                owner.email,
                mine("change_email", &[Some(owner.email), Some(&hash_hex)])
            ),
        ),
        (
            "change_password",
            Person,
            format!("change_password('x', false, '{}')", mine("change_password", &[Some("x"), Some("false")])),
        ),
        ("begin_generations", Trigger, "begin_generations()".to_owned()),
        ("begin_jobs", Trigger, "begin_jobs()".to_owned()),
        ("advance_due", Worker, format!("advance_due({none}, 1000)")),
        ("manage_subscription", Tenant, "manage_subscription('resumed', '{}', null)".to_owned()),
        ("begin_subscription", Trigger, "begin_subscription()".to_owned()),
        ("derive_entitlements", Trigger, "derive_entitlements()".to_owned()),
        ("check_invitation", Trigger, "check_invitation()".to_owned()),
        ("choose_tenant", Person, format!("choose_tenant({id})")),
        ("claim_turn", Worker, "claim_turn('{}')".to_owned()),
        ("collect_overdue", Worker, format!("collect_overdue({none}, 1000)")),
        ("create_tenant", Person, format!("create_tenant(gen_random_uuid(), 'Globex', array['globex'], {roles})")),
        ("end_letter", Worker, format!("end_letter({none}, {none}, null, null)")),
        ("find_invitation", Nobody, format!("find_invitation({id}, '{invitation}', {hash})")),
        (
            "find_login",
            Nobody,
            format!("find_login('{}', '{}')", owner.email, seal("find_login", &[Some(owner.email)])),
        ),
        ("find_mail_token", Nobody, format!("find_mail_token('reset_password', {hash})")),
        ("find_own_login", Person, format!("find_own_login('{}')", mine("find_own_login", &[]))),
        ("forget_of_accounts", Worker, format!("forget_of_accounts({none}, 1000)")),
        (
            "found_tenant",
            Doors,
            format!(
                "found_tenant('{me}', 'owner@acme.example', 'Eve', gen_random_uuid(), 'Eve', array['eve'], {roles})"
            ),
        ),
        ("has_account", Doors, format!("has_account('{}')", owner.email)),
        ("has_founded", Doors, format!("has_founded('{}')", owner.id)),
        ("caller_permissions", Tenant, "caller_permissions()".to_owned()),
        ("caller_until", Tenant, "caller_until()".to_owned()),
        ("hold_account", Doors, "hold_account()".to_owned()),
        ("hold_people", Tenant, "hold_people()".to_owned()),
        ("invited_address", Doors, format!("invited_address({id}, '{invitation}', {hash})")),
        (
            "issue_mail_token",
            Nobody,
            format!(
                "issue_mail_token('verify_email', '{}', {hash}, '1 day', '{}')",
                owner.email,
                seal("issue_mail_token", &[Some("verify_email"), Some(owner.email), Some(&hash_hex)])
            ),
        ),
        ("job_figures", Worker, "job_figures()".to_owned()),
        (
            "join_tenant",
            Doors,
            format!("join_tenant('{me}', 'guest@globex.example', 'Eve', {id}, '{invitation}', sha256('{invitation}'))"),
        ),
        ("keep_an_owner", Trigger, "keep_an_owner()".to_owned()),
        ("keep_balanced", Trigger, "keep_balanced()".to_owned()),
        ("note_account_event", Trigger, "note_account_event()".to_owned()),
        ("note_changes", Trigger, "note_changes()".to_owned()),
        ("note_tenant", Trigger, "note_tenant()".to_owned()),
        ("present_epoch", Tenant, "present_epoch()".to_owned()),
        ("known_device", Nobody, format!("known_device('{}', {hash})", owner.email)),
        ("leave_tenant", Person, "leave_tenant()".to_owned()),
        ("letter_figures", Worker, "letter_figures()".to_owned()),
        ("letterhead", Tenant, "letterhead()".to_owned()),
        ("meter", Tenant, "meter(1)".to_owned()),
        ("my_tenants", Person, "my_tenants()".to_owned()),
        (
            "note_domain_check",
            Tenant,
            format!(
                "note_domain_check('{claim}', array['rowhouse-verify=challenge'], '{}')",
                seal(
                    "note_domain_check",
                    &[Some(&town().acme.id.to_string()), Some(&claim.to_string()), Some("rowhouse-verify=challenge")]
                )
            ),
        ),
        ("notify_member", Doors, format!("notify_member({id}, '{}', 'member.joined', 'Eve', '/me', '{{}}')", owner.id)),
        (
            "open_session",
            Nobody,
            format!(
                "open_session('{0}', 'not the one', 'x', null, null, '{fixed}', {hash}, 'bearer', null, null, '1 day', '1 day', array[{hash}], '{1}')",
                owner.id,
                seal(
                    "open_session",
                    &[
                        Some(&owner.id.to_string()),
                        Some("not the one"),
                        Some("x"),
                        None,
                        None,
                        Some(fixed),
                        Some(&hash_hex),
                        Some("bearer")
                    ]
                )
            ),
        ),
        ("begin_telling", Trigger, "begin_telling()".to_owned()),
        ("end_operation", Trigger, "end_operation()".to_owned()),
        ("stop_job", Trigger, "stop_job()".to_owned()),
        ("tell_of_operation", Trigger, "tell_of_operation()".to_owned()),
        ("notify_of_webhook", Trigger, "notify_of_webhook()".to_owned()),
        ("webhooks_behind", Worker, format!("webhooks_behind(null, {none}, 100)")),
        ("open_sessions", Doors, format!("open_sessions('{}')", owner.id)),
        ("open_tenants", Worker, format!("open_tenants({none}, 10)")),
        ("own_address", Doors, "own_address()".to_owned()),
        ("own_name", Doors, "own_name()".to_owned()),
        ("require", Tenant, "require('projects:read')".to_owned()),
        ("require_feature", Tenant, "require_feature('exports', null)".to_owned()),
        ("require_job", Worker, "require_job('jobs:forget')".to_owned()),
        ("rotate_refresh_token", Nobody, format!("rotate_refresh_token({hash}, {hash}, 'x', '1 day', null)")),
        (
            "sign_up",
            Nobody,
            format!(
                "sign_up('{fixed}', '{0}', 'Eve', 'x', 'x', {hash}, '1 day', {none}, 'Globex', array['globex'], {roles}, '{1}')",
                owner.email,
                seal("sign_up", &[Some(fixed), Some(owner.email), Some("x"), Some("x"), Some(&hash_hex)])
            ),
        ),
        ("sealed", Doors, format!("sealed('seal_holds', array[''], '{}')", seal("seal_holds", &[Some("")]))),
        ("say_rights", Trigger, "say_rights()".to_owned()),
        ("seat_rights", Trigger, "seat_rights()".to_owned()),
        ("seat_members", Trigger, "seat_members()".to_owned()),
        ("seat_sessions", Trigger, "seat_sessions()".to_owned()),
        ("seal_holds", Anybody, format!("seal_holds('{}')", seal("seal_holds", &[Some("")]))),
        ("signed_in", Person, "signed_in()".to_owned()),
        ("switch_tenant", Person, format!("switch_tenant({id})")),
        ("notify_of_api_key", Trigger, "notify_of_api_key()".to_owned()),
        ("notify_of_operation", Trigger, "notify_of_operation()".to_owned()),
        ("notify_of_role", Trigger, "notify_of_role()".to_owned()),
        ("take_letters", Worker, "take_letters(100, '1 minute')".to_owned()),
        ("tenant_defaults", Tenant, "tenant_defaults()".to_owned()),
        ("tenant_of_host", Nobody, "tenant_of_host('globex', null)".to_owned()),
        ("touch_api_key", Tenant, "touch_api_key()".to_owned()),
        ("touch_session", Person, "touch_session('1 day')".to_owned()),
        ("use_mail_token", Nobody, format!("use_mail_token(array['reset_password'], {hash}, 'x')")),
        ("wake_jobs", Trigger, "wake_jobs()".to_owned()),
        ("withdraw_invitations", Trigger, "withdraw_invitations()".to_owned()),
        ("withdraw_widened", Trigger, "withdraw_widened()".to_owned()),
        // Of a kind that there is none of, so that nothing comes of it.
        ("write_letter", Gate, format!("write_letter({none}, 'x', {hash}, {hash}, 'x')")),
    ]
}

/// Whether it is for the role that serves strangers and accounts; leaving is done inside a tenant.
fn at_the_gate(door: &str, whom: For) -> bool {
    matches!(whom, Nobody | Person | Gate) && door != "leave_tenant"
}

/// Begins a transaction that says this of itself.
pub(super) async fn begin(api: &Client, tenant: &str, user: &str, session: &str, key: &str) {
    let begin = format!(
        "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = '{user}'; set local app.session_id = '{session}'; set local app.api_key = '{key}'"
    );
    api.batch_execute(&begin).await.unwrap();
}

/// Everything in the registry and in globex, but for the counters of tries and the seals that were shown.
async fn everything(superuser: &Client) -> String {
    let tables = names(
        superuser,
        "select oid::regclass::text from pg_class where relnamespace = 'registry'::regnamespace and relkind = 'r'
           and relname not in ('attempts', 'spent_seals') order by 1",
    )
    .await;
    let mut all = fingerprint(superuser, town().globex.id).await;
    for table in tables {
        let digest = format!("select coalesce(md5(string_agg(t::text, ',' order by t::text)), '-') from {table} t");
        all.push_str(&names(superuser, &digest).await[0]);
    }
    all
}

#[tokio::test]
async fn every_door_has_a_case() {
    let cases: BTreeSet<String> = calls().iter().map(|(door, ..)| format!("registry.{door}")).collect();
    let doors: BTreeSet<String> = DOORS.iter().map(|(door, _)| door.split('(').next().unwrap().to_owned()).collect();
    assert_eq!(cases, doors);
}

#[tokio::test]
async fn a_door_opens_to_whom_it_is_for_and_to_nobody_else() {
    let db = TestDb::new().await;
    let (tenants, gate, superuser) = (db.api().await, db.gate().await, db.superuser().await);
    let (acme, nowhere) = (&town().acme, town().nowhere.to_string());
    let (tenant, owner, member) = (acme.id.to_string(), acme.owner.id.to_string(), acme.member.id.to_string());
    let key = format!("{}.{}", acme.api_key, "00".repeat(32));
    let before = everything(&superuser).await;
    for (door, whom, call) in calls() {
        let call = format!("select * from registry.{call}");
        // Tenant, user, session, key: what the transaction says, and what must come of it.
        let attempts: &[(&str, &str, &str, &str, &[&str])] = match whom {
            // Whoever is signed in, as whatever, has no business here: not even an expression in their statement.
            Nobody => &[
                (&tenant, &owner, &owner, "", &["RH005"]),
                ("", &owner, &owner, "", &["RH005"]),
                (&tenant, "", "", "", &["RH005"]),
                ("", "", "", &key, &["RH005"]),
            ],
            // No user, no session, one that has ended, and somebody else's.
            Person => &[
                ("", "", "", "", &["22P02"]),
                ("", &owner, "", "", &["22P02"]),
                ("", &owner, &nowhere, "", &["RH006"]),
                ("", &owner, &member, "", &["RH006"]),
                ("", &nowhere, &nowhere, "", &["RH006"]),
                (&tenant, "", "", &key, &["22P02", "RH005"]),
            ],
            Tenant => &[
                ("", &owner, &owner, "", &["22P02", ""]),
                (&tenant, &owner, &member, "", &["RH006", "22P02"]),
                (&tenant, "", "", "", &["22P02"]),
                (&tenant, "", "", &key, &["RH007", ""]),
            ],
            Anybody => &[("", "", "", "", &[""])],
            Gate => &[
                ("", "", "", "", &["23514"]),
                ("", &owner, &owner, "", &["23514"]),
                (&tenant, &owner, &owner, "", &["RH005"]),
                (&tenant, "", "", &key, &["RH005"]),
            ],
            Trigger => &[(&tenant, &owner, &owner, "", &["42501", "42804"])],
            Doors | Worker => &[
                (&tenant, &owner, &owner, "", &["42501"]),
                ("", &owner, &owner, "", &["42501"]),
                ("", "", "", "", &["42501"]),
            ],
        };
        let roles: &[&Client] = match whom {
            Doors | Worker => &[&gate, &tenants],
            _ if at_the_gate(door, whom) => &[&gate],
            _ => &[&tenants],
        };
        for (api, (tenant, user, session, key, states)) in
            roles.iter().flat_map(|api| attempts.iter().map(move |attempt| (api, attempt)))
        {
            begin(api, tenant, user, session, key).await;
            let state = refusal(api, &call).await;
            assert!(states.contains(&state.as_str()), "{door} as {user:?} in {tenant:?} with {key:?}: {state:?}");
            api.batch_execute("commit").await.unwrap();
        }
    }
    assert_eq!(everything(&superuser).await, before, "nothing came of it");
}

#[tokio::test]
async fn a_door_aimed_at_another_tenant_or_person_changes_nothing_there() {
    let db = TestDb::new().await;
    let (tenants, gate, superuser) = (db.api().await, db.gate().await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let (tenant, owner) = (acme.id.to_string(), acme.owner.id.to_string());
    let before = fingerprint(&superuser, globex.id).await;
    let accounts =
        format!("select md5(string_agg(u::text, ',' order by u.id)) from registry.users u where id <> '{owner}'");
    let others = names(&superuser, &accounts).await;
    let hosts = "select domain || tenant_id from registry.hosts order by 1";
    let resolving = names(&superuser, hosts).await;
    for (door, whom, call) in calls().into_iter().filter(|(_, whom, _)| ![Trigger, Doors, Worker].contains(whom)) {
        let api = if at_the_gate(door, whom) { &gate } else { &tenants };
        match whom {
            Nobody | Anybody | Gate => begin(api, "", "", "", "").await,
            Person if door != "leave_tenant" => begin(api, "", &owner, &owner, "").await,
            Person | Tenant | Doors | Worker | Trigger => begin(api, &tenant, &owner, &owner, "").await,
        }
        let state = refusal(api, &format!("select * from registry.{call}")).await;
        let expected: &[&str] = match door {
            "accept_invitation" | "accept_invitation_as_new" => &["RH012"],
            "choose_tenant" | "switch_tenant" => &["RH002"],
            "create_tenant" => &["23505"],
            "leave_tenant" => &["RH010"],
            "touch_api_key" => &["22P02"],
            "write_letter" => &["23514"],
            _ => &[""],
        };
        assert!(expected.contains(&state.as_str()), "{door}: {state:?}");
        // What a password or a link would have opened stays shut.
        if ["find_invitation", "find_mail_token", "use_mail_token"].contains(&door) {
            let rows = api.query(&format!("select * from registry.{call}"), &[]).await.unwrap();
            assert!(rows.is_empty(), "{door}");
        }
        leave(api).await;
    }
    for (call, word) in [
        (calls().into_iter().find(|(door, ..)| *door == "open_session").unwrap().2, "refused"),
        (calls().into_iter().find(|(door, ..)| *door == "rotate_refresh_token").unwrap().2, "unknown"),
        (calls().into_iter().find(|(door, ..)| *door == "sign_up").unwrap().2, "exists"),
    ] {
        begin(&gate, "", "", "", "").await;
        let column = if word == "exists" { "sign_up" } else { "outcome" };
        assert_eq!(names(&gate, &format!("select {column} from registry.{call}")).await, [word]);
        gate.batch_execute("commit").await.unwrap();
    }
    assert_eq!(fingerprint(&superuser, globex.id).await, before);
    assert_eq!(names(&superuser, &accounts).await, others);
    assert_eq!(names(&superuser, hosts).await, resolving);
}

#[tokio::test]
async fn an_api_key_opens_its_own_tenant_with_its_own_secret_alone() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let (own, foreign) = (acme.presented.clone(), globex.presented.clone());
    // What is kept is a hash of it, and presented it is none.
    let kept =
        format!("select '{0}.' || encode(secret_hash, 'hex') from tenant.api_keys where id = '{0}'", acme.api_key);
    let kept = names(&superuser, &kept).await.remove(0);
    assert_ne!(kept, own);
    let swapped = format!("{}.{}", acme.api_key, foreign.split('.').nth(1).unwrap());
    let acme_id = acme.id.to_string();
    let count = "select count(*) from tenant.projects";
    begin(&api, &acme_id, "", "", &own).await;
    assert_eq!(refusal(&api, count).await, "", "the control");
    assert_eq!(refusal(&api, "select count(*) from tenant.project_tasks").await, "RH004", "what it does not hold");
    leave(&api).await;
    for key in [foreign.as_str(), &swapped, &kept, "nonsense", "."] {
        begin(&api, &acme_id, "", "", key).await;
        let state = refusal(&api, count).await;
        assert!(["RH007", "22P02"].contains(&state.as_str()), "{key}: {state:?}");
        leave(&api).await;
    }
    // With a user, a key counts for nothing.
    begin(&api, &acme_id, &globex.owner.id.to_string(), &globex.owner.id.to_string(), &own).await;
    assert_eq!(refusal(&api, count).await, "RH002");
    leave(&api).await;
    for revoke in [
        format!("update tenant.api_keys set expires_at = now() where id = '{}'", acme.api_key),
        format!("update registry.tenants set status = 'suspended' where id = '{acme_id}'"),
        format!("delete from tenant.api_keys where id = '{}'", acme.api_key),
    ] {
        superuser.batch_execute(&revoke).await.unwrap();
        begin(&api, &acme_id, "", "", &own).await;
        let state = refusal(&api, count).await;
        assert!(["RH007", "RH003"].contains(&state.as_str()), "{revoke}: {state:?}");
        leave(&api).await;
        superuser.batch_execute("update tenant.api_keys set expires_at = null").await.unwrap();
        superuser.batch_execute("update registry.tenants set status = 'active'").await.unwrap();
    }
}

#[tokio::test]
async fn what_is_a_persons_own_is_no_business_of_a_statement_inside_a_tenant() {
    let db = TestDb::new().await;
    let api = db.gate().await;
    let owner = town().acme.owner.id.to_string();
    for call in [
        "find_own_login('')",
        "authenticate_again('x', 1, null, '{}', '')",
        "change_password('x', false, '')",
        "change_email('new@example.com', sha256('x'), '1 day', '')",
        "create_tenant(gen_random_uuid(), 'x', array['x'], array[]::uuid[])",
        "switch_tenant(gen_random_uuid())",
        "choose_tenant(null)",
        "accept_invitation(gen_random_uuid(), gen_random_uuid(), sha256('x'))",
    ] {
        begin(&api, &town().acme.id.to_string(), &owner, &owner, "").await;
        assert_eq!(refusal(&api, &format!("select * from registry.{call}")).await, "RH005", "{call}");
        leave(&api).await;
    }
}
