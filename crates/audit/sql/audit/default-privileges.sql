-- id: default-privileges
-- severity: warning
-- finds: default privileges that open future tables or sequences to runtime roles or PUBLIC
-- why: the next table is open before anyone has given it a wall; and TRUNCATE, REFERENCES and TRIGGER by default
--   are held on every table to come, whoever holds them.
-- mend: alter default privileges … revoke …, and grant on each table where its policies are
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
), entries as (
    select d.oid, d.defaclrole, d.defaclnamespace, s.name as schema, d.defaclobjtype, a.grantee, a.privilege_type,
           a.grantee in (select grantee from acts_as) as serves
    from pg_default_acl d
    left join schemas s on s.oid = d.defaclnamespace
    cross join aclexplode(d.defaclacl) a
    where (d.defaclnamespace = 0 or s.oid is not null) and a.grantee <> d.defaclrole
)
select format('default privileges of %s on %s%s', e.defaclrole::regrole,
              case e.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' else 'schemas' end,
              ' in schema ' || e.schema) as object,
       string_agg(distinct format('%s to %s', lower(e.privilege_type),
                                  case e.grantee when 0 then 'PUBLIC' else e.grantee::regrole::text end), ', ') as detail,
       format('alter default privileges for role %s%s revoke all on %s from %s', e.defaclrole::regrole, ' in schema ' || e.schema,
              case e.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' else 'schemas' end,
              string_agg(distinct case e.grantee when 0 then 'public' else e.grantee::regrole::text end, ', ')) as fix
from entries e
where (e.defaclobjtype in ('r', 'S') and e.serves)
   or (e.defaclobjtype = 'r' and e.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER'))
   -- Without a schema the entry repeats what PostgreSQL gives anyway: EXECUTE to PUBLIC.
   or (e.defaclobjtype = 'f' and e.grantee = 0 and e.defaclnamespace <> 0)
   or (e.defaclobjtype = 'n' and e.serves and e.privilege_type = 'CREATE')
group by e.oid, e.defaclrole, e.defaclobjtype, e.schema
order by 1;
