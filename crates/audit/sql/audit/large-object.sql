-- id: large-object
-- severity: warning
-- finds: large objects that a runtime role, or a role it is a member of, owns or may read
-- why: large objects have no policies and one space of ids for all tenants: what a runtime role stored for one,
--   it reads for another.
-- mend: keep such data in bytea columns of tenant tables; revoke, and revoke execute on the lo_ functions
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
), found as (
    select m.oid
    from pg_largeobject_metadata m
    where m.lomowner in (select grantee from acts_as)
       or exists (select from aclexplode(m.lomacl) a where a.grantee in (select grantee from acts_as))
)
select 'large objects' as object,
       format('%s within reach of runtime roles: %s', count(*),
              array_to_string((array_agg(oid order by oid))[1:5], ', ') || case when count(*) > 5 then ', …' else '' end) as detail,
       null::text as fix
from found
having count(*) > 0
union all
select 'lo_compat_privileges', 'it is on: every role reads and writes every large object', 'alter system reset lo_compat_privileges'
where current_setting('lo_compat_privileges') = 'on'
order by 1;
