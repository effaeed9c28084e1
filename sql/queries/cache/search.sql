-- May the caller search products, and of which generation is what was kept of them? The settings say in which language.
-- plan: a few rows, any way
select md5(string_agg(g.generation::text, '' order by g.part, g.slot))::uuid as generation, '' as variant
from tenant.part_generations g
where g.tenant_id = $1 and g.part = any (array['products', 'settings']) and g.tenant_id = (select registry.require('products:read'))
