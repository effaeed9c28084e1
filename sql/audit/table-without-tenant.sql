-- id: table-without-tenant
-- severity: error
-- finds: a table that belongs to a tenant table by a foreign key, but has neither tenant column nor row level security
-- why: its rows are some tenant's rows, as a line item is its order's, and every tenant's are there for all.
-- mend: give it the tenant column, a composite foreign key and a wall, or a policy that asks the parent
with recursive runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), schemas as (
    select n.oid, quote_ident(n.nspname) as name
    from unnest(string_to_array(current_setting('audit.schemas'), ',')::oid[]) as listed (oid)
    join pg_namespace n on n.oid = listed.oid
), keys as (
    select distinct k.conrelid, k.confrelid
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid and not c.relrowsecurity
    join schemas s on s.oid = c.relnamespace
    where k.contype = 'f' and k.conrelid <> k.confrelid
      and k.conrelid not in (select oid from tables)
), belongs (oid) as (
    select k.conrelid from keys k where k.confrelid in (select oid from tables)
    union
    select k.conrelid from keys k join belongs b on b.oid = k.confrelid
), reached as (
    select b.oid, string_agg(r.rolname, ', ' order by r.rolname) as roles
    from belongs b
    join runtime r on has_table_privilege(r.oid, b.oid, 'select, insert, update, delete')
                   or has_any_column_privilege(r.oid, b.oid, 'select, insert, update')
    group by b.oid
)
select s.name || '.' || quote_ident(c.relname) as object,
       format('its rows belong to those of %s; open to %s, every tenant''s at once',
              (select string_agg(quote_ident(n.nspname) || '.' || quote_ident(p.relname), ', ' order by p.relname)
               from keys k join pg_class p on p.oid = k.confrelid join pg_namespace n on n.oid = p.relnamespace
               where k.conrelid = c.oid and (p.oid in (select oid from tables) or p.oid in (select oid from belongs))),
              r.roles) as detail,
       format('add the tenant column to %s.%I, make the foreign key composite, then enable and force row level security',
              s.name, c.relname) as fix
from reached r
join pg_class c on c.oid = r.oid
join schemas s on s.oid = c.relnamespace
order by 1;
