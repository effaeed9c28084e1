-- id: trigger-writes-as-owner
-- severity: warning
-- finds: a trigger on a tenant table whose function is SECURITY DEFINER and owned by a role that no wall stops
-- why: whatever the caller makes the trigger do, it does to every tenant's rows.
-- mend: make the function SECURITY INVOKER, or hand it to a role that is behind the wall
with tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
)
select t.name || '.' || quote_ident(g.tgname) as object,
       format('%I.%I() runs as %I, which %s', n.nspname, p.proname, o.rolname,
              case when o.rolsuper then 'is a superuser'
                   when o.rolbypassrls then 'has BYPASSRLS'
                   else 'owns tenant tables that are not forced' end) as detail,
       format('alter function %I.%I() security invoker', n.nspname, p.proname) as fix
from tables t
join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal and g.tgparentid = 0
join pg_proc p on p.oid = g.tgfoid and p.prosecdef
join pg_namespace n on n.oid = p.pronamespace
join pg_roles o on o.oid = p.proowner
where o.rolsuper or o.rolbypassrls
   or o.oid in (select relowner from tables where not relforcerowsecurity)
order by 1;
