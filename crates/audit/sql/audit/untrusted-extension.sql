-- id: untrusted-extension
-- severity: warning
-- finds: a way out of the database that a runtime role may use: dblink, foreign servers, files, untrusted languages
-- why: a connection back into the same server, or a file read, is behind no wall; and data leaves.
-- mend: revoke execute on the functions, usage on the server, or drop the user mapping
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), extension_functions as (
    select e.extname, p.oid, p.pronamespace
    from pg_extension e
    join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
                    and d.classid = 'pg_proc'::regclass
    join pg_proc p on p.oid = d.objid
    where e.extname in ('dblink', 'adminpack', 'file_fdw', 'postgres_fdw')
      and p.prorettype <> 'fdw_handler'::regtype and p.proname not like '%\_validator'
      and p.proname not in ('postgres_fdw_get_connections', 'postgres_fdw_disconnect', 'postgres_fdw_disconnect_all')
)
select f.extname::text as object,
       format('%s may execute %s of its functions', string_agg(distinct r.rolname, ', '), count(distinct f.oid)) as detail,
       format('revoke execute on the functions of %I from public', f.extname) as fix
from extension_functions f
join runtime r on has_function_privilege(r.oid, f.oid, 'execute') and has_schema_privilege(r.oid, f.pronamespace, 'usage')
group by f.extname
union all
select format('foreign server %I', s.srvname),
       format('of %s; %s may use it', w.fdwname, string_agg(r.rolname, ', ' order by r.rolname)),
       format('revoke usage on foreign server %I from %s', s.srvname, string_agg(quote_ident(r.rolname), ', ' order by r.rolname))
from pg_foreign_server s
join pg_foreign_data_wrapper w on w.oid = s.srvfdw
join runtime r on r.oid <> s.srvowner and has_server_privilege(r.oid, s.oid, 'usage')
group by s.srvname, w.fdwname
union all
select format('user mapping for %s on server %I', coalesce(r.rolname, 'public'), m.srvname),
       'the other server is entered as the mapped user, whoever asks',
       format('drop user mapping for %s server %I', coalesce(quote_ident(r.rolname), 'public'), m.srvname)
from pg_user_mappings m
left join runtime r on r.oid = m.umuser
where m.umuser = 0 or r.oid is not null
union all
select quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')',
       format('written in %s, which no privilege confines; %s may call it', l.lanname, string_agg(r.rolname, ', ' order by r.rolname)),
       null
from pg_language l
join pg_proc p on p.prolang = l.oid
join pg_namespace n on n.oid = p.pronamespace
join runtime r on has_function_privilege(r.oid, p.oid, 'execute') and has_schema_privilege(r.oid, n.oid, 'usage')
where not l.lanpltrusted and l.oid >= 16384
  and p.oid not in (select d.objid from pg_depend d where d.classid = 'pg_proc'::regclass and d.deptype = 'e')
group by n.nspname, p.proname, p.proargtypes, l.lanname
union all
-- PostgreSQL ships these for superusers only.
select 'pg_catalog.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')',
       format('reads or writes the server''s files; %s may execute it', string_agg(r.rolname, ', ' order by r.rolname)),
       format('revoke execute on function pg_catalog.%I(%s) from public, %s', p.proname, oidvectortypes(p.proargtypes),
              string_agg(quote_ident(r.rolname), ', ' order by r.rolname))
from pg_proc p
join runtime r on has_function_privilege(r.oid, p.oid, 'execute')
where p.pronamespace = 'pg_catalog'::regnamespace
  and p.proname in ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import', 'lo_export')
group by p.proname, p.proargtypes
order by 1;
