-- Columns of some tables (audit.modelled: their oids), with what is needed to make up a value.
select a.attrelid as table_id, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       coalesce(nullif(b.typbasetype, 0), b.oid)::regtype::text as base, coalesce(d.typtype, b.typtype) as kind, b.typcategory as category,
       case when a.atttypmod > 4 and b.typname in ('varchar', 'bpchar') then a.atttypmod - 4 end as length,
       a.attnotnull as required, a.atthasdef or a.attidentity <> '' as has_default,
       a.attgenerated <> '' or a.attidentity = 'a' as generated,
       (select string_agg(e.enumlabel, e'\x1f' order by e.enumsortorder) from pg_enum e where e.enumtypid = b.oid) as labels,
       (select string_agg(pg_get_constraintdef(c.oid), ' ')
        from pg_constraint c
        where c.contype = 'c' and (c.conrelid = a.attrelid and a.attnum = any (c.conkey) or c.contypid = a.atttypid)) as checks,
       -- What the partitions hold, for the column that decides it.
       (select string_agg(pg_get_expr(child.relpartbound, child.oid), ' ')
        from pg_partitioned_table t
        join pg_inherits i on i.inhparent = t.partrelid
        join pg_class child on child.oid = i.inhrelid
        where t.partrelid = a.attrelid and a.attnum = any (t.partattrs::int2[])) as bounds,
       has_column_privilege(current_setting('audit.role'), a.attrelid, a.attnum, 'select') as may_select,
       has_column_privilege(current_setting('audit.role'), a.attrelid, a.attnum, 'insert') as may_insert,
       has_column_privilege(current_setting('audit.role'), a.attrelid, a.attnum, 'update') as may_update,
       has_table_privilege(current_setting('audit.role'), a.attrelid, 'delete') as may_delete,
       has_schema_privilege(current_setting('audit.role'), r.relnamespace, 'usage') as may_look
from pg_attribute a
join pg_class r on r.oid = a.attrelid
join pg_type d on d.oid = a.atttypid
join pg_type b on b.oid = case when d.typtype = 'd' then d.typbasetype else d.oid end
where a.attrelid = any (string_to_array(current_setting('audit.modelled'), ',')::oid[]) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum;
