-- id: statements-visible
-- severity: warning
-- finds: a runtime role that may read pg_stat_statements
-- why: all tenants are served by one role, so it sees the statements, counts and volumes of all of them.
-- mend: revoke select on pg_stat_statements from public
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
)
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as object,
       format('%s may read it%s', string_agg(r.rolname, ', ' order by r.rolname),
              case when bool_or(has_table_privilege('public', c.oid, 'select')) then ', as PUBLIC may' end) as detail,
       format('revoke select on %I.%I from %s', n.nspname, c.relname,
              case when bool_or(has_table_privilege('public', c.oid, 'select')) then 'public'
                   else string_agg(quote_ident(r.rolname), ', ' order by r.rolname) end) as fix
from pg_extension e
join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
                and d.classid = 'pg_class'::regclass
join pg_class c on c.oid = d.objid and c.relname = 'pg_stat_statements' and c.relkind = 'v'
join pg_namespace n on n.oid = c.relnamespace
join runtime r on has_table_privilege(r.oid, c.oid, 'select') and has_schema_privilege(r.oid, n.oid, 'usage')
where e.extname = 'pg_stat_statements'
group by n.nspname, c.relname
order by 1;
