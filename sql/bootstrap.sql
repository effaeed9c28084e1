-- Run once per database by a superuser, before the first migration; safe to run again.
-- Makes the twelve roles, takes back what PostgreSQL gives to everyone, and lays out the schemas.
-- Passwords are not set here: `rowhouse bootstrap` sets them from the connection URLs, already hashed.

-- The roles. A role that exists with other attributes is corrected, and only then, so that two
-- databases of one cluster can be bootstrapped at the same time.
do $$
declare
    wanted record;
    held name;
begin
    for wanted in
        select * from (values
            -- role                 login  bypassrls
            ('rowhouse_owner',      false, false),  -- owns the objects; the walls are forced on it too
            ('rowhouse_migrator',   true,  true),   -- migrates and backfills; never serves
            ('rowhouse_api',        true,  false),  -- serves tenants behind the wall
            ('rowhouse_gate',       true,  false),  -- serves strangers and accounts: nothing in schema tenant
            ('rowhouse_worker',     true,  false),  -- runs jobs behind the same wall
            ('rowhouse_platform',   true,  false),  -- operators: registry only, nothing in schema tenant
            ('rowhouse_auditor',    true,  false),  -- reads catalogs and schema audit, no data
            -- Own the SECURITY DEFINER functions, each those that work on what it may reach (docs/adr/0021).
            ('rowhouse_identity',   false, false),  -- accounts, sessions, passwords, letters, tries, seals
            ('rowhouse_tenancy',    false, false),  -- tenants, memberships, invitations, keys, hosts, meters
            ('rowhouse_writers',    false, false),  -- notifications, generations, what happened to accounts
            ('rowhouse_seats',      false, false),  -- who is in which tenant by which session, until when
            ('rowhouse_billing',    false, false)   -- plans, subscriptions, what follows from them and what is owed
        ) as roles (name, login, bypassrls)
    loop
        if not exists (select from pg_roles where rolname = wanted.name) then
            begin
                execute format('create role %I nosuperuser nocreatedb nocreaterole noreplication', wanted.name);
            exception when duplicate_object or unique_violation then null;  -- made by a neighbour just now
            end;
        end if;
        if exists (
            select from pg_roles
            where rolname = wanted.name
              and (rolsuper or rolcreatedb or rolcreaterole or rolreplication
                   or rolinherit is distinct from (wanted.name = 'rowhouse_migrator')
                   or rolcanlogin is distinct from wanted.login
                   or rolbypassrls is distinct from wanted.bypassrls)
        ) then
            execute format(
                'alter role %I nosuperuser nocreatedb nocreaterole noreplication %s %s %s', wanted.name,
                case when wanted.name = 'rowhouse_migrator' then 'inherit' else 'noinherit' end,
                case when wanted.login then 'login' else 'nologin' end,
                case when wanted.bypassrls then 'bypassrls' else 'nobypassrls' end);
        end if;
    end loop;

    -- The migrator creates objects for these and hands them over. Nobody else is a member of anything.
    foreach held in array array['rowhouse_owner', 'rowhouse_identity', 'rowhouse_tenancy', 'rowhouse_writers', 'rowhouse_seats',
                                 'rowhouse_billing'] loop
        if not pg_has_role('rowhouse_migrator', held, 'member') then
            execute format('grant %I to rowhouse_migrator', held);
        end if;
    end loop;
end
$$;

-- The one role no wall stops says why it is there, to whoever lists the doors.
do $$
declare
    reason constant text := 'Migrates and backfills, which behind a wall would silently touch nothing; never serves.';
begin
    if shobj_description('rowhouse_migrator'::regrole, 'pg_authid') is distinct from reason then
        execute format('comment on role rowhouse_migrator is %L', reason);
    end if;
end
$$;

-- Settings every session of a role starts with. They bound what one request can hold up; none of
-- them carries a tenant. `search_path` is empty, so each name in a statement says its schema.
do $$
declare
    wanted record;
begin
    for wanted in
        select role, setting, value
        from (values
            ('search_path',                         ''),
            ('statement_timeout',                   '5s'),
            ('lock_timeout',                        '2s'),
            ('idle_in_transaction_session_timeout', '10s'),
            ('client_connection_check_interval',    '1s'),
            -- Searches for words that a language leaves out give a notice each, which nobody reads.
            ('client_min_messages',                 'warning')
        ) as settings (setting, value),
        unnest(array['rowhouse_api', 'rowhouse_gate', 'rowhouse_worker', 'rowhouse_platform']) as role
        union all select 'rowhouse_migrator', 'search_path', ''
        union all select 'rowhouse_auditor', 'search_path', ''
        union all select 'rowhouse_auditor', 'default_transaction_read_only', 'on'
    loop
        if not exists (
            select from pg_db_role_setting
            where setrole = wanted.role::regrole and setdatabase = 0
              and wanted.setting || '=' || case wanted.setting when 'search_path' then '""' else wanted.value end
                  = any (setconfig)
        ) then
            execute format('alter role %I set %I = %L', wanted.role, wanted.setting, wanted.value);
        end if;
    end loop;
end
$$;

-- What everyone may do with a fresh database, taken back.
do $$
declare
    routine record;
begin
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to rowhouse_migrator, rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_platform, rowhouse_auditor',
        current_database());

    -- set_config: an expression that reaches a statement could move the wall with it. SET LOCAL is a
    --   statement of its own and needs no function, so nothing legitimate is lost.
    -- large objects: they have no policies and one id space for all tenants.
    -- pg_terminate_backend, pg_cancel_backend: one session of a role could end the others'.
    -- pg_stat_get_activity and its kin: show the statements of the role's other sessions.
    -- advisory locks, setseed: outlive the transaction, and all tenants share one key space.
    -- pg_export_snapshot, pg_logical_emit_message: reach beyond the session.
    -- pg_notify: NOTIFY has no wall; granted later to what sends wake-ups.
    for routine in
        select p.oid::regprocedure as signature
        from pg_proc p
        where p.pronamespace = 'pg_catalog'::regnamespace
          and (p.proname in ('set_config', 'loread', 'lowrite', 'pg_terminate_backend', 'pg_cancel_backend',
                             'pg_stat_get_activity', 'pg_stat_get_backend_activity', 'pg_stat_get_backend_idset',
                             'pg_notify', 'setseed', 'pg_export_snapshot', 'pg_logical_emit_message')
               or p.proname ~ '^(lo_|pg_(try_)?advisory_)')
          and has_function_privilege('public', p.oid, 'execute')
    loop
        execute format('revoke execute on function %s from public', routine.signature);
    end loop;
    -- One migration at a time.
    grant execute on function pg_try_advisory_lock(bigint), pg_advisory_unlock(bigint) to rowhouse_migrator;
end
$$;
revoke all on schema public from public;
revoke select on pg_catalog.pg_stat_activity from public;

-- New functions are executable by everyone unless the creator's defaults say otherwise.
alter default privileges for role rowhouse_migrator revoke execute on functions from public;
alter default privileges for role rowhouse_owner revoke execute on functions from public;
alter default privileges for role rowhouse_identity, rowhouse_tenancy, rowhouse_writers, rowhouse_seats, rowhouse_billing revoke execute on functions from public;

-- tenant: every table is walled, no exception. registry: what tenants share, each table with policies.
-- audit: what a DBA reads.
create schema if not exists tenant authorization rowhouse_owner;
create schema if not exists registry authorization rowhouse_owner;
create schema if not exists audit authorization rowhouse_owner;

-- search: full text under a wall. PostgreSQL's own @@ is not leakproof, so behind a policy it cannot use an index and
-- every search reads the whole tenant. The function below is the very same code (ts_match_vq), and we vouch for it:
-- it answers true or false, raises nothing that depends on the text searched, and stores nothing. With it goes an
-- operator and an operator class, both of which only a superuser can make, as only a superuser can vouch.
-- Where bootstrap is not run by one, the same names stand for plain @@: searches answer the same and read the
-- tenant's products one by one; /readyz?verbose says which it is. docs/adr/0013.
create schema if not exists search;
revoke all on schema search from public;
grant usage on schema search to rowhouse_owner, rowhouse_migrator, rowhouse_api, rowhouse_worker, rowhouse_auditor;

do $$
declare
    vouched boolean := (select rolsuper from pg_roles where rolname = current_user);
begin
    if to_regprocedure('search.matches(tsvector, tsquery)') is null then
        if vouched then
            create function search.matches(tsvector, tsquery) returns boolean
                language internal immutable strict parallel safe leakproof as 'ts_match_vq';
        else
            create function search.matches(tsvector, tsquery) returns boolean
                language sql immutable strict parallel safe return $1 operator(pg_catalog.@@) $2;
        end if;
        create operator search.@@@ (
            function = search.matches, leftarg = tsvector, rightarg = tsquery,
            restrict = eqsel, join = tsmatchjoinsel);
    elsif vouched and not (select proleakproof from pg_proc where oid = 'search.matches(tsvector, tsquery)'::regprocedure) then
        create or replace function search.matches(tsvector, tsquery) returns boolean
            language internal immutable strict parallel safe leakproof as 'ts_match_vq';
    end if;
    -- What is searched for is not known when a connection settles on its plan. tsmatchsel then takes one row in two
    -- hundred to match, and reading a whole tenant off another index beside this one seems to pay: 47 of 60 milliseconds
    -- among 300,000 products. A search for words is nearer to finding one row (eqsel).
    if (select oprrest <> 'pg_catalog.eqsel'::regproc from pg_operator where oid = 'search.@@@(tsvector,tsquery)'::regoperator) then
        alter operator search.@@@ (tsvector, tsquery) set (restrict = eqsel);
    end if;
    revoke all on function search.matches(tsvector, tsquery) from public;
    grant execute on function search.matches(tsvector, tsquery) to rowhouse_owner, rowhouse_migrator, rowhouse_api, rowhouse_worker;

    if vouched and not exists (
        select from pg_opclass where opcname = 'tsvector_ops' and opcnamespace = 'search'::regnamespace
    ) then
        create operator class search.tsvector_ops for type tsvector using gin as
            operator 1 search.@@@ (tsvector, tsquery),
            function 1 pg_catalog.gin_cmp_tslexeme(text, text),
            function 2 pg_catalog.gin_extract_tsvector(tsvector, internal, internal),
            function 3 pg_catalog.gin_extract_tsquery(tsvector, internal, smallint, internal, internal, internal, internal),
            function 4 pg_catalog.gin_tsquery_consistent(internal, smallint, tsvector, integer, internal, internal, internal, internal),
            function 5 pg_catalog.gin_cmp_prefix(text, text, smallint, internal),
            function 6 pg_catalog.gin_tsquery_triconsistent(internal, smallint, tsvector, integer, internal, internal, internal),
            storage text;
    end if;
end
$$;

-- A role that came after the database was last migrated is this file's doing and no change by hand, which `rowhouse migrate`
-- would refuse to cover up.
do $$
begin
    if to_regclass('audit.applied') is null or to_regclass('audit.catalog') is null then
        return;
    end if;
    insert into audit.applied (kind, object, definition)
    select c.kind, c.object, c.definition
    from pg_roles r
    join audit.catalog c on c.kind in ('role', 'role setting', 'role member', 'database grant')
                        and r.rolname = any (string_to_array(c.object, ' '))
    where r.rolname ~ '^rowhouse_'
      and not exists (select from audit.applied a where a.kind = 'role' and a.object = r.rolname)
    on conflict do nothing;
    -- Nor is what the migrator may call since.
    insert into audit.applied (kind, object, definition)
    select c.kind, c.object, c.definition from audit.catalog c
    where c.kind = 'built-in grant' and starts_with(c.object, 'pg_try_advisory_lock(bigint) ')
    on conflict do nothing;
end
$$;

-- rowhouse_doors owned every SECURITY DEFINER function once. `rowhouse migrate` hands those of a database on, with the
-- membership that the migrator has had since, and leaves it owning nothing and granted nothing; the next bootstrap after that
-- takes away what is left of it here, and the role itself when no database of the cluster has anything of it.
do $$
begin
    if to_regrole('rowhouse_doors') is null or not (select rolsuper from pg_roles where rolname = current_user)
       or exists (select from pg_proc where proowner = to_regrole('rowhouse_doors')) then
        return;
    end if;
    drop owned by rowhouse_doors;
    if not exists (select from pg_shdepend where refclassid = 'pg_authid'::regclass and refobjid = to_regrole('rowhouse_doors')) then
        drop role rowhouse_doors;
    end if;
exception when undefined_object or dependent_objects_still_exist then null;  -- a neighbour was there in between
end
$$;

-- What was collected of a column's values before it was said that nothing should be: only a superuser may take it away.
do $$
begin
    if (select rolsuper from pg_roles where rolname = current_user) then
        delete from pg_catalog.pg_statistic s
        using pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
        where s.starelid = a.attrelid and s.staattnum = a.attnum and a.attstattarget = 0
          and c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace);
    end if;
end
$$;
