-- id: policy-asks-nothing
-- severity: info
-- finds: behind a wall, a permissive policy for writing that is true, on a table whose other policies all ask something
-- why: the wall keeps tenants apart, and the permissive policies say who may do what inside. Where all but one ask,
--   the one that does not lets everybody write who says to be in the tenant.
-- mend: let it ask as the others do; or, if everybody may, ignore this with the reason
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
), policies as (
    select p.polrelid, p.polname, p.polcmd, p.polpermissive, t.name, r.oid as role, r.rolname,
           coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'
               and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true' as asks_nothing
    from tables t
    join pg_policy p on p.polrelid = t.oid
    join runtime r on exists (select from unnest(p.polroles) as named where named = 0 or pg_has_role(r.oid, named, 'usage'))
)
select p.name || '.' || quote_ident(p.polname) as object,
       format('%s by %s asks nothing, and every other policy for it does',
              case p.polcmd when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' end,
              string_agg(p.rolname, ', ' order by p.rolname)) as detail,
       null::text as fix
from policies p
where p.polpermissive and p.asks_nothing and p.polcmd in ('a', 'w', 'd')
  and exists (select from policies w
              where w.polrelid = p.polrelid and w.role = p.role and not w.polpermissive and not w.asks_nothing and w.polcmd = '*')
  and (select count(*) filter (where not o.asks_nothing) >= 2 and not bool_or(o.asks_nothing)
       from policies o
       where o.polrelid = p.polrelid and o.role = p.role and o.polpermissive and o.polname <> p.polname)
group by p.name, p.polname, p.polcmd
order by 1;
