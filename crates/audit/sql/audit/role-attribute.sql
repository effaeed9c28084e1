-- id: role-attribute
-- severity: error
-- finds: a runtime role with CREATEROLE, REPLICATION or CREATEDB
-- why: CREATEROLE reaches other roles, REPLICATION streams every tenant's rows past every policy, and CREATEDB
--   copies a database that is a template.
-- mend: alter role … nocreaterole noreplication nocreatedb
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
)
select r.rolname::text as object,
       'has ' || concat_ws(', ', case when a.rolcreaterole then 'CREATEROLE' end,
                           case when a.rolreplication then 'REPLICATION' end, case when a.rolcreatedb then 'CREATEDB' end) as detail,
       format('alter role %I nocreaterole noreplication nocreatedb', r.rolname) as fix,
       case when a.rolcreaterole or a.rolreplication then 'error' else 'warning' end as severity
from runtime r
join pg_roles a on a.oid = r.oid
where a.rolcreaterole or a.rolreplication or a.rolcreatedb
order by 1;
