-- What is known of a table and of a role's way to it, before any row is looked at.
select format('%I.%I', n.nspname, c.relname) as quoted, quote_ident(c.relname) as alias,
       n.nspname || '.' || c.relname as name, c.relkind in ('r', 'p') as ordinary,
       not row_security_active(c.oid) and has_table_privilege(c.oid, 'select') as sees_all,
       case when not c.relrowsecurity then 'off'
            when pg_has_role($2::name, c.relowner, 'usage') and not c.relforcerowsecurity then 'owner' end as exempt,
       array(select p from unnest(array['select', 'insert', 'update', 'delete']) as p
             where has_table_privilege($2::name, c.oid, p)
                or p <> 'delete' and has_any_column_privilege($2::name, c.oid, p))
           || case when has_schema_privilege($2::name, n.oid, 'usage') then array['usage'] end as granted,
       array(select a.attname::text from pg_index i, unnest(i.indkey) with ordinality as k (attnum, place)
             join pg_attribute a on a.attnum = k.attnum
             where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid order by k.place) as key
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.oid = to_regclass($1)
