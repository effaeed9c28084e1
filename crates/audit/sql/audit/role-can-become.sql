-- id: role-can-become
-- severity: error
-- finds: a runtime role that can become one no wall stops, one that makes roles, or another role that serves
-- why: SET ROLE needs no password, and set_config('role', …) works inside any expression. NOINHERIT does not
--   prevent it.
-- mend: revoke … from …
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), owners as (
    select distinct relowner from tables
)
select r.rolname::text as object,
       'can SET ROLE to ' || string_agg(format('%s, which %s', g.rolname,
           case when g.rolsuper then 'is a superuser'
                when g.rolbypassrls then 'has BYPASSRLS'
                when o.relowner is not null then 'owns tenant tables'
                when g.rolcreaterole then 'has CREATEROLE'
                else 'is a runtime role too' end), '; ' order by g.rolname) as detail,
       format('revoke %s from %I', string_agg(quote_ident(g.rolname), ', ' order by g.rolname), r.rolname) as fix
from runtime r
join pg_roles g on g.oid <> r.oid and pg_has_role(r.oid, g.oid, 'member')
left join owners o on o.relowner = g.oid
where g.rolsuper or g.rolbypassrls or o.relowner is not null or g.rolcreaterole
   or g.rolcanlogin and g.oid in (select oid from runtime)  -- a group that is there to be become is no other
group by r.rolname
order by 1;
