-- id: dead-grant
-- severity: warning
-- finds: a privilege of a runtime role on a tenant table that no permissive policy lets it use
-- why: every such statement is refused, or finds nothing, and looks like an empty table. The next policy that is
--   made for the role opens it.
-- mend: revoke the privilege, or write the policy
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
), acts_as as (
    -- Whose privileges a runtime role uses without SET ROLE; policies are chosen by the same rule.
    select r.oid as role, r.rolname, g.oid as grantee
    from runtime r
    join pg_roles a on a.oid = r.oid and not a.rolbypassrls
    join pg_roles g on pg_has_role(r.oid, g.oid, 'usage')
    union all
    select r.oid, r.rolname, 0
    from runtime r join pg_roles a on a.oid = r.oid and not a.rolbypassrls
), grants as (
    select distinct t.oid, a.grantee, a.privilege_type
    from tables t, aclexplode(t.relacl) a
    where t.relrowsecurity and a.grantee <> t.relowner and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    union
    select distinct t.oid, a.grantee, a.privilege_type
    from tables t
    join pg_attribute c on c.attrelid = t.oid and c.attacl is not null and not c.attisdropped,
    aclexplode(c.attacl) a
    where t.relrowsecurity and a.grantee <> t.relowner and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE')
), commands (code, privilege_type) as (
    values ('r'::"char", 'SELECT'), ('a', 'INSERT'), ('w', 'UPDATE'), ('d', 'DELETE')
), held as (
    select distinct g.oid, g.privilege_type, a.role, a.rolname
    from grants g
    join acts_as a on a.grantee = g.grantee
), allowed as (
    select distinct p.polrelid, c.privilege_type, a.role, a.rolname
    from pg_policy p
    cross join unnest(p.polroles) as u (grantee)
    join acts_as a on a.grantee = u.grantee
    join commands c on p.polcmd in ('*', c.code)
    where p.polpermissive
)
select t.name as object,
       string_agg(format('%s may %s, but no permissive policy is for it', h.rolname, lower(h.privilege_type)), '; '
                  order by h.rolname, h.privilege_type) as detail,
       string_agg(format('revoke %s on %s from %I', lower(h.privilege_type), t.name, h.rolname), '; '
                  order by h.rolname, h.privilege_type) as fix
from (select * from held except select * from allowed) h
join tables t on t.oid = h.oid
-- An owner that is not forced needs no policy.
where t.relforcerowsecurity or not pg_has_role(h.role, t.relowner, 'usage')
group by t.name
order by 1;
