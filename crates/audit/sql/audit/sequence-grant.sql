-- id: sequence-grant
-- severity: warning
-- finds: a sequence that a runtime role may use or read
-- why: a sequence is one for all tenants: its value and the gaps in one's own ids tell how much the others
--   write, and UPDATE lets one tenant's request set it back.
-- mend: use uuid keys or identity columns, which need no grant, and revoke the sequence
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), schemas as (
    select n.oid, quote_ident(n.nspname) as name
    from unnest(string_to_array(current_setting('audit.schemas'), ',')::oid[]) as listed (oid)
    join pg_namespace n on n.oid = listed.oid
)
select s.name || '.' || quote_ident(c.relname) as object,
       format('%s may use it and see how many rows all tenants wrote', string_agg(r.rolname, ', ' order by r.rolname)) as detail,
       format('revoke all on sequence %s.%I from %s', s.name, c.relname,
              case when bool_or(has_sequence_privilege('public', c.oid, 'usage, select, update')) then 'public'
                   else string_agg(quote_ident(r.rolname), ', ' order by r.rolname) end) as fix
from schemas s
join pg_class c on c.relnamespace = s.oid and c.relkind = 'S'
join runtime r on r.oid <> c.relowner and has_sequence_privilege(r.oid, c.oid, 'usage, select, update')
where not exists (
    select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
group by s.name, c.relname
order by 1;
