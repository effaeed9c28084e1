-- Who may do what, and by what right: each grant on the database, on schemas, and on what is in schemas
-- other than PostgreSQL's own, for each role that has it: by itself, as owner, as everyone (public), or
-- through a role it is a member of. `delete, insert (id, name)`: delete, and insert of these columns.
-- A superuser may do everything and has one row for it. What policies then let through: audit.policies.
create view audit.grants as
with schemas as (
    select * from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
), relations as (
    select c.*, n.nspname || '.' || c.relname as name,
           case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
                          when 'S' then 'sequence' else 'table' end as kind
    from pg_class c join schemas n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
), acls (kind, object, owner, acl, col) as (
    select 'database', datname::text, datdba, coalesce(datacl, acldefault('d', datdba)), null::text
    from pg_database where datname = current_database()
    union all
    select 'schema', nspname::text, nspowner, coalesce(nspacl, acldefault('n', nspowner)), null from schemas
    union all
    select kind, name, relowner, coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r' end, relowner)), null
    from relations
    union all
    select r.kind, r.name, r.relowner, a.attacl, a.attname::text
    from relations r join pg_attribute a on a.attrelid = r.oid
    where a.attacl is not null and not a.attisdropped
    union all
    select 'function', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), null
    from pg_proc p join schemas n on n.oid = p.pronamespace
), granted as (
    select g.kind, g.object, g.owner, a.grantee, lower(a.privilege_type) as privilege, a.is_grantable,
           string_agg(g.col, ', ' order by g.col) as columns
    from acls g, aclexplode(g.acl) a
    group by g.kind, g.object, g.owner, a.grantee, a.privilege_type, a.is_grantable, g.col is null
), summed as (
    select kind, object, owner, grantee,
           string_agg(privilege || coalesce(' (' || columns || ')', '')
                      || case when is_grantable and grantee <> owner then ' with grant option' else '' end,
                      ', ' order by privilege, columns nulls first) as privileges
    from granted group by kind, object, owner, grantee
)
select r.rolname::text as role, s.kind, s.object, s.privileges,
       case when s.grantee = 0 then 'public'
            when s.grantee = r.oid and s.owner = r.oid then 'owner'
            when s.grantee = r.oid then 'itself'
            when pg_has_role(r.oid, s.grantee, 'usage') then 'member of ' || s.grantee::regrole
            else 'member of ' || s.grantee::regrole || ', not inherited' end as through
from summed s
join pg_roles r on s.grantee = 0 or s.grantee = r.oid or pg_has_role(r.oid, nullif(s.grantee, 0), 'member')
where not r.rolsuper and r.rolname !~ '^pg_'
union all
select rolname, 'everything', 'everything', 'everything', 'superuser' from pg_roles where rolsuper
union all
-- PostgreSQL's own roles: pg_read_all_data reads every table there is.
select r.rolname, 'predefined role', p.rolname, 'all that it may', 'member of ' || p.rolname
from pg_roles r join pg_roles p on p.rolname ~ '^pg_' and pg_has_role(r.oid, p.oid, 'member')
where not r.rolsuper and r.rolname !~ '^pg_';

alter view audit.grants owner to rowhouse_owner;
grant select on audit.grants to rowhouse_auditor;
