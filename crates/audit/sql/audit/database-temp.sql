-- id: database-temp
-- severity: warning
-- finds: a runtime role that may make temporary tables
-- why: a temporary table outlives the transaction, so the next tenant on a pooled connection finds it; and its
--   name comes before all others in functions that do not pin their search_path.
-- mend: revoke temporary on database … from public
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
)
select d.datname::text as object,
       format('%s may make temporary tables%s', string_agg(r.rolname, ', ' order by r.rolname),
              case when bool_or(has_database_privilege('public', d.oid, 'temporary')) then ', as PUBLIC may' end) as detail,
       format('revoke temporary on database %I from %s', d.datname,
              case when bool_or(has_database_privilege('public', d.oid, 'temporary')) then 'public'
                   else string_agg(quote_ident(r.rolname), ', ' order by r.rolname) end) as fix
from pg_database d
join runtime r on r.oid <> d.datdba and has_database_privilege(r.oid, d.oid, 'temporary')
where d.datname = current_database()
group by d.oid, d.datname
order by 1;
