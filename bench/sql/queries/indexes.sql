-- The catalogue's indexes that no constraint needs, the largest work first.
select c.relname as name, pg_get_indexdef(i.indexrelid) as definition
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_am a on a.oid = c.relam
where i.indrelid = any ('{tenant.products, tenant.product_tags, tenant.product_words}'::regclass[])
  and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
order by a.amname <> 'gin', i.indrelid, c.relname
