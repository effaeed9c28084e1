-- One row a table of tenant and registry: its wall, whom the wall stops, and whom none does.
-- `not_stopped` lists every role that could read or write the table and meets no restrictive policy there,
-- each with why. Permissive policies may still bind it: audit.policies.
create view audit.walls as
with tables as (
    select c.oid, n.nspname || '.' || c.relname as name, c.relowner, c.relrowsecurity, c.relforcerowsecurity,
           n.oid as schema
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('tenant', 'registry') and c.relkind in ('r', 'p')
), walls as (
    select p.polrelid,
           string_agg(p.polname, ', ' order by p.polname) as name,
           string_agg(pg_get_expr(p.polqual, p.polrelid), ' and ' order by p.polname) as using_expression,
           string_agg(pg_get_expr(coalesce(p.polwithcheck, p.polqual), p.polrelid), ' and ' order by p.polname)
               as check_expression
    from pg_policy p where not p.polpermissive group by p.polrelid
), stopped as (
    select p.polrelid, array_agg(distinct case when role = 0 then 'public' else role::regrole::text end) as roles
    from pg_policy p, unnest(p.polroles) as role
    where not p.polpermissive group by p.polrelid
), free as (
    select t.oid, r.rolname,
           case when r.rolsuper then 'superuser'
                when r.rolbypassrls then 'BYPASSRLS'
                when not t.relrowsecurity then 'row security is off'
                when pg_has_role(r.oid, t.relowner, 'usage') and not t.relforcerowsecurity
                    then 'owner, and row security is not forced'
                when not exists (
                    select from pg_policy p, unnest(p.polroles) as role
                    where p.polrelid = t.oid and not p.polpermissive and p.polcmd = '*'
                      and (role = 0 or pg_has_role(r.oid, nullif(role, 0), 'usage')))
                    then 'no wall names it'
           end as why
    from tables t, pg_roles r
    where r.rolname !~ '^pg_'
      and has_schema_privilege(r.oid, t.schema, 'usage')
      and (has_table_privilege(r.oid, t.oid, 'select, insert, update, delete, truncate')
           or has_any_column_privilege(r.oid, t.oid, 'select, insert, update'))
)
select t.name as relation, t.relrowsecurity as row_security, t.relforcerowsecurity as forced,
       w.name as wall, w.using_expression, w.check_expression, s.roles,
       (select array_agg(format('%s (%s)', f.rolname, f.why) order by f.rolname)
        from free f where f.oid = t.oid and f.why is not null) as not_stopped
from tables t
left join walls w on w.polrelid = t.oid
left join stopped s on s.polrelid = t.oid
order by t.name;

alter view audit.walls owner to rowhouse_owner;
grant select on audit.walls to rowhouse_auditor;
