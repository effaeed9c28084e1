-- id: role-beside-the-wall
-- severity: warning
-- finds: a login role that is no runtime role, has BYPASSRLS and holds a grant on tenant tables
-- why: a second way in, without walls, that nobody counts among those who serve: reports, jobs, support tools.
--   Whoever owns the tables, or is a member of an owner, is expected to pass and is left out.
-- mend: alter role … nobypassrls, or revoke its grants
with tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), grants as (
    select t.oid, t.name, t.relowner, a.grantee from tables t, aclexplode(t.relacl) a
    union
    select t.oid, t.name, t.relowner, a.grantee
    from tables t
    join pg_attribute c on c.attrelid = t.oid and c.attacl is not null and not c.attisdropped,
    aclexplode(c.attacl) a
), beside as (
    select r.oid, r.rolname from pg_roles r
    where r.rolcanlogin and r.rolbypassrls and not r.rolsuper
      and r.oid not in (select unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]))
), acts_as as (
    -- What PUBLIC may is not counted: that is not the role's.
    select b.oid, b.rolname, g.oid as grantee from beside b join pg_roles g on pg_has_role(b.oid, g.oid, 'member')
)
select a.rolname::text as object,
       format('has BYPASSRLS and holds grants on %s tenant tables: %s', count(distinct g.oid),
              array_to_string((array_agg(distinct g.name))[1:5], ', ') || case when count(distinct g.oid) > 5 then ', …' else '' end) as detail,
       format('alter role %I nobypassrls', a.rolname) as fix
from acts_as a
join grants g on g.grantee = a.grantee and g.grantee <> g.relowner
where not pg_has_role(a.oid, g.relowner, 'member')
group by a.rolname
order by 1;
