-- Keys of some tables (audit.modelled: their oids): primary, unique, exclusion, foreign, and unique indexes.
select k.conrelid as table_id, k.conname as name, k.contype::text as kind,
       (select string_agg(a.attname, e'\x1f' order by place)
        from unnest(k.conkey) with ordinality as key (number, place) join pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.number) as columns,
       nullif(k.confrelid, 0) as target_id,
       (select string_agg(a.attname, e'\x1f' order by place)
        from unnest(k.confkey) with ordinality as key (number, place) join pg_attribute a on a.attrelid = k.confrelid and a.attnum = key.number) as target_columns,
       k.confdeltype::text as on_delete
from pg_constraint k
where k.conrelid = any (string_to_array(current_setting('audit.modelled'), ',')::oid[]) and k.contype in ('p', 'u', 'x', 'f') and k.conparentid = 0
union all
select i.indrelid, c.relname, 'u',
       -- An expression's columns are found among what the index depends on.
       coalesce((select string_agg(distinct a.attname::text, e'\x1f')
                 from pg_depend d join pg_attribute a on a.attrelid = i.indrelid and a.attnum = d.refobjsubid
                 where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.refclassid = 'pg_class'::regclass and d.refobjid = i.indrelid and d.refobjsubid > 0), ''),
       null, null, ''
from pg_index i
join pg_class c on c.oid = i.indexrelid
where i.indrelid = any (string_to_array(current_setting('audit.modelled'), ',')::oid[]) and i.indisunique
  and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
order by 1, 3, 2;
