-- Each role that can log in, and each of the house: what it is, what it is a member of, what SET ROLE makes
-- of it, and what its sessions start with. Null settings: none beyond the server's own.
create view audit.roles as
with recursive memberships as (
    -- From PostgreSQL 16 on a membership may exclude SET ROLE; before, the column does not exist.
    select m.member, m.roleid, coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) as may_set
    from pg_auth_members m
), reached as (
    select member as role, roleid as target from memberships where may_set
    union
    select r.role, m.roleid from reached r join memberships m on m.member = r.target and m.may_set
)
select r.rolname::text as role, r.rolcanlogin as login,
       concat_ws(' ', case when r.rolsuper then 'superuser' end, case when r.rolbypassrls then 'bypassrls' end,
                 case when r.rolcreaterole then 'createrole' end, case when r.rolcreatedb then 'createdb' end,
                 case when r.rolreplication then 'replication' end, case when r.rolinherit then 'inherit' end)
           as attributes,
       (select array_agg(m.roleid::regrole::text order by m.roleid::regrole::text)
        from (select distinct roleid from memberships where member = r.oid) m) as member_of,
       case when r.rolsuper then array['every role']
            else (select array_agg(x.target::regrole::text order by x.target::regrole::text)
                  from reached x where x.role = r.oid) end as reaches,
       (select array_agg(setting order by s.setrole, s.setdatabase, setting)
        from pg_db_role_setting s, unnest(s.setconfig) as setting
        where s.setrole in (0, r.oid)
          and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))) as settings
from pg_roles r
where r.rolcanlogin or r.rolname ~ '^rowhouse_'
order by r.rolname;

alter view audit.roles owner to rowhouse_owner;
grant select on audit.roles to rowhouse_auditor;
