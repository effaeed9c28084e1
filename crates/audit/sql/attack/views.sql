-- Views, materialized views and foreign tables that a role (audit.role) may read and that stand, directly or
-- through others, on a tenant table; foreign tables whatever they stand on.
with recursive reads as (
    select r.ev_class as viewer, d.refobjid as read
    from pg_rewrite r
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
), viewers as (
    select viewer from reads where read = any (string_to_array(current_setting('audit.tables'), ',')::oid[])
    union
    select reads.viewer from reads join viewers on viewers.viewer = reads.read
)
select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, c.relkind as kind
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.oid = any (string_to_array(current_setting('audit.schemas'), ',')::oid[])
  and (c.relkind in ('v', 'm') and c.oid in (select viewer from viewers) or c.relkind = 'f')
  and has_schema_privilege(current_setting('audit.role'), n.oid, 'usage')
  and (has_table_privilege(current_setting('audit.role'), c.oid, 'select') or has_any_column_privilege(current_setting('audit.role'), c.oid, 'select'))
order by name;
