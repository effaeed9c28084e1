-- What each runtime role may do to each tenant table, and whether policies bind it there at all.
with tables as (
    select c.oid, c.relowner, c.relrowsecurity, c.relforcerowsecurity,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = any (string_to_array(current_setting('audit.tables'), ',')::oid[])
), columns as (
    -- A table's first tenant column in the order they were named.
    select distinct on (a.attrelid) a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod) as type, a.atttypid,
           not a.attnotnull as nullable
    from pg_attribute a, unnest(string_to_array(current_setting('audit.columns'), ',')) with ordinality as wanted (name, place)
    where a.attrelid in (select oid from tables) and a.attname = wanted.name and a.attnum > 0 and not a.attisdropped
    order by a.attrelid, wanted.place
)
select t.oid as table_id, t.name as table, c.attname as column, c.type,
       format_type(base.oid, null) as base,
       (select string_agg(e.enumlabel, e'\x1f' order by e.enumsortorder) from pg_enum e where e.enumtypid = base.oid) as labels,
       c.nullable, r.oid as role_id, r.rolname as role,
       t.relrowsecurity and not r.rolsuper and not r.rolbypassrls
           and (t.relforcerowsecurity or not pg_has_role(r.oid, t.relowner, 'usage')) as bound,
       has_table_privilege(r.oid, t.oid, 'select') or has_any_column_privilege(r.oid, t.oid, 'select') as may_select,
       has_table_privilege(r.oid, t.oid, 'insert') or has_any_column_privilege(r.oid, t.oid, 'insert') as may_insert,
       has_table_privilege(r.oid, t.oid, 'update') or has_any_column_privilege(r.oid, t.oid, 'update') as may_update,
       has_table_privilege(r.oid, t.oid, 'delete') as may_delete
from tables t
join columns c on c.attrelid = t.oid
join pg_type d on d.oid = c.atttypid
join pg_type base on base.oid = case when d.typtype = 'd' then d.typbasetype else d.oid end
join pg_roles r on r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
order by t.name, r.rolname;
