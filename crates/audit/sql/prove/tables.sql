-- Breaks tables: row security itself, keys, grants, and what stands beside them.
with here as (
    select c.oid, c.relname, n.nspname, format('%I.%I', n.nspname, c.relname) as name, a.attname as tenant,
           format_type(a.atttypid, a.atttypmod) as type, c.relrowsecurity, c.relforcerowsecurity, a.attnotnull,
           exists (select from pg_inherits i where i.inhrelid = c.oid) as child,
           -- Keys tell nothing to who cannot write.
           exists (select from pg_roles r
                   where r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
                     and has_any_column_privilege(r.oid, c.oid, 'insert, update')) as writable
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join lateral (select * from pg_attribute a
                  where a.attrelid = c.oid and a.attname = any (string_to_array(current_setting('audit.columns'), ',')) limit 1) as a on true
    where c.oid = any (string_to_array(current_setting('audit.tables'), ',')::oid[])
), server as (
    select rolname, oid from pg_roles
    where oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
    order by array_position(string_to_array(current_setting('audit.roles'), ',')::oid[], oid)
), serves as (
    -- The role that serves most: the first that was named.
    select rolname, oid from server limit 1
), one as (
    -- Where one example is enough: the table with the most rights granted.
    select here.* from here, serves
    where not child and has_any_column_privilege(serves.oid, here.oid, 'select')
    order by has_any_column_privilege(serves.oid, here.oid, 'insert') desc, has_any_column_privilege(serves.oid, here.oid, 'update') desc, name limit 1
), plain as (
    select here.oid, here.writable, here.name, here.nspname, here.relname, here.tenant, here.type, a.attname as column, format_type(a.atttypid, null) as kind, a.attnum
    from here join pg_attribute a on a.attrelid = here.oid and a.attnum > 0 and not a.attisdropped and a.attname <> here.tenant
), keys as (
    select k.*, here.name, here.tenant, here.nspname, here.writable,
           (select string_agg(quote_ident(a.attname), ', ' order by place)
            from unnest(k.conkey) with ordinality as key (number, place) join pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.number
            where a.attname <> here.tenant) as others,
           (select string_agg(quote_ident(a.attname), ', ' order by place)
            from unnest(k.conkey) with ordinality as key (number, place) join pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.number) as columns
    from pg_constraint k join here on here.oid = k.conrelid
    where not here.child
), crossing as (
    select f.oid, f.conname, f.name, f.others, f.columns, f.confdeltype, target.name as target, target.oid as target_id,
           (select string_agg(quote_ident(a.attname), ', ' order by place)
            from unnest(f.confkey) with ordinality as key (number, place) join pg_attribute a on a.attrelid = f.confrelid and a.attnum = key.number
            where a.attname <> target.tenant) as target_others,
           (select string_agg(quote_ident(a.attname), ', ' order by place)
            from unnest(f.confkey) with ordinality as key (number, place) join pg_attribute a on a.attrelid = f.confrelid and a.attnum = key.number) as target_columns
    from keys f join here target on target.oid = f.confrelid
    where f.contype = 'f' and f.others is not null
)
select 'disable-rls' as mutant, name as object, name as "table", format('alter table %s disable row level security', name) as statement from here
where relrowsecurity and not child
union all
select 'no-force', name, name, format('alter table %s no force row level security', name) from here where relforcerowsecurity and not child
union all
select 'grant-' || lower(privilege), name || ' to ' || server.rolname, name, format('grant %s on %s to %I', privilege, name, server.rolname)
from here, server, unnest(array['TRUNCATE', 'REFERENCES', 'TRIGGER']) as privilege
where not child and not has_table_privilege(server.oid, here.oid, privilege)
union all
select 'grant-maintain', name, name, format('grant maintain on %s to %I', name, serves.rolname) from one, serves
where current_setting('server_version_num')::int >= 170000
union all
select 'grant-option', name, name, format('grant select on %s to %I with grant option', name, serves.rolname) from one, serves
union all
select 'tenant-updatable', name, name, format('grant update (%I) on %s to %I', tenant, name, serves.rolname) from here, serves
where not child and not has_column_privilege(serves.oid, here.oid, tenant, 'update')
union all
select 'unique-without-tenant', name || '.' || conname, name, format('create unique index mutant on %s (%s)', name, others) from keys
where writable and contype in ('p', 'u') and others is not null and others <> columns
union all
select 'unique-expression-without-tenant', name || '.' || "column", name, format('create unique index mutant on %s (lower(%I))', name, "column")
from plain where writable and kind in ('text', 'character varying')
  and exists (select from keys where keys.conrelid = plain.oid and keys.contype = 'u' and plain.attnum = any (keys.conkey))
union all
-- Of what the lint of the same name looks at.
select 'statistics', plain.name || '.' || "column", plain.name, format('alter table %s alter column %I set statistics -1', plain.name, "column")
from plain join pg_attribute a on a.attrelid = plain.oid and a.attnum = plain.attnum, serves
where a.attstattarget = 0 and plain.kind in ('text', 'bytea') and has_column_privilege(serves.oid, plain.oid, plain.attnum, 'select')
  and "column" ~ '(^|_)(email|full_name|address|token|secret|hash)(_|$)'
union all
select 'exclusion-without-tenant', name || '.' || conname, name, format('alter table %s add constraint mutant exclude using btree (%s with =)', name, replace(others, ', ', ' with =, '))
from keys where writable and contype in ('p', 'u') and others is not null and others <> columns
union all
select 'foreign-key-without-tenant', name || '.' || conname, name,
       format('alter table %s drop constraint %I; create unique index mutant on %s (%s); alter table %s add constraint %I foreign key (%s) references %s (%s)%s',
              name, conname, target, target_others, name, conname, others, target, target_others,
              case confdeltype when 'c' then ' on delete cascade' when 'n' then ' on delete set null' else '' end)
from crossing
union all
select 'foreign-key-clears-tenant', name || '.' || conname, name,
       format('alter table %s drop constraint %I; alter table %s add constraint %I foreign key (%s) references %s (%s) on delete set null',
              name, conname, name, conname, columns, target, target_columns)
from crossing
union all
select 'foreign-key-moves-tenant', name || '.' || conname, target,
       format('alter table %s drop constraint %I; alter table %s add constraint %I foreign key (%s) references %s (%s) on update cascade; grant update on %s to %I; alter table %s disable row level security',
              name, conname, name, conname, columns, target, target_columns, target, serves.rolname, target)
from crossing, serves
union all
select 'foreign-key-skipped-on-null', name, name,
       format('create table %I.mutant (%I %s, other uuid, row_id int, primary key (row_id)); alter table %I.mutant enable row level security; alter table %I.mutant force row level security; alter table %I.mutant add foreign key (%I, %s) references %s (%s)',
              nspname, tenant, type, nspname, nspname, nspname, tenant, 'other', name, columns)
from (select distinct on (k.conrelid) k.name, k.nspname, k.tenant, k.columns, here.type
      from keys k join here on here.oid = k.conrelid
      where k.contype = 'p' and cardinality(k.conkey) = 2 and k.others in (select quote_ident(a.attname) from pg_attribute a where a.attrelid = k.conrelid and a.atttypid = 'uuid'::regtype)
      limit 1) as target
union all
select 'keys-switched-off', name, name, format('alter table %s disable trigger all', name) from one
union all
select 'key-not-validated', name, name, format('alter table %s add constraint mutant check (%I is not null) not valid', name, tenant) from one
union all
select 'nullable-tenant', name, name, format('alter table %s alter %I drop not null', name, tenant) from here
where attnotnull and not child
  and not exists (select from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
                  where k.conrelid = here.oid and k.contype = 'p' and a.attname = here.tenant)
union all
select 'empty-tenant', nspname || '.mutant', null,
       format('create table %I.mutant (%I text not null, id int, primary key (%I, id)); alter table %I.mutant enable row level security; alter table %I.mutant force row level security', nspname, tenant, tenant, nspname, nspname)
from one
union all
select 'table-without-wall', nspname || '.mutant', null, format('create table %I.mutant (like %s including all); grant select on %I.mutant to %I', nspname, name, nspname, serves.rolname)
from one, serves
union all
select 'child-reachable', nspname || '.mutant', null, format('create table %I.mutant () inherits (%s); grant select on %I.mutant to %I', nspname, name, nspname, serves.rolname)
from one, serves
union all
-- Its rows are seen through the parent without the child's policies.
select 'parent-without-wall', one.name, one.name,
       format('create table %I.mutant (%I %s); grant select on %I.mutant to %I; alter table %s inherit %I.mutant', one.nspname, "column", kind, one.nspname, serves.rolname, one.name, one.nspname)
from one join lateral (select plain."column", plain.kind from plain where plain.oid = one.oid and plain.kind = 'uuid' limit 1) as picked on true, serves
union all
select 'child-of-a-partition', nspname || '.mutant', null,
       format('create table %I.mutant (%I %s not null) partition by hash (%I); create table %I.mutant_child partition of %I.mutant for values with (modulus 1, remainder 0); alter table %I.mutant enable row level security; alter table %I.mutant force row level security; grant select on %I.mutant_child to %I',
              nspname, tenant, type, tenant, nspname, nspname, nspname, nspname, nspname, serves.rolname)
from one, serves
union all
select 'table-without-tenant', nspname || '.mutant', null,
       format('create table %I.mutant (id int primary key, %s, foreign key (%s) references %s (%s)); grant select on %I.mutant to %I', nspname,
              (select string_agg(quote_ident('r' || place) || ' ' || format_type(a.atttypid, null), ', ' order by place)
               from unnest(k.conkey) with ordinality as key (number, place) join pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.number),
              (select string_agg(quote_ident('r' || place), ', ' order by place) from unnest(k.conkey) with ordinality as key (number, place)),
              k.name, k.columns, nspname, serves.rolname)
from (select distinct on (contype) * from keys where contype = 'p' order by contype, name) as k, serves
union all
-- The table of the tenants themselves, for everyone to see and to empty.
select 'tenants-exposed', root.name, null, format('alter table %s disable row level security; grant select, delete on %s to %I', root.name, root.name, serves.rolname)
from (select distinct format('%I.%I', n.nspname, c.relname) as name
      from here
      join pg_constraint k on k.conrelid = here.oid and k.contype = 'f'
      join pg_attribute a on a.attrelid = here.oid and a.attnum = any (k.conkey) and a.attname = here.tenant
      join pg_class c on c.oid = k.confrelid
      join pg_namespace n on n.oid = c.relnamespace
      where c.oid not in (select oid from here)) as root, serves
union all
-- A copy of each row's past, kept by a trigger in a table without a tenant.
select 'side-table', nspname || '.mutant', name,
       format('create table %I.mutant (at timestamptz default now(), was text); grant select on %I.mutant to %I; create function %I.mutant() returns trigger language plpgsql set search_path = %L as $f$ begin insert into %I.mutant (was) values (old::text); return new; end $f$; create trigger mutant before update on %s for each row execute function %I.mutant()',
              nspname, nspname, serves.rolname, nspname, '', nspname, name, nspname)
from one, serves
union all
select 'trigger-for-one-role', name, name,
       format('create function %I.mutant() returns trigger language plpgsql set search_path = %L as $f$ begin return new; end $f$; revoke all on function %I.mutant() from public; create trigger mutant before update on %s for each row when (current_user = %L) execute function %I.mutant()',
              nspname, '', nspname, name, serves.rolname, nspname)
from one, serves
union all
select 'trigger-writes-as-owner', name, name,
       format('create function %I.mutant() returns trigger language plpgsql security definer set search_path = %L as $f$ begin return new; end $f$; revoke all on function %I.mutant() from public; create trigger mutant before update on %s for each row execute function %I.mutant()',
              nspname, '', nspname, name, nspname)
from one
union all
select 'notify-payload', name, name,
       format('create function %I.mutant() returns trigger language plpgsql set search_path = %L as $f$ begin perform pg_notify(%L, row_to_json(new)::text); return new; end $f$; revoke all on function %I.mutant() from public; create trigger mutant after insert on %s for each row execute function %I.mutant()',
              nspname, '', 'mutant', nspname, name, nspname)
from one
union all
select 'rule', name, name, format('create rule mutant as on insert to %s do also select 1', name) from one
union all
select 'invisible-index', name, name, format('alter table %s add column mutant numeric; create index mutant on %s (%I, mutant)', name, name, tenant) from one
union all
select 'index-without-tenant', plain.name, plain.name, format('create index mutant on %s (%I)', plain.name, plain."column")
from plain join one on one.oid = plain.oid where plain.kind in ('text', 'uuid', 'integer', 'bigint')
union all
select 'view-as-owner', nspname || '.mutant', null, format('create view %I.mutant as select * from %s; grant select on %I.mutant to %I', nspname, name, nspname, serves.rolname)
from here, serves where not child
union all
select 'view-behind-a-view', nspname || '.mutant', null,
       format('create view %I.mutant_inner as select * from %s; create view %I.mutant with (security_invoker = true) as select * from %I.mutant_inner; grant select on %I.mutant, %I.mutant_inner to %I',
              nspname, name, nspname, nspname, nspname, nspname, serves.rolname)
from one, serves where current_setting('server_version_num')::int >= 150000
union all
select 'view-made-owner', format('%I.%I', n.nspname, c.relname), null, format('alter view %I.%I set (security_invoker = false)', n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'v' and c.reloptions::text ~ 'security_invoker=(true|on|1)'
  and n.oid = any (string_to_array(current_setting('audit.schemas'), ',')::oid[])
  and exists (select from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
              where r.ev_class = c.oid and d.refobjid = any (string_to_array(current_setting('audit.tables'), ',')::oid[]))
union all
select 'view-with-a-definer', nspname || '.mutant', null,
       format('create function %I.mutant_tell() returns bigint language plpgsql stable security definer set search_path = %L as $f$ begin return (select count(*) from %s); end $f$; revoke all on function %I.mutant_tell() from public; grant execute on function %I.mutant_tell() to %I; create view %I.mutant with (security_invoker = true) as select %I.mutant_tell() as rows; grant select on %I.mutant to %I',
              nspname, '', name, nspname, nspname, serves.rolname, nspname, nspname, nspname, serves.rolname)
from one, serves where current_setting('server_version_num')::int >= 150000
union all
-- A definer function nobody could call by name, in a view.
select 'view-with-a-hidden-definer', nspname || '.mutant', null,
       format('create schema mutant; create function mutant.tell() returns bigint language plpgsql stable security definer set search_path = %L as $f$ begin return (select count(*) from %s); end $f$; revoke all on function mutant.tell() from public; grant execute on function mutant.tell() to %I; create view %I.mutant with (security_invoker = true) as select mutant.tell() as rows; grant select on %I.mutant to %I',
              '', name, serves.rolname, nspname, nspname, serves.rolname)
from one, serves where current_setting('server_version_num')::int >= 150000
union all
select 'materialized-view', nspname || '.mutant', null, format('create materialized view %I.mutant as select * from %s; grant select on %I.mutant to %I', nspname, name, nspname, serves.rolname)
from one, serves
union all
select 'foreign-table', nspname || '.mutant', null,
       format('create foreign data wrapper mutant; create server mutant foreign data wrapper mutant; create foreign table %I.mutant (%I %s) server mutant; grant select on %I.mutant to %I', nspname, tenant, type, nspname, serves.rolname)
from one, serves
union all
select 'publication', name, null, format('create publication mutant for table %s', name) from here where not child
union all
select 'publication-of-all', 'all tables', null, 'create publication mutant for all tables'
order by 1, 2;
