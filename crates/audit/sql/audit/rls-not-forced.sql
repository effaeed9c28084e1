-- id: rls-not-forced
-- severity: error
-- finds: a tenant table with row level security that is not forced
-- why: without FORCE the owner, whoever is a member of it, and every SECURITY DEFINER function and view it
--   owns read and write all tenants.
-- mend: alter table … force row level security
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), children as (
    select distinct i.inhrelid as oid
    from pg_inherits i join tables parent on parent.oid = i.inhparent
)
select t.name as object,
       format('its owner %s is exempt from the policies', t.relowner::regrole) as detail,
       format('alter table %s force row level security', t.name) as fix
from tables t
where t.relrowsecurity and not t.relforcerowsecurity
  and (t.oid not in (select oid from children)
       or exists (
           select from runtime r
           where has_table_privilege(r.oid, t.oid, 'select, insert, update, delete, truncate, references, trigger')
              or has_any_column_privilege(r.oid, t.oid, 'select, insert, update, references')))
order by 1;
