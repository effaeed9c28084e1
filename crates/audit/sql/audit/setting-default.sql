-- id: setting-default
-- severity: error
-- finds: a setting of a role, the database or the server that every connection starts with and that opens or misplaces the wall
-- why: a tenant by default makes a request that forgot to say who it is work, on that tenant's rows; row_security
--   off, a replication role or another role by default change what policies do before the first statement.
-- mend: alter role … reset …, or alter database … reset …
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
), defaults as (
    select s.setrole, s.setdatabase, r.rolname,
           lower(split_part(c.setting, '=', 1)) as name, substr(c.setting, strpos(c.setting, '=') + 1) as value
    from pg_db_role_setting s
    left join pg_roles r on r.oid = s.setrole
    cross join unnest(s.setconfig) as c (setting)
    where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
), found as (
    select d.*,
           case when d.name = lower(current_setting('audit.setting'))
                then 'starts with a tenant: ' || d.name
                when d.setrole <> 0 and d.setrole not in (select oid from runtime) then null
                when d.name = 'row_security' and d.value in ('off', 'false', 'no', '0') then 'starts with row_security off'
                when d.name = 'session_replication_role' and d.value <> 'origin'
                then 'starts with session_replication_role ' || d.value || ': triggers and foreign keys are off'
                when d.name = 'role' and d.value <> 'none' then 'starts as the role ' || d.value
                when d.name = 'search_path' then (
                    select 'starts with the search_path ' || d.value || ', where ' || string_agg(distinct r.rolname, ', ')
                           || ' may create in ' || string_agg(distinct n.nspname, ', ')
                    from regexp_split_to_table(d.value, '\s*,\s*') as p (part)
                    join pg_namespace n on quote_ident(n.nspname) = p.part or n.nspname = btrim(p.part, '"')
                                        or (p.part = '"$user"' and n.nspname in (select rolname from runtime))
                    join runtime r on has_schema_privilege(r.oid, n.oid, 'create')
                ) end as complaint
    from defaults d
)
select coalesce(f.rolname, case when f.setdatabase = 0 then 'every role' else current_database() end)::text as object,
       f.complaint || case when f.setdatabase = 0 then '' else ' (in this database)' end as detail,
       format('alter %s%s reset %s', case when f.setrole = 0 and f.setdatabase <> 0 then 'database ' || quote_ident(current_database())
                                          else 'role ' || coalesce(quote_ident(f.rolname), 'all') end,
              case when f.setrole <> 0 and f.setdatabase <> 0 then ' in database ' || quote_ident(current_database()) end,
              f.name) as fix,
       case when f.name = 'search_path' then 'warning' else 'error' end as severity
from found f
where f.complaint is not null
union all
-- From the server's configuration, or by whoever opened this session.
select 'this session', format('%s has a value although nobody set it in this transaction', current_setting('audit.setting')),
       'take it out of postgresql.conf, ALTER SYSTEM and the connection''s options', 'error'
where current_setting(current_setting('audit.setting'), true) <> ''
  and not exists (
      select from pg_settings s
      where s.name = current_setting('audit.setting') and s.source in ('session', 'default'))
  and not exists (
      select from found f
      where f.name = lower(current_setting('audit.setting')) and (f.setrole = 0 or f.rolname = session_user))
union all
select 'postgresql.conf', format('%s is %s for every session', s.name, s.setting),
       format('alter system reset %s', s.name), 'error'
from pg_settings s
where ((s.name = 'row_security' and s.reset_val = 'off') or (s.name = 'session_replication_role' and s.reset_val <> 'origin'))
  and s.source in ('configuration file', 'command line', 'environment variable', 'global')
order by 1, 2;
