-- id: tenant-updatable
-- severity: warning
-- finds: a tenant column that a runtime role may update
-- why: a row keeps its tenant for life. Where only a policy's WITH CHECK stops a move, one loose policy lets a
--   row be pushed into another tenant. Reported where the column itself is granted, or where UPDATE is granted
--   on the whole table although the same role is granted columns only on another tenant table.
-- mend: grant update by column, leaving the tenant column out
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), acts_as as (
    -- Whose privileges a runtime role has: its own, those of roles it is a member of, everyone's.
    select runtime.rolname, r.oid as grantee
    from runtime join pg_roles r on pg_has_role(runtime.oid, r.oid, 'member')
    union all
    select rolname, 0 from runtime
), tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), tenant_columns as materialized (
    select a.attrelid, a.attnum, a.attname, a.attnotnull, a.atttypid, a.attacl
    from tables
    join pg_attribute a on a.attrelid = tables.oid and a.attnum > 0 and not a.attisdropped
    where a.attname = any (string_to_array(current_setting('audit.columns'), ',')::name[])
), by_column as (
    select distinct c.attrelid, a.attname as tenant_column, g.grantee, c.attnum = a.attnum as is_tenant
    from pg_attribute c
    join tenant_columns a on a.attrelid = c.attrelid,
    aclexplode(c.attacl) g
    where c.attacl is not null and not c.attisdropped and g.privilege_type = 'UPDATE'
), by_table as (
    select t.oid, g.grantee from tables t, aclexplode(t.relacl) g
    where g.privilege_type = 'UPDATE' and g.grantee <> t.relowner
), careful as (
    -- Grantees that elsewhere get columns only, and the tenant column not among them.
    select b.grantee, b.attrelid
    from by_column b
    where not exists (select from by_table t where t.oid = b.attrelid and t.grantee = b.grantee)
    group by b.grantee, b.attrelid
    having not bool_or(b.is_tenant)
), found as (
    select b.attrelid, b.tenant_column, b.grantee, 'the column is granted to' as how
    from by_column b where b.is_tenant
    union all
    select c.attrelid, c.attname, t.grantee, 'UPDATE is granted on the whole table, elsewhere by column, to'
    from by_table t
    join tenant_columns c on c.attrelid = t.oid
    where t.grantee in (select k.grantee from careful k)
)
select t.name || '.' || quote_ident(f.tenant_column) as object,
       string_agg(distinct format('%s %s', f.how, case f.grantee when 0 then 'PUBLIC' else a.rolname end), '; ') as detail,
       format('revoke update on %s from %s; grant update by column, without %I', t.name,
              string_agg(distinct case f.grantee when 0 then 'public' else f.grantee::regrole::text end, ', '),
              f.tenant_column) as fix
from found f
join tables t on t.oid = f.attrelid and t.relowner <> f.grantee
join acts_as a on a.grantee = f.grantee
group by t.name, f.tenant_column
order by 1;
