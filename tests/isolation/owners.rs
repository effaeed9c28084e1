//! The five owners of the SECURITY DEFINER functions: what each reaches, and that a fault in a function of one, which runs
//! whatever it is given, reaches nothing of another's.
use tokio_postgres::Client;

use super::{BILLING, DOORS, IDENTITY, SEATS, TENANCY, WRITERS, leave, names, refusal};
use crate::support::{TestDb, town};

/// Each grant on a table to an owner, by itself: `rowhouse_` and schema `registry` left out.
const REACHES: &[&str] = &[
    "billing document_numbers: insert (invoice_id, kind, number, seller, tenant_id), select",
    "billing number_series: select, update (next)",
    "billing sellers: select",
    "billing tenant.balances: insert (currency, tenant_id), select, update (credit_minor, receivable_minor)",
    "billing tenant.invoice_lines: insert (amount_minor, description, invoice_id, kind, position, quantity, tax_rate_bp, tenant_id, unit_minor), select",
    "billing tenant.invoices: insert (credits_id, currency, id, kind, note, period_from, period_to, reason, seller, subscription_id, subtotal_minor, tax_minor, tenant_id, total_minor), select, update (credited_minor, customer_name, due_at, issued_at, number, seller_address, seller_name, seller_tax_number, settled_at, settled_minor, status, subtotal_minor, tax_minor, total_minor)",
    "billing tenant.journal_entries: insert (booked_at, id, invoice_id, kind, made_by, note, payment_id, tenant_id), select",
    "billing tenant.payments: insert (currency, id, invoice_id, provider, reference, tenant_id), select, update (amount_minor, refunded_minor, unapplied_minor)",
    "billing tenant.postings: insert (account, amount_minor, currency, entry_id, position, tenant_id), select",
    "billing plan_overrides: select",
    "billing plan_prices: select",
    "billing plans: select",
    "billing tenant.entitlements: insert (access, features, limits, plan, plan_name, plan_version, tenant_id), select, update (access, features, limits, plan, plan_name, plan_version)",
    "billing tenant.subscriptions: insert (amount_minor, anchor_at, currency, due_at, id, period, period_ends_at, period_starts_at, plan, plan_version, state, tenant_id, trial_ends_at, version), select, update (amount_minor, anchor_at, cancel_at_period_end, canceled_at, currency, due_at, next_currency, next_period, next_plan, next_plan_version, period, period_ends_at, period_starts_at, plan, plan_version, state, state_ends_at, state_since, trial_ends_at)",
    "billing tenants: select (id, name, paid_until, status), update (paid_until, status)",
    "identity account_events: insert (address, kind, session_id, user_id)",
    "identity attempts: delete, insert, select, update",
    "identity devices: delete, select (created_at, token_hash, user_id)",
    "identity idempotency_keys: delete, select (expires_at, user_id)",
    "identity letters: delete, insert (about, address, id, same, sealed), select, update (about, attempts, created_at, dead_at, due_at, error, id, lease, sealed)",
    "identity mail_tokens: delete, insert (email, expires_at, purpose, token_hash, user_id), select, update (used_at)",
    "identity platform_settings: select (key, value)",
    "identity recovery_codes: delete, select (code_hash, user_id)",
    "identity refresh_tokens: insert (session_id, token_hash, user_id), select, update (repeated_at, successor_hash, successor_sealed, used_at)",
    "identity seal_keys: select (inner_block, outer_block, superseded_at)",
    "identity sessions: delete, insert (address, device, expires_at, id, idle_until, kind, user_id), select, update (acts_in, address, authenticated_at, idle_until, last_used_at)",
    "identity spent_seals: delete, insert, select, update (good_until)",
    "identity totp: select (confirmed_at, last_step, secret_sealed, user_id), update (last_step)",
    "identity users: delete, insert (email, email_verified_at, full_name, id, password_hash), select (active, created_at, email, email_verified_at, full_name, id, leans_on_second_factor, password_hash, updated_at, version), update (email, email_verified_at, full_name, leans_on_second_factor, password_hash)",
    "seats tenant.invitations: delete, select (id, invited_by, permissions, tenant_id)",
    "seats tenant.memberships: select (account_active, permissions, role_id, tenant_id, tenant_status, user_id), update (updated_at)",
    "seats tenant.roles: select (id, permissions, tenant_id)",
    "seats tenant.seats: delete, insert (open_until, session_hash, tenant_id, user_id), select (open_until, session_hash, tenant_id, user_id), update (open_until)",
    "tenancy built_in_roles: select",
    "tenancy domains: select, update (checked_at, verified_at)",
    "tenancy hosts: delete, insert, select",
    "tenancy job_kinds: select",
    "tenancy permissions: select",
    "tenancy plans: select (is_default, trial_days)",
    "tenancy platform_settings: select (key, value)",
    "tenancy tenant.api_keys: select (expires_at, id, last_used_at, permissions, previous_hash, previous_until, secret_hash, tenant_id, tenant_status), update (last_used_at)",
    "tenancy tenant.event_consumers: select (consumer, epoch, event_id, tenant_id, xid)",
    "tenancy tenant.events: select (epoch, id, tenant_id, type, xid)",
    "tenancy tenant.invitations: delete, select (email, expires_at, id, invited_by, permissions, role_id, tenant_id, token_hash)",
    "tenancy tenant.job_heads: select (ready_at, tenant_id, tenant_status), update (ready_at)",
    "tenancy tenant.jobs: select (api_key_id, created_by, id, kind, lease, lease_until, run_at, state, tenant_id)",
    "tenancy tenant.memberships: delete, insert (account_active, email, full_name, permissions, role_id, tenant_id, tenant_status, user_id), select (account_active, created_at, email, full_name, permissions, role_id, tenant_id, tenant_status, user_id), update (updated_at)",
    "tenancy tenant.roles: insert (built_in, id, name, permissions, tenant_id), select (built_in, id, name, permissions, tenant_id), update (updated_at)",
    "tenancy tenant.seats: select (account_active, open_until, permissions, session_hash, tenant_id, tenant_status, user_id)",
    "tenancy tenant.settings: insert (tenant_id), select (currency, language, tenant_id)",
    "tenancy tenant.webhook_endpoints: select (state, tenant_id)",
    "tenancy tenant_limits: select",
    "tenancy tenant_usage: insert (month, requests, tenant_id), select, update (requests)",
    "tenancy tenants: insert (founder_id, id, name, slug, status, trial_ends_at), select (created_at, epoch, founder_id, id, name, slug, status)",
    "writers account_events: insert (kind, session_id, user_id)",
    "writers job_kinds: select",
    "writers tenant.audit_log: insert (action, actor_id, actor_kind, address, after, before, epoch, id, object_id, object_type, on_behalf_of, request_id, session_id, tenant_id)",
    "writers tenant.events: insert (actor_id, actor_kind, data, epoch, id, permission, tenant_id, type)",
    "writers tenant.generations: insert (slot, tenant_id)",
    "writers tenant.job_heads: insert (tenant_id, tenant_status), select (ready_at, tenant_id), update (ready_at)",
    "writers tenant.jobs: select (api_key_id, created_by, id, kind, lease, lease_until, state, tenant_id), update (cancelling, finished_at, state)",
    "writers tenant.memberships: select (role_id, tenant_id, user_id)",
    "writers tenant.notifications: insert (body, data, epoch, id, kind, link, tenant_id, title, user_id)",
    "writers tenant.operation_files: delete, select (operation_id, tenant_id)",
    "writers tenant.operations: select (alive_at, done, id, kind, result, status, tenant_id), update (done, finished_at, result, status)",
    "writers tenant.part_generations: insert (part, slot, tenant_id), select, update (generation)",
    "writers tenant.roles: select (built_in, id, name, tenant_id)",
    "writers tenants: select (epoch, id)",
];

/// Policies that let an owner through to every row of a table: what isolation.md says it may see or write of all.
const EVERY_ROW: &[&str] = &[
    "billing document_numbers.all_billing",
    "billing number_series.all_billing",
    "billing plan_overrides.select_billing",
    "billing sellers.select_billing",
    "billing tenant.balances.all_billing",
    "billing tenant.invoice_lines.all_billing",
    "billing tenant.invoices.all_billing",
    "billing tenant.journal_entries.all_billing",
    "billing tenant.payments.all_billing",
    "billing tenant.postings.all_billing",
    "billing plan_prices.select_billing",
    "billing plans.select_billing",
    "billing tenant.entitlements.all_billing",
    "billing tenant.subscriptions.all_billing",
    "billing tenants.select_billing",
    "identity account_events.insert_doors",
    "identity attempts.all_doors",
    "identity devices.delete_doors",
    "identity devices.select_doors",
    "identity letters.all_doors",
    "identity mail_tokens.all_doors",
    "identity recovery_codes.select_doors",
    "identity recovery_codes.delete_doors",
    "identity refresh_tokens.all_doors",
    "identity sessions.all_doors",
    "identity spent_seals.select_doors",
    "identity spent_seals.insert_spend",
    "identity totp.select_doors",
    "identity totp.update_doors",
    "identity users.update_doors",
    "identity users.select_doors",
    "seats tenant.invitations.delete_widened",
    "seats tenant.invitations.select_widened",
    "seats tenant.memberships.select_seats",
    "seats tenant.memberships.update_seats",
    "seats tenant.roles.select_widened",
    "seats tenant.seats.all_triggers",
    "tenancy built_in_roles.select_everybody",
    "tenancy domains.select_doors",
    "tenancy hosts.all_doors",
    "tenancy job_kinds.select_everybody",
    "tenancy permissions.select_everybody",
    "tenancy tenant.event_consumers.select_doors",
    "tenancy tenant.events.select_doors",
    "tenancy tenant.job_heads.select_turns",
    "tenancy tenant.job_heads.update_turns",
    "tenancy tenant.roles.select_doors",
    "tenancy tenants.select_doors",
    "writers job_kinds.select_everybody",
    "writers tenant.job_heads.select_triggers",
    "writers tenant.job_heads.update_triggers",
    "writers tenant.jobs.select_operation",
    "writers tenant.jobs.update_operation",
    "writers tenant.operation_files.delete_ended",
    "writers tenant.operation_files.select_ended",
    "writers tenant.operations.select_told",
    "writers tenant.operations.update_told",
    "writers tenant.part_generations.select_triggers",
    "writers tenant.part_generations.update_triggers",
    "writers tenants.select_epoch",
];

/// What no function outside `rowhouse_identity` may reach, as text.
const SECRETS: &str = "
    select password_hash from registry.users
    union select id::text from registry.sessions union select handle::text from registry.sessions
    union select encode(token_hash, 'hex') from registry.refresh_tokens
    union select encode(token_hash, 'hex') from registry.mail_tokens
    union select encode(token_hash, 'hex') from registry.devices
    union select encode(code_hash, 'hex') from registry.recovery_codes
    union select encode(secret_sealed, 'hex') from registry.totp
    union select encode(subject, 'hex') from registry.attempts
    union select number::text from registry.spent_seals
    union select encode(inner_block, 'hex') from registry.seal_keys union select encode(outer_block, 'hex') from registry.seal_keys";

/// One of each secret, beside what the fixture has; sessions get ids of their own, since the fixture's are their persons'.
async fn prepare(superuser: &Client) {
    let victim = town().globex.owner.id;
    let rows = format!(
        "insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
             select gen_random_uuid(), id, 'bearer', now() + interval '1 day', now() + interval '1 day' from registry.users;
         delete from registry.sessions where id = user_id and user_id <> '{me}';
         insert into registry.refresh_tokens (token_hash, user_id, session_id) select sha256('refresh'), user_id, id from registry.sessions where user_id = '{victim}';
         insert into registry.mail_tokens (token_hash, user_id, purpose, email, expires_at)
             select sha256('link'), id, 'reset_password', email, now() + interval '1 day' from registry.users where id = '{victim}';
         insert into registry.devices (user_id, token_hash) values ('{victim}', sha256('device'));
         insert into registry.totp (user_id, secret_sealed, confirmed_at) values ('{victim}', sha256('totp'), now());
         insert into registry.recovery_codes (user_id, code_hash) values ('{victim}', sha256('code'));
         insert into registry.attempts (subject, failures, last_at, blocked_until) values (sha256('subject'), 1, now(), now());
         insert into registry.spent_seals (number, good_until) values (gen_random_uuid(), now())",
        me = town().acme.owner.id,
    );
    superuser.batch_execute(&rows).await.unwrap();
}

/// A function of an owner's that runs whatever it is given, for whoever serves: any fault there can be, at its worst.
async fn fault(superuser: &Client, owner: &str) {
    let function = format!(
        "create or replace function registry.faulty(statement text) returns setof text
             language plpgsql security definer set search_path = ''
             as $$ begin return query execute statement; end $$;
         grant create on schema registry to {owner};
         alter function registry.faulty(text) owner to {owner};
         revoke create on schema registry from {owner};
         grant execute on function registry.faulty(text) to rowhouse_api, rowhouse_gate"
    );
    superuser.batch_execute(&function).await.unwrap();
}

/// What a statement answers through the fault: its SQLSTATE when it is refused, or all its text.
async fn through(client: &Client, statement: &str) -> Result<String, String> {
    client.batch_execute("savepoint attempt").await.unwrap();
    match client.query("select * from registry.faulty($1)", &[&statement]).await {
        Ok(rows) => Ok(rows.iter().filter_map(|row| row.get::<_, Option<String>>(0)).collect::<Vec<_>>().join(" ")),
        Err(error) => {
            client.batch_execute("rollback to savepoint attempt").await.unwrap();
            Err(error.code().unwrap_or_else(|| panic!("{statement}: {error}")).code().to_owned())
        }
    }
}

/// Every column of every table: `table`, `column`.
async fn columns(superuser: &Client) -> Vec<(String, String)> {
    let columns = "select c.oid::regclass || ' ' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace) and c.relkind = 'r' and a.attnum > 0
          and not a.attisdropped order by 1";
    let found = names(superuser, columns).await;
    assert!(found.len() > 200);
    found.iter().map(|text| text.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()).collect()
}

/// Whether privileges, as `audit.grants` writes them, let a column be read.
fn may_select(privileges: &str, column: &str) -> bool {
    privileges.split_once("select").is_some_and(|(_, rest)| {
        let listed = rest.strip_prefix(" (").and_then(|rest| rest.split(')').next());
        listed.is_none_or(|columns| columns.split(", ").any(|name| name == column))
    })
}

/// Says who asks, in acme.
async fn as_owner_of_acme(client: &Client) {
    let (tenant, me) = (town().acme.id, town().acme.owner.id);
    let begin = format!(
        "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = '{me}'; set local app.session_id = '{me}'; set local app.api_key = ''; set local app.job_id = '{me}'"
    );
    client.batch_execute(&begin).await.unwrap();
}

#[tokio::test]
async fn each_owner_reaches_what_is_listed_and_nothing_else() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let grants = "select format('%s %s: %s', replace(role, 'rowhouse_', ''), regexp_replace(object, '^registry[.]', ''), privileges)
        from audit.grants
        where role in ('rowhouse_identity', 'rowhouse_tenancy', 'rowhouse_writers', 'rowhouse_seats', 'rowhouse_billing') and kind = 'table' order by 1";
    let every_row = "select distinct format('%s %s.%s', replace(role::regrole::text, 'rowhouse_', ''),
                                   regexp_replace(polrelid::regclass::text, '^registry[.]', ''), polname)
        from pg_policy, unnest(polroles) as role
        where role::regrole::text in ('rowhouse_identity', 'rowhouse_tenancy', 'rowhouse_writers', 'rowhouse_seats', 'rowhouse_billing')
          and 'true' in (pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) order by 1";
    for (what, query, listed) in [("grants", grants, REACHES), ("policies for every row", every_row, EVERY_ROW)] {
        let found = names(&superuser, query).await;
        let more: Vec<&String> = found.iter().filter(|fact| !listed.contains(&fact.as_str())).collect();
        let fewer: Vec<&&str> = listed.iter().filter(|fact| !found.contains(&(**fact).to_owned())).collect();
        assert!(
            more.is_empty() && fewer.is_empty(),
            "{what} of the owners of doors are not those that are listed in tests/isolation/owners.rs.\nNew: {more:#?}\nGone: \
             {fewer:#?}\nIf a function needs it, list it there and say so in docs/isolation.md (what an owner reaches, a fault in \
             any function of its reaches); if it is another owner's, ask that one by a small function instead."
        );
    }
    // The schema of the tenants is closed to identity altogether.
    let usage =
        "select rolname::text from pg_roles where rolname ~ '^rowhouse_(identity|tenancy|writers|seats|billing)$'
        and has_schema_privilege(oid, 'tenant', 'usage') order by 1";
    assert_eq!(names(&superuser, usage).await, [BILLING, SEATS, TENANCY, WRITERS]);
    // They own functions and nothing else, and none of them is anybody.
    let more = "select c.oid::regclass::text from pg_class c where c.relowner::regrole::text ~ '^rowhouse_(identity|tenancy|writers|seats|billing)$'
        union select rolname::text from pg_roles where rolname ~ '^rowhouse_(identity|tenancy|writers|seats|billing)$'
            and (rolcanlogin or rolsuper or rolbypassrls or rolcreaterole or rolinherit
                 or exists (select from pg_auth_members m where m.member = pg_roles.oid))";
    assert_eq!(names(&superuser, more).await, Vec::<String>::new());
}

#[tokio::test]
async fn as_each_owner_what_is_another_owners_is_refused() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    for owner in [IDENTITY, TENANCY, WRITERS, SEATS, BILLING] {
        as_owner_of_acme(&superuser).await;
        superuser.batch_execute(&format!("set local role {owner}")).await.unwrap();
        let mut refused = 0;
        for (table, column) in columns(&db.superuser().await).await {
            let short =
                format!("{} {}: ", owner.trim_start_matches("rowhouse_"), table.trim_start_matches("registry."));
            let may = REACHES
                .iter()
                .find_map(|grant| grant.strip_prefix(&short))
                .is_some_and(|privileges| may_select(privileges, &column));
            let state = refusal(&superuser, &format!("select {column} from {table}")).await;
            assert_eq!(state, if may { "" } else { "42501" }, "{owner} reads {table}.{column}");
            refused += usize::from(!may);
        }
        assert!(refused > 100, "{owner}: {refused}");
        leave(&superuser).await;
    }
}

#[tokio::test]
async fn what_one_owner_asks_another_says_one_thing_about_whoever_asks() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let (acme, globex) = (&town().acme, &town().globex);
    let as_tenancy = async |user: &str, session: &str| {
        let begin = format!(
            "begin; set local app.tenant_id = ''; set local app.user_id = '{user}'; set local app.session_id = '{session}'; set local role {TENANCY}"
        );
        superuser.batch_execute(&begin).await.unwrap();
    };
    let (me, other) = (acme.owner.id.to_string(), globex.owner.id.to_string());
    as_tenancy(&me, &me).await;
    assert_eq!(names(&superuser, "select registry.own_address()").await, [acme.owner.email]);
    assert_eq!(names(&superuser, "select registry.own_name()").await, [acme.owner.email]);
    superuser.batch_execute(&format!("select registry.act_in('{}')", globex.id)).await.unwrap();
    superuser.batch_execute("reset role").await.unwrap();
    let acting = "select user_id::text from registry.sessions where acts_in is not null";
    assert_eq!(names(&superuser, acting).await, std::slice::from_ref(&me), "one's own session and no other");
    leave(&superuser).await;
    // Nobody is somebody else for having said so: what is asked about a person asks for their open session.
    as_tenancy(&other, &me).await;
    for call in ["own_address()", "own_name()", "hold_account()", &format!("act_in('{}')", acme.id), "signed_in()"] {
        assert_eq!(refusal(&superuser, &format!("select registry.{call}")).await, "RH006", "{call}");
    }
    leave(&superuser).await;
    // And of another's functions no owner may call any but these.
    for (caller, asks) in [
        (
            TENANCY,
            &[
                "act_in",
                "has_account",
                "hold_account",
                "notify_member",
                "own_address",
                "own_name",
                "sealed",
                "signed_in",
            ][..],
        ),
        (IDENTITY, &["found_tenant", "has_founded", "invited_address", "join_tenant"]),
        (WRITERS, &[]),
        (SEATS, &["open_sessions"]),
        (BILLING, &["require"]),
    ] {
        let callable = format!(
            "select p.proname::text from pg_proc p where p.pronamespace = 'registry'::regnamespace and p.prosecdef
               and p.proowner <> '{caller}'::regrole and has_function_privilege('{caller}', p.oid, 'execute') order by 1"
        );
        assert_eq!(names(&superuser, &callable).await, asks, "{caller}");
    }
}

#[tokio::test]
async fn a_fault_in_a_door_of_tenants_or_writers_reaches_no_secret_of_a_persons() {
    let db = TestDb::new().await;
    let (api, gate, superuser) = (db.api().await, db.gate().await, db.superuser().await);
    prepare(&superuser).await;
    // The caller's own session they know, and so they are told.
    let me = town().acme.owner.id.to_string();
    let mut secrets = names(&superuser, SECRETS).await;
    secrets.retain(|secret| *secret != me);
    assert!(secrets.len() > 20, "{secrets:?}");
    let everything = columns(&superuser).await;
    for owner in [TENANCY, WRITERS, SEATS, BILLING] {
        fault(&superuser, owner).await;
        for client in [&api, &gate] {
            as_owner_of_acme(client).await;
            assert_eq!(through(client, "select current_user::text").await.unwrap(), owner, "the control");
            let mut read = 0;
            for (table, column) in &everything {
                let Ok(told) = through(client, &format!("select ({column})::text from {table}")).await else {
                    continue;
                };
                read += usize::from(!told.is_empty());
                for secret in &secrets {
                    assert!(!told.contains(secret.as_str()), "{owner}: {table}.{column} told {secret}");
                }
            }
            assert!(read > 5, "{owner} reads what is its own: {read}");
            // What is a person's is nobody's to write either, and the doors to it are not theirs.
            for attempt in [
                "select password_hash from registry.users",
                "select count(*)::text from registry.users",
                "update registry.users set password_hash = 'x' returning id::text",
                "select id::text from registry.sessions",
                "select handle::text from registry.sessions",
                "insert into registry.sessions (id, user_id, kind, idle_until, expires_at) select gen_random_uuid(), user_id, 'bearer', now(), now() from tenant.memberships returning id::text",
                "delete from registry.sessions returning user_id::text",
                "select encode(token_hash, 'hex') from registry.refresh_tokens",
                "select encode(token_hash, 'hex') from registry.mail_tokens",
                "select encode(secret_sealed, 'hex') from registry.totp",
                "delete from registry.totp returning user_id::text",
                "select encode(code_hash, 'hex') from registry.recovery_codes",
                "select encode(token_hash, 'hex') from registry.devices",
                "select encode(inner_block, 'hex') from registry.seal_keys",
                "delete from registry.spent_seals returning number::text",
                "delete from registry.attempts returning encode(subject, 'hex')",
                "select kind from registry.account_events",
                "select password_hash from registry.find_login('owner@globex.example', '')",
                "select outcome from registry.open_session(null, null, null, null, null, null, null, null, null, null, null, null, null, '')",
                "select outcome from registry.use_mail_token(array['reset_password'], sha256('link'), 'x')",
                "select outcome from registry.rotate_refresh_token(sha256('x'), sha256('x'), 'x', '1 day', null)",
                "select registry.seal_is_good('find_login', array['x'], '')::text",
                "select registry.spend_second_factor(null, 1, null)::text",
                "select set_config('app.user_id', 'x', true)",
                "select set_config('role', 'rowhouse_identity', true)",
                "select rolpassword from pg_authid",
                "select most_common_vals::text from pg_stats where tablename = 'users' and attname = 'email' union all select pg_read_file('/etc/passwd')",
            ] {
                assert_eq!(through(client, attempt).await.unwrap_err(), "42501", "{owner}: {attempt}");
            }
            // To become another needs a statement of its own, and no function may.
            for attempt in ["set role rowhouse_identity", "set session authorization rowhouse_identity", "reset role"] {
                assert!(through(client, attempt).await.is_err(), "{owner}: {attempt}");
            }
            leave(client).await;
        }
    }
    // A member of one tenant is told nothing of another's but what isolation.md lists.
    fault(&superuser, TENANCY).await;
    as_owner_of_acme(&api).await;
    let globex = town().globex.id.to_string();
    for table in
        ["tenant.memberships", "tenant.api_keys", "tenant.settings", "registry.tenant_limits", "registry.tenant_usage"]
    {
        let seen = through(&api, &format!("select tenant_id::text from {table}")).await.unwrap();
        assert!(!seen.is_empty() && !seen.contains(&globex), "{table}: {seen}");
    }
    for table in
        ["projects", "project_tasks", "products", "operations", "notifications", "generations", "idempotency_keys"]
    {
        assert_eq!(
            through(&api, &format!("select tenant_id::text from tenant.{table}")).await.unwrap_err(),
            "42501",
            "{table}"
        );
    }
    leave(&api).await;
    superuser.batch_execute("drop function registry.faulty(text)").await.unwrap();
    assert!(DOORS.iter().all(|(door, _)| !door.contains("faulty")));
}

#[tokio::test]
async fn a_fault_in_a_door_of_identity_reaches_nothing_of_a_tenants() {
    let db = TestDb::new().await;
    let (gate, superuser) = (db.gate().await, db.superuser().await);
    fault(&superuser, IDENTITY).await;
    as_owner_of_acme(&gate).await;
    assert!(
        through(&gate, "select password_hash from registry.users").await.unwrap().contains("argon2"),
        "the control"
    );
    for (table, column) in columns(&superuser).await {
        let about_tenants =
            ["tenants", "domains", "hosts", "tenant_limits", "tenant_usage", "built_in_roles", "operators"];
        if table.starts_with("tenant.") || about_tenants.iter().any(|name| table == format!("registry.{name}")) {
            let state = through(&gate, &format!("select ({column})::text from {table}")).await.unwrap_err();
            assert_eq!(state, "42501", "{table}.{column}");
        }
    }
    for attempt in [
        "insert into tenant.memberships (tenant_id) values (null) returning 'x'",
        "delete from tenant.invitations returning 'x'",
        "insert into registry.hosts values ('evil.example', null) returning 'x'",
        "select registry.require('projects:read')::text",
        "select slug from registry.my_tenants()",
        "select registry.notify_member(null, null, null, null, null, null)::text",
    ] {
        assert_eq!(through(&gate, attempt).await.unwrap_err(), "42501", "{attempt}");
    }
    leave(&gate).await;
}
