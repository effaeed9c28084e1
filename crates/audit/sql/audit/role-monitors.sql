-- id: role-monitors
-- severity: error
-- finds: a runtime role that is a member of a predefined role which reads, writes or watches beyond the walls
-- why: pg_read_all_data and pg_write_all_data hold every table's privileges, the server file and program roles
--   are as good as a superuser, and the monitoring roles show the statements and volumes of all tenants.
-- mend: revoke … from …
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
)
select r.rolname::text as object,
       'is a member of ' || string_agg(g.rolname, ', ' order by g.rolname) as detail,
       format('revoke %s from %I', string_agg(g.rolname, ', ' order by g.rolname), r.rolname) as fix,
       case when bool_or(g.rolname ~ 'data|server') then 'error' else 'warning' end as severity
from runtime r
join pg_roles g on pg_has_role(r.oid, g.oid, 'member')
where g.rolname in ('pg_monitor', 'pg_read_all_stats', 'pg_read_all_settings', 'pg_stat_scan_tables', 'pg_signal_backend',
                    'pg_read_all_data', 'pg_write_all_data', 'pg_execute_server_program', 'pg_read_server_files',
                    'pg_write_server_files', 'pg_maintain', 'pg_checkpoint', 'pg_create_subscription',
                    'pg_signal_autovacuum_worker')
  and g.oid < 16384
group by r.rolname
order by 1;
