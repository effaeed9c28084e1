-- id: database-create
-- severity: warning
-- finds: a runtime role that may create schemas in the database
-- why: a schema of its own is where it makes objects that no wall covers.
-- mend: revoke create on database … from …
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
)
select d.datname::text as object,
       format('%s may create schemas', string_agg(r.rolname, ', ' order by r.rolname)) as detail,
       format('revoke create on database %I from %s', d.datname,
              case when bool_or(has_database_privilege('public', d.oid, 'create')) then 'public'
                   else string_agg(quote_ident(r.rolname), ', ' order by r.rolname) end) as fix
from pg_database d
join runtime r on r.oid <> d.datdba and has_database_privilege(r.oid, d.oid, 'create')
where d.datname = current_database()
group by d.oid, d.datname
order by 1;
