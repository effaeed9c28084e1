-- What `create database … template` leaves behind: rights on the database itself and settings in it. Prints
-- the statements that bring them to a copy; audit.source and audit.copy name the two.
with source as (
    select oid, datdba, coalesce(datacl, acldefault('d', datdba)) as acl from pg_database where datname = current_setting('audit.source')
)
select format('revoke all on database %I from public', current_setting('audit.copy')) as statement
union all
select format('grant %s on database %I to %s', a.privilege_type, current_setting('audit.copy'),
              case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end)
from source, aclexplode(source.acl) as a where a.grantee <> source.datdba
union all
select format('alter database %I owner to %I', current_setting('audit.copy'), pg_get_userbyid(datdba)) from source
union all
select case when s.setrole = 0 then format('alter database %I set %s = %s', current_setting('audit.copy'), setting.name, setting.value)
            else format('alter role %I in database %I set %s = %s', pg_get_userbyid(s.setrole), current_setting('audit.copy'), setting.name, setting.value) end
from source
join pg_db_role_setting s on s.setdatabase = source.oid
cross join lateral (
    select split_part(one, '=', 1) as name,
           -- A list is stored as it is written, its members quoted where they must be.
           case when split_part(one, '=', 1) in ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
                then substr(one, strpos(one, '=') + 1)
                else quote_literal(substr(one, strpos(one, '=') + 1)) end as value
    from unnest(s.setconfig) as one
) as setting;
