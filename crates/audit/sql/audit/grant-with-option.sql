-- id: grant-with-option
-- severity: warning
-- finds: a runtime role that may pass its privileges on
-- why: a statement smuggled into a request can open a table, a schema or a function to everyone, and that stays.
-- mend: revoke grant option for … from …
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
), schemas as (
    select n.oid, quote_ident(n.nspname) as name
    from unnest(string_to_array(current_setting('audit.schemas'), ',')::oid[]) as listed (oid)
    join pg_namespace n on n.oid = listed.oid
), grants (object, kind, owner, acl) as (
    select s.name || '.' || quote_ident(c.relname), 'table', c.relowner, c.relacl
    from schemas s join pg_class c on c.relnamespace = s.oid and c.relacl is not null
    union all
    select s.name || '.' || quote_ident(c.relname), 'table', c.relowner, a.attacl
    from schemas s join pg_class c on c.relnamespace = s.oid
    join pg_attribute a on a.attrelid = c.oid and a.attacl is not null and not a.attisdropped
    union all
    select s.name, 'schema', n.nspowner, n.nspacl
    from schemas s join pg_namespace n on n.oid = s.oid
    union all
    select s.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')', 'function', p.proowner, p.proacl
    from schemas s join pg_proc p on p.pronamespace = s.oid and p.proacl is not null
)
select g.object,
       format('%s may pass on %s', string_agg(distinct a.rolname, ', '), string_agg(distinct lower(x.privilege_type), ', ')) as detail,
       format('revoke grant option for all on %s %s from %s cascade', g.kind, g.object,
              string_agg(distinct x.grantee::regrole::text, ', ')) as fix
from grants g
cross join aclexplode(g.acl) x
join acts_as a on a.grantee = x.grantee
where x.is_grantable and x.grantee not in (g.owner, 0)
group by g.object, g.kind
order by 1;
