//! What must be true of every table, asked of the catalog: a new table that lacks a wall fails here.
use std::path::Path;

use rowhouse::{api::CONSTRAINTS, db::Constraint};

use super::{names, tenant_tables};
use crate::support::TestDb;

/// Indexes that do not lead with the tenant, each with its reason.
const INDEXES_ACROSS_TENANTS: &[&str] = &[
    // registry.claim_turn looks which tenant has waited longest.
    "tenant.job_heads_ready_idx",
    // "My tenants" asks by user alone, through its door; and the cascade from registry.users.
    "tenant.memberships_user_idx",
    // Each word in it begins with its tenant's mark: docs/adr/0013.
    "tenant.products_search_idx",
    // The clock of all subscriptions, for the worker's door.
    "tenant.subscriptions_due_idx",
];

/// Who owns what works on accounts, sessions, passwords, letters, tries and seals: reaches no schema `tenant`.
pub(crate) const IDENTITY: &str = "rowhouse_identity";
/// Who owns what works on tenants, memberships, invitations, keys, hosts and meters: reaches no account.
pub(crate) const TENANCY: &str = "rowhouse_tenancy";
/// Who owns what writes notifications, events, generations and what happened to accounts: reads none of them.
pub(crate) const WRITERS: &str = "rowhouse_writers";
/// Owns the triggers that keep seats.
pub(crate) const SEATS: &str = "rowhouse_seats";
/// Who owns what works on plans, subscriptions and what follows from them: reaches no account and no row of a tenant's business.
pub(crate) const BILLING: &str = "rowhouse_billing";

/// The SECURITY DEFINER functions, each with its owner. Each has its reason in its file and its attack in `doors`.
pub(crate) const DOORS: &[(&str, &str)] = &[
    ("registry.accept_invitation(uuid,uuid,bytea)", TENANCY),
    ("registry.accept_invitation_as_new(uuid,uuid,bytea,uuid,text,text)", IDENTITY),
    ("registry.act_in(uuid)", IDENTITY),
    ("registry.advance_due(uuid,integer)", BILLING),
    ("registry.attempt(text,text[])", IDENTITY),
    ("registry.authenticate_again(text,bigint,bytea,bytea[],text)", IDENTITY),
    ("registry.begin_generations()", WRITERS),
    ("registry.begin_jobs()", WRITERS),
    ("registry.begin_subscription()", BILLING),
    ("registry.caller_permissions()", TENANCY),
    ("registry.caller_until()", TENANCY),
    ("registry.change_email(text,bytea,interval,text)", IDENTITY),
    ("registry.change_password(text,boolean,text)", IDENTITY),
    ("registry.check_invitation()", TENANCY),
    ("registry.choose_tenant(uuid)", TENANCY),
    ("registry.claim_turn(uuid[])", TENANCY),
    ("registry.collect_overdue(uuid,integer)", BILLING),
    ("registry.create_tenant(uuid,text,text[],uuid[])", TENANCY),
    ("registry.derive_entitlements()", BILLING),
    ("registry.end_letter(uuid,uuid,text,interval)", IDENTITY),
    ("registry.find_invitation(uuid,uuid,bytea)", TENANCY),
    ("registry.find_login(text,text)", IDENTITY),
    ("registry.find_mail_token(text,bytea)", IDENTITY),
    ("registry.find_own_login(text)", IDENTITY),
    ("registry.forget_of_accounts(uuid,integer)", IDENTITY),
    ("registry.found_tenant(uuid,text,text,uuid,text,text[],uuid[])", TENANCY),
    ("registry.has_account(text)", IDENTITY),
    ("registry.has_founded(uuid)", TENANCY),
    ("registry.hold_account()", IDENTITY),
    ("registry.hold_people()", TENANCY),
    ("registry.invited_address(uuid,uuid,bytea)", TENANCY),
    ("registry.issue_mail_token(text,text,bytea,interval,text)", IDENTITY),
    ("registry.job_figures()", TENANCY),
    ("registry.join_tenant(uuid,text,text,uuid,uuid,bytea)", TENANCY),
    ("registry.keep_an_owner()", TENANCY),
    ("registry.keep_balanced()", BILLING),
    ("registry.known_device(text,bytea)", IDENTITY),
    ("registry.leave_tenant()", TENANCY),
    ("registry.letter_figures()", IDENTITY),
    ("registry.letterhead()", TENANCY),
    ("registry.manage_subscription(text,jsonb,bigint[])", BILLING),
    ("registry.meter(bigint)", TENANCY),
    ("registry.my_tenants()", TENANCY),
    ("registry.note_account_event()", WRITERS),
    ("registry.note_domain_check(uuid,text[],text)", TENANCY),
    ("registry.note_changes()", WRITERS),
    ("registry.note_tenant()", WRITERS),
    ("registry.notify_member(uuid,uuid,text,text,text,jsonb,text)", WRITERS),
    ("registry.notify_of_api_key()", WRITERS),
    ("registry.notify_of_operation()", WRITERS),
    ("registry.notify_of_role()", WRITERS),
    ("registry.begin_telling()", WRITERS),
    ("registry.end_operation()", WRITERS),
    ("registry.stop_job()", WRITERS),
    ("registry.tell_of_operation()", WRITERS),
    ("registry.notify_of_webhook()", WRITERS),
    (
        "registry.open_session(uuid,text,text,bigint,bytea,uuid,bytea,text,text,text,interval,interval,bytea[],text)",
        IDENTITY,
    ),
    ("registry.open_sessions(uuid)", IDENTITY),
    ("registry.open_tenants(uuid,integer)", TENANCY),
    ("registry.own_address()", IDENTITY),
    ("registry.own_name()", IDENTITY),
    ("registry.present_epoch()", TENANCY),
    ("registry.require(text)", TENANCY),
    ("registry.require_feature(text,text)", BILLING),
    ("registry.require_job(text)", TENANCY),
    ("registry.rotate_refresh_token(bytea,bytea,bytea,interval,text)", IDENTITY),
    ("registry.seal_holds(text)", IDENTITY),
    ("registry.sealed(text,text[],text)", IDENTITY),
    ("registry.say_rights()", SEATS),
    ("registry.seat_members()", SEATS),
    ("registry.seat_rights()", SEATS),
    ("registry.seat_sessions()", SEATS),
    ("registry.sign_up(uuid,text,text,text,text,bytea,interval,uuid,text,text[],uuid[],text)", IDENTITY),
    ("registry.signed_in(interval)", IDENTITY),
    ("registry.switch_tenant(uuid)", TENANCY),
    ("registry.take_letters(integer,interval)", IDENTITY),
    ("registry.tenant_defaults()", TENANCY),
    ("registry.tenant_of_host(text,text)", TENANCY),
    ("registry.touch_api_key()", TENANCY),
    ("registry.touch_session(interval)", IDENTITY),
    ("registry.use_mail_token(text[],bytea,text)", IDENTITY),
    ("registry.wake_jobs()", WRITERS),
    ("registry.webhooks_behind(uuid[],uuid,integer)", TENANCY),
    ("registry.withdraw_invitations()", TENANCY),
    ("registry.withdraw_widened()", SEATS),
    ("registry.write_letter(uuid,text,bytea,bytea,bytea)", IDENTITY),
];

/// Constraints on columns that a request fills, but never with what the caller says: each with what fills it.
const NOT_THE_CALLERS: &[(&str, &str)] = &[
    ("products_id_check", "the server, which makes the id"),
    ("api_keys_created_by_fkey", "the member who asks; gone in between is a race and an error"),
    ("api_keys_hint_check", "the server, from the key it made"),
    ("api_keys_secret_check", "the server, a digest"),
    ("api_keys_tenant_fkey", "registry.letterhead"),
    ("devices_token_check", "the server, a digest"),
    ("devices_user_fkey", "the user who has just signed in"),
    ("idempotency_keys_api_key_fkey", "the API key that asks"),
    ("idempotency_keys_fingerprint_check", "the server, a digest"),
    ("idempotency_keys_key_check", "the caller, whose key the server has looked at"),
    ("idempotency_keys_user_fkey", "the member who asks"),
    ("invitations_invited_by_fkey", "the member who asks; gone in between is a race and an error"),
    ("invitations_invited_by_key_fkey", "the API key that asks; revoked in between is a race and an error"),
    ("invitations_token_check", "the server, a digest"),
    ("jobs_attempts_check", "the server, which counts, and begins anew at none"),
    ("jobs_error_check", "the worker, which says why a job failed"),
    ("jobs_error_code_check", "the worker, which says why a job failed"),
    ("jobs_finished_check", "the statements, which change both"),
    ("jobs_kind_check", "the server, which causes jobs"),
    ("jobs_lease_check", "the worker, which claims and ends"),
    ("jobs_max_attempts_check", "the server, by kind"),
    ("jobs_order_key_check", "the server, which causes jobs"),
    ("jobs_payload_check", "the server, which causes jobs"),
    ("jobs_payload_version_check", "the server, by kind"),
    ("jobs_priority_check", "the server, by kind"),
    ("jobs_run_at_check", "the statements, which say now"),
    ("jobs_state_check", "the statements, which know the states"),
    ("jobs_unique_key_check", "the server, which causes jobs"),
    ("tickets_api_key_fkey", "the API key that asks"),
    ("tickets_user_fkey", "the member who asks"),
    ("operation_chunks_data_check", "the server, which cuts files into pieces"),
    ("operation_chunks_number_check", "the server, which counts them"),
    ("operation_files_bytes_check", "the server, which has received them"),
    ("operation_files_operation_fkey", "the server, which writes the operation down before"),
    ("operation_files_sha256_check", "the server, which has hashed it"),
    ("operations_kind_check", "the server, which begins operations"),
    ("operations_status_check", "the server, which runs them"),
    ("product_tags_product_fkey", "a trigger, from the product itself"),
    ("product_words_word_check", "a trigger, which takes words of that length alone"),
    ("recovery_codes_hash_check", "the server, a digest"),
    ("recovery_codes_user_fkey", "the user who asks, after a look at their second factor"),
    ("roles_permissions_key", "contains the primary key, which the server makes"),
    ("totp_user_fkey", "the user who asks"),
    ("webhook_deliveries_attempts_check", "the worker, which counts"),
    ("webhook_deliveries_event_key", "contains the id of a message, which the server makes"),
    ("webhook_deliveries_finished_check", "the statements, which change both"),
    ("webhook_deliveries_next_at_check", "the statements, which say now"),
    ("webhook_deliveries_state_check", "the statements, which know the states"),
    ("webhook_endpoints_disabled_check", "the statements, which change all three"),
    ("webhook_endpoints_disabled_why_check", "the statements and the worker, which know the words"),
    ("webhook_endpoints_state_check", "a vocabulary, which the handler reads"),
    ("webhook_secrets_fingerprint_check", "the server, a digest"),
    ("webhook_secrets_sealed_check", "the server, which locks what it has looked at"),
    ("users_member_key", "contains the primary key, which nobody changes"),
];

/// Constraints that a request breaks through a door or a trigger only, and an index that is unique of some rows alone.
const BY_DOORS: &[&str] = &[
    "jobs_unique_key",
    "subscriptions_plan_offered",
    "tenants_slug_key",
    "tenants_slug_reserved",
    "roles_permissions_fkey",
    "invitations_member_key",
    "webhook_secrets_one_in_use",
];

/// Asserts that a query names nothing.
#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}: {found:#?}");
}

#[tokio::test]
async fn every_table_has_row_security_enabled_and_forced() {
    let db = TestDb::new().await;
    let exempt = "select c.oid::regclass::text from pg_class c
        where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace) and c.relkind in ('r', 'p')
          and not (c.relrowsecurity and c.relforcerowsecurity)";
    none(
        "tables without a wall that holds their owner too: begin sql/policies/<table>.sql with `alter table … enable row level security` and `… force row level security`, as sql/policies/tenant.projects.sql does",
        &names(&db.superuser().await, exempt).await,
    );
    // What cannot carry a wall has no place in these schemas.
    let other = "select c.oid::regclass::text from pg_class c
        where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace)
          and c.relkind not in ('r', 'p', 'i', 'I')";
    none(
        "views, sequences and the like, which carry no wall: make a table of it, or a function under sql/functions",
        &names(&db.superuser().await, other).await,
    );
}

/// A DBA who looks at a table in psql reads what it and each of its policies are for, and what is in what nobody can read.
#[tokio::test]
async fn every_table_every_policy_and_every_column_of_bytes_says_in_the_catalog_what_it_is_for() {
    let db = TestDb::new().await;
    let silent = "with house as (
            select c.oid, c.oid::regclass::text as name from pg_class c
            where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace, 'audit'::regnamespace) and c.relkind in ('r', 'p'))
        select format('sql/policies/%s.sql lacks: comment on table %s is …', name, name) from house
        where obj_description(oid, 'pg_class') is null
        union all
        select format('sql/policies/%s.sql lacks: comment on policy %I on %s is …', name, p.polname, name)
        from house join pg_policy p on p.polrelid = house.oid where obj_description(p.oid, 'pg_policy') is null
        union all
        select format('sql/policies/%s.sql lacks: comment on column %s.%I is …', name, name, a.attname)
        from house join pg_attribute a on a.attrelid = house.oid and a.attnum > 0 and a.atttypid = 'bytea'::regtype
        where col_description(house.oid, a.attnum) is null and not a.attisdropped
        order by 1";
    none(
        "what has no comment in the catalog: write `comment on …` into its sql/policies/<table>.sql, or into the migration that makes the column",
        &names(&db.superuser().await, silent).await,
    );
}

/// A policy is called by its command, and then by whom or what for: `wall`, `select_permitted`, `insert_doors`.
#[tokio::test]
async fn every_policy_is_named_by_its_command() {
    let db = TestDb::new().await;
    let misnamed = "select polrelid::regclass || '.' || polname from pg_policy
        where polname <> 'wall'
          and not starts_with(polname, case polcmd when 'r' then 'select_' when 'a' then 'insert_' when 'w' then 'update_' when 'd' then 'delete_' else 'all_' end)";
    none(
        "policies that are not named by their command, such as select_permitted",
        &names(&db.superuser().await, misnamed).await,
    );
}

#[tokio::test]
async fn every_tenant_table_has_the_one_restrictive_wall_and_nothing_wider() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let expression = "(tenant_id = ( SELECT (current_setting('app.tenant_id'::text))::uuid AS current_setting))";
    for table in tenant_tables(&superuser).await {
        let walls = format!(
            "select format('%s %s %s', polcmd, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
             from pg_policy where polrelid = '{table}'::regclass and not polpermissive and polname = 'wall'
               and polroles = array(select oid from pg_roles
                   where rolname in ('rowhouse_api', 'rowhouse_worker', 'rowhouse_owner')) "
        );
        let sorted = walls
            .replace("polroles =", "(select array_agg(r order by r) from unnest(polroles) r) =")
            .replace("'rowhouse_owner'))", "'rowhouse_owner') order by oid)");
        assert_eq!(
            names(&superuser, &sorted).await,
            [format!("* {expression} {expression}")],
            "sql/policies/{table}.sql: `create policy wall … as restrictive to rowhouse_api, rowhouse_worker, rowhouse_owner using (…) with \
             check (…)` is missing or says something else than that of sql/policies/tenant.projects.sql"
        );
    }
    let outside = "select polrelid::regclass || '.' || polname from pg_policy, unnest(polroles) as role
        where polpermissive and polrelid in (select oid from pg_class where relnamespace = 'tenant'::regnamespace)
          and role not in ('rowhouse_api'::regrole, 'rowhouse_worker'::regrole, 'rowhouse_tenancy'::regrole, 'rowhouse_writers'::regrole, 'rowhouse_seats'::regrole, 'rowhouse_billing'::regrole)";
    none(
        "policies for roles that the wall does not name: add the role to `create policy wall` in the table's file under sql/policies",
        &names(&superuser, outside).await,
    );
}

/// Without its policy a granted command finds no row, which its caller is told as if the row were another's; without its grant a policy
/// is never asked.
#[tokio::test]
async fn what_is_granted_has_a_policy_and_what_has_a_policy_is_granted() {
    let db = TestDb::new().await;
    let uneven = "select 'sql/policies/' || name || '.sql: ' || case when granted
                then 'grants ' || word || ' to ' || role || ' and has no policy for it: create policy ' || word || '_permitted … for ' || word
                else 'has a policy for ' || word || ' to ' || role || ' and grants it not: grant ' || word || ' … on ' || name || ' to ' || role end
        from (
            select c.oid::regclass::text as name, word, role,
                has_table_privilege(role, c.oid, word)
                    or word <> 'delete' and has_any_column_privilege(role, c.oid, case word when 'delete' then 'select' else word end) as granted,
                exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd in (letter, '*')
                        and (p.polroles = '{0}' or exists (select from unnest(p.polroles) r where r <> 0 and pg_has_role(role, r, 'usage')))) as policed
            from pg_class c, unnest(array['rowhouse_api', 'rowhouse_gate']) role,
                (values ('select', 'r'::\"char\"), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) commands (word, letter)
            where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace) and c.relkind = 'r' and c.relrowsecurity
        ) each where granted <> policed order by 1";
    none("grants and policies that do not go together", &names(&db.superuser().await, uneven).await);
}

#[tokio::test]
async fn every_permissive_policy_of_the_api_asks_for_a_permission_once_a_statement() {
    let db = TestDb::new().await;
    let others = "select polrelid::regclass || '.' || polname from pg_policy
        where polpermissive and 'rowhouse_api'::regrole = any (polroles)
          and polrelid in (select oid from pg_class where relnamespace = 'tenant'::regnamespace)
          and (coalesce(pg_get_expr(polqual, polrelid), '') || coalesce(pg_get_expr(polwithcheck, polrelid), ''))
              !~ '^(\\(tenant_id = \\( SELECT registry\\.require\\(''[a-z-]+:[a-z]+''::text\\) AS require\\)\\))+$'
          -- The same, of what a plan has to have.
          and coalesce(pg_get_expr(polwithcheck, polrelid), '')
              !~ '^\\(tenant_id = \\( SELECT registry\\.require_feature\\(''[a-z_]+''::text, ''[a-z-]+:[a-z]+''::text\\) AS require_feature\\)\\)$'
          -- What is a caller's own inside a tenant.
          and (coalesce(pg_get_expr(polqual, polrelid), '') || coalesce(pg_get_expr(polwithcheck, polrelid), ''))
              !~ '^(\\(principal = \\( SELECT registry\\.principal\\(\\) AS principal\\)\\))+$'
          -- Whoever causes a job holds what its kind asks for, and takes no other kind's keys.
          and not (polrelid = 'tenant.jobs'::regclass and polcmd = 'a'
                   and pg_get_expr(polwithcheck, polrelid)
                       like '((tenant_id = ( SELECT registry.may_cause(jobs.kind) AS may_cause)) AND registry.is_ones_own_job(%) AND starts_with(%) AND (%))')
          -- Whoever has one done again causes it, and the permission is asked for as well.
          and not (polrelid = 'tenant.jobs'::regclass and polcmd = 'w'
                   and pg_get_expr(polqual, polrelid) = '(tenant_id = ( SELECT registry.require(''jobs:write''::text) AS require))'
                   and pg_get_expr(polwithcheck, polrelid)
                       = '((tenant_id = ( SELECT registry.require(''jobs:write''::text) AS require)) AND '
                         || '((state <> ''waiting''::text) OR (tenant_id = ( SELECT registry.may_cause(jobs.kind) AS may_cause))))')
          -- Of what holds a permission lets one write, one kind of row alone.
          and not (polrelid in ('tenant.webhook_deliveries'::regclass, 'tenant.webhook_secrets'::regclass) and polcmd in ('a', 'w', 'd')
                   and (coalesce(pg_get_expr(polqual, polrelid), '') || coalesce(pg_get_expr(polwithcheck, polrelid), ''))
                       ~ ('^(\\(tenant_id = \\( SELECT registry\\.require\\(''webhooks:write''::text\\) AS require\\)\\))?'
                          || '\\(\\(tenant_id = \\( SELECT registry\\.require\\(''webhooks:write''::text\\) AS require\\)\\) AND '))
          -- That something has changed, and not what: every member and every key of the tenant may know.
          and not (polrelid in ('tenant.generations'::regclass, 'tenant.part_generations'::regclass) and polcmd = 'r'
                   and pg_get_expr(polqual, polrelid) = '(tenant_id = ( SELECT registry.require(NULL::text) AS require))')
          -- What happened, of what the caller may see.
          and not (polrelid in ('tenant.events'::regclass, 'tenant.webhook_deliveries'::regclass, 'tenant.webhook_attempts'::regclass)
                   and polcmd = 'r' and pg_get_expr(polqual, polrelid)
                       = '((tenant_id = ( SELECT registry.require(''' || case polrelid when 'tenant.events'::regclass then 'events' else 'webhooks' end
                         || ':read''::text) AS require)) AND '
                         || '(permission = ANY (( SELECT registry.caller_permissions() AS caller_permissions)::text[])))')
          and (coalesce(pg_get_expr(polqual, polrelid), '') || coalesce(pg_get_expr(polwithcheck, polrelid), ''))
              !~ ('^(\\(\\(tenant_id = \\( SELECT registry\\.require_person\\(\\) AS require_person\\)\\)'
                  || ' AND \\(user_id = \\( SELECT \\(current_setting\\(''app\\.user_id''::text\\)\\)::uuid AS current_setting\\)\\)\\))+$')";
    none(
        "policies that ask otherwise than those of sql/policies/tenant.projects.sql, `tenant_id = (select registry.require('…'))`, where a table is not listed here with why",
        &names(&db.superuser().await, others).await,
    );
    let unknown = "select format('sql/policies/%s.sql: policy %s asks for ''%s''%s', polrelid::regclass, polname, m[1],
            coalesce(', and there is ' || (select string_agg(quote_literal(name), ', ' order by name) from registry.permissions
                      where split_part(name, ':', 1) = split_part(m[1], ':', 1)), '')) from pg_policy,
            regexp_matches(coalesce(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)),
                           'require\\(''([^'']+)''', 'g') as m
        where not exists (select from registry.permissions where name = m[1]) order by 1";
    none(
        "permissions that policies ask for and nobody can hold: spell them as the migration that makes the table does, or give them in it: `set local role rowhouse_migrator; select registry.give('things:read', 'See things', array['owner', 'admin', 'member', 'viewer']);`",
        &names(&db.superuser().await, unknown).await,
    );
}

#[tokio::test]
async fn every_key_of_a_tenant_table_leads_with_the_tenant() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    for table in tenant_tables(&superuser).await {
        let column = format!(
            "select format_type(atttypid, atttypmod) || ' ' || attnotnull from pg_attribute
             where attrelid = '{table}'::regclass and attname = 'tenant_id'"
        );
        assert_eq!(names(&superuser, &column).await, ["uuid true"], "tenant_id of {table}");
    }
    let indexes = "select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indrelid
        where c.relnamespace = 'tenant'::regnamespace
          and (i.indkey[0] = 0 or (select attname from pg_attribute
               where attrelid = i.indrelid and attnum = i.indkey[0]) <> 'tenant_id')";
    let mut found = names(&superuser, indexes).await;
    found.sort_unstable();
    let across: Vec<String> =
        found.iter().filter(|name| !INDEXES_ACROSS_TENANTS.contains(&name.as_str())).cloned().collect();
    none(
        "keys and indexes that do not begin with the tenant, so that one tenant's value is in the way of another's: write `(tenant_id, …)` \
         in the migration that makes them",
        &across,
    );
    assert_eq!(found, INDEXES_ACROSS_TENANTS, "INDEXES_ACROSS_TENANTS lists what is there");
    // The audit log is written by a trigger alone, of rows whose tenant is there, and each would pay for a look.
    let adrift = "select c.oid::regclass::text from pg_class c
        where c.relnamespace = 'tenant'::regnamespace and c.relkind in ('r', 'p') and c.oid <> 'tenant.audit_log'::regclass and not exists (
            select from pg_constraint f join pg_class r on r.oid = f.confrelid
            join pg_attribute a on a.attrelid = c.oid and a.attnum = f.conkey[1]
            where f.contype = 'f' and f.conrelid = c.oid and a.attname = 'tenant_id'
              and (r.oid = 'registry.tenants'::regclass or r.relnamespace = 'tenant'::regnamespace)) order by 1";
    none(
        "tables whose rows can name a tenant that is not there: in the migration, `tenant_id uuid not null constraint <table>_tenant_fkey \
         references registry.tenants (id)`, or a foreign key led by tenant_id to a table that has one",
        &names(&superuser, adrift).await,
    );
    let foreign = "select f.conrelid::regclass || '.' || f.conname from pg_constraint f
        join pg_class r on r.oid = f.confrelid
        where f.contype = 'f' and r.relnamespace = 'tenant'::regnamespace
          and not ((select attname from pg_attribute where attrelid = f.conrelid and attnum = f.conkey[1]) = 'tenant_id'
               and (select attname from pg_attribute where attrelid = f.confrelid and attnum = f.confkey[1]) = 'tenant_id')";
    none(
        "foreign keys that do not lead with the tenant, so that a row could refer to another tenant's: write `foreign key (tenant_id, …) references … (tenant_id, id)` in its migration",
        &names(&superuser, foreign).await,
    );
    // `set null` on the whole key would clear the tenant.
    let clears = "select conrelid::regclass || '.' || conname from pg_constraint
        where contype = 'f' and confdeltype in ('n', 'd') and (confdelsetcols is null
          or exists (select from pg_attribute where attrelid = conrelid and attnum = any (confdelsetcols)
                     and attname = 'tenant_id'))";
    none(
        "foreign keys that would clear the tenant: name the columns, `on delete set null (owner_id)`",
        &names(&superuser, clears).await,
    );
}

/// What `If-Match` compares is written by nobody but the trigger.
#[tokio::test]
async fn every_table_with_a_version_counts_it_at_each_change() {
    let db = TestDb::new().await;
    let uncounted = "select 'sql/policies/' || c.oid::regclass || '.sql' from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'version' and not a.attisdropped
        where c.relnamespace = 'tenant'::regnamespace and c.relkind in ('r', 'p') and not exists (
            -- 19: for each row, before, update.
            select from pg_trigger t where t.tgrelid = c.oid and t.tgtype = 19 and t.tgenabled <> 'D' and t.tgqual is null
              and t.tgfoid = 'registry.keep_version()'::regprocedure) order by 1";
    none(
        "whose version stays as it is when a row changes, so that a stale If-Match overwrites: `create or replace trigger keep_version \
         before update on <table> for each row execute function registry.keep_version()`, as in sql/policies/tenant.projects.sql",
        &names(&db.superuser().await, uncounted).await,
    );
}

#[tokio::test]
async fn nobody_who_serves_holds_more_than_select_insert_update_and_delete() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let more = "select c.oid::regclass || ': ' || a.privilege_type || ' to ' || a.grantee::regrole
        from pg_class c, aclexplode(c.relacl) a
        where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace) and a.grantee <> c.relowner
          and (a.grantee = 0 or a.is_grantable or a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))";
    none(
        "grants beyond select, insert, update and delete: take them out of sql/policies/<table>.sql",
        &names(&superuser, more).await,
    );
    let movable = "select c.oid::regclass::text || '.' || a.attname from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname in ('tenant_id', 'id', 'version')
        where c.relnamespace = 'tenant'::regnamespace and c.relkind = 'r'
          and has_column_privilege('rowhouse_api', c.oid, a.attname, 'update')";
    none(
        "columns that must not change and can be changed: `grant update (…)` in sql/policies/<table>.sql names the others alone",
        &names(&superuser, movable).await,
    );
}

#[tokio::test]
async fn every_definer_function_is_listed_with_its_owner_and_pins_its_search_path() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let definers = "select p.oid::regprocedure || ' ' || p.proowner::regrole from pg_proc p
        where p.prosecdef and p.pronamespace::regnamespace::text !~ '^pg_' order by 1";
    let found = names(&superuser, definers).await;
    let listed: Vec<String> = DOORS.iter().map(|(door, owner)| format!("{door} {owner}")).collect();
    let undecided: Vec<&String> = found.iter().filter(|door| !listed.contains(door)).collect();
    assert!(
        undecided.is_empty(),
        "{undecided:#?} run with their owner's rights, and nobody has decided whose those are to be. Decide by what a function \
         reads: {IDENTITY} for accounts, sessions and secrets, {TENANCY} for tenants and who belongs to them, {WRITERS} for \
         triggers that write and tell nothing, {BILLING} for plans and what is owed; what it needs of another's it asks by a small function of that one. Then say \
         `alter function … owner to` in its file in sql/functions, list it with its owner in DOORS (tests/isolation/catalog.rs), \
         and call it in tests/isolation/doors.rs. A trigger that can run with the caller's rights needs none of this."
    );
    let gone: Vec<&String> = listed.iter().filter(|door| !found.contains(door)).collect();
    assert!(gone.is_empty(), "{gone:#?} are in DOORS and not in the database: strike them out or mend the owner there");
    let loose = "select p.oid::regprocedure::text from pg_proc p
        where p.pronamespace in ('tenant'::regnamespace, 'registry'::regnamespace, 'audit'::regnamespace)
          and (p.proconfig is null or not 'search_path=\"\"' = any (p.proconfig)
               or has_function_privilege('public', p.oid, 'execute') or p.proleakproof)";
    none(
        "functions that are not pinned (`set search_path = ''`), not revoked from public, or leakproof: its file under sql/functions",
        &names(&superuser, loose).await,
    );
}

#[tokio::test]
async fn every_constraint_that_a_request_can_break_has_a_meaning() {
    let db = TestDb::new().await;
    let breakable = "select distinct concat_ws('|', con.conname, c.relname, con.contype, (
            select a.attname from unnest(con.conkey) with ordinality as key (number, at)
            join pg_attribute a on a.attrelid = c.oid and a.attnum = key.number
            where a.attname <> 'tenant_id' order by key.at limit 1))
        from pg_constraint con
        join pg_class c on c.oid = con.conrelid
        where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace)
          and con.contype in ('c', 'f', 'u', 'x')
          and exists (select from unnest(con.conkey) as key join pg_attribute a on a.attrelid = c.oid and a.attnum = key
                      where a.attname <> 'tenant_id'
                        and exists (select from unnest(array['rowhouse_api', 'rowhouse_gate']) as role
                                    where has_column_privilege(role, c.oid, a.attname, 'insert')
                                       or has_column_privilege(role, c.oid, a.attname, 'update')))
        order by 1";
    let breakable = names(&db.superuser().await, breakable).await;
    let breakable: Vec<[&str; 4]> = breakable
        .iter()
        .map(|found| found.split('|').collect::<Vec<_>>().try_into().expect("name, table, kind and column"))
        .collect();
    let known: Vec<&str> = CONSTRAINTS.iter().copied().flatten().map(Constraint::name).collect();
    let missing: Vec<String> = breakable
        .iter()
        .filter(|[name, ..]| !known.contains(name) && !NOT_THE_CALLERS.iter().any(|(known, _)| known == name))
        .map(|[name, table, kind, column]| {
            let (make, detail) = match *kind {
                "u" | "x" => ("taken", format!("another one of this tenant has this {column}")),
                "f" => ("unknown", "is not there".to_owned()),
                _ => ("out_of_range", "must be …".to_owned()),
            };
            let file = [format!("src/api/{table}.rs"), format!("src/api/{table}/mod.rs")]
                .into_iter()
                .find(|file| Path::new(env!("CARGO_MANIFEST_DIR")).join(file).is_file())
                .unwrap_or_else(|| format!("the file under src/api that writes {table}"));
            format!("{file}, CONSTRAINTS: Constraint::{make}(\"{name}\", \"/{column}\", \"{detail}\"),")
        })
        .collect();
    assert!(
        missing.is_empty(),
        "a request can break these constraints, and nobody says what that means to whoever sent it. Say it, in words that fit (`in_use`, `not_allowed` and \
         `gone` are there as well), and name CONSTRAINTS in src/api/mod.rs; or give a reason in NOT_THE_CALLERS here:\n  {}",
        missing.join("\n  ")
    );
    let excused = NOT_THE_CALLERS.iter().map(|(name, _)| *name);
    for (at, name) in known.iter().enumerate() {
        assert!(!known[..at].contains(name), "{name} is in two CONSTRAINTS under src/api: one of them is to go");
    }
    for name in known.iter().copied().chain(excused).filter(|name| !BY_DOORS.contains(name)) {
        assert!(
            breakable.iter().any(|[found, ..]| *found == name),
            "{name} is named in CONSTRAINTS of a file under src/api or in NOT_THE_CALLERS, and no request can break it: take it out, or spell it as its migration does"
        );
    }
}
