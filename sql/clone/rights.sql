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
select case when s.setrole = 0 then format('alter database %I set %s = %L', current_setting('audit.copy'), split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1))
            else format('alter role %I in database %I set %s = %L', pg_get_userbyid(s.setrole), current_setting('audit.copy'), split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)) end
from source join pg_db_role_setting s on s.setdatabase = source.oid, unnest(s.setconfig) as setting;
