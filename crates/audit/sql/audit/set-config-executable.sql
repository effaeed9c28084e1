-- id: set-config-executable
-- severity: warning
-- finds: a runtime role that may execute set_config
-- why: an expression that reaches a statement, in a WHERE or an ORDER BY, can call it and move the wall to another
--   tenant in the middle of the query. SET LOCAL is a statement of its own and needs no function; with
--   set_config revoked, `update pg_settings` and query_to_xml lead there no more either.
-- mend: revoke execute on function pg_catalog.set_config(text, text, boolean) from public, and say SET LOCAL
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
)
select 'pg_catalog.set_config(text, text, boolean)' as object,
       format('%s may execute it: an injected expression can name any tenant', string_agg(r.rolname, ', ' order by r.rolname)) as detail,
       'revoke execute on function pg_catalog.set_config(text, text, boolean) from '
       || case when has_function_privilege('public', 'pg_catalog.set_config(text, text, boolean)', 'execute') then 'public'
               else string_agg(quote_ident(r.rolname), ', ' order by r.rolname) end as fix
from runtime r
where has_function_privilege(r.oid, 'pg_catalog.set_config(text, text, boolean)', 'execute')
having count(*) > 0;
