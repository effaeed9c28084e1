-- A shop with one hole of each kind that the audit knows, for PostgreSQL 15 and later; run as a superuser in a
-- fresh database. A line `-- hole: <lint> <object>` stands before each; the audit has to name every one, and
-- nothing else. `current_database()` stands for the name of the database; `hole from 17` for a hole that
-- older servers cannot have. Everything else in the tables is as it should be.
-- columns: tenant_id
-- setting: app.tenant_id
-- roles: holes_app,holes_bypass,holes_member,holes_monitor,holes_creator,holes_owner

do $$
declare
    wanted record;
begin
    for wanted in
        select * from (values
            ('holes_app',     'login'),
            ('holes_bypass',  'login bypassrls'),
            ('holes_member',  'login noinherit'),
            ('holes_monitor', 'login'),
            ('holes_creator', 'login createrole'),
            ('holes_owner',   'login'),
            ('holes_beside',  'login bypassrls'),
            ('holes_default', 'login'),
            ('holes_group',   'nologin bypassrls'),  -- what holes_member can become
            ('holes_keeper',  'nologin'),            -- owns the doors
            ('holes_hop',     'nologin'),            -- what holes_monitor can become, and from there
            ('holes_maker',   'nologin createrole'), -- this
            ('holes_nobody',  'nologin')
        ) as roles (name, attributes)
    loop
        if not exists (select from pg_roles where rolname = wanted.name) then
            begin
                execute format('create role %I %s', wanted.name, wanted.attributes);
            exception when duplicate_object or unique_violation then null;
            end;
        end if;
    end loop;
end
$$;

revoke create on schema public from public;
create schema shop;
create schema shop_open;
create schema shop_hidden;
grant usage on schema shop to holes_app, holes_bypass, holes_member, holes_monitor, holes_creator, holes_owner, holes_beside, holes_keeper;

-- What a well made table gets: row level security, forced; one policy; grants, UPDATE by column.
create procedure shop.wall(made regclass, changeable text default 'note') language plpgsql as $$
begin
    call shop.secure(made);
    execute format('create policy wall on %s using (tenant_id = (select current_setting(''app.tenant_id'')::uuid)) '
                   'with check (tenant_id = (select current_setting(''app.tenant_id'')::uuid))', made);
    call shop.open_to_app(made, changeable);
end
$$;
create procedure shop.secure(made regclass) language plpgsql as $$
begin
    execute format('alter table %s enable row level security, force row level security', made);
end
$$;
create procedure shop.open_to_app(made regclass, changeable text default 'note') language plpgsql as $$
begin
    execute format('grant select, insert, delete, update (%s) on %s to holes_app', changeable, made);
end
$$;

-- Without any hole: other tables point here.
create table shop.orders (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.orders');
grant select on shop.orders to holes_bypass, holes_member, holes_monitor, holes_creator, holes_owner, holes_beside, holes_keeper;

-- Exemption from row level security --------------------------------------------------------------

-- hole: rls-disabled shop.bare
create table shop.bare (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.open_to_app('shop.bare');

-- hole: rls-not-forced shop.unforced
create table shop.unforced (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.unforced');
alter table shop.unforced no force row level security;

-- hole: child-reachable shop.events_2026
create table shop.events (tenant_id uuid not null, id uuid not null, year int not null, note text, primary key (tenant_id, year, id))
    partition by list (year);
create table shop.events_2025 partition of shop.events for values in (2025);
create table shop.events_2026 partition of shop.events for values in (2026);
call shop.wall('shop.events');
grant select on shop.events_2026 to holes_app;

-- hole: parent-without-wall shop.things
create table shop.things (note text);
create table shop.tenant_things (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id)) inherits (shop.things);
call shop.wall('shop.tenant_things');
grant select on shop.things to holes_app;

-- hole: parent-without-wall shop.open_things
create table shop.open_things (note text);
create table shop.tenant_open_things (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id)) inherits (shop.open_things);
call shop.wall('shop.tenant_open_things');
call shop.secure('shop.open_things');
create policy everyone on shop.open_things using (true);
grant select on shop.open_things to holes_app;

-- hole: view-definer shop.all_orders
create view shop.all_orders as select * from shop.orders;
-- hole: view-definer shop.over_all_orders
create view shop.over_all_orders with (security_invoker) as select * from shop.all_orders;
-- hole: view-definer shop.kept_orders
create view shop.kept_orders as select * from shop.orders;
alter view shop.kept_orders owner to holes_keeper;
create view shop.right_orders with (security_invoker) as select * from shop.orders;
grant select on shop.all_orders, shop.over_all_orders, shop.kept_orders, shop.right_orders to holes_app;

-- hole: materialized-view shop.order_counts
create materialized view shop.order_counts as select tenant_id, count(*) from shop.orders group by tenant_id;
grant select on shop.order_counts to holes_app;

-- A wrapper without a handler connects to nothing.
create foreign data wrapper holes_wrapper;
-- hole: untrusted-extension foreign server holes_server
create server holes_server foreign data wrapper holes_wrapper;
grant usage on foreign server holes_server to holes_app;
-- hole: untrusted-extension user mapping for holes_app on server holes_server
create user mapping for holes_app server holes_server;
-- hole: untrusted-extension pg_catalog.pg_read_file(text)
grant execute on function pg_catalog.pg_read_file(text) to holes_app;
-- hole: foreign-table shop.remote_orders
create foreign table shop.remote_orders (tenant_id uuid, id uuid) server holes_server;
-- hole: foreign-table shop.remote_rates
create foreign table shop.remote_rates (currency text, rate numeric) server holes_server;
grant select on shop.remote_orders, shop.remote_rates to holes_app;

-- Keys ---------------------------------------------------------------------------------------------

-- hole: unique-without-tenant shop.parents.parents_id_key
create table shop.parents (tenant_id uuid not null, id uuid not null constraint parents_id_key unique, note text, primary key (tenant_id, id));
call shop.wall('shop.parents');

-- hole: unique-without-tenant shop.codes.codes_code_key
-- hole: unique-without-tenant shop.codes_serial_idx
create table shop.codes (tenant_id uuid not null, id uuid not null, code text, serial bigint, note text,
    primary key (tenant_id, id), constraint codes_code_key unique (code));
create unique index codes_serial_idx on shop.codes (serial) include (tenant_id);
call shop.wall('shop.codes');

-- hole: unique-expression-without-tenant shop.people_email_idx
create table shop.people (tenant_id uuid not null, id uuid not null, email text, note text, primary key (tenant_id, id));
create unique index people_email_idx on shop.people (lower(email));
-- hole: statistics shop.people.email
create unique index people_email_in_tenant_idx on shop.people (tenant_id, lower(email));
call shop.wall('shop.people');

-- hole: exclusion-without-tenant shop.bookings.bookings_excl
create table shop.bookings (tenant_id uuid not null, id uuid not null, during tsrange, note text, primary key (tenant_id, id),
    constraint bookings_excl exclude using gist (during with &&));
call shop.wall('shop.bookings');

-- A partition is written through what it is a part of.
-- hole: unique-without-tenant shop.visits_1.visits_1_code_key
-- hole: unique-expression-without-tenant shop.visits_1_code_idx
-- hole: exclusion-without-tenant shop.visits_1.visits_1_excl
create table shop.visits (tenant_id uuid not null, id uuid not null, year int not null, code text, during tsrange, note text,
    primary key (tenant_id, year, id)) partition by list (year);
create table shop.visits_1 partition of shop.visits
    (constraint visits_1_code_key unique (code), constraint visits_1_excl exclude using gist (during with &&)) for values in (1);
create unique index visits_1_code_idx on shop.visits_1 (lower(code)) where tenant_id is not null;
call shop.wall('shop.visits');

-- hole: foreign-key-without-tenant shop.loose.loose_parent_fkey
create table shop.loose (tenant_id uuid not null, id uuid not null, parent_id uuid, note text, primary key (tenant_id, id),
    constraint loose_parent_fkey foreign key (parent_id) references shop.parents (id) on delete cascade);
call shop.wall('shop.loose');

-- hole: nullable-tenant shop.drafts.tenant_id
-- hole: foreign-key-skipped-on-null shop.drafts.drafts_order_fkey
create table shop.drafts (tenant_id uuid, order_id uuid not null, note text,
    constraint drafts_order_fkey foreign key (tenant_id, order_id) references shop.orders (tenant_id, id));
call shop.wall('shop.drafts');

-- hole: foreign-key-clears-tenant shop.cleared.cleared_order_fkey
create table shop.cleared (tenant_id uuid not null, id uuid not null, order_id uuid, note text, primary key (tenant_id, id),
    constraint cleared_order_fkey foreign key (tenant_id, order_id) references shop.orders (tenant_id, id) on delete set null,
    constraint cleared_right_fkey foreign key (tenant_id, order_id) references shop.orders (tenant_id, id) on delete set null (order_id));
call shop.wall('shop.cleared');

-- hole: foreign-key-moves-tenant shop.moved.moved_account_fkey
-- hole: tenants-exposed shop.accounts
create table shop.accounts (id uuid primary key, note text);
grant select, update (id, note) on shop.accounts to holes_app;
create table shop.moved (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id),
    constraint moved_account_fkey foreign key (tenant_id) references shop.accounts (id) on update cascade);
call shop.wall('shop.moved');

-- hole: tenants-exposed shop.firms
create table shop.firms (id uuid primary key, note text);
call shop.secure('shop.firms');
create policy everyone on shop.firms using (true) with check (id = (select current_setting('app.tenant_id')::uuid));
grant select, update (note) on shop.firms to holes_app;
create table shop.of_firms (tenant_id uuid not null references shop.firms (id), id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.of_firms');

-- hole: key-not-enforced shop.unchecked.unchecked_note_check
-- hole: key-not-enforced shop.unchecked.unchecked_order_fkey
create table shop.unchecked (tenant_id uuid not null, id uuid not null, order_id uuid, note text, primary key (tenant_id, id),
    constraint unchecked_order_fkey foreign key (tenant_id, order_id) references shop.orders (tenant_id, id));
alter table shop.unchecked add constraint unchecked_note_check check (note <> '') not valid;
do $$
declare
    item record;
begin
    for item in
        select tgname from pg_trigger where tgrelid = 'shop.unchecked'::regclass and tgisinternal
    loop
        execute format('alter table shop.unchecked disable trigger %I', item.tgname);
    end loop;
end
$$;
call shop.wall('shop.unchecked');

-- hole: empty-tenant shop.named.tenant_id
create table shop.named (tenant_id text not null, id uuid not null, note text, primary key (tenant_id, id),
    check (tenant_id <> '' or note is null));
call shop.secure('shop.named');
create policy wall on shop.named using (tenant_id = (select current_setting('app.tenant_id'))) with check (tenant_id = (select current_setting('app.tenant_id')));
call shop.open_to_app('shop.named');

-- hole: table-without-tenant shop.parent_lines
create table shop.parent_lines (parent_id uuid references shop.parents (id), line int, note text, primary key (parent_id, line));
grant select, insert on shop.parent_lines to holes_app;
-- hole: table-without-tenant shop.line_notes
create table shop.line_notes (parent_id uuid, line int, note text, foreign key (parent_id, line) references shop.parent_lines);
grant select on shop.line_notes to holes_app;
-- hole: table-without-tenant shop.open_lines
create table shop.open_lines (of_tenant uuid, order_id uuid, line int, note text, primary key (of_tenant, order_id, line),
    foreign key (of_tenant, order_id) references shop.orders (tenant_id, id));
call shop.secure('shop.open_lines');
create policy everyone on shop.open_lines using (true);
grant select on shop.open_lines to holes_app;

-- A table without tenant column, as it should be but for this:
-- hole: grant-truncate shop.order_lines
-- hole: grant-references shop.order_lines
-- hole: grant-trigger shop.order_lines
-- hole: view-definer shop.all_order_lines
-- hole: materialized-view shop.order_line_counts
create table shop.order_lines (of_tenant uuid, order_id uuid, line int, note text, primary key (of_tenant, order_id, line),
    foreign key (of_tenant, order_id) references shop.orders (tenant_id, id));
call shop.secure('shop.order_lines');
create policy of_order on shop.order_lines
    using (exists (select from shop.orders o where o.tenant_id = order_lines.of_tenant and o.id = order_lines.order_id));
grant select, truncate, references, trigger on shop.order_lines to holes_app;
create view shop.all_order_lines as select * from shop.order_lines;
create materialized view shop.order_line_counts as select order_id, count(*) from shop.order_lines group by order_id;
grant select on shop.all_order_lines, shop.order_line_counts to holes_app;

-- Privileges ---------------------------------------------------------------------------------------

-- hole: grant-truncate shop.truncated
create table shop.truncated (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.truncated');
grant truncate on shop.truncated to holes_app;

-- hole: grant-references shop.referenced
create table shop.referenced (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.referenced');
grant references (tenant_id, id) on shop.referenced to holes_app;

-- hole: grant-trigger shop.triggered
create table shop.triggered (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.triggered');
grant trigger on shop.triggered to holes_app;

-- hole from 17: grant-maintain shop.maintained
create table shop.maintained (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.maintained');
do $$
begin
    if current_setting('server_version_num')::int >= 170000 then
        grant maintain on shop.maintained to holes_app;
    end if;
end
$$;

-- hole: grant-with-option shop.passed_on
create table shop.passed_on (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.passed_on');
grant select on shop.passed_on to holes_app with grant option;

-- hole: tenant-updatable shop.movable.tenant_id
create table shop.movable (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.movable', 'tenant_id, note');

-- hole: tenant-updatable shop.all_movable.tenant_id
create table shop.all_movable (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.all_movable');
grant update on shop.all_movable to holes_app;

-- hole: sequence-grant shop.numbers
create sequence shop.numbers;
grant usage on sequence shop.numbers to holes_app;

-- hole: schema-create shop_open
grant usage, create on schema shop_open to holes_app;

-- hole: database-create current_database()
-- hole: database-temp current_database()
do $$
begin
    execute format('grant create on database %I to holes_app', current_database());
end
$$;

-- hole: default-privileges default privileges of holes_keeper on tables in schema shop_open
alter default privileges for role holes_keeper in schema shop_open grant select on tables to holes_app;

-- hole: publication holes_publication
create publication holes_publication for table shop.orders, shop.parents where (tenant_id is null);
-- hole: publication holes_filtered
create publication holes_filtered for table shop.orders where (tenant_id is not null), shop.parents where (true);

-- Roles and settings -------------------------------------------------------------------------------

-- hole: role-bypasses holes_bypass
-- hole: role-beside-the-wall holes_beside
-- hole: role-attribute holes_creator
-- Each is made above.

-- hole: role-can-become holes_member
grant holes_group to holes_member;
-- hole: role-can-become holes_monitor
grant holes_maker to holes_hop;
grant holes_hop to holes_monitor;

-- hole: role-monitors holes_monitor
grant pg_monitor to holes_monitor;

-- hole: role-owns holes_owner
create table shop.owned (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.owned');
alter table shop.owned owner to holes_owner;

-- hole: setting-default holes_default
-- hole: setting-default holes_app
do $$
begin
    execute format('alter role holes_default in database %I set app.tenant_id = ''00000000-0000-0000-0000-000000000001''', current_database());
    execute format('alter role holes_app in database %I set row_security = off', current_database());
end
$$;

-- hole: set-config-executable pg_catalog.set_config(text, text, boolean)
-- It is, unless somebody revokes it.

-- Functions ----------------------------------------------------------------------------------------

-- hole: definer-search-path shop.door_unpinned()
create function shop.door_unpinned() returns int language sql security definer as 'select 1';
-- hole: definer-search-path shop.door_open_path()
create function shop.door_open_path() returns int language sql security definer set search_path = pg_catalog, shop_open, pg_temp as 'select 1';
-- hole: definer-search-path shop.door_temp_first()
create function shop.door_temp_first() returns int language sql security definer set search_path = shop as 'select 1';
-- hole: definer-public shop.door_for_all()
create function shop.door_for_all() returns int language sql security definer set search_path = '' as 'select 1';
-- hole: door-without-reason shop.door_unexplained()
create function shop.door_unexplained() returns int language sql security definer set search_path = '' as 'select 1';
-- hole: definer-beyond-walls shop.door_of_superuser()
create function shop.door_of_superuser() returns int language sql security definer set search_path = '' as 'select 1';
-- hole: function-setting shop.door_with_tenant()
create function shop.door_with_tenant() returns int language sql security definer set search_path = ''
    set app.tenant_id = '00000000-0000-0000-0000-000000000001' as 'select 1';
create function shop.door_right(uuid) returns int language sql security definer set search_path = pg_catalog, shop, pg_temp as 'select 1';
do $$
declare
    door record;
begin
    for door in
        select oid::regprocedure as signature, proname from pg_proc where pronamespace = 'shop'::regnamespace and proname like 'door\_%'
    loop
        if door.proname <> 'door_for_all' then
            execute format('revoke execute on function %s from public', door.signature);
        end if;
        execute format('grant execute on function %s to holes_app', door.signature);
        if door.proname <> 'door_of_superuser' then
            execute format('alter function %s owner to holes_keeper', door.signature);
        end if;
        if door.proname <> 'door_unexplained' then
            execute format('comment on function %s is %L', door.signature, 'Opens what the caller may not read.');
        end if;
    end loop;
end
$$;

-- hole: reached-definer shop.through_door
create function shop_hidden.door() returns int language sql security definer set search_path = '' as 'select 1';
revoke execute on function shop_hidden.door() from public;
grant execute on function shop_hidden.door() to holes_app;
alter function shop_hidden.door() owner to holes_keeper;
create view shop.through_door with (security_invoker) as select shop_hidden.door();
grant select on shop.through_door to holes_app;

-- hole: definer-beyond-walls shop_hidden.next_number()
-- hole: definer-search-path shop_hidden.next_number()
create function shop_hidden.next_number() returns int language sql security definer as 'select 1';
comment on function shop_hidden.next_number() is 'A default calls it, which asks for no USAGE of the schema.';
revoke execute on function shop_hidden.next_number() from public;
grant execute on function shop_hidden.next_number() to holes_app;
create table shop.numbered (tenant_id uuid not null, id uuid not null, number int default shop_hidden.next_number(), note text,
    primary key (tenant_id, id));
call shop.wall('shop.numbered');

-- hole: function-sets-tenant shop.use_tenant(uuid)
create function shop.use_tenant(uuid) returns boolean language sql as
    $$ select set_config('app.tenant_id', $1::text, true) <> '' $$;
-- hole: function-sets-tenant shop.use_setting(text, text)
create function shop.use_setting(text, text) returns boolean language plpgsql as
    $$ begin execute format('set local %s = %L', $1, $2); return true; end $$;
-- hole: function-sets-tenant shop_hidden.use_tenant_there(text)
create function shop_hidden.use_tenant_there(text) returns boolean language plpgsql as
    $$ begin execute format('set app.tenant_id = %L', $1); return true; end $$;
revoke execute on function shop_hidden.use_tenant_there(text) from public;
grant usage on schema shop_hidden to holes_keeper;
grant execute on function shop_hidden.use_tenant_there(text) to holes_keeper;
create function shop.door_to_there(text) returns boolean language sql security definer set search_path = '' as
    $$ select shop_hidden.use_tenant_there($1) $$;
alter function shop.door_to_there(text) owner to holes_keeper;
comment on function shop.door_to_there(text) is 'Opens what the caller may not read.';
revoke execute on function shop.door_to_there(text) from public;
grant execute on function shop.door_to_there(text) to holes_app;
create function shop.be_patient() returns text language sql as
    $$ select set_config('statement_timeout', '1min', true) $$;  -- another setting

-- hole: leakproof shop.shows(text)
create function shop.shows(text) returns boolean language plpgsql leakproof as $$ begin raise notice '%', $1; return true; end $$;
-- hole: leakproof pg_catalog.textlike(text, text)
alter function pg_catalog.textlike(text, text) leakproof;

-- hole: immutable-setting shop.this_tenant()
create function shop.this_tenant() returns uuid language sql immutable as $$ select current_setting('app.tenant_id')::uuid $$;
-- hole: immutable-setting shop.this_tenant_text()
create function shop.this_tenant_text() returns text language sql immutable as $$ select shop.this_tenant()::text $$;
create function shop.this_tenant_right() returns uuid language sql stable as $$ select current_setting('app.tenant_id')::uuid $$;

-- hole: advisory-lock shop.one_at_a_time()
create function shop.one_at_a_time() returns void language sql as 'select pg_advisory_xact_lock(1)';

-- hole: large-object large objects
do $$
begin
    perform lo_create(8424242);
    grant select on large object 8424242 to public;
end
$$;

-- Triggers and rules -------------------------------------------------------------------------------

-- hole: side-table shop.history
create table shop.history (at timestamptz, what text);
grant select, insert on shop.history to holes_app;
create table shop.remembered (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.remembered');
create function shop.remember() returns trigger language plpgsql as
    $$ begin insert into shop.history values (now(), new.note); return new; end $$;
create trigger remember after insert on shop.remembered for each row execute function shop.remember();

-- hole: trigger-for-one-role shop.guarded.for_one
-- hole: trigger-for-one-role shop.guarded.for_two
-- hole: trigger-for-one-role shop.guarded.for_one_said_backwards
create table shop.guarded (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.guarded');
create function shop.guard() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger for_one before insert on shop.guarded
    for each row when (current_user = 'holes_app') execute function shop.guard();
create trigger for_two before insert on shop.guarded
    for each row when (new.note is not null and current_user in ('holes_app', 'holes_other')) execute function shop.guard();
create trigger for_one_said_backwards before insert on shop.guarded
    for each row when ('holes_app' = session_user::text) execute function shop.guard();

-- hole: side-table shop.open_history
create table shop.open_history (at timestamptz, what text);
call shop.secure('shop.open_history');
create policy everyone on shop.open_history using (true);
grant select, insert on shop.open_history to holes_app;
create function shop.remember_openly() returns trigger language plpgsql as
    $$ begin insert into shop.open_history values (now(), new.note); return new; end $$;
create trigger remember_openly after insert on shop.remembered for each row execute function shop.remember_openly();

-- hole: side-table shop.called_history
create table shop.called_history (at timestamptz, what text);
grant select, insert on shop.called_history to holes_app;
create function shop.write_down(text) returns void language sql as 'insert into shop.called_history values (now(), $1)';
create function shop.remember_by_call() returns trigger language plpgsql as
    $$ begin perform shop.write_down(new.note); return new; end $$;
create trigger remember_by_call after insert on shop.remembered for each row execute function shop.remember_by_call();

-- hole: side-table shop.view_history
create table shop.view_history (at timestamptz, what text);
grant select, insert on shop.view_history to holes_app;
create view shop.remembered_view with (security_invoker) as select * from shop.remembered;
grant select, insert on shop.remembered_view to holes_app;
create function shop.remember_view() returns trigger language plpgsql as
    $$ begin insert into shop.view_history values (now(), new.note); return new; end $$;
create trigger remember_view instead of insert on shop.remembered_view for each row execute function shop.remember_view();

-- hole: trigger-writes-as-owner shop.stamped.stamp
create table shop.stamped (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.stamped');
create function shop.stamp() returns trigger language plpgsql security definer set search_path = '' as $$ begin return new; end $$;
create trigger stamp before insert on shop.stamped for each row execute function shop.stamp();
-- hole: trigger-writes-as-owner shop.inbox.stamp
create table shop.inbox (what text);
grant insert on shop.inbox to holes_app;
create trigger stamp before insert on shop.inbox for each row execute function shop.stamp();
-- hole: trigger-writes-as-owner shop.stamped_view.stamp
create view shop.stamped_view with (security_invoker) as select * from shop.stamped;
grant select, insert on shop.stamped_view to holes_app;
create trigger stamp instead of insert on shop.stamped_view for each row execute function shop.stamp();

-- hole: notify-payload shop.tell()
create table shop.told (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.told');
create function shop.tell() returns trigger language plpgsql as
    $$ begin perform pg_notify('told', row_to_json(new)::text); return new; end $$;
create trigger tell after insert on shop.told for each row execute function shop.tell();
-- hole: notify-payload shop.tell_star()
create function shop.tell_star() returns trigger language plpgsql as
    $$ begin perform pg_notify('told', row_to_json(new.*)::text); return new; end $$;
create trigger tell_star after insert on shop.told for each row execute function shop.tell_star();
create function shop.tell_id() returns trigger language plpgsql as
    $$ begin perform pg_notify('told', new.id::text); return new; end $$;
create trigger tell_id after insert on shop.told for each row execute function shop.tell_id();

-- hole: rule-writes shop.ruled.note
create table shop.ruled (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.ruled');
create rule note as on delete to shop.ruled do also notify ruled;
-- hole: rule-writes shop.inbox.forward
create rule forward as on insert to shop.inbox do also notify inbox;

-- Indexes and policies that do nothing -------------------------------------------------------------

-- hole: invisible-index shop.documents_body_idx
-- hole: invisible-index shop.documents_title_idx
-- hole: invisible-index shop.documents_price_idx
-- hole: index-without-tenant shop.documents_at_idx
create table shop.documents (tenant_id uuid not null, id uuid not null, title text, body jsonb, price numeric, at timestamptz, note text,
    primary key (tenant_id, id));
create index documents_body_idx on shop.documents using gin (body);
create index documents_title_idx on shop.documents (tenant_id, lower(title));
create index documents_price_idx on shop.documents (tenant_id, price);
create index documents_at_idx on shop.documents (at);
create index documents_right_idx on shop.documents (tenant_id, at, title);
call shop.wall('shop.documents');

-- hole: dead-policy shop.unused.read
create table shop.unused (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.unused');
create policy read on shop.unused for select to holes_nobody using (tenant_id = (select current_setting('app.tenant_id')::uuid));

-- hole: dead-grant shop.refused
create table shop.refused (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.secure('shop.refused');
create policy read on shop.refused for select using (tenant_id = (select current_setting('app.tenant_id')::uuid));
grant select, delete on shop.refused to holes_app;

-- Policies that do not mean what they say ----------------------------------------------------------

-- hole: open-policy shop.widened.everyone
create table shop.widened (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.wall('shop.widened');
create policy everyone on shop.widened for select using (true);

-- hole: open-check shop.pushed.add
create table shop.pushed (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.secure('shop.pushed');
create policy read on shop.pushed for select using (tenant_id = (select current_setting('app.tenant_id')::uuid));
create policy add on shop.pushed for insert with check (true);
grant select, insert on shop.pushed to holes_app;

-- hole: blind-write shop.emptied.remove
create table shop.emptied (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.secure('shop.emptied');
create policy read on shop.emptied for select using (tenant_id = (select current_setting('app.tenant_id')::uuid));
create policy remove on shop.emptied for delete using (true);
grant select, delete on shop.emptied to holes_app;

-- hole: fails-open shop.unset.wall
create table shop.unset (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.secure('shop.unset');
create policy wall on shop.unset
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid or current_setting('app.tenant_id', true) is null)
    with check (tenant_id = current_setting('app.tenant_id')::uuid);
call shop.open_to_app('shop.unset');

-- hole: null-tenant shop.shared.wall
-- hole: nullable-tenant shop.shared.tenant_id
create table shop.shared (tenant_id uuid, id uuid not null, note text, unique (tenant_id, id));
call shop.secure('shop.shared');
create policy wall on shop.shared
    using (tenant_id = (select current_setting('app.tenant_id')::uuid) or tenant_id is null)
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
call shop.open_to_app('shop.shared');

-- hole: setting-mismatch shop.misspelt.wall
create table shop.misspelt (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.secure('shop.misspelt');
create policy wall on shop.misspelt
    using (tenant_id = (select current_setting('app.tenent_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenent_id')::uuid));
call shop.open_to_app('shop.misspelt');

-- hole: self-comparison shop.selfish.wall
create table shop.selfish (tenant_id uuid not null, id uuid not null, note text, primary key (tenant_id, id));
call shop.secure('shop.selfish');
create policy wall on shop.selfish using (tenant_id = tenant_id) with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
call shop.open_to_app('shop.selfish');

-- Extensions ---------------------------------------------------------------------------------------

-- hole: untrusted-extension dblink
create extension dblink schema public;
-- hole: statements-visible public.pg_stat_statements
create extension pg_stat_statements schema public;

drop procedure shop.wall(regclass, text);
drop procedure shop.secure(regclass);
drop procedure shop.open_to_app(regclass, text);

-- hole: policy-asks-nothing shop.ranked.add
create table shop.ranked (tenant_id uuid not null, id uuid not null, rank int, primary key (tenant_id, id));
alter table shop.ranked enable row level security;
alter table shop.ranked force row level security;
create policy wall on shop.ranked as restrictive to holes_app
    using (tenant_id = current_setting('app.tenant_id')::uuid) with check (tenant_id = current_setting('app.tenant_id')::uuid);
create policy read on shop.ranked for select to holes_app using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy change on shop.ranked for update to holes_app using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy add on shop.ranked for insert to holes_app with check (true);
grant select, insert (tenant_id, id, rank), update (rank) on shop.ranked to holes_app;
