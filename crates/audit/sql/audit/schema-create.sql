-- id: schema-create
-- severity: error
-- finds: a schema in which a runtime role may create
-- why: what it creates there is found by name before what was meant, in functions and statements that do not
--   say the schema; and a table it makes is its own, without a wall.
-- mend: revoke create on schema … from …
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
)
select quote_ident(n.nspname) as object,
       format('%s may create in it%s', string_agg(r.rolname, ', ' order by r.rolname),
              case when bool_or(has_schema_privilege('public', n.oid, 'create')) then ', as PUBLIC may' end) as detail,
       format('revoke create on schema %I from %s', n.nspname,
              case when bool_or(has_schema_privilege('public', n.oid, 'create')) then 'public'
                   else string_agg(quote_ident(r.rolname), ', ' order by r.rolname) end) as fix
from pg_namespace n
join runtime r on r.oid <> n.nspowner and has_schema_privilege(r.oid, n.oid, 'create')
where n.nspname !~ '^pg_(temp|toast)'
group by n.oid, n.nspname
order by 1;
