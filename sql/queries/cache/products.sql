-- May the caller read products, and of which generation is what was kept of them? Asked before any of it is served.
-- plan: a few rows, any way
select md5(string_agg(g.generation::text, '' order by g.slot))::uuid as generation, '' as variant
from tenant.part_generations g
where g.tenant_id = $1 and g.part = 'products' and g.tenant_id = (select registry.require('products:read'))
