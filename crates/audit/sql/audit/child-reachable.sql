-- id: child-reachable
-- severity: error
-- finds: a partition or inheritance child of a tenant table that a runtime role reaches directly, without row level security
-- why: policies belong to the relation a statement names. The parent's guard what goes through the
--   parent; a child named directly has only its own, and `create table … partition of` or `like …
--   including all` copies none.
-- mend: revoke all on the child, or enable and force row level security on it with policies of its own
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
), reached as (
    select t.name, t.oid, string_agg(r.rolname, ', ' order by r.rolname) as roles
    from tables t cross join runtime r
    where not t.relrowsecurity
      and exists (select from pg_inherits i join tables parent on parent.oid = i.inhparent where i.inhrelid = t.oid)
      and (has_table_privilege(r.oid, t.oid, 'select, insert, update, delete, truncate, references, trigger')
           or has_any_column_privilege(r.oid, t.oid, 'select, insert, update, references'))
    group by t.name, t.oid
)
select r.name as object,
       format('a child of %s, with row level security off, open to %s',
              (select string_agg(p.name, ', ' order by p.name)
               from pg_inherits i join tables p on p.oid = i.inhparent where i.inhrelid = r.oid),
              r.roles) as detail,
       format('revoke all on %s from %s', r.name, r.roles) as fix
from reached r
order by 1;
