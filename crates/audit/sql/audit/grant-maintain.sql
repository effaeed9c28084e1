-- id: grant-maintain
-- severity: warning
-- finds: a runtime role that holds MAINTAIN on a tenant table
-- why: MAINTAIN (PostgreSQL 17 and later) allows LOCK TABLE in any mode, CLUSTER, REINDEX and VACUUM FULL:
--   one session stops all tenants. No request needs it.
-- mend: revoke maintain on … from …; grant only select, insert, update and delete, never all
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
), grants as (
    select t.name, t.relowner, a.grantee, a.privilege_type
    from tables t, aclexplode(t.relacl) a
)
select g.name as object,
       format('MAINTAIN is granted to %s', string_agg(distinct
              case when g.grantee = 0 then 'PUBLIC'
                   when g.grantee::regrole::text = quote_ident(a.rolname) then a.rolname
                   else format('%s, of which %s is a member', g.grantee::regrole, a.rolname) end, '; ')) as detail,
       format('revoke maintain on %s from %s', g.name,
              string_agg(distinct case when g.grantee = 0 then 'public' else g.grantee::regrole::text end, ', ')) as fix
from grants g
join acts_as a on a.grantee = g.grantee
where g.privilege_type = 'MAINTAIN' and g.grantee <> g.relowner  -- an owner is role-owns
group by g.name
order by 1;
